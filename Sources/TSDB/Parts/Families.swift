// SPDX-License-Identifier: Apache-2.0
//
// What sources say of their metric families, in memory and as the bytes of the file `metadata`
// (docs/formats/metadata.md).

internal import Bytes
internal import Samples

/// Metadata by family, bounded.
struct Families: Sendable {
    /// Hostile exporters invent families; these bounds keep memory and /api/v1/metadata answerable.
    static let countLimit = 20_000
    static let byteLimit = 4 << 20

    private(set) var byName: [String: MetricMetadata] = [:]
    private var bytes = 0
    /// Grows with every change.
    private(set) var version: UInt64 = 0
    /// The version when a family was new last.
    private(set) var newest: UInt64 = 0

    /// Remembers a family; false when there is no room for it.
    @discardableResult
    mutating func set(_ metadata: MetricMetadata) -> Bool {
        let known = byName[metadata.family]
        if known == metadata { return true }
        let size = bytes + metadata.size - (known?.size ?? 0)
        guard size <= Families.byteLimit, known != nil || byName.count < Families.countLimit else {
            return false
        }
        bytes = size
        byName[metadata.family] = metadata
        version += 1
        if known == nil { newest = version }
        return true
    }
}

extension MetricMetadata {
    fileprivate var size: Int { family.utf8.count + help.utf8.count + unit.utf8.count }
}

/// The bytes of the file.
enum FamilyFile {
    static let name = "metadata"
    static let headerSize = 16
    private static let magic: UInt32 = 0x314d_5745  // "EWM1" in file order
    private static let version: UInt8 = 1
    /// The most bytes of a plain body: all a store remembers, and a few for each length.
    static let bodyLimit = Families.byteLimit + Families.countLimit * 16

    static func bytes(_ families: [String: MetricMetadata]) -> [UInt8] {
        var body: [UInt8] = []
        // In order, so that equal metadata are equal bytes.
        for entry in families.values.sorted(by: { Labels.precede($0.family, $1.family) }) {
            body.append(prefixed: entry.family.utf8)
            body.append(entry.kind.code)
            body.append(prefixed: entry.unit.utf8)
            body.append(prefixed: entry.help.utf8)
        }
        let frame = body.count > 256 ? Zstd.compress(body) : nil
        var out: [UInt8] = []
        out.append(littleEndian: magic)
        out.append(littleEndian: UInt32(0))
        out.append(version)
        out.append(frame == nil ? 0 : 1)
        out.append(littleEndian: UInt16(0))
        out.append(littleEndian: UInt32(families.count))
        out += frame ?? body
        out.overwrite(littleEndian: CRC32C.checksum(out[8...]), at: 4)
        return out
    }

    /// What is in the file, and whether it was sealed.
    static func read(
        _ bytes: [UInt8],
        _ encryption: StoreEncryption?
    ) throws(CorruptionError) -> (families: [MetricMetadata], isSealed: Bool) {
        guard Envelope(bytes) != nil else {
            guard encryption?.acceptsPlaintext ?? true else { throw CorruptionError("EWE1", at: 0) }
            return (try read(bytes), false)
        }
        guard let key = encryption?.key, let plain = Envelope.open(bytes, with: key) else {
            throw CorruptionError("what was sealed with the key", at: 0)
        }
        return (try read(plain), true)
    }

    static func read(_ bytes: [UInt8]) throws(CorruptionError) -> [MetricMetadata] {
        var reader = ByteReader(bytes)
        guard try reader.integer(UInt32.self) == magic else { throw CorruptionError("EWM1", at: 0) }
        let checksum = try reader.integer(UInt32.self)
        guard bytes.count >= headerSize, CRC32C.checksum(bytes[8...]) == checksum else {
            throw CorruptionError("a checksum that holds", at: 4)
        }
        guard try reader.byte() == version else { throw CorruptionError("version \(version)", at: 8) }
        let form = try reader.byte()
        guard form <= 1 else { throw CorruptionError("form 0 or 1", at: 9) }
        _ = try reader.integer(UInt16.self)
        let place = reader.offset
        let count = Int(try reader.integer(UInt32.self))
        guard count <= Families.countLimit else {
            throw CorruptionError("at most \(Families.countLimit) families", at: place)
        }
        let rest = try reader.take(reader.remaining)
        var body = ByteReader(form == 0 ? Array(rest) : try Zstd.decompress(rest, limit: bodyLimit))
        var result: [MetricMetadata] = []
        for _ in 0..<count {
            let family = try text(&body)
            let kind = MetricMetadata.Kind(code: try body.byte())
            let unit = try text(&body)
            result.append(MetricMetadata(family: family, kind: kind, help: try text(&body), unit: unit))
        }
        guard body.remaining == 0 else { throw CorruptionError("nothing more", at: body.offset) }
        return result
    }

    private static func text(_ reader: inout ByteReader) throws(CorruptionError) -> String {
        let place = reader.offset
        guard let text = String(validating: try reader.prefixed(limit: reader.remaining), as: UTF8.self)
        else { throw CorruptionError("valid UTF-8", at: place) }
        return text
    }
}

extension Labels {
    fileprivate static func precede(_ left: String, _ right: String) -> Bool {
        left.utf8.lexicographicallyPrecedes(right.utf8)
    }
}

extension MetricMetadata.Kind {
    /// The number of the type, as remote write counts them.
    fileprivate var code: UInt8 {
        switch self {
        case .unknown: 0
        case .counter: 1
        case .gauge: 2
        case .histogram: 3
        case .gaugehistogram: 4
        case .summary: 5
        case .info: 6
        case .stateset: 7
        }
    }

    fileprivate init(code: UInt8) {
        switch code {
        case 1: self = .counter
        case 2: self = .gauge
        case 3: self = .histogram
        case 4: self = .gaugehistogram
        case 5: self = .summary
        case 6: self = .info
        case 7: self = .stateset
        default: self = .unknown
        }
    }
}
