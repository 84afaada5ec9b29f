// SPDX-License-Identifier: Apache-2.0

/// A kind of object of the Kubernetes API, as it is listed and watched.
public enum KubernetesResource: String, Sendable, CaseIterable {
    case nodes
    case pods
    case services
    case endpointSlices = "endpointslices"
    case endpoints
    case ingresses
    case namespaces
    /// Only to find the Deployment of a pod.
    case replicaSets = "replicasets"
    /// Only to find the CronJob of a pod.
    case jobs

    /// Whether its objects belong to a namespace.
    public var isNamespaced: Bool { self != .nodes && self != .namespaces }

    /// The path of the collection.
    ///
    /// - Parameter namespace: nil for all namespaces; ignored where there are none.
    /// - Returns: the path, from `/` on.
    public func path(namespace: String?) -> String {
        let group =
            switch self {
            case .nodes, .pods, .services, .endpoints, .namespaces: "/api/v1"
            case .endpointSlices: "/apis/discovery.k8s.io/v1"
            case .ingresses: "/apis/networking.k8s.io/v1"
            case .replicaSets: "/apis/apps/v1"
            case .jobs: "/apis/batch/v1"
            }
        guard isNamespaced, let namespace else { return "\(group)/\(rawValue)" }
        return "\(group)/namespaces/\(namespace)/\(rawValue)"
    }
}

/// What becomes a target.
public enum KubernetesRole: String, Sendable, CaseIterable {
    case node
    case pod
    case service
    case endpointSlice = "endpointslice"
    case endpoints
    case ingress

    /// The objects that become targets.
    public var resource: KubernetesResource {
        switch self {
        case .node: .nodes
        case .pod: .pods
        case .service: .services
        case .endpointSlice: .endpointSlices
        case .endpoints: .endpoints
        case .ingress: .ingresses
        }
    }

    /// What a group's source begins with.
    var source: String { self == .service ? "svc" : rawValue }
}

/// Which other objects' metadata targets get.
public struct KubernetesAttachments: Sendable, Equatable {
    /// Labels and annotations of the node a pod or an endpoint is on.
    public var node = false
    /// Labels and annotations of the namespace.
    public var namespace = false
    /// The name of a pod's Deployment.
    public var deployment = false
    /// The name of a pod's Job.
    public var job = false
    /// The name of a pod's CronJob.
    public var cronJob = false

    /// Creates none.
    public init() {}
}

extension KubernetesRole {
    /// Everything to be watched for the targets of this role.
    public func resources(_ attachments: KubernetesAttachments) -> [KubernetesResource] {
        var found = [resource]
        let hasPods: Bool
        switch self {
        case .endpointSlice, .endpoints:
            found += [.services, .pods]
            hasPods = true
        case .pod: hasPods = true
        case .node, .service, .ingress: hasPods = false
        }
        if attachments.node, hasPods { found.append(.nodes) }
        if attachments.namespace, self != .node { found.append(.namespaces) }
        if attachments.deployment, hasPods { found.append(.replicaSets) }
        if attachments.cronJob, hasPods { found.append(.jobs) }
        return found
    }
}
