// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Samples

extension KubernetesReference {
    init(_ cursor: inout JSONCursor) throws(CorruptionError) {
        try cursor.members { cursor, key throws(CorruptionError) in
            switch key {
            case "kind": self.kind = try cursor.text() ?? ""
            case "namespace": self.namespace = try cursor.text() ?? ""
            case "name": self.name = try cursor.text() ?? ""
            default: break
            }
        }
    }
}

extension KubernetesSlice {
    /// The label that says whose endpoints these are.
    private static let serviceLabel = "kubernetes.io/service-name"

    init(_ cursor: inout JSONCursor, _ raw: inout RawMeta) throws(CorruptionError) {
        try cursor.members { cursor, name throws(CorruptionError) in
            switch name {
            case "metadata": try raw.read(&cursor)
            case "addressType": self.addressType = try cursor.text() ?? ""
            case "ports":
                try cursor.elements { cursor throws(CorruptionError) in
                    self.ports.append(try Port(&cursor))
                }
            case "endpoints":
                try cursor.elements { cursor throws(CorruptionError) in
                    self.endpoints.append(try Endpoint(&cursor))
                }
            default: break
            }
        }
        service = raw.labels.last { $0.name == KubernetesSlice.serviceLabel }?.value
        meta = raw.meta("endpointslice")
    }
}

extension KubernetesSlice.Port {
    fileprivate init(_ cursor: inout JSONCursor) throws(CorruptionError) {
        try cursor.members { cursor, key throws(CorruptionError) in
            switch key {
            case "name": self.name = try cursor.text()
            case "port": self.number = try cursor.integer()
            case "protocol": self.transport = try cursor.text()
            case "appProtocol": self.application = try cursor.text()
            default: break
            }
        }
    }
}

extension KubernetesSlice.Endpoint {
    fileprivate init(_ cursor: inout JSONCursor) throws(CorruptionError) {
        var builder = LabelsBuilder()
        try cursor.members { cursor, key throws(CorruptionError) in
            switch key {
            case "addresses":
                try cursor.elements { cursor throws(CorruptionError) in
                    if let address = try cursor.text() { self.addresses.append(address) }
                }
            case "targetRef":
                if cursor.current == UInt8(ascii: "{") { self.target = try KubernetesReference(&cursor) }
            case "nodeName": self.node = try cursor.text()
            case "hostname": builder.set(kubernetes: "endpointslice_endpoint_hostname", try cursor.text())
            case "zone": builder.set(kubernetes: "endpointslice_endpoint_zone", try cursor.text())
            case "conditions":
                try cursor.members { cursor, condition throws(CorruptionError) in
                    guard ["ready", "serving", "terminating"].contains(condition) else { return }
                    let name = "endpointslice_endpoint_conditions_\(condition)"
                    builder.set(kubernetes: name, try cursor.truth().map { $0 ? "true" : "false" })
                }
            case "deprecatedTopology":
                for pair in try RawMeta.pairs(&cursor) {
                    let name = KubernetesLabels.sanitized(pair.name)
                    builder.set(kubernetes: "endpointslice_endpoint_topology_\(name)", pair.value)
                    builder.set(kubernetes: "endpointslice_endpoint_topology_present_\(name)", "true")
                }
            default: break
            }
        }
        builder.set(kubernetes: "endpointslice_endpoint_node_name", node)
        builder.set(kubernetes: "endpointslice_address_target_kind", target?.kind)
        builder.set(kubernetes: "endpointslice_address_target_name", target?.name)
        labels = PackedLabels(builder)
    }
}

extension KubernetesEndpoints {
    init(_ cursor: inout JSONCursor, _ raw: inout RawMeta) throws(CorruptionError) {
        try cursor.members { cursor, name throws(CorruptionError) in
            if name == "metadata" { try raw.read(&cursor) }
            guard name == "subsets" else { return }
            try cursor.elements { cursor throws(CorruptionError) in
                self.subsets.append(try Subset(&cursor))
            }
        }
        meta = raw.meta("endpoints")
    }
}

extension KubernetesEndpoints.Subset {
    fileprivate init(_ cursor: inout JSONCursor) throws(CorruptionError) {
        try cursor.members { cursor, key throws(CorruptionError) in
            switch key {
            case "addresses": self.addresses = try KubernetesEndpoints.Address.read(&cursor)
            case "notReadyAddresses": self.notReady = try KubernetesEndpoints.Address.read(&cursor)
            case "ports":
                try cursor.elements { cursor throws(CorruptionError) in
                    self.ports.append(try KubernetesPod.Port(&cursor, number: "port"))
                }
            default: break
            }
        }
    }
}

extension KubernetesEndpoints.Address {
    fileprivate static func read(
        _ cursor: inout JSONCursor
    ) throws(CorruptionError) -> [KubernetesEndpoints.Address] {
        var found: [KubernetesEndpoints.Address] = []
        try cursor.elements { cursor throws(CorruptionError) in
            var address = KubernetesEndpoints.Address()
            try cursor.members { cursor, key throws(CorruptionError) in
                switch key {
                case "ip": address.ip = try cursor.text() ?? ""
                case "hostname": address.hostname = try cursor.text() ?? ""
                case "nodeName": address.node = try cursor.text()
                case "targetRef":
                    if cursor.current == UInt8(ascii: "{") {
                        address.target = try KubernetesReference(&cursor)
                    }
                default: break
                }
            }
            found.append(address)
        }
        return found
    }
}
