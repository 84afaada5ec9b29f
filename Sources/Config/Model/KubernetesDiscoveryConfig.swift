// SPDX-License-Identifier: Apache-2.0

/// Targets found in a Kubernetes cluster.
public struct KubernetesDiscoveryConfig: Sendable, Equatable {
    /// What becomes a target; the values are what a file says.
    public enum Role: String, Sendable, CaseIterable {
        case pod
        case service
        case endpoints
        case endpointSlice = "endpointslice"
        case node
        case ingress

        /// Roles whose objects are listed for this one, and so can be selected.
        var selectable: [Role] {
            switch self {
            case .pod: [.pod, .node]
            case .endpoints: [.pod, .service, .endpoints]
            case .endpointSlice: [.pod, .service, .endpointSlice]
            case .service, .node, .ingress: [self]
            }
        }
    }

    /// Which objects of a role are listed.
    public struct Selector: Sendable, Equatable {
        /// Whose objects.
        public var role: Role
        /// A label selector in the API's notation, empty for all.
        public var label = ""
        /// A field selector in the API's notation, empty for all.
        public var field = ""

        /// Creates a selector of everything.
        public init(role: Role) {
            self.role = role
        }
    }

    /// What becomes a target.
    public var role: Role
    /// The server's URL; nil for `kubeconfigFile`, or the cluster edgewatch runs in.
    public var apiServer: String?
    /// A file that says where the server is and who asks, as kubectl reads it.
    public var kubeconfigFile: String?
    /// The namespaces looked at; empty for all, unless `ownNamespace`.
    public var namespaces: [String] = []
    /// Whether the namespace edgewatch runs in is looked at.
    public var ownNamespace = false
    /// Which objects are listed, at most one for a role.
    public var selectors: [Selector] = []
    /// Whether targets get labels and annotations of their node.
    public var attachesNode = false
    /// Whether targets get labels and annotations of their namespace.
    public var attachesNamespace = false
    /// Whether pods get the name of their Deployment.
    public var attachesDeployment = false
    /// Whether pods get the name of their Job.
    public var attachesJob = false
    /// Whether pods get the name of their CronJob.
    public var attachesCronJob = false
    /// How `apiServer` is talked to.
    public var http = HTTPConfig()

    /// Creates a discovery in the own cluster.
    public init(role: Role) {
        self.role = role
    }
}
