// SPDX-License-Identifier: Apache-2.0
//
// The log file behind a staging file in shared memory. A page that still fills is written with every append; on flash
// each of those writes costs a page and, within seconds, a commit of the file system's journal (docs/decisions/0010).
// So pages grow in memory that outlives the process and go to flash when they are synced, a few at a time.
//
//     staging file   witness (24 bytes) · table of 64 places × u64 · pages, from byte 4096 on
//     place          0: free · else offset in the log + (length − 1), the offset being a multiple of 4096
//     witness        magic, offset, length and CRC32C of a page in the log: proves that the staging belongs to this
//                    log; two of them, because the page may be about to be written again
//
// Invariants: a page that a write returned for is in the log or in a place; a kill between any two steps leaves the
// page as it was before or after the write, because every step is one write within one page of memory; a place is
// freed only after its page was written to the log; one of the witnesses holds at every moment.

internal import Bytes
internal import Logging
internal import Platform
internal import Synchronization

/// A file whose newest pages are in shared memory.
final class StagedFile: StorageFile {
    /// Pages that can wait: 256 KiB; beyond, they go to the log unsynced.
    static let places = 64
    static let pageBytes = LogPage.size

    private static let magic: UInt64 = 0x3130_4753_4c57_4445  // "EDWLSG01" in file order
    private static let witnessBytes = 24
    private static let tableOffset: Int64 = 512

    /// A page waiting in the staging file.
    private struct Waiting {
        var offset: Int64
        var bytes: [UInt8]
    }

    private struct State {
        /// By place; nil when free.
        var waiting = [Waiting?](repeating: nil, count: StagedFile.places)
        var placeOf: [Int64: Int] = [:]
        /// Writing to shared memory failed; everything goes to the log until the next start.
        var isBypassed = false
        /// Where the page is that the newest witness names, and which of the two it is.
        var witnessed: (offset: Int64, number: Int64) = (-1, 1)
    }

    private let log: any StorageFile
    private let staging: any StorageFile
    private let state = Mutex(State())
    /// Bytes written to the log.
    let flashBytes: Counter
    /// Pages taken from the staging file when it was opened.
    let recoveredPages: Int

    /// Joins a log with its staging file, and first brings what an earlier process left there into the log.
    ///
    /// - Throws: `FileError` when the staging file cannot be used; the caller then uses the log alone.
    init(log: any StorageFile, staging: any StorageFile, flashBytes: Counter) throws(FileError) {
        self.log = log
        self.staging = staging
        self.flashBytes = flashBytes
        let size = Int64(StagedFile.places + 1) * Int64(StagedFile.pageBytes)
        let found = try StagedFile.left(log, staging)
        recoveredPages = found.count
        for page in found { try log.write(page.bytes, at: page.offset) }
        // Durable before the places are given up, and before anything is read back.
        if !found.isEmpty { try log.syncData() }
        try staging.write([UInt8](repeating: 0, count: StagedFile.pageBytes), at: 0)
        // Written once in full, so that memory is short now and not at an append.
        if try staging.size() != size {
            let zeros = [UInt8](repeating: 0, count: StagedFile.pageBytes)
            for place in 1...StagedFile.places {
                try staging.write(zeros, at: Int64(place) * Int64(StagedFile.pageBytes))
            }
        }
    }

    /// Bytes of the log.
    func size() throws(FileError) -> Int64 { try log.size() }

    /// Reads the log with what waits on top.
    func read(at offset: Int64, count: Int) throws(FileError) -> [UInt8] {
        var bytes = try log.read(at: offset, count: count)
        state.withLock { state in
            for case .some(let page) in state.waiting {
                let start = page.offset - offset
                guard start < Int64(bytes.count), start + Int64(page.bytes.count) > 0 else { continue }
                for (index, byte) in page.bytes.enumerated() {
                    let place = start + Int64(index)
                    if place >= 0, place < Int64(bytes.count) { bytes[Int(place)] = byte }
                }
            }
        }
        return bytes
    }

    /// Writes a page to its place; anything else, and everything when memory fails, to the log.
    func write(_ bytes: RawSpan, at offset: Int64) throws(FileError) {
        let count = bytes.byteCount
        let isPage = count > 0 && count <= StagedFile.pageBytes && offset % Int64(StagedFile.pageBytes) == 0
        let page = unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
        try state.withLock { state throws(FileError) in
            guard isPage, !state.isBypassed else { return try writeThrough(page, at: offset, &state) }
            if state.placeOf[offset] == nil, state.placeOf.count == StagedFile.places {
                try drain(&state)
            }
            do throws(FileError) {
                try stage(page, at: offset, &state)
            } catch {
                state.isBypassed = true
                try drain(&state)
                try writeThrough(page, at: offset, &state)
            }
        }
    }

