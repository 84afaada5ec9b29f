// SPDX-License-Identifier: Apache-2.0
//
// A small cluster in the API's JSON, for the tests of discovery.

import Bytes
import Samples
import Testing

@testable import Wire

/// `#expect` for what changes a value, which the macro does not take.
func check(_ outcome: Bool, at location: SourceLocation = #_sourceLocation) {
    #expect(outcome, sourceLocation: location)
}

/// A cluster with watches of its own.
struct WatchedCluster {
    private var watches: [ObjectWatch]
    private var cluster: KubernetesCluster

    init(
        _ role: KubernetesRole,
        _ attachments: KubernetesAttachments,
        watching resources: [KubernetesResource]
    ) {
        watches = resources.map { ObjectWatch($0) }
        cluster = KubernetesCluster(role, attachments)
    }

    var refused: Int { cluster.refused }

    mutating func withWatch<Result>(_ index: Int, _ body: (inout ObjectWatch) -> Result) -> Result {
        body(&watches[index])
    }

    mutating func refresh() -> Bool {
        let lists = watches.indices.map { index in
            KubernetesList(watches[index], changes: watches[index].takeChanges())
        }
        return cluster.refresh(lists)
    }

    func sortedGroups() -> [KubernetesGroup] { cluster.sortedGroups() }
}

enum Cluster {
    static let node = """
        {"metadata":{"name":"edge-1","resourceVersion":"7","uid":"n1","labels":{"kubernetes.io/arch":"arm64"},\
        "annotations":{"note/a":"b c"},"managedFields":[{"manager":"kubelet","fieldsV1":{"f:status":{"f:x":{}}}}]},\
        "spec":{"providerID":"k3s://edge-1","podCIDR":"10.42.0.0/24"},\
        "status":{"addresses":[{"type":"Hostname","address":"edge-1"},{"type":"InternalIP","address":"10.0.0.1"},\
        {"type":"InternalIP","address":"fd00::1"}],"conditions":[{"type":"Ready","status":"True"},\
        {"type":"DiskPressure","status":"Unknown"}],"daemonEndpoints":{"kubeletEndpoint":{"Port":10250}}}}
        """

    static let pod = """
        {"metadata":{"name":"web-0","namespace":"shop","uid":"u-0","resourceVersion":"11",\
        "labels":{"app":"web","app.kubernetes.io/name":"web"},"annotations":{"prometheus.io/scrape":"true"},\
        "ownerReferences":[{"kind":"Thing","name":"other"},{"kind":"ReplicaSet","name":"web-5d","controller":true}]},\
        "spec":{"nodeName":"edge-1","initContainers":[{"name":"setup","image":"busybox"}],\
        "containers":[{"name":"web","image":"web:1","ports":[{"name":"http","containerPort":8080,"protocol":"TCP"},\
        {"name":"admin","containerPort":9000,"protocol":"TCP"}]},{"name":"side","image":"side:2"}]},\
        "status":{"podIP":"10.42.0.5","hostIP":"10.0.0.1","phase":"Running",\
        "conditions":[{"type":"Initialized","status":"True"},{"type":"Ready","status":"True"}],\
        "containerStatuses":[{"name":"web","containerID":"containerd://abc"}],\
        "initContainerStatuses":[{"name":"setup","containerID":"containerd://ini"}]}}
        """

    static let service = """
        {"metadata":{"name":"web","namespace":"shop","resourceVersion":"5","labels":{"team":"a"}},\
        "spec":{"type":"ClusterIP","clusterIP":"10.43.0.9","ports":[{"name":"http","port":80,"protocol":"TCP"}]}}
        """

    static let slice = """
        {"metadata":{"name":"web-x1","namespace":"shop","resourceVersion":"6",\
        "labels":{"kubernetes.io/service-name":"web"},"annotations":{"a":"1"}},"addressType":"IPv4",\
        "ports":[{"name":"http","port":8080,"protocol":"TCP","appProtocol":"h2c"}],\
        "endpoints":[{"addresses":["10.42.0.5"],"conditions":{"ready":true,"serving":true,"terminating":false},\
        "nodeName":"edge-1","zone":"z1","hostname":"web-0","deprecatedTopology":{"rack":"r1"},\
        "targetRef":{"kind":"Pod","namespace":"shop","name":"web-0"}},{"addresses":["192.0.2.7"],"conditions":{}}]}
        """

