// SPDX-License-Identifier: Apache-2.0
//
// Every endpoint over a real connection, its body byte for byte.

import Platform
import Samples
import Testing

@testable import Alerts
@testable import HTTPAPI

struct EndpointTests {
    private func success(_ data: String) -> String { "{\"status\":\"success\",\"data\":\(data)}" }

    private func failure(_ type: String, _ words: String) -> String {
        "{\"status\":\"error\",\"errorType\":\"\(type)\",\"error\":\"\(words)\"}"
    }

    // MARK: - Queries

    @Test(arguments: [
        ("query?query=sum(", #"invalid parameter \"query\": "#),
        (
            "query?query=up&time=x",
            #"invalid parameter \"time\": invalid time value for 'time': cannot parse \"x\" to a valid timestamp"#
        ),
        ("query?query=up&limit=-1", #"invalid parameter \"limit\": limit must be non-negative"#),
        (
            "query?query=up&timeout=x",
            #"invalid parameter \"timeout\": cannot parse \"x\" to a valid duration"#
        ),
        (
            "query?query=up&lookback_delta=x",
            #"error parsing lookback delta duration: cannot parse \"x\" to a valid duration"#
        ),
        ("query_range?query=up", #"invalid parameter \"start\": cannot parse \"\" to a valid timestamp"#),
        (
            "query_range?query=up&start=1",
            #"invalid parameter \"end\": cannot parse \"\" to a valid timestamp"#
        ),
        (
            "query_range?query=up&start=2&end=1&step=x",
            #"invalid parameter \"end\": end timestamp must not be before start time"#
        ),
        (
            "query_range?query=up&start=1&end=2",
            #"invalid parameter \"step\": cannot parse \"\" to a valid duration"#
        ),
        (
            "query_range?query=up&start=1&end=2&step=0",
            #"invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer"#
        ),
        (
            "query_range?query=up&start=0&end=11001&step=1&timeout=x",
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"
        ),
        (
            "query_range?query=up&start=0&end=11000&step=1&timeout=x",
            #"invalid parameter \"timeout\": cannot parse \"x\" to a valid duration"#
        ),
        (
            "query_range?query=up[5m]&start=0&end=1&step=1",
            #"invalid parameter \"query\": invalid expression type \"range vector\" for range query, must be Scalar or instant Vector"#
        ),
        ("series", "no match[] parameter provided"),
        (
            "series?match[]=up&limit=x",
            #"invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax"#
        ),
        (
            "series?match[]=up&start=x",
            #"invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\" to a valid timestamp"#
        ),
        (
            "series?match[]={a=~\".*\"}",
            #"invalid parameter \"match[]\": match[] must contain at least one non-empty matcher"#
        ),
        ("series?match[]=up&x=%zz", "error parsing form values: invalid URL escape"),
        ("labels?match[]=1", #"invalid parameter \"match[]\": "#),
        ("label/%ff/values", #"invalid label name: \"\#u{fffd}\""#),
        ("metadata?limit=x", "limit must be a number"),
        ("rules?type=x", #"invalid parameter \"type\": not supported value \"x\""#),
        ("status/tsdb?limit=0", "limit must be a positive number"),
        (
            "query_exemplars?query=up&start=2&end=1",
            "end timestamp must not be before start timestamp"
        ),
        ("query_exemplars?query=sum(&start=1&end=2", #"invalid parameter \"query\": "#),
        ("format_query?query=sum(", #"invalid parameter \"query\": "#),
    ])
    func refuses(_ target: String, _ words: String) async throws {
        try await withServer { (client: RawClient) async throws in
            let response = try await client.get("/api/v1/" + target.replacing("\"", with: "%22"))
            #expect(response.status == 400)
            #expect(response.headers["content-type"] == "application/json")
            let start = "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"" + words
            #expect(response.text.hasPrefix(start), "\(response.text)")
            #expect(response.text.hasSuffix("\"}"))
        }
    }

    @Test func exemplarsAreNone() async throws {
        try await withServer { (client: RawClient) async throws in
            let response = try await client.get("/api/v1/query_exemplars?query=up&start=1&end=2")
            #expect(response.status == 200)
            #expect(response.text == success("[]"))
        }
    }

    @Test func exemplarsAreThoseOfTheSelectors() async throws {
        var services = sampleServices()
        services.exemplars = SomeExemplars()
        try await withServer(services) { (client: RawClient) async throws in
            let query = "rate(a[5m])/b".replacing("[", with: "%5B").replacing("]", with: "%5D")
            let response = try await client.get("/api/v1/query_exemplars?query=\(query)&start=1&end=2.5")
            #expect(response.status == 200)
            #expect(
                response.text
                    == success(
                        #"[{"seriesLabels":{"__name__":"a","__name__2":"b","from":"1000","through":"2500"},"#
                            + #""exemplars":[{"labels":{"trace_id":"t"},"value":"0.25","timestamp":1.500}]}]"#
                    )
            )
        }
    }

    @Test func exemplarsOfNoSelectorAreNoContent() async throws {
        var services = sampleServices()
        services.exemplars = SomeExemplars()
        try await withServer(services) { (client: RawClient) async throws in
            let response = try await client.get("/api/v1/query_exemplars?query=1&start=1&end=2")
            #expect(response.status == 204 && response.text.isEmpty)
        }
    }

    // MARK: - Look-ups

    @Test func series() async throws {
        try await withServer { (client: RawClient) async throws in
            let both = try await client.get(
                "/api/v1/series?match[]=load&match[]={cpu=\"1\"}".replacing("\"", with: "%22")
            )
            #expect(
                both.text
                    == success(
                        #"[{"__name__":"cpu_seconds_total","cpu":"1","mode":"idle"},"#
                            + #"{"__name__":"load","note":"a \"b\" <c> & d\n"}]"#
                    )
            )
            let posted = try await client.post(
                "/api/v1/series",
                form: "match%5B%5D=load&match[]=%7Bcpu=%221%22%7D"
            )
            #expect(posted.text == both.text)
            let limited = try await client.get("/api/v1/series?match[]=cpu_seconds_total&limit=1")
            #expect(
                limited.text
                    == #"{"status":"success","data":[{"__name__":"cpu_seconds_total","cpu":"0","mode":"idle"}],"#
                    + #""warnings":["results truncated due to limit"]}"#
            )
            #expect(try await client.get("/api/v1/series?match[]=load&end=1699999999").text == success("[]"))
        }
    }

    @Test func labels() async throws {
        try await withServer { (client: RawClient) async throws in
            #expect(
                try await client.get("/api/v1/labels").text == success(#"["__name__","cpu","mode","note"]"#)
            )
            #expect(
                try await client.post("/api/v1/labels", form: "match[]=load").text
                    == success(#"["__name__","note"]"#)
            )
            #expect(
                try await client.get("/api/v1/label/__name__/values").text
                    == success(#"["cpu_seconds_total","load"]"#)
            )
            #expect(try await client.get("/api/v1/label/mode/values").text == success(#"["idle","user"]"#))
            #expect(
                try await client.get("/api/v1/label/note/values").text
                    == success(##"["a \"b\" \u003cc\u003e \u0026 d\n"]"##)
            )
            #expect(
                try await client.get("/api/v1/label/mode/values?match[]=%7Bcpu=%221%22%7D&match[]=load").text
                    == success(#"["idle"]"#)
            )
            #expect(
                try await client.get("/api/v1/label/U__mo_64_e/values").text == success(#"["idle","user"]"#)
            )
            #expect(try await client.get("/api/v1/label/nosuch/values").text == success("[]"))
            #expect(try await client.get("/api/v1/label/a/b/values").status == 404)
            #expect(try await client.send("POST", "/api/v1/label/mode/values").status == 405)
        }
    }

    @Test func metadata() async throws {
        try await withServer { (client: RawClient) async throws in
            let all =
                #"{"cpu_seconds_total":[{"type":"counter","help":"Seconds \u003cper\u003e mode.","unit":""}],"#
                + #""load":[{"type":"gauge","help":"","unit":""}]}"#
            #expect(try await client.get("/api/v1/metadata").text == success(all))
            #expect(
                try await client.get("/api/v1/metadata?metric=load").text
                    == success(#"{"load":[{"type":"gauge","help":"","unit":""}]}"#)
            )
            #expect(try await client.get("/api/v1/metadata?limit=0").text == success("{}"))
        }
    }

    // MARK: - Rules

    private var group: RuleGroupStatus {
        let alert = AlertStatus(
            labels: pairs([("alertname", "Hot"), ("severity", "critical")]),
            annotations: pairs([("summary", "85 <°C>")]),
            state: .firing,
            activeAt: Timestamp(milliseconds: 1_700_000_000_500),
            keepFiringSince: nil,
            value: 85
        )
        let hot = RuleStatus(
            kind: .alerting,
            judgement: .expression,
            name: "Hot",
            query: "temp > 80",
            labels: pairs([("severity", "critical")]),
            annotations: pairs([("summary", "{{ $value }}")]),
            duration: .seconds(300),
            keepFiringFor: .zero,
            health: .ok,
            lastError: nil,
            evaluationTime: .microseconds(1500),
            lastEvaluation: Timestamp(milliseconds: 1_700_000_030_000),
            alerts: [alert]
        )
        let recorded = RuleStatus(
            kind: .recording,
            judgement: .expression,
            name: "a:b",
            query: "sum(up)",
            labels: pairs([]),
            annotations: pairs([]),
            duration: .zero,
            keepFiringFor: .zero,
            health: .err,
            lastError: "boom",
            evaluationTime: .zero,
            lastEvaluation: nil,
            alerts: []
        )
        return RuleGroupStatus(
            name: "node",
            file: "/etc/rules.yml",
            interval: .seconds(15),
            limit: 0,
            rules: [hot, recorded],
            evaluationTime: .milliseconds(2),
            lastEvaluation: Timestamp(milliseconds: 1_700_000_030_000)
        )
    }

    private let alertText =
        #"{"labels":{"alertname":"Hot","severity":"critical"},"annotations":{"summary":"85 <°C>"},"#
        + #""state":"firing","activeAt":"2023-11-14T22:13:20.5Z","value":"8.5e+01"}"#
    private let recordedText =
        #"{"name":"a:b","query":"sum(up)","health":"err","lastError":"boom","evaluationTime":0,"#
        + #""lastEvaluation":"0001-01-01T00:00:00Z","type":"recording"}"#

    private func alertRuleText(_ alerts: String) -> String {
        #"{"state":"firing","name":"Hot","query":"temp \u003e 80","duration":300,"keepFiringFor":0,"#
            + #""labels":{"severity":"critical"},"annotations":{"summary":"{{ $value }}"},"alerts":"# + alerts
            + #","health":"ok","evaluationTime":0.0015,"lastEvaluation":"2023-11-14T22:13:50Z","type":"alerting"}"#
    }

    private func groupText(_ rules: String) -> String {
        #"{"groups":[{"name":"node","file":"/etc/rules.yml","rules":["# + rules
            + #"],"interval":15,"limit":0,"evaluationTime":0.002,"lastEvaluation":"2023-11-14T22:13:50Z"}]}"#
    }

    @Test func rules() async throws {
        var services = sampleServices()
        let group = group
        services.rules = { [group] }
        services.alerts = { group.rules.flatMap(\.alerts) }
        services.alertmanagers = { ["http://am:9093/api/v2/alerts"] }
        let hot = alertRuleText("[\(alertText)]")
        try await withServer(services) { (client: RawClient) async throws in
            func rules(_ query: String) async throws -> String {
                try await client.get("/api/v1/rules\(query)").text
            }
            #expect(try await rules("") == success(groupText("\(hot),\(recordedText)")))
            #expect(try await rules("?type=alert") == success(groupText(hot)))
            #expect(try await rules("?type=record") == success(groupText(recordedText)))
            #expect(
                try await rules("?exclude_alerts=true&type=alert")
                    == success(groupText(alertRuleText("null")))
            )
            #expect(try await rules("?rule_name[]=nosuch") == success(#"{"groups":[]}"#))
            #expect(try await rules("?rule_group[]=node&rule_name[]=a:b") == success(groupText(recordedText)))
            #expect(try await rules("?file[]=other") == success(#"{"groups":[]}"#))
            #expect(try await rules("?match[]=%7Bseverity=%22critical%22%7D") == success(groupText(hot)))
            #expect(try await client.get("/api/v1/alerts").text == success("{\"alerts\":[\(alertText)]}"))
            #expect(
                try await client.get("/api/v1/alertmanagers").text
                    == success(
                        #"{"activeAlertmanagers":[{"url":"http://am:9093/api/v2/alerts"}],"droppedAlertmanagers":[]}"#
                    )
            )
        }
    }

    // MARK: - Targets

    @Test func targets() async throws {
        var services = sampleServices()
        var target = TargetView(
            labels: pairs([("instance", "plc:9100"), ("job", "plc")]),
            scrapePool: "plc",
            scrapeURL: "http://plc:9100/metrics"
        )
        target.discoveredLabels = pairs([("__address__", "plc:9100")])
        target.lastError = "connection refused"
        target.lastScrape = Timestamp(milliseconds: 1_700_000_000_000)
        target.lastScrapeDuration = .milliseconds(12)
        target.health = .down
        target.scrapeInterval = .seconds(90)
        let shown = target
        let gone = #"{"discoveredLabels":{"__address__":"old:1"},"scrapePool":"plc"}"#
        services.targets = { [shown] }
        services.droppedTargets = {
            [DroppedTargetView(discoveredLabels: pairs([("__address__", "old:1")]), scrapePool: "plc")]
        }
        let text =
            #"{"discoveredLabels":{"__address__":"plc:9100"},"labels":{"instance":"plc:9100","job":"plc"},"#
            + #""scrapePool":"plc","scrapeUrl":"http://plc:9100/metrics","globalUrl":"http://plc:9100/metrics","#
            + #""lastError":"connection refused","lastScrape":"2023-11-14T22:13:20Z","lastScrapeDuration":0.012,"#
            + #""health":"down","scrapeInterval":"1m30s","scrapeTimeout":"10s"}"#
        try await withServer(services) { (client: RawClient) async throws in
            #expect(
                try await client.get("/api/v1/targets").text
                    == success(
                        #"{"activeTargets":[\#(text)],"droppedTargets":[\#(gone)],"droppedTargetCounts":{"plc":1}}"#
                    )
            )
            #expect(
                try await client.get("/api/v1/targets?state=dropped").text
                    == success(
                        #"{"activeTargets":[],"droppedTargets":[\#(gone)],"droppedTargetCounts":{"plc":1}}"#
                    )
            )
            #expect(
                try await client.get("/api/v1/targets?state=active&scrapePool=other").text
                    == success(#"{"activeTargets":[],"droppedTargets":[],"droppedTargetCounts":null}"#)
            )
            #expect(try await client.get("/api/v1/scrape_pools").text == success(#"{"scrapePools":["plc"]}"#))
        }
        // Jobs without targets are there, and what is dropped is counted beyond what is shown.
        services.pools = { ["plc", "empty"] }
        services.droppedCounts = { [("plc", 2000), ("empty", 0)] }
        try await withServer(services) { (client: RawClient) async throws in
            #expect(
                try await client.get("/api/v1/scrape_pools").text
                    == success(#"{"scrapePools":["empty","plc"]}"#)
            )
            #expect(
                try await client.get("/api/v1/targets?state=dropped").text
                    == success(
                        #"{"activeTargets":[],"droppedTargets":[\#(gone)],"droppedTargetCounts":{"empty":0,"plc":2000}}"#
                    )
            )
            #expect(
                try await client.get("/api/v1/targets?state=dropped&scrapePool=empty").text
                    == success(
                        #"{"activeTargets":[],"droppedTargets":[],"droppedTargetCounts":{"empty":0}}"#
                    )
            )
        }
    }

    // MARK: - Status

    @Test func status() async throws {
        var services = sampleServices()
        services.configYAML = { "global: {}\n" }
        services.flags = [("web.listen-address", ":9090"), ("config.file", "a.yml")]
        try await withServer(services) { (client: RawClient) async throws in
            let build =
                #"{"version":"3.14.0","revision":"abc123","branch":"","buildUser":"","buildDate":"","goVersion":"","#
                + #""edgewatchVersion":"0.1.0"}"#
            #expect(try await client.get("/api/v1/status/buildinfo").text == success(build))
            #expect(try await client.get("/version").text == build)
            #expect(
                try await client.get("/api/v1/status/config").text == success(#"{"yaml":"global: {}\n"}"#)
            )
            #expect(
                try await client.get("/api/v1/status/flags").text
                    == success(#"{"config.file":"a.yml","web.listen-address":":9090"}"#)
            )
            let runtime = try await client.get("/api/v1/status/runtimeinfo").text
            #expect(
                runtime.hasPrefix(#"{"status":"success","data":{"startTime":"2023-11-14T22:13:20Z","CWD":"/"#)
            )
            #expect(
                runtime.contains(
                    #""hostname":"gw-17","serverTime":"2023-11-14T22:14:20Z","reloadConfigSuccess":true,"#
                        + #""lastConfigTime":"0001-01-01T00:00:00Z","corruptionCount":0,"goroutineCount":"#
                )
            )
            #expect(
                try await client.get("/api/v1/status/tsdb?limit=2").text
                    == success(
                        #"{"headStats":{"numSeries":4,"numLabelPairs":7,"chunkCount":0,"minTime":9223372036854775807,"#
                            + #""maxTime":-9223372036854775808},"seriesCountByMetricName":["#
                            + #"{"name":"cpu_seconds_total","value":3},{"name":"load","value":1}],"#
                            + #""labelValueCountByLabelName":[{"name":"__name__","value":2},{"name":"cpu","value":2}],"#
                            + #""memoryInBytesByLabelName":[{"name":"__name__","value":21},{"name":"note","value":14}],"#
                            + #""seriesCountByLabelValuePair":[{"name":"__name__=cpu_seconds_total","value":3},"#
                            + #"{"name":"cpu=0","value":2}]}"#
                    )
            )
        }
    }

    @Test func edgewatchStatus() async throws {
        var services = sampleServices()
        services.node.labels = pairs([("instance", "gw-17"), ("job", "node")])
        var sync = SyncView(name: "cloud", url: "https://x/write", state: "retrying")
        sync.backlogSeconds = 12.5
        sync.backlogRows = 7
        sync.lastSuccess = Timestamp(milliseconds: 1_700_000_000_000)
        sync.lastError = "no route"
        sync.sentSamples = 9
        sync.droppedSamples = 2
        sync.lostRows = 1
        let destination = sync
        services.sync = { [destination] }
        services.discovery = {
            var file = DiscoveryView(pool: "plc", mechanism: "file")
            file.targets = 12
            file.lastSuccess = Timestamp(milliseconds: 1_700_000_000_000)
            var dns = DiscoveryView(pool: "plc", mechanism: "dns")
            dns.lastError = "no server"
            return [file, dns]
        }
        services.droppedCounts = { [("plc", 3)] }
        services.devices = {
            var device = DeviceView(kind: "nut", name: "rack", address: "10.0.0.9:3493")
            device.health = .down
            device.lastError = "no route"
            device.lastRead = Timestamp(milliseconds: 1_700_000_000_000)
            return [device, DeviceView(kind: "disk", name: "sda", address: "/dev/sda")]
        }
        services.signals = {
            [
                SignalView(
                    name: "power_source",
                    value: .text("grid"),
                    unit: "",
                    age: .seconds(3),
                    quality: "good"
                ),
                SignalView(
                    name: "bandwidth",
                    value: .number(2.5e6),
                    unit: "bits per second",
                    age: .seconds(400),
                    quality: "stale"
                ),
            ]
        }
        try await withServer(services) { (client: RawClient) async throws in
            #expect(
                try await client.get("/api/v1/edgewatch/status").text
                    == success(
                        #"{"node":{"name":"gw-17","version":"0.1.0","revision":"abc123","#
                            + #""startTime":"2023-11-14T22:13:20Z","uptimeSeconds":60,"ready":true,"#
                            + #""collectIntervalSeconds":15,"labels":{"instance":"gw-17","job":"node"}},"#
                            + #""sync":[{"name":"cloud","url":"https://x/write","state":"retrying","backlogSeconds":12.5,"#
                            + #""backlogRows":7,"lastSuccess":"2023-11-14T22:13:20Z","lastError":"no route","#
                            + #""sentSamples":9,"droppedSamples":2,"lostRows":1}],"#
                            + #""discovery":[{"scrapePool":"plc","mechanism":"file","targets":12,"droppedTargets":3,"#
                            + #""lastSuccess":"2023-11-14T22:13:20Z","lastError":null},"#
                            + #"{"scrapePool":"plc","mechanism":"dns","targets":0,"droppedTargets":3,"#
                            + #""lastSuccess":null,"lastError":"no server"}],"#
                            + #""devices":[{"kind":"nut","name":"rack","address":"10.0.0.9:3493","health":"down","#
                            + #""lastError":"no route","lastRead":"2023-11-14T22:13:20Z"},"#
                            + #"{"kind":"disk","name":"sda","address":"/dev/sda","health":"unknown","#
                            + #""lastError":"","lastRead":null}],"#
                            + #""storage":{"series":0,"groups":0,"samples":0,"headBytes":0,"ringUsedBytes":0,"#
                            + #""ringSizeBytes":0,"logUsedBytes":0,"logSizeBytes":0,"bytesPerSample":null,"#
                            + #""oldest":null,"newest":null,"corruptions":0,"tiers":[]},"#
                            + #""sampling":{"policy":"normal","reason":"","intervalSeconds":15,"keptClasses":[]},"#
                            + #""signals":[{"name":"power_source","value":"grid","unit":"","ageSeconds":3,"quality":"good"},"#
                            + #"{"name":"bandwidth","value":2500000,"unit":"bits per second","ageSeconds":400,"quality":"stale"}]}"#
                    )
            )
        }
    }

    @Test func ownMetrics() async throws {
        let services = sampleServices()
        services.telemetry.counter("edgewatch_test_total", "Counted.", [("kind", "a\"b")]).add(3)
        try await withServer(services) { (client: RawClient) async throws in
            let response = try await client.get("/metrics")
            #expect(response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(
                response.text.contains(
                    "# HELP edgewatch_test_total Counted.\n# TYPE edgewatch_test_total counter\n"
                        + "edgewatch_test_total{kind=\"a\\\"b\"} 3\n"
                )
            )
            #expect(response.text.contains("\nprocess_start_time_seconds 1700000000\n"))
            let values = Dictionary(
                response.text.split(separator: "\n").filter { $0.hasPrefix("process_") }
                    .map { $0.split(separator: " ") }.map { (String($0[0]), Double($0[1]) ?? -1) },
                uniquingKeysWith: { first, _ in first }
            )
            #expect((values["process_resident_memory_bytes"] ?? 0) > 1_000_000)
            #expect((values["process_cpu_seconds_total"] ?? 0) > 0)
            #expect((values["process_open_fds"] ?? 0) >= 3)
            #expect((values["process_max_fds"] ?? 0) >= (values["process_open_fds"] ?? .infinity))
            #expect((values["process_threads"] ?? 0) >= 2)
            let names = response.text.split(separator: "\n").filter { $0.hasPrefix("# TYPE") }
            #expect(names == names.sorted())
            let again = try await client.get("/metrics").text
            #expect(again.contains("edgewatch_http_requests_total{code=\"200\",handler=\"/metrics\"} 1\n"))
        }
    }
}

/// Answers with what it was asked.
private struct SomeExemplars: ExemplarSource {
    func exemplars(
        _ matcherSets: [[LabelMatcher]],
        from: Timestamp,
        through: Timestamp
    ) throws(SourceError) -> [SeriesExemplars] {
        let names = matcherSets.flatMap { $0 }.map { $0.value }
        let labels = Labels([
            (name: "__name__", value: names.first ?? ""), (name: "__name__2", value: names.last ?? ""),
            (name: "from", value: "\(from.milliseconds)"),
            (name: "through", value: "\(through.milliseconds)"),
        ])
        let exemplar = Exemplar(
            labels: Labels([(name: "trace_id", value: "t")]),
            value: 0.25,
            timestamp: Timestamp(milliseconds: 1500)
        )
        return [SeriesExemplars(labels: labels, exemplars: exemplar.map { [$0] } ?? [])]
    }
}
