// SPDX-License-Identifier: Apache-2.0
//
// The names a packed set has numbers for. Numbers are not kept anywhere outside the process: names come and go here as
// discoveries learn new ones, and a name without number is only longer.

enum PackedNames {
    /// At most 127.
    static let names =
        ["__address__", "instance", "__meta_filepath", "__meta_url", "__meta_dns_name"]
        + [
            "namespace", "node_name", "node_provider_id", "service_name", "service_type",
            "service_cluster_ip",
            "service_loadbalancer_ip", "service_external_name", "service_port_name", "service_port_number",
            "service_port_protocol", "ingress_name", "ingress_class_name", "ingress_scheme", "ingress_host",
            "ingress_path", "endpoints_name", "endpoint_port_name", "endpoint_port_protocol",
            "endpoint_ready",
            "endpoint_address_target_kind", "endpoint_address_target_name", "endpoint_node_name",
            "endpoint_hostname", "endpointslice_name", "endpointslice_address_type", "endpointslice_port",
            "endpointslice_port_name", "endpointslice_port_protocol", "endpointslice_port_app_protocol",
            "endpointslice_address_target_kind", "endpointslice_address_target_name",
            "endpointslice_endpoint_conditions_ready", "endpointslice_endpoint_conditions_serving",
            "endpointslice_endpoint_conditions_terminating", "endpointslice_endpoint_hostname",
            "endpointslice_endpoint_node_name", "endpointslice_endpoint_zone", "pod_name", "pod_ip",
            "pod_ready",
            "pod_phase", "pod_node_name", "pod_host_ip", "pod_uid", "pod_controller_kind",
            "pod_controller_name",
            "pod_deployment_name", "pod_job_name", "pod_cronjob_name", "pod_container_name",
            "pod_container_image",
            "pod_container_id", "pod_container_init", "pod_container_port_name", "pod_container_port_number",
            "pod_container_port_protocol",
        ].map { KubernetesLabels.prefix + $0 }

    /// The numbers, from 1.
    static let codes = Dictionary(
        uniqueKeysWithValues: names.enumerated().map { ($1, UInt8($0 + 1)) }
    )

    /// Objects with labels and annotations of their own.
    private static let kinds = [
        "pod", "service", "endpointslice", "endpoints", "node", "namespace", "ingress",
    ]

    /// What the names of the two labels of one label or annotation begin with.
    static let prefixes: [(plain: String, presence: String)] = kinds.flatMap { kind in
        ["label", "annotation"].map { what in
            let start = "\(KubernetesLabels.prefix)\(kind)_\(what)"
            return ("\(start)_", "\(start)present_")
        }
    }

    /// A name that is one of two.
    struct Pair {
        /// From 128.
        let code: UInt8
        let key: String
        /// Whether the name is the one that says that the other may be there.
        let isPresence: Bool
        /// The other name.
        let other: String
    }

    /// What two labels a name belongs to; nil for any other name.
    static func pair(_ name: String) -> Pair? {
        let text = name.utf8
        guard text.starts(with: KubernetesLabels.prefix.utf8) else { return nil }
        for (number, (plain, presence)) in prefixes.enumerated() {
            for prefix in [plain, presence] where text.starts(with: prefix.utf8) {
                let key = String(Substring(text.dropFirst(prefix.utf8.count)))
                let isPresence = prefix == presence
                return Pair(
                    code: UInt8(128 + number),
                    key: key,
                    isPresence: isPresence,
                    other: (isPresence ? plain : presence) + key
                )
            }
        }
        return nil
    }
}
