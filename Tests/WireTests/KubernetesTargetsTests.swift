// SPDX-License-Identifier: Apache-2.0
//
// Objects and the labels their targets get, role by role: Prometheus' documented meta labels (configuration,
// kubernetes_sd_config). The same objects are compared with a real Prometheus in Tests/Integration/test_kubernetes.py.

import Samples
import Testing

@testable import Wire

@Suite struct KubernetesTargetsTests {
    private func groups(
        _ role: KubernetesRole,
        _ attach: (inout KubernetesAttachments) -> Void = { _ in },
        changing: [KubernetesResource: [String]] = [:]
    ) throws -> [String] {
        var attachments = KubernetesAttachments()
        attach(&attachments)
        var cluster = try Cluster.complete(role, attachments, changing: changing)
        check(cluster.refresh())
        return Cluster.text(cluster.sortedGroups())
    }

    private let annotations =
        "pod_annotation_prometheus_io_scrape=true "
        + "pod_annotationpresent_prometheus_io_scrape=true"
    private let controller = "pod_controller_kind=ReplicaSet pod_controller_name=web-5d"
    private let podRest =
        "pod_host_ip=10.0.0.1 pod_ip=10.42.0.5 pod_label_app=web "
        + "pod_label_app_kubernetes_io_name=web pod_labelpresent_app=true "
        + "pod_labelpresent_app_kubernetes_io_name=true pod_name=web-0 pod_node_name=edge-1 pod_phase=Running "
        + "pod_ready=true pod_uid=u-0"

