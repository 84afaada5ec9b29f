// SPDX-License-Identifier: Apache-2.0

/// What a list and watch knows at one moment, for somebody who makes something of it.
public struct KubernetesList: Sendable {
    /// What is listed.
    public let resource: KubernetesResource
    /// The objects by key.
    public let objects: [String: KubernetesObject]
    /// Whether a whole list was read once.
    public let isComplete: Bool
    /// Objects left out because of the limits.
    public let refused: Int
    /// What is wrong, nil when nothing is.
    public let trouble: KubernetesTrouble?
    /// The keys that came, changed or went since the last look; nil when it may be any of them.
    public let changes: Set<String>?

    /// Takes what is known now.
    public init(_ watch: ObjectWatch, changes: Set<String>?) {
        resource = watch.resource
        objects = watch.objects
        isComplete = watch.isComplete
        refused = watch.refused
        trouble = watch.trouble
        self.changes = changes
    }
}
