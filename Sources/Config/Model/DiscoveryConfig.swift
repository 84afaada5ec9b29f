// SPDX-License-Identifier: Apache-2.0

/// Where a job's targets come from besides `static_configs`.
public struct DiscoveryConfig: Sendable, Equatable {
    /// Files with targets.
    public var file: [FileDiscoveryConfig] = []
    /// Servers that answer with targets.
    public var http: [HTTPDiscoveryConfig] = []
    /// Names whose records are targets.
    public var dns: [DNSDiscoveryConfig] = []
    /// Clusters whose objects are targets.
    public var kubernetes: [KubernetesDiscoveryConfig] = []

    /// Creates a configuration that discovers nothing.
    public init() {}

    /// Whether nothing is discovered.
    public var isEmpty: Bool { self == DiscoveryConfig() }
}

/// Targets in files.
public struct FileDiscoveryConfig: Sendable, Equatable {
    /// Paths ending in .json, .yml or .yaml; the last element may have one `*`.
    public var files: [String] = []
    /// How often the files are read also when nothing says that they changed.
    public var refreshInterval = Duration.seconds(300)

    /// Creates a configuration without files.
    public init() {}
}

/// Targets a server lists.
public struct HTTPDiscoveryConfig: Sendable, Equatable {
    /// The URL asked.
    public var url: String
    /// How often.
    public var refreshInterval = Duration.seconds(60)
    /// Authentication, TLS, redirects, proxy.
    public var http = HTTPConfig()

    /// Creates a configuration.
    public init(url: String) {
        self.url = url
    }
}

/// Targets in the records of names.
public struct DNSDiscoveryConfig: Sendable, Equatable {
    /// A type of record.
    public enum RecordType: String, Sendable, CaseIterable {
        case srv = "SRV"
        case a = "A"
        case aaaa = "AAAA"
        case mx = "MX"
        case ns = "NS"
    }

    /// The names asked for.
    public var names: [String] = []
    /// The records wanted.
    public var type = RecordType.srv
    /// The port of the targets; SRV records bring their own.
    public var port = 0
    /// How often the names are asked for.
    public var refreshInterval = Duration.seconds(30)

    /// Creates a configuration without names.
    public init() {}
}