    /// Brings every waiting page into the log and makes the log durable.
    func syncData() throws(FileError) {
        try state.withLock { state throws(FileError) in try drain(&state) }
        // Outside the lock: appends go on into free places while the device works.
        try log.syncData()
    }

    /// Which file the log is.
    func identity() throws(FileError) -> FileIdentity { try log.identity() }

    /// Sets the size of the log.
    func truncate(to size: Int64) throws(FileError) { try log.truncate(to: size) }

    /// Pages that are in shared memory only.
    var waitingPages: Int { state.withLock { $0.placeOf.count } }

    // MARK: - Steps

    private func stage(_ page: [UInt8], at offset: Int64, _ state: inout State) throws(FileError) {
        let place: Int
        if let known = state.placeOf[offset] {
            place = known
        } else {
            // `drain` left one free.
            place = state.waiting.firstIndex { $0 == nil } ?? 0
        }
        try staging.write(page, at: Int64(place + 1) * Int64(StagedFile.pageBytes))
        try note(UInt64(offset) | UInt64(page.count - 1), at: place)
        state.waiting[place] = Waiting(offset: offset, bytes: page)
        state.placeOf[offset] = place
    }

    /// Writes to the log what must not be covered by an older image when the next process looks.
    private func writeThrough(_ page: [UInt8], at offset: Int64, _ state: inout State) throws(FileError) {
        flashBytes.add(page.count)
        try log.write(page, at: offset)
        if let place = state.placeOf.removeValue(forKey: offset) {
            state.waiting[place] = nil
            try? note(0, at: place)
        }
    }

    private func drain(_ state: inout State) throws(FileError) {
        var waiting = state.waiting.indices.filter { state.waiting[$0] != nil }
        // The page that bears witness now goes last: until it is written it is as it was, from then on the new
        // witness holds.
        if let current = waiting.firstIndex(where: { state.waiting[$0]?.offset == state.witnessed.offset }) {
            waiting.append(waiting.remove(at: current))
        }
        guard let last = waiting.last.flatMap({ state.waiting[$0] }) else { return }
        if !state.isBypassed {
            do throws(FileError) { try witness(last, &state) } catch { state.isBypassed = true }
        }
        for place in waiting {
            guard let page = state.waiting[place] else { continue }
            flashBytes.add(page.bytes.count)
            do throws(FileError) {
                try log.write(page.bytes, at: page.offset)
            } catch {
                if page.offset == state.witnessed.offset { witnessWhatIsThere(&state) }
                throw error
            }
        }
        state.witnessed.offset = last.offset
        for place in waiting {
            try? note(0, at: place)
            if let page = state.waiting[place] { state.placeOf[page.offset] = nil }
            state.waiting[place] = nil
        }
    }

