// SPDX-License-Identifier: Apache-2.0
//
// info(v, {…}): series get the labels of the info metric of their target, the series that says what there is to say
// about an instance and job once instead of on each series. Which labels, and of which info metrics, the second argument
// says; by default all of `target_info`.
//
// The labels an info series lends may change from step to step, when a newer series takes its place; so a series is cut
// into stretches of steps with the same info series.

internal import Samples

extension Evaluator {
    /// The labels that say which target a series is of.
    private static let identifyingLabels = ["instance", "job"]

    /// What the second argument of `info` asks for.
    private struct Request {
        var names: [LabelMatcher] = []
        /// Labels to be lent; empty for all.
        var labels: [LabelMatcher] = []

        init(_ node: Node?) {
            guard case .selector(let selector)? = node?.unwrapped else {
                names = [LabelMatcher(Labels.metricNameLabel, equals: "target_info")]
                return
            }
            for matcher in selector.matchers {
                if matcher.name == Labels.metricNameLabel {
                    names.append(matcher)
                } else {
                    labels.append(matcher)
                }
            }
            // What a metric must not be called does not say that it is an info metric.
            let isNegative = names.allSatisfy { $0.operation == .notEqual || $0.operation == .notMatches }
            if !names.isEmpty, isNegative,
                let ending = try? LabelMatcher(Labels.metricNameLabel, .matches, ".+_info")
            {
                names.append(ending)
            }
        }

        /// What finds the info series.
        var matchers: [LabelMatcher] {
            let named = [LabelMatcher(Labels.metricNameLabel, equals: "target_info")]
            return (names.isEmpty ? named : names) + labels
        }

        func isInfo(_ labels: Labels) -> Bool {
            let name = labels.metricName ?? ""
            return !names.isEmpty && names.allSatisfy { $0.matches(name) }
        }

        func lends(_ label: String) -> Bool {
            label != Labels.metricNameLabel && (labels.isEmpty || labels.contains { $0.name == label })
        }

        /// Whether a series without an info series has the labels asked for.
        var acceptsNone: Bool { labels.allSatisfy(\.matchesEmpty) }
    }

    /// An info metric's series, with the times of the samples each step sees.
    private struct InfoSeries {
        let labels: Labels
        let times: Column
    }

    func streamInfo(_ call: Call, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        let request = Request(call.arguments.count > 1 ? call.arguments[1] : nil)
        let vector = try collect(call.arguments[0], grid)
        defer { release(vector) }
        let found = try infoSeries(request, vector, call.arguments[0], grid)
        try streamJoined(grid, body) { (builder: inout VectorBuilder) throws(QueryError) in
            for index in vector.headers.indices {
                try checkTime()
                let header = vector.headers[index]
                let column = vector.columns[index]
                if request.isInfo(header.labels) {
                    try hold(column.footprint + header.footprint)
                    try builder.add(header, column)
                    continue
                }
                try enrich(header, column, request, found, &builder)
            }
        }
    }

    /// The info series of the targets in a vector, by the labels that identify those, then by metric.
    private func infoSeries(
        _ request: Request,
        _ vector: VectorColumns,
        _ argument: Node,
        _ grid: Grid
    ) throws(QueryError) -> [[UInt8]: [String: [InfoSeries]]] {
        let selection = LabelSelection(keeping: Self.identifyingLabels)
        var wanted: Set<[UInt8]> = []
        var isIdentified = false
        for header in vector.headers where !request.isInfo(header.labels) {
            let key = selection.encoded(header.labels)
            wanted.insert(key)
            if !key.isEmpty { isIdentified = true }
        }
        guard isIdentified else { return [:] }
        var selector = VectorSelector(name: nil, matchers: request.matchers, range: argument.range)
        selector.modifiers = argument.firstModifiers ?? TimeModifiers()
        var found: [[UInt8]: [String: [InfoSeries]]] = [:]
        try stream(selector, .timestamp, grid) { (header, column: inout Column) throws(QueryError) in
            let key = selection.encoded(header.labels)
            guard wanted.contains(key) else { return }
            try hold(column.footprint)
            let series = InfoSeries(labels: header.labels, times: column)
            found[key, default: [:]][header.labels.metricName ?? "", default: []].append(series)
        }
        // Held no longer than the vector they were found for; each is counted while it is read.
        for metrics in found.values {
            for series in metrics.values { for one in series { release(one.times.footprint) } }
        }
        return found
    }