    @Test func node() throws {
        #expect(
            try groups(.node) == [
                "node/edge-1 node_annotation_note_a=b c node_annotationpresent_note_a=true "
                    + "node_label_kubernetes_io_arch=arm64 node_labelpresent_kubernetes_io_arch=true node_name=edge-1",
                "  __address__=10.0.0.1:10250 node_address_Hostname=edge-1 node_address_InternalIP=10.0.0.1 "
                    + "node_condition_DiskPressure=unknown node_condition_Ready=true "
                    + "node_provider_id=k3s://edge-1 instance=edge-1",
            ]
        )
    }

    @Test(arguments: [
        (["ExternalIP", "InternalDNS"], "b:1"), (["Hostname", "ExternalDNS", "LegacyHostIP"], "b:1"),
        (["Hostname", "LegacyHostIP"], "b:1"), (["Else", "Hostname"], "b:1"),
        (["ExternalIP", "ExternalDNS"], "a:1"),
    ])
    func addressOfANode(types: [String], address: String) throws {
        let list = zip(types, ["a", "b", "c"]).map { "{\"type\":\"\($0)\",\"address\":\"\($1)\"}" }
        let node = """
            {"metadata":{"name":"n"},"status":{"addresses":[\(list.joined(separator: ","))],\
            "daemonEndpoints":{"kubeletEndpoint":{"Port":1}}}}
            """
        let found = try groups(.node, changing: [.nodes: [node]])
        #expect(found.count == 2 && found[1].contains("__address__=\(address) "))
    }

    @Test func aNodeWithoutAddressIsNoTarget() throws {
        let node =
            "{\"metadata\":{\"name\":\"n\"},\"status\":{\"addresses\":[{\"type\":\"Odd\",\"address\":\"a\"}]}}"
        #expect(try groups(.node, changing: [.nodes: [node]]) == [])
    }

    @Test func pod() throws {
        let web =
            "pod_container_id=containerd://abc pod_container_image=web:1 pod_container_init=false "
            + "pod_container_name=web"
        #expect(
            try groups(.pod) == [
                "pod/shop/web-0 namespace=shop \(annotations) \(controller) \(podRest)",
                "  __address__=10.42.0.5:8080 \(web) pod_container_port_name=http pod_container_port_number=8080 "
                    + "pod_container_port_protocol=TCP",
                "  __address__=10.42.0.5:9000 \(web) pod_container_port_name=admin pod_container_port_number=9000 "
                    + "pod_container_port_protocol=TCP",
                "  __address__=10.42.0.5 pod_container_image=side:2 pod_container_init=false pod_container_name=side",
                "  __address__=10.42.0.5 pod_container_id=containerd://ini pod_container_image=busybox "
                    + "pod_container_init=true pod_container_name=setup",
            ]
        )
    }

    @Test func aPodWithoutAddressIsNoTarget() throws {
        let pod = Cluster.pod.replacing("\"podIP\":\"10.42.0.5\",", with: "")
        #expect(try groups(.pod, changing: [.pods: [pod]]) == [])
    }

    @Test func addressesWithColonsGetBrackets() throws {
        let pod = Cluster.pod.replacing("10.42.0.5", with: "fd00::5")
        let found = try groups(.pod, changing: [.pods: [pod]])
        #expect(found[1].hasPrefix("  __address__=[fd00::5]:8080 "))
        #expect(found[3].hasPrefix("  __address__=fd00::5 "))
    }

    @Test func readinessOfAPod() throws {
        let without = Cluster.pod.replacing(",{\"type\":\"Ready\",\"status\":\"True\"}", with: "")
        #expect(try groups(.pod, changing: [.pods: [without]])[0].contains("pod_ready=unknown"))
        let not = Cluster.pod.replacing(
            "{\"type\":\"Ready\",\"status\":\"True\"}",
            with: "{\"type\":\"Ready\",\"status\":\"False\"}"
        )
        #expect(try groups(.pod, changing: [.pods: [not]])[0].contains("pod_ready=false"))
    }

    @Test func attachmentsOfAPod() throws {
        let found = try groups(.pod) {
            $0.node = true
            $0.namespace = true
            $0.deployment = true
        }
        #expect(
            found[0] == "pod/shop/web-0 namespace=shop namespace_annotation_owner=me "
                + "namespace_annotationpresent_owner=true namespace_label_tier=front "
                + "namespace_labelpresent_tier=true node_annotation_note_a=b c node_annotationpresent_note_a=true "
                + "node_label_kubernetes_io_arch=arm64 node_labelpresent_kubernetes_io_arch=true node_name=edge-1 "
                + "\(annotations) \(controller) pod_deployment_name=web \(podRest)"
        )
    }

    @Test func jobsOfAPod() throws {
        let pod = Cluster.pod.replacing("ReplicaSet", with: "Job").replacing("web-5d", with: "night-1")
        let job = Cluster.replicaSet.replacing("web-5d", with: "night-1").replacing(
            "Deployment",
            with: "CronJob"
        )
        .replacing("\"web\"", with: "\"night\"")
        let found = try groups(
            .pod,
            {
                $0.job = true
                $0.cronJob = true
            },
            changing: [.pods: [pod], .jobs: [job]]
        )
        #expect(
            found[0].contains(
                " pod_cronjob_name=night pod_host_ip=10.0.0.1 pod_ip=10.42.0.5 pod_job_name=night-1 "
            )
        )
    }

    @Test func service() throws {
        #expect(
            try groups(.service) == [
                "svc/shop/web namespace=shop service_label_team=a service_labelpresent_team=true service_name=web",
                "  __address__=web.shop.svc:80 service_cluster_ip=10.43.0.9 service_port_name=http "
                    + "service_port_number=80 service_port_protocol=TCP service_type=ClusterIP",
            ]
        )
        let external = Cluster.service.replacing(
            "\"type\":\"ClusterIP\"",
            with: "\"type\":\"ExternalName\",\"externalName\":\"x.test\""
        )
        #expect(
            try groups(.service, changing: [.services: [external]])[1]
                == "  __address__=web.shop.svc:80 service_external_name=x.test service_port_name=http "
                + "service_port_number=80 service_port_protocol=TCP service_type=ExternalName"
        )
        let balanced = Cluster.service.replacing(
            "\"ClusterIP\"",
            with: "\"LoadBalancer\",\"loadBalancerIP\":\"192.0.2.1\""
        )
        #expect(
            try groups(.service, changing: [.services: [balanced]])[1].contains(
                "service_cluster_ip=10.43.0.9 service_loadbalancer_ip=192.0.2.1 "
            )
        )
    }

    @Test func endpointSlice() throws {
        let web = "pod_container_image=web:1 pod_container_init=false pod_container_name=web"
        #expect(
            try groups(.endpointSlice) == [
                "endpointslice/shop/web-x1 endpointslice_address_type=IPv4 endpointslice_annotation_a=1 "
                    + "endpointslice_annotationpresent_a=true endpointslice_label_kubernetes_io_service_name=web "
                    + "endpointslice_labelpresent_kubernetes_io_service_name=true endpointslice_name=web-x1 "
                    + "namespace=shop service_label_team=a service_labelpresent_team=true service_name=web",
                "  __address__=10.42.0.5:8080 endpointslice_address_target_kind=Pod "
                    + "endpointslice_address_target_name=web-0 endpointslice_endpoint_conditions_ready=true "
                    + "endpointslice_endpoint_conditions_serving=true "
                    + "endpointslice_endpoint_conditions_terminating=false "
                    + "endpointslice_endpoint_hostname=web-0 endpointslice_endpoint_node_name=edge-1 "
                    + "endpointslice_endpoint_topology_present_rack=true endpointslice_endpoint_topology_rack=r1 "
                    + "endpointslice_endpoint_zone=z1 endpointslice_port=8080 "
                    + "endpointslice_port_app_protocol=h2c endpointslice_port_name=http "
                    + "endpointslice_port_protocol=TCP \(annotations) \(web) "
                    + "pod_container_port_name=http pod_container_port_number=8080 pod_container_port_protocol=TCP "
                    + "\(controller) \(podRest)",
                "  __address__=192.0.2.7:8080 endpointslice_port=8080 endpointslice_port_app_protocol=h2c "
                    + "endpointslice_port_name=http endpointslice_port_protocol=TCP",
                "  __address__=10.42.0.5:9000 \(annotations) \(web) pod_container_port_name=admin "
                    + "pod_container_port_number=9000 pod_container_port_protocol=TCP \(controller) \(podRest)",
            ]
        )
    }

    @Test func aSliceWithoutPortsNumber() throws {
        let slice = Cluster.slice.replacing("\"port\":8080,", with: "\"port\":null,")
        let found = try groups(.endpointSlice, changing: [.endpointSlices: [slice], .pods: []])
        #expect(
            found.dropFirst() == [
                found[1],
                "  __address__=192.0.2.7 endpointslice_port_app_protocol=h2c endpointslice_port_name=http "
                    + "endpointslice_port_protocol=TCP",
            ]
        )
        #expect(found[1].hasPrefix("  __address__=10.42.0.5 endpointslice_address_target_kind=Pod "))
    }

    /// Of several containers with the port the last counts, with what it lacks.
    @Test func anEndpointHasNothingOfAnotherContainer() throws {
        let pod = Cluster.pod.replacing(
            "{\"name\":\"side\",\"image\":\"side:2\"}",
            with: "{\"ports\":[{\"containerPort\":8080}]}"
        )
        let target = try #require(groups(.endpoints, changing: [.pods: [pod]]).dropFirst().first)
        #expect(
            target.split(separator: " ").filter { $0.hasPrefix("pod_container") } == [
                "pod_container_init=false", "pod_container_port_number=8080",
                "pod_container_port_protocol=TCP",
            ]
        )
    }

    @Test func endpoints() throws {
        let web = "pod_container_image=web:1 pod_container_init=false pod_container_name=web"
        #expect(
            try groups(.endpoints) == [
                "endpoints/shop/web endpoints_label_x=y endpoints_labelpresent_x=true endpoints_name=web "
                    + "namespace=shop service_label_team=a service_labelpresent_team=true service_name=web",
                "  __address__=10.42.0.5:8080 endpoint_address_target_kind=Pod endpoint_address_target_name=web-0 "
                    + "endpoint_hostname=web-0 endpoint_node_name=edge-1 endpoint_port_name=http "
                    + "endpoint_port_protocol=TCP endpoint_ready=true \(annotations) \(web) "
                    + "pod_container_port_name=http pod_container_port_number=8080 pod_container_port_protocol=TCP "
                    + "\(controller) \(podRest)",
                "  __address__=192.0.2.7:8080 endpoint_port_name=http endpoint_port_protocol=TCP "
                    + "endpoint_ready=false",
                "  __address__=10.42.0.5:9000 \(annotations) \(web) pod_container_port_name=admin "
                    + "pod_container_port_number=9000 pod_container_port_protocol=TCP \(controller) \(podRest)",
            ]
        )
    }

    @Test func nodesOfEndpoints() throws {
        let found = try groups(.endpoints) { $0.node = true }
        #expect(found[1].contains(" node_label_kubernetes_io_arch=arm64 "))
        #expect(!found[2].contains("node_name=") && !found[3].contains(" node_name="))
        let slice = Cluster.slice.replacing(
            "\"kind\":\"Pod\",\"namespace\":\"shop\",\"name\":\"web-0\"",
            with: "\"kind\":\"Node\",\"name\":\"edge-1\""
        )
        .replacing("\"nodeName\":\"edge-1\",", with: "")
        let ofSlice = try groups(.endpointSlice, { $0.node = true }, changing: [.endpointSlices: [slice]])
        #expect(ofSlice[1].contains(" node_name=edge-1"))
    }

    @Test func ingress() throws {
        let shared =
            "ingress/shop/front ingress_class_name=traefik ingress_label_a=b ingress_labelpresent_a=true "
            + "ingress_name=front namespace=shop"
        #expect(
            try groups(.ingress) == [
                shared,
                "  __address__=shop.example.com ingress_host=shop.example.com ingress_path=/a ingress_scheme=https",
                "  __address__=shop.example.com ingress_host=shop.example.com ingress_path=/ ingress_scheme=https",
                "  __address__=a.b.example.com ingress_host=a.b.example.com ingress_path=/ ingress_scheme=http",
            ]
        )
    }

    @Test func anIngressWithoutHost() throws {
        let ingress = """
            {"metadata":{"name":"any","namespace":"x"},"spec":{"tls":[{"hosts":["a.test"]}],\
            "rules":[{"http":{"paths":[{"path":"/p"}]}}]}}
            """
        // Relabeling may give it an address; without one it is no target.
        #expect(
            try groups(.ingress, changing: [.ingresses: [ingress]]) == [
                "ingress/x/any ingress_name=any namespace=x", "  ingress_path=/p ingress_scheme=http",
            ]
        )
    }

    /// Addresses of every type, ready or not.
    @Test(arguments: [
        ("IPv4", "192.0.2.7", "192.0.2.7:8080", "false"), ("IPv6", "fd00::7", "[fd00::7]:8080", "true"),
        ("FQDN", "db.example.com", "db.example.com:8080", "false"),
    ])
    func addressesOfASlice(type: String, address: String, wanted: String, ready: String) throws {
        let slice = """
            {"metadata":{"name":"s","namespace":"x"},"addressType":"\(type)","ports":[{"port":8080}],\
            "endpoints":[{"addresses":["\(address)"],"conditions":{"ready":\(ready),"serving":null},"nodeName":"n"}]}
            """
        #expect(
            try groups(.endpointSlice, changing: [.endpointSlices: [slice]]) == [
                "endpointslice/x/s endpointslice_address_type=\(type) endpointslice_name=s namespace=x",
                "  __address__=\(wanted) endpointslice_endpoint_conditions_ready=\(ready) "
                    + "endpointslice_endpoint_node_name=n endpointslice_port=8080",
            ]
        )
    }

    /// A pod that is over keeps its address, and with it its targets; relabeling looks at the phase.
    @Test(arguments: ["Succeeded", "Failed", "Pending"]) func podsThatDoNotRun(phase: String) throws {
        let pod = Cluster.pod.replacing("Running", with: phase)
        let found = try groups(.pod, changing: [.pods: [pod]])
        #expect(found[0].contains(" pod_phase=\(phase) ") && found.count == 5)
    }

    /// What is to be attached may not be there, or not yet.
    @Test func attachmentsThatAreMissing() throws {
        let found = try groups(
            .pod,
            { attachments in
                attachments.node = true
                attachments.namespace = true
            },
            changing: [.nodes: [], .namespaces: []]
        )
        #expect(try found == groups(.pod))
    }

    @Test func aSecondAddressFamilyIsLeftOutWhileThereIsAFirst() throws {
        let service = Cluster.service.replacing(
            "\"clusterIP\"",
            with: "\"ipFamilyPolicy\":\"PreferDualStack\",\"ipFamilies\":[\"IPv4\",\"IPv6\"],\"clusterIP\""
        )
        let second = Cluster.slice.replacing("web-x1", with: "web-x2").replacing("IPv4", with: "IPv6")
        let objects: [KubernetesResource: [String]] = [
            .services: [service], .endpointSlices: [Cluster.slice, second],
        ]
        var cluster = try Cluster.complete(.endpointSlice, changing: objects)
        check(cluster.refresh())
        #expect(cluster.sortedGroups().map(\.source) == ["endpointslice/shop/web-x1"])
        let gone = try Cluster.event(.endpointSlices, "DELETED", Cluster.slice)
        check(cluster.withWatch(0) { $0.take(gone) })
        check(cluster.refresh())
        #expect(cluster.sortedGroups().map(\.source) == ["endpointslice/shop/web-x2"])
    }

    @Test func aGroupIsBounded() throws {
        let ports = (0..<200).map { "{\"port\":\($0)}" }.joined(separator: ",")
        let addresses = (0..<200).map { "\"10.0.0.\($0)\"" }.joined(separator: ",")
        let slice = """
            {"metadata":{"name":"big","namespace":"x"},"ports":[\(ports)],"endpoints":[{"addresses":[\(addresses)]}]}
            """
        var cluster = try Cluster.complete(
            .endpointSlice,
            changing: [.endpointSlices: [slice, Cluster.slice]]
        )
        check(cluster.refresh())
        let counts = cluster.sortedGroups().map(\.targets.count)
        #expect(counts == [3] || counts == [20_000])
        #expect(cluster.refused == 1)
    }
}
