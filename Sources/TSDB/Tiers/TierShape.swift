// SPDX-License-Identifier: Apache-2.0
//
// What the rows of one target have in common: which windows have samples, how many, and when the first and the last
// one were. A segment keeps each such shape once and its series refer to it, so that only values are paid per series.
// docs/formats/tier.md draws the bytes.

internal import Bytes
internal import Samples

/// When and how often a series was sampled in each window of a span.
struct TierShape: Sendable, Hashable {
    /// What a window has.
    enum State {
        static let absent: UInt8 = 0
        static let rows: UInt8 = 1
        /// Samples, after which the series ended.
        static let rowsAndEnd: UInt8 = 2
        static let end: UInt8 = 3
    }

    private(set) var states: [UInt8] = []
    /// For each window with samples, their number.
    private(set) var counts: [Int64] = []
    /// For each, milliseconds from the window's beginning to the first sample.
    private(set) var leads: [Int64] = []
    /// For each, milliseconds from the last sample to the window's end.
    private(set) var lags: [Int64] = []

    /// The most windows of a span that a reader accepts: a multiple of what a writer puts there.
    static let windowLimit = 8 * Int(TierOptions.spanRows)

    private init() {}

    init(_ rows: [CoarseRow], _ span: TierSpan, resolution: Int64) {
        states = [UInt8](repeating: State.absent, count: Int((span.through - span.from) / resolution))
        for row in rows {
            let place = Int((row.end - span.from) / resolution) - 1
            guard let summary = row.summary else {
                states[place] = State.end
                continue
            }
            states[place] = row.isEnded ? State.rowsAndEnd : State.rows
            counts.append(Int64(summary.count))
            leads.append(summary.firstTime - (row.end - resolution))
            lags.append(row.end - summary.lastTime)
        }
    }

    /// Samples in all windows.
    var samples: UInt64 { counts.reduce(0) { $0 &+ UInt64(bitPattern: $1) } }

    func append(to out: inout [UInt8], _ encoder: inout BlockEncoder) {
        var start = 0
        while start < states.count {
            var end = start + 1
            while end < states.count, states[end] == states[start] { end += 1 }
            out.append(varint: UInt64(end - start) << 2 | UInt64(states[start]))
            start = end
        }
        encoder.append(counts, effort: .segment, to: &out)
        encoder.append(leads, effort: .segment, to: &out)
        encoder.append(lags, effort: .segment, to: &out)
    }

    static func read(
        _ reader: inout ByteReader,
        windows: Int,
        resolution: Int64,
        _ decoder: inout BlockDecoder
    ) throws(CorruptionError) -> TierShape {
        var shape = TierShape()
        var present = 0
        while shape.states.count < windows {
            let place = reader.offset
            let run = try reader.varint()
            guard run >> 2 >= 1, run >> 2 <= UInt64(windows - shape.states.count) else {
                throw CorruptionError("a run of states within \(windows) windows", at: place)
            }
            let (length, state) = (Int(run >> 2), UInt8(run & 3))
            shape.states.append(contentsOf: repeatElement(state, count: length))
            if state == State.rows || state == State.rowsAndEnd { present += length }
        }
        let place = reader.offset
        shape.counts = try decoder.readIntegers(present, from: &reader)
        shape.leads = try decoder.readIntegers(present, from: &reader)
        shape.lags = try decoder.readIntegers(present, from: &reader)
        for index in 0..<present {
            let (lead, lag) = (shape.leads[index], shape.lags[index])
            // Open on the left: no sample is at the window's beginning.
            guard lead > 0, lag >= 0, lead <= resolution, lag < resolution, lead + lag <= resolution,
                // A series has one sample a millisecond.
                (1...(resolution - lead - lag + 1)).contains(shape.counts[index])
            else { throw CorruptionError("times within a window", at: place) }
        }
        return shape
    }
}
