// SPDX-License-Identifier: Apache-2.0
//
// What always holds between two operations, as code. Tests and the simulation call it after every step; nothing in
// the daemon does. Every structure says what is wrong with itself; what holds between structures is here.

internal import Samples
internal import Synchronization

/// What should never be.
struct InvariantViolation: Error, CustomStringConvertible {
    let description: String
}

extension Store {
    /// Checks what holds whenever nobody is in the middle of an operation.
    ///
    /// O(samples in memory + segments + series). Takes all locks, in their order.
    ///
    /// - Throws: `InvariantViolation` that names all that is wrong.
    func checkInvariants() throws(InvariantViolation) {
        let found = sealer.withLock { sealer in
            index.withLock { index in
                writer.withLock { writer in
                    head.withLock { head in
                        Store.violations(sealer, index, writer, head)
                    }
                }
            }
        }
        guard found.isEmpty else {
            throw InvariantViolation(description: found.prefix(20).joined(separator: "; "))
        }
    }

    private static func violations(
        _ sealer: borrowing Sealer,
        _ index: borrowing SeriesIndex,
        _ writer: borrowing LogWriter,
        _ head: borrowing Head
    ) -> [String] {
        var found = sealer.ring.violations() + writer.file.violations() + head.violations()
        if sealer.ring.segments.map({ $0.ringSequence }) != head.segments.map({ $0.ringSequence }) {
            found.append("ring and head do not have the same segments")
        }
        var mentions: [SeriesReference: Int] = [:]
        for handle in head.handles.handles where handle.group != .max {
            mentions[handle.reference, default: 0] += 1
        }
        found += index.violations(
            handles: mentions,
            sets: head.segments.flatMap { $0.bundles.map { $0.columns } }
                + head.tiers.flatMap { $0.segments.flatMap { $0.columns } }
        )
        for tier in sealer.tiers { found += tier.violations(head.tiers[tier.number]) }
        for (place, labels) in index.labels.enumerated()
        where head.labels(of: SeriesReference(place)) != labels {
            found.append("head and index do not agree on series \(labels)")
        }
        // A page is written, waits to be, or was lost before this process began.
        if writer.file.hasFile, !writer.isFailing, head.log.pendingPages == 0,
            head.firstNeededPage() < head.log.sequence, writer.writtenRow == head.nextSequence,
            !writer.file.hasSlot(head.log.sequence - 1)
        {
            found.append("the page before the current one is nowhere")
        }
        return found
    }
}

extension Ring {
    /// What is wrong with the places of segments.
    func violations() -> [String] {
        var found: [String] = []
        var previous: UInt64 = 0
        for segment in segments {
            if segment.ringSequence <= previous { found.append("segments are not in order") }
            previous = segment.ringSequence
            if segment.offset % Int64(SegmentHeader.alignment) != 0 {
                found.append("segment \(segment.ringSequence) is not aligned")
            }
            if segment.isEvicted.load(ordering: .relaxed) {
                found.append("segment \(segment.ringSequence) is given up and still there")
            }
        }
        if previous >= nextSequence { found.append("the next ring sequence is in use") }
        for number in Set(segments.map { $0.fileNumber }) {
            let inFile = segments.filter { $0.fileNumber == number }.sorted { $0.offset < $1.offset }
            for (left, right) in zip(inFile, inFile.dropFirst())
            where left.offset + Int64(left.storedBytes) > right.offset {
                found.append("segments \(left.ringSequence) and \(right.ringSequence) overlap")
            }
        }
        return found
    }
}

extension Head {
    /// What is wrong in memory.
    func violations() -> [String] {
        var found: [String] = []
        for (left, right) in zip(gaps, gaps.dropFirst()) where left.upperBound >= right.lowerBound {
            found.append("gaps \(left) and \(right) are not apart")
        }
        if gaps.contains(where: { $0.isEmpty }) { found.append("an empty gap") }
        if log.tail > firstNeededPage() { found.append("the log forgot pages that are needed") }
        if syncedRow != .max, syncedRow > nextSequence {
            found.append("rows are synced that are not written")
        }
        var streams: Set<UInt64> = []
        for (identity, number) in groupByIdentity where groups[Int(number)].identity != identity {
            found.append("group \(identity) is not found by its identity")
        }
        for (number, lane) in lanes.enumerated() where lane.group != SeriesHandle.none {
            if groups[Int(lane.group)].lanes.count(where: { $0 == UInt32(number) }) != 1 {
                found.append("lane \(number) is not once in its group")
            }
            for window in lane.frozen + [lane.window] {
                if !streams.insert(window.stream).inserted || window.stream >= nextStream {
                    found.append("window \(window.stream) does not have a number of its own")
                }
                if !window.isEmpty, window.maxSequence >= nextSequence {
                    found.append("window \(window.stream) has rows of the future")
                }
                if window.firstPage != .max, window.firstPage > log.sequence {
                    found.append("window \(window.stream) begins in a page that is not begun")
                }
                found += window.violations()
            }
        }
        return found + handleViolations()
    }

