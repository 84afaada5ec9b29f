// SPDX-License-Identifier: Apache-2.0
//
// The model against what is there after a restart, and against what the outbox delivers.

import Platform
import Samples
import Synchronization

@testable import TSDB

/// How a process ended.
enum Ending: Sendable {
    case closed
    case killed
    case powerCut
}

/// A sample that should be there and is not.
struct Loss: CustomStringConvertible {
    let name: String
    let time: Int64
    let entry: SimulatedRun.Entry

    var description: String { "\(name) at \(time) (row \(entry.sequence))" }
}

extension SimulatedRun {
    /// Compares everything with the model, which then becomes what is there.
    mutating func check(after ending: Ending?) throws {
        try store.checkInvariants()
        let selection = try store.select([], from: .min, through: .max)
        var present: [String: [Int64: Entry]] = [:]
        var unreadable = 0
        let rowsEnd = selection.coarse.last?.through ?? .min
        if rowsEnd > .min { wasCoarse = true }
        for place in 0..<selection.count {
            let name = selection.labels(place).metricName ?? ""
            var columns = SampleColumns()
            do {
                try selection.read(place, from: .min, through: .max, into: &columns)
            } catch {
                guard isDamaged else { throw BrokenPromise("\(name) cannot be read: \(error)") }
                unreadable += 1
                continue
            }
            var previous: Int64?
            for (time, value) in zip(columns.timestamps, columns.values) {
                if let previous, time <= previous { throw BrokenPromise("\(name) at \(time) comes twice") }
                previous = time
                if isEndOfRow(name, time, value, rowsEnd) { continue }
                let entry = try entry(name, time, value.bitPattern)
                // What a row says need not be in the log; it may be all that a power cut has left.
                if time > rowsEnd { present[name, default: [:]][time] = entry }
            }
        }
        try readHistograms(selection, into: &present, &unreadable)
        try checkRows()
        let lost = lostEntries(present, after: ending).filter { $0.time > rowsEnd }
        if !lost.isEmpty {
            trace?("lost \(lost.prefix(50)), after \(ending.map { "\($0)" } ?? "nothing")")
            trace?("there \(Set(present.values.flatMap { $0.values.map { $0.sequence } }).sorted())")
            trace?("rows through \(rowsEnd)")
            trace?(try standing())
            trace?("\(try store.recovery)")
        }
        if let first = lost.first {
            guard isDamaged else {
                throw BrokenPromise(
                    "\(lost.count) samples are lost, \(first) first, after \(ending.map { "\($0)" } ?? "nothing")"
                )
            }
            if let known = try lost.first(where: { try isKnowable($0, present) }), unreadable == 0,
                !wasLiedTo,
                try !isLossReported()
            {
                throw BrokenPromise("\(known) is lost to damage and nothing says so")
            }
        }
        if !isDamaged, !wasTorn, goneThrough == nil, try store.recovery.isDamaged {
            throw BrokenPromise("damage is reported where there was none: \(try store.recovery)")
        }
        take(over: present)
    }

    private mutating func readHistograms(
        _ selection: any SeriesSelection,
        into present: inout [String: [Int64: Entry]],
        _ unreadable: inout Int
    ) throws {
        guard plan.hasHistograms else { return }
        for place in 0..<selection.count {
            let name = selection.labels(place).metricName ?? ""
            var columns = HistogramColumns()
            do {
                try selection.readHistograms(place, from: .min, through: .max, into: &columns)
            } catch {
                guard isDamaged else { throw BrokenPromise("\(name) cannot be read: \(error)") }
                unreadable += 1
            }
            for (time, histogram) in zip(columns.timestamps, columns.histograms) {
                guard histogram == SimulatedRun.histogram(histogram.rawCount) else {
                    throw BrokenPromise("a histogram of \(name) at \(time) was never appended")
                }
                present[name, default: [:]][time] = try entry(name, time, histogram.rawCount)
            }
        }
    }

    /// Whether this is the marker that ends a series within a row, and was never a sample.
    private func isEndOfRow(_ name: String, _ time: Int64, _ value: Double, _ rowsEnd: Int64) -> Bool {
        time <= rowsEnd && time % SimulationPlan.tierResolution == 0
            && value.bitPattern == StaleMarker.bits
            && sent[name]?[time]?.contains(StaleMarker.bits) != true
    }

    /// No row of a tier tells of samples that never were.
    private func checkRows() throws {
        guard plan.hasTier else { return }
        let store = try store
        let (segments, labels) = store.head.withLock { ($0.tiers.flatMap { $0.segments }, $0.allLabels) }
        for segment in segments {
            for (number, reference) in segment.columns.flatMap({ $0.references }).enumerated() {
                let name = labels[Int(reference)].metricName ?? ""
                var rows: [CoarseRow] = []
                do {
                    try store.tierReader.rows(segment, number, .min, .max, into: &rows)
                } catch {
                    guard isDamaged else { throw BrokenPromise("rows of \(name) cannot be read: \(error)") }
                }
                for row in rows { try check(row, of: name) }
            }
        }
    }

    private func check(_ row: CoarseRow, of name: String) throws {
        guard let summary = row.summary else { return }
        let window = (row.end - SimulationPlan.tierResolution + 1)...row.end
        let all = (sent[name] ?? [:]).filter { window.contains($0.key) }
        let values = Set(all.values.flatMap { $0 })
        let isSound =
            summary.count <= all.count
            && all[summary.firstTime]?.contains(summary.first.bitPattern) == true
            && all[summary.lastTime]?.contains(summary.last.bitPattern) == true
            && (summary.min.isNaN || values.contains { Double(bitPattern: $0) == summary.min })
            && (summary.max.isNaN || values.contains { Double(bitPattern: $0) == summary.max })
        if !isSound { throw BrokenPromise("the row of \(name) up to \(row.end) is wrong: \(summary)") }
    }

