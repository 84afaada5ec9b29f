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
        var inits: [Container] = []
        try cursor.members { cursor, name throws(CorruptionError) in
            switch name {
            case "metadata": try raw.read(&cursor)
            case "spec":
                try cursor.members { cursor, name throws(CorruptionError) in
                    switch name {
                    case "nodeName": self.node = try cursor.text() ?? ""
                    case "containers": self.containers = try Container.read(&cursor, isInit: false)
                    case "initContainers": inits = try Container.read(&cursor, isInit: true)
                    default: break
                    }
                }
            case "status": try self.readStatus(&cursor, &status)
            default: break
            }
        }
        containers += inits
        for index in containers.indices {
            let container = containers[index]
            let known = container.isInit ? status.initIdentifiers : status.identifiers
            containers[index].identifier = known[container.name] ?? ""
        }
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
        labels = builder.labels()
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

extension KubernetesPod.Container {
    fileprivate static func read(
        _ cursor: inout JSONCursor,
        isInit: Bool
    ) throws(CorruptionError) -> [KubernetesPod.Container] {
        var found: [KubernetesPod.Container] = []
        try cursor.elements { cursor throws(CorruptionError) in
            var container = KubernetesPod.Container()
            container.isInit = isInit
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
}
