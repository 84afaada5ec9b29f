// SPDX-License-Identifier: Apache-2.0
//
// The ring of segments on disk: a few files of equal size, written one after the other and then over again, the
// oldest segments giving way. There is no list of segments on disk that could be lost; RingScan finds them.
//
// Files are told apart by what is in them, not by their numbers: when a file is full the next one is a new one as long
// as there are fewer than configured, and then the one with the oldest segments. So a ring whose bounds were changed
// goes on: files that are too many or too large are left as they are, new ones are written with the new bounds, and of
// the whole the oldest segments give way until it fits.
//
// Invariants: segments do not overlap; in a file they lie in order of their sequence except for one step down at the
// place of the next write; nothing is given up that is newer than something kept; files of these bounds never grow
// beyond their share of the ring.

internal import Platform
internal import Synchronization

/// Where the next segment goes, and what is in the way.
struct Ring: Sendable {
    private let files: any FileStore
    private let directory: String
    private let prefix: String
    let fileCount: Int
    let fileBytes: Int64
    /// What segments are sealed with; nil writes them plain.
    let encryption: StoreEncryption?
    private var open: [Int: any StorageFile] = [:]
    /// Files that cannot be opened or read: they are passed over, so that what may still be in them is not overwritten.
    private(set) var blocked: [Int: Blockage] = [:]

    /// Why a file is passed over.
    struct Blockage {
        let error: FileError
        /// The start could not look into it, so nobody knows what it holds.
        let lasts: Bool
    }
    /// Where the next segment goes.
    private(set) var fileNumber = 0
    private(set) var offset: Int64 = 0
    private(set) var nextSequence: UInt64 = 1
    /// Where the last segment ends that made room for the next one; may be beyond that one's end.
    private var clearedEnd: Int64 = 0
    /// Readable segments, oldest first.
    private(set) var segments: [Segment] = []
    /// The newest row of the segments this process has given up, nil when there were none.
    private(set) var givenUpThrough: UInt64?

    init(
        files: any FileStore,
        directory: String,
        prefix: String = Ring.samples,
        fileCount: Int,
        ringBytes: Int64,
        encryption: StoreEncryption? = nil
    ) {
        self.encryption = encryption
        self.files = files
        self.directory = directory
        self.prefix = prefix
        self.fileCount = fileCount
        let alignment = Int64(SegmentHeader.alignment)
        fileBytes = ringBytes / Int64(fileCount) / alignment * alignment
    }

    /// Bytes of all segments together.
    private var limit: Int64 { fileBytes * Int64(fileCount) }

    /// Numbers a file may have.
    static let numbers = 0..<1000

    /// What the files of the ring of samples begin with.
    static let samples = "ring"

    /// The name of a ring file.
    static func name(_ number: Int, prefix: String = Ring.samples) -> String {
        number < 10 ? "\(prefix)-0\(number)" : "\(prefix)-\(number)"
    }

    func name(_ number: Int) -> String { Ring.name(number, prefix: prefix) }

    func path(_ number: Int) -> String { "\(directory)/\(name(number))" }

    var bytesUsed: Int64 { segments.reduce(0) { $0 + Int64($1.storedBytes) } }

    /// The bytes that a segment of this length takes in a file.
    func storedBytes(_ length: Int) -> Int {
        SegmentHeader.padded(encryption == nil ? length : Envelope.sealedLength(length))
    }

    /// Takes over what a scan found; `segments` oldest first.
    mutating func resume(_ found: [Segment], nextSequence: UInt64) {
        segments = found
        self.nextSequence = nextSequence
        guard let newest = found.last else { return }
        fileNumber = newest.fileNumber
        offset = newest.offset + Int64(newest.storedBytes)
    }

    /// Chooses the place of a segment and gives up what lies there.
    ///
    /// - Parameter length: bytes of the segment without padding.
    /// - Returns: the segments that are no longer readable; nil when the ring is too small for the segment.
    mutating func makeRoom(_ length: Int) -> [Segment]? {
        let size = Int64(storedBytes(length))
        guard size <= fileBytes else { return nil }
        let room = room(size)
        (fileNumber, offset) = (room.fileNumber, room.offset)
        clearedEnd = room.inTheWay.reduce(offset) { max($0, $1.offset + Int64($1.storedBytes)) }
        let gone = room.left + room.inTheWay + room.excess
        giveUp(gone)
        // The bytes of a file of these bounds stay: writing over them needs no space on the disk.
        free(room.left.filter { $0.offset + Int64($0.storedBytes) > fileBytes } + room.excess, size)
        return gone
    }

    /// What `makeRoom` would give up.
    func inTheWay(of length: Int) -> [Segment] {
        let room = room(Int64(storedBytes(length)))
        return room.left + room.inTheWay + room.excess
    }

