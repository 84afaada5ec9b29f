// SPDX-License-Identifier: Apache-2.0
//
// A native histogram as remote write 1.0 and 2.0 carry it (prompb `Histogram`): buckets as spans of consecutive
// indices with either differences of whole counts or absolute counts that are doubles. Reading checks what
// Prometheus checks, in its order and words, before anything is believed.

/// Consecutive buckets.
public struct HistogramSpan: Sendable, Hashable {
    /// Buckets between the span before and this one; the index of its first bucket in the first span.
    public var offset: Int32
    /// The number of buckets.
    public var length: UInt32

    /// Creates a span.
    public init(offset: Int32, length: UInt32) {
        self.offset = offset
        self.length = length
    }
}

/// A histogram on the wire.
public struct HistogramMessage: Sendable, Equatable {
    /// The counts of one side: differences of an integer histogram, or counts of a float one.
    public struct Side: Sendable, Equatable {
        /// Where the buckets are.
        public var spans: [HistogramSpan] = []
        /// Integer histograms: each bucket's count minus that of the bucket before.
        public var deltas: [Int64] = []
        /// Float histograms: each bucket's count.
        public var counts: [Double] = []

        /// Creates an empty side.
        public init() {}
    }

    /// Which member of the message's `count` was set; an unset one counts as integer.
    public var isFloat = false
    /// All observations of an integer histogram.
    public var count: UInt64 = 0
    /// All observations of a float histogram.
    public var floatCount = 0.0
    /// The sum of the observed values.
    public var sum = 0.0
    /// The resolution.
    public var schema: Int32 = 0
    /// Half the width of the zero bucket.
    public var zeroThreshold = 0.0
    /// Observations in the zero bucket of an integer histogram.
    public var zeroCount: UInt64 = 0
    /// Observations in the zero bucket of a float histogram.
    public var floatZeroCount = 0.0
    /// The buckets below zero.
    public var negative = Side()
    /// The buckets above zero.
    public var positive = Side()
    /// `ResetHint`; numbers beyond those known mean unknown.
    public var resetHint: UInt32 = 0
    /// The upper bounds of schema -53, without +Inf.
    public var customBounds: [Double] = []

    /// Creates a message with all fields at their defaults.
    public init() {}

    /// Empties the message and keeps its buffers.
    public mutating func removeAll() {
        (isFloat, count, floatCount, sum) = (false, 0, 0, 0)
        (schema, zeroThreshold, zeroCount, floatZeroCount, resetHint) = (0, 0, 0, 0, 0)
        negative.removeAll()
        positive.removeAll()
        customBounds.removeAll(keepingCapacity: true)
    }
}

extension HistogramMessage.Side {
    /// Empties the side and keeps its buffers.
    mutating func removeAll() {
        spans.removeAll(keepingCapacity: true)
        deltas.removeAll(keepingCapacity: true)
        counts.removeAll(keepingCapacity: true)
    }
}

// MARK: - Reading

extension NativeHistogram {
    /// The schemas that are understood and stored as 8, as Prometheus does.
    private static let reservedSchemas: ClosedRange<Int32> = 9...52

    /// Takes a message, checking it as Prometheus does; schemas above 8 are reduced to 8.
    ///
    /// O(buckets), which the caller has limited.
    public init(_ message: HistogramMessage) throws(HistogramError) {
        let isCustom = message.schema == NativeHistogram.customSchema
        let isReserved = NativeHistogram.reservedSchemas.contains(message.schema)
        guard isCustom || isReserved || NativeHistogram.exponentialSchemas.contains(message.schema) else {
            throw HistogramError(.schema, after: ", got schema \(message.schema)")
        }
        if isCustom { try message.checkCustom() } else { try message.checkExponential() }
        let negative = try HistogramError.placed("negative side") { () throws(HistogramError) in
            try message.negative.buckets(isFloat: message.isFloat)
        }
        let positive = try HistogramError.placed("positive side") { () throws(HistogramError) in
            try message.positive.buckets(isFloat: message.isFloat)
        }
        let counterReset = CounterReset(rawValue: UInt8(clamping: message.resetHint)) ?? .unknown
        if message.isFloat {
            self.init(
                schema: message.schema,
                floatCount: message.floatCount,
                sum: message.sum,
                zeroThreshold: message.zeroThreshold,
                floatZeroCount: message.floatZeroCount,
                positive: positive,
                negative: negative,
                customBounds: message.customBounds,
                counterReset: counterReset
            )
        } else {
            self.init(
                schema: message.schema,
                count: message.count,
                sum: message.sum,
                zeroThreshold: message.zeroThreshold,
                zeroCount: message.zeroCount,
                positive: positive,
                negative: negative,
                customBounds: message.customBounds,
                counterReset: counterReset
            )
        }
        try checkCounts()
        if isReserved {
            let shift = message.schema - NativeHistogram.exponentialSchemas.upperBound
            schema = NativeHistogram.exponentialSchemas.upperBound
            self.positive = merged(self.positive, shift: shift)
            self.negative = merged(self.negative, shift: shift)
        }
    }

