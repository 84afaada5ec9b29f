// SPDX-License-Identifier: Apache-2.0

/// Where alerts are sent.
public struct AlertingConfig: Sendable, Equatable {
    /// Applied to every alert before it is sent anywhere.
    public var alertRelabelConfigs: [RelabelConfig] = []
    /// Alertmanagers.
    public var alertmanagers: [AlertmanagerConfig] = []
    /// Receivers of Alertmanager's webhook payload (an edgewatch extension), reachable without any Alertmanager.
    public var webhooks: [WebhookConfig] = []

    /// Creates an empty list of receivers.
    public init() {}
}

/// A set of Alertmanagers that are spoken to in one way.
public struct AlertmanagerConfig: Sendable, Equatable {
    /// `http` or `https`.
    public var scheme = "http"
    /// Before `/api/v2/alerts`.
    public var pathPrefix = "/"
    /// For one request.
    public var timeout = Duration.seconds(10)
    /// Authentication, TLS, redirects, proxy.
    public var http = HTTPConfig()
    /// The Alertmanagers.
    public var staticConfigs: [TargetGroup] = []
    /// Applied to each Alertmanager's own labels; one that is dropped is not spoken to.
    public var relabelConfigs: [RelabelConfig] = []
    /// Applied to every alert sent to these, after those of `alerting`.
    public var alertRelabelConfigs: [RelabelConfig] = []

    /// The addresses alerts are posted to, in file order.
    public var urls: [String] {
        let prefix = pathPrefix.split(separator: "/").map { "/\($0)" }.joined()
        return staticConfigs.flatMap(\.targets).map { "\(scheme)://\($0)\(prefix)/api/v2/alerts" }
    }

    /// Creates Prometheus' defaults without targets.
    public init() {}
}

/// A receiver of Alertmanager's webhook payload, version 4.
public struct WebhookConfig: Sendable, Equatable {
    /// Unique; the URL without credentials and query unless configured.
    public var name: String
    /// Where to post; may hold a token.
    public var url: Secret
    /// Whether the end of an alert is sent too.
    public var sendResolved = true
    /// The most alerts in one message; 0 is no limit.
    public var maxAlerts = 0
    /// For one request.
    public var timeout = Duration.seconds(10)
    /// How long until a firing alert is sent again.
    public var repeatInterval = Duration.seconds(4 * 3600)
    /// Authentication, TLS, redirects, proxy.
    public var http = HTTPConfig()

    /// Creates a receiver with defaults.
    public init(name: String, url: Secret) {
        self.name = name
        self.url = url
    }
}
