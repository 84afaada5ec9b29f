// SPDX-License-Identifier: Apache-2.0
//
// How far a destination has come, as kept in the state store under its name, all little-endian:
//
//     version u8 = 1 │ sequence u64 │ last success, ms since 1970, i64 (Int64.min: never)

internal import Bytes
internal import Samples

struct CursorRecord: Sendable, Equatable {
    /// The table of the state store.
    static let table = "sync_cursors"

    /// Everything before was accepted by the destination, or given up.
    var position: LogPosition
    /// When the destination last accepted something.
    var lastSuccess: Timestamp?

    init(position: LogPosition, lastSuccess: Timestamp?) {
        self.position = position
        self.lastSuccess = lastSuccess
    }

    /// Reads a record; nil for one that is damaged or of another version.
    init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard let version = try? reader.byte(), version == 1, let sequence = try? reader.integer(UInt64.self),
            let success = try? reader.integer(Int64.self), reader.isAtEnd
        else { return nil }
        position = LogPosition(sequence: sequence)
        lastSuccess = success == .min ? nil : Timestamp(milliseconds: success)
    }

    var bytes: [UInt8] {
        var out: [UInt8] = [1]
        out.append(littleEndian: position.sequence)
        out.append(littleEndian: lastSuccess?.milliseconds ?? .min)
        return out
    }
}
