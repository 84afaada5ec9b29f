// SPDX-License-Identifier: Apache-2.0

/// The little of URLs that links in notifications need.
enum LinkText {
    /// A text for use in a query string, as Go's `url.QueryEscape` writes it: blanks become `+`.
    static func queryEscaped(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "."), UInt8(ascii: "~"):
                out.append(byte)
            case UInt8(ascii: " "): out.append(UInt8(ascii: "+"))
            default: out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// The path of an absolute URL, "" when it has none.
    static func path(of url: String) -> String {
        let bytes = Array(url.utf8)
        var start = 0
        if let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon + 2 < bytes.count,
            bytes[colon + 1] == UInt8(ascii: "/"), bytes[colon + 2] == UInt8(ascii: "/")
        {
            start = colon + 3
        }
        guard let slash = bytes[start...].firstIndex(of: UInt8(ascii: "/")) else { return "" }
        let rest = bytes[slash...].prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        return String(decoding: rest, as: UTF8.self)
    }

    /// The page that shows an expression's result, as Prometheus links it from alerts.
    static func generator(base: String, expression: String) -> String {
        let trimmed = base.hasSuffix("/") ? String(base.dropLast()) : base
        return "\(trimmed)/graph?g0.expr=\(queryEscaped(expression))&g0.tab=1"
    }
}
