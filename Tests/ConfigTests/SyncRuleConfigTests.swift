// SPDX-License-Identifier: Apache-2.0
//
// The rules of shipping as files have them.

import Config
import Testing

@Suite struct SyncRuleConfigTests {
    private static let remotes =
        "remote_write: [{url: 'http://a/w', name: vm}, {url: 'http://b/w', name: hub}]\n"

    @Test func rules() throws {
        let config = try configuration(
            Self.remotes + """
                sync:
                  rules:
                    - selector: alerts
                    - name: plant
                      selector: ["metrics{importance='high'}", up]
                      destinations: [hub, vm]
                """
        )
        var plant = SyncRuleConfig(
            name: "plant",
            selectors: [
                try SyncSelector(parsing: "metrics{importance='high'}"), try SyncSelector(parsing: "up"),
            ]
        )
        plant.destinations = ["hub", "vm"]
        #expect(
            config.sync.rules == [
                SyncRuleConfig(name: "alerts", selectors: [try SyncSelector(parsing: "alerts")]), plant,
            ]
        )
        #expect(config.warnings.isEmpty)
        #expect(try configuration(Self.remotes).sync.rules == [])
    }

    @Test func whatIsNotHere() throws {
        let config = try configuration(
            Self.remotes + "sync: {rules: [{selector: \"logs{level='error'}\"}, {selector: traces}]}"
        )
        #expect(
            config.warnings.map(\.message) == [
                "there are no logs here, so \"logs{level='error'}\" selects nothing",
                "there are no traces here, so \"traces\" selects nothing",
            ]
        )
        #expect(config.sync.rules.count == 2)
    }

    @Test(arguments: [
        ("{}", "\"selector\" is missing; to ship everything write \"metrics\""),
        ("{selector: []}", "\"selector\" is empty; to ship everything write \"metrics\""),
        ("{selector: [[up]]}", "\"selector\": expected text, found a list"),
        ("{selector: 'up{'}", "\"selector\": column 4: expected a matcher such as job=\"node\", or \"}\""),
        (
            "{selector: '{}'}",
            "\"selector\": column 1: takes every series; at least one matcher must need a value"
        ),
        (
            "{selector: up, destinations: [hubb]}",
            "\"remote_write\" has no destination called \"hubb\"; did you mean \"hub\"?"
        ),
        (
            "{selector: up, destinations: [elsewhere]}",
            "\"remote_write\" has no destination called \"elsewhere\"; known here: hub, vm"
        ),
        (
            "{selector: up, interval: 1m}",
            "unknown key \"interval\"; known here: destinations, name, selector"
        ),
        (
            "{selector: up}, {selector: up}",
            "two entries of rules are called \"up\"; give each a \"name\" of its own"
        ),
    ])
    func mistakes(rules: String, message: String) {
        #expect {
            try configuration(Self.remotes + "sync: {rules: [\(rules)]}")
        } throws: { error in
            let errors = (error as? ConfigErrors)?.errors ?? []
            let texts = errors.map { $0.remedy.isEmpty ? $0.message : "\($0.message); \($0.remedy)" }
            return texts == [message]
        }
    }

    @Test func bounds() {
        let many = (0...64).map { "{selector: m\($0)}" }.joined(separator: ", ")
        #expect {
            try configuration(Self.remotes + "sync: {rules: [\(many)]}")
        } throws: { error in
            (error as? ConfigErrors)?.errors.map(\.message) == ["65 rules; at most 64 are possible"]
        }
    }
}
