// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Samples

extension KubernetesPod.Port {
    /// Reads a port of a container, a service or endpoints, which name the number differently.
    init(_ cursor: inout JSONCursor, number member: String) throws(CorruptionError) {
        try cursor.members { cursor, key throws(CorruptionError) in
            switch key {
            case "name": self.name = try cursor.text() ?? ""
            case "protocol": self.transport = try cursor.text() ?? ""
            case member: self.number = try cursor.integer() ?? 0
            default: break
            }
        }
    }
}

extension KubernetesPod {
    /// What the status says of containers, before it is known which they are.
    private struct Status {
        var phase = ""
        var ready = "unknown"
        var hostIP = ""
        var identifiers: [String: String] = [:]
        var initIdentifiers: [String: String] = [:]
    }

    init(_ cursor: inout JSONCursor, _ raw: inout RawMeta) throws(CorruptionError) {
        var status = Status()
        var (containers, inits): ([RawContainer], [RawContainer]) = ([], [])
        try cursor.members { cursor, name throws(CorruptionError) in
            switch name {
            case "metadata": try raw.read(&cursor)
            case "spec":
                try cursor.members { cursor, name throws(CorruptionError) in
                    switch name {
                    case "nodeName": self.node = try cursor.text() ?? ""
                    case "containers": containers = try RawContainer.read(&cursor)
                    case "initContainers": inits = try RawContainer.read(&cursor)
                    default: break
                    }
                }
            case "status": try self.readStatus(&cursor, &status)
            default: break
            }
        }
        self.containers =
            containers.map { $0.container(status.identifiers[$0.name], isInit: false) }
            + inits.map { $0.container(status.initIdentifiers[$0.name], isInit: true) }
        meta = raw.bare()
        var builder = raw.builder("pod")
        builder.set(KubernetesLabels.namespace, raw.namespace)
        builder.set(kubernetes: "pod_ip", address)
        builder.set(kubernetes: "pod_ready", status.ready)
        builder.set(kubernetes: "pod_phase", status.phase)
        builder.set(kubernetes: "pod_node_name", node)
        builder.set(kubernetes: "pod_host_ip", status.hostIP)
        builder.set(kubernetes: "pod_uid", raw.identifier)
        builder.set(kubernetes: "pod_controller_kind", raw.controllerKind)
        builder.set(kubernetes: "pod_controller_name", raw.controllerName)
        labels = PackedLabels(builder)
    }

    private mutating func readStatus(
        _ cursor: inout JSONCursor,
        _ status: inout Status
    ) throws(CorruptionError) {
        var found = Status()
        try cursor.members { cursor, name throws(CorruptionError) in
            switch name {
            case "podIP": self.address = try cursor.text() ?? ""
            case "hostIP": found.hostIP = try cursor.text() ?? ""
            case "phase": found.phase = try cursor.text() ?? ""
            case "conditions":
                if let ready = try KubernetesPod.readiness(&cursor) { found.ready = ready.lowercased() }
            case "containerStatuses": found.identifiers = try KubernetesPod.identifiers(&cursor)
            case "initContainerStatuses": found.initIdentifiers = try KubernetesPod.identifiers(&cursor)
            default: break
            }
        }
        status = found
    }

    /// The status of the first condition `Ready`.
    private static func readiness(_ cursor: inout JSONCursor) throws(CorruptionError) -> String? {
        var ready: String?
        try cursor.elements { cursor throws(CorruptionError) in
            var (type, value) = ("", "")
            try cursor.members { cursor, name throws(CorruptionError) in
                if name == "type" { type = try cursor.text() ?? "" }
                if name == "status" { value = try cursor.text() ?? "" }
            }
            if type == "Ready", ready == nil { ready = value }
        }
        return ready
    }

    /// Names of containers with what the runtime calls them; of two with one name the first.
    private static func identifiers(_ cursor: inout JSONCursor) throws(CorruptionError) -> [String: String] {
        var found: [String: String] = [:]
        try cursor.elements { cursor throws(CorruptionError) in
            var (container, identifier) = ("", "")
            try cursor.members { cursor, name throws(CorruptionError) in
                if name == "name" { container = try cursor.text() ?? "" }
                if name == "containerID" { identifier = try cursor.text() ?? "" }
            }
            if found[container] == nil { found[container] = identifier }
        }
        return found
    }
}

/// A container as the specification has it, before its status is known.
private struct RawContainer {
    var name = ""
    var image = ""
    var ports: [KubernetesPod.Port] = []

    static func read(_ cursor: inout JSONCursor) throws(CorruptionError) -> [RawContainer] {
        var found: [RawContainer] = []
        try cursor.elements { cursor throws(CorruptionError) in
            var container = RawContainer()
            try cursor.members { cursor, name throws(CorruptionError) in
                switch name {
                case "name": container.name = try cursor.text() ?? ""
                case "image": container.image = try cursor.text() ?? ""
                case "ports":
                    try cursor.elements { cursor throws(CorruptionError) in
                        container.ports.append(try KubernetesPod.Port(&cursor, number: "containerPort"))
                    }
                default: break
                }
            }
            found.append(container)
        }
        return found
    }

    func container(_ identifier: String?, isInit: Bool) -> KubernetesPod.Container {
        var builder = LabelsBuilder()
        builder.set(KubernetesLabels.containerName, name)
        builder.set(KubernetesLabels.containerImage, image)
        builder.set(KubernetesLabels.containerIdentifier, identifier ?? "")
        builder.set(KubernetesLabels.containerIsInit, isInit ? "true" : "false")
        return KubernetesPod.Container(labels: PackedLabels(builder), ports: ports)
    }
}
