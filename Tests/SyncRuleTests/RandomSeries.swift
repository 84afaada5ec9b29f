// SPDX-License-Identifier: Apache-2.0
//
// Series for the tests of filters, and the ways the tests cut time.

import Config
import Samples

@testable import Sync

/// Times with jitter, gaps and bursts; many lie on the edges of windows.
func randomTimes(_ count: Int, interval: Int64, using random: inout Generator) -> [Int64] {
    var time = Int64.random(in: 0..<7_200_000, using: &random)
    return (0..<count).map { _ in
        switch Int.random(in: 0..<40, using: &random) {
        case 0: time += Int64.random(in: 1...40, using: &random) * 60_000
        case 1...3: time += 60_000 - time % 60_000
        case 4...6: time += 1
        default: time += max(1, interval + Int64.random(in: -interval / 10...interval / 10, using: &random))
        }
        return time
    }
}

/// A gauge with repeated values, NaN, infinities and ends.
func randomGauge(_ count: Int, interval: Int64, using random: inout Generator) -> SampleFlow {
    var flow = SampleFlow()
    var value = 20.0
    for time in randomTimes(count, interval: interval, using: &random) {
        switch Int.random(in: 0..<60, using: &random) {
        case 0: flow.samples.append(time, StaleMarker.value)
        case 1: flow.samples.append(time, .nan)
        case 2: flow.samples.append(time, Bool.random(using: &random) ? .infinity : -.infinity)
        case 3: flow.samples.append(time, -0.0)
        case 4: flow.samples.append(time, 1e308)
        case 5...20: flow.samples.append(time, value)
        default:
            value += Double.random(in: -1...1, using: &random)
            flow.samples.append(time, value)
        }
    }
    return flow
}

/// A counter of whole numbers with falls, some of them outgrown at once, and ends.
func randomCounter(_ count: Int, interval: Int64, using random: inout Generator) -> SampleFlow {
    var flow = SampleFlow()
    var value = 0.0
    for time in randomTimes(count, interval: interval, using: &random) {
        switch Int.random(in: 0..<50, using: &random) {
        case 0: flow.samples.append(time, StaleMarker.value)
        case 1...4:
            value = Double(Int.random(in: 0...20, using: &random))
            flow.samples.append(time, value)
        case 5...10: flow.samples.append(time, value)
        default:
            value += Double(Int.random(in: 0...15, using: &random))
            flow.samples.append(time, value)
        }
    }
    return flow
}

/// Native histograms of a counter, with resets that a hint tells of or not, and ends.
func randomHistograms(_ count: Int, interval: Int64, using random: inout Generator) -> SampleFlow {
    var flow = SampleFlow()
    var (total, low) = (UInt64(0), UInt64(0))
    for time in randomTimes(count, interval: interval, using: &random) {
        var hint = CounterReset.unknown
        switch Int.random(in: 0..<40, using: &random) {
        case 0:
            flow.histograms.append(time, .staleMarker)
            continue
        case 1...3:
            (total, low) = (0, 0)
            hint = Bool.random(using: &random) ? .reset : .unknown
        default:
            let more = UInt64.random(in: 0...5, using: &random)
            (total, low) = (total + more, low + UInt64.random(in: 0...more, using: &random))
            hint = Bool.random(using: &random) ? .notReset : .unknown
        }
        let buckets = [
            HistogramBucket(index: 1, rawCount: low), HistogramBucket(index: 2, rawCount: total - low),
        ]
        flow.histograms.append(
            time,
            NativeHistogram(
                schema: 0,
                count: total,
                sum: Double(total),
                positive: buckets,
                counterReset: hint
            )
        )
    }
    return flow
}

extension SampleFlow {
    /// The windows of this length that hold everything.
    func extent(_ length: Int64) -> (start: Int64, end: Int64) {
        let times = samples.timestamps + histograms.timestamps
        let windows = WindowGrid(length: length)
        return (windows.end(of: times.min() ?? 0) - length, windows.end(of: times.max() ?? 0))
    }

    /// Both, one after the other.
    mutating func append(_ next: SampleFlow) {
        for (time, value) in zip(next.samples.timestamps, next.samples.values) { samples.append(time, value) }
        for (time, value) in zip(next.histograms.timestamps, next.histograms.histograms) {
            histograms.append(time, value)
        }
        for (time, start) in zip(next.starts.timestamps, next.starts.starts) {
            starts.append(time, start: start)
        }
        isDerived = next.isDerived
    }
}

extension Pipeline {
    /// All windows at once.
    func everything(_ flow: SampleFlow) -> [SampleFlow] {
        let extent = flow.extent(windows.length)
        return outputs(of: flow, after: extent.start, through: extent.end)
    }

    /// The windows in pieces of random size, of each piece only the samples that it may look at.
    func inPieces(_ flow: SampleFlow, using random: inout Generator) -> [SampleFlow] {
        let extent = flow.extent(windows.length)
        var result = branches.map { _ in SampleFlow() }
        var start = extent.start
        while start < extent.end {
            let end = min(extent.end, start + Int64.random(in: 1...7, using: &random) * windows.length)
            let seen = flow.within(after: start - reach, through: end)
            for (index, output) in outputs(of: seen, after: start, through: end).enumerated() {
                result[index].append(output)
            }
            start = end
        }
        return result
    }
}

/// A pipeline that must exist.
func makePipeline(
    _ filters: [SyncFilterConfig.Work],
    _ kind: SeriesKind,
    name: String = "m",
    sampleInterval: Duration = .seconds(15)
) throws -> Pipeline {
    guard
        let pipeline = try Pipeline(
            filters.map { SyncFilterConfig($0) },
            name: name,
            kind: kind,
            sampleInterval: sampleInterval
        )
    else { throw NoPipeline() }
    return pipeline
}

struct NoPipeline: Error {}