    static let endpoints = """
        {"metadata":{"name":"web","namespace":"shop","resourceVersion":"6","labels":{"x":"y"}},\
        "subsets":[{"addresses":[{"ip":"10.42.0.5","hostname":"web-0","nodeName":"edge-1",\
        "targetRef":{"kind":"Pod","namespace":"shop","name":"web-0"}}],"notReadyAddresses":[{"ip":"192.0.2.7"}],\
        "ports":[{"name":"http","port":8080,"protocol":"TCP"}]}]}
        """

    static let ingress = """
        {"metadata":{"name":"front","namespace":"shop","resourceVersion":"3","labels":{"a":"b"}},\
        "spec":{"ingressClassName":"traefik","tls":[{"hosts":["*.example.com"],"secretName":"s"}],\
        "rules":[{"host":"shop.example.com","http":{"paths":[{"path":"/a"},{"pathType":"Prefix"}]}},\
        {"host":"a.b.example.com"},{"host":"none.test","http":{"paths":[]}}]}}
        """

    static let namespace = """
        {"metadata":{"name":"shop","resourceVersion":"1","labels":{"tier":"front"},"annotations":{"owner":"me"}}}
        """

    static let replicaSet = """
        {"metadata":{"name":"web-5d","namespace":"shop","resourceVersion":"2",\
        "ownerReferences":[{"kind":"Deployment","name":"web","controller":true}]}}
        """

    static func all(_ resource: KubernetesResource) -> [String] {
        switch resource {
        case .nodes: [node]
        case .pods: [pod]
        case .services: [service]
        case .endpointSlices: [slice]
        case .endpoints: [endpoints]
        case .ingresses: [ingress]
        case .namespaces: [namespace]
        case .replicaSets: [replicaSet]
        case .jobs: []
        }
    }

    static func page(
        _ resource: KubernetesResource,
        _ objects: [String],
        version: String = "100",
        next: String = ""
    ) throws -> KubernetesPage {
        let text = """
            {"kind":"List","apiVersion":"v1","items":[\(objects.joined(separator: ","))],\
            "metadata":{"resourceVersion":"\(version)","continue":"\(next)","remainingItemCount":3}}
            """
        return try KubernetesPage(Array(text.utf8), of: resource)
    }

    static func event(
        _ resource: KubernetesResource,
        _ type: String,
        _ object: String
    ) throws -> KubernetesEvent {
        try KubernetesEvent(Array("{\"type\":\"\(type)\",\"object\":\(object)}".utf8), of: resource)
    }

    /// A cluster all of whose lists were read.
    static func complete(
        _ role: KubernetesRole,
        _ attachments: KubernetesAttachments = KubernetesAttachments(),
        changing: [KubernetesResource: [String]] = [:]
    ) throws -> WatchedCluster {
        let resources = role.resources(attachments)
        var cluster = WatchedCluster(role, attachments, watching: resources)
        for (index, resource) in resources.enumerated() {
            let page = try page(resource, changing[resource] ?? all(resource))
            cluster.withWatch(index) { $0.take(page) }
        }
        return cluster
    }

    /// Source, shared labels and targets' labels without the common prefix, in name order.
    static func text(_ groups: [KubernetesGroup]) -> [String] {
        groups.flatMap { group in
            ["\(group.source) \(text(group.labels))"] + group.targets.map { "  \(text($0))" }
        }
    }

    private static func text(_ packed: PackedLabels) -> String {
        packed.labels.pairs.map { name, value in
            "\(name.hasPrefix(KubernetesLabels.prefix) ? String(name.dropFirst(18)) : name)=\(value)"
        }.joined(separator: " ")
    }
}
