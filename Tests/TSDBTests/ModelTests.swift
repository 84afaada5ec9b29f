// SPDX-License-Identifier: Apache-2.0
//
// The store against a dictionary: thousands of random operations, with seals, orderly restarts and kills in between,
// after which every series must read back exactly and the outbox must deliver every sample exactly once.

import Platform
import Samples
import Testing

@testable import TSDB

/// A store and what it should hold.
struct Model {
    struct Group {
        var id: GroupID
        var newest = Int64.min
        var series: [(name: String, id: SeriesID)] = []
        /// Pieces of rows on a slower connection, oldest first.
        var delayed: [Piece] = []
    }

    /// Some series' values at one time.
    struct Piece {
        var time: Int64
        var samples: [(place: Int, bits: UInt64)]
    }

    var random: SeededGenerator
    var test: TestStore
    var groups: [Group] = []
    var expected: [String: [Int64: UInt64]] = [:]
    var levels: [String: Double] = [:]
    var position = LogPosition(sequence: 0)
    var shipped: [String: [Int64: UInt64]] = [:]
    var time: Int64 = 1_700_000_000_000
    let change: (inout StoreOptions) -> Void

    init(
        seed: UInt64,
        groups count: Int,
        series: Int,
        _ change: @escaping (inout StoreOptions) -> Void = { _ in }
    ) throws {
        random = SeededGenerator(seed: seed)
        self.change = change
        test = try TestStore(change)
        groups = (0..<count).map { _ in Group(id: GroupID(rawValue: 0)) }
        for number in groups.indices {
            groups[number].series = (0..<series).map { ("m\(number)_\($0)", SeriesID(rawValue: 0)) }
        }
        try register()
    }

    /// Handles end with a process.
    mutating func register() throws {
        for number in groups.indices {
            groups[number].id = try test.store.group(Labels([("job", "g\(number)")]))
            for place in groups[number].series.indices {
                let labels = Labels([("__name__", groups[number].series[place].name), ("job", "g\(number)")])
                groups[number].series[place].id = try test.store.series(labels, in: groups[number].id)
            }
        }
    }

    mutating func value(_ name: String) -> UInt64 {
        switch UInt64.random(in: 0..<20, using: &random) {
        case 0: return StaleMarker.bits
        case 1: return UInt64.random(in: 0...UInt64.max, using: &random)
        case 2..<8: return (levels[name] ?? 1).bitPattern
        default:
            let step = Double(Int.random(in: -50...50, using: &random)) / 10
            levels[name] = ((levels[name] ?? 1) * 10 + step * 10).rounded() / 10
            return (levels[name] ?? 0).bitPattern
        }
    }

    mutating func append() throws {
        let number = Int.random(in: 0..<groups.count, using: &random)
        let newest = groups[number].newest
        switch newest > 0 ? Int.random(in: 0..<24, using: &random) : 23 {
        case 0, 1:
            try send(piece(of: number, at: newest - Int64.random(in: 0...20_000, using: &random)), number)
        case 2:
            try backfill(number)
        case 3:
            // Older than the store takes without being told that it is backfill.
            let old = piece(of: number, at: newest - Int64.random(in: 600_001...900_000, using: &random))
            try send(old, number, want: AppendResult(outOfOrder: old.samples.count))
        case 4..<9:
            // Group 0 comes whole.
            if number > 0, let piece = groups[number].delayed.first {
                groups[number].delayed.removeFirst()
                try send(piece, number)
            }
        default:
            time += Int64.random(in: 1...2_000, using: &random)
            test.clock.step(toWallMilliseconds: time)
            var row = piece(of: number, at: max(time, newest + 1))
            if number > 0 {
                // Cut where it was cut before, mostly.
                let places = groups[number].series.count
                let isUsual = Int.random(in: 0..<10, using: &random) > 0
                let cut = isUsual ? places / 2 : Int.random(in: 0...places, using: &random)
                let rest = Piece(time: row.time, samples: row.samples.filter { $0.place >= cut })
                row.samples.removeAll { $0.place >= cut }
                groups[number].delayed.append(rest)
            }
            try send(row, number)
            if groups[number].delayed.count > 20 { try send(groups[number].delayed.removeFirst(), number) }
        }
    }

    private mutating func piece(of number: Int, at time: Int64) -> Piece {
        var piece = Piece(time: time, samples: [])
        for place in groups[number].series.indices where Int.random(in: 0..<8, using: &random) > 0 {
            piece.samples.append((place, value(groups[number].series[place].name)))
        }
        return piece
    }

