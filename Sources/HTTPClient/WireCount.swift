// SPDX-License-Identifier: Apache-2.0
//
// Bytes as whoever carries them counts them: IP packets with their headers, acknowledgements, handshakes and everything
// that was sent again. Each request names an account; the client keeps a sum for each account and interface from its
// start on, transfers that failed included.

internal import Synchronization

/// What one account's requests have cost on one interface since the client was made.
public struct WireCount: Sendable, Equatable {
    /// The account, `HTTPClientRequest.account`.
    public var account: UInt8
    /// The interface, for example `wwan0`; empty where it is not known.
    public var interface: String
    /// Bytes of IP packets sent.
    public var sent: Int64 = 0
    /// Bytes of IP packets received.
    public var received: Int64 = 0
    /// Packets sent; what a link adds to each is not in `sent`.
    public var segmentsSent: Int64 = 0
    /// Packets received.
    public var segmentsReceived: Int64 = 0

    /// Creates a count of nothing.
    public init(account: UInt8, interface: String) {
        self.account = account
        self.interface = interface
    }
}

/// What was counted between two looks at a socket, or for one transfer.
struct WireCharge: Equatable {
    var sent: Int64 = 0
    var received: Int64 = 0
    var segmentsSent: Int64 = 0
    var segmentsReceived: Int64 = 0
    /// Segments that had to be sent again.
    var segmentsLost: Int64 = 0
    /// Segments with payload, those sent again included.
    var dataSegmentsSent: Int64 = 0

    static func += (left: inout WireCharge, right: WireCharge) {
        left.sent += right.sent
        left.received += right.received
        left.segmentsSent += right.segmentsSent
        left.segmentsReceived += right.segmentsReceived
        left.segmentsLost += right.segmentsLost
        left.dataSegmentsSent += right.dataSegmentsSent
    }
}

/// The sums of all accounts; written by the client's threads, read by anyone.
final class WireCounts: Sendable {
    /// Interfaces told apart; where names come and go (one for each call of a modem) the rest is counted together.
    static let interfaceLimit = 64
    /// The name of what is over the limit.
    static let otherInterfaces = "other"

    private struct Key: Hashable {
        var account: UInt8
        var interface: String
    }

    private let counts = Mutex<[Key: WireCount]>([:])

    func add(_ charge: WireCharge, account: UInt8, interface: String) {
        guard account != 0, charge.sent != 0 || charge.received != 0 else { return }
        counts.withLock { counts in
            var key = Key(account: account, interface: interface)
            if counts[key] == nil, Set(counts.keys.map(\.interface)).count >= Self.interfaceLimit {
                key.interface = Self.otherInterfaces
            }
            var count = counts[key] ?? WireCount(account: key.account, interface: key.interface)
            count.sent += charge.sent
            count.received += charge.received
            count.segmentsSent += charge.segmentsSent
            count.segmentsReceived += charge.segmentsReceived
            counts[key] = count
        }
    }

    /// The sums, by account and interface.
    func all() -> [WireCount] {
        counts.withLock { Array($0.values) }
            .sorted { ($0.account, $0.interface) < ($1.account, $1.interface) }
    }
}
