// SPDX-License-Identifier: Apache-2.0
//
// Everything at once: random appends, seals and shipping, and between them kills, power cuts that keep any part of what
// was not synced, refused writes and failed syncs. What must hold whatever happens:
//
//     what was synced or sealed is there after a power cut; what is there is what was appended;
//     what was not killed by a power cut is there; the outbox delivers every surviving sample, and none twice.
//
// EDGEWATCH_SIMULATION_SEEDS=200 runs more seeds than usual.

import Foundation
import Platform
import Samples
import Synchronization
import Testing

@testable import TSDB

private struct Simulation {
    var model: Model
    var durable: [String: [Int64: UInt64]] = [:]

    init(seed: UInt64) throws {
        model = try Model(seed: seed, groups: 4, series: 9) {
            ($0.logBytes, $0.ringBytes) = (24 * 4096, 8 << 20)
        }
    }

    mutating func step() throws {
        try model.append()
        let files = model.test.files
        switch Int.random(in: 0..<300, using: &model.random) {
        case 0: try restart(afterPowerCut: true)
        case 1: try restart(afterPowerCut: false)
        case 2:
            model.test.store.close()
            try restart(afterPowerCut: Bool.random(using: &model.random))
        case 3: files.state.withLock { $0.failSyncs = 1 }
        case 4:
            let left = Int.random(in: 0..<6, using: &model.random)
            files.state.withLock { ($0.failWriteAfter, $0.failsOnce) = (left, true) }
        case 5..<9: if (try? model.test.store.sealAll()) != nil { durable = model.expected }
        case 9..<30:
            model.test.clock.advance(milliseconds: 11_000)
            if (try? model.test.store.maintain()) != nil, isLogSynced() { durable = model.expected }
        case 30..<45: if (try? model.test.store.syncLog()) != nil, isLogSynced() { durable = model.expected }
        case 45..<75: try ship()
        default: break
        }
    }

    /// A refused write leaves pages in memory, which a sync does not reach.
    private func isLogSynced() -> Bool {
        let store = model.test.store
        return store.writer.withLock { !$0.file.needsSync && !$0.isFailing && $0.syncFailure == nil }
            && store.head.withLock { $0.log.pendingPages == 0 }
    }

    private mutating func restart(afterPowerCut: Bool) throws {
        var files = model.test.files
        // A refused write that was not made good yet is lost with the process.
        if !afterPowerCut { model.test.store.flushLog() }
        if afterPowerCut {
            var random = model.random
            files = files.afterPowerCut { _, _, count in
                switch Int.random(in: 0..<4, using: &random) {
                case 0: 0
                case 1: Int.random(in: 0...count, using: &random)
                default: count
                }
            }
            model.random = random
        } else {
            files = files.afterKill()
        }
        model.test = try TestStore(files: files, clock: model.test.clock, model.change)
        try model.register()
        var present: [String: [Int64: UInt64]] = [:]
        for name in model.expected.keys.sorted() {
            let columns = try model.test.store.all(name)
            for (time, value) in zip(columns.timestamps, columns.values) {
                #expect(model.expected[name]?[time] == value.bitPattern, "\(name) at \(time)")
                #expect(present[name, default: [:]].updateValue(value.bitPattern, forKey: time) == nil)
            }
        }
        for (name, samples) in durable {
            for (time, bits) in samples {
                #expect(present[name]?[time] == bits, "\(name) at \(time) was durable")
            }
        }
        if !afterPowerCut { #expect(present == model.expected) }
        model.expected = present
        for name in model.shipped.keys {
            model.shipped[name] = model.shipped[name]?.filter { present[name]?[$0.key] == $0.value }
        }
        for number in model.groups.indices {
            let names = model.groups[number].series.map { $0.name }
            model.groups[number].newest = names.reduce(.min) { max($0, present[$1]?.keys.max() ?? .min) }
        }
    }

    private mutating func ship() throws {
        let limit = Int.random(in: 1...500, using: &model.random)
        let chunk = try model.test.store.read(from: model.position, sampleLimit: limit)
        for series in chunk.series {
            let name = series.labels.metricName ?? ""
            for (time, value) in zip(series.samples.timestamps, series.samples.values) {
                let previous = model.shipped[name, default: [:]].updateValue(value.bitPattern, forKey: time)
                #expect(previous == nil, "\(name) at \(time) came twice")
            }
        }
        model.position = chunk.next
    }

    mutating func finish() throws {
        let files = model.test.files
        files.state.withLock { ($0.failSyncs, $0.failWriteAfter) = (0, nil) }
        model.test.clock.advance(milliseconds: 11_000)
        try model.test.store.sealAll()
        try model.check()
        while model.position < model.test.store.end {
            let before = model.position
            try ship()
            if model.position == before { try model.test.store.syncLog() }
        }
        for (name, samples) in model.expected { #expect(model.shipped[name] == samples, "\(name)") }
    }
}

struct SimulationTests {
    private static let seeds: ClosedRange<UInt64> = {
        let wanted = ProcessInfo.processInfo.environment["EDGEWATCH_SIMULATION_SEEDS"].flatMap(UInt64.init)
        return 1...max(1, wanted ?? 6)
    }()

    @Test(arguments: seeds)
    func everythingAtOnce(seed: UInt64) throws {
        var simulation = try Simulation(seed: seed)
        for _ in 0..<1500 { try simulation.step() }
        try simulation.finish()
    }
}
