// SPDX-License-Identifier: Apache-2.0
//
// The roles that join three kinds of objects: endpoints, their service, and the pods behind them. An endpoint that is a
// pod also has the pod's labels and those of the container that listens on the port; ports of such a pod that the
// service does not have become targets of their own.

internal import Samples

extension KubernetesTargets {
    /// A pod some endpoint pointed at, and the ports endpoints have covered.
    private struct SeenPod {
        let pod: KubernetesPod
        var ports: Set<Int> = []
    }

    /// The pods in the order they were first pointed at.
    private struct SeenPods {
        var order: [String] = []
        var byKey: [String: SeenPod] = [:]

        mutating func see(_ pod: KubernetesPod, _ port: Int?) {
            let key = pod.meta.key
            if byKey[key] == nil {
                byKey[key] = SeenPod(pod: pod)
                order.append(key)
            }
            if let port { byKey[key]?.ports.insert(port) }
        }
    }

    func add(_ slice: KubernetesSlice, to group: inout KubernetesGroup) {
        let service = slice.service.flatMap { self.service("\(slice.meta.namespace)/\($0)") }
        if let service, isSecondFamily(slice, of: service) { return }
        var shared = LabelsBuilder(slice.meta.labels)
        shared.set(KubernetesLabels.namespace, slice.meta.namespace)
        shared.set(kubernetes: "endpointslice_address_type", slice.addressType)
        finish(&shared, service, slice.meta.namespace)
        group.labels = PackedLabels(shared)

        var seen = SeenPods()
        for endpoint in slice.endpoints {
            for port in slice.ports {
                for address in endpoint.addresses where group.hasRoom {
                    var target = LabelsBuilder(endpoint.labels)
                    target.set(
                        KubernetesLabels.address,
                        port.number.map { KubernetesLabels.join(address, $0) } ?? address
                    )
                    target.set(kubernetes: "endpointslice_port", port.number.map { String($0) })
                    target.set(kubernetes: "endpointslice_port_name", port.name)
                    target.set(kubernetes: "endpointslice_port_protocol", port.transport)
                    target.set(kubernetes: "endpointslice_port_app_protocol", port.application)
                    let isNode = endpoint.target?.kind == "Node"
                    attachNode(isNode ? endpoint.target?.name : endpoint.node, to: &target)
                    attachPod(endpoint.target, port.number, nil, to: &target, &seen)
                    group.add(target)
                }
            }
        }
        addUncovered(seen, to: &group)
    }

    /// A service of two address families has its endpoints twice; those of the family that comes second are left out as
    /// long as there are some of the first.
    private func isSecondFamily(_ slice: KubernetesSlice, of service: KubernetesService) -> Bool {
        guard !service.firstFamily.isEmpty, slice.addressType != service.firstFamily else { return false }
        return hasSlice(service.meta.key, service.firstFamily)
    }

    func add(_ endpoints: KubernetesEndpoints, to group: inout KubernetesGroup) {
        var shared = LabelsBuilder(endpoints.meta.labels)
        shared.set(KubernetesLabels.namespace, endpoints.meta.namespace)
        finish(&shared, service(endpoints.meta.key), endpoints.meta.namespace)
        group.labels = PackedLabels(shared)

        var seen = SeenPods()
        for subset in endpoints.subsets {
            for port in subset.ports {
                for (addresses, ready) in [(subset.addresses, "true"), (subset.notReady, "false")] {
                    for address in addresses where group.hasRoom {
                        var target = LabelsBuilder()
                        target.set(KubernetesLabels.address, KubernetesLabels.join(address.ip, port.number))
                        target.set(kubernetes: "endpoint_port_name", port.name)
                        target.set(kubernetes: "endpoint_port_protocol", port.transport)
                        target.set(kubernetes: "endpoint_ready", ready)
                        target.set(kubernetes: "endpoint_address_target_kind", address.target?.kind)
                        target.set(kubernetes: "endpoint_address_target_name", address.target?.name)
                        target.set(kubernetes: "endpoint_node_name", address.node)
                        target.set(kubernetes: "endpoint_hostname", address.hostname)
                        attachNode(address.node, to: &target)
                        attachPod(address.target, port.number, port.transport, to: &target, &seen)
                        group.add(target)
                    }
                }
            }
        }
        addUncovered(seen, to: &group)
    }

    // MARK: - Shared

    private func service(_ key: String) -> KubernetesService? {
        guard case .service(let service)? = find(.services, key) else { return nil }
        return service
    }

    private func finish(_ shared: inout LabelsBuilder, _ service: KubernetesService?, _ namespace: String) {
        if let service { shared.merge(service.meta.labels) }
        attachNamespace(namespace, to: &shared)
    }

    /// Adds the labels of the pod an endpoint points at, and of the container whose port it is.
    ///
    /// Of several containers with the port the last counts, init containers included. The protocol is the endpoint's
    /// where it is given, else the container's.
    private func attachPod(
        _ reference: KubernetesReference?,
        _ port: Int?,
        _ transport: String?,
        to target: inout LabelsBuilder,
        _ seen: inout SeenPods
    ) {
        guard let reference, reference.kind == "Pod", case .pod(let pod)? = find(.pods, reference.key) else {
            return
        }
        seen.see(pod, port)
        merge(pod, to: &target)
        for container in pod.containers {
            guard let match = container.ports.first(where: { $0.number == port }) else { continue }
            set(container, on: &target)
            set(match, transport ?? match.transport, on: &target)
        }
    }

    /// The namespace is that of the endpoints.
    private func merge(_ pod: KubernetesPod, to target: inout LabelsBuilder) {
        target.merge(pod.labels)
        target.remove(KubernetesLabels.namespace)
        attachOwners(of: pod, to: &target)
    }

    private func addUncovered(_ seen: SeenPods, to group: inout KubernetesGroup) {
        for key in seen.order {
            guard let entry = seen.byKey[key], !entry.pod.address.isEmpty else { continue }
            for container in entry.pod.containers {
                for port in container.ports where !entry.ports.contains(port.number) && group.hasRoom {
                    var target = LabelsBuilder()
                    target.set(
                        KubernetesLabels.address,
                        KubernetesLabels.join(entry.pod.address, port.number)
                    )
                    set(container, on: &target)
                    set(port, port.transport, on: &target)
                    merge(entry.pod, to: &target)
                    group.add(target)
                }
            }
        }
    }
}
