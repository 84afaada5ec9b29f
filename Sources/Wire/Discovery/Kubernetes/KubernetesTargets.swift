// SPDX-License-Identifier: Apache-2.0
//
// From objects to targets, role by role, as Prometheus makes them (discovery/kubernetes/*.go): which address, which
// labels on the group and which on the target. Pure: other objects are looked up, nothing is kept.

internal import Samples

/// Makes the groups of a role.
struct KubernetesTargets {
    let role: KubernetesRole
    let attachments: KubernetesAttachments
    /// Looks up another object by resource and key.
    let find: (KubernetesResource, String) -> KubernetesObject?
    /// Whether a service, by its key, has a slice of an address family.
    let hasSlice: (_ service: String, _ family: String) -> Bool

    /// The group of an object of the role; nil for one that is no target.
    func group(of object: KubernetesObject) -> KubernetesGroup? {
        var group = KubernetesGroup(source: "\(role.source)/\(object.meta.key)")
        switch object {
        case .node(let node): add(node, to: &group)
        case .pod(let pod): add(pod, to: &group)
        case .service(let service): add(service, to: &group)
        case .slice(let slice): add(slice, to: &group)
        case .endpoints(let endpoints): add(endpoints, to: &group)
        case .ingress(let ingress): add(ingress, to: &group)
        case .namespace, .owner: return nil
        }
        return group.targets.isEmpty ? nil : group
    }

    // MARK: - Roles of one object

    private func add(_ node: KubernetesNode, to group: inout KubernetesGroup) {
        guard let address = node.address else { return }
        group.labels = node.meta.labels
        var target = LabelsBuilder(node.labels)
        target.set(KubernetesLabels.address, address)
        target.set("instance", node.meta.name)
        group.add(target)
    }

    private func add(_ service: KubernetesService, to group: inout KubernetesGroup) {
        var shared = LabelsBuilder(service.meta.labels)
        shared.set(KubernetesLabels.namespace, service.meta.namespace)
        attachNamespace(service.meta.namespace, to: &shared)
        group.labels = PackedLabels(shared)
        let host = "\(service.meta.name).\(service.meta.namespace).svc"
        for port in service.ports where group.hasRoom {
            var target = LabelsBuilder()
            target.set(KubernetesLabels.address, KubernetesLabels.join(host, port.number))
            target.set(kubernetes: "service_port_name", port.name)
            target.set(kubernetes: "service_port_number", String(port.number))
            target.set(kubernetes: "service_port_protocol", port.transport)
            target.set(kubernetes: "service_type", service.type)
            if service.type == "ExternalName" {
                target.set(kubernetes: "service_external_name", service.externalName)
            } else {
                target.set(kubernetes: "service_cluster_ip", service.clusterIP)
            }
            if service.type == "LoadBalancer" {
                target.set(kubernetes: "service_loadbalancer_ip", service.loadBalancerIP)
            }
            group.add(target)
        }
    }

    private func add(_ ingress: KubernetesIngress, to group: inout KubernetesGroup) {
        var shared = LabelsBuilder(ingress.meta.labels)
        shared.set(KubernetesLabels.namespace, ingress.meta.namespace)
        shared.set(kubernetes: "ingress_class_name", ingress.className)
        attachNamespace(ingress.meta.namespace, to: &shared)
        group.labels = PackedLabels(shared)
        for rule in ingress.rules where group.hasRoom {
            let isSecure = ingress.secureHosts.contains { KubernetesTargets.matches(rule.host, pattern: $0) }
            for path in rule.paths ?? ["/"] where group.hasRoom {
                var target = LabelsBuilder()
                target.set(KubernetesLabels.address, rule.host)
                target.set(kubernetes: "ingress_scheme", isSecure ? "https" : "http")
                target.set(kubernetes: "ingress_host", rule.host)
                target.set(kubernetes: "ingress_path", path.isEmpty ? "/" : path)
                group.add(target)
            }
        }
    }

