// SPDX-License-Identifier: Apache-2.0
//
// A state store that can end at any put: a kill keeps what was committed, a power cut goes back to what was durable.

import Samples
import StateStore
import Synchronization

@testable import Sync

final class SimulatedState: StateKeeping {
    private struct State {
        var committed: [String: [UInt8]] = [:]
        var durable: [String: [UInt8]] = [:]
        var putsLeft: Int?
        var keepsLast = false
        var isDead = false
        var forgetsRecipes = false
    }

    private let state = Mutex(State())

    /// Ends with a put: before it or just after it.
    func die(afterPuts puts: Int, keepsLast: Bool) {
        state.withLock { ($0.putsLeft, $0.keepsLast) = (puts, keepsLast) }
    }

    /// Ends at once.
    func die() { state.withLock { $0.isDead = true } }

    /// What a next process finds.
    func revive(afterPowerCut: Bool) {
        state.withLock { state in
            if afterPowerCut { state.committed = state.durable }
            (state.putsLeft, state.isDead) = (nil, false)
        }
    }

    /// Records lose their recipes when they are read: as if only a position were kept.
    func forgetRecipes() { state.withLock { $0.forgetsRecipes = true } }

    var isDead: Bool { state.withLock { $0.isDead } }

    func committed(_ key: String) -> StreamRecord? {
        state.withLock { $0.committed[StreamRecord.table + "/" + key] }.flatMap { StreamRecord($0) }
    }

    func get(_ table: String, _ key: String) throws(StateStoreError) -> [UInt8]? {
        let (bytes, forgets) = state.withLock { ($0.committed[table + "/" + key], $0.forgetsRecipes) }
        guard forgets, let bytes, let record = StreamRecord(bytes) else { return bytes }
        var bare = StreamRecord(from: .init(sequence: record.position))
        bare.boot = record.boot
        return bare.bytes
    }

    func apply(_ changes: [StateChange], isDurable: Bool) throws(StateStoreError) {
        state.withLock { state in
            guard !state.isDead else { return }
            if let left = state.putsLeft {
                state.putsLeft = left - 1
                if left == 0 {
                    state.isDead = true
                    guard state.keepsLast else { return }
                }
            }
            for change in changes { state.committed[change.table + "/" + change.key] = change.value }
            if isDurable { state.durable = state.committed }
        }
    }
}
