// SPDX-License-Identifier: Apache-2.0
//
// Copies of what could not be read, beside the files it was in: `ring-00-12288-1a2b3c4d-7.damaged` is the seventh
// copy, from byte 12288 of ring-00, with that CRC32C. The ring and the log go on over the damaged place; the copy is
// for whoever wants to know what happened, and may be removed at any time.
//
// Bounded in number and bytes, the oldest giving way; the same bytes are kept once; a copy that cannot be made is
// done without, for it must never keep a store from opening.

internal import Bytes
internal import Logging
internal import Platform

/// Keeps damaged parts of files aside.
struct Quarantine {
    /// What was copied.
    private(set) var copies = 0
    private(set) var bytes = 0

    private static let ending = ".damaged"
    /// Files at most.
    private static let countLimit = 64
    /// Bytes at most, unless the ring is so small that its share is less.
    private static let byteLimit: Int64 = 16 << 20
    /// The share of the ring that copies may take besides it.
    private static let ringShare: Int64 = 64
    /// Room for a page or two also in the smallest ring.
    private static let byteMinimum: Int64 = 64 << 10

    private struct Copy {
        var name: String
        var number: Int
        var size: Int64
    }

    private let files: any FileStore
    private let directory: String
    private let limit: Int64
    private let logger: Logger
    private var kept: [Copy] = []

    init(_ files: any FileStore, _ options: StoreOptions, existing: Set<String>, logger: Logger) {
        self.files = files
        directory = options.directory
        self.logger = logger
        let share = options.ringBytes / Quarantine.ringShare
        limit = max(Quarantine.byteMinimum, min(Quarantine.byteLimit, share))
        for name in existing where name.hasSuffix(Quarantine.ending) {
            let parts = name.dropLast(Quarantine.ending.count).split(separator: "-")
            // A log put aside whole is not ours to remove.
            guard parts.count > 3, let number = parts.last.flatMap({ Int($0) }) else { continue }
            let file = try? files.open("\(directory)/\(name)", .read)
            kept.append(Copy(name: name, number: number, size: (try? file?.size()) ?? 0))
        }
        kept.sort { $0.number < $1.number }
    }

    /// Copies a part of a file, unless it is all zeros or kept already.
    ///
    /// - Parameters:
    ///   - file: the file.
    ///   - name: its name.
    ///   - offset: where the part begins.
    ///   - length: its bytes; beyond the limit they are left out.
    ///   - what: what is wrong with it, for the log; nil when the caller says so.
    mutating func keep(
        _ file: any StorageFile,
        _ name: String,
        at offset: Int64,
        length: Int,
        _ what: String?
    ) {
        let wanted = Int(min(Int64(length), limit))
        guard let read = try? file.read(at: offset, count: wanted),
            let end = read.lastIndex(where: { $0 != 0 })
        else { return }
        let part = Array(read[...end])
        let prefix = "\(name)-\(offset)-\(Quarantine.hexadecimal(CRC32C.checksum(part)))-"
        guard !kept.contains(where: { $0.name.hasPrefix(prefix) }) else { return }
        let number = (kept.last?.number ?? 0) + 1
        let copy = "\(prefix)\(number)\(Quarantine.ending)"
        makeRoom(Int64(part.count))
        do throws(FileError) {
            // What the store needs itself goes first.
            guard try files.freeBytes(directory) > Int64(part.count) * Quarantine.freeFactor else {
                throw FileError(operation: "write", path: "\(directory)/\(copy)", code: ErrorNumber.noSpace)
            }
            let target = try files.open("\(directory)/\(copy)", .create)
            kept.append(Copy(name: copy, number: number, size: Int64(part.count)))
            try target.write(part, at: 0)
            try target.syncData()
            (copies, bytes) = (copies + 1, bytes + part.count)
            guard let what else { return }
            logger.warning(
                "\(what); it is left out and a copy is kept, which may be removed",
                metadata: [
                    "file": "\(name)", "offset": "\(offset)", "bytes": "\(length)", "copy": "\(copy)",
                ]
            )
        } catch {
            try? files.remove("\(directory)/\(copy)")
            kept.removeAll { $0.name == copy }
            guard let what else { return }
            logger.warning(
                "\(what); it is left out, and a copy cannot be kept",
                metadata: [
                    "file": "\(name)", "offset": "\(offset)", "bytes": "\(length)", "error": "\(error)",
                ]
            )
        }
    }

    /// Free space in multiples of a copy's size below which none is made.
    private static let freeFactor: Int64 = 8

    private mutating func makeRoom(_ size: Int64) {
        var total = kept.reduce(0) { $0 + $1.size }
        while let oldest = kept.first, kept.count >= Quarantine.countLimit || total + size > limit {
            try? files.remove("\(directory)/\(oldest.name)")
            total -= oldest.size
            kept.removeFirst()
        }
    }

    private static func hexadecimal(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
