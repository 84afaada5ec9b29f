// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Samples

/// Metadata as it is read, before it is known what kind the object is.
struct RawMeta {
    /// Labels and annotations kept of an object, each; the API allows 256 KiB of annotations in all.
    private static let pairLimit = 1024

    var namespace = ""
    var name = ""
    var version = ""
    var identifier = ""
    var labels: [(name: String, value: String)] = []
    var annotations: [(name: String, value: String)] = []
    var controllerKind = ""
    var controllerName = ""

    mutating func read(_ cursor: inout JSONCursor) throws(CorruptionError) {
        try cursor.members { cursor, name throws(CorruptionError) in
            switch name {
            case "namespace": self.namespace = try cursor.text() ?? ""
            case "name": self.name = try cursor.text() ?? ""
            case "resourceVersion": self.version = try cursor.text() ?? ""
            case "uid": self.identifier = try cursor.text() ?? ""
            case "labels": self.labels = try RawMeta.pairs(&cursor)
            case "annotations": self.annotations = try RawMeta.pairs(&cursor)
            case "ownerReferences": try self.readOwners(&cursor)
            default: break
            }
        }
    }

    /// The members of an object that are text, as many as an object may have.
    static func pairs(
        _ cursor: inout JSONCursor
    ) throws(CorruptionError) -> [(name: String, value: String)] {
        var found: [(name: String, value: String)] = []
        try cursor.members { cursor, name throws(CorruptionError) in
            guard found.count < pairLimit, let value = try cursor.text() else { return }
            found.append((name, value))
        }
        return found
    }

    private mutating func readOwners(_ cursor: inout JSONCursor) throws(CorruptionError) {
        try cursor.elements { cursor throws(CorruptionError) in
            var (kind, owner, isController) = ("", "", false)
            try cursor.members { cursor, name throws(CorruptionError) in
                switch name {
                case "kind": kind = try cursor.text() ?? ""
                case "name": owner = try cursor.text() ?? ""
                case "controller": isController = try cursor.truth() ?? false
                default: break
                }
            }
            // Only one may be; of several the first.
            if isController, self.controllerKind.isEmpty, self.controllerName.isEmpty {
                (self.controllerKind, self.controllerName) = (kind, owner)
            }
        }
    }

    /// The metadata of an object of a kind, with its labels.
    func meta(_ kind: String, isNamed: Bool = true) -> KubernetesMeta {
        var meta = KubernetesMeta()
        meta.namespace = namespace
        meta.name = name
        meta.controllerKind = controllerKind
        meta.controllerName = controllerName
        meta.labels = PackedLabels(builder(kind, isNamed: isNamed))
        return meta
    }

    /// The same without labels, for objects that keep them elsewhere or need none.
    func bare() -> KubernetesMeta {
        var meta = KubernetesMeta()
        meta.namespace = namespace
        meta.name = name
        meta.controllerKind = controllerKind
        meta.controllerName = controllerName
        return meta
    }

    func builder(_ kind: String, isNamed: Bool = true) -> LabelsBuilder {
        var builder = LabelsBuilder()
        if isNamed { builder.set(kubernetes: "\(kind)_name", name) }
        KubernetesLabels.add(labels, kind, "label", to: &builder)
        KubernetesLabels.add(annotations, kind, "annotation", to: &builder)
        return builder
    }
}
