// SPDX-License-Identifier: Apache-2.0
//
// A manifest of kind EdgeMonitoringStack as a configuration: what it says of collecting is taken, each other section is one
// warning that says where its matter is set here. The keys of a manifest are written in camelCase; those inside its
// `scrapeConfigs` are Prometheus' and stay as they are.

internal import Samples

/// The manifest's words.
enum EdgeMonitoringStack {
    /// The `kind` by which a file is known to be one.
    static let kind = "EdgeMonitoringStack"

    /// Sections that have no effect, with what has.
    static let others: [(key: String, remedy: String)] = [
        ("localStorage", "the store is set up under \"storage\" of a file of edgewatch's own"),
        ("cloudSync", "shipping is set up under \"remote_write\" and \"sync\""),
        ("intelligentAlerts", "alerts are rules: \"rule_files\""),
        ("diagnostics", "edgewatch runs no tools"),
        ("costOptimization", "how long samples are kept is set under \"storage.tiers\""),
    ]
}

extension Configuration {
    /// Reads a manifest.
    init(readingStack manifest: Section) {
        self.init()
        manifest.accept(["apiVersion", "kind", "metadata"])
        collectors.host.interval = global.scrapeInterval
        guard manifest.node["spec"]?.entries != nil else {
            manifest.report("spec", "the manifest has no \"spec\"")
            return
        }
        manifest.section("spec") { spec in
            var jobs: [ScrapeConfig] = []
            let hosts = spec.sections("collectors") { item -> [YAMLNode] in
                // What Kubernetes is told of the containers means nothing here.
                item.accept(["name", "type", "image", "resources", "tolerations", "replicas", "env"])
                item.section("config") { inner in
                    jobs += inner.sections("scrapeConfigs") { ScrapeConfig(reading: $0, global) }
                    inner.reportRepeated("job_name", in: "scrapeConfigs")
                }
                return item.list("args")
            }
            scrapeConfigs = jobs
            var flags = NodeExporterFlags(collectors.host, spec.problems)
            flags.read(hosts.flatMap { $0 })
            collectors.host = flags.host
            if let policies = spec.take("adaptiveSampling") {
                sampling = Section.read(
                    policies.snakeCased,
                    spec.problems,
                    spec.context,
                    SamplingConfig.init(reading:)
                )
            }
            for (key, remedy) in EdgeMonitoringStack.others where spec.take(key) != nil {
                spec.problems.warn(
                    spec.place(of: key).error("\"\(key)\" has no effect in edgewatch", remedy: remedy)
                )
            }
            collectors.edge = EdgeConfig(readingStack: spec)
        }
    }
}

extension YAMLNode {
    /// The same with the keys of all mappings written as edgewatch writes them: `newInterval` is `new_interval`.
    var snakeCased: YAMLNode {
        switch content {
        case .scalar: return self
        case .sequence(let items):
            return YAMLNode(.sequence(items.map(\.snakeCased)), file: file, line: line, column: column)
        case .mapping(let entries):
            let renamed = entries.map { Entry(key: $0.key.renamed, value: $0.value.snakeCased) }
            return YAMLNode(.mapping(renamed), file: file, line: line, column: column)
        }
    }

    private var renamed: YAMLNode {
        guard case .scalar(let text, let isPlain) = content else { return self }
        var name = ""
        for scalar in text.unicodeScalars {
            if ("A"..."Z").contains(scalar) {
                name += "_" + String(scalar).lowercased()
            } else {
                name.unicodeScalars.append(scalar)
            }
        }
        return YAMLNode(.scalar(name, isPlain: isPlain), file: file, line: line, column: column)
    }
}
