// SPDX-License-Identifier: Apache-2.0
//
// What a UPS server sends: the first byte chooses the request, the second the size of the pieces that arrive. What is
// taken must be within the bounds, and not depend on how it was cut.

import Wire

extension Targets {
    /// A request, a size, and the server's answer.
    @Sendable static func nut(_ input: [UInt8]) {
        guard input.count > 2 else { return }
        let requests: [NUTReply.Request] = [.command, .devices, .variables("su700")]
        let request = requests[Int(input[0]) % requests.count]
        let answer = input[2...]
        let whole = reply(request, answer, step: answer.count)
        let pieces = reply(request, answer, step: Int(input[1]) + 1)
        precondition(whole == pieces, "another answer from other pieces")
        for line in answer.split(separator: UInt8(ascii: "\n")) {
            // With a word more the line must not be beyond what a line may have.
            guard let words = try? NUTLine.words(line), let first = words.first, words.count < 16 else {
                continue
            }
            let plain = words.allSatisfy { $0.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f } }
            guard plain, let text = NUTLine.request("X", words) else { continue }
            let again = try? NUTLine.words(text.dropLast())
            precondition(again == ["X"] + words, "other words after \(first)")
        }
    }

    private static func reply(
        _ request: NUTReply.Request,
        _ bytes: ArraySlice<UInt8>,
        step: Int
    ) -> NUTReply? {
        var lines = NUTLines()
        var reply = NUTReply(to: request)
        var start = bytes.startIndex
        while start < bytes.endIndex {
            let end = min(start + step, bytes.endIndex)
            lines.append(bytes[start..<end])
            start = end
            do throws(NUTError) {
                while let line = try lines.next() {
                    if try reply.take(line) { return reply }
                    precondition(reply.entries.count <= NUTReply.variableLimit, "more than the limit")
                }
            } catch {
                return nil
            }
        }
        return nil
    }
}
