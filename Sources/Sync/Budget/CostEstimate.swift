// SPDX-License-Identifier: Apache-2.0
//
// What a request will cost on the wire beyond its body: packets' headers, acknowledgements, what gets lost and is sent
// again. The worst of the last 32 large requests counts, so a link that has become lossy costs a request or two, and one
// that has become good is believed after 32.

struct CostEstimate: Sendable {
    /// Request line, header fields, the answer, a handshake with TLS.
    static let fixed = 4096
    /// The least part on top of a body: a header of 52 bytes for each 1400, and their acknowledgements.
    static let least = 0.08
    /// More is no estimate: the link is broken.
    static let most = 3.0
    private static let count = 32
    /// Smaller bodies say more of the fixed part than of the other.
    private static let smallest = 8192

    private var parts: [Double] = []

    /// The part on top that is reckoned with.
    var part: Double { min(Self.most, max(Self.least, (parts.max() ?? 0) * 1.1)) }

    /// What a body will cost.
    func cost(of body: Int) -> Int {
        let body = min(max(0, body), 1 << 40)
        return body + Int(Double(body) * part) + Self.fixed
    }

    /// What a body has cost, or had when it was ended because of that.
    mutating func learn(_ body: Int, wire: Int64) {
        guard body >= Self.smallest else { return }
        parts.append(max(0, Double(wire - Int64(body)) / Double(body)))
        if parts.count > Self.count { parts.removeFirst() }
    }
}
