// SPDX-License-Identifier: Apache-2.0
//
// When groups are made again: only for what changed, and for what depends on it.

import Testing

@testable import Wire

@Suite struct KubernetesClusterTests {
    @Test func thereAreNoGroupsBeforeEveryListWasRead() throws {
        let resources = KubernetesRole.endpointSlice.resources(KubernetesAttachments())
        #expect(resources == [.endpointSlices, .services, .pods])
        var cluster = WatchedCluster(.endpointSlice, KubernetesAttachments(), watching: resources)
        for (index, resource) in resources.enumerated() {
            check(!cluster.refresh() && cluster.sortedGroups().isEmpty)
            let page = try Cluster.page(resource, Cluster.all(resource))
            cluster.withWatch(index) { $0.take(page) }
        }
        check(cluster.refresh() && cluster.sortedGroups().count == 1)
        check(!cluster.refresh())
    }

    @Test func anEmptyClusterIsKnownToBeEmpty() throws {
        var cluster = try Cluster.complete(.pod, changing: [.pods: []])
        check(cluster.refresh() && cluster.sortedGroups().isEmpty)
        check(!cluster.refresh())
    }

    /// Each resource a slice depends on: a change of it changes the group.
    @Test(arguments: [
        (1, Cluster.service.replacing("team", with: "crew"), "service_label_crew=a"),
        (2, Cluster.pod.replacing("Running", with: "Failed"), "pod_phase=Failed"),
        (3, Cluster.node.replacing("arm64", with: "riscv"), "node_label_kubernetes_io_arch=riscv"),
        (4, Cluster.namespace.replacing("front", with: "back"), "namespace_label_tier=back"),
        (5, Cluster.replicaSet.replacing("\"web\"", with: "\"shop\""), "pod_deployment_name=shop"),
    ])
    func dependencies(index: Int, object: String, wanted: String) throws {
        var attachments = KubernetesAttachments()
        attachments.node = true
        attachments.namespace = true
        attachments.deployment = true
        for role in [KubernetesRole.endpointSlice, .endpoints] {
            let resources = role.resources(attachments)
            var cluster = try Cluster.complete(role, attachments)
            check(cluster.refresh())
            let before = Cluster.text(cluster.sortedGroups()).joined(separator: "\n")
            #expect(!before.contains(wanted))
            let event = try Cluster.event(resources[index], "MODIFIED", object)
            check(cluster.withWatch(index) { $0.take(event) })
            check(cluster.refresh())
            #expect(Cluster.text(cluster.sortedGroups()).joined(separator: "\n").contains(wanted))
            let other = try Cluster.event(
                resources[index],
                "ADDED",
                object.replacing("\"name\":\"", with: "\"name\":\"other-")
            )
            check(cluster.withWatch(index) { $0.take(other) })
            // The name may stand for something else in the object, not for this one: nothing depends on the new one.
            check(!cluster.refresh())
        }
    }

    @Test func namespacesHaveWatchesOfTheirOwn() throws {
        var cluster = WatchedCluster(.pod, KubernetesAttachments(), watching: [.pods, .pods])
        let (first, second) = (
            try Cluster.page(.pods, [Cluster.pod]),
            try Cluster.page(.pods, [Cluster.pod.replacing("shop", with: "lab")])
        )
        cluster.withWatch(0) { $0.take(first) }
        cluster.withWatch(1) { $0.take(second) }
        check(cluster.refresh())
        #expect(cluster.sortedGroups().map(\.source) == ["pod/lab/web-0", "pod/shop/web-0"])
        let gone = try Cluster.event(.pods, "DELETED", Cluster.pod)
        check(cluster.withWatch(0) { $0.take(gone) })
        check(cluster.refresh())
        #expect(cluster.sortedGroups().map(\.source) == ["pod/lab/web-0"])
    }

    /// Somebody who comes later, or whose changes were too many to keep, sees what is there and what is gone.
    @Test func withoutKnowingWhatChanged() throws {
        var watch = ObjectWatch(.pods)
        let other = Cluster.pod.replacing("web-0", with: "web-1")
        watch.take(try Cluster.page(.pods, [Cluster.pod, other], version: "1"))
        _ = watch.takeChanges()
        var cluster = KubernetesCluster(.pod, KubernetesAttachments())
        check(cluster.refresh([KubernetesList(watch, changes: [])]))
        #expect(cluster.sortedGroups().map(\.source) == ["pod/shop/web-0", "pod/shop/web-1"])
        check(!cluster.refresh([KubernetesList(watch, changes: [])]))
        check(!cluster.refresh([KubernetesList(watch, changes: nil)]))
        check(watch.take(try Cluster.event(.pods, "DELETED", Cluster.pod)))
        check(
            watch.take(
                try Cluster.event(.pods, "ADDED", Cluster.pod.replacing("web-0", with: "web-2"))
            )
        )
        check(cluster.refresh([KubernetesList(watch, changes: nil)]))
        #expect(cluster.sortedGroups().map(\.source) == ["pod/shop/web-1", "pod/shop/web-2"])
    }

    @Test func pathsOfTheAPI() {
        #expect(KubernetesResource.nodes.path(namespace: "x") == "/api/v1/nodes")
        #expect(KubernetesResource.pods.path(namespace: nil) == "/api/v1/pods")
        #expect(KubernetesResource.pods.path(namespace: "x") == "/api/v1/namespaces/x/pods")
        #expect(
            KubernetesResource.endpointSlices.path(namespace: "x")
                == "/apis/discovery.k8s.io/v1/namespaces/x/endpointslices"
        )
        #expect(KubernetesResource.ingresses.path(namespace: nil) == "/apis/networking.k8s.io/v1/ingresses")
    }
}
