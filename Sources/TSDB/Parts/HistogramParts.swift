// SPDX-License-Identifier: Apache-2.0
//
// A histogram → the values of its parts in one row, and columns of parts → histograms. A bucket that counts nothing is
// absent, and so is everything else that is zero, so a row says how many parts it has: a part that was lost makes the
// histogram be left out, never be read wrong.

internal import Samples

extension NativeHistogram {
    /// The most populated buckets, and likewise custom bounds, that are stored; a finer histogram is reduced first.
    ///
    /// OpenTelemetry's SDKs keep at most 160 buckets a side and Prometheus' clients advise 160 in all; this is above both.
    static let storedBucketLimit = 512

    /// The histogram as it can be stored; nil when it cannot.
    func storable() -> NativeHistogram? {
        guard customBounds.count <= NativeHistogram.storedBucketLimit,
            hasCustomBounds || NativeHistogram.exponentialSchemas.contains(schema),
            positive.isAscending, negative.isAscending
        else { return nil }
        return reduced(toBuckets: NativeHistogram.storedBucketLimit)
    }

    /// Calls `body` with every part of a row and the bits of its value.
    func forEachPart<Failure>(
        _ body: (SeriesPart, UInt64) throws(Failure) -> Void
    ) throws(Failure) {
        var layout = HistogramLayout(self)
        layout.parts = 2 + positive.count + negative.count + customBounds.count
        if rawZeroCount != 0 { layout.parts += 1 }
        if zeroThreshold.bitPattern != 0 { layout.parts += 1 }
        try body(.layout, layout.bits)
        try body(.count, layout.columnBits(rawCount))
        try body(.sum, sum.bitPattern)
        if rawZeroCount != 0 { try body(.zeroCount, layout.columnBits(rawZeroCount)) }
        if zeroThreshold.bitPattern != 0 { try body(.zeroThreshold, zeroThreshold.bitPattern) }
        for bucket in positive { try body(.positive(bucket.index), layout.columnBits(bucket.rawCount)) }
        for bucket in negative { try body(.negative(bucket.index), layout.columnBits(bucket.rawCount)) }
        for (number, bound) in customBounds.enumerated() {
            try body(.bound(Int32(number)), bound.bitPattern)
        }
    }
}

extension [HistogramBucket] {
    fileprivate var isAscending: Bool {
        indices.dropFirst().allSatisfy { self[$0 - 1].index < self[$0].index }
    }
}

/// Puts columns of parts together.
struct HistogramAssembly {
    /// One row while its parts are gathered.
    fileprivate struct Draft {
        let layout: HistogramLayout
        var found = 0
        var isSound = true
        var count: UInt64 = 0
        var zeroCount: UInt64 = 0
        var sum = 0.0
        var zeroThreshold = 0.0
        var positive: [HistogramBucket] = []
        var negative: [HistogramBucket] = []
        var bounds: [Double] = []
    }

    /// Rows that were left out because a part of them is missing or wrong.
    private(set) var incomplete = 0

    /// The histograms of the rows, in time order.
    mutating func histograms(_ parts: [(part: SeriesPart, columns: SampleColumns)]) -> HistogramColumns {
        var result = HistogramColumns()
        guard let layouts = parts.first(where: { $0.part == .layout })?.columns else { return result }
        var times: [Int64] = []
        var drafts: [Draft] = []
        for (time, value) in zip(layouts.timestamps, layouts.values) {
            guard let layout = HistogramLayout(bits: value.bitPattern) else {
                incomplete += 1
                continue
            }
            times.append(time)
            drafts.append(Draft(layout: layout))
        }
        for (part, columns) in parts.sorted(by: { $0.part.order < $1.part.order }) {
            var row = 0
            for (time, value) in zip(columns.timestamps, columns.values) {
                while row < times.count, times[row] < time { row += 1 }
                guard row < times.count else { break }
                if times[row] == time { drafts[row].set(part, value.bitPattern) }
            }
        }
        for (time, draft) in zip(times, drafts) {
            guard let histogram = draft.histogram else {
                incomplete += 1
                continue
            }
            result.append(time, histogram)
        }
        return result
    }
}

extension SeriesPart {
    /// Buckets and bounds ascending.
    fileprivate var order: Int32 {
        switch self {
        case .positive(let index), .negative(let index), .bound(let index): index
        default: .min
        }
    }
}

extension HistogramAssembly.Draft {
    fileprivate mutating func set(_ part: SeriesPart, _ bits: UInt64) {
        switch part {
        case .layout, .start: return
        case .sum: sum = Double(bitPattern: bits)
        case .zeroThreshold: zeroThreshold = Double(bitPattern: bits)
        case .bound(let index):
            isSound = isSound && Int(index) == bounds.count
            bounds.append(Double(bitPattern: bits))
        case .count, .zeroCount, .positive, .negative:
            guard let raw = layout.rawCount(bits) else {
                isSound = false
                return
            }
            setCount(part, raw)
        }
        found += 1
    }

    private mutating func setCount(_ part: SeriesPart, _ raw: UInt64) {
        switch part {
        case .count: count = raw
        case .zeroCount: zeroCount = raw
        case .positive(let index): positive.append(HistogramBucket(index: index, rawCount: raw))
        case .negative(let index): negative.append(HistogramBucket(index: index, rawCount: raw))
        default: break
        }
    }

    fileprivate var histogram: NativeHistogram? {
        guard isSound, found == layout.parts, bounds.count == layout.bounds else { return nil }
        if layout.isFloat {
            return NativeHistogram(
                schema: layout.schema,
                floatCount: Double(bitPattern: count),
                sum: sum,
                zeroThreshold: zeroThreshold,
                floatZeroCount: Double(bitPattern: zeroCount),
                positive: positive,
                negative: negative,
                customBounds: bounds,
                counterReset: layout.counterReset
            )
        }
        return NativeHistogram(
            schema: layout.schema,
            count: count,
            sum: sum,
            zeroThreshold: zeroThreshold,
            zeroCount: zeroCount,
            positive: positive,
            negative: negative,
            customBounds: bounds,
            counterReset: layout.counterReset
        )
    }
}