    /// Checks what the type cannot keep out: order of buckets and bounds, negative counts, counts that do not add up.
    ///
    /// - Throws: `HistogramError` in Prometheus' words.
    public func validate() throws(HistogramError) {
        let message = message
        if hasCustomBounds {
            try message.checkCustom()
        } else {
            guard NativeHistogram.exponentialSchemas.contains(schema) else {
                throw HistogramError(.schema, after: ", got schema \(schema)")
            }
            try message.checkExponential()
        }
        for (buckets, place) in [(negative, "negative side"), (positive, "positive side")] {
            for (number, bucket) in buckets.enumerated() {
                guard isFloat, count(of: bucket.rawCount) < 0 else { continue }
                throw HistogramError.negativeBucket(number, "\(count(of: bucket.rawCount))").at(place)
            }
            for number in buckets.indices.dropFirst() {
                guard buckets[number].index <= buckets[number - 1].index else { continue }
                throw HistogramError(.negativeSpanOffset).at(place)
            }
        }
        try checkCounts()
    }

    private func checkCounts() throws(HistogramError) {
        guard !isFloat else {
            // Sums of doubles need not be exact, so only the sign is checked.
            if count < 0 { throw HistogramError(.negativeCount) }
            if zeroCount < 0 { throw HistogramError(.negativeBucketCount).at("zero bucket") }
            return
        }
        var total = rawZeroCount
        var hasOverflow = false
        for bucket in positive + negative {
            let (sum, overflow) = total.addingReportingOverflow(bucket.rawCount)
            total = sum
            hasOverflow = hasOverflow || overflow
        }
        // Observations of NaN are in no bucket.
        let rule: HistogramError.Rule = sum.isNaN ? .countTooSmall : .countMismatch
        guard hasOverflow || (sum.isNaN ? total > rawCount : total != rawCount) else { return }
        throw HistogramError(
            rule,
            before: "\(total) observations found in buckets, but the Count field is \(rawCount): "
        )
    }
}

extension HistogramMessage {
    fileprivate func checkExponential() throws(HistogramError) {
        try HistogramError.placed("positive side") { () throws(HistogramError) in
            try positive.checkSpans(isFloat: isFloat)
        }
        try HistogramError.placed("negative side") { () throws(HistogramError) in
            try negative.checkSpans(isFloat: isFloat)
        }
        if !customBounds.isEmpty { throw HistogramError(.exponentialWithBounds) }
    }

    fileprivate func checkCustom() throws(HistogramError) {
        try HistogramError.placed("custom buckets") { () throws(HistogramError) in
            try checkBounds()
            if let first = positive.spans.first, first.offset < 0 {
                throw HistogramError.negativeOffset(0, first.offset)
            }
            try positive.checkSpans(isFloat: isFloat)
            let covered = positive.spans.reduce(0) { $0 + Int64($1.offset) + Int64($1.length) }
            guard covered <= Int64(customBounds.count) + 1 else {
                throw HistogramError(
                    .tooFewCustomBounds,
                    before: "only \(customBounds.count) custom bounds defined which is insufficient to cover "
                        + "total span length of \(covered): "
                )
            }
        }
        if isFloat ? floatZeroCount != 0 : zeroCount != 0 { throw HistogramError(.customZeroCount) }
        if zeroThreshold != 0 { throw HistogramError(.customZeroThreshold) }
        if !negative.spans.isEmpty { throw HistogramError(.customNegativeSpans) }
        if !negative.deltas.isEmpty || !negative.counts.isEmpty {
            throw HistogramError(.customNegativeBuckets)
        }
    }

