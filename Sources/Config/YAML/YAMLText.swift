// SPDX-License-Identifier: Apache-2.0
//
// A tree back to text in block style, with what must stay secret replaced. Only for people and `/api/v1/status/config`.

/// Writes YAML.
public enum YAMLText {
    /// Keys whose value is a secret wherever they stand.
    private static let secretKeys: Set<String> = [
        "password", "credentials", "client_secret", "secret", "secrets", "bearer_token", "secret_key",
    ]
    /// Mappings whose values may be secrets: header values.
    private static let secretMappings: Set<String> = ["headers", "http_headers", "proxy_connect_header"]

    /// The document with every secret as `<secret>`.
    public static func redacted(_ root: YAMLNode) -> String {
        var out = ""
        if !root.isNull { write(root, indent: 0, isSecret: false, path: [], to: &out) }
        return out
    }

    private static func write(
        _ node: YAMLNode,
        indent: Int,
        isSecret: Bool,
        path: [String],
        to out: inout String
    ) {
        let margin = String(repeating: " ", count: indent)
        switch node.content {
        case .scalar: out += margin + scalar(node, isSecret: isSecret, path: path) + "\n"
        case .sequence(let items):
            for item in items {
                out += "\(margin)- "
                writeNested(item, indent: indent + 2, isSecret: isSecret, path: path, to: &out)
            }
        case .mapping(let entries):
            for entry in entries {
                let key = entry.key.string ?? ""
                out += "\(margin)\(scalar(entry.key, isSecret: false, path: [])):"
                let hides =
                    isSecret || secretKeys.contains(key) || path.last.map(secretMappings.contains) == true
                    // A private key; elsewhere the word means nothing of the kind.
                    || key == "key" && path.last == "tls_config"
                switch entry.value.content {
                case .scalar: out += " \(scalar(entry.value, isSecret: hides, path: path + [key]))\n"
                case .sequence(let items) where items.isEmpty: out += " []\n"
                case .mapping(let entries) where entries.isEmpty: out += " {}\n"
                default:
                    out += "\n"
                    write(entry.value, indent: indent + 2, isSecret: hides, path: path + [key], to: &out)
                }
            }
        }
    }

    /// A list's item, whose first line continues after the dash.
    private static func writeNested(
        _ node: YAMLNode,
        indent: Int,
        isSecret: Bool,
        path: [String],
        to out: inout String
    ) {
        var text = ""
        write(node, indent: indent, isSecret: isSecret, path: path, to: &text)
        if text.isEmpty { text = node.items != nil ? "[]\n" : "{}\n" }
        out += text.drop { $0 == " " }
    }

    private static func scalar(_ node: YAMLNode, isSecret: Bool, path: [String]) -> String {
        guard case .scalar(let text, let isPlain) = node.content, !node.isNull else { return "null" }
        if isSecret { return text.isEmpty ? "\"\"" : "<secret>" }
        if path.last == "url" || path.last == "proxy_url", let url = URLText(text) {
            // A webhook's address is its password; elsewhere only what stands in credentials and query.
            if path.contains("webhooks") { return "<secret>" }
            guard url.userInfo != nil || url.hasQuery else { return quotedIfNeeded(text, isPlain) }
            let user = url.userInfo == nil ? "" : "<secret>@"
            let query = url.hasQuery ? "?<secret>" : ""
            return "\(url.scheme)://\(user)\(url.authority)\(url.path)\(query)"
        }
        return quotedIfNeeded(text, isPlain)
    }

    private static func quotedIfNeeded(_ text: String, _ isPlain: Bool) -> String {
        if isPlain, !text.contains("\n") { return text }
        let isSafe =
            text.utf8.allSatisfy { byte in
                let letter = byte | 0x20
                return (letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "z"))
                    || "_-./".utf8.contains(byte)
            }
            && text.utf8.first.map { $0 | 0x20 >= UInt8(ascii: "a") && $0 != UInt8(ascii: "_") } == true
        let plain = YAMLNode(.scalar(text, isPlain: true), file: "", line: 1, column: 1)
        if isSafe, plain.bool == nil, !plain.isNull { return text }
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": out += "\\\\"
            case "\"": out += "\\\""
            case "\n": out += "\\n"
            case "\t": out += "\\t"
            case "\r": out += "\\r"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f:
                let hex = String(scalar.value, radix: 16)
                out += "\\x" + (hex.count < 2 ? "0" : "") + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