    /// Adds a series with the labels its info series lend at each step.
    private func enrich(
        _ header: SeriesHeader,
        _ column: Column,
        _ request: Request,
        _ found: [[UInt8]: [String: [InfoSeries]]],
        _ builder: inout VectorBuilder
    ) throws(QueryError) {
        let key = LabelSelection(keeping: Self.identifyingLabels).encoded(header.labels)
        let metrics = (found[key] ?? [:]).sorted { $0.key < $1.key }.map(\.value)
        var stretches: [Labels: Column] = [:]
        var order: [Labels] = []
        var last: (chosen: [Int], labels: Labels?)?
        for step in 0..<column.count {
            guard let value = column.value(step) else { continue }
            var chosen: [Int] = []
            for series in metrics { chosen.append(try newest(series, step)) }
            if last?.chosen != chosen {
                last = (chosen, try enriched(header.labels, request, zip(metrics, chosen)))
            }
            guard let labels = last?.labels else { continue }
            if stretches[labels] == nil {
                stretches[labels] = Column(count: column.count)
                order.append(labels)
            }
            stretches[labels]?.set(step, value)
        }
        for labels in order {
            guard let stretch = stretches[labels] else { continue }
            let header = SeriesHeader(labels: labels, dropsName: header.dropsName)
            try hold(stretch.footprint + header.footprint)
            try builder.add(header, stretch)
        }
    }

    /// Which series has the newest sample at a step; -1 when none has one.
    private func newest(_ series: [InfoSeries], _ step: Int) throws(QueryError) -> Int {
        var best = -1
        for (index, candidate) in series.enumerated() where candidate.times.has(step) {
            guard best >= 0 else {
                best = index
                continue
            }
            let (time, other) = (candidate.times.values[step], series[best].times.values[step])
            if time == other {
                func shown(_ series: InfoSeries) -> String {
                    let time = NumberText.plain((series.times.values[step] * 1000).rounded())
                    return "\(series.labels.pairText) @ \(time)"
                }
                let (existing, new) = (shown(series[best]), shown(candidate))
                throw QueryError(
                    .execution,
                    "found duplicate series for info metric: existing \(existing), new \(new)"
                )
            }
            if time > other { best = index }
        }
        return best
    }

    /// A series' labels and those lent to it; nil when it lacks what is asked for.
    private func enriched(
        _ labels: Labels,
        _ request: Request,
        _ chosen: Zip2Sequence<[[InfoSeries]], [Int]>
    ) throws(QueryError) -> Labels? {
        var lent = LabelsBuilder()
        var hasInfo = false
        for (series, index) in chosen where index >= 0 {
            hasInfo = true
            for (name, value) in series[index].labels.pairs where request.lends(name) {
                if let other = lent[name], other != value {
                    throw QueryError(.execution, "conflicting label: \(name)")
                }
                if labels[name] == nil { lent.set(name, value) }
            }
        }
        guard hasInfo || request.acceptsNone else { return nil }
        var builder = LabelsBuilder(labels)
        for (name, value) in lent.sortedPairs { builder.set(name, value) }
        return builder.labels()
    }
}

extension Node {
    /// `@` and `offset` of the first selector in the text.
    fileprivate var firstModifiers: TimeModifiers? {
        switch self {
        case .selector(let selector): return selector.modifiers
        case .matrix(let matrix): return matrix.selector.modifiers
        default:
            for child in children {
                if let found = child.firstModifiers { return found }
            }
            return nil
        }
    }
}
