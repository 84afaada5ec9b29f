// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Samples

extension KubernetesNode {
    /// The types of address that can be a target's, best first.
    private static let addressTypes = [
        "InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "LegacyHostIP", "Hostname",
    ]

    init(_ cursor: inout JSONCursor, _ raw: inout RawMeta) throws(CorruptionError) {
        var own = LabelsBuilder()
        var addresses: [(type: String, address: String)] = []
        var port = 0
        try cursor.members { cursor, name throws(CorruptionError) in
            switch name {
            case "metadata": try raw.read(&cursor)
            case "spec":
                try cursor.members { cursor, name throws(CorruptionError) in
                    if name == "providerID" { own.set(kubernetes: "node_provider_id", try cursor.text()) }
                }
            case "status":
                try cursor.members { cursor, name throws(CorruptionError) in
                    switch name {
                    case "addresses": addresses = try KubernetesNode.typed(&cursor, "address")
                    case "conditions":
                        for (type, status) in try KubernetesNode.typed(&cursor, "status") {
                            let name = "node_condition_\(KubernetesLabels.sanitized(type))"
                            own.set(kubernetes: name, status.lowercased())
                        }
                    case "daemonEndpoints": port = try KubernetesNode.kubeletPort(&cursor)
                    default: break
                    }
                }
            default: break
            }
        }
        for (type, address) in addresses.reversed() {
            own.set(kubernetes: "node_address_\(KubernetesLabels.sanitized(type))", address)
        }
        meta = raw.meta("node")
        labels = PackedLabels(own)
        let best = KubernetesNode.addressTypes.lazy.compactMap { type in
            addresses.first { $0.type == type }?.address
        }.first
        address = best.map { KubernetesLabels.join($0, port) }
    }

    /// Elements with a `type` and something of that type; more than 64 are not of a node.
    private static func typed(
        _ cursor: inout JSONCursor,
        _ what: String
    ) throws(CorruptionError) -> [(type: String, address: String)] {
        var found: [(type: String, address: String)] = []
        try cursor.elements { cursor throws(CorruptionError) in
            var (type, value) = ("", "")
            try cursor.members { cursor, name throws(CorruptionError) in
                if name == "type" { type = try cursor.text() ?? "" }
                if name == what { value = try cursor.text() ?? "" }
            }
            if found.count < 64 { found.append((type, value)) }
        }
        return found
    }

    private static func kubeletPort(_ cursor: inout JSONCursor) throws(CorruptionError) -> Int {
        var port = 0
        try cursor.members { cursor, name throws(CorruptionError) in
            guard name == "kubeletEndpoint" else { return }
            try cursor.members { cursor, name throws(CorruptionError) in
                if name == "Port" { port = try cursor.integer() ?? 0 }
            }
        }
        return port
    }
}
