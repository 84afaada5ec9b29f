// SPDX-License-Identifier: Apache-2.0
//
// What one webhook has been told of one group of alerts (all alerts of one name in one rule group), and whether it has
// to be told something now. Pure; after Alertmanager's rules (reference/alerting.md section 3): something new fires,
// something told of has ended, or nothing changed for the repeat interval.
//
// Saved in the state store as: u8 version = 1 · zigzag lastSentAt · varint n · n × (labels, annotations, generatorURL,
// each varint length and bytes, zigzag startsAt) · u32 CRC32C

internal import Bytes
internal import Samples

/// The memory of one group.
struct WebhookGroup: Sendable, Equatable {
    /// Alerts remembered of a group; beyond, the end of some will not be told.
    static let limit = 10_000
    private static let version: UInt8 = 1
    private static let longestText = 64 << 10

    /// The alerts the receiver believes are firing.
    private(set) var told: [Fingerprint: NotificationAlert] = [:]
    private(set) var lastSentAt: Timestamp?

    init() {}

    /// What a group is known by within one webhook.
    ///
    /// The rule group comes before the file, which may hold anything.
    static func key(file: String, group: String, alertName: String) -> String {
        "\(group)\u{0}\(alertName)\u{0}\(file)"
    }

    /// Whether there is nothing to remember.
    var isEmpty: Bool { told.isEmpty }

    /// Takes the group's alerts as they are now and returns those to tell of, none when nothing has to be told.
    ///
    /// - Parameters:
    ///   - alerts: firing and lately resolved alerts; each label set at most once.
    ///   - now: the time of the evaluation.
    ///   - repeatInterval: how long until unchanged firing alerts are told again.
    ///   - sendsResolved: whether ends are told.
    /// - Returns: in fingerprint order: everything firing, and what has ended since it was told.
    mutating func update(
        _ alerts: [NotificationAlert],
        at now: Timestamp,
        repeatInterval: Duration,
        sendsResolved: Bool
    ) -> [NotificationAlert] {
        var firing: [Fingerprint: NotificationAlert] = [:]
        var ended: [Fingerprint: NotificationAlert] = [:]
        var current: [Fingerprint: NotificationAlert] = [:]
        for alert in alerts { current[alert.fingerprint] = alert }
        for (fingerprint, alert) in current where alert.resolvedAt == nil { firing[fingerprint] = alert }
        for (fingerprint, known) in told where firing[fingerprint] == nil {
            // Gone without a word: its rule was removed or a limit dropped it.
            ended[fingerprint] = current[fingerprint] ?? known.resolved(at: now)
        }
        let isNew = firing.contains { told[$0.key]?.startsAt != $0.value.startsAt }
        let isRepeat =
            !firing.isEmpty
            && (lastSentAt.map {
                now.milliseconds - $0.milliseconds >= repeatInterval.milliseconds
            } ?? true)
        let hasEnds = !ended.isEmpty && sendsResolved
        if !ended.isEmpty || isNew {
            told = firing
            for excess in firing.keys.dropFirst(Self.limit) { told[excess] = nil }
        }
        guard isNew || isRepeat || hasEnds else { return [] }
        lastSentAt = now
        let all = Array(firing.values) + (sendsResolved ? Array(ended.values) : [])
        return all.sorted { $0.fingerprint.rawValue < $1.fingerprint.rawValue }
    }
}

// MARK: - Saved form

extension WebhookGroup {
    func encoded() -> [UInt8] {
        var out: [UInt8] = [Self.version]
        out.append(zigzag: lastSentAt?.milliseconds ?? 0)
        out.append(varint: UInt64(told.count))
        for alert in told.values.sorted(by: { $0.labels < $1.labels }) {
            out.append(prefixed: alert.labels.bytes)
            out.append(prefixed: alert.annotations.bytes)
            out.append(prefixed: Array(alert.generatorURL.utf8))
            out.append(zigzag: alert.startsAt.milliseconds)
        }
        out.append(littleEndian: CRC32C.checksum(out))
        return out
    }

    /// Reads a group back.
    ///
    /// - Throws: `CorruptionError` for anything but what `encoded` wrote.
    init(decoding bytes: [UInt8]) throws(CorruptionError) {
        guard bytes.count > 4 else { throw CorruptionError("a webhook group", at: bytes.count) }
        let end = bytes.count - 4
        var tail = ByteReader(bytes, in: end..<bytes.count)
        guard try tail.integer(UInt32.self) == CRC32C.checksum(bytes[..<end]) else {
            throw CorruptionError("a matching checksum", at: end)
        }
        var reader = ByteReader(bytes, in: 0..<end)
        guard try reader.byte() == Self.version else { throw CorruptionError("version 1", at: 0) }
        let sentAt = try reader.zigzag()
        guard sentAt.magnitude < 1 << 53 else { throw CorruptionError("a time", at: reader.offset) }
        lastSentAt = Timestamp(milliseconds: sentAt)
        for _ in 0..<(try reader.count(limit: Self.limit)) {
            let labels = Labels(encoded: Array(try reader.prefixed(limit: Self.longestText)))
            let annotations = Labels(encoded: Array(try reader.prefixed(limit: Self.longestText)))
            let url = String(decoding: try reader.prefixed(limit: Self.longestText), as: UTF8.self)
            let startsAt = Timestamp(milliseconds: try reader.zigzag())
            guard let labels, let annotations, startsAt.milliseconds.magnitude < 1 << 53 else {
                throw CorruptionError("a label set", at: reader.offset)
            }
            let alert = NotificationAlert(
                labels: labels,
                annotations: annotations,
                startsAt: startsAt,
                resolvedAt: nil,
                generatorURL: url
            )
            told[alert.fingerprint] = alert
        }
    }
}
