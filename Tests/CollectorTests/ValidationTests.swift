// SPDX-License-Identifier: Apache-2.0
//
// What the rules of a source let through, and what is left in the store of what they do not.

import Bytes
import Config
import Platform
import Samples
import Synchronization
import Testing
import Wire

@testable import Collector

private let start: Int64 = 1_700_000_000_000

private func rule(_ metric: String, _ change: (inout ValidationConfig) -> Void) throws -> ValidationConfig {
    var rule = ValidationConfig(metric: try Pattern(metric))
    change(&rule)
    return rule
}

struct ValidatingSinkTests {
    private let store = PushedStore()
    private let telemetry = Telemetry()

    /// Appends values of one series, a second apart, and returns what is stored.
    private func run(_ rule: ValidationConfig, _ values: [Double], name: String = "m") throws -> [String] {
        let sink = ValidatingSink(store, [rule], source: "s", telemetry: telemetry)
        let group = try sink.group(Labels([("job", "j")]))
        let id = try sink.series(Labels([("__name__", name), ("job", "j")]), in: group)
        for (second, value) in values.enumerated() {
            var batch = SampleBatch(
                group: group,
                timestamp: Timestamp(milliseconds: start + Int64(second) * 1000)
            )
            batch.acceptsOld = true
            batch.append(id, value)
            batch.append(id, start: Timestamp(milliseconds: start - 1000))
            _ = try sink.append(batch)
        }
        sink.release([id])
        sink.release(group)
        #expect(store.used == [])
        return lines()
    }

    /// What is stored as `name{quality} second value`, by time.
    private func lines() -> [String] {
        store.state.withLock { state in
            state.samples.flatMap { id, samples in
                samples.map { time, bits in
                    let labels = state.series[Int(id.rawValue)]
                    let value =
                        bits == StaleMarker.bits ? "stale" : PromNumber.format(Double(bitPattern: bits))
                    return "\((time - start) / 1000) \(labels["quality"] ?? "ok") \(value)"
                }
            }.sorted()
        }
    }

    private func rejected(_ reason: String) -> Double? {
        telemetry.families().first { $0.name == "edgewatch_validation_rejected_total" }?
            .samples.first { $0.labels.contains { $0.value == reason } }?.value
    }

