// SPDX-License-Identifier: Apache-2.0
//
// The admin API, pages of rule groups, and the small endpoints of status and targets.

import Config
import Foundation
import Platform
import Samples
import Synchronization
import Testing

@testable import Alerts
@testable import HTTPAPI

/// Notes what it is asked to do.
private final class ScriptedAdministration: StoreAdministration {
    let calls = Mutex<[String]>([])
    let failure: AdministrationError?

    init(_ failure: AdministrationError? = nil) {
        self.failure = failure
    }

    private func note(_ call: String) throws(AdministrationError) {
        calls.withLock { $0.append(call) }
        if let failure { throw failure }
    }

    func deleteSeries(
        _ matcherSets: [[LabelMatcher]],
        from: Timestamp,
        through: Timestamp
    ) async throws(AdministrationError) {
        let sets = matcherSets.map { $0.map(\.description).joined(separator: ",") }
        try note("delete \(sets) \(from.milliseconds) \(through.milliseconds)")
    }

    func cleanTombstones() async throws(AdministrationError) { try note("clean") }

    func snapshot(skipsHead: Bool) async throws(AdministrationError) -> String {
        try note("snapshot \(skipsHead)")
        return "20231114T221420Z-1"
    }
}

struct AdministrationTests {
    private func success(_ data: String) -> String { "{\"status\":\"success\",\"data\":\(data)}" }

    private func failure(_ type: String, _ words: String) -> String {
        "{\"status\":\"error\",\"errorType\":\"\(type)\",\"error\":\"\(words)\"}"
    }

    @Test func disabled() async throws {
        try await withServer { (client: RawClient) async throws in
            for path in ["delete_series?match[]=up", "clean_tombstones", "snapshot"] {
                let target = "/api/v1/admin/tsdb/\(path)"
                let response = try await client.send("POST", target)
                #expect(response.status == 500)
                #expect(response.text == failure("unavailable", "admin APIs disabled"))
                #expect(try await client.get(target).status == 405)
            }
        }
    }

