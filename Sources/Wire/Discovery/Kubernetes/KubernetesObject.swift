// SPDX-License-Identifier: Apache-2.0
//
// Objects of the Kubernetes API, slimmed to what targets and their labels need. The version of an object is not kept:
// an object whose status moved without a change of these fields is the same object, and its targets are left alone.
// Labels and annotations are kept as the labels they become, packed, one byte buffer per object and one per container.

/// An object as discovery keeps it.
///
/// Boxed: the largest kind is ten times the size of a reference, and tables of objects have free places.
public indirect enum KubernetesObject: Sendable, Equatable {
    case node(KubernetesNode)
    case pod(KubernetesPod)
    case service(KubernetesService)
    case slice(KubernetesSlice)
    case endpoints(KubernetesEndpoints)
    case ingress(KubernetesIngress)
    case namespace(KubernetesMeta)
    /// A ReplicaSet or a Job, of which only the controller is asked.
    case owner(KubernetesMeta)

    /// Its names, labels and annotations.
    public var meta: KubernetesMeta {
        switch self {
        case .node(let node): node.meta
        case .pod(let pod): pod.meta
        case .service(let service): service.meta
        case .slice(let slice): slice.meta
        case .endpoints(let endpoints): endpoints.meta
        case .ingress(let ingress): ingress.meta
        case .namespace(let meta), .owner(let meta): meta
        }
    }

    /// About how many bytes it takes.
    public var cost: Int {
        let own =
            switch self {
            case .node(let node): node.labels.byteCount
            case .pod(let pod): pod.labels.byteCount + pod.containers.reduce(0) { $0 + $1.cost }
            case .service(let service): 64 * service.ports.count
            case .slice(let slice): 96 * slice.ports.count + slice.endpoints.reduce(0) { $0 + $1.cost }
            case .endpoints(let endpoints): endpoints.subsets.reduce(0) { $0 + $1.cost }
            case .ingress(let ingress): ingress.cost
            case .namespace, .owner: 0
            }
        return 256 + meta.labels.byteCount + own
    }
}

/// Names, labels and annotations of an object.
public struct KubernetesMeta: Sendable, Equatable {
    /// Empty for objects without namespace.
    public var namespace = ""
    /// The object's name.
    public var name = ""
    /// `__meta_kubernetes_KIND_name`, and `…_label_…` and `…_annotation_…` of everything it carries.
    public var labels = PackedLabels()
    /// The kind of the object that controls it, empty for none.
    public var controllerKind = ""
    /// The name of that object.
    public var controllerName = ""

    /// What the object is found by: `namespace/name`, or the name alone.
    public var key: String { namespace.isEmpty ? name : "\(namespace)/\(name)" }
}

/// A machine of the cluster.
public struct KubernetesNode: Sendable, Equatable {
    var meta = KubernetesMeta()
    /// What only a node's own target has: provider, conditions, the first address of each type.
    var labels = PackedLabels()
    /// Where its kubelet listens; nil when it has no address.
    var address: String?
}

/// A pod.
public struct KubernetesPod: Sendable, Equatable {
    struct Port: Sendable, Equatable {
        var name = ""
        var number = 0
        var transport = ""
    }

    struct Container: Sendable, Equatable {
        /// Name, image, identifier, and whether it runs before the others.
        var labels = PackedLabels()
        var ports: [Port] = []

        var cost: Int { 96 + labels.byteCount + 48 * ports.count }
    }

    var meta = KubernetesMeta()
    /// All labels of the pod, those of `meta` included.
    var labels = PackedLabels()
    var address = ""
    var node = ""
    /// The containers, then the init containers.
    var containers: [Container] = []
}

/// A service.
public struct KubernetesService: Sendable, Equatable {
    var meta = KubernetesMeta()
    var type = ""
    var clusterIP = ""
    var externalName = ""
    var loadBalancerIP = ""
    var ports: [KubernetesPod.Port] = []
    /// The address family that comes first, for a service of two; empty for a service of one.
    var firstFamily = ""
}

/// What an endpoint points at.
struct KubernetesReference: Sendable, Equatable {
    var kind = ""
    var namespace = ""
    var name = ""

    var key: String { namespace.isEmpty ? name : "\(namespace)/\(name)" }
}

/// Endpoints of a service.
public struct KubernetesSlice: Sendable, Equatable {
    struct Port: Sendable, Equatable {
        var name: String?
        var number: Int?
        var transport: String?
        var application: String?
    }

    struct Endpoint: Sendable, Equatable {
        var addresses: [String] = []
        var target: KubernetesReference?
        var node: String?
        /// Conditions, host name, zone, node, topology and target.
        var labels = PackedLabels()

        var cost: Int { 128 + labels.byteCount + 32 * addresses.count }
    }

    var meta = KubernetesMeta()
    /// The name of its service, nil without.
    var service: String?
    var addressType = ""
    var ports: [Port] = []
    var endpoints: [Endpoint] = []
}

/// Endpoints of a service in the older form.
public struct KubernetesEndpoints: Sendable, Equatable {
    struct Address: Sendable, Equatable {
        var ip = ""
        var hostname = ""
        var node: String?
        var target: KubernetesReference?
    }

    struct Subset: Sendable, Equatable {
        var addresses: [Address] = []
        var notReady: [Address] = []
        var ports: [KubernetesPod.Port] = []

        var cost: Int { 192 * (addresses.count + notReady.count) + 48 * ports.count }
    }

    var meta = KubernetesMeta()
    var subsets: [Subset] = []
}

/// Hosts and paths that are reached from outside.
public struct KubernetesIngress: Sendable, Equatable {
    struct Rule: Sendable, Equatable {
        var host = ""
        /// Nil when the rule says nothing of paths.
        var paths: [String]?
    }

    var meta = KubernetesMeta()
    var className: String?
    var rules: [Rule] = []
    /// Hosts reached by TLS; the first label may be `*`.
    var secureHosts: [String] = []

    var cost: Int {
        rules.reduce(32 * secureHosts.count) { $0 + 64 + 32 * ($1.paths?.count ?? 0) }
    }
}