    /// A run of old rows, in order, some of them at times that have rows.
    private mutating func backfill(_ number: Int) throws {
        var stamp = groups[number].newest - Int64.random(in: 600_001...6_000_000, using: &random)
        for _ in 0..<Int.random(in: 1...12, using: &random) {
            var old = piece(of: number, at: stamp)
            if Bool.random(using: &random), let name = groups[number].series.first?.name,
                let known = expected[name]?.keys.filter({ $0 <= stamp }).max()
            {
                old.time = known
            }
            try send(old, number, acceptsOld: true)
            stamp += Int64.random(in: 1...60_000, using: &random)
            if stamp > groups[number].newest - 600_001 { return }
        }
    }

    private mutating func send(
        _ piece: Piece,
        _ number: Int,
        acceptsOld: Bool = false,
        want refused: AppendResult? = nil
    ) throws {
        var batch = SampleBatch(group: groups[number].id, timestamp: Timestamp(milliseconds: piece.time))
        batch.acceptsOld = acceptsOld
        var want = AppendResult()
        for (place, bits) in piece.samples {
            let (name, id) = groups[number].series[place]
            batch.append(id, Double(bitPattern: bits))
            if refused != nil { continue }
            if let there = expected[name]?[piece.time] {
                if there != bits { want.duplicate += 1 }
            } else {
                expected[name, default: [:]][piece.time] = bits
                want.appended += 1
            }
        }
        #expect(try test.store.append(batch) == refused ?? want)
        if refused == nil, !batch.series.isEmpty {
            groups[number].newest = max(groups[number].newest, piece.time)
        }
    }

    mutating func restart(kill: Bool) throws {
        if !kill { test.store.close() }
        test = try TestStore(files: test.files.afterKill(), clock: test.clock, change)
        #expect(test.store.recovery.isDamaged == false)
        #expect(test.store.recovery.wasClosedCleanly == !kill)
        try register()
    }

    mutating func ship() throws {
        let chunk = try test.store.read(from: position, sampleLimit: Int.random(in: 1...500, using: &random))
        #expect(chunk.lostRows == 0)
        for series in chunk.series {
            let name = series.labels.metricName ?? ""
            for index in 0..<series.samples.count {
                let previous = shipped[name, default: [:]].updateValue(
                    series.samples.values[index].bitPattern,
                    forKey: series.samples.timestamps[index]
                )
                #expect(previous == nil, "\(name) at \(series.samples.timestamps[index]) came twice")
            }
        }
        position = chunk.next
    }

    func check() throws {
        for (name, samples) in expected.sorted(by: { $0.key < $1.key }) {
            let columns = try test.store.all(name)
            let times = samples.keys.sorted()
            #expect(columns.timestamps == times, "\(name)")
            #expect(columns.values.map { $0.bitPattern } == times.compactMap { samples[$0] }, "\(name)")
            guard times.count > 4 else { continue }
            let (from, through) = (times[times.count / 4], times[times.count / 2])
            let part = try test.store.all(
                [LabelMatcher("__name__", equals: name)],
                from: Timestamp(milliseconds: from),
                through: Timestamp(milliseconds: through)
            )
            #expect(part.timestamps == times.filter { $0 >= from && $0 <= through })
        }
    }
}

struct ModelTests {
    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func randomOperationsMatchADictionary(seed: UInt64) throws {
        var model = try Model(seed: seed, groups: 3, series: 7)
        for step in 0..<3000 {
            try model.append()
            switch Int.random(in: 0..<400, using: &model.random) {
            case 0: try model.restart(kill: true)
            case 1: try model.restart(kill: false)
            case 2: try model.test.store.sealAll()
            case 3..<40: try model.test.store.maintain()
            case 40..<90: try model.ship()
            default: break
            }
            if step % 1000 == 999 { try model.check() }
        }
        while model.position < model.test.store.end { try model.ship() }
        #expect(model.shipped == model.expected)
    }

    /// Enough rows for windows to fill and for the log to force seals by itself.
    @Test func aSmallLogNeverLosesRows() throws {
        var model = try Model(seed: 77, groups: 2, series: 40) { $0.logBytes = 32 * 4096 }
        for step in 0..<1800 {
            try model.append()
            if step % 300 == 299 { try model.restart(kill: true) }
        }
        try model.check()
        #expect(model.test.store.statistics.segments > 1)
        while model.position < model.test.store.end { try model.ship() }
        #expect(model.shipped == model.expected)
    }
}
