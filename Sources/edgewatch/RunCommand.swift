// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Daemon
import Logging

/// `edgewatch run`: the daemon. Flags carry Prometheus' names.
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

    @Flag(name: .customLong("web.enable-lifecycle"), help: "Serve /-/reload and /-/quit.")
    var enablesLifecycle = false

    @Option(name: .customLong("web.external-url"), help: "URL people reach this node under, for links in alerts.")
    var externalURL: String?

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
        options.externalURL = externalURL
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
        try await Daemon(options: options, logger: Logger(label: "edgewatch")).run()
    }
}