    /// Where a segment goes, and what gives way to it.
    private struct Room {
        var fileNumber: Int
        var offset: Int64
        /// What an earlier round left behind in the file that is full: older than the whole next file.
        var left: [Segment] = []
        var inTheWay: [Segment] = []
        /// The oldest ones that are too much for the ring; none unless its bounds were changed.
        var excess: [Segment] = []
    }

    private func room(_ size: Int64) -> Room {
        var room = Room(fileNumber: fileNumber, offset: offset)
        var kept = segments
        // A file of larger bounds is gone through to its end, so that what is left of an earlier round goes in order.
        let end = kept.filter { $0.fileNumber == fileNumber && $0.offset >= offset }
            .reduce(fileBytes) { max($0, $1.offset + Int64($1.storedBytes)) }
        let isLeft = offset + size > end || blocked[fileNumber] != nil
        if isLeft {
            room.left = kept.filter { $0.fileNumber == fileNumber && $0.offset >= offset }
            kept.removeAll { $0.fileNumber == fileNumber && $0.offset >= offset }
            room.excess = excess(&kept, size, current: nil)
            (room.fileNumber, room.offset) = (nextFile(kept), 0)
        }
        let (number, start) = (room.fileNumber, room.offset)
        let isInTheWay: (Segment) -> Bool = {
            $0.fileNumber == number && $0.offset < start + size && $0.offset + Int64($0.storedBytes) > start
        }
        room.inTheWay = room.excess.filter(isInTheWay) + kept.filter(isInTheWay)
        room.excess.removeAll(where: isInTheWay)
        kept.removeAll(where: isInTheWay)
        if !isLeft { room.excess = excess(&kept, size, current: number) }
        return room
    }

    /// Takes the oldest segments away that are too much beside a new one; none within the bounds they were written
    /// with, except what the new one overwrites.
    private func excess(_ kept: inout [Segment], _ size: Int64, current: Int?) -> [Segment] {
        var used: [Int: (bytes: Int64, end: Int64)] = [:]
        for segment in kept {
            let known = used[segment.fileNumber, default: (0, 0)]
            used[segment.fileNumber] = (
                known.bytes + Int64(segment.storedBytes),
                max(known.end, segment.offset + Int64(segment.storedBytes))
            )
        }
        // The end of a full file, where no segment had room, is used too: or there would always be a file too many.
        var total = size
        for (number, file) in used where number != current {
            let isFull = file.end > fileBytes / 8 * 7 || number == fileNumber
            total += file.bytes + (isFull ? max(0, fileBytes - file.end) : 0)
        }
        if let current { total += used[current]?.bytes ?? 0 }
        let bytes = total
        var given: Int64 = 0
        let gone = kept.prefix { segment in
            guard bytes - given > limit else { return false }
            given += Int64(segment.storedBytes)
            // With its last segment the end of a file is free again.
            used[segment.fileNumber]?.bytes -= Int64(segment.storedBytes)
            if let file = used[segment.fileNumber], file.bytes == 0, file.end > fileBytes / 8 * 7 {
                given += max(0, fileBytes - file.end)
            }
            return true
        }
        kept.removeFirst(gone.count)
        return Array(gone)
    }

    /// Gives the space of segments back that are not about to be overwritten.
    private mutating func free(_ gone: [Segment], _ size: Int64) {
        for number in Set(gone.map { $0.fileNumber }) where blocked[number] == nil {
            let isCurrent = number == fileNumber
            let end = segments.filter { $0.fileNumber == number }
                .reduce(isCurrent ? offset + size : 0) { max($0, $1.offset + Int64($1.storedBytes)) }
            guard end > 0 else {
                try? files.remove(path(number))
                open[number] = nil
                continue
            }
            guard let file = open[number] else { continue }
            for segment in gone where segment.fileNumber == number {
                try? file.discard(at: segment.offset, count: Int64(segment.storedBytes))
            }
            if end <= fileBytes, let size = try? file.size(), size > fileBytes {
                try? file.truncate(to: fileBytes)
            }
        }
    }

    /// Where a segment was written.
    struct Place {
        let file: any StorageFile
        let offset: Int64
        let sequence: UInt64
    }

    /// Writes a segment to the place made for it and makes it durable.
    ///
    /// Each try has a number of its own, so that of two copies the one that counts is the newer.
    mutating func write(_ sealed: SealedSegment) throws(FileError) -> Place {
        try write { sealed.bytes(ringSequence: $0) }
    }

    mutating func write(_ bytes: (_ ringSequence: UInt64) -> [UInt8]) throws(FileError) -> Place {
        let file = try file(fileNumber)
        let sequence = nextSequence
        nextSequence += 1
        let plain = bytes(sequence)
        guard let key = encryption?.key else {
            try write(plain, to: file)
            return Place(file: file, offset: offset, sequence: sequence)
        }
        // The padding is left out; never anything but an envelope is written.
        let length = SegmentHeader(plain)?.length ?? plain.count
        let (envelope, sealed) = Envelope.seal(plain.prefix(length), with: key)
        var stored = sealed
        stored.append(
            contentsOf: repeatElement(0, count: SegmentHeader.padded(stored.count) - stored.count)
        )
        try write(stored, to: file)
        let readable = EnvelopeFile(file, at: offset, envelope, key)
        return Place(file: readable, offset: offset, sequence: sequence)
    }

