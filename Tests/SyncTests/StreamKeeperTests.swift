// SPDX-License-Identifier: Apache-2.0
//
// What is written when, and what a process finds: each change in one transaction, durable as rarely as promised.

import Platform
import Samples
import StateStore
import Synchronization
import Testing

@testable import Sync

/// A store that remembers how often it was made durable, and can refuse.
private final class CountingState: StateKeeping {
    private let state = Mutex((values: [String: [UInt8]](), durable: [Bool](), refuses: false))

    var durable: [Bool] { state.withLock { $0.durable } }
    func refuse(_ refuses: Bool) { state.withLock { $0.refuses = refuses } }
    func put(_ table: String, _ key: String, _ value: [UInt8]) {
        state.withLock { $0.values[table + "/" + key] = value }
    }

    func get(_ table: String, _ key: String) throws(StateStoreError) -> [UInt8]? {
        state.withLock { $0.values[table + "/" + key] }
    }

    func apply(_ changes: [StateChange], isDurable: Bool) throws(StateStoreError) {
        let refuses = state.withLock { state -> Bool in
            guard !state.refuses else { return true }
            for change in changes { state.values[change.table + "/" + change.key] = change.value }
            state.durable.append(isDurable)
            return false
        }
        if refuses { throw StateStoreError(operation: "put", path: "", code: 13, message: "full") }
    }
}

@Suite struct StreamKeeperTests {
    private let state = CountingState()
    private let clock = ManualClock(wallMilliseconds: 1_700_000_000_000)
    private let key = StreamRecord.key(destination: "d", rule: .everything)

    private func keeper(oldest: UInt64 = 0, end: UInt64 = 1_000_000) throws -> StreamKeeper {
        try StreamKeeper(
            key: key,
            destination: "d",
            oldest: LogPosition(sequence: oldest),
            end: LogPosition(sequence: end),
            state: state,
            clock: clock
        )
    }

    private func recipe(_ ordinals: Range<UInt64>) -> Recipe {
        Recipe(number: 0, ordinals: ordinals, before: ordinals.upperBound)
    }

    @Test func aBatchIsOneTransactionAndFewAreDurable() throws {
        var keeper = try keeper()
        for place in 0..<100 as Range<UInt64> {
            let frozen = keeper.freeze(recipe(place * 10..<place * 10 + 10))
            #expect(frozen.number == place && frozen.attempts == 1)
            keeper.settle(frozen.number)
        }
        // With the first, and every 32 batches.
        #expect(state.durable.count == 100)
        #expect(state.durable.indices.filter { state.durable[$0] } == [0, 32, 64, 96])
        keeper.saveSettled()
        keeper.saveSettled()
        #expect(state.durable.count == 101)
        clock.advance(milliseconds: 30_000)
        _ = keeper.freeze(recipe(1000..<1001))
        #expect(state.durable.last == true)
        keeper.finish()
        #expect(state.durable.count == 103 && state.durable.last == true)
        let again = try self.keeper()
        #expect(again.record == keeper.record && again.record.position == 1000)
        #expect(again.doubt == .none && again.doubtOfFrozen == .lastAttempt)
    }

    @Test func anotherBootMayHaveLostSomethingForAWhile() throws {
        var keeper = try keeper()
        _ = keeper.freeze(recipe(0..<1))
        clock.reboot(wallMilliseconds: 1_700_000_000_000)
        keeper = try self.keeper()
        #expect(keeper.doubt == .regressed && keeper.doubtOfFrozen == .regressed)
        keeper.settle(0)
        for place in 1..<40 as Range<UInt64> {
            keeper.settle(keeper.freeze(recipe(place..<place + 1)).number)
        }
        // A kill does not end the doubt.
        keeper = try self.keeper()
        #expect(keeper.doubt == .regressed)
        for place in 40..<70 as Range<UInt64> {
            keeper.settle(keeper.freeze(recipe(place..<place + 1)).number)
        }
        #expect(keeper.doubt == .none)
    }

    @Test func aCursorOfAnEarlierBuildIsTakenOver() throws {
        let cursor = CursorRecord(
            position: LogPosition(sequence: 77),
            lastSuccess: Timestamp(milliseconds: 5)
        )
        state.put(CursorRecord.table, "d", cursor.bytes)
        #expect(try keeper().record.position == 77)
        #expect(try keeper().record.lastSuccess == Timestamp(milliseconds: 5))
        #expect(try keeper().doubt == .regressed)
        #expect(try keeper(end: 50).record.position == 50)
        // A stream of its own is newer; a damaged one counts as none.
        var record = StreamRecord(from: LogPosition(sequence: 99))
        record.boot = clock.bootIdentifier()
        state.put(StreamRecord.table, key, record.bytes)
        #expect(try keeper().record == record)
        state.put(StreamRecord.table, key, record.bytes.dropLast() + [0])
        #expect(try keeper().record.position == 77)
        state.put(CursorRecord.table, "d", [])
        #expect(try keeper(oldest: 12).record.position == 12)
    }

    @Test func whatCannotBeWrittenIsWrittenLater() throws {
        var keeper = try keeper()
        state.refuse(true)
        let frozen = keeper.freeze(recipe(0..<10))
        #expect(keeper.failure?.code == 13)
        keeper.settle(frozen.number)
        state.refuse(false)
        keeper.saveSettled()
        #expect(keeper.failure == nil)
        #expect(try self.keeper().record.position == 10)
    }

    @Test func aDivisionIsKeptUntilItsBatchIsMadeAnew() throws {
        var keeper = try keeper()
        let frozen = keeper.freeze(recipe(0..<10))
        let progress = PartProgress(left: [Part(series: 0..<2, times: 1...5)], accepted: 1)
        keeper.note(progress, of: frozen.number, isDurable: true)
        #expect(state.durable == [true, true])
        #expect(try self.keeper().record.recipes.first?.progress == progress)
        keeper.rebuild(frozen.number, crc: 9)
        keeper.saveSettled()
        let again = try self.keeper().record.recipes.first
        #expect(again?.progress == nil && again?.crc == 9 && again?.isAmbiguous == true)
    }
}
