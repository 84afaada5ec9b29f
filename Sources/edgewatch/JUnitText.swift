// SPDX-License-Identifier: Apache-2.0
//
// Results of rule tests as JUnit XML, in the shape promtool writes: a suite for each file, a case for each test.

import Alerts

/// Writes JUnit XML.
enum JUnitText {
    /// A file with what came of it.
    struct Suite {
        let name: String
        let report: RuleTests.Report
    }

    static func text(of suites: [Suite]) -> String {
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
        for suite in suites {
            let outcomes = suite.report.outcomes
            let failed = outcomes.count { !$0.failures.isEmpty }
            let errors = suite.report.error == nil ? 0 : 1
            text += "    <testsuite name=\"\(escaped(suite.name))\" tests=\"\(outcomes.count + errors)\""
            text += " failures=\"\(failed)\" errors=\"\(errors)\" skipped=\"0\">\n"
            if let error = suite.report.error {
                text += "        <testcase name=\"file\">\n            <error>\(escaped(error))</error>\n"
                text += "        </testcase>\n"
            }
            for outcome in outcomes {
                text += "        <testcase name=\"\(escaped(outcome.name))\""
                if outcome.failures.isEmpty {
                    text += "></testcase>\n"
                    continue
                }
                text += ">\n"
                for failure in outcome.failures {
                    text += "            <failure>\(escaped(failure))</failure>\n"
                }
                text += "        </testcase>\n"
            }
            text += "    </testsuite>\n"
        }
        return text + "</testsuites>\n"
    }

    /// With what XML reserves as entities; characters XML has no place for become U+FFFD.
    static func escaped(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&#34;"
            case "'": out += "&#39;"
            case "\n": out += "&#xA;"
            case "\t": out += "&#x9;"
            case "\r": out += "&#xD;"
            case "\u{fffe}", "\u{ffff}": out += "\u{fffd}"
            case _ where scalar.value < 0x20: out += "\u{fffd}"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}
