// SPDX-License-Identifier: Apache-2.0
//
// From JSON to slimmed objects. What is missing or of another type than the API's is empty; only what is no JSON is an
// error. The order of members is free.

internal import Bytes

extension KubernetesObject {
    /// Reads the object at the cursor.
    ///
    /// - Returns: the object and its version; nil for one without name.
    static func read(
        _ resource: KubernetesResource,
        _ cursor: inout JSONCursor
    ) throws(CorruptionError) -> (object: KubernetesObject?, version: String) {
        var meta = RawMeta()
        var object: KubernetesObject?
        switch resource {
        case .nodes: object = .node(try KubernetesNode(&cursor, &meta))
        case .pods: object = .pod(try KubernetesPod(&cursor, &meta))
        case .services: object = .service(try KubernetesService(&cursor, &meta))
        case .endpointSlices: object = .slice(try KubernetesSlice(&cursor, &meta))
        case .endpoints: object = .endpoints(try KubernetesEndpoints(&cursor, &meta))
        case .ingresses: object = .ingress(try KubernetesIngress(&cursor, &meta))
        case .namespaces, .replicaSets, .jobs:
            try cursor.members { cursor, name throws(CorruptionError) in
                if name == "metadata" { try meta.read(&cursor) }
            }
            object =
                resource == .namespaces
                ? .namespace(meta.meta("namespace", isNamed: false)) : .owner(meta.bare())
        }
        return (meta.name.isEmpty ? nil : object, meta.version)
    }
}
