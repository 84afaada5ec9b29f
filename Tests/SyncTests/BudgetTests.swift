// SPDX-License-Identifier: Apache-2.0
//
// A destination within its budget: what goes over the wire, what waits, and what a restart knows of it.

import Config
import HTTPClient
import Platform
import Samples
import StateStore
import TestServer
import Testing

@testable import Sync

struct BudgetTests {
    private let bench: Bench

    init() throws {
        bench = try Bench()
    }

    private func configure(_ service: SyncService, _ url: String, perDay: Int?) {
        var config = Bench.destination(url, samplesPerRequest: 20_000)
        config.budget.perDay = perDay
        service.configure([config], externalLabels: Labels(), sync: Bench.sync(samplesPerRequest: 20_000))
    }

    private var wire: Double {
        ["sent", "received"].reduce(0) {
            $0 + (bench.counter("edgewatch_sync_wire_bytes_total", ["direction": $1]) ?? 0)
        }
    }

    private var throttled: Double { bench.counter("edgewatch_sync_throttled_seconds_total") ?? 0 }

    /// A batch larger than the day's budget is divided, the day is not exceeded, a restart does not make it anew, and
    /// without the budget everything arrives, once.
    @Test func aDayIsKeptOverARestart() async throws {
        bench.log.append(rows: 200, series: 100)
        let receiver = try Receiver { _ in .store }
        defer { receiver.stop() }
        let url = receiver.server.url("/w")
        let bench = bench
        let first = bench.service()
        configure(first, url, perDay: 64 << 10)
        try await bench.run(first) { throttled > 0 }
        let stored = receiver.stored.count
        let spent = wire
        #expect(stored > 100 && stored < 20_000)
        #expect(spent > 8_000 && spent <= 65_536)
        #expect(first.status().first?.lastError == "the budget of bytes is spent; samples are kept")
        let usable = try #require(bench.counter("edgewatch_sync_budget_spent_bytes", ["window": "day"]))
        #expect(usable >= spent && usable <= 49_152)
        #expect(bench.counter("edgewatch_sync_budget_limit_bytes", ["window": "day"]) == 65_536)

        // A restart, as after a kill: what is spent stays spent.
        let before = throttled
        let second = bench.service(seed: 2)
        configure(second, url, perDay: 64 << 10)
        try await bench.run(second) { throttled >= before + 60 }
        #expect(wire <= 65_536)
        #expect(receiver.stored.count - stored < 20_000 - stored)

        let third = bench.service(seed: 3)
        configure(third, url, perDay: nil)
        let wanted = bench.log.contents
        try await bench.run(third) { Set(receiver.stored) == wanted }
        for reason in ["rejected", "too_large", "out_of_order"] {
            #expect((bench.counter("edgewatch_sync_dropped_samples_total", ["reason": reason]) ?? 0) == 0)
        }
    }

    @Test func whatABodyIsThoughtToCost() {
        var estimate = CostEstimate()
        #expect(estimate.cost(of: 0) == 4096)
        #expect(estimate.cost(of: 100_000) == 108_000 + 4096)
        // A lossy link; small bodies say nothing.
        estimate.learn(100, wire: 5_000)
        estimate.learn(100_000, wire: 140_000)
        #expect(abs(estimate.part - 0.44) < 1e-9)
        for _ in 0..<31 { estimate.learn(100_000, wire: 104_000) }
        #expect(abs(estimate.part - 0.44) < 1e-9)
        estimate.learn(100_000, wire: 104_000)
        #expect(estimate.part == CostEstimate.least)
        estimate.learn(10_000, wire: 10_000_000)
        #expect(estimate.part == CostEstimate.most)
        #expect(estimate.cost(of: .max) > 0)
    }
}
