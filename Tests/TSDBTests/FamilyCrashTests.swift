// SPDX-License-Identifier: Apache-2.0
//
// The file of metadata through kills, power cuts and errors at every operation of writing it: afterwards there are the
// families of before or those of after, whole, and nothing was damaged.

import Platform
import Samples
import Synchronization
import Testing

@testable import TSDB

struct FamilyCrashTests {
    private static let before = MetricMetadata(family: "a", kind: .gauge, help: "Before.")
    private static let after = MetricMetadata(family: "b", kind: .counter, help: "After.", unit: "bytes")
    private static let later = MetricMetadata(family: "c", kind: .summary, help: "Later.")

    /// A store whose file has one family, with another that is to be written next.
    private func ready() throws -> TestStore {
        let test = try TestStore()
        test.store.describe([Self.before])
        try test.store.maintain()
        test.clock.advance(milliseconds: 61_000)
        try test.store.maintain()
        test.store.describe([Self.after])
        return test
    }

    /// Names of the operations that a pass of upkeep has.
    private func operations() throws -> Int {
        let test = try ready()
        let before = test.files.state.withLock { $0.operations }
        try test.store.maintain()
        return test.files.state.withLock { $0.operations } - before
    }

    private func check(_ files: MemoryFileStore, _ context: String) throws -> Bool {
        let test = try TestStore(files: files)
        let found = test.store.metadata()
        #expect(found == ["a": Self.before] || found == ["a": Self.before, "b": Self.after], "\(context)")
        #expect(files.contents("/data/metadata.damaged").isEmpty, "\(context)")
        #expect(test.counter("corrupt_blocks_total") == 0)
        // What the last one left half written is in nobody's way.
        test.store.describe([Self.later])
        test.store.close()
        let again = try TestStore(files: files.afterKill()).store.metadata()
        #expect(again == found.merging(["c": Self.later]) { $1 }, "\(context)")
        return found.count == 2
    }

    @Test func aKillAtAnyOperationLeavesOneOrTheOther() throws {
        let count = try operations()
        #expect(count >= 6)
        var outcomes: Set<Bool> = []
        for step in 1...count {
            let test = try ready()
            test.files.state.withLock { $0.crashAt = $0.operations + step }
            try? test.store.maintain()
            #expect(test.files.isDead)
            outcomes.insert(try check(test.files.afterKill(), "killed at \(step)"))
        }
        #expect(outcomes == [false, true])
    }

    @Test func aPowerCutAtAnyOperationLeavesOneOrTheOther() throws {
        let count = try operations()
        var random = SeededGenerator(seed: 1)
        var outcomes: Set<Bool> = []
        for step in 1...(count + 1) {
            for _ in 0..<20 {
                let test = try ready()
                test.files.state.withLock { $0.crashAt = $0.operations + step }
                try? test.store.maintain()
                let files = test.files.afterPowerCut(using: &random)
                outcomes.insert(try check(files, "power cut at \(step)"))
            }
        }
        #expect(outcomes == [false, true])
    }

    @Test func whatCannotBeWrittenIsTriedAgain() throws {
        for operation in [
            MemoryFileStore.Operation.open, .truncate, .write, .sync, .rename,
        ] {
            let test = try ready()
            test.files.state.withLock {
                $0.faults = [.init(operation: operation, name: "metadata", code: ErrorNumber.noSpace)]
            }
            try? test.store.maintain()
            #expect(test.counter("write_errors_total") == 1, "\(operation)")
            #expect(try FamilyFile.read(test.files.contents("/data/metadata")) == [Self.before])
            test.clock.advance(milliseconds: 60_000)
            try test.store.maintain()
            #expect(try FamilyFile.read(test.files.contents("/data/metadata")) == [Self.before, Self.after])
        }
    }
}
