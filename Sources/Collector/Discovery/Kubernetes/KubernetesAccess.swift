// SPDX-License-Identifier: Apache-2.0
//
// Where the API server is and who asks: from the configuration, from a kubeconfig file, or from what a pod is given by
// its cluster. Tokens in files are read for every request, because the cluster replaces them.

internal import Config
internal import Platform

/// An API server that cannot be found.
struct KubernetesAccessError: Error, Equatable {
    let words: String
}

/// An API server and how it is talked to.
struct KubernetesAccess: Sendable, Equatable {
    /// The server's URL without a slash at the end.
    var server: String
    var http: HTTPConfig
    /// The namespace edgewatch runs in, when it is asked for.
    var ownNamespace: String?

    /// Where a pod finds its account.
    static let accountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount"
    /// Bytes of a kubeconfig file, or of a namespace's name.
    private static let fileLimit = 1 << 20

    /// Finds the server.
    ///
    /// - Parameters:
    ///   - config: what the file says.
    ///   - environment: the value of an environment variable.
    ///   - account: the directory with a pod's account.
    /// - Throws: `KubernetesAccessError`.
    init(
        _ config: KubernetesDiscoveryConfig,
        environment: (String) -> String?,
        account: String = KubernetesAccess.accountDirectory
    ) throws(KubernetesAccessError) {
        if let server = config.apiServer {
            self.init(server: server, http: config.http)
        } else if let file = config.kubeconfigFile {
            do {
                let found = try KubeConfig(
                    try TextFile.read(file, limit: KubernetesAccess.fileLimit),
                    file: file
                )
                self.init(server: found.server, http: found.http)
            } catch {
                throw KubernetesAccessError(words: "\(error)")
            }
        } else {
            try self.init(account: account, environment: environment)
            if config.ownNamespace { ownNamespace = try KubernetesAccess.namespace(account) }
        }
        while server.hasSuffix("/") { server.removeLast() }
    }

    private init(server: String, http: HTTPConfig) {
        self.server = server
        self.http = http
    }

    private init(account: String, environment: (String) -> String?) throws(KubernetesAccessError) {
        guard let host = environment("KUBERNETES_SERVICE_HOST"), !host.isEmpty,
            let port = environment("KUBERNETES_SERVICE_PORT"), !port.isEmpty
        else {
            throw KubernetesAccessError(
                words: "edgewatch does not run in a cluster (KUBERNETES_SERVICE_HOST is not set): "
                    + "set \"api_server\" or \"kubeconfig_file\""
            )
        }
        var http = HTTPConfig()
        http.authorization = AuthorizationConfig()
        http.authorization?.credentialsFile = "\(account)/token"
        http.tls.caFile = "\(account)/ca.crt"
        let address = host.contains(":") ? "[\(host)]" : host
        self.init(server: "https://\(address):\(port)", http: http)
    }

    private static func namespace(_ account: String) throws(KubernetesAccessError) -> String {
        let name: String
        do {
            let bytes = try TextFile.read("\(account)/namespace", limit: fileLimit)
            name = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
        } catch {
            throw KubernetesAccessError(words: "the own namespace is not known: \(error)")
        }
        guard !name.isEmpty else {
            throw KubernetesAccessError(words: "the own namespace is not known: empty file")
        }
        return name
    }
}
