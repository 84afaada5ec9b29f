// SPDX-License-Identifier: Apache-2.0
//
// io.prometheus.client.MetricFamily messages, each behind its length, as scrapes have them (proto2; field numbers are in
// ProtobufScrapeParser+Fields.swift). A message is gone through metric by metric; a metric is read into its pieces, which
// are what Prometheus makes samples of:
//
//     counter, gauge, untyped   name
//     summary                   name_count, name_sum, name{quantile}…
//     histogram                 name_count, name_sum, name_bucket{le}… with le="+Inf" at the end, and/or name (native)
//
// A piece is named by the family's name, the metric's labels as they are on the wire, and the piece's kind and bound:
//
//     key   length of the name, name, labels*, kind byte [, 8 bytes bound]
//
// Invariant: every offset is checked (ProtobufCursor), nothing traps on any bytes; memory is one metric's pieces, of which
// there are at most `itemLimit`. Source: Prometheus model/textparse, protobufparse.go.

internal import Bytes
public import Samples

/// Reads a protobuf exposition sample by sample.
public struct ProtobufScrapeParser: ScrapeParsing {
    /// What is made of histograms.
    public struct Options: Sendable {
        /// Native parts are taken; otherwise every histogram is a classic one.
        public var takesNative = false
        /// The classic pieces are taken also beside a histogram that is taken as a native or converted one.
        public var keepsClassic = false
        /// Classic histograms are converted to native ones with custom bounds.
        public var convertsClassic = false
        /// `created_timestamp` is read.
        public var readsStarts = false

        /// Creates Prometheus' defaults.
        public init() {}
    }

    /// What a sample is of its metric.
    struct Piece: Sendable {
        enum Kind: UInt8 {
            case value
            case count
            case sum
            case bucket
            case quantile
            case histogram
        }

        var kind: Kind
        /// `le` or `quantile`.
        var bound = 0.0
        var value = 0.0
        /// The message of its exemplar; empty for none.
        var exemplar = 0..<0
    }

    /// A family's fields but for its metrics.
    struct Family: Sendable {
        var name = 0..<0
        var help = 0..<0
        var unit = 0..<0
        var kind = MetricMetadata.Kind.counter
    }

    /// Labels, buckets, quantiles and exemplars of one metric beyond this are refused: more than any program has, and each
    /// costs some bytes of memory for two bytes of message.
    static let itemLimit = 65_536
    /// Families beyond this are not described: more than a store remembers.
    private static let familyLimit = 65_536

    let bytes: [UInt8]
    let options: Options
    private let collectsMetadata: Bool
    /// Where the next family begins.
    private var offset = 0
    /// Where the family's next field begins, and where it ends.
    private var place = 0
    private var familyEnd = 0
    private(set) var current = Family()
    private var families: [Family] = []
    /// The metric being handed out.
    var metric = Metric()
    private var nextPiece = 0
    private var key: [UInt8] = []
    /// How much of `key` all pieces of the metric share.
    private var sharedKey = 0
    var piece = Piece(kind: .value)

    /// Begins at the first family.
    ///
    /// - Parameters:
    ///   - bytes: the exposition.
    ///   - options: what is made of histograms.
    ///   - collectingMetadata: whether `metadata()` will be asked for.
    public init(_ bytes: [UInt8], options: Options = Options(), collectingMetadata: Bool = true) {
        self.bytes = bytes
        self.options = options
        collectsMetadata = collectingMetadata
    }

    /// The next sample, nil at the end.
    ///
    /// - Returns: the sample, its labels not yet checked.
    /// - Throws: `ExpositionError` when the bytes are not such messages.
    public mutating func next() throws(ExpositionError) -> ScrapedSample? {
        while nextPiece >= metric.pieces.count {
            metric.removeAll()
            nextPiece = 0
            do throws(RemoteWriteError) {
                if place < familyEnd {
                    try readMetric()
                } else if offset < bytes.count {
                    try readFamily()
                    try checkFamily()
                } else {
                    return nil
                }
            } catch {
                throw ExpositionError(line: 0, reason: error.description)
            }
        }
        piece = metric.pieces[nextPiece]
        nextPiece += 1
        key.removeLast(key.count - sharedKey)
        key.append(piece.kind.rawValue)
        if piece.kind == .bucket || piece.kind == .quantile { key.append(double: piece.bound) }
        let isHistogram = piece.kind == .histogram
        return ScrapedSample(
            series: 0..<key.count,
            value: piece.value,
            timestamp: metric.timestamp == 0 ? nil : metric.timestamp,
            kind: current.kind,
            start: metric.start,
            hasExemplars: isHistogram ? metric.hasExemplars : !piece.exemplar.isEmpty,
            isHistogram: isHistogram
        )
    }

