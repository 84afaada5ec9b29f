// SPDX-License-Identifier: Apache-2.0
//
// From a document to a configuration, section by section in the order of Configuration.swift.

internal import Platform
internal import Samples

#if canImport(Glibc)
internal import Glibc
#endif

extension Configuration {
    /// Reads and checks a file.
    ///
    /// - Parameter path: the file; relative paths in it begin at its directory.
    /// - Returns: the configuration.
    /// - Throws: `ConfigErrors` with up to 20 mistakes.
    public static func load(path: String) throws(ConfigErrors) -> Configuration {
        let bytes: [UInt8]
        do {
            bytes = try TextFile.read(path, limit: YAMLReader.sizeLimit, mayBePipe: true)
        } catch {
            throw ConfigErrors([ConfigError(file: path, message: ErrorNumber.words(error.code))])
        }
        return try parse(bytes, file: path)
    }

    /// Reads and checks a file's contents.
    ///
    /// - Parameters:
    ///   - bytes: the contents.
    ///   - file: the file's path, for errors and as the origin of relative paths; nil for the embedded
    ///     default.
    ///   - environment: the value of a variable; the process' own environment unless given.
    /// - Returns: the configuration.
    /// - Throws: `ConfigErrors` with up to 20 mistakes.
    public static func parse(
        _ bytes: [UInt8],
        file: String?,
        environment: (String) -> String? = Configuration.processEnvironment
    ) throws(ConfigErrors) -> Configuration {
        let root = try YAMLReader.parse(bytes, file: file ?? "(default)")
        let problems = Problems()
        let directory = file.map(Configuration.directory) ?? ""
        var configuration = withoutActuallyEscaping(environment) { environment in
            let context = ReadContext(directory: directory, environment: environment)
            // No configuration of Prometheus or edgewatch has this key, every manifest has.
            if let kind = root["kind"], let word = kind.string {
                guard word == EdgeMonitoringStack.kind else {
                    let remedy = Nearest.remedy(for: word, among: [EdgeMonitoringStack.kind])
                    problems.add(kind.error("unknown kind \"\(word)\"", remedy: remedy))
                    return Configuration()
                }
                return Section.read(root, problems, context, Configuration.init(readingStack:))
            }
            return Section.read(root, problems, context, Configuration.init(reading:))
        }
        guard problems.errors.isEmpty else { throw ConfigErrors(problems.errors) }
        configuration.file = file
        configuration.warnings = problems.warnings
        configuration.redactedYAML = YAMLText.redacted(root)
        return configuration
    }

    /// The configuration of `embeddedDefault`.
    ///
    /// - Returns: the configuration.
    /// - Throws: `ConfigErrors`, only if the embedded text were wrong.
    public static func loadEmbeddedDefault() throws(ConfigErrors) -> Configuration {
        try parse(Array(embeddedDefault.utf8), file: nil)
    }

    /// A variable of the process' environment.
    public static func processEnvironment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private init(reading section: Section) {
        self.init()
        global = section.section("global", GlobalConfig.init(reading:))
        scrapeConfigs = section.sections("scrape_configs") { [global] in ScrapeConfig(reading: $0, global) }
        section.reportRepeated("job_name", in: "scrape_configs")
        let more = section.scrapeConfigFiles(global)
        section.reportRepeatedJobs(more.jobs, besides: scrapeConfigs)
        scrapeConfigs += more.jobs
        redactedJobFiles = more.texts
        ruleFiles = section.strings("rule_files").map(section.context.resolve)
        alerting = section.section("alerting", AlertingConfig.init(reading:))
        remoteWrite = section.sections("remote_write", RemoteWriteConfig.init(reading:))
        section.reportSharedNames(remoteWrite.map(\.name), in: "remote_write")
        storage = section.section("storage", StorageConfig.init(reading:))
        sampling = section.section("sampling", SamplingConfig.init(reading:))
        sync = section.section("sync") { [remoteWrite] in
            SyncConfig(reading: $0, destinations: remoteWrite.map(\.name))
        }
        otlp = section.section("otlp", OTLPConfig.init(reading:))
        push = section.section("push") { [global] in PushConfig(reading: $0, global) }
        collectors = section.section("collectors") { [global] in CollectorsConfig(reading: $0, global) }
        section.ignore(["remote_read", "tracing", "runtime"])
    }
}

extension GlobalConfig {
    fileprivate init(reading section: Section) {
        self.init()
        formats = ScrapeFormats(reading: section, inheriting: formats)
        scrapeInterval = section.interval("scrape_interval") ?? scrapeInterval
        if let timeout = section.interval("scrape_timeout") {
            scrapeTimeout = timeout
            if timeout > scrapeInterval {
                section.report("scrape_timeout", "the scrape timeout is longer than the scrape interval")
            }
        }
        scrapeTimeout = min(scrapeTimeout, scrapeInterval)
        evaluationInterval = section.interval("evaluation_interval") ?? evaluationInterval
        externalLabels = section.labels("external_labels", expandingVariables: true)
        limits = ScrapeLimits(reading: section, inheriting: limits)
        section.ignore(["query_log_file", "scrape_failure_log_file", "rule_query_offset"])
    }
}

extension ScrapeLimits {
    /// Reads the limits that `global` and a job share; in a job, 0 is what `global` says.
    init(reading section: Section, inheriting outer: ScrapeLimits) {
        self = outer
        if let size = section.size("body_size_limit"), size > 0 { bodySize = size }
        read("sample_limit", \.samples, section)
        read("label_limit", \.labels, section)
        read("label_name_length_limit", \.labelNameLength, section)
        read("label_value_length_limit", \.labelValueLength, section)
        read("target_limit", \.targets, section)
        read("keep_dropped_targets", \.keptDroppedTargets, section)
    }

    private mutating func read(_ key: String, _ limit: WritableKeyPath<ScrapeLimits, Int>, _ section: Section)
    {
        if let value = section.integer(key, in: 0...(.max)), value > 0 { self[keyPath: limit] = value }
    }
}

extension Section {
    /// Reports items of a list whose scalar `key` another item already has.
    func reportRepeated(_ key: String, in list: String) {
        var lines: [String: Int] = [:]
        for item in node[list]?.items ?? [] {
            guard let value = item[key], let name = value.string else { continue }
            if let line = lines[name] {
                problems.add(value.error("\(key) \"\(name)\" is already used at line \(line)"))
            } else {
                lines[name] = value.line
            }
        }
    }

    /// Reports that items of a list without a name of their own would share one.
    func reportSharedNames(_ names: [String], in list: String) {
        var seen: Set<String> = []
        // Without a name and a readable URL there is none to share, and the URL is reported already.
        for name in names where !name.isEmpty && !seen.insert(name).inserted {
            report(
                list,
                "two entries of \(list) are called \"\(name)\"",
                remedy: "give each a \"name\" of its own"
            )
        }
    }
}
