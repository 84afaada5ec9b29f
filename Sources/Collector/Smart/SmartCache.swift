// SPDX-License-Identifier: Apache-2.0
//
// What disks said last. A disk that rests must not be woken to be asked, and one that fails must not vanish from the
// dashboards: both keep what they said, for a day. After a day the values are too old to be shown as of now. Times here are
// nanoseconds of the monotonic clock, since the time of day may be set back.

internal import Samples

/// The last answers of disks.
struct SmartCache {
    /// One disk.
    struct Entry {
        var device: SmartDevice
        /// When it answered last, nil when it never did.
        var answered: UInt64?
        /// When it was found last.
        var found: UInt64
        var values: [SmartReport.Value] = []
        var kind = SmartReport.Kind.failed
    }

    /// How long what a disk said is repeated.
    static let lifetime = Duration.seconds(24 * 3600)

    private(set) var entries: [Entry] = []

    /// Takes over the disks found; one that is no longer found stays for a day.
    mutating func take(_ devices: [SmartDevice], at now: UInt64, limit: Int) {
        for device in devices {
            if let place = entries.firstIndex(where: { $0.device == device }) {
                entries[place].found = now
            } else if entries.count < limit {
                entries.append(Entry(device: device, found: now))
            }
        }
        entries = entries.filter { entry in
            devices.contains(entry.device)
                || SmartCache.isYoung(max(entry.answered ?? entry.found, entry.found), at: now)
        }
    }

    /// Notes what came of asking a disk.
    mutating func take(_ report: SmartReport, of place: Int, at now: UInt64) {
        entries[place].kind = report.kind
        if report.kind == .answered {
            entries[place].answered = now
            entries[place].values = report.values
        } else if !SmartCache.isYoung(entries[place].answered, at: now) {
            entries[place].values = []
        }
    }

    /// Adds every disk's series.
    func add(into pass: inout PassBuffer) {
        pass.add(.smartDevices, Double(entries.count))
        for entry in entries {
            pass.add(.smartAvailable, entry.kind == .failed ? 0 : 1, entry.device.label)
            if entry.kind == .resting { pass.add(.smartState, 1, entry.device.label) }
            for value in entry.values {
                if entry.kind == .resting, value.family.name == Family.smartState.name { continue }
                pass.add(value.family, value.value, labels: value.labels)
            }
        }
    }

    private static func isYoung(_ then: UInt64?, at now: UInt64) -> Bool {
        guard let then else { return false }
        return now &- then <= UInt64(SmartCache.lifetime.milliseconds) * 1_000_000
    }
}
