// SPDX-License-Identifier: Apache-2.0

import Config
import Samples
import Testing

struct ValidationConfigTests {
    @Test func rulesAreReadWhereverASourceIs() throws {
        let rules =
            "[{metric: 'a.*', match: {unit: '3|4'}, min: -1, max: 5.5, max_change_per_second: 2, "
            + "stuck_for: 1h, scale: 0.1, offset: 3, action: mark, quality_label: q}]"
        let config = try configuration(
            """
            collectors:
              host: {validation: \(rules)}
              modbus: [{name: m, address: 'h:502', registers: [{metric: x, address: 1}], validation: \(rules)}]
            scrape_configs: [{job_name: j, validation: \(rules)}]
            push: {validation: \(rules), gateway: {interval: 7s, groups: 5}}
            """
        )
        var rule = ValidationConfig(metric: try Pattern("a.*"))
        rule.matchers = [try LabelMatcher("unit", .matches, "3|4")]
        (rule.min, rule.max, rule.maxChangePerSecond, rule.stuckFor) = (-1, 5.5, 2, .seconds(3600))
        (rule.scale, rule.offset, rule.action, rule.qualityLabel) = (0.1, 3, .mark, "q")
        #expect(config.collectors.host.validation == [rule])
        #expect(config.collectors.modbus.first?.validation == [rule])
        #expect(config.scrapeConfigs.first?.validation == [rule])
        #expect(config.push.validation == [rule])
        #expect(config.push.gatewayInterval == .seconds(7) && config.push.gatewayGroups == 5)
        #expect(config.warnings.isEmpty)
    }

    /// One mistake is one error.
    @Test(arguments: [
        (#"{metric: "(", min: 1}"#, "1:43: \"metric\": "),
        (
            "{metric: a, min: x}",
            "1:51: \"min\": expected a number, found \"x\""
        ),
        (
            "{metric: a, max_change: 5}",
            "1:46: unknown key \"max_change\"; did you mean \"max_change_per_second\"?"
        ),
        ("{min: 5, max: 7}", "1:34: \"metric\" is missing"),
        ("{metric: a, min: 1, scale: 0}", "1:54: \"scale\": expected a number other than 0"),
        (
            "{metric: a}",
            "1:35: the rule does nothing; add min, max, max_change_per_second, stuck_for, scale or offset"
        ),
        (
            "{metric: a, zzz: 1}",
            "1:46: unknown key \"zzz\"; known here: action, match, max, max_change_per_second, metric, min, "
                + "offset, quality_label, scale, stuck_for"
        ),
    ])
    func oneMistakeIsOneError(rule: String, expected: String) {
        let text = "collectors: {host: {validation: [\(rule)]}}"
        do {
            _ = try Configuration.parse(Array(text.utf8), file: "e.yml") { _ in nil }
            Issue.record("\(rule) is accepted")
        } catch {
            #expect(error.errors.count == 1)
            #expect(error.errors.first?.description.hasPrefix("e.yml:\(expected)") == true)
        }
    }
}
