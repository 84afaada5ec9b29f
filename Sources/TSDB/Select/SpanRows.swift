// SPDX-License-Identifier: Apache-2.0
//
// The rows of a span while they are gathered: windows come in order of their first row, and what lies beyond a limit is
// let go again as soon as it is known, so that only about two spans' worth of row times are ever held.

internal import Samples

/// Windows with rows in a stretch of commit order, and where the stretch ends.
struct SpanRows {
    /// Rows of a span that is cut out of what is there, at most: their times take 20 bytes each, two MiB.
    static let rowLimit = 100_000

    /// Windows with rows in the stretch, and the first of these.
    private(set) var windows: [(window: LoadedWindow, first: UInt64)] = []
    /// Rows in the stretch, after `finish` in commit order.
    private(set) var found: [(sequence: UInt64, time: Int64, samples: Int)] = []
    private let start: UInt64
    private let limits: SpanLimits
    private let rowLimit: Int
    /// Rows from here on are beyond a limit.
    private(set) var end: UInt64
    private var samples = 0
    /// Rows of each source; one is known by the first series of its windows.
    private var rowsOfSource: [SeriesReference: Int] = [:]

    init(range: Range<UInt64>, limits: SpanLimits, rowLimit: Int) {
        start = range.lowerBound
        end = range.upperBound
        self.limits = limits
        self.rowLimit = rowLimit
    }

    /// Whether this window or a later one can have rows within the limits.
    func wants(_ window: LoggedWindow) -> Bool { window.minSequence < end }

    mutating func add(_ loaded: LoadedWindow) {
        var sequences: [UInt64] = []
        loaded.forEachRow { sequence, time, count in
            guard sequence >= start, sequence < end else { return }
            found.append((sequence, time, count))
            samples += count
            sequences.append(sequence)
        }
        guard let first = sequences.min() else { return }
        windows.append((loaded, first))
        bound(sequences, of: loaded.window.references.first ?? 0)
        if found.count / 2 >= rowLimit || samples / 2 >= max(1, limits.samples) { cut() }
    }

    /// Settles rows and end.
    mutating func finish() {
        cut()
        rowsOfSource = [:]
    }

    /// Where to go on: after the last row, or at the end when there is none.
    var next: UInt64 { found.last.map { $0.sequence + 1 } ?? end }

    /// Ends the stretch before the source has more rows than it may.
    private mutating func bound(_ sequences: [UInt64], of source: SeriesReference) {
        let before = rowsOfSource[source] ?? 0
        let room = max(1, limits.rows) - before
        rowsOfSource[source] = before + sequences.count
        guard sequences.count > room else { return }
        // With no room left the window's first row is one too many.
        end = min(end, sequences.sorted()[max(0, room)])
    }

    /// Keeps the rows in order up to the one that reaches a limit, and their windows.
    private mutating func cut() {
        found.removeAll { $0.sequence >= end }
        found.sort { $0.sequence < $1.sequence }
        samples = 0
        var low = Int64.max
        var high = Int64.min
        for (place, row) in found.enumerated() {
            samples += row.samples
            low = min(low, row.time)
            high = max(high, row.time)
            if place > 0, let extent = limits.extent, Self.exceeds(low, high, extent) {
                found.removeLast(found.count - place)
                end = row.sequence
                break
            }
            if samples >= max(1, limits.samples) || place + 1 >= rowLimit {
                found.removeLast(found.count - place - 1)
                end = row.sequence + 1
                break
            }
        }
        windows.removeAll { $0.first >= end }
    }

    private static func exceeds(_ low: Int64, _ high: Int64, _ extent: Duration) -> Bool {
        let (span, overflow) = high.subtractingReportingOverflow(low)
        return overflow || .milliseconds(span) > extent
    }
}
