// SPDX-License-Identifier: Apache-2.0
//
// A run from the first flag to the last sync: read the configuration, wire the stages, start them in the data's order,
// stop them in reverse. A run that cannot begin says why in one sentence and leaves nothing behind.

internal import HTTPAPI
public import Logging
internal import ServiceLifecycle
internal import TSDB
internal import UnixSignals

/// The daemon.
public struct Daemon: Sendable {
    /// SIGTERM to the cancellation of whatever still runs.
    ///
    /// Within it a request in flight and the last log sync have time to end.
    private static let longestShutdown = Duration.seconds(8)

    private let options: DaemonOptions
    private let logger: Logger

    /// Prepares a run.
    public init(options: DaemonOptions, logger: Logger) {
        self.options = options
        self.logger = logger
    }

    /// Runs until SIGTERM or SIGINT.
    ///
    /// - Throws: `DaemonError` when the run cannot begin or a service fails.
    public func run() async throws {
        guard let address = ListenAddress(options.listenAddress) else {
            throw DaemonError(
                "--web.listen-address \(options.listenAddress): expected host:port, for example 127.0.0.1:9090"
            )
        }
        let loaded = try ConfigurationLoader.load(options.configFile, features: options.features)
        let wiring = try Wiring(options: options, address: address, loaded: loaded, logger: logger)
        let deadline = ShutdownDeadline(Daemon.longestShutdown, logger: logger)
        defer { deadline.end() }
        // The group's own lines repeat what the services say; only what nobody else reports is wanted.
        var quiet = logger
        quiet.logLevel = .critical
        var configuration = ServiceGroupConfiguration(
            services: wiring.services(deadline),
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: quiet
        )
        configuration.maximumGracefulShutdownDuration = Daemon.longestShutdown
        // After that it waits for every service, while the deadline ends the process where one does not end.
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch let error as ListenError {
            throw DaemonError(error.description)
        } catch let error as StoreError {
            throw DaemonError(error.description)
        }
        logger.info("stopped")
    }
}
