// SPDX-License-Identifier: Apache-2.0
//
// What tells where targets are: lists in JSON, answers of name servers.

import Foundation
import Samples

@testable import Wire

extension Targets {
    /// The bytes are groups of targets.
    ///
    /// What is taken must also be JSON to the reader of everything, and no more targets
    /// than bytes.
    @Sendable static func targetGroups(_ input: [UInt8]) {
        guard let groups = try? TargetGroupsReader.parse(input) else { return }
        let targets = groups.reduce(0) { $0 + $1.targets.count }
        precondition(targets <= min(input.count, TargetGroupsReader.targetLimit), "more targets than bytes")
        precondition((try? JSONReader.parse(input)) != nil, "groups in something that is no JSON")
    }

    /// The bytes are an answer behind two of choice.
    ///
    /// These are the type asked for, and whether number and question are put right so
    /// that the records are reached.
    @Sendable static func dns(_ input: [UInt8]) {
        guard input.count > 2 else { return }
        let type = DNSType.allCases[Int(input[0]) % DNSType.allCases.count]
        guard let query = DNSQuery("a.example", type, id: 0x1234, saysSize: input[1] & 2 != 0) else { return }
        var bytes = Array(input[2...])
        if input[1] & 1 != 0 {
            let head: [UInt8] = [0x12, 0x34, 0x81, 0x80, 0, 1, 0x00, 0xff, 0, 0, 0, 0]
            bytes = head + query.question + bytes
        }
        guard let answer = try? DNSAnswer(bytes, to: query) else { return }
        precondition(answer.records.count <= DNSAnswer.recordLimit, "too many records")
        for record in answer.records {
            // A name of 255 bytes, each written as a backslash and three digits.
            let text =
                switch record {
                case .address(let text), .server(let text): text
                case .service(let target, _): target
                }
            precondition(!text.isEmpty && text.utf8.count <= 1020, "a name that is too long")
        }
    }
}
