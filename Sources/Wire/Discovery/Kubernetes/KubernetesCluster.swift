// SPDX-License-Identifier: Apache-2.0
//
// What one discovery makes of a cluster: the groups of targets. The lists they are made of belong to the watches, which
// several discoveries may share; `refresh` makes the groups of objects that changed, or whose service, pod, node,
// namespace or owner did, and leaves the others alone.
//
// Until every list was read once there are no groups: a pod without its service would be a target with other labels.

/// The groups a discovery finds in a cluster.
public struct KubernetesCluster: Sendable {
    /// Targets of all groups; beyond it objects become no targets.
    static let targetLimit = 20_000
    /// Bytes of labels of all groups' targets.
    static let byteLimit = 64 << 20

    /// What becomes a target.
    public let role: KubernetesRole
    let attachments: KubernetesAttachments
    /// The groups by key of the object.
    private var groups: [String: KubernetesGroup] = [:]
    private var targets = 0
    private var bytes = 0
    /// Groups left out because of the limits.
    private var refusedGroups: Set<String> = []
    /// Which services have slices of which address family: `namespace/name IPv4`.
    private var families: Set<String> = []
    private var hasGroups = false

    /// Creates an empty state.
    ///
    /// - Parameters:
    ///   - role: what becomes a target.
    ///   - attachments: what else is asked for.
    public init(_ role: KubernetesRole, _ attachments: KubernetesAttachments) {
        self.role = role
        self.attachments = attachments
    }

    /// Groups and targets left out because of the limits.
    public var refused: Int { groups.values.reduce(refusedGroups.count) { $0 + $1.refused } }

    /// The groups with targets, by source.
    public func sortedGroups() -> [KubernetesGroup] {
        groups.values.sorted { $0.source < $1.source }
    }

    // MARK: - Groups

    /// Makes the groups of what changed; whether any group did.
    ///
    /// - Parameter lists: everything the role needs, one for each namespace.
    /// - Returns: false as long as one of the lists was not read.
    public mutating func refresh(_ lists: [KubernetesList]) -> Bool {
        guard lists.allSatisfy(\.isComplete) else { return false }
        var changed: [KubernetesResource: Set<String>] = [:]
        for list in lists {
            if let keys = list.changes, !keys.isEmpty {
                changed[list.resource, default: []].formUnion(keys)
            }
        }
        // Until now nobody looked at what changed.
        let isEverything = !hasGroups || lists.contains { $0.changes == nil }
        var isChanged = !hasGroups
        hasGroups = true
        guard isEverything || !changed.isEmpty else { return false }
        noteFamilies(lists, &changed)
        // What was left out for want of room gets another chance.
        let own = (isEverything ? Set(groups.keys) : changed[role.resource] ?? []).union(refusedGroups)
        let view = View(lists: lists)
        let maker = KubernetesTargets(
            role: role,
            attachments: attachments,
            find: { view.find($0, $1) },
            hasSlice: { [families] in families.contains("\($0) \($1)") }
        )
        for key in own where view.find(role.resource, key) == nil {
            if set(key, nil) { isChanged = true }
        }
        for list in lists where list.resource == role.resource {
            for (key, object) in list.objects
            where isEverything || own.contains(key) || view.depends(object, on: changed) {
                if set(key, maker.group(of: object)) { isChanged = true }
            }
        }
        return isChanged
    }

    /// Slices of a service depend on each other by their address families.
    private mutating func noteFamilies(
        _ lists: [KubernetesList],
        _ changed: inout [KubernetesResource: Set<String>]
    ) {
        guard role == .endpointSlice else { return }
        var found: Set<String> = []
        for list in lists where list.resource == .endpointSlices {
            for case .slice(let slice) in list.objects.values {
                guard let service = slice.service else { continue }
                found.insert("\(slice.meta.namespace)/\(service) \(slice.addressType)")
            }
        }
        for entry in found.symmetricDifference(families) {
            changed[.services, default: []].insert(String(entry.prefix { $0 != " " }))
        }
        families = found
    }

    /// Puts a group, or none, in the place of the one before; whether it is another.
    private mutating func set(_ key: String, _ group: KubernetesGroup?) -> Bool {
        refusedGroups.remove(key)
        let old = groups.removeValue(forKey: key)
        if let old {
            targets -= old.targets.count
            bytes -= old.bytes
        }
        guard let group else { return old != nil }
        guard targets + group.targets.count <= KubernetesCluster.targetLimit,
            bytes + group.bytes <= KubernetesCluster.byteLimit
        else {
            refusedGroups.insert(key)
            return old != nil
        }
        targets += group.targets.count
        bytes += group.bytes
        groups[key] = group
        return group != old
    }
}

/// The objects of all lists, looked at while groups are made.
private struct View {
    let lists: [KubernetesList]

    func find(_ resource: KubernetesResource, _ key: String) -> KubernetesObject? {
        // A list for each namespace: few.
        for list in lists where list.resource == resource {
            if let object = list.objects[key] { return object }
        }
        return nil
    }

    /// Whether a group of the object may look different because other objects changed.
    func depends(
        _ object: KubernetesObject,
        on changed: [KubernetesResource: Set<String>]
    ) -> Bool {
        func has(_ resource: KubernetesResource, _ key: String?) -> Bool {
            guard let key, let keys = changed[resource] else { return false }
            return keys.contains(key)
        }
        func has(_ pod: KubernetesPod) -> Bool {
            let owner = "\(pod.meta.namespace)/\(pod.meta.controllerName)"
            return has(.nodes, pod.node) || has(.replicaSets, owner) || has(.jobs, owner)
        }
        func has(_ reference: KubernetesReference?, _ node: String?) -> Bool {
            if has(.nodes, node) { return true }
            guard let reference else { return false }
            if reference.kind == "Node" { return has(.nodes, reference.name) }
            guard reference.kind == "Pod" else { return false }
            if has(.pods, reference.key) { return true }
            guard changed[.replicaSets] != nil || changed[.jobs] != nil,
                case .pod(let pod)? = find(.pods, reference.key)
            else { return false }
            return has(pod)
        }
        if has(.namespaces, object.meta.namespace) { return true }
        switch object {
        case .pod(let pod): return has(pod)
        case .slice(let slice):
            return has(.services, slice.service.map { "\(slice.meta.namespace)/\($0)" })
                || slice.endpoints.contains { has($0.target, $0.node) }
        case .endpoints(let endpoints):
            return has(.services, endpoints.meta.key)
                || endpoints.subsets.contains { subset in
                    subset.addresses.contains { has($0.target, $0.node) }
                        || subset.notReady.contains { has($0.target, $0.node) }
                }
        case .node, .service, .ingress, .namespace, .owner: return false
        }
    }
}