    /// Whether a host is the one of a certificate; a first label `*` stands for any one label.
    static func matches(_ host: String, pattern: String) -> Bool {
        if host == pattern { return true }
        let wanted = pattern.split(separator: ".", omittingEmptySubsequences: false)
        let found = host.split(separator: ".", omittingEmptySubsequences: false)
        return wanted.first == "*" && wanted.count == found.count && wanted.dropFirst() == found.dropFirst()
    }

    // MARK: - Pods

    private func add(_ pod: KubernetesPod, to group: inout KubernetesGroup) {
        // None yet, or not any more: the pod is starting or was evicted.
        guard !pod.address.isEmpty else { return }
        group.labels = shared(pod)
        for container in pod.containers {
            if container.ports.isEmpty {
                // No port is known: the address is to be completed by relabeling.
                group.add(target(container, nil, address: pod.address))
            }
            for port in container.ports where group.hasRoom {
                group.add(target(container, port, address: KubernetesLabels.join(pod.address, port.number)))
            }
        }
    }

    /// Without attachments the very buffer the pod has.
    private func shared(_ pod: KubernetesPod) -> PackedLabels {
        guard attachments != KubernetesAttachments() else { return pod.labels }
        var builder = LabelsBuilder(pod.labels)
        attachOwners(of: pod, to: &builder)
        attachNode(pod.node, to: &builder)
        attachNamespace(pod.meta.namespace, to: &builder)
        return PackedLabels(builder)
    }

    private func target(
        _ container: KubernetesPod.Container,
        _ port: KubernetesPod.Port?,
        address: String
    ) -> LabelsBuilder {
        var target = LabelsBuilder(container.labels)
        target.set(KubernetesLabels.address, address)
        if let port { set(port, port.transport, on: &target) }
        return target
    }

    /// What an endpoint has of the container behind it, instead of what it had of another: all but the identifier.
    func set(_ container: KubernetesPod.Container, on target: inout LabelsBuilder) {
        target.remove(KubernetesLabels.containerName)
        target.remove(KubernetesLabels.containerImage)
        target.merge(container.labels)
        target.remove(KubernetesLabels.containerIdentifier)
    }

    /// What a target has of a container's port.
    func set(_ port: KubernetesPod.Port, _ transport: String, on target: inout LabelsBuilder) {
        target.set(kubernetes: "pod_container_port_name", port.name)
        target.set(kubernetes: "pod_container_port_number", String(port.number))
        target.set(kubernetes: "pod_container_port_protocol", transport)
    }

    // MARK: - Attachments

    func attachNode(_ name: String?, to builder: inout LabelsBuilder) {
        guard attachments.node, let name, case .node(let node)? = find(.nodes, name) else { return }
        builder.merge(node.meta.labels)
    }

    func attachNamespace(_ name: String, to builder: inout LabelsBuilder) {
        guard attachments.namespace, case .namespace(let namespace)? = find(.namespaces, name) else { return }
        builder.merge(namespace.labels)
    }

    /// The names of what made what made the pod.
    func attachOwners(of pod: KubernetesPod, to builder: inout LabelsBuilder) {
        let owner = pod.meta.controllerName
        let key = "\(pod.meta.namespace)/\(owner)"
        switch pod.meta.controllerKind {
        case "ReplicaSet":
            guard attachments.deployment, case .owner(let set)? = find(.replicaSets, key),
                set.controllerKind == "Deployment"
            else { return }
            builder.set(kubernetes: "pod_deployment_name", set.controllerName)
        case "Job":
            if attachments.job { builder.set(kubernetes: "pod_job_name", owner) }
            guard attachments.cronJob, case .owner(let job)? = find(.jobs, key),
                job.controllerKind == "CronJob"
            else { return }
            builder.set(kubernetes: "pod_cronjob_name", job.controllerName)
        default: break
        }
    }
}
