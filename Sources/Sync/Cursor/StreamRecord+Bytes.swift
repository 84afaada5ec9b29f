// SPDX-License-Identifier: Apache-2.0
//
// A stream's record as bytes: docs/formats/sync-state.md. What does not verify counts as none, and reading never traps.

internal import Bytes
internal import Samples

extension StreamRecord {
    private static let version: UInt8 = 2

    /// Reads a record; nil for one that is damaged, of another version, or not what a record can be.
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= 4, bytes.count <= Self.byteLimit,
            let record = try? Self.read(bytes), record.invariantViolation == nil
        else { return nil }
        self = record
    }

    var bytes: [UInt8] {
        var out: [UInt8] = [Self.version]
        out.append(littleEndian: fingerprint)
        out.append(kind)
        out.append(littleEndian: lastSuccess?.milliseconds ?? .min)
        out.append(littleEndian: boot)
        out.append(doubtful)
        out.append(littleEndian: nextNumber)
        out.append(UInt8(remaining.ranges.count))
        for range in remaining.ranges {
            out.append(littleEndian: range.ordinals.lowerBound)
            out.append(littleEndian: range.ordinals.upperBound)
            // An empty time says that none is known.
            out.append(littleEndian: range.times?.lowerBound ?? .max)
            out.append(littleEndian: range.times?.upperBound ?? .min)
            out.append(range.mode)
        }
        out.append(UInt8(recipes.count))
        for recipe in recipes { recipe.append(to: &out) }
        out.append(littleEndian: CRC32C.checksum(out.span.bytes))
        return out
    }

    private static func read(_ bytes: [UInt8]) throws(CorruptionError) -> StreamRecord {
        let body = bytes.count - 4
        var tail = ByteReader(bytes, in: body..<bytes.count)
        guard try tail.integer(UInt32.self) == CRC32C.checksum(bytes.span.extracting(first: body).bytes)
        else {
            throw CorruptionError("a record's checksum", at: body)
        }
        var reader = ByteReader(bytes, in: 0..<body)
        guard try reader.byte() == version else { throw CorruptionError("version 2", at: 0) }
        var record = StreamRecord(from: LogPosition(sequence: 0))
        record.fingerprint = try reader.integer()
        record.kind = try reader.kind()
        let success = try reader.integer(Int64.self)
        record.lastSuccess = success == .min ? nil : Timestamp(milliseconds: success)
        record.boot = try reader.integer()
        record.doubtful = try reader.byte()
        record.nextNumber = try reader.integer()
        var ranges: [OrdinalRange] = []
        for _ in 0..<(try reader.byte()) {
            let ordinals = try reader.ordinals()
            let (low, high) = (try reader.integer(Int64.self), try reader.integer(Int64.self))
            let mode = try reader.mode()
            ranges.append(OrdinalRange(ordinals: ordinals, mode: mode, times: low <= high ? low...high : nil))
        }
        guard let remaining = RangeSet(ranges) else {
            throw CorruptionError("ascending ranges", at: reader.offset)
        }
        record.remaining = remaining
        for _ in 0..<(try reader.byte()) { record.recipes.append(try Recipe(from: &reader)) }
        guard reader.isAtEnd else { throw CorruptionError("the end of the record", at: reader.offset) }
        return record
    }
}

extension Recipe {
    private enum Flag {
        static let ambiguous: UInt8 = 1
        static let spilled: UInt8 = 2
        static let progress: UInt8 = 4
        static let all = ambiguous | spilled | progress
    }

    /// Longer labels are in no store.
    private static let labelLimit = 1 << 16

    fileprivate func append(to out: inout [UInt8]) {
        out.append(lane.rawValue)
        out.append(littleEndian: number)
        out.append(mode)
        out.append(littleEndian: ordinals.lowerBound)
        out.append(littleEndian: ordinals.upperBound)
        out.append(littleEndian: before)
        out.append(littleEndian: from)
        out.append(littleEndian: oldest ?? .min)
        for bound in [labels.lower, labels.upper] {
            out.append(bound == nil ? 0 : 1)
            if let bound { out.append(prefixed: bound.bytes) }
        }
        out.append(message.rawValue)
        out.append(encoding.rawValue)
        out.append(littleEndian: fingerprint)
        out.append(littleEndian: crc)
        out.append(littleEndian: UInt32(clamping: attempts))
        out.append(
            (isAmbiguous ? Flag.ambiguous : 0) | (isSpilled ? Flag.spilled : 0)
                | (progress == nil ? 0 : Flag.progress)
        )
        progress?.append(to: &out)
    }

