// SPDX-License-Identifier: Apache-2.0
//
// What a forecast looks back on: one median per hour, newest last, and the newest raw samples. 672 bytes for a week.
//
// Invariant: `medians` are of consecutive hours and end at `lastHour`; hours without samples were filled with a
// straight line, since a level that changed during an outage did change.

internal import Samples

/// Hourly medians of one series.
struct HourlyHistory: Sendable, Equatable {
    /// Raw samples of one hour at the model's pace of one in five minutes.
    static let samplesPerHour = 12

    /// The most hours kept.
    let capacity: Int
    private(set) var medians: [Float] = []
    /// The number of the newest hour in `medians`, counted from 1970; nil without any.
    private(set) var lastHour: Int64?
    /// The newest raw samples, newest last.
    private(set) var recent: [Double] = []
    /// The hour going on and its samples so far.
    private(set) var openHour: Int64?
    private(set) var openSamples: [Double] = []

    init(capacity: Int) {
        self.capacity = max(capacity, 1)
    }

    /// Puts saved state back; nil when the counts are impossible.
    init?(
        capacity: Int,
        medians: [Float],
        lastHour: Int64?,
        recent: [Double],
        openHour: Int64?,
        openSamples: [Double]
    ) {
        self.init(capacity: capacity)
        // Hours beyond any calendar are damage, and their differences would overflow.
        let plausible: Range<Int64> = 0..<(1 << 40)
        guard [lastHour, openHour].allSatisfy({ $0.map(plausible.contains) ?? true }) else { return nil }
        guard medians.isEmpty == (lastHour == nil), openSamples.isEmpty || openHour != nil,
            recent.count <= Self.samplesPerHour, openSamples.count <= Self.samplesPerHour
        else { return nil }
        self.medians = Array(medians.suffix(self.capacity))
        self.lastHour = lastHour
        self.recent = recent
        self.openHour = openHour
        self.openSamples = openSamples
    }

    /// Takes one sample; times must not go back, older hours are ignored.
    ///
    /// - Returns: whether an hour was finished.
    mutating func observe(_ value: Double, at time: Timestamp) -> Bool {
        let hour = time.milliseconds / 3_600_000
        if let lastHour, hour <= lastHour { return false }
        if let openHour, hour < openHour { return false }
        var didFinish = false
        if let openHour, hour > openHour {
            finish(openHour)
            didFinish = true
        }
        recent.append(value)
        if recent.count > Self.samplesPerHour { recent.removeFirst() }
        openHour = hour
        openSamples.append(value)
        if openSamples.count >= Self.samplesPerHour {
            finish(hour)
            didFinish = true
        }
        return didFinish
    }

    private mutating func finish(_ hour: Int64) {
        defer {
            openHour = nil
            openSamples.removeAll(keepingCapacity: true)
        }
        guard !openSamples.isEmpty else { return }
        let median = Float(Self.median(openSamples))
        if let lastHour, let previous = medians.last {
            let gap = hour - lastHour
            if gap > Int64(capacity) {
                // Longer away than the memory reaches: nothing of it says anything about now.
                medians.removeAll(keepingCapacity: true)
            } else if gap > 1 {
                for step in 1..<gap {
                    let share = Float(step) / Float(gap)
                    medians.append(previous + (median - previous) * share)
                }
            }
        }
        medians.append(median)
        if medians.count > capacity { medians.removeFirst(medians.count - capacity) }
        lastHour = hour
    }

    /// The median; the mean of the two middle values of an even number, 0 of none.
    static func median(_ values: some Collection<Double>) -> Double {
        guard !values.isEmpty else { return 0 }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// The noise of the newest raw samples: their standard deviation, a step among them not counted.
    ///
    /// A clean-up makes the level jump within the hour; taken for noise, the jump would make every threshold seem near.
    /// A step is a place that leaves means more than four standard deviations apart; on a straight slope they are 3.5.
    var noise: Double {
        let all = Self.deviation(recent)
        var steady = all
        for split in recent.indices.dropFirst() {
            let (before, after) = (recent[..<split], recent[split...])
            let (early, late) = (Self.deviation(before), Self.deviation(after))
            let squares = early * early * Double(before.count) + late * late * Double(after.count)
            let within = (squares / Double(recent.count)).squareRoot()
            let gap = before.reduce(0, +) / Double(before.count) - after.reduce(0, +) / Double(after.count)
            if gap.magnitude > 4 * within { steady = min(steady, within) }
        }
        return steady
    }

    /// The population standard deviation, 0 of none.
    static func deviation(_ values: some Collection<Double>) -> Double {
        guard !values.isEmpty else { return 0 }
        let count = Double(values.count)
        let mean = values.reduce(0, +) / count
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
    }
}
