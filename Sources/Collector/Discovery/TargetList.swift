// SPDX-License-Identifier: Apache-2.0
//
// From a scrape job to its targets: the labels a target is known by, relabeling, the URL. Prometheus' order
// (scrape/target.go, PopulateLabels): discovered labels and defaults, relabel_configs, checks, `instance` from the
// address, and finally labels beginning with `__` are taken off what samples get.

internal import Config
internal import Samples
internal import Wire

/// The targets of jobs, and what became of the others.
struct TargetList {
    /// Dropped targets kept of a job that sets no `keep_dropped_targets`; all of them are counted.
    static let droppedLimit = 1000

    private(set) var targets: [ScrapeTarget] = []
    private var keptDropped: [Dropped] = []
    /// How many targets relabeling dropped, also those not kept.
    private(set) var droppedCount = 0
    /// Targets that cannot be scraped, in words.
    private(set) var problems: [String] = []

    /// A target that relabeling dropped.
    private struct Dropped {
        let shared: SharedJob
        let own: PackedLabels
        let group: PackedLabels
    }

    /// The dropped targets that are kept.
    var dropped: [DroppedTarget] {
        keptDropped.map {
            DroppedTarget(
                discoveredLabels: TargetList.discoveredLabels($0.own, $0.group, of: $0.shared.config)
                    .labels(),
                scrapePool: $0.shared.config.jobName
            )
        }
    }

    /// Builds the static targets of all jobs, each target once in its job.
    init(_ jobs: [ScrapeConfig]) {
        for job in jobs { add(job, SharedJob(job), DiscoveredGroup.fixed(of: job)) }
    }

    /// Builds the targets of a job.
    ///
    /// - Parameters:
    ///   - job: the job with its relabeling.
    ///   - shared: what its targets share.
    ///   - groups: what was found.
    ///   - limit: the most targets made; whatever is left is `refused`.
    init(_ job: ScrapeConfig, _ shared: SharedJob, _ groups: [DiscoveredGroup], limit: Int = .max) {
        targetLimit = limit
        add(job, shared, groups)
    }

    private var targetLimit = Int.max
    /// Targets beyond the limit.
    private(set) var refused = 0

    private mutating func add(_ job: ScrapeConfig, _ shared: SharedJob, _ groups: [DiscoveredGroup]) {
        var known: Set<TargetKey> = []
        for group in groups {
            for target in group.targets { add(target, group.labels, of: job, shared, known: &known) }
        }
    }

    private mutating func add(
        _ own: PackedLabels,
        _ group: PackedLabels,
        of job: ScrapeConfig,
        _ shared: SharedJob,
        known: inout Set<TargetKey>
    ) {
        switch TargetList.outcome(own, group, of: job, shared) {
        case .target(let target):
            guard known.insert(target.key).inserted else { return }
            if targets.count < targetLimit { targets.append(target) } else { refused += 1 }
        case .dropped:
            droppedCount += 1
            let limit =
                job.limits.keptDroppedTargets > 0 ? job.limits.keptDroppedTargets : TargetList.droppedLimit
            guard keptDropped.count < limit else { return }
            keptDropped.append(Dropped(shared: shared, own: own, group: group))
        case .problem(let words):
            // People read a few; a list of thousands says no more.
            guard problems.count < 100 else { return }
            let address = own["__address__"] ?? group["__address__"] ?? ""
            problems.append("job \(job.jobName), target \(address): \(words)")
        }
    }

    /// What becomes of something discovered.
    enum Outcome {
        case target(ScrapeTarget)
        /// Relabeling dropped it.
        case dropped
        case problem(String)
    }

    /// Judges one target.
    static func outcome(
        _ own: PackedLabels,
        _ group: PackedLabels,
        of job: ScrapeConfig,
        _ shared: SharedJob
    ) -> Outcome {
        var builder = discoveredLabels(own, group, of: job)
        guard job.relabelConfigs.apply(to: &builder), !builder.sortedPairs.isEmpty else { return .dropped }
        do throws(TargetProblem) {
            return .target(try target(builder, own, group, of: job, shared))
        } catch {
            return .problem(error.words)
        }
    }

    /// What `check service-discovery` shows of one target: the labels before and after relabeling.
    static func check(
        _ own: PackedLabels,
        _ group: PackedLabels,
        of job: ScrapeConfig,
        _ shared: SharedJob
    ) -> (discovered: Labels, labels: Labels, error: String) {
        let discovered = discoveredLabels(own, group, of: job).labels()
        switch outcome(own, group, of: job, shared) {
        case .dropped: return (discovered, Labels(), "")
        case .problem(let words): return (discovered, Labels(), words)
        case .target(let target):
            var builder = LabelsBuilder(discovered)
            _ = job.relabelConfigs.apply(to: &builder)
            for (name, _) in builder.sortedPairs where name.hasPrefix("__meta_") { builder.remove(name) }
            for (name, value) in target.labels.pairs { builder.set(name, value) }
            return (discovered, builder.labels(), "")
        }
    }

