// SPDX-License-Identifier: Apache-2.0
//
// What excludes what is Prometheus' (discovery/kubernetes, SDConfig): the client's settings come from one place only,
// the file, the kubeconfig, or the account of the pod edgewatch runs in.

extension KubernetesDiscoveryConfig {
    init?(reading section: Section) {
        let written = section.required("role") != nil
        let role: Role? = section.choice("role")
        self.init(role: role ?? .pod)
        apiServer = section.url("api_server")?.text
        kubeconfigFile = section.path("kubeconfig_file")
        section.section("namespaces") { section in
            ownNamespace = section.bool("own_namespace") ?? false
            namespaces = section.strings("names")
        }
        selectors = section.sections("selectors", Selector.init(reading:))
        section.section("attach_metadata") { section in
            attachesNode = section.bool("node") ?? false
            attachesNamespace = section.bool("namespace") ?? false
            attachesDeployment = section.bool("deployment") ?? false
            attachesJob = section.bool("job") ?? false
            attachesCronJob = section.bool("cronjob") ?? false
        }
        http = HTTPConfig(reading: section)
        checkServer(section)
        if written, role != nil { checkSelectors(section) }
    }

    private func checkServer(_ section: Section) {
        if apiServer != nil, kubeconfigFile != nil {
            section.report(
                "kubeconfig_file",
                "at most one of \"api_server\" and \"kubeconfig_file\" may be set"
            )
        }
        var plain = http
        plain.enableHTTP2 = HTTPConfig().enableHTTP2
        if apiServer == nil, plain != HTTPConfig() {
            let remedy =
                kubeconfigFile == nil
                ? "set \"api_server\", or leave out authentication, TLS and proxy"
                : "put authentication and TLS into the kubeconfig file"
            section.report(
                "role",
                "authentication, TLS and proxy belong to an \"api_server\"",
                remedy: remedy
            )
        }
        if ownNamespace, apiServer != nil || kubeconfigFile != nil {
            let message = "\"own_namespace\" is known only in the cluster edgewatch runs in"
            section.report("namespaces", message, remedy: "write its name under names")
        }
    }

    private func checkSelectors(_ section: Section) {
        var seen: [Role] = []
        for selector in selectors {
            if seen.contains(selector.role) {
                section.report("selectors", "two selectors for the role \(selector.role.rawValue)")
            }
            seen.append(selector.role)
            if !role.selectable.contains(selector.role) {
                let names = role.selectable.map(\.rawValue).joined(separator: ", ")
                section.report("selectors", "the role \(role.rawValue) has selectors for \(names) only")
            }
        }
    }
}

extension KubernetesDiscoveryConfig.Selector {
    fileprivate init?(reading section: Section) {
        let written = section.required("role") != nil
        let role: KubernetesDiscoveryConfig.Role? = section.choice("role")
        self.init(role: role ?? .pod)
        label = section.string("label") ?? ""
        field = section.string("field") ?? ""
        guard written, role != nil else { return nil }
    }
}