    private func entry(_ name: String, _ time: Int64, _ bits: UInt64) throws -> Entry {
        if let known = expected[name]?[time], known.bits == bits { return known }
        // What had left the ring may be there again after a restart that found it not yet overwritten.
        guard goneThrough != nil || isDamaged || wasCoarse, sent[name]?[time]?.contains(bits) == true else {
            let known = expected[name]?[time].map { "\(Double(bitPattern: $0.bits))" } ?? "nothing"
            throw BrokenPromise("\(name) at \(time) is \(Double(bitPattern: bits)), not \(known)")
        }
        return Entry(bits: bits, order: 0, sequence: 0)
    }

    /// What should be there and is not.
    private func lostEntries(_ present: [String: [Int64: Entry]], after ending: Ending?) -> [Loss] {
        let limit =
            switch ending {
            case nil: Int.max
            case .closed, .killed: written
            case .powerCut: durable
            }
        var lost: [Loss] = []
        for (name, entries) in expected {
            for (time, entry) in entries where entry.order <= limit && !isGone(entry) {
                guard present[name]?[time] == nil else { continue }
                lost.append(Loss(name: name, time: time, entry: entry))
            }
        }
        return lost.sorted { ($0.entry.order, $0.name) < ($1.entry.order, $1.name) }
    }

    /// Whether the format can tell that a row is missing: a later one of the same process is there.
    ///
    /// The newest rows of a process that was not closed look like what a power cut leaves behind.
    private func isKnowable(_ loss: Loss, _ present: [String: [Int64: Entry]]) throws -> Bool {
        let row = loss.entry.sequence
        let (gaps, isInLog) = try store.head.withLock { ($0.gaps, $0.segments.isEmpty) }
        let end = gaps.first { $0.lowerBound > row }?.lowerBound ?? .max
        let there = Set(present.values.flatMap { $0.values.map { $0.sequence } })
        // Of the oldest segments none knows whether the ring came round over them.
        guard isInLog || there.contains(where: { $0 < row }) else { return false }
        return there.contains { $0 > row && $0 < end }
    }

    private func isLossReported() throws -> Bool {
        guard let test else { return false }
        let report = test.store.recovery
        return report.isDamaged || report.quarantined > 0 || test.counter("corrupt_blocks_total") > 0
    }

    private mutating func take(over present: [String: [Int64: Entry]]) {
        for (name, entries) in expected {
            for (time, entry) in entries where present[name]?[time] == nil {
                cut[entry.sequence, default: 0] += 1
            }
        }
        expected = present
        for name in shipped.keys {
            shipped[name] = shipped[name]?.filter { present[name]?[$0.key]?.bits == $0.value }
        }
        for number in groups.indices {
            let names = groups[number].series.map { $0.name }
            groups[number].newest = names.reduce(.min) { max($0, present[$1]?.keys.max() ?? .min) }
        }
    }

    /// Takes the next stretch out of the outbox.
    mutating func ship() throws {
        let limit = Int.random(in: 1...300, using: &random)
        let chunk = try store.read(from: position, sampleLimit: limit)
        // A process that is stopped while it reads delivers nothing.
        if disk.isDead { return }
        guard chunk.next >= position || wasLiedTo || isDamaged else {
            throw BrokenPromise("the outbox went back to \(chunk.next)")
        }
        let cutRows = cut.reduce(0) {
            $1.key >= position.sequence && $1.key < chunk.next.sequence ? $0 + $1.value : $0
        }
        if chunk.lostRows > cutRows, !isDamaged, goneThrough.map({ position.sequence > $0 }) ?? true {
            throw BrokenPromise("\(chunk.lostRows) rows from \(position) are said to be lost")
        }
        for series in chunk.series {
            let name = series.labels.metricName ?? ""
            let samples = zip(series.samples.timestamps, series.samples.values.map { $0.bitPattern })
            let histograms = zip(
                series.histograms.timestamps,
                series.histograms.histograms.map { $0.rawCount }
            )
            for (time, bits) in Array(samples) + Array(histograms) {
                let value = Double(bitPattern: bits)
                guard sent[name]?[time]?.contains(bits) == true else {
                    throw BrokenPromise("the outbox has \(value) for \(name) at \(time)")
                }
                if !isDamaged, expected[name]?[time].map({ $0.bits != bits && !isGone($0) }) ?? false {
                    throw BrokenPromise("the outbox has another value for \(name) at \(time)")
                }
                let previous = shipped[name, default: [:]].updateValue(bits, forKey: time)
                if previous != nil, !isDamaged, goneThrough == nil, !wasCoarse {
                    throw BrokenPromise("the outbox has \(name) at \(time) twice")
                }
            }
        }
        position = chunk.next
    }

    /// Ships the rest; then everything that is there has been delivered.
    mutating func shipAll() throws {
        var idle = 0
        while position < (try store.end) {
            let before = position
            try ship()
            guard position == before else { continue }
            idle += 1
            if idle > 2 { throw BrokenPromise("the outbox does not move on from \(position)") }
            try store.syncLog()
        }
        guard !isDamaged else { return }
        for (name, samples) in expected.sorted(by: { $0.key < $1.key }) {
            for (time, entry) in samples.sorted(by: { $0.key < $1.key })
            where !isGone(entry) && entry.order > 0 {
                guard shipped[name]?[time] == entry.bits else {
                    throw BrokenPromise("\(name) at \(time) (row \(entry.sequence)) was never delivered")
                }
            }
        }
    }
}
