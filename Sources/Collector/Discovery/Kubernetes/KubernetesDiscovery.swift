// SPDX-License-Identifier: Apache-2.0
//
// Targets of a Kubernetes cluster: watches, shared with other discoveries, keep the lists of everything the role needs,
// and whenever one changed the groups are made and handed over, all of them. Changes come in bunches (a rollout is dozens
// of events), so a short while is waited for more.

internal import Config
internal import Glibc
internal import Platform
internal import Wire

/// One `kubernetes_sd_configs` entry at work.
struct KubernetesDiscovery: Discoverer {
    /// How long changes are gathered.
    private static let gathering = Duration.milliseconds(200)
    /// When a server that was not found is looked for again.
    private static let retry = Duration.seconds(30)

    let config: KubernetesDiscoveryConfig
    let watches: KubernetesWatches
    private var clock: any EdgeClock { watches.clock }

    init(_ config: KubernetesDiscoveryConfig, _ watches: KubernetesWatches) {
        self.config = config
        self.watches = watches
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
        let (news, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let followings = KubernetesDiscovery.requests(config, own: access.ownNamespace).map {
            watches.follow($0, access, continuation)
        }
        await withTaskGroup { group in
            for following in followings {
                group.addTask { await watches.run(following) }
            }
            await publish(news, followings, access, report)
            group.cancelAll()
        }
        for following in followings { watches.leave(following) }
    }

    /// Publishes after changes until cancelled, or until somebody else is to ask.
    private func publish(
        _ news: AsyncStream<Void>,
        _ followings: [KubernetesWatches.Following],
        _ access: KubernetesAccess,
        _ report: DiscoveryReport
    ) async {
        var cluster = KubernetesCluster(config.wireRole, config.attachments)
        var groups: [DiscoveredGroup] = []
        var problem: String?
        for await _ in news {
            try? await clock.sleep(for: KubernetesDiscovery.gathering)
            guard !Task.isCancelled else { return }
            let look = KubernetesDiscovery.look(followings, &cluster)
            let isNews = look.groups != nil || look.problem != problem
            groups = look.groups ?? groups
            problem = look.problem
            if isNews, look.isComplete { report.publish(groups) }
            if isNews, let words = look.problem { report.fail(words) }
            // Files with tokens are read for every request; what stands in a kubeconfig itself is not.
            if look.hasTrouble, let now = try? find(), now != access { return }
        }
    }

    /// What there is after a change.
    private struct Look {
        /// All groups when one of them changed, nil otherwise.
        var groups: [DiscoveredGroup]?
        var problem: String?
        var isComplete: Bool
        var hasTrouble: Bool
    }

    private static func look(
        _ followings: [KubernetesWatches.Following],
        _ cluster: inout KubernetesCluster
    ) -> Look {
        // Not longer than in here: a list that is looked at while it changes is copied.
        let lists = followings.map { $0.watch.take($0.follower) }
        let isChanged = cluster.refresh(lists)
        let refused = lists.reduce(cluster.refused) { $0 + $1.refused }
        let trouble = lists.lazy.compactMap { list in
            list.trouble.map { "\(list.resource.rawValue): \($0.words)" }
        }.first
        let tooMany = "more than is discovered: \(refused) objects or targets are left out"
        return Look(
            groups: isChanged ? cluster.sortedGroups().map(DiscoveredGroup.init) : nil,
            problem: trouble ?? (refused > 0 ? tooMany : nil),
            isComplete: lists.allSatisfy(\.isComplete),
            hasTrouble: trouble != nil
        )
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