    @Test func theFirstValueOutOfRangeEndsTheSeries() throws {
        let rule = try rule("m") { ($0.min, $0.max) = (0, 100) }
        #expect(
            try run(rule, [0, 100, 101, -1, .infinity, 50, .nan])
                == ["0 ok 0", "1 ok 100", "2 ok stale", "5 ok 50", "6 ok NaN"]
        )
        #expect(rejected("range") == 3 && rejected("rate") == 0)
    }

    @Test func aSeriesThatNeverWasGoodHasNoEnd() throws {
        #expect(try run(rule("m") { $0.max = 1 }, [5, 6, 1]) == ["2 ok 1"])
    }

    @Test func markedValuesAreKeptBeside() throws {
        let rule = try rule("m") { ($0.max, $0.stuckFor, $0.action) = (10, .seconds(2), .mark) }
        #expect(
            try run(rule, [1, 11, 12, 3, 3, 3, 13, 4]) == [
                "0 ok 1", "1 ok stale", "1 range 11", "2 range 12", "3 ok 3", "3 range stale", "4 ok 3",
                "5 ok stale", "5 stuck 3", "6 range 13", "6 stuck stale", "7 ok 4", "7 range stale",
            ]
        )
        #expect(rejected("range") == 3 && rejected("stuck") == 1)
    }

    @Test func aStepIsBelievedWhenItLasts() throws {
        let rule = try rule("m") { $0.maxChangePerSecond = 10 }
        // 25 more than the last good value is too far for two seconds and near enough for three.
        #expect(
            try run(rule, [0, 10, 35, 35, 35, 0]) == [
                "0 ok 0", "1 ok 10", "2 ok stale", "4 ok 35", "5 ok stale",
            ]
        )
        #expect(rejected("rate") == 3)
    }

    /// Nothing comes near infinity again, and whatever follows NaN is measured by the number before it.
    @Test func onlyNumbersAreWhatTheNextIsMeasuredBy() throws {
        let rule = try rule("m") { $0.maxChangePerSecond = 10 }
        #expect(
            try run(rule, [.infinity, 5, .nan, 1e9, 6]) == [
                "0 ok +Inf", "1 ok 5", "2 ok NaN", "3 ok stale", "4 ok 6",
            ]
        )
    }

    /// A source may claim any time.
    @Test func timesAtBothEndsAreJudged() throws {
        let all = try rule("m") { ($0.maxChangePerSecond, $0.stuckFor) = (1, .seconds(1)) }
        var state = SeriesState()
        #expect(state.judge(1, at: .min, all, isCounter: false) == .accepted(1))
        #expect(state.judge(2, at: .max, all, isCounter: false) == .accepted(2))
        state = SeriesState()
        #expect(state.judge(1, at: .min, all, isCounter: false) == .accepted(1))
        #expect(state.judge(1, at: .max, all, isCounter: false) == .rejected(.stuck, 1))
    }

    @Test(arguments: ["up", "scrape_samples_scraped", "scrape_timeout_seconds"])
    func whatASourceSaysOfItselfIsNotJudged(_ name: String) throws {
        let rule = try rule(".*") { ($0.scale, $0.stuckFor) = (100, .seconds(1)) }
        #expect(try run(rule, [1, 1, 1], name: name) == ["0 ok 1", "1 ok 1", "2 ok 1"])
        #expect(try run(rule, [1], name: "m").contains("0 ok 100"))
    }

    @Test func countersMayBeginAnew() throws {
        let rule = try rule(".*") { $0.maxChangePerSecond = 10 }
        #expect(try run(rule, [100, 0, 5], name: "m_total") == ["0 ok 100", "1 ok 0", "2 ok 5"])
    }

    @Test func scalingComesFirst() throws {
        let rule = try rule("m") { ($0.scale, $0.offset, $0.max) = (0.1, -5, 4) }
        #expect(try run(rule, [50, 90, 91]) == ["0 ok 0", "1 ok 4", "2 ok stale"])
    }

    @Test func aStaleMarkerBeginsAnew() throws {
        let rule = try rule("m") { ($0.maxChangePerSecond, $0.stuckFor) = (1, .seconds(1)) }
        #expect(try run(rule, [1, StaleMarker.value, 100]) == ["0 ok 1", "1 ok stale", "2 ok 100"])
    }

    @Test func othersGoThroughUntouched() throws {
        let rule = try rule("m") { rule in
            rule.max = 1
            rule.matchers = [try? LabelMatcher("unit", .matches, "3|4")].compactMap { $0 }
        }
        let sink = ValidatingSink(store, [rule], source: "s", telemetry: telemetry)
        let group = try sink.group(Labels([("job", "j")]))
        var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: start))
        batch.acceptsOld = true
        for unit in ["3", "34", "5"] {
            batch.append(try sink.series(Labels([("__name__", "m"), ("unit", unit)]), in: group), 2)
        }
        let result = try sink.append(batch)
        #expect(result.appended == 2 && result.invalid == 1)
        #expect(try sink.append(batch).invalid == 1)
        #expect(store.lines == [#"m{unit="34"} \#(start) 2"#, #"m{unit="5"} \#(start) 2"#])
    }
}

struct PushValidationTests {
    @Test func aPushIsToldWhatWasRejected() throws {
        let store = PushedStore()
        var config = PushConfig()
        config.validation = [try rule("t") { $0.max = 100 }]
        let receiver = PushReceiver(
            PushReceiver.Options(groupLabels: ["job"], maxSeries: 100),
            limits: config,
            sink: store,
            clock: ManualClock(wallMilliseconds: start + 60_000),
            telemetry: Telemetry()
        )
        let text = "t{a=\"1\"} 5 \(start)\nt{a=\"2\"} 500 \(start)\nu 500 \(start)\n"
        for _ in 0..<2 {
            let report = receiver.importText(Array(text.utf8).span, .identity, ImportOptions())
            #expect(report.samples == 2 && report.refused == 1)
            #expect(report.reasons == ["rejected by push.validation: 1 sample at \(start)"])
        }
        #expect(store.lines == [#"t{a="1"} \#(start) 5"#, "u \(start) 500"])
    }
}
