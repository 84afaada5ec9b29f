// SPDX-License-Identifier: Apache-2.0
//
// What all queries of an engine hold together. `--query.max-samples` bounds one query; twenty of them, and answers on their
// way to slow clients, would still be more than a gateway has. So what a query holds beyond a small allowance comes out of
// one common bound, and an answer keeps its part until it has been sent.
//
// Who finds the bound reached is refused at once and may come again; small queries never are, since they stay within
// their allowance.

internal import Synchronization

/// Samples held by the queries of an engine.
final class QueryMemory: Sendable {
    /// Samples a query may hold without asking, 1 MiB: enough for rules, and times the queries at once still little.
    static let allowance = 64 << 10

    private let limit: Int
    private let used = Atomic(0)

    init(limit: Int) {
        self.limit = limit
    }

    /// Takes so many samples; false when they are not to be had.
    func take(_ count: Int) -> Bool {
        guard used.add(count, ordering: .relaxed).newValue <= limit else {
            used.subtract(count, ordering: .relaxed)
            return false
        }
        return true
    }

    func giveBack(_ count: Int) {
        used.subtract(count, ordering: .relaxed)
    }

    /// Samples taken.
    var count: Int { used.load(ordering: .relaxed) }
}

/// An answer's part of the memory of all queries, until the last reference to it goes.
public final class QueryMemoryLease: Sendable {
    private let memory: QueryMemory
    private let count: Int

    init(_ memory: QueryMemory, _ count: Int) {
        self.memory = memory
        self.count = count
    }

    deinit {
        memory.giveBack(count)
    }
}