    /// The bytes made for the sample just read.
    public func key(of sample: ScrapedSample) -> [UInt8] { key }

    /// The family being read.
    public var family: String { String(decoding: bytes[current.name], as: UTF8.self) }

    /// What families read so far said of themselves, in order of appearance.
    public func metadata() -> [MetricMetadata] {
        var seen: Set<String> = []
        return families.compactMap { family in
            let name = String(decoding: bytes[family.name], as: UTF8.self)
            guard seen.insert(name).inserted else { return nil }
            return MetricMetadata(
                family: name,
                kind: family.kind,
                help: String(decoding: bytes[family.help], as: UTF8.self),
                unit: String(decoding: bytes[family.unit], as: UTF8.self)
            )
        }
    }

    // MARK: - Families and metrics

    /// Reads a family's fields, passing over its metrics: the unit comes behind them.
    private mutating func readFamily() throws(RemoteWriteError) {
        let bytes = self.bytes
        var cursor = ProtobufCursor(bytes.span)
        cursor.move(to: offset)
        let length = try cursor.length()
        place = cursor.offset
        familyEnd = place + length
        offset = familyEnd
        _ = cursor.enter(length)
        current = Family()
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag {
            case 1 << 3 | 2: current.name = try cursor.range()
            case 2 << 3 | 2: current.help = try cursor.range()
            case 3 << 3 | 0: current.kind = try ProtobufScrapeParser.kind(try cursor.varint())
            case 5 << 3 | 2: current.unit = try cursor.range()
            default: try cursor.skip(tag)
            }
        }
        if collectsMetadata, families.count < ProtobufScrapeParser.familyLimit { families.append(current) }
    }

    private static func kind(_ number: UInt64) throws(RemoteWriteError) -> MetricMetadata.Kind {
        switch number {
        case 0: .counter
        case 1: .gauge
        case 2: .summary
        case 3: .unknown
        case 4: .histogram
        case 5: .gaugehistogram
        default: throw .invalid("unknown metric type \(number)")
        }
    }

    private func checkFamily() throws(RemoteWriteError) {
        guard let name = String(validating: bytes[current.name], as: UTF8.self), !name.isEmpty else {
            throw .invalid("invalid metric name: \(Labels.quoted(family))")
        }
        guard String(validating: bytes[current.help], as: UTF8.self) != nil else {
            throw .invalid("invalid help for metric \(Labels.quoted(name))")
        }
        let unit = String(decoding: bytes[current.unit], as: UTF8.self)
        guard !unit.isEmpty else { return }
        let isTotal = current.kind == .counter && name.hasSuffix("_total")
        let base = isTotal ? name.dropLast(6) : name[...]
        guard base.utf8.reversed().starts(with: "_\(unit)".utf8.reversed()) else {
            throw .invalid(
                "unit \(Labels.quoted(unit)) not a suffix of \(isTotal ? "counter" : "metric") "
                    + Labels.quoted(name)
            )
        }
    }

    /// Reads the family's next metric, if there is one.
    private mutating func readMetric() throws(RemoteWriteError) {
        let bytes = self.bytes
        var cursor = ProtobufCursor(bytes.span)
        cursor.move(to: place)
        _ = cursor.enter(familyEnd - place)
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            guard tag == 4 << 3 | 2 else {
                try cursor.skip(tag)
                continue
            }
            let outer = cursor.enter(try cursor.length())
            try metric.read(&cursor, current.kind, options)
            cursor.leave(outer)
            place = cursor.offset
            beginKey()
            return
        }
        place = familyEnd
    }

    private mutating func beginKey() {
        key.removeAll(keepingCapacity: true)
        key.append(prefixed: bytes[current.name])
        for label in metric.labels { key.append(prefixed: bytes[label]) }
        sharedKey = key.count
    }
}
