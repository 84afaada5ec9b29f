// SPDX-License-Identifier: Apache-2.0
//
// The parameters of a request, in the order written. A form body comes before the URL's query, so it wins where
// one value is asked for, as in Go's http.Request.Form. Pairs that cannot be decoded are left out; the first of
// them is remembered, because the endpoints that take `match[]` refuse such a request.

/// Names and values of a query string or form.
struct Parameters: Sendable {
    /// More pairs than any client sends; beyond it the rest is refused, so that a body of a million `&` costs nothing.
    static let limit = 4096

    private var pairs: [(name: String, value: String)] = []
    /// Why a pair was left out, nil when none was.
    private(set) var problem: String?

    /// No parameters.
    init() {}

    /// Reads `a=1&b=2`.
    init(_ text: Substring) {
        append(text)
    }

    /// Reads more pairs behind those present.
    mutating func append(_ text: Substring) {
        for piece in text.utf8.split(separator: UInt8(ascii: "&")) {
            guard pairs.count < Parameters.limit else {
                note("more than \(Parameters.limit) parameters")
                return
            }
            guard !piece.contains(UInt8(ascii: ";")) else {
                note("invalid semicolon separator in query")
                continue
            }
            let equals = piece.firstIndex(of: UInt8(ascii: "=")) ?? piece.endIndex
            let name = PercentCoding.decode(piece[..<equals], plusIsSpace: true)
            let value = PercentCoding.decode(
                equals < piece.endIndex ? piece[piece.index(after: equals)...] : piece[equals...],
                plusIsSpace: true
            )
            guard let name, let value else {
                note("invalid URL escape in \(Substring(piece).debugDescription)")
                continue
            }
            pairs.append((name, value))
        }
    }

    /// The first value of a name, empty when there is none.
    subscript(_ name: String) -> String {
        pairs.first { $0.name == name }?.value ?? ""
    }

    /// All values of a name.
    func all(_ name: String) -> [String] {
        pairs.filter { $0.name == name }.map(\.value)
    }

    private mutating func note(_ reason: String) {
        if problem == nil { problem = reason }
    }
}
