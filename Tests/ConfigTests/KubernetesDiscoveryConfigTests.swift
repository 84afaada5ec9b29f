// SPDX-License-Identifier: Apache-2.0

import Config
import Testing

@Suite struct KubernetesDiscoveryConfigTests {
    private func read(_ entry: String) throws -> KubernetesDiscoveryConfig {
        let text = "scrape_configs: [{job_name: a, kubernetes_sd_configs: [{\(entry)}]}]"
        let config = try configuration(text)
        #expect(config.warnings.isEmpty)
        return try #require(config.scrapeConfigs.first?.discovery.kubernetes.first)
    }

    private func words(_ entry: String) -> String {
        do {
            return "\(try read(entry))"
        } catch {
            return "\(error)".replacing("/etc/edgewatch/edgewatch.yml:", with: "")
        }
    }

    @Test func theOwnClusterIsTheDefault() throws {
        #expect(try read("role: endpointslice") == KubernetesDiscoveryConfig(role: .endpointSlice))
        var own = KubernetesDiscoveryConfig(role: .pod)
        own.ownNamespace = true
        own.namespaces = ["b"]
        #expect(try read("role: pod, namespaces: {own_namespace: true, names: [b]}") == own)
    }

    @Test func everything() throws {
        var wanted = KubernetesDiscoveryConfig(role: .endpointSlice)
        wanted.apiServer = "https://h:6443/p"
        wanted.namespaces = ["x", "y"]
        wanted.selectors = [.init(role: .pod), .init(role: .endpointSlice)]
        wanted.selectors[0].label = "a=b"
        wanted.selectors[1].field = "metadata.name=c"
        wanted.attachesNode = true
        wanted.attachesNamespace = true
        wanted.attachesDeployment = true
        wanted.attachesJob = true
        wanted.attachesCronJob = true
        wanted.http.authorization = AuthorizationConfig()
        wanted.http.authorization?.credentialsFile = "/etc/edgewatch/token"
        wanted.http.tls.caFile = "/ca"
        let text = """
            role: endpointslice, api_server: 'https://h:6443/p', namespaces: {names: [x, y]},
            selectors: [{role: pod, label: a=b}, {role: endpointslice, field: metadata.name=c}],
            attach_metadata: {node: true, namespace: true, deployment: true, job: true, cronjob: true},
            authorization: {credentials_file: token}, tls_config: {ca_file: /ca}
            """
        #expect(try read(text) == wanted)
        var file = KubernetesDiscoveryConfig(role: .node)
        file.kubeconfigFile = "/etc/edgewatch/k.yml"
        #expect(
            try read("role: node, kubeconfig_file: k.yml, enable_http2: true").kubeconfigFile
                == file.kubeconfigFile
        )
    }

    @Test func mistakes() {
        #expect(words("api_server: 'http://h'") == "1:56: \"role\" is missing")
        #expect(
            words("role: deployment")
                == "1:63: \"role\": expected one of pod, service, endpoints, endpointslice, node, ingress, found \"deployment\""
        )
        #expect(
            words("role: pod, api_server: 'http://h', kubeconfig_file: k")
                == "1:92: at most one of \"api_server\" and \"kubeconfig_file\" may be set"
        )
        #expect(
            words("role: pod, bearer_token: t")
                == "1:57: authentication, TLS and proxy belong to an \"api_server\"; "
                + "set \"api_server\", or leave out authentication, TLS and proxy"
        )
        #expect(
            words("role: pod, kubeconfig_file: k, basic_auth: {username: u}")
                == "1:57: authentication, TLS and proxy belong to an \"api_server\"; "
                + "put authentication and TLS into the kubeconfig file"
        )
        #expect(
            words("role: pod, api_server: 'http://h', namespaces: {own_namespace: true}")
                == "1:92: \"own_namespace\" is known only in the cluster edgewatch runs in; write its name under names"
        )
        #expect(
            words("role: service, selectors: [{role: pod}]")
                == "1:72: the role service has selectors for service only"
        )
        #expect(
            words("role: pod, selectors: [{role: pod}, {role: pod}]")
                == "1:68: two selectors for the role pod"
        )
        #expect(
            words("role: pod, selectors: [{label: a}]") == "1:80: \"role\" is missing"
        )
    }
}
