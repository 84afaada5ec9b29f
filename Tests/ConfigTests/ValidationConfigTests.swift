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
}
