// SPDX-License-Identifier: Apache-2.0
//
// The targets of one object. A target is a set of labels with `__address__`; what all targets of the group share is
// kept once, and a target's own label wins.
//
// A group is bounded: a slice of a thousand endpoints, each with a hundred addresses and ports, is a few megabytes of
// JSON and ten million targets.

internal import Samples

/// The targets of one object.
public struct KubernetesGroup: Sendable, Equatable {
    /// Targets of one group.
    static let targetLimit = 20_000
    /// Bytes of labels of one group's targets.
    static let byteLimit = 16 << 20

    /// Which object, for example `pod/default/web-0`.
    public let source: String
    /// What all targets have.
    public var labels = PackedLabels()
    /// The targets.
    public private(set) var targets: [PackedLabels] = []
    /// Targets left out because of the limits.
    public private(set) var refused = 0
    /// Bytes of labels.
    private(set) var bytes = 0

    init(source: String) {
        self.source = source
    }

    /// Whether another target would be taken.
    var hasRoom: Bool { targets.count < KubernetesGroup.targetLimit && bytes < KubernetesGroup.byteLimit }

    mutating func add(_ target: LabelsBuilder) {
        guard hasRoom else {
            refused += 1
            return
        }
        let labels = PackedLabels(target)
        bytes += labels.byteCount
        targets.append(labels)
    }
}
