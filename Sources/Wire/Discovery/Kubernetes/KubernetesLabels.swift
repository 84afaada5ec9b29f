// SPDX-License-Identifier: Apache-2.0
//
// Names of the labels a target gets from Kubernetes' objects, as Prometheus names them: `__meta_kubernetes_` and what
// it is; keys of labels and annotations with everything but letters, digits and `_` replaced.

internal import Samples

enum KubernetesLabels {
    static let prefix = "__meta_kubernetes_"
    static let namespace = prefix + "namespace"
    static let address = "__address__"
    static let containerName = prefix + "pod_container_name"
    static let containerImage = prefix + "pod_container_image"
    static let containerIdentifier = prefix + "pod_container_id"
    static let containerIsInit = prefix + "pod_container_init"

    /// A key as part of a label's name: each character that a name may not have becomes `_`.
    static func sanitized(_ key: String) -> String {
        var out = ""
        for scalar in key.unicodeScalars {
            let isName =
                scalar.isASCII
                && (scalar == "_" || scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
            out.unicodeScalars.append(isName ? scalar : "_")
        }
        return out
    }

    /// Adds a label and that it is there, for each pair: `KIND_label_app="web"`, `KIND_labelpresent_app="true"`.
    static func add(
        _ pairs: [(name: String, value: String)],
        _ kind: String,
        _ what: String,
        to builder: inout LabelsBuilder
    ) {
        for pair in pairs {
            let name = sanitized(pair.name)
            builder.set("\(prefix)\(kind)_\(what)_\(name)", pair.value)
            builder.set("\(prefix)\(kind)_\(what)present_\(name)", "true")
        }
    }

    /// An address with a port, brackets around one that has colons itself.
    static func join(_ host: String, _ port: Int) -> String {
        host.utf8.contains(UInt8(ascii: ":")) || host.utf8.contains(UInt8(ascii: "%"))
            ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

extension LabelsBuilder {
    /// Sets `__meta_kubernetes_NAME`; nil sets nothing, as does an empty value.
    mutating func set(kubernetes name: String, _ value: String?) {
        guard let value else { return }
        set(KubernetesLabels.prefix + name, value)
    }
}