    private func write(_ stored: [UInt8], to file: any StorageFile) throws(FileError) {
        do throws(FileError) {
            try file.write(stored, at: offset)
            try file.syncData()
        } catch {
            // What was written may be whole all the same, and a start would take the older segments behind it for
            // given up. The next sync of the file makes this durable.
            let zeros = [UInt8](repeating: 0, count: min(stored.count, SegmentHeader.size))
            try? file.write(zeros, at: offset)
            throw error
        }
    }

    /// Notes a written segment and moves on.
    mutating func advance(_ segment: Segment) {
        segments.append(segment)
        offset += Int64(segment.storedBytes)
    }

    /// Passes over the place that refused a write.
    ///
    /// Without space the ring ends where the files end now: writing goes on over the oldest segments.
    mutating func skip(_ length: Int, after error: FileError) -> [Segment] {
        guard error.isOutOfSpace else {
            // Never on in the middle of an old segment: its header would still be found, and hide the new one's.
            offset = max(offset + Int64(storedBytes(length)), clearedEnd)
            return offset >= fileBytes || blocked[fileNumber] != nil ? moveToFile(nextFile(segments)) : []
        }
        let existing = oldestFile(segments) ?? fileNumber
        return moveToFile(existing)
    }

    /// Goes back to a place that refused a write, for the next try: a device that refuses everything must not cost
    /// more than the segments around one place.
    mutating func goBack(toFile number: Int, offset place: Int64) {
        (fileNumber, offset) = (number, place)
    }

    /// Opens a ring file, creating it when missing.
    mutating func file(_ number: Int) throws(FileError) -> any StorageFile {
        if let blockage = blocked[number] { throw blockage.error }
        if let known = open[number] { return known }
        let file: any StorageFile
        do throws(FileError) {
            file = try files.open(path(number), .create)
        } catch {
            // Without space there is nothing in it yet.
            if !error.isOutOfSpace { block(number, error, lasts: false) }
            throw error
        }
        try files.syncDirectory(directory)
        open[number] = file
        return file
    }

    /// Opens a ring file that exists, for looking into it.
    mutating func existingFile(_ number: Int) throws(FileError) -> any StorageFile {
        let file = try files.open(path(number), .create)
        // Where its name is not durable nothing was written to it; it is tried again before that.
        if (try? files.syncDirectory(directory)) != nil { open[number] = file }
        return file
    }

    /// Passes a file over until `unblock`; segments found in it before can still be read.
    mutating func block(_ number: Int, _ error: FileError, lasts: Bool) {
        blocked[number] = Blockage(error: error, lasts: lasts)
    }

    mutating func unblock(_ number: Int) {
        blocked[number] = nil
    }

    /// Lets go of a file whose name is gone or names another one; the next write creates it.
    mutating func close(_ number: Int) {
        open[number] = nil
    }

    /// The files that were opened, ascending.
    var opened: [(number: Int, file: any StorageFile)] {
        open.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// The file that is written when the current one is full, given the segments that are still there then.
    private func nextFile(_ kept: [Segment]) -> Int {
        let occupied = Set(kept.map { $0.fileNumber })
        let used = occupied.union(blocked.keys).union([fileNumber])
        let isOfOtherBounds =
            occupied.count > fileCount || kept.contains { $0.offset + Int64($0.storedBytes) > fileBytes }
        if used.count < fileCount || isOfOtherBounds,
            let fresh = Ring.numbers.first(where: { !used.contains($0) })
        {
            return fresh
        }
        return oldestFile(kept) ?? fileNumber
    }

    /// The file with the oldest segment, without the current one and those that are passed over.
    private func oldestFile(_ kept: [Segment]) -> Int? {
        kept.first { $0.fileNumber != fileNumber && blocked[$0.fileNumber] == nil }?.fileNumber
    }

    private mutating func moveToFile(_ number: Int) -> [Segment] {
        // What an earlier round left behind this place is the oldest of all, older than the whole next file.
        let left = segments.filter { $0.fileNumber == fileNumber && $0.offset >= offset }
        giveUp(left)
        fileNumber = number
        offset = 0
        return left
    }

    private mutating func giveUp(_ gone: [Segment]) {
        guard !gone.isEmpty else { return }
        let names = Set(gone.map { ObjectIdentifier($0) })
        for segment in gone {
            segment.isEvicted.store(true, ordering: .releasing)
            givenUpThrough = max(givenUpThrough ?? 0, segment.maxSequence)
        }
        segments.removeAll { names.contains(ObjectIdentifier($0)) }
    }
}
