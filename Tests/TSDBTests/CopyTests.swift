// SPDX-License-Identifier: Apache-2.0
//
// A copy of a store in use: another data directory with what was stored when it began.

import Logging
import Platform
import Samples
import Synchronization
import Testing

@testable import TSDB

struct CopyTests {
    private func open(_ files: MemoryFileStore, _ directory: String) throws -> StoreSnapshot {
        try StoreSnapshot(
            directory,
            files: files,
            clock: ManualClock(wallMilliseconds: 1_700_000_000_000),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    @Test func aCopyHasWhatTheStoreHad() throws {
        let test = try TestStore()
        let rows = try Rows(test)
        try rows.append(0..<1500)
        try test.store.sealAll()
        try rows.append(1500..<1540)
        try test.store.copy(to: "/copies/one")
        try rows.append(1540..<1600)
        let copy = try open(test.files, "/copies/one")
        #expect(try Rows.present(copy.store) == Array(0..<1540))
        #expect(copy.verify().damage == [])
        #expect(try Rows.present(test.store) == Array(0..<1600))
    }

    @Test func withoutTheHeadOnlySegmentsAreCopied() throws {
        let test = try TestStore()
        let rows = try Rows(test)
        try rows.append(0..<1500)
        try test.store.sealAll()
        try rows.append(1500..<1540)
        try test.store.copy(to: "/copies/two", skipsHead: true)
        #expect(try Rows.present(try open(test.files, "/copies/two").store) == Array(0..<1500))
        #expect(try test.files.list("/copies/two").contains("lock") == false)
    }

    @Test func roomThatTheRingWillNeedIsNotTaken() throws {
        let test = try TestStore()
        let rows = try Rows(test)
        try rows.append(0..<1500)
        test.files.state.withLock { $0.capacity = 5 << 20 }
        #expect(throws: StoreError.self) { try test.store.copy(to: "/copies/three") }
        #expect((try? test.files.list("/copies/three")) ?? [] == [])
        #expect(try Rows.present(test.store) == Array(0..<1500))
    }
}
