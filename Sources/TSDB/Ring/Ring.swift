// SPDX-License-Identifier: Apache-2.0
//
// The ring of segments on disk: a few files of equal size, written one after the other and then over again, the
// oldest segments giving way. There is no list of segments on disk that could be lost; RingScan finds them.
//
// Invariants: segments do not overlap; in a file they lie in order of their sequence except for one step down at the
// place of the next write; files never grow beyond their share of the ring.

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
        var evicted: [Segment] = []
        if offset + size > fileBytes || blocked[fileNumber] != nil { evicted += moveToFile(nextFile) }
        let inTheWay = evict { [fileNumber, offset] in
            $0.fileNumber == fileNumber && $0.offset < offset + size
                && $0.offset + Int64($0.storedBytes) > offset
        }
        clearedEnd = inTheWay.reduce(offset) { max($0, $1.offset + Int64($1.storedBytes)) }
        return evicted + inTheWay
    }

    /// What `makeRoom` would give up.
    func inTheWay(of length: Int) -> [Segment] {
        let size = Int64(storedBytes(length))
        let moves = offset + size > fileBytes || blocked[fileNumber] != nil
        let (file, start) = moves ? (nextFile, 0) : (fileNumber, offset)
        return segments.filter {
            let isLeft = moves && $0.fileNumber == fileNumber && $0.offset >= offset
            return isLeft
                || ($0.fileNumber == file && $0.offset < start + size
                    && $0.offset + Int64($0.storedBytes) > start)
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
            return offset >= fileBytes || blocked[fileNumber] != nil ? moveToFile(nextFile) : []
        }
        let existing = (1...fileCount).map { (fileNumber + $0) % fileCount }
            .first { number in
                blocked[number] == nil && segments.contains { $0.fileNumber == number }
            }
        return moveToFile(existing ?? fileNumber)
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

    /// The file after the current one in the rotation that is not blocked; the current one when all others are.
    private var nextFile: Int {
        (1...fileCount).map { (fileNumber + $0) % fileCount }.first { blocked[$0] == nil } ?? fileNumber
    }

    private mutating func moveToFile(_ number: Int) -> [Segment] {
        // What an earlier round left behind this place is the oldest of all, older than the whole next file.
        let left = evict { [fileNumber, offset] in $0.fileNumber == fileNumber && $0.offset >= offset }
        fileNumber = number
        offset = 0
        return left
    }

    private mutating func evict(_ isGone: (Segment) -> Bool) -> [Segment] {
        let gone = segments.filter(isGone)
        guard !gone.isEmpty else { return [] }
        for segment in gone {
            segment.isEvicted.store(true, ordering: .releasing)
            givenUpThrough = max(givenUpThrough ?? 0, segment.maxSequence)
        }
        segments.removeAll(where: isGone)
        return gone
    }
}
