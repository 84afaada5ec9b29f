// SPDX-License-Identifier: Apache-2.0
//
// What the command line can say about a run; everything else is configuration. A flag beats the file.

public import Collector
public import PromQL
public import Samples

/// The flags of `edgewatch run`.
public struct DaemonOptions: Sendable {
    /// The configuration file; nil runs the embedded default.
    public var configFile: String?
    /// The data directory; nil takes the file's `storage.path`.
    public var storagePath: String?
    /// `host:port` to listen on.
    public var listenAddress = DaemonOptions.defaultListenAddress
    /// Whether `POST /-/reload` and `POST /-/quit` are served.
    public var enablesLifecycle = false
    /// Whether the store can be changed and copied under `/api/v1/admin`.
    public var enablesAdministration = false
    /// Origins whose pages may read the API; nil for all.
    public var corsOrigin: Pattern?
    /// Whether `POST /api/v1/write` stores what is pushed.
    public var receivesRemoteWrite = true
    /// Whether `POST /api/v1/otlp/v1/metrics` does.
    public var receivesOTLP = true
    /// Whether `POST /api/v1/import/prometheus` does.
    public var importsText = true
    /// Whether what is pushed to `/metrics/job/…` is held.
    public var holdsPushes = true
    /// The URL people reach this node under, for links in alerts; nil derives it from the listen address.
    public var externalURL: String?

    /// The most samples one query may hold at once.
    public var queryMaxSamples = DaemonOptions.defaultQueryMaxSamples
    /// How long one query may take.
    public var queryTimeout = Duration.seconds(120)
    /// How many queries compute at once; more wait.
    public var queryMaxConcurrency = 20
    /// How far back an instant selector looks.
    public var queryLookback = Duration.seconds(300)

    /// A tenth of Prometheus' bound: 5 million samples are at most 80 MB, which an edge node survives.
    public static let defaultQueryMaxSamples = 5_000_000
    /// Where edgewatch listens when nothing is said: this machine only.
    public static let defaultListenAddress = "127.0.0.1:9090"

    /// The names given to `--enable-feature`.
    public private(set) var enabledFeatures: [String] = []
    /// What of PromQL they turn on.
    public private(set) var features = QueryFeatures()
    /// What of scraping they turn on.
    public private(set) var scrapeFeatures = ScrapeFeatures()

    /// All defaults.
    public init() {}

    /// Turns a feature on by Prometheus' name.
    ///
    /// - Parameter name: for example `promql-experimental-functions`.
    /// - Returns: false when edgewatch has no such feature, or has it always.
    public mutating func enable(_ name: String) -> Bool {
        enabledFeatures.append(name)
        return features.enable(name) || scrapeFeatures.enable(name)
    }
}

/// Why a run could not begin or go on; one sentence for the operator.
public struct DaemonError: Error, Sendable, CustomStringConvertible {
    /// What happened and what to do.
    public let description: String
    /// 1, or 2 for a configuration error.
    public let exitCode: Int32

    /// Creates an error.
    public init(_ description: String, exitCode: Int32 = 1) {
        self.description = description
        self.exitCode = exitCode
    }
}
