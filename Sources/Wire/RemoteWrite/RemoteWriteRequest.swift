// SPDX-License-Identifier: Apache-2.0
//
// A pushed message as columns, for the receiver's hot path: one pass over the decompressed bytes, nothing allocated
// per series, all buffers kept for the next message.
//
//     series      one entry each: where its key is, and where its samples, histograms and exemplars end in
//                 the columns below (they begin where those of the series before end)
//     timestamps  of all samples, in the message's order
//     values      likewise, bit for bit
//     starts      likewise, the start timestamps of 2.0; empty when no sample has one
//     copied      keys that are not one stretch of the message
//
// A series' key is the bytes that stand for its labels: in 1.0 the run of label fields in the message itself, in 2.0
// the label strings looked up in the symbol table, each with its length before it, as `Labels` encodes them. Equal keys
// of one version mean equal labels, so that a receiver parses and checks labels only the first time it sees a key.
//
// Every count is limited before anything is allocated for it, because two bytes of input may claim a series or a sample.

internal import Bytes
public import Samples

/// The versions of the protocol.
public enum RemoteWriteVersion: String, Sendable {
    /// `prometheus.WriteRequest`.
    case v1 = "1.0"
    /// `io.prometheus.write.v2.Request`.
    case v2 = "2.0"
}

extension RemoteWriteVersion {
    /// The version that a message's first field is of: the two share no field number.
    ///
    /// Nil when the field is of neither; an empty message is one of 1.0.
    ///
    /// - Parameter block: the message as a snappy block.
    public init?(ofMessageIn block: [UInt8]) {
        var reader = ByteReader(block)
        // A block begins with its length and then, as there is nothing to copy yet, a literal with its length.
        guard let size = try? reader.varint() else { return nil }
        guard size > 0 else {
            self = .v1
            return
        }
        guard let element = try? reader.byte(), element & 3 == 0 else { return nil }
        let more = max(0, Int(element >> 2) - 59)
        guard (try? reader.take(more)) != nil, let tag = try? reader.byte() else { return nil }
        switch tag >> 3 {
        case 1, 3: self = .v1
        case 4, 5: self = .v2
        default: return nil
        }
    }
}

/// A pushed message, decoded.
public struct RemoteWriteRequest: Sendable {
    /// What one message may hold at most.
    public struct Limits: Sendable {
        /// Series with anything in them, and entries of metadata.
        public var series = 100_000
        /// Samples of all series.
        public var samples = 1_000_000
        /// Histograms, and likewise exemplars, of all series.
        public var histograms = 100_000
        /// Buckets, spans and custom bounds of all histograms together.
        public var buckets = 2_000_000
        /// Entries of the symbol table.
        public var symbols = 1_000_000
        /// Bytes of one series' key; longer ones are a fault of the series.
        public var keyBytes = 64 << 10
        /// Bytes of all keys that had to be copied.
        public var copiedBytes = 32 << 20

        /// Creates the limits; Prometheus sends 2000 samples a message unless told otherwise.
        public init() {}
    }

    /// What is wrong with a series whose message can be read all the same.
    public enum Fault: UInt8, Sendable {
        case none
        /// 2.0: an odd number of label references.
        case oddReferences
        /// 2.0: a reference beyond the symbol table.
        case badReference
        /// The labels have more bytes than the limit.
        case tooLong
        /// 2.0: neither samples nor histograms.
        case empty
    }

    /// One series of the message.
    public struct Series: Sendable {
        var keyStart: UInt32
        var keyEnd: UInt32
        /// Where its samples end in `timestamps` and `values`.
        public var sampleEnd: UInt32
        /// Where its histograms end.
        public var histogramEnd: UInt32
        /// Where its exemplars end.
        public var exemplarEnd: UInt32
        /// 2.0: its place in `descriptions`, or -1.
        public var description: Int32 = -1
        var isCopied: Bool
        /// What is wrong with it.
        public var fault = Fault.none
    }

    /// An exemplar; its labels are ranges, because most receivers keep few of them.
    public struct Exemplar: Sendable {
        var labels: Range<UInt32>
        var isCopied: Bool
        /// What is wrong with its labels.
        public var fault = Fault.none
        /// The value.
        public var value = 0.0
        /// Milliseconds since 1970.
        public var timestamp: Int64 = 0
    }

    /// 2.0: what a series says of its family.
    public struct Description: Sendable, Hashable {
        var type: UInt64 = 0
        var help: UInt32 = 0
        var unit: UInt32 = 0
    }

