// SPDX-License-Identifier: Apache-2.0
//
// The alerts of one rule as bytes in the state store, so that a restart neither forgets that an alert fires nor begins
// to count `for` anew:
//
//     u8 version = 1 · zigzag savedAt · varint n · n × alert · u32 CRC32C of all before
//     alert = labels, annotations (varint length, encoded label set) · f64 value · u8 state (0 inactive, 1 pending,
//             2 firing) · zigzag activeAt · 3 × (u8 present, zigzag time): firedAt, resolvedAt, keepFiringSince
//
// Times in milliseconds since 1970. Little endian.

internal import Bytes
internal import Samples

/// What was known of a rule's alerts when it was last saved.
struct AlertRecord: Sendable, Equatable {
    /// The most alerts of a rule without a limit of its own; nobody reads more, and each costs half a kilobyte.
    static let limit = 10_000
    private static let version: UInt8 = 1
    private static let longestLabels = 64 << 10

    /// When it was saved; what lies between this and the restart counts as outage.
    let savedAt: Timestamp
    let alerts: [AlertInstance]

    func encoded() -> [UInt8] {
        var out: [UInt8] = [Self.version]
        out.append(zigzag: savedAt.milliseconds)
        let kept = alerts.prefix(Self.limit)
        out.append(varint: UInt64(kept.count))
        for alert in kept {
            out.append(prefixed: alert.labels.bytes)
            out.append(prefixed: alert.annotations.bytes)
            out.append(double: alert.value)
            switch alert.state {
            case .inactive: out.append(0)
            case .pending: out.append(1)
            case .firing: out.append(2)
            }
            out.append(zigzag: alert.activeAt.milliseconds)
            for time in [alert.firedAt, alert.resolvedAt, alert.keepFiringSince] {
                out.append(time == nil ? 0 : 1)
                out.append(zigzag: time?.milliseconds ?? 0)
            }
        }
        out.append(littleEndian: CRC32C.checksum(out))
        return out
    }

    init(savedAt: Timestamp, alerts: [AlertInstance]) {
        self.savedAt = savedAt
        self.alerts = alerts
    }

    /// Reads a record back.
    ///
    /// - Throws: `CorruptionError` for anything but what `encoded` wrote.
    init(decoding bytes: [UInt8]) throws(CorruptionError) {
        guard bytes.count > 4 else { throw CorruptionError("an alert record", at: bytes.count) }
        let end = bytes.count - 4
        var tail = ByteReader(bytes, in: end..<bytes.count)
        guard try tail.integer(UInt32.self) == CRC32C.checksum(bytes[..<end]) else {
            throw CorruptionError("a matching checksum", at: end)
        }
        var reader = ByteReader(bytes, in: 0..<end)
        guard try reader.byte() == Self.version else { throw CorruptionError("version 1", at: 0) }
        savedAt = try Self.plausibleTime(&reader)
        var alerts: [AlertInstance] = []
        for _ in 0..<(try reader.count(limit: Self.limit)) { alerts.append(try Self.alert(&reader)) }
        self.alerts = alerts
    }

    private static func alert(_ reader: inout ByteReader) throws(CorruptionError) -> AlertInstance {
        let labels = try labelSet(&reader)
        let annotations = try labelSet(&reader)
        let value = try reader.double()
        let state: AlertState
        switch try reader.byte() {
        case 0: state = .inactive
        case 1: state = .pending
        case 2: state = .firing
        default: throw CorruptionError("a state of an alert", at: reader.offset - 1)
        }
        let activeAt = try plausibleTime(&reader)
        var alert = AlertInstance(labels: labels, annotations: annotations, value: value, activeAt: activeAt)
        alert.state = state
        alert.firedAt = try time(&reader)
        alert.resolvedAt = try time(&reader)
        alert.keepFiringSince = try time(&reader)
        return alert
    }

    private static func labelSet(_ reader: inout ByteReader) throws(CorruptionError) -> Labels {
        let start = reader.offset
        guard let labels = Labels(encoded: Array(try reader.prefixed(limit: longestLabels))) else {
            throw CorruptionError("a label set", at: start)
        }
        return labels
    }

    private static func time(_ reader: inout ByteReader) throws(CorruptionError) -> Timestamp? {
        let isPresent = try reader.byte() == 1
        let time = try plausibleTime(&reader)
        return isPresent ? time : nil
    }

    /// A time whose difference to any other cannot overflow.
    private static func plausibleTime(_ reader: inout ByteReader) throws(CorruptionError) -> Timestamp {
        let start = reader.offset
        let milliseconds = try reader.zigzag()
        guard milliseconds.magnitude < 1 << 53 else { throw CorruptionError("a time", at: start) }
        return Timestamp(milliseconds: milliseconds)
    }
}

// MARK: - After a restart

extension AlertRecord {
    /// An outage up to this long lets pending alerts go on; after a longer one they begin anew (Prometheus'
    /// `--rules.alert.for-outage-tolerance`).
    static let outageTolerance: Duration = .seconds(3600)
    /// Only rules with a `for` of at least this are restored, and what would fire at once waits as long, so that data
    /// can arrive first (Prometheus' `--rules.alert.for-grace-period`).
    static let gracePeriod: Duration = .seconds(600)

    /// The alerts to put into the state machine before the first evaluation at `now`.
    ///
    /// Firing and resolved alerts come back as they were, so that their end is told to those who know of their
    /// beginning; Prometheus forgets them. Pending alerts keep the time they had served when the record was saved.
    func restored(at now: Timestamp, hold: Duration) -> [AlertInstance] {
        let outage = now.milliseconds - savedAt.milliseconds
        guard outage >= 0 else { return alerts.filter { $0.state != .pending } }
        let isTolerable = outage <= Self.outageTolerance.milliseconds
        return alerts.compactMap { alert in
            guard alert.state == .pending else { return alert }
            guard isTolerable, hold >= Self.gracePeriod else { return nil }
            var alert = alert
            let served = savedAt.milliseconds - alert.activeAt.milliseconds
            let remaining = hold.milliseconds - served
            if remaining <= 0 {
                // It would have fired; the first evaluation decides.
            } else if remaining < Self.gracePeriod.milliseconds {
                alert.activeAt = now.advanced(
                    byMilliseconds: Self.gracePeriod.milliseconds - hold.milliseconds
                )
            } else {
                alert.activeAt = alert.activeAt.advanced(byMilliseconds: outage)
            }
            return alert
        }
    }
}
