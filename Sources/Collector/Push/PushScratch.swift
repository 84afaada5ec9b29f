// SPDX-License-Identifier: Apache-2.0
//
// The buffers of one request, kept for the next.

internal import Samples
internal import Wire

/// Where one request is decoded and sorted into rows.
struct PushScratch: Sendable {
    /// The group of a series that was refused.
    static let refused = GroupID(rawValue: .max)
    /// Prometheus' largest default request, four times over; what is larger is given back.
    private static let keptSamples = 8_000

    var request = RemoteWriteRequest()
    /// The cache's number of the request.
    var number: UInt64 = 0
    /// The store's numbers, one each per series of the request.
    var ids: [SeriesID] = []
    var groups: [GroupID] = []
    /// Series of the request whose keys the cache does not have.
    var misses: [Int] = []
    /// Series of the request whose family is described anew.
    var described: [Int] = []
    /// Whether some series may be in the request twice.
    var hasRepeats = false
    /// Whether the sender is told of which series something was refused, and not only how much.
    var isTracking = false
    /// Series of the request of which something was refused, while tracking.
    var refusedSeries: Set<Int> = []
    /// What the store refused, while tracking.
    var refusedSamples: Set<RefusedSample> = []
    var rows = PushRows()
    var batch = SampleBatch(group: PushScratch.refused, timestamp: .min)

    /// Notes that something of a series was refused.
    mutating func refuse(_ index: Int) {
        if isTracking { refusedSeries.insert(index) }
    }

    mutating func beginSeries() {
        refusedSeries.removeAll()
        refusedSamples.removeAll()
        ids.removeAll(keepingCapacity: true)
        groups.removeAll(keepingCapacity: true)
        misses.removeAll(keepingCapacity: true)
        described.removeAll(keepingCapacity: true)
        rows.removeAll()
        hasRepeats = false
    }

    /// Gives memory back after a request far larger than usual.
    mutating func shrink() {
        if rows.count > PushScratch.keptSamples || ids.count > PushScratch.keptSamples {
            rows = PushRows()
            ids = []
            groups = []
            misses = []
            described = []
            batch = SampleBatch(group: PushScratch.refused, timestamp: .min)
        }
        request.shrink(to: PushScratch.keptSamples)
    }
}

/// A sample or histogram the store did not take.
struct RefusedSample: Sendable, Hashable {
    let series: SeriesID
    let timestamp: Int64
    /// The value's bits; of a histogram those of its sum and count.
    let bits: UInt64

    init(_ series: SeriesID, _ timestamp: Int64, _ value: Double) {
        (self.series, self.timestamp, bits) = (series, timestamp, value.bitPattern)
    }

    init(_ series: SeriesID, _ timestamp: Int64, _ histogram: NativeHistogram) {
        (self.series, self.timestamp) = (series, timestamp)
        bits = histogram.sum.bitPattern ^ histogram.rawCount
    }
}

/// Buffers nobody uses at the moment.
struct PushBuffers: Sendable {
    /// Kept at most; the server decodes two requests at once.
    private static let kept = 2
    /// Messages larger than this are not kept.
    private static let keptBytes = 1 << 20

    /// Decompressed messages; what lies behind a message is left over from before.
    private var messages: [[UInt8]] = []
    private var scratches: [PushScratch] = []

    mutating func takeMessage() -> [UInt8] { messages.popLast() ?? [] }

    mutating func takeScratch() -> PushScratch { scratches.popLast() ?? PushScratch() }

    /// Takes buffers back.
    mutating func keep(_ message: consuming [UInt8], _ scratch: consuming PushScratch) {
        if messages.count < PushBuffers.kept, message.count <= PushBuffers.keptBytes {
            messages.append(message)
        }
        guard scratches.count < PushBuffers.kept else { return }
        scratch.isTracking = false
        scratch.shrink()
        scratches.append(scratch)
    }
}