    private func handleViolations() -> [String] {
        var found: [String] = []
        var windows: [SeriesID: Int] = [:]
        var members: [UInt32: Int] = [:]
        for (number, lane) in lanes.enumerated() {
            for (place, window) in (lane.frozen + [lane.window]).enumerated() {
                for (column, id) in window.series.enumerated() {
                    let handle = handles[id]
                    windows[id, default: 0] += 1
                    if handle.group != lane.group { found.append("series \(id) is of another group") }
                    let isOwn =
                        place == lane.frozen.count && handle.lane == UInt32(number)
                        && handle.column == UInt32(column)
                    if !isOwn, !groups[Int(lane.group)].wasAhead,
                        window.newestTime(of: column) > handle.newest
                    {
                        found.append("series \(id) has come further than it knows")
                    }
                }
                for late in window.late where !groups[Int(lane.group)].wasAhead {
                    for column in late.columns
                    where handles[window.series[Int(column)]].newest < late.timestamp {
                        found.append("a series has a late row later than it knows")
                    }
                }
            }
        }
        var active = 0
        for (number, handle) in handles.handles.enumerated() where handle.group != .max {
            let id = SeriesID(rawValue: UInt32(number))
            let hasColumn = handle.column != SeriesHandle.noColumn
            if handle.lane != SeriesHandle.noLane { members[handle.lane, default: 0] += 1 }
            if hasColumn, lanes[Int(handle.lane)].window.series[Int(handle.column)] != id {
                found.append("series \(number) does not know its column")
            }
            if windows[id, default: 0] != Int(handle.otherWindows) + (hasColumn ? 1 : 0) {
                found.append(
                    "series \(number) is in \(windows[id, default: 0]) windows, not \(handle.otherWindows)"
                )
            }
            if !handle.isActive, hasColumn || handle.otherWindows > 0 {
                found.append("series \(number) is in use and not active")
            }
            if handle.isActive { active += 1 }
            if handles.find(handle.reference, group: handle.group) != id {
                found.append("series \(number) is not found by its reference")
            }
        }
        if active != handles.active { found.append("\(active) active series, not \(handles.active)") }
        for (number, lane) in lanes.enumerated() where lane.members != members[UInt32(number), default: 0] {
            found.append(
                "lane \(number) has \(members[UInt32(number), default: 0]) series, not \(lane.members)"
            )
        }
        return found
    }
}

extension HeadWindow {
    /// What is wrong with the rows of a window.
    func violations() -> [String] {
        guard let times = try? regularTimes() else { return ["window \(stream) cannot be decoded"] }
        var found: [String] = []
        if times.count != rows { found.append("window \(stream) has \(times.count) rows, not \(rows)") }
        if Set(series).count != series.count { found.append("window \(stream) has a series twice") }
        for (left, right) in zip(times.timestamps, times.timestamps.dropFirst()) where left > right {
            found.append("rows of window \(stream) do not ascend")
        }
        for (left, right) in zip(times.sequences, times.sequences.dropFirst()) where left >= right {
            found.append("sequences of window \(stream) do not ascend")
        }
        let sequences = times.sequences + late.map { $0.sequence }
        if Set(sequences).count != sequences.count { found.append("window \(stream) numbers rows twice") }
        let stamps = times.timestamps + late.map { $0.timestamp }
        if let low = stamps.min(), let high = stamps.max(), low != minTime || high != maxTime {
            found.append("window \(stream) does not know its times")
        }
        if let low = sequences.min(), let high = sequences.max(), low != minSequence || high != maxSequence {
            found.append("window \(stream) does not know its sequences")
        }
        let count = times.counts.reduce(0) { $0 + Int($1) } + late.reduce(0) { $0 + $1.bits.count }
        if count != samples { found.append("window \(stream) has \(count) samples, not \(samples)") }
        for row in late where row.columns.last.map({ Int($0) >= series.count }) ?? false {
            found.append("a late row of window \(stream) has unknown columns")
        }
        return found + cellViolations(times)
    }

    /// Every series has at most one value for a time, and as many as its rows count.
    private func cellViolations(_ times: RowTimes) -> [String] {
        var found: [String] = []
        var count = 0
        for column in series.indices {
            var cells = ColumnCells()
            guard (try? regularCells(column, into: &cells)) != nil, cells.states.count == times.count else {
                found.append("column \(column) of window \(stream) cannot be decoded")
                continue
            }
            var stamps: Set<Int64> = []
            for (row, state) in cells.states.enumerated() where state != CellState.absent {
                if !stamps.insert(times.timestamps[row]).inserted {
                    found.append("column \(column) of window \(stream) has two rows at one time")
                }
                count += 1
            }
            for row in late where row.bits(of: column) != nil {
                count += 1
                if !stamps.insert(row.timestamp).inserted {
                    found.append("column \(column) of window \(stream) has two values at \(row.timestamp)")
                }
            }
        }
        if count != samples { found.append("window \(stream) holds \(count) samples, not \(samples)") }
        return found
    }
}
