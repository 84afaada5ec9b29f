// SPDX-License-Identifier: Apache-2.0
//
// Rows stamped by a clock that is not trusted yet. They have windows of their own, marked in the log with where the
// clock stood, so that any later process can move them; a window is moved whole, by the one error the clock had.

internal import Bytes

/// Where an untrusted clock stood when a window began.
struct Provisional: Sendable, Equatable {
    /// The machine's start: clocks of different starts cannot be compared.
    var boot: UInt64
    /// Wall time when the monotonic clock was 0, as the clock said then; in milliseconds.
    var origin: Int64
}

/// What the head knows of the clock.
struct HeadClock: Sendable {
    /// Nil when the clock is trusted.
    var mark: Provisional?
    /// What the clock said when it was last looked at, in milliseconds.
    var wall: Int64 = 0

    /// Further from the clock than this, a row has a time from elsewhere, for example of a sender whose clock is right.
    private static let reach: Int64 = 600_000

    /// The mark of a window for a row of this time.
    func mark(for time: Int64) -> Provisional? {
        guard let mark else { return nil }
        let (distance, overflow) = time.subtractingReportingOverflow(wall)
        return !overflow && distance.magnitude <= UInt64(HeadClock.reach) ? mark : nil
    }
}

extension Head {
    /// Sees to it that a row goes to windows of its kind, provisional or not.
    mutating func separate(_ group: UInt32, _ time: Int64) {
        guard clock.mark != nil, Int(group) < groups.count else { return }
        windowMark = clock.mark(for: time)
        for number in groups[Int(group)].lanes {
            let lane = Int(number)
            if lanes[lane].window.provisional == windowMark { continue }
            if lanes[lane].window.isEmpty {
                lanes[lane].window.provisional = windowMark
            } else {
                freeze(lane)
            }
        }
    }

    /// Whether the log of a window must say that it is provisional; called when its columns begin.
    mutating func logProvisional(_ lane: Int) {
        guard let mark = lanes[lane].window.provisional else { return }
        log.append(LogRecord.provisional(mark, stream: lanes[lane].window.stream), isRow: false)
    }

    /// Moves provisional windows to where `shift` says, and logs it.
    ///
    /// - Parameter shift: milliseconds to add to the times of a window; nil leaves it provisional.
    /// - Returns: rows that were moved, and windows that were right already.
    mutating func settleProvisional(_ shift: (HeadWindow) -> Int64?) -> (rows: Int, right: Int) {
        var (rows, right) = (0, 0)
        windowMark = clock.mark
        for lane in lanes.indices {
            if lanes[lane].window.provisional != nil {
                if lanes[lane].window.isEmpty {
                    lanes[lane].window.provisional = windowMark
                } else if shift(lanes[lane].window) != nil {
                    freeze(lane)
                }
            }
            for place in lanes[lane].frozen.indices where lanes[lane].frozen[place].provisional != nil {
                guard let delta = shift(lanes[lane].frozen[place]) else { continue }
                if delta.magnitude <= UInt64(ClockTrust.tolerance) {
                    lanes[lane].frozen[place].provisional = nil
                    log.append(LogRecord.shift(0, stream: lanes[lane].frozen[place].stream), isRow: false)
                    right += 1
                } else if lanes[lane].frozen[place].shift(by: delta) {
                    rows += lanes[lane].frozen[place].rows + lanes[lane].frozen[place].late.count
                    log.append(LogRecord.shift(delta, stream: lanes[lane].frozen[place].stream), isRow: false)
                    noteShifted(lanes[lane].frozen[place], lane)
                }
            }
        }
        return (rows, right)
    }

    /// Lets what is known of series and group catch up with a moved window.
    private mutating func noteShifted(_ window: HeadWindow, _ lane: Int) {
        let group = Int(lanes[lane].group)
        groups[group].newest = max(groups[group].newest, window.maxTime)
        groups[group].version &+= 1
        for (column, id) in window.series.enumerated() {
            handles[id].newest = max(handles[id].newest, window.newestTime(of: column))
        }
    }

    /// The first row that shippers must not see yet; `.max` when there is none.
    var firstProvisionalRow: UInt64 {
        lanes.reduce(.max) { first, lane in
            lane.frozen.reduce(min(first, lane.window.provisionalRow)) { min($0, $1.provisionalRow) }
        }
    }
}

extension HeadWindow {
    fileprivate var provisionalRow: UInt64 { provisional == nil ? .max : minSequence }
}
