// SPDX-License-Identifier: Apache-2.0
//
// The form in which operators hand on data: for each series one value per step and a bit that says whether there is
// one. A column is filled, read and refilled; nothing is allocated per step, and per series only where a result has
// to be kept. Native histograms stand in a column of their own beside the numbers, which mostly does not exist.

internal import Samples

/// What one series has at one time.
enum SampleValue {
    case number(Double)
    case histogram(NativeHistogram)

    var isHistogram: Bool {
        if case .histogram = self { return true }
        return false
    }
}

/// One series' values over all steps.
struct Column {
    /// Meaningful where the bit in `presence` is set.
    var values: [Double]
    /// Bit `step % 64` of word `step / 64`.
    var presence: [UInt64]
    /// The histogram at each step; empty as long as the series has none.
    ///
    /// A step has a number or a histogram, not both.
    var histograms: [NativeHistogram?] = []

    init(count: Int) {
        values = [Double](repeating: 0, count: count)
        presence = [UInt64](repeating: 0, count: Self.words(count))
    }

    static func words(_ count: Int) -> Int { (count + 63) >> 6 }

    var count: Int { values.count }

    /// Whether no step has a value.
    var isEmpty: Bool { !hasNumbers && (histograms.isEmpty || histograms.allSatisfy { $0 == nil }) }

    /// Whether a step has a number.
    var hasNumbers: Bool { presence.contains { $0 != 0 } }

    /// What the values count as against the sample limit: the number of steps with a number, and more for histograms.
    var population: Int {
        let numbers = presence.reduce(0) { $0 + $1.nonzeroBitCount }
        return histograms.isEmpty ? numbers : histograms.reduce(numbers) { $0 + ($1?.weight ?? 0) }
    }

    /// What keeping the column counts as against the sample limit: its values, but no less than the memory that it takes
    /// for steps without one.
    var footprint: Int { max(population, (count + 1) / 2) }

    /// The steps with a number or a histogram, as bits.
    var occupied: [UInt64] {
        if histograms.isEmpty { return presence }
        var bits = presence
        for step in histograms.indices where histograms[step] != nil {
            bits[step >> 6] |= 1 << UInt64(step & 63)
        }
        return bits
    }

    /// Whether a step has a number.
    func has(_ step: Int) -> Bool { presence[step >> 6] >> UInt64(step & 63) & 1 != 0 }

    /// What a step has.
    func value(_ step: Int) -> SampleValue? {
        if has(step) { return .number(values[step]) }
        guard !histograms.isEmpty, let histogram = histograms[step] else { return nil }
        return .histogram(histogram)
    }

    mutating func set(_ step: Int, _ value: Double) {
        values[step] = value
        presence[step >> 6] |= 1 << UInt64(step & 63)
    }

    mutating func set(_ step: Int, _ histogram: NativeHistogram) {
        if histograms.isEmpty { histograms = [NativeHistogram?](repeating: nil, count: count) }
        histograms[step] = histogram
    }

    mutating func set(_ step: Int, _ value: SampleValue) {
        switch value {
        case .number(let number): set(step, number)
        case .histogram(let histogram): set(step, histogram)
        }
    }

    mutating func remove(_ step: Int) {
        presence[step >> 6] &= ~(1 << UInt64(step & 63))
        if !histograms.isEmpty { histograms[step] = nil }
    }

    mutating func removeAll() {
        for word in presence.indices { presence[word] = 0 }
        removeHistograms()
    }

    /// Keeps the numbers only, for operators that know nothing else.
    mutating func removeHistograms() {
        if !histograms.isEmpty { histograms = [] }
    }

    /// Keeps the steps whose bit is set.
    mutating func keep(_ bits: [UInt64]) {
        for word in presence.indices { presence[word] &= bits[word] }
        for step in histograms.indices where bits[step >> 6] >> UInt64(step & 63) & 1 == 0 {
            histograms[step] = nil
        }
    }

    /// Sets every step.
    mutating func fill(_ value: Double) {
        for step in values.indices { set(step, value) }
    }

    /// Copies the one step of a narrower column to all of this one.
    mutating func broadcast(_ other: Column) {
        removeAll()
        if other.has(0) { fill(other.values[0]) }
        guard case .histogram(let histogram)? = other.value(0) else { return }
        histograms = [NativeHistogram?](repeating: histogram, count: count)
    }

    /// Calls `body` with each step that has a number.
    @inline(__always)
    func visit<Failure: Error>(_ body: (Int, Double) throws(Failure) -> Void) throws(Failure) {
        for word in presence.indices {
            var bits = presence[word]
            while bits != 0 {
                let step = word << 6 + bits.trailingZeroBitCount
                bits &= bits - 1
                try body(step, values[step])
            }
        }
    }

    /// Calls `body` with each step that has a histogram.
    func visitHistograms<Failure: Error>(
        _ body: (Int, NativeHistogram) throws(Failure) -> Void
    ) throws(Failure) {
        for step in histograms.indices {
            if let histogram = histograms[step] { try body(step, histogram) }
        }
    }

    /// Replaces each histogram; nil takes it away.
    mutating func updateHistograms(_ change: (Int, NativeHistogram) -> NativeHistogram?) {
        for step in histograms.indices {
            if let histogram = histograms[step] { histograms[step] = change(step, histogram) }
        }
    }

    /// Replaces each number; nil takes it away.
    @inline(__always)
    mutating func update(_ change: (Int, Double) -> Double?) {
        for word in presence.indices {
            var bits = presence[word]
            while bits != 0 {
                let bit = bits & (~bits &+ 1)
                let step = word << 6 + bits.trailingZeroBitCount
                bits &= bits - 1
                if let value = change(step, values[step]) {
                    values[step] = value
                } else {
                    presence[word] &= ~bit
                }
            }
        }
    }
}

/// What identifies a series on its way through the operators.
struct SeriesHeader {
    var labels: Labels
    /// With delayed name removal: the metric name goes at the end of the query.
    var dropsName = false

    /// What keeping the labels counts as against the sample limit.
    ///
    /// Their bytes by the 16 of a sample, but for what labels mostly have; only queries that compute labels have more.
    var footprint: Int { max(0, labels.bytes.count - 512) >> 4 }
}

/// Series with their columns, kept.
struct VectorColumns {
    let count: Int
    var headers: [SeriesHeader] = []
    var columns: [Column] = []

    init(count: Int) {
        self.count = count
    }

    mutating func append(_ header: SeriesHeader, _ column: Column) {
        headers.append(header)
        columns.append(column)
    }
}
