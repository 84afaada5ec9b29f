// SPDX-License-Identifier: Apache-2.0
//
// Groups of targets as files and servers write them, in JSON (Prometheus' discovery/targetgroup and its documentation
// of http_sd):
//
//     [{"targets": ["10.0.0.1:9100", …], "labels": {"site": "a", …}}, …]
//
// Read without a tree: a body of 32 MiB may hold ten million empty strings.

public import Bytes
public import Samples

/// Some targets that share labels.
public struct TargetGroupMessage: Sendable, Equatable {
    /// Addresses.
    public var targets: [String] = []
    /// Labels of all of them.
    public var labels = Labels()

    /// Creates an empty group.
    public init() {}
}

/// Reads groups of targets.
public enum TargetGroupsReader {
    /// Targets of one document; more than a gateway can scrape.
    public static let targetLimit = 20_000
    /// Groups of one document.
    public static let groupLimit = 20_000

    /// Reads a document.
    ///
    /// - Parameter bytes: the document, UTF-8.
    /// - Returns: the groups in their order.
    /// - Throws: `CorruptionError` with the offset of what is wrong: no JSON, an unknown member, a value of another type,
    ///   a group that is null, a label without a name, too many targets.
    public static func parse(_ bytes: [UInt8]) throws(CorruptionError) -> [TargetGroupMessage] {
        var cursor = JSONCursor(bytes: bytes)
        var groups: [TargetGroupMessage] = []
        var targets = 0
        cursor.skipBlanks()
        // As Go reads `null` into a list.
        if !cursor.isNull() {
            guard cursor.current == UInt8(ascii: "[") else { throw cursor.error("a list of target groups") }
            try cursor.elements { cursor throws(CorruptionError) in
                guard groups.count < groupLimit else { throw cursor.error("at most \(groupLimit) groups") }
                let group = try self.group(&cursor, &targets)
                groups.append(group)
            }
        }
        cursor.skipBlanks()
        guard cursor.offset == bytes.count else { throw cursor.error("the end of the document") }
        return groups
    }

    private static func group(
        _ cursor: inout JSONCursor,
        _ count: inout Int
    ) throws(CorruptionError) -> TargetGroupMessage {
        guard cursor.current == UInt8(ascii: "{") else { throw cursor.error("a target group") }
        var group = TargetGroupMessage()
        var total = count
        try cursor.members { cursor, name throws(CorruptionError) in
            switch name {
            case "targets":
                // Of several members with one name the last counts.
                group.targets = []
                guard !cursor.isNull() else { return }
                guard cursor.current == UInt8(ascii: "[") else { throw cursor.error("a list of targets") }
                try cursor.elements { cursor throws(CorruptionError) in
                    guard cursor.current == UInt8(ascii: "\"") else {
                        throw cursor.error("a target in quotes")
                    }
                    guard total < targetLimit else { throw cursor.error("at most \(targetLimit) targets") }
                    total += 1
                    group.targets.append(try cursor.string())
                }
            case "labels":
                group.labels = Labels()
                guard !cursor.isNull() else { return }
                group.labels = try labels(&cursor)
            default: throw cursor.error("\"targets\" or \"labels\", not \(Labels.quoted(name))")
            }
        }
        count = total
        return group
    }

    private static func labels(_ cursor: inout JSONCursor) throws(CorruptionError) -> Labels {
        guard cursor.current == UInt8(ascii: "{") else { throw cursor.error("labels") }
        var builder = LabelsBuilder()
        try cursor.members { cursor, name throws(CorruptionError) in
            guard !name.isEmpty else { throw cursor.error("a label with a name") }
            guard cursor.current == UInt8(ascii: "\"") else {
                throw cursor.error("a label's value in quotes")
            }
            builder.set(name, try cursor.string())
        }
        return builder.labels()
    }
}

extension JSONCursor {
    /// Takes a `null`, if one is here.
    fileprivate mutating func isNull() -> Bool {
        guard bytes[offset...].starts(with: "null".utf8) else { return false }
        offset += 4
        return true
    }
}