    /// The version decoded last.
    public internal(set) var version = RemoteWriteVersion.v1
    /// The series that have something, in the message's order; one named twice comes twice.
    public internal(set) var series: [Series] = []
    /// The times of all samples, milliseconds since 1970.
    public internal(set) var timestamps: [Int64] = []
    /// Their values.
    public internal(set) var values: [Double] = []
    /// Their start timestamps, 0 for none; empty when no sample of the message has one.
    public internal(set) var starts: [Int64] = []
    /// The native histograms of all series.
    public internal(set) var histograms: [Histogram] = []
    /// The exemplars of all series.
    public internal(set) var exemplars: [Exemplar] = []
    /// 1.0: what the message says of families.
    public internal(set) var metadata: [MetricMetadata] = []
    /// 2.0: the distinct descriptions in a row.
    public internal(set) var descriptions: [Description] = []
    /// Series left out because they have neither samples nor histograms nor exemplars.
    public internal(set) var emptySeries = 0

    var copied: [UInt8] = []
    var symbols: [Range<UInt32>] = []
    var bucketsLeft = 0

    /// Creates a request without series; reuse it, its buffers stay.
    public init() {}

    /// Decodes a message that was decompressed already, replacing what was there.
    ///
    /// - Parameters:
    ///   - message: the bytes.
    ///   - version: which message they are.
    ///   - limits: what it may hold at most.
    /// - Throws: what is wrong with the message as a whole; the request is empty then.
    public mutating func decode(
        _ message: Span<UInt8>,
        _ version: RemoteWriteVersion,
        limits: Limits = Limits()
    ) throws(RemoteWriteError) {
        removeAll()
        self.version = version
        bucketsLeft = limits.buckets
        do throws(RemoteWriteError) {
            // Places in the message are 32 bits.
            guard message.count <= Int(Int32.max) else { throw .tooLarge(Int(Int32.max), "bytes") }
            switch version {
            case .v1: try decodeV1(message, limits)
            case .v2: try decodeV2(message, limits)
            }
        } catch {
            removeAll()
            throw error
        }
    }

    /// The key of a series.
    ///
    /// - Parameters:
    ///   - series: one of `series`.
    ///   - message: the bytes that were decoded.
    /// - Returns: the bytes that stand for its labels.
    @_lifetime(borrow self, copy message)
    public func key(of series: Series, in message: Span<UInt8>) -> Span<UInt8> {
        let range = Int(series.keyStart)..<Int(series.keyEnd)
        return series.isCopied ? copied.span.extracting(range) : message.extracting(range)
    }

    /// Gives memory back after a message far larger than usual.
    ///
    /// - Parameter samples: how many samples' worth of memory may stay.
    public mutating func shrink(to samples: Int) {
        guard timestamps.capacity > samples || copied.capacity > samples * 16 || symbols.capacity > samples
        else {
            return
        }
        self = RemoteWriteRequest()
    }

    mutating func removeAll() {
        series.removeAll(keepingCapacity: true)
        timestamps.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        histograms.removeAll()
        exemplars.removeAll()
        metadata.removeAll()
        descriptions.removeAll(keepingCapacity: true)
        copied.removeAll(keepingCapacity: true)
        symbols.removeAll(keepingCapacity: true)
        emptySeries = 0
    }

    /// Adds the entry of a series whose content is in the columns already, unless it has none.
    @inline(__always)
    mutating func finish(_ entry: Series, _ limits: Limits) throws(RemoteWriteError) {
        let last = series.last
        guard
            entry.sampleEnd != last?.sampleEnd ?? 0 || entry.histogramEnd != last?.histogramEnd ?? 0
                || entry.exemplarEnd != last?.exemplarEnd ?? 0
        else {
            emptySeries += 1
            if entry.isCopied { copied.removeLast(copied.count - Int(entry.keyStart)) }
            return
        }
        guard series.count < limits.series else { throw .tooLarge(limits.series, "series") }
        series.append(entry)
    }
}

extension RemoteWriteRequest {
    /// The number of samples and histograms of a series.
    ///
    /// - Parameter index: its place in `series`.
    /// - Returns: how many.
    public func elements(of index: Int) -> Int {
        let before = index > 0 ? series[index - 1] : nil
        return Int(series[index].sampleEnd - (before?.sampleEnd ?? 0))
            + Int(series[index].histogramEnd - (before?.histogramEnd ?? 0))
    }
}
