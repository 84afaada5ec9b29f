// SPDX-License-Identifier: Apache-2.0

public import Samples

/// A server of Network UPS Tools (upsd).
public struct NUTServerConfig: Sendable, Equatable {
    /// Unique; the `instance` label unless labels say otherwise.
    public var name: String
    /// The server's name or address.
    public var host: String
    /// Its TCP port.
    public var port = 3493
    /// The devices read, by the server's names; empty reads all it has.
    public var ups: [String] = []
    /// Who asks; nil asks without a name, which suffices for reading unless the server says otherwise.
    public var username: String?
    /// The password, empty when `passwordFile` has it.
    public var password = Secret("")
    /// A file holding the password.
    public var passwordFile: String?
    /// How often it is read; `global.scrape_interval` unless configured.
    public var interval = Duration.seconds(60)
    /// For the whole conversation of a pass.
    public var timeout = Duration.seconds(5)
    /// Whether this node lives on these devices, so that their state is the node's.
    public var powersNode = true
    /// Labels of all its series.
    public var labels = Labels()

    /// What values may be.
    public var validation: [ValidationConfig] = []

    /// Creates a server with defaults.
    public init(name: String, host: String) {
        self.name = name
        self.host = host
    }
}