    private struct TargetProblem: Error {
        let words: String
    }

    /// What relabeling begins with.
    static func discoveredLabels(
        _ own: PackedLabels,
        _ group: PackedLabels,
        of job: ScrapeConfig
    ) -> LabelsBuilder {
        var builder = LabelsBuilder(group)
        builder.merge(own)
        let defaults = [
            ("job", job.jobName), ("__scrape_interval__", PromDuration.format(job.scrapeInterval)),
            ("__scrape_timeout__", PromDuration.format(job.scrapeTimeout)),
            ("__metrics_path__", job.metricsPath), ("__scheme__", job.scheme),
        ]
        for (name, value) in defaults where builder[name] == nil { builder.set(name, value) }
        for label in ScrapeFormats.settingLabels where builder[label.name] == nil {
            builder.set(label.name, job.formats[keyPath: label.setting] ? "true" : "false")
        }
        for parameter in job.params where builder["__param_\(parameter.name)"] == nil {
            if let first = parameter.values.first { builder.set("__param_\(parameter.name)", first) }
        }
        return builder
    }

    private static func target(
        _ labels: LabelsBuilder,
        _ own: PackedLabels,
        _ group: PackedLabels,
        of job: ScrapeConfig,
        _ shared: SharedJob
    ) throws(TargetProblem) -> ScrapeTarget {
        guard let address = labels["__address__"] else { throw TargetProblem(words: "no address") }
        guard !address.contains("/") else {
            throw TargetProblem(words: "\(Labels.quoted(address)) is not a valid hostname")
        }
        guard let interval = PromDuration.parse(labels["__scrape_interval__"] ?? ""), interval > .zero else {
            throw TargetProblem(words: "scrape interval is not a duration above 0")
        }
        guard let timeout = PromDuration.parse(labels["__scrape_timeout__"] ?? ""), timeout > .zero else {
            throw TargetProblem(words: "scrape timeout is not a duration above 0")
        }
        guard timeout <= interval else {
            throw TargetProblem(words: "scrape timeout cannot be greater than scrape interval")
        }
        let (formats, wrong) = job.formats.overridden(by: labels)
        guard let formats else {
            throw TargetProblem(
                words: "\(wrong) is \(Labels.quoted(labels[wrong] ?? "")), which is neither true nor false"
            )
        }
        var kept = LabelsBuilder()
        for (name, value) in labels.sortedPairs where !name.hasPrefix("__") { kept.set(name, value) }
        if kept["instance"] == nil { kept.set("instance", address) }
        return ScrapeTarget(
            shared: shared,
            own: own,
            group: group,
            labels: kept.labels(),
            url: url(labels, address: address, of: job),
            interval: interval,
            timeout: timeout,
            formats: formats
        )
    }

    private static func url(_ labels: LabelsBuilder, address: String, of job: ScrapeConfig) -> String {
        var parameters: [String: [String]] = [:]
        for parameter in job.params { parameters[parameter.name] = parameter.values }
        for (name, value) in labels.sortedPairs where name.hasPrefix("__param_") {
            let key = String(name.dropFirst("__param_".count))
            // The label stands for the first value only.
            parameters[key] = [value] + (parameters[key] ?? []).dropFirst()
        }
        let query = parameters.sorted { $0.key < $1.key }.flatMap { name, values in
            values.map { "\(escapedQuery(name))=\(escapedQuery($0))" }
        }.joined(separator: "&")
        var path = labels["__metrics_path__"] ?? "/metrics"
        if !path.hasPrefix("/") { path = "/" + path }
        let separator = query.isEmpty ? "" : "?"
        // A path, as Go's net/url has it: a question mark in it is no query, and a percent sign encodes nothing.
        let encoded = escaped(path, but: "$&+,/:;=@")
        return "\(labels["__scheme__"] ?? "http")://\(address)\(encoded)\(separator)\(query)"
    }

    private static func escapedQuery(_ text: String) -> String { escaped(text).replacing("%20", with: "+") }

    /// Percent-encodes all but the unreserved characters of RFC 3986 and some more.
    private static func escaped(_ text: String, but more: String = "") -> String {
        var out = ""
        for byte in text.utf8 {
            let isLetter = (byte | 0x20) &- UInt8(ascii: "a") < 26
            let isDigit = byte &- UInt8(ascii: "0") < 10
            if isLetter || isDigit || "-._~".utf8.contains(byte) || more.utf8.contains(byte) {
                out.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                out += digits.utf8.count < 2 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return out
    }
}
