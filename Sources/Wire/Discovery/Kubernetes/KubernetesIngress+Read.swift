// SPDX-License-Identifier: Apache-2.0

internal import Bytes

extension KubernetesIngress {
    init(_ cursor: inout JSONCursor, _ raw: inout RawMeta) throws(CorruptionError) {
        try cursor.members { cursor, name throws(CorruptionError) in
            if name == "metadata" { try raw.read(&cursor) }
            guard name == "spec" else { return }
            try cursor.members { cursor, name throws(CorruptionError) in
                switch name {
                case "ingressClassName": self.className = try cursor.text()
                case "rules":
                    try cursor.elements { cursor throws(CorruptionError) in
                        self.rules.append(try Rule(&cursor))
                    }
                case "tls":
                    try cursor.elements { cursor throws(CorruptionError) in
                        try cursor.members { cursor, name throws(CorruptionError) in
                            guard name == "hosts" else { return }
                            try cursor.elements { cursor throws(CorruptionError) in
                                if let host = try cursor.text() { self.secureHosts.append(host) }
                            }
                        }
                    }
                default: break
                }
            }
        }
        meta = raw.meta("ingress")
    }
}

extension KubernetesIngress.Rule {
    fileprivate init(_ cursor: inout JSONCursor) throws(CorruptionError) {
        try cursor.members { cursor, name throws(CorruptionError) in
            if name == "host" { self.host = try cursor.text() ?? "" }
            guard name == "http", cursor.current == UInt8(ascii: "{") else { return }
            var found: [String] = []
            try cursor.members { cursor, name throws(CorruptionError) in
                guard name == "paths" else { return }
                try cursor.elements { cursor throws(CorruptionError) in
                    var path = ""
                    try cursor.members { cursor, name throws(CorruptionError) in
                        if name == "path" { path = try cursor.text() ?? "" }
                    }
                    found.append(path)
                }
            }
            self.paths = found
        }
    }
}
