// SPDX-License-Identifier: Apache-2.0
//
// Targets of a Kubernetes cluster: watchers for everything the role needs keep the state, and whenever it changed the
// groups are made and handed over, all of them. Changes come in bunches (a rollout is dozens of events), so a short
// while is waited for more.

internal import Config
internal import Glibc
internal import HTTPClient
internal import Platform
internal import Wire

/// One `kubernetes_sd_configs` entry at work.
struct KubernetesDiscovery: Discoverer {
    /// How long changes are gathered.
    private static let gathering = Duration.milliseconds(200)
    /// When a server that was not found is looked for again.
    private static let retry = Duration.seconds(30)

    let config: KubernetesDiscoveryConfig
    let http: HTTPClient
    let clock: any EdgeClock

    init(_ config: KubernetesDiscoveryConfig, http: HTTPClient, clock: any EdgeClock) {
        self.config = config
        self.http = http
        self.clock = clock
    }

    /// Discovers until cancelled.
    func run(_ report: DiscoveryReport) async {
        while !Task.isCancelled {
            do throws(KubernetesAccessError) {
                await run(try find(), report)
            } catch {
                report.fail(error.words)
                try? await clock.sleep(for: KubernetesDiscovery.retry)
            }
        }
    }

    private func run(_ access: KubernetesAccess, _ report: DiscoveryReport) async {
        let requests = KubernetesDiscovery.requests(config, own: access.ownNamespace)
        let (changes, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let cluster = KubernetesCluster(
            config.wireRole,
            config.attachments,
            watching: requests.map(\.resource)
        )
        let state = KubernetesState(cluster, changes: continuation)
        await withTaskGroup { group in
            for (index, request) in requests.enumerated() {
                let watcher = KubernetesWatcher(
                    request: request,
                    index: index,
                    access: access,
                    state: state,
                    http: http,
                    clock: clock
                )
                group.addTask { await watcher.run() }
            }
            await publish(changes, state, access, report)
            group.cancelAll()
        }
    }

    /// Publishes after changes until cancelled, or until somebody else is to ask.
    private func publish(
        _ changes: AsyncStream<Void>,
        _ state: KubernetesState,
        _ access: KubernetesAccess,
        _ report: DiscoveryReport
    ) async {
        var groups: [KubernetesGroup] = []
        var problem: String?
        for await _ in changes {
            try? await clock.sleep(for: KubernetesDiscovery.gathering)
            guard !Task.isCancelled else { return }
            let (fresh, words, isComplete) = state.withCluster { cluster in
                (cluster.refresh() ? cluster.sortedGroups() : nil, cluster.problem, cluster.isComplete)
            }
            let isNews = fresh != nil || words != problem
            groups = fresh ?? groups
            problem = words
            if isNews, isComplete { report.publish(groups.map(DiscoveredGroup.init)) }
            if isNews, let words { report.fail(words) }
            // Files with tokens are read for every request; what stands in a kubeconfig itself is not.
            if state.withCluster({ $0.trouble?.trouble == .unauthorized }), let now = try? find(),
                now != access
            {
                return
            }
        }
    }

    private func find() throws(KubernetesAccessError) -> KubernetesAccess {
        try KubernetesAccess(config, environment: KubernetesDiscovery.variable)
    }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    /// A list and watch for each resource and namespace.
    static func requests(_ config: KubernetesDiscoveryConfig, own: String?) -> [KubernetesRequest] {
        var namespaces: [String?] = []
        for name in config.namespaces + (own.map { [$0] } ?? []) where !namespaces.contains(name) {
            namespaces.append(name)
        }
        if namespaces.isEmpty { namespaces = [nil] }
        return config.wireRole.resources(config.attachments).flatMap { resource in
            let selector = config.selectors.first { $0.role.wire.resource == resource }
            return (resource.isNamespaced ? namespaces : [nil]).map { namespace in
                KubernetesRequest(
                    resource,
                    namespace: namespace,
                    label: selector?.label ?? "",
                    field: selector?.field ?? ""
                )
            }
        }
    }
}

extension DiscoveredGroup {
    fileprivate init(_ group: KubernetesGroup) {
        self.init(source: group.source, targets: group.targets, labels: group.labels)
    }
}

extension KubernetesCluster {
    /// What is wrong, for people.
    fileprivate var problem: String? {
        if let trouble { return "\(trouble.resource.rawValue): \(trouble.trouble.words)" }
        return refused > 0 ? "more than is discovered: \(refused) objects or targets are left out" : nil
    }
}

extension KubernetesTrouble {
    /// In the words of the targets page.
    var words: String {
        switch self {
        case .expired: "HTTP status 410: the server has forgotten the version"
        case .unauthorized: "HTTP status 401: unauthorized"
        case .refused(let words), .failed(let words): words
        }
    }
}

extension KubernetesDiscoveryConfig.Role {
    var wire: KubernetesRole {
        switch self {
        case .pod: .pod
        case .service: .service
        case .endpoints: .endpoints
        case .endpointSlice: .endpointSlice
        case .node: .node
        case .ingress: .ingress
        }
    }
}

extension KubernetesDiscoveryConfig {
    var wireRole: KubernetesRole { role.wire }

    var attachments: KubernetesAttachments {
        var attachments = KubernetesAttachments()
        attachments.node = attachesNode
        attachments.namespace = attachesNamespace
        attachments.deployment = attachesDeployment
        attachments.job = attachesJob
        attachments.cronJob = attachesCronJob
        return attachments
    }
}