    private func note(_ entry: UInt64, at place: Int) throws(FileError) {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: entry == 0 ? 0 : entry + 1)
        try staging.write(bytes, at: StagedFile.tableOffset + Int64(place) * 8)
    }

    /// After a refused write, which may have left a part of itself: the page is neither what it was nor what it was to be.
    private func witnessWhatIsThere(_ state: inout State) {
        let offset = state.witnessed.offset
        guard let bytes = try? log.read(at: offset, count: StagedFile.pageBytes) else { return }
        try? witness(Waiting(offset: offset, bytes: bytes), &state)
    }

    private func witness(_ page: Waiting, _ state: inout State) throws(FileError) {
        state.witnessed.number = 1 - state.witnessed.number
        var bytes: [UInt8] = []
        bytes.append(littleEndian: StagedFile.magic)
        bytes.append(littleEndian: UInt64(page.offset))
        bytes.append(littleEndian: UInt32(page.bytes.count))
        bytes.append(littleEndian: CRC32C.checksum(page.bytes))
        try staging.write(bytes, at: state.witnessed.number * Int64(StagedFile.witnessBytes))
    }

    // MARK: - What an earlier process left

    private static func left(
        _ log: any StorageFile,
        _ staging: any StorageFile
    ) throws(FileError) -> [Waiting] {
        let size = Int64(places + 1) * Int64(pageBytes)
        guard try staging.size() == size, try isWitnessed(log, staging) else { return [] }
        return try load(staging, log)
    }

    /// Images of pages that opening would bring into the log.
    static func pagesLeft(_ log: any StorageFile, _ staging: any StorageFile) throws(FileError) -> [[UInt8]] {
        try left(log, staging).map { $0.bytes }
    }

    private static func isWitnessed(
        _ log: any StorageFile,
        _ staging: any StorageFile
    ) throws(FileError) -> Bool {
        for number in 0..<2 {
            let bytes = try staging.read(at: Int64(number * witnessBytes), count: witnessBytes)
            var reader = ByteReader(bytes)
            guard (try? reader.integer(UInt64.self)) == magic, let offset = try? reader.integer(Int64.self),
                let count = try? reader.integer(UInt32.self), let checksum = try? reader.integer(UInt32.self),
                offset >= 0, count > 0, count <= UInt32(pageBytes)
            else { continue }
            let page = try log.read(at: offset, count: Int(count))
            if page.count == Int(count), CRC32C.checksum(page) == checksum { return true }
        }
        return false
    }

    private static func load(
        _ staging: any StorageFile,
        _ log: any StorageFile
    ) throws(FileError) -> [Waiting] {
        let logBytes = try log.size()
        var table = ByteReader(try staging.read(at: tableOffset, count: places * 8))
        var found: [Waiting] = []
        for place in 0..<places {
            guard let entry = try? table.integer(UInt64.self), entry > 0 else { continue }
            let offset = Int64(bitPattern: (entry - 1) & ~UInt64(pageBytes - 1))
            let count = Int((entry - 1) & UInt64(pageBytes - 1)) + 1
            guard offset >= 0, offset <= logBytes - Int64(pageBytes) else { continue }
            let bytes = try staging.read(at: Int64(place + 1) * Int64(pageBytes), count: count)
            guard bytes.count == count, isNewer(bytes, than: try? log.read(at: offset, count: pageBytes))
            else { continue }
            let page = Waiting(offset: offset, bytes: bytes)
            // A place that could not be freed has an earlier image.
            if let same = found.firstIndex(where: { $0.offset == offset }) {
                if isLater(page, than: found[same]) { found[same] = page }
            } else {
                found.append(page)
            }
        }
        return found
    }

    /// Whether an image of a slot is later than another one: a page only grows.
    private static func isLater(_ page: Waiting, than other: Waiting) -> Bool {
        let sequences = [page, other].map { LogPage.header($0.bytes)?.sequence ?? 0 }
        return (sequences[0], page.bytes.count) > (sequences[1], other.bytes.count)
    }

    /// Whether a page is a later state of what is in its slot, or of a later round: a process without a staging file
    /// may have come between.
    private static func isNewer(_ page: [UInt8], than slot: [UInt8]?) -> Bool {
        // Not whole when the process died between writing the page and noting its length; its records are.
        guard let header = LogPage.header(page) else { return false }
        guard let slot, let old = LogPage.header(slot), old.isWhole, old.sequence >= header.sequence else {
            return true
        }
        let used = LogPage.headerSize..<old.length
        return old.sequence == header.sequence && old.length <= page.count && slot[used] == page[used]
    }
}

extension StagedFile {
    /// The log behind a staging file when there is to be one and it can be used, else the log itself.
    static func join(
        _ log: any StorageFile,
        _ options: StoreOptions,
        _ files: any FileStore,
        flashBytes: Counter,
        logger: Logger
    ) -> any StorageFile {
        for path in options.unusedStagingPaths { bringBack(path, into: log, files, flashBytes, logger) }
        guard let path = options.usedStagingPath else { return log }
        do throws(FileError) {
            return try join(log, path, files, flashBytes)
        } catch {}
        do throws(FileError) {
            // A failure may have been chance, and rows that were acknowledged may be nowhere else.
            return try join(log, path, files, flashBytes)
        } catch {
            logger.warning(
                "no staging file in shared memory; every append is written to flash",
                metadata: ["error": "\(error)"]
            )
            // The log goes on without it; a later start must not bring its pages back.
            try? files.remove(path)
            return log
        }
    }

    /// Brings what an earlier process left into the log, which goes on without a staging file.
    private static func bringBack(
        _ path: String,
        into log: any StorageFile,
        _ files: any FileStore,
        _ flashBytes: Counter,
        _ logger: Logger
    ) {
        var failure: FileError?
        // Once more, for it may have been chance.
        for _ in 0..<2 {
            do throws(FileError) {
                _ = try files.open(path, .read)
                _ = try join(log, path, files, flashBytes)
                return try files.remove(path)
            } catch {
                if error.isMissing { return }
                failure = error
            }
        }
        logger.error(
            "what a killed process left in shared memory cannot be brought into the log",
            metadata: ["file": "\(path)", "error": "\(failure.map { "\($0)" } ?? "")"]
        )
    }

    private static func join(
        _ log: any StorageFile,
        _ path: String,
        _ files: any FileStore,
        _ flashBytes: Counter
    ) throws(FileError) -> StagedFile {
        let staging = try files.open(path, .createPrivate)
        return try StagedFile(log: log, staging: staging, flashBytes: flashBytes)
    }
}
