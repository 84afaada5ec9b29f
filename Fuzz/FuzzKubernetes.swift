// SPDX-License-Identifier: Apache-2.0
//
// What an API server sends, as lists, as events, and as targets; and the files that say where the server is. However the
// objects came, one after the other or all at once, the targets must be the same.

import Config
import Samples

@testable import Wire

/// A cluster with watches of its own.
private struct WatchedCluster {
    private(set) var watches: [ObjectWatch]
    private var cluster: KubernetesCluster

    init(
        _ role: KubernetesRole,
        _ attachments: KubernetesAttachments,
        watching resources: [KubernetesResource]
    ) {
        watches = resources.map { ObjectWatch($0) }
        cluster = KubernetesCluster(role, attachments)
    }

    mutating func withWatch<Result>(_ index: Int, _ body: (inout ObjectWatch) -> Result) -> Result {
        body(&watches[index])
    }

    mutating func refresh() -> Bool {
        let lists = watches.indices.map { index in
            KubernetesList(watches[index], changes: watches[index].takeChanges())
        }
        return cluster.refresh(lists)
    }

    func sortedGroups() -> [KubernetesGroup] { cluster.sortedGroups() }
}

extension Targets {
    /// The first byte is the role and what is attached; then lines, each a watch's number and an event, or, behind a
    /// `P`, a page for all watches.
    @Sendable static func kubernetes(_ input: [UInt8]) {
        guard let first = input.first else { return }
        let role = KubernetesRole.allCases[Int(first) % KubernetesRole.allCases.count]
        var attachments = KubernetesAttachments()
        attachments.node = first & 0x80 != 0
        attachments.namespace = first & 0x40 != 0
        attachments.deployment = first & 0x20 != 0
        attachments.cronJob = first & 0x20 != 0
        attachments.job = first & 0x20 != 0
        let resources = role.resources(attachments)
        var cluster = WatchedCluster(role, attachments, watching: resources)
        for index in resources.indices {
            cluster.withWatch(index) { $0.take(KubernetesPage(objects: [], version: "1")) }
        }
        var lines = KubernetesLines()
        _ = lines.append(Array(input.dropFirst()) + [UInt8(ascii: "\n")]) { line in
            guard let which = line.first else { return true }
            let rest = Array(line.dropFirst())
            if which == UInt8(ascii: "P") {
                for index in resources.indices {
                    guard let page = try? KubernetesPage(rest, of: resources[index]) else { continue }
                    cluster.withWatch(index) { watch in
                        watch.fail(.expired)
                        watch.take(page)
                    }
                }
            } else {
                let index = Int(which) % resources.count
                guard let event = try? KubernetesEvent(rest, of: resources[index]) else { return true }
                cluster.withWatch(index) { if !$0.take(event) { $0.fail(.failed("fuzz")) } }
            }
            _ = cluster.refresh()
            return true
        }
        _ = cluster.refresh()
        precondition(!cluster.refresh(), "nothing changed since")
        let groups = cluster.sortedGroups()
        var count = 0
        for group in groups {
            count += group.targets.count
            for packed in group.targets + [group.labels] {
                let labels = packed.labels
                precondition(Labels(encoded: labels.bytes) == labels, "labels that are none")
                precondition(PackedLabels(labels) == packed, "packed another way")
            }
        }
        precondition(count <= KubernetesCluster.targetLimit, "targets within the limit")
        var fresh = WatchedCluster(role, attachments, watching: resources)
        for index in resources.indices {
            let objects = Array(cluster.watches[index].objects.values)
            fresh.withWatch(index) { $0.take(KubernetesPage(objects: objects, version: "1")) }
        }
        _ = fresh.refresh()
        precondition(fresh.sortedGroups() == groups, "other targets than of the same objects at once")
    }

    /// The bytes are a kubeconfig file.
    @Sendable static func kubeconfig(_ input: [UInt8]) {
        guard let config = try? KubeConfig(input, file: "/etc/kube") else { return }
        precondition(URLText(config.server) != nil, "a server without a URL")
    }
}
