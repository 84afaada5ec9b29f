// SPDX-License-Identifier: Apache-2.0
//
// What a cluster costs: 5 000 pods of two containers, read from the pages of a list as the API server sends them (16 KiB
// a pod, most of it of no use), kept, made into groups and those into targets. Memory is what no file backs and what is
// left after free memory was given back; time is the processor's.

import Config
import Platform
import Samples
import Wire

@testable import Collector
@testable import Platform

enum Pods {
    private static let count = 5000
    private static let pageSize = 100

    static func measure() throws {
        let pages = stride(from: 0, to: count, by: pageSize).map { first in
            (0..<pageSize).map { pod(first + $0) }.joined(separator: ",")
        }
        print("pods: \(count), \(pages.reduce(0) { $0 + $1.utf8.count } >> 20) MiB of JSON")
        var state = Measure()
        var watch = ObjectWatch(.pods)
        var cluster = KubernetesCluster(.pod, KubernetesAttachments())
        for (number, page) in pages.enumerated() {
            let next = number + 1 < pages.count ? "t\(number)" : ""
            let body =
                "{\"metadata\":{\"resourceVersion\":\"1\",\"continue\":\"\(next)\"},\"items\":[\(page)]}"
            let read = try KubernetesPage(Array(body.utf8), of: .pods)
            watch.take(read)
        }
        state.tell("objects read")
        _ = cluster.refresh([KubernetesList(watch, changes: watch.takeChanges())])
        state.tell("groups made")
        let groups = cluster.sortedGroups().map {
            DiscoveredGroup(source: $0.source, targets: $0.targets, labels: $0.labels)
        }
        var job = ScrapeConfig(jobName: "pods")
        job.relabelConfigs = []
        let list = TargetList(job, SharedJob(job), groups)
        state.tell("\(list.targets.count) targets made, none dropped")
        // A page of the API, or of the interface.
        _ = list.targets.reduce(0) { $0 + $1.discoveredLabels.count }
        state.tell("all labels looked at")
        withExtendedLifetime((pages, watch, cluster, groups, list)) {}
    }

    /// Memory and time since the last time.
    private struct Measure {
        private let first: Int
        private var began = ThreadTime.nanoseconds()

        init() {
            Memory.trim()
            first = Memory.anonymousBytes() ?? 0
        }

        mutating func tell(_ what: String) {
            let milliseconds = (ThreadTime.nanoseconds() - began) / 1_000_000
            let untrimmed = (Memory.anonymousBytes() ?? 0) - first
            Memory.trim()
            let held = (Memory.anonymousBytes() ?? 0) - first
            print(
                "  \(what): \(held >> 10) KiB held (\(untrimmed >> 10) before trimming), \(milliseconds) ms"
            )
            began = ThreadTime.nanoseconds()
        }
    }

    private static func pod(_ number: Int) -> String {
        let labels = (0..<8).map { "\"app.kubernetes.io/label-\($0)\":\"value-of-\($0)-\(number)\"" }
        let annotations = (0..<6).map {
            "\"example.com/annotation-\($0)\":\"some longer value of an annotation \(number)\""
        }
        let field =
            "{\"manager\":\"kubelet\",\"fieldsV1\":{\"f:status\":{\"f:conditions\":{\"f:status\":{}}}}}"
        let fields = [String](repeating: field, count: 160)
        func container(_ name: String, _ image: String, _ port: Int) -> String {
            """
            {"name":"\(name)","image":"registry.example.com/\(image)","ports":[{"name":"\(name)-http",\
            "containerPort":\(port),"protocol":"TCP"}]}
            """
        }
        func status(_ name: String, _ digit: Int) -> String {
            let identifier = String(repeating: "\(digit)0123456789abcde", count: 4)
            return "{\"name\":\"\(name)\",\"containerID\":\"containerd://\(identifier)\"}"
        }
        return """
            {"metadata":{"name":"app-deployment-7d9c8b6f5-\(number)","namespace":"production",\
            "uid":"0b7e3c1e-3f0f-4a86-9d5f-\(number)","labels":{\(labels.joined(separator: ","))},\
            "annotations":{\(annotations.joined(separator: ","))},"managedFields":[\(fields.joined(separator: ","))],\
            "ownerReferences":[{"kind":"ReplicaSet","name":"app-deployment-7d9c8b6f5","controller":true}]},\
            "spec":{"nodeName":"edge-node-\(number % 20)","containers":[\
            \(container("main", "team/app:1.2.\(number)", 8080)),\(container("proxy", "mesh/proxy:3.4", 15090))]},\
            "status":{"podIP":"10.42.\(number / 250).\(number % 250)","hostIP":"10.0.0.1","phase":"Running",\
            "conditions":[{"type":"Ready","status":"True"}],\
            "containerStatuses":[\(status("main", 1)),\(status("proxy", 2))]}}
            """
    }
}
