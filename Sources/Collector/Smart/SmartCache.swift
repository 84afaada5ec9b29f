// SPDX-License-Identifier: Apache-2.0
//
// What disks said last. A disk that rests must not be woken to be asked, and one that fails must not vanish from the
// dashboards: both keep what they said, for a day. After a day the values are too old to be shown as of now.

internal import Samples

/// The last answers of disks.
struct SmartCache {
    /// One disk.
    struct Entry {
        var device: SmartDevice
        /// When it answered last, nil when it never did.
        var answered: Timestamp?
        /// When it was found last.
        var found: Timestamp
        var values: [SmartReport.Value] = []
        var kind = SmartReport.Kind.failed
    }

    /// How long what a disk said is repeated.
    static let lifetime = Duration.seconds(24 * 3600)

    private(set) var entries: [Entry] = []

    /// Takes over the disks found; one that is no longer found stays for a day.
    mutating func take(_ devices: [SmartDevice], at time: Timestamp, limit: Int) {
        for device in devices {
            if let place = entries.firstIndex(where: { $0.device == device }) {
                entries[place].found = time
            } else if entries.count < limit {
                entries.append(Entry(device: device, found: time))
            }
        }
        entries = entries.filter { entry in
            devices.contains(entry.device)
                || SmartCache.isYoung(max(entry.answered ?? entry.found, entry.found), at: time)
        }
    }

    /// Notes what came of asking a disk.
    mutating func take(_ report: SmartReport, of place: Int, at time: Timestamp) {
        entries[place].kind = report.kind
        if report.kind == .answered {
            entries[place].answered = time
            entries[place].values = report.values
        } else if !SmartCache.isYoung(entries[place].answered, at: time) {
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

    private static func isYoung(_ then: Timestamp?, at time: Timestamp) -> Bool {
        guard let then else { return false }
        return time.milliseconds - then.milliseconds <= SmartCache.lifetime.milliseconds
    }
}
