// SPDX-License-Identifier: Apache-2.0
//
// The store of rule tests: series in the notation of test scripts come in as the test's time goes on, and between them
// what rules write. A rule therefore never sees a sample that is not yet due.

public import Samples
internal import Synchronization

/// A store in memory whose series are given as text.
public final class TestStore: SeriesSource, SampleSink {
    private struct Due {
        let series: Load.Series
        var next = 0
    }

    private struct State {
        var due: [Labels: Due] = [:]
        var groups: [Labels: GroupID] = [:]
        var ids: [Labels: SeriesID] = [:]
        /// The labels of each identifier.
        var labels: [Labels] = []
        var refusal: (labels: Labels, reason: String)?
    }

    private let source = MemorySource()
    private let state = Mutex(State())
    private let start: Int64
    private let step: Int64

    /// Creates an empty store.
    ///
    /// - Parameters:
    ///   - start: the time of every series' first position.
    ///   - step: the time from one position to the next.
    public init(start: Timestamp, step: Duration) {
        self.start = start.milliseconds
        self.step = step.milliseconds
    }

    // MARK: - What is given

    /// Takes a series that is stored by and by; a later one with the same labels takes its place.
    ///
    /// - Parameters:
    ///   - series: its name and labels.
    ///   - values: its samples in the notation of test scripts, such as `1 2+3x4 _ stale {{count:1}}`.
    /// - Throws: `TestScriptError` saying what is not understood.
    public func add(series: String, values: String) throws(TestScriptError) {
        for line in "\(series) \(values)".split(separator: "\n") {
            let line = TestScriptParser.trim(line)
            guard !line.isEmpty else { continue }
            do throws(TestScriptParser.Problem) {
                let series = try TestScriptParser.series(line)
                state.withLock { $0.due[series.labels] = Due(series: series) }
            } catch {
                throw TestScriptError(1, error.message)
            }
        }
    }

    /// Stores all given samples up to a time.
    ///
    /// - Parameter time: the newest to store.
    /// - Throws: `TestScriptError` when a series already has a newer or another sample, which a rule wrote.
    public func load(through time: Timestamp) throws(TestScriptError) {
        try state.withLock { (state) throws(TestScriptError) in
            for labels in state.due.keys.sorted() {
                guard var due = state.due[labels] else { continue }
                try store(&due, through: time)
                state.due[labels] = due.next < due.series.points.count ? due : nil
            }
        }
    }

    private func store(_ due: inout Due, through time: Timestamp) throws(TestScriptError) {
        let labels = due.series.labels
        while due.next < due.series.points.count {
            let (distance, isFar) = Int64(due.next).multipliedReportingOverflow(by: step)
            let (moment, isTooFar) = start.addingReportingOverflow(distance)
            // What comes after the end of time never comes.
            guard !isFar, !isTooFar, moment <= time.milliseconds else { return }
            do throws(MemorySource.Refusal) {
                switch due.series.points[due.next] {
                case .omitted: break
                case .float(let value): try source.append(labels, moment, .number(value), start: nil)
                case .histogram(let value, _):
                    try source.append(labels, moment, .histogram(value), start: nil)
                }
            } catch {
                throw TestScriptError(1, "\(TestStore.words(error)): \(labels)")
            }
            due.next += 1
        }
    }

    // MARK: - Notation

    /// The labels of a series such as `up{job="a"}`; of nothing none.
    public static func labels(of series: String) throws(TestScriptError) -> Labels {
        let text = TestScriptParser.trim(series)
        guard !text.isEmpty else { return Labels() }
        let (metric, rest) = TestScriptParser.metric(text)
        do throws(TestScriptParser.Problem) {
            guard TestScriptParser.trim(rest).isEmpty else { throw .init("unexpected \"\(rest)\"") }
            return try TestScriptParser.labels(metric)
        } catch {
            throw TestScriptError(1, error.message)
        }
    }

    /// The histogram of a text such as `{{count:1 sum:2 buckets:[1]}}`.
    public static func histogram(of text: String) throws(TestScriptError) -> NativeHistogram {
        let points: [Point]
        do throws(TestScriptParser.Problem) {
            points = try PointItem.parse(text)
        } catch {
            throw TestScriptError(1, error.message)
        }
        guard points.count == 1, case .histogram(let histogram, _) = points[0] else {
            throw TestScriptError(1, "expected one histogram, found \"\(text)\"")
        }
        return histogram
    }

    // MARK: - SampleSink

    /// Every identity is a group.
    public func group(_ identity: Labels) -> GroupID {
        state.withLock { state in
            if let known = state.groups[identity] { return known }
            let group = GroupID(rawValue: UInt32(clamping: state.groups.count))
            state.groups[identity] = group
            return group
        }
    }

    /// A series is the same one in all groups.
    public func series(_ labels: Labels, in group: GroupID) -> SeriesID {
        state.withLock { state in
            if let known = state.ids[labels] { return known }
            let id = SeriesID(rawValue: UInt32(clamping: state.labels.count))
            state.ids[labels] = id
            state.labels.append(labels)
            return id
        }
    }

    /// Stores what rules write; what a series given as text has stays.
    public func append(_ batch: SampleBatch) -> AppendResult {
        var result = AppendResult()
        func store(_ id: SeriesID, _ value: SampleValue) {
            let labels = state.withLock { state in
                state.labels.indices.contains(Int(id.rawValue)) ? state.labels[Int(id.rawValue)] : nil
            }
            guard let labels else { return }
            do throws(MemorySource.Refusal) {
                try source.append(labels, batch.timestamp.milliseconds, value, start: nil)
                result.appended += 1
            } catch {
                switch error {
                case .outOfOrder: result.outOfOrder += 1
                case .duplicate: result.duplicate += 1
                }
                let reason = TestStore.words(error)
                state.withLock { $0.refusal = $0.refusal ?? (labels, reason) }
            }
        }
        for (id, value) in zip(batch.series, batch.values) { store(id, .number(value)) }
        for sample in batch.histograms { store(sample.series, .histogram(sample.histogram)) }
        return result
    }

    /// The first sample of a rule that was not stored, and why; nil when all were.
    public var refusal: (labels: Labels, reason: String)? { state.withLock { $0.refusal } }

    private static func words(_ refusal: MemorySource.Refusal) -> String {
        switch refusal {
        case .outOfOrder: "out of order sample"
        case .duplicate: "duplicate sample for timestamp"
        }
    }

    /// Forgets what it is told: nothing asks for it.
    public func describe(_ metadata: [MetricMetadata]) {}

    // MARK: - SeriesSource

    /// The series that match, whatever their times.
    public func select(
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) -> any SeriesSelection {
        source.select(matchers, from: from, through: through)
    }

    /// The names of all labels of the series that match.
    public func labelNames(_ matchers: [LabelMatcher], from: Timestamp, through: Timestamp) -> [String] {
        source.labelNames(matchers, from: from, through: through)
    }

    /// The values of a label of the series that match.
    public func labelValues(
        _ name: String,
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) -> [String] {
        source.labelValues(name, matchers, from: from, through: through)
    }

    /// Nothing is known of families.
    public func metadata() -> [String: MetricMetadata] { source.metadata() }
}