    private func checkBounds() throws(HistogramError) {
        for (number, bound) in customBounds.enumerated() {
            if bound.isNaN { throw HistogramError(.customBoundsNaN) }
            if number > 0, bound <= customBounds[number - 1] {
                let previous = PromNumber.format(customBounds[number - 1])
                throw HistogramError(
                    .customBoundsOrder,
                    before: "previous bound is \(previous) and current is \(PromNumber.format(bound)): "
                )
            }
        }
        if customBounds.last == .infinity {
            throw HistogramError(
                .customBoundsInfinite,
                before: "last +Inf bound must not be explicitly defined: "
            )
        }
    }
}

extension HistogramMessage.Side {
    fileprivate func checkSpans(isFloat: Bool) throws(HistogramError) {
        var wanted: Int64 = 0
        for (number, span) in spans.enumerated() {
            if number > 0, span.offset < 0 { throw HistogramError.negativeOffset(number, span.offset) }
            wanted += Int64(span.length)
        }
        let given = isFloat ? counts.count : deltas.count
        guard wanted == Int64(given) else {
            throw HistogramError(
                .spansMismatch,
                before: "spans need \(wanted) buckets, have \(given) buckets: "
            )
        }
    }

    /// The populated buckets; the spans are checked.
    fileprivate func buckets(isFloat: Bool) throws(HistogramError) -> [HistogramBucket] {
        var result: [HistogramBucket] = []
        result.reserveCapacity(isFloat ? counts.count : deltas.count)
        var index: Int64 = 0
        var place = 0
        var count: Int64 = 0
        for span in spans {
            index += Int64(span.offset)
            for _ in 0..<span.length {
                defer { (place, index) = (place + 1, index + 1) }
                let raw: UInt64
                if isFloat {
                    guard !(counts[place] < 0) else {
                        throw HistogramError.negativeBucket(place, PromNumber.format(counts[place]))
                    }
                    raw = counts[place] == 0 ? 0 : counts[place].bitPattern
                } else {
                    let (sum, overflow) = count.addingReportingOverflow(deltas[place])
                    guard !overflow, sum >= 0 else { throw HistogramError.negativeBucket(place, "\(sum)") }
                    count = sum
                    raw = UInt64(sum)
                }
                guard raw != 0 else { continue }
                guard let number = Int32(exactly: index) else { throw HistogramError(.indexOverflow) }
                result.append(HistogramBucket(index: number, rawCount: raw))
            }
        }
        return result
    }
}

extension HistogramError {
    fileprivate static func placed<Result>(
        _ place: String,
        _ body: () throws(HistogramError) -> Result
    ) throws(HistogramError) -> Result {
        do throws(HistogramError) {
            return try body()
        } catch {
            throw error.at(place)
        }
    }

    fileprivate static func negativeOffset(_ number: Int, _ offset: Int32) -> HistogramError {
        HistogramError(.negativeSpanOffset, before: "span number \(number + 1) with offset \(offset): ")
    }

    fileprivate static func negativeBucket(_ number: Int, _ count: String) -> HistogramError {
        HistogramError(
            .negativeBucketCount,
            before: "bucket number \(number + 1) has observation count of \(count): "
        )
    }
}

// MARK: - Writing

extension NativeHistogram {
    /// The histogram as remote write carries it.
    public var message: HistogramMessage {
        var message = HistogramMessage()
        message.isFloat = isFloat
        if isFloat {
            (message.floatCount, message.floatZeroCount) = (count, zeroCount)
        } else {
            (message.count, message.zeroCount) = (rawCount, rawZeroCount)
        }
        message.sum = sum
        message.schema = schema
        message.zeroThreshold = zeroThreshold
        message.positive = HistogramMessage.Side(positive, isFloat: isFloat)
        message.negative = HistogramMessage.Side(negative, isFloat: isFloat)
        message.resetHint = UInt32(counterReset.rawValue)
        message.customBounds = customBounds
        return message
    }
}

extension HistogramMessage.Side {
    fileprivate init(_ buckets: [HistogramBucket], isFloat: Bool) {
        var next: Int64 = 0
        var previous: UInt64 = 0
        for (number, bucket) in buckets.enumerated() {
            if number > 0, Int64(bucket.index) == next {
                spans[spans.count - 1].length += 1
            } else {
                // Differences of ascending indices; out of order it is caught by `validate`.
                let offset = Int32(clamping: Int64(bucket.index) - next)
                spans.append(HistogramSpan(offset: offset, length: 1))
            }
            next = Int64(bucket.index) + 1
            if isFloat {
                counts.append(Double(bitPattern: bucket.rawCount))
            } else {
                deltas.append(Int64(bitPattern: bucket.rawCount &- previous))
                previous = bucket.rawCount
            }
        }
    }
}
