// SPDX-License-Identifier: Apache-2.0
//
// Which message a receiver gets, in which encoding. What is configured, or known of the receiver's kind, is a short list
// of ways, best first; a receiver that does not understand one gets the next from then on:
//
//     415                                                         not this message, or not this encoding
//     400 to the first zstd it ever got                           the same, said by older receivers
//     2xx to a 2.0 message without any of its headers             a 1.0 receiver read an empty message: nothing is stored
//
// After a day the best way is tried again: receivers are upgraded.

internal import Config

/// One way to write samples down.
struct MessageWay: Sendable, Equatable {
    var message: MessageKind
    var encoding: BodyEncoding

    /// For people.
    var name: String { "\(message.name) in \(encoding.name)" }
}

/// What was learned of one receiver's ways.
struct PeerLearning: Sendable, Equatable {
    /// How long a way that failed is not tried again.
    static let memory: UInt64 = 24 * 3600 * 1_000_000_000

    /// Best first; never empty.
    let ways: [MessageWay]
    private(set) var index = 0
    /// Whether a request went well in the current way.
    private(set) var isProven = false
    /// When a better way was left, monotonic nanoseconds.
    private var since: UInt64 = 0

    init(_ config: RemoteWriteConfig) {
        ways = Self.ways(config)
    }

    init(ways: [MessageWay]) {
        self.ways = ways.isEmpty ? [MessageWay(message: .v1, encoding: .snappy)] : ways
    }

    var current: MessageWay { ways[index] }

    /// The list for a destination: what is configured first, and 1.0 in snappy last, which every receiver takes.
    private static func ways(_ config: RemoteWriteConfig) -> [MessageWay] {
        let message: MessageKind =
            switch (config.message, config.type) {
            case (.v2, _), (nil, .edgewatch): .v2
            default: .v1
            }
        let encodings: [BodyEncoding] =
            switch (config.compression, config.type) {
            case (.zstd, _): [.zstd, .snappy]
            case (.auto, .edgewatch): [.zstd, .snappy]
            case (.auto, .victoriametrics) where message == .v1: [.zstd, .snappy]
            default: [.snappy]
            }
        var ways = encodings.map { MessageWay(message: message, encoding: $0) }
        let last = MessageWay(message: .v1, encoding: .snappy)
        if !ways.contains(last) { ways.append(last) }
        return ways
    }

    /// The way for a new request.
    mutating func way(now: UInt64) -> MessageWay {
        if index > 0, now >= since, now - since >= Self.memory {
            index = 0
            isProven = false
        }
        return current
    }

    /// An answer came to a request that went this way.
    ///
    /// - Parameters:
    ///   - status: the answer's.
    ///   - isAccountedFor: whether it has one of the headers of 2.0 that say what was written.
    ///   - way: how the request was written.
    ///   - now: monotonic nanoseconds.
    /// - Returns: true when nothing of the request was stored because of the way, and another is tried next.
    mutating func judge(_ status: Int, isAccountedFor: Bool, _ way: MessageWay, now: UInt64) -> Bool {
        guard let place = ways.firstIndex(of: way) else { return false }
        let isUnheard = (200...299).contains(status) && way.message == .v2 && !isAccountedFor
        let isFirst = place == index && !isProven
        let isForeign = status == 415 || status == 400 && way.encoding != .snappy && isFirst
        guard isUnheard || isForeign else {
            if place == index, (200...299).contains(status) { isProven = true }
            return false
        }
        // Another request has learned it already: this one goes the new way, too.
        guard place >= index else { return true }
        // An empty message is one: no other encoding of it will do. Else the next way; none is left after the last.
        var next = place + 1
        if isUnheard { while next < ways.count, ways[next].message == way.message { next += 1 } }
        guard next < ways.count else { return false }
        index = next
        isProven = false
        since = now
        return true
    }
}
