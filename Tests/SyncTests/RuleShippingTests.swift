// SPDX-License-Identifier: Apache-2.0
//
// The whole service with rules: every destination gets what its rules select, each sample once, and nothing else.

import Config
import Foundation
import Samples
import StateStore
import TestServer
import Testing

@testable import Sync

@Suite struct RuleShippingTests {
    private let bench: Bench

    init() throws {
        bench = try Bench()
    }

    private func rule(_ selectors: String..., to destinations: [String] = []) throws -> SyncRuleConfig {
        var rule = SyncRuleConfig(
            name: selectors.joined(),
            selectors: try selectors.map { try SyncSelector(parsing: $0) }
        )
        rule.destinations = destinations
        return rule
    }

    private func append(rows: Range<Int>) {
        for row in rows {
            let names = [
                "ALERTS{severity=\"critical\"}", "ALERTS_FOR_STATE{}", "temp{importance=\"high\"}",
                "temp{importance=\"low\"}", "rpm{importance=\"low\"}",
            ]
            bench.log.append(
                MemoryLog.Row(
                    timestamp: 1_700_000_000_000 + Int64(row) * 1000,
                    samples: names.enumerated().map { index, text in
                        let parts = text.split(separator: "{")
                        var labels = Labels().setting("__name__", String(parts[0]))
                        let pair = parts[1].split(separator: "\"")
                        if pair.count > 1 {
                            labels = labels.setting(String(pair[0].dropLast()), String(pair[1]))
                        }
                        return (labels, Double(row * 10 + index))
                    }
                )
            )
        }
    }

    @Test func destinationsGetWhatTheirRulesSelect() async throws {
        append(rows: 0..<57)
        let receivers = try (0..<4).map { _ in try Receiver { _ in .store } }
        defer { for receiver in receivers { receiver.stop() } }
        let names = ["alerts", "plant", "logs", "all"]
        var sync = Bench.sync(samplesPerRequest: 20)
        sync.rules = [
            try rule("alerts", to: ["alerts", "plant"]),
            try rule("metrics{importance='high'}", "rpm", to: ["plant"]),
            try rule("logs{level='error'}", to: ["logs"]),
        ]
        let service = bench.service()
        service.configure(
            zip(names, receivers).map { Bench.destination($1.server.url("/w"), name: $0) },
            externalLabels: Labels(),
            sync: sync
        )
        let (bench, end) = (bench, bench.log.end.sequence)
        try await bench.run(service) { try names.allSatisfy { try bench.savedCursor($0) == end } }
        let contents = bench.log.contents
        func wanted(_ names: Set<String>) -> Set<Received> {
            contents.filter {
                names.contains($0.labels.metricName ?? "")
                    || names.contains("high") && $0.labels["importance"] == "high"
            }
        }
        for (receiver, expected) in zip(
            receivers,
            [
                wanted(["ALERTS", "ALERTS_FOR_STATE"]),
                wanted(["ALERTS", "ALERTS_FOR_STATE", "rpm", "high"]),
                // A rule that finds nothing here ships nothing, and not everything.
                [], contents,
            ]
        ) {
            #expect(receiver.failures.isEmpty)
            #expect(Set(receiver.stored) == expected && receiver.stored.count == expected.count)
        }
        #expect(wanted(["rpm", "high"]).count == 114)
        for (destination, rule, count) in [
            ("alerts", "alerts", 2), ("plant", "alerts", 2), ("plant", "metrics{importance='high'}rpm", 2),
        ] {
            let labels = ["destination": destination, "rule": rule]
            #expect(bench.counter("edgewatch_sync_rule_series", labels) == Double(count))
        }
        #expect(bench.counter("edgewatch_sync_rule_series", ["destination": "all"]) == nil)
        // What no rule selects is no loss.
        #expect(bench.counter("edgewatch_sync_dropped_samples_total", ["destination": "plant"]) ?? 0 == 0)
    }

    /// A changed rule holds from where the destination is; nothing is sent again.
    @Test func rulesChange() async throws {
        let receiver = try Receiver { _ in .store }
        defer { receiver.stop() }
        let bench = bench
        let service = bench.service()
        let destination = Bench.destination(receiver.server.url("/w"))
        func ship(_ rules: [SyncRuleConfig]) async throws {
            var sync = Bench.sync()
            sync.rules = rules
            service.configure([destination], externalLabels: Labels(), sync: sync)
            let end = bench.log.end.sequence
            try await eventually { try bench.savedCursor() == end }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            append(rows: 0..<30)
            try await ship([try rule("rpm")])
            append(rows: 30..<60)
            try await ship([try rule("alerts")])
            append(rows: 60..<90)
            try await ship([])
            group.cancelAll()
        }
        let names = receiver.stored.reduce(into: [String: Int]()) {
            $0[$1.labels.metricName ?? "", default: 0] += 1
        }
        // Which rule held for rows that came while it was changed is not defined; for the first ones it is.
        let first = receiver.stored.filter { $0.timestamp < 1_700_000_030_000 }
        #expect(Set(first.compactMap(\.labels.metricName)) == ["rpm"] && first.count == 30)
        #expect(Set(receiver.stored).count == receiver.stored.count)
        let last = receiver.stored.filter { $0.timestamp >= 1_700_000_060_000 }
        #expect((names["rpm"] ?? 0) >= 30 && (names["ALERTS"] ?? 0) == (names["ALERTS_FOR_STATE"] ?? 1))
        #expect(last.count == Set(last).count)
    }
}
