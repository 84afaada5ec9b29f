// SPDX-License-Identifier: Apache-2.0

internal import Bytes

extension KubernetesService {
    init(_ cursor: inout JSONCursor, _ raw: inout RawMeta) throws(CorruptionError) {
        var hasTwoFamilies = false
        var family = ""
        try cursor.members { cursor, name throws(CorruptionError) in
            if name == "metadata" { try raw.read(&cursor) }
            guard name == "spec" else { return }
            try cursor.members { cursor, name throws(CorruptionError) in
                switch name {
                case "type": self.type = try cursor.text() ?? ""
                case "clusterIP": self.clusterIP = try cursor.text() ?? ""
                case "externalName": self.externalName = try cursor.text() ?? ""
                case "loadBalancerIP": self.loadBalancerIP = try cursor.text() ?? ""
                case "ipFamilyPolicy": hasTwoFamilies = try cursor.text()?.hasSuffix("DualStack") ?? false
                case "ipFamilies":
                    try cursor.elements { cursor throws(CorruptionError) in
                        let text = try cursor.text() ?? ""
                        if family.isEmpty { family = text }
                    }
                case "ports":
                    try cursor.elements { cursor throws(CorruptionError) in
                        self.ports.append(try KubernetesPod.Port(&cursor, number: "port"))
                    }
                default: break
                }
            }
        }
        firstFamily = hasTwoFamilies ? family : ""
        meta = raw.meta("service")
    }
}