    @Test func enabled() async throws {
        let admin = ScriptedAdministration()
        var services = sampleServices()
        services.admin = admin
        try await withServer(services) { (client: RawClient) async throws in
            func send(_ path: String) async throws -> RawResponse {
                try await client.send("PUT", "/api/v1/admin/tsdb/\(path)")
            }
            let deleted = try await client.post(
                "/api/v1/admin/tsdb/delete_series",
                form: "match[]=up{a='b'}&match[]=load&start=1&end=2.5"
            )
            #expect(deleted.status == 204 && deleted.body.isEmpty)
            #expect(try await send("delete_series?match[]=up").status == 204)
            #expect(try await send("clean_tombstones").status == 204)
            #expect(try await send("snapshot").text == success(#"{"name":"20231114T221420Z-1"}"#))
            #expect(try await send("snapshot?skip_head=true").status == 200)
            #expect(
                try await send("delete_series").text == failure("bad_data", "no match[] parameter provided")
            )
            #expect(try await send("snapshot?skip_head=x").status == 400)
            #expect(try await send("delete_series?match[]=%7Ba=~%22.*%22%7D").status == 400)
        }
        #expect(
            admin.calls.withLock { $0 } == [
                #"delete ["a=\"b\",__name__=\"up\"", "__name__=\"load\""] 1000 2500"#,
                #"delete ["__name__=\"up\""] -8640000000000000 8640000000000000"#, "clean", "snapshot false",
                "snapshot true",
            ]
        )
    }

    @Test func failures() async throws {
        var services = sampleServices()
        services.admin = ScriptedAdministration(AdministrationError("no space"))
        try await withServer(services) { (client: RawClient) async throws in
            let response = try await client.send("POST", "/api/v1/admin/tsdb/snapshot")
            #expect(response.status == 500)
            #expect(response.text == failure("internal", "create snapshot: no space"))
        }
    }

    // MARK: - Pages of rule groups

    private func group(_ name: String) -> RuleGroupStatus {
        let rule = RuleStatus(
            kind: .recording,
            judgement: .expression,
            name: "r:\(name)",
            query: "1",
            labels: pairs([]),
            annotations: pairs([]),
            duration: .zero,
            keepFiringFor: .zero,
            health: .ok,
            lastError: nil,
            evaluationTime: .zero,
            lastEvaluation: nil,
            alerts: []
        )
        return RuleGroupStatus(
            name: name,
            file: "f.yml",
            interval: .seconds(1),
            limit: 0,
            rules: [rule],
            evaluationTime: .zero,
            lastEvaluation: nil
        )
    }

    @Test func pages() async throws {
        var services = sampleServices()
        let groups = ["a", "b", "c"].map(group)
        services.rules = { groups }
        // printf 'f.yml;b' | sha256sum, and c.
        let tokenB = "31f7cd0b6f7600f8f08d03ad08c308fe919718edaed0b3a77dfcb6b872ffb083"
        let tokenC = "bd716682d6fe6e24d7ef0157ab858df2a918ffc245d447276280f8186c97f309"
        try await withServer(services) { (client: RawClient) async throws in
            func rules(_ query: String) async throws -> (names: [String], next: String?) {
                let text = try await client.get("/api/v1/rules?\(query)").text
                let names = ["a", "b", "c"].filter { text.contains(#"{"name":"\#($0)","file""#) }
                let tail = text.components(separatedBy: #"],"groupNextToken":""#)
                return (names, tail.count > 1 ? String(tail[1].prefix { $0 != "\"" }) : nil)
            }
            #expect(try await rules("group_limit=1") == (["a"], tokenB))
            #expect(try await rules("group_limit=1&group_next_token=\(tokenB)") == (["b"], tokenC))
            #expect(try await rules("group_limit=2&group_next_token=\(tokenB)") == (["b", "c"], nil))
            #expect(try await rules("group_limit=3") == (["a", "b", "c"], nil))
            // The next page begins with a group that is shown.
            #expect(try await rules("group_limit=1&rule_group[]=a&rule_group[]=c") == (["a"], tokenC))
            for (query, words) in [
                (
                    "group_next_token=x",
                    #"invalid parameter \"group_next_token\": group_limit needs to be present in order to paginate over the groups"#
                ),
                (
                    "group_limit=1&group_next_token=x",
                    #"invalid parameter \"group_next_token\": invalid group_next_token 'x'. were rule groups changed?"#
                ),
                (
                    "group_limit=0",
                    #"invalid parameter \"group_limit\": group_limit needs to be greater than 0"#
                ),
                (
                    "group_limit=x",
                    #"invalid parameter \"group_limit\": group_limit needs to be a valid number: strconv.ParseInt: parsing \"x\": invalid syntax"#
                ),
            ] {
                let response = try await client.get("/api/v1/rules?\(query)")
                #expect(response.status == 400 && response.text == failure("bad_data", words))
            }
        }
    }

    // MARK: - Small answers

    @Test func notificationsFeaturesAndReplay() async throws {
        var services = sampleServices()
        services.configuration = {
            ConfigurationView(isLoaded: false, loadedAt: Timestamp(milliseconds: 1_700_000_000_000))
        }
        services.isReady = { false }
        try await withServer(services) { (client: RawClient) async throws in
            #expect(
                try await client.get("/api/v1/notifications").text
                    == success(
                        #"[{"text":"Configuration reload has failed.","date":"2023-11-14T22:13:20Z","active":true}]"#
                    )
            )
            #expect(try await client.get("/api/v1/notifications/live").status == 204)
            #expect(
                try await client.get("/api/v1/status/walreplay").text
                    == success(#"{"min":0,"max":0,"current":0,"state":"in progress"}"#)
            )
        }
        try await withServer { (client: RawClient) async throws in
            #expect(try await client.get("/api/v1/notifications").text == success("[]"))
            #expect(
                try await client.get("/api/v1/status/walreplay").text
                    == success(#"{"min":0,"max":0,"current":0,"state":"done"}"#)
            )
            #expect(try await client.get("/api/v1/status/tsdb/blocks").text == success(#"{"blocks":[]}"#))
            let features = try await client.get("/api/v1/features").text
            #expect(
                features.hasPrefix(
                    #"{"status":"success","data":{"api":{"admin":false,"exclude_alerts":true,"#
                )
            )
        }
    }

    @Test func selfMetrics() async throws {
        let services = sampleServices()
        services.telemetry.counter("x_total", "Of <x>.", [("kind", "a")]).add(3)
        services.telemetry.gauge("x_level", "Level.").set(.infinity)
        try await withServer(services) { (client: RawClient) async throws in
            let text = try await client.get("/api/v1/status/self_metrics?metric_name_pattern=x_.*").text
            #expect(
                text
                    == success(
                        #"[{"name":"x_level","help":"Level.","type":"GAUGE","metric":[{"gauge":{"value":"Infinity"}}]},"#
                            + #"{"name":"x_total","help":"Of \u003cx\u003e.","type":"COUNTER","metric":["#
                            + #"{"label":[{"name":"kind","value":"a"}],"counter":{"value":3}}]}]"#
                    )
            )
            #expect(try await client.get("/api/v1/status/self_metrics?metric_name_pattern=(").status == 400)
        }
    }

    @Test func targetDetails() async throws {
        var services = sampleServices()
        services.targets = {
            [
                TargetView(labels: pairs([("cpu", "0")]), scrapePool: "p", scrapeURL: "http://p/metrics"),
                TargetView(labels: pairs([("cpu", "9")]), scrapePool: "p", scrapeURL: "http://q/metrics"),
            ]
        }
        var job = ScrapeConfig(jobName: "p")
        var replace = try RelabelConfig(regex: "(.*):.*")
        replace.sourceLabels = ["__address__"]
        replace.targetLabel = "host"
        var drop = try RelabelConfig(action: .drop, regex: "b")
        drop.sourceLabels = ["host"]
        job.relabelConfigs = [replace, drop]
        let jobs = [job]
        services.scrapeConfigs = { jobs }
        services.jobYAML = { $0 == "p" ? "job_name: p\nscheme: https\n" : nil }
        try await withServer(services) { (client: RawClient) async throws in
            #expect(
                try await client.get("/api/v1/targets/metadata").text
                    == success(
                        #"[{"target":{"cpu":"0"},"metric":"cpu_seconds_total","type":"counter","#
                            + #""help":"Seconds \u003cper\u003e mode.","unit":""}]"#
                    )
            )
            let none = try await client.get("/api/v1/targets/metadata?match_target=%7Bcpu=%229%22%7D")
            #expect(none.status == 200 && none.text == success("[]"))
            let labels = "%7B%22__address__%22:%22b:1%22%7D"
            #expect(
                try await client.get("/api/v1/targets/relabel_steps?scrapePool=p&labels=\(labels)").text
                    == success(
                        #"{"steps":[{"rule":{"sourceLabels":["__address__"],"separator":";","regex":"(.*):.*","#
                            + #""targetLabel":"host","replacement":"$1","action":"replace"},"#
                            + #""output":{"__address__":"b:1","host":"b"},"keep":true},"#
                            + #"{"rule":{"sourceLabels":["host"],"separator":";","regex":"b","replacement":"$1","#
                            + #""action":"drop"},"output":{},"keep":false}]}"#
                    )
            )
            #expect(
                try await client.get("/api/v1/scrape_pools/config?scrapePool=p").text
                    == success(#"{"yaml":"job_name: p\nscheme: https\n"}"#)
            )
            #expect(try await client.get("/api/v1/scrape_pools/config?scrapePool=x").status == 404)
            #expect(try await client.get("/api/v1/targets/relabel_steps").status == 400)
        }
    }
}
