// SPDX-License-Identifier: Apache-2.0
//
// Appenders, readers and upkeep at the same time.

import Samples
import Synchronization
import Testing

@testable import TSDB

/// Tells the upkeep task that the appenders are done.
private final class Flag: Sendable {
    private let bit = Atomic(false)
    var isSet: Bool { bit.load(ordering: .acquiring) }
    func set() { bit.store(true, ordering: .releasing) }
}

struct ConcurrencyTests {
    private static func append(_ store: Store, _ number: Int) throws {
        let group = try store.group(Labels([("job", "g\(number)")]))
        let ids = try (0..<30).map {
            try store.series(Labels([("__name__", "c\(number)_\($0)")]), in: group)
        }
        for row in 0..<3000 {
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: Int64(row)))
            for (place, id) in ids.enumerated() { batch.append(id, Double(row * place)) }
            #expect(try store.append(batch).appended == 30)
        }
    }

    private static func maintain(_ store: Store, until done: Flag) async throws {
        while !done.isSet {
            try store.maintain()
            var newest = -1
            for _ in 0..<10 {
                let columns = try store.all("c1_7")
                #expect(columns.timestamps == Array(0..<Int64(columns.count)))
                #expect(columns.count > newest)
                newest = columns.count - 1
            }
            await Task.yield()
        }
    }

    @Test func appendersReadersAndUpkeepRunTogether() async throws {
        let test = try TestStore { $0.logBytes = 64 * 4096 }
        let store = test.store
        let done = Flag()
        async let upkeep: Void = ConcurrencyTests.maintain(store, until: done)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for number in 0..<3 { tasks.addTask { try ConcurrencyTests.append(store, number) } }
            try await tasks.waitForAll()
        }
        done.set()
        try await upkeep
        for number in 0..<3 {
            #expect(try store.all("c\(number)_29").timestamps == Array(0..<3000))
        }
        var position = store.oldest
        var shipped = 0
        while position < store.end {
            let chunk = try store.read(from: position, sampleLimit: 5000)
            #expect(chunk.lostRows == 0)
            shipped += chunk.series.reduce(0) { $0 + $1.samples.count }
            position = chunk.next
        }
        #expect(shipped == 3 * 30 * 3000)
    }
}