    fileprivate init(from reader: inout ByteReader) throws(CorruptionError) {
        guard let lane = Lane(rawValue: try reader.byte()) else {
            throw CorruptionError("a lane", at: reader.offset)
        }
        let number = try reader.integer(UInt64.self)
        let mode = try reader.mode()
        let ordinals = try reader.ordinals()
        self.init(number: number, ordinals: ordinals, before: try reader.integer())
        self.lane = lane
        self.mode = mode
        from = try reader.integer()
        let age = try reader.integer(Int64.self)
        oldest = age == .min ? nil : age
        labels.lower = try reader.bound(limit: Self.labelLimit)
        labels.upper = try reader.bound(limit: Self.labelLimit)
        guard let message = MessageKind(rawValue: try reader.byte()),
            let encoding = BodyEncoding(rawValue: try reader.byte())
        else { throw CorruptionError("a message and its encoding", at: reader.offset) }
        (self.message, self.encoding) = (message, encoding)
        fingerprint = try reader.integer()
        crc = try reader.integer()
        attempts = Int(try reader.integer(UInt32.self))
        let flags = try reader.byte()
        guard flags & ~Flag.all == 0 else { throw CorruptionError("flags of a recipe", at: reader.offset) }
        isAmbiguous = flags & Flag.ambiguous != 0
        isSpilled = flags & Flag.spilled != 0
        if flags & Flag.progress != 0 { progress = try PartProgress(from: &reader) }
    }
}

extension PartProgress {
    /// Halving adds a part a step and there are some fifty steps down to one sample.
    static let partLimit = 200

    private enum Flag {
        static let probing: UInt8 = 1
        static let scanning: UInt8 = 2
    }

    fileprivate func append(to out: inout [UInt8]) {
        out.append(littleEndian: UInt32(clamping: accepted))
        out.append(littleEndian: UInt32(clamping: rejections))
        out.append(littleEndian: UInt32(clamping: ambiguousFrom.map { $0 + 1 } ?? 0))
        out.append((isProbing ? Flag.probing : 0) | (isScanning ? Flag.scanning : 0))
        out.append(UInt8(left.count))
        for part in left {
            out.append(littleEndian: UInt32(clamping: part.series.lowerBound))
            out.append(littleEndian: UInt32(clamping: part.series.upperBound))
            out.append(littleEndian: part.times.lowerBound)
            out.append(littleEndian: part.times.upperBound)
        }
    }

    fileprivate init(from reader: inout ByteReader) throws(CorruptionError) {
        self.init(left: [])
        accepted = Int(try reader.integer(UInt32.self))
        rejections = Int(try reader.integer(UInt32.self))
        let base = Int(try reader.integer(UInt32.self))
        ambiguousFrom = base == 0 ? nil : base - 1
        let flags = try reader.byte()
        isProbing = flags & Flag.probing != 0
        isScanning = flags & Flag.scanning != 0
        let count = Int(try reader.byte())
        guard flags & ~(Flag.probing | Flag.scanning) == 0, count > 0, count <= Self.partLimit else {
            throw CorruptionError("parts of a batch", at: reader.offset)
        }
        for _ in 0..<count {
            let (first, next) = (Int(try reader.integer(UInt32.self)), Int(try reader.integer(UInt32.self)))
            let (low, high) = (try reader.integer(Int64.self), try reader.integer(Int64.self))
            guard first < next, low <= high else { throw CorruptionError("a part", at: reader.offset) }
            left.append(Part(series: first..<next, times: low...high))
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ kind: OrdinalKind) {
        switch kind {
        case .rows: append(mode: 0, .zero)
        case .windows(let length): append(mode: 1, length)
        }
    }

    fileprivate mutating func append(_ mode: OrdinalMode) {
        switch mode {
        case .rows: append(mode: 0, .zero)
        case .windows(let length): append(mode: 1, length)
        case .tier(let length): append(mode: 2, length)
        case .resolution: append(mode: 3, .zero)
        }
    }

    private mutating func append(mode: UInt8, _ length: Duration) {
        append(mode)
        append(littleEndian: length.milliseconds)
    }
}

extension ByteReader {
    fileprivate mutating func ordinals() throws(CorruptionError) -> Range<UInt64> {
        let (low, high) = (try integer(UInt64.self), try integer(UInt64.self))
        guard low < high else { throw CorruptionError("ordinals", at: offset) }
        return low..<high
    }

    fileprivate mutating func mode() throws(CorruptionError) -> OrdinalMode {
        let place = offset
        let code = try byte()
        let length = try integer(Int64.self)
        switch (code, length) {
        case (0, 0): return .rows
        case (1, 1...): return .windows(.milliseconds(length))
        case (2, 1...): return .tier(.milliseconds(length))
        case (3, 0): return .resolution
        default: throw CorruptionError("a mode", at: place)
        }
    }

    fileprivate mutating func kind() throws(CorruptionError) -> OrdinalKind {
        let place = offset
        switch try mode() {
        case .rows: return .rows
        case .windows(let length): return .windows(length)
        default: throw CorruptionError("what a stream counts in", at: place)
        }
    }

    fileprivate mutating func bound(limit: Int) throws(CorruptionError) -> Labels? {
        let place = offset
        switch try byte() {
        case 0: return nil
        case 1:
            guard let labels = Labels(encoded: Array(try prefixed(limit: limit))) else {
                throw CorruptionError("labels", at: place)
            }
            return labels
        default: throw CorruptionError("a bound of labels", at: place)
        }
    }
}
