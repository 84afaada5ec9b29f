// SPDX-License-Identifier: Apache-2.0
//
// What the store does about a clock that is wrong when the machine starts: rows are provisional until the clock is
// trusted, and then moved by its error (ClockTrust.swift, Provisional.swift). Rows of an earlier start of the machine,
// whose error nobody will ever know, are placed behind the newest row before them: that is not when they were
// measured, but in the right order, and not in 1970.

internal import Logging
internal import Platform
internal import Samples
internal import Synchronization

extension Store {
    /// Looks at the clock; the first time it is trusted, settles what was provisional.
    func lookAtClock() {
        let reading = ClockTrust.Reading(
            wall: clock.wallMilliseconds(),
            monotonic: clock.monotonicNanoseconds()
        )
        let isSynchronized = clock.isSynchronized()
        let (was, isTrusted) = trust.withLock { trust in
            (trust.isTrusted, trust.look(reading, isSynchronized: isSynchronized))
        }
        if was { return }
        let boot = clock.bootIdentifier()
        guard isTrusted else {
            head.withLock { head in
                head.clock.wall = reading.wall
                let known = head.clock.mark
                // Slewing and rounding must not begin windows anew.
                if let known, known.boot == boot,
                    (known.origin &- reading.origin).magnitude <= UInt64(ClockTrust.tolerance)
                {
                    return
                }
                head.clock.mark = Provisional(boot: boot, origin: reading.origin)
                if known == nil {
                    logger.warning(
                        "the clock is not trusted yet; samples are kept back until it is set",
                        metadata: ["clock": "\(reading.wall)"]
                    )
                }
            }
            return
        }
        let settled = head.withLock { head in
            head.clock.mark = nil
            return head.settleProvisional { window in
                guard let mark = window.provisional, mark.boot == boot else { return nil }
                return reading.origin &- mark.origin
            }
        }
        guard settled.rows + settled.right > 0 else { return }
        metrics.restampedRows.add(settled.rows)
        logger.notice(
            "the clock is trusted now; samples that came before have been moved to their time",
            metadata: ["rows": "\(settled.rows)", "clock": "\(reading.wall)"]
        )
        flushLog()
        // A power cut before this is on flash would cost the times of all these rows.
        try? syncLog()
    }

    /// Places rows of starts whose clock was never set behind the newest row before them.
    func settleEarlierBoots(after newest: Int64?) {
        let boot = clock.bootIdentifier()
        let rows = head.withLock { head in
            var first: [UInt64: Int64] = [:]
            for window in head.lanes.flatMap({ $0.frozen + [$0.window] }) {
                guard let mark = window.provisional, mark.boot != boot, !window.isEmpty else { continue }
                first[mark.boot] = min(first[mark.boot] ?? .max, window.minTime)
            }
            guard !first.isEmpty else { return 0 }
            let floor = max(newest ?? .min, options.releaseTime)
            return head.settleProvisional { window in
                guard let mark = window.provisional, mark.boot != boot, let start = first[mark.boot] else {
                    return nil
                }
                return floor &+ 1000 &- start
            }.rows
        }
        guard rows > 0 else { return }
        metrics.restampedRows.add(rows)
        logger.warning(
            "samples of an earlier start, whose clock was never set, are placed behind the newest before them",
            metadata: ["rows": "\(rows)"]
        )
    }
}

extension Head {
    /// The newest time of rows that are not provisional.
    var newestSettledTime: Int64? {
        var newest = segments.map { $0.maxTime }.max()
        for window in lanes.flatMap({ $0.frozen + [$0.window] })
        where window.provisional == nil && !window.isEmpty {
            newest = max(newest ?? .min, window.maxTime)
        }
        return newest
    }
}
