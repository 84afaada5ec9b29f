// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Collector
import Daemon
import Logging
import Platform
import PromQL
import Samples

/// `edgewatch run`: the daemon.
///
/// Flags carry Prometheus' names.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs the daemon; without a configuration file it watches this machine."
    )

    @Option(name: .customLong("config.file"), help: "Configuration file: a prometheus.yml or its superset.")
    var configFile: String?

    @Option(name: .customLong("storage.path"), help: "Data directory. (default: storage.path, or ./data)")
    var storagePath: String?

    @Option(name: .customLong("web.listen-address"), help: "Address to listen on, host:port.")
    var listenAddress = DaemonOptions.defaultListenAddress

    @Flag(name: .customLong("web.enable-lifecycle"), help: "Serve POST /-/reload and POST /-/quit.")
    var enablesLifecycle = false

    @Flag(
        name: .customLong("web.enable-admin-api"),
        help: "Serve POST /api/v1/admin/tsdb/: delete_series, clean_tombstones, snapshot."
    )
    var enablesAdministration = false

    @Option(
        name: .customLong("web.cors.origin"),
        help: "Regex of the origins whose pages may read the API, anchored at both ends."
    )
    var corsOrigin = ".*"

    @Flag(
        name: .customLong("web.enable-remote-write-receiver"),
        inversion: .prefixedNo,
        help: "Store what is pushed to /api/v1/write."
    )
    var receivesRemoteWrite = true

    @Flag(
        name: .customLong("web.enable-otlp-receiver"),
        inversion: .prefixedNo,
        help: "Store what is pushed to /api/v1/otlp/v1/metrics."
    )
    var receivesOTLP = true

    @Flag(
        name: .customLong("web.enable-import-receiver"),
        inversion: .prefixedNo,
        help: "Store what is pushed to /api/v1/import/prometheus."
    )
    var importsText = true

    @Flag(
        name: .customLong("web.enable-push-gateway"),
        inversion: .prefixedNo,
        help: "Hold what is pushed to /metrics/job/…, as a Pushgateway does."
    )
    var holdsPushes = true

    @Option(
        name: .customLong("web.external-url"),
        help: "URL people reach this node under, for links in alerts."
    )
    var externalURL: String?

    @Option(name: .customLong("query.max-samples"), help: "The most samples one query may hold at once.")
    var queryMaxSamples = DaemonOptions.defaultQueryMaxSamples

    @Option(name: .customLong("query.timeout"), help: "How long one query may take.")
    var queryTimeout = "2m"

    @Option(name: .customLong("query.max-concurrency"), help: "How many queries compute at once.")
    var queryMaxConcurrency = 20

    @Option(name: .customLong("query.lookback-delta"), help: "How far back an instant selector looks.")
    var queryLookback = "5m"

    @Option(
        name: .customLong("enable-feature"),
        help:
            "Comma separated features, by Prometheus' names: \((QueryFeatures.names + ScrapeFeatures.names).joined(separator: ", "))."
    )
    var features: [String] = []

    @Option(name: .customLong("log.level"), help: "trace, debug, info, warning or error.")
    var logLevel = "info"

    func run() async throws {
        guard let level = Logger.Level(rawValue: logLevel == "warn" ? "warning" : logLevel) else {
            throw DaemonError("--log.level \(logLevel): expected trace, debug, info, warning or error")
        }
        var options = DaemonOptions()
        options.configFile = configFile
        options.storagePath = storagePath
        options.listenAddress = listenAddress
        options.enablesLifecycle = enablesLifecycle
        options.enablesAdministration = enablesAdministration
        if corsOrigin != ".*" {
            do {
                options.corsOrigin = try Pattern(corsOrigin)
            } catch {
                throw DaemonError("--web.cors.origin \(corsOrigin): \(error.message)")
            }
        }
        options.receivesRemoteWrite = receivesRemoteWrite
        options.receivesOTLP = receivesOTLP
        options.importsText = importsText
        options.holdsPushes = holdsPushes
        options.externalURL = externalURL
        for name in features.flatMap({ $0.split(separator: ",") }).map(String.init)
        where !options.enable(name) {
            Console.writeError("edgewatch: --enable-feature \(name): no such feature here; it has no effect")
        }
        options.queryTimeout = try RunCommand.duration(queryTimeout, of: "--query.timeout")
        options.queryLookback = try RunCommand.duration(queryLookback, of: "--query.lookback-delta")
        guard queryMaxSamples > 0, queryMaxConcurrency > 0 else {
            throw DaemonError("--query.max-samples and --query.max-concurrency: expected a number above 0")
        }
        options.queryMaxSamples = queryMaxSamples
        options.queryMaxConcurrency = queryMaxConcurrency
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
        try await Daemon(options: options, logger: Logger(label: "edgewatch")).run()
    }

    private static func duration(_ text: String, of flag: String) throws -> Duration {
        guard let duration = PromDuration.parse(text), duration > .zero else {
            throw DaemonError("\(flag) \(text): expected a duration above 0, for example 2m")
        }
        return duration
    }
}
