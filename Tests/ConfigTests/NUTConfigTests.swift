// SPDX-License-Identifier: Apache-2.0

import Config
import Testing

@Suite struct NUTConfigTests {
    @Test func serversWithDefaults() throws {
        let config = try configuration(
            """
            global: {scrape_interval: 30s}
            collectors:
              nut:
                - {name: rack, address: "[::1]:3500", ups: [a, b], username: u, password: p, interval: 5s,
                   timeout: 2s, powers_node: false, labels: {room: "3"}}
                - {name: hall, address: ups.example.com}
            """
        )
        var rack = NUTServerConfig(name: "rack", host: "::1")
        rack.port = 3500
        rack.ups = ["a", "b"]
        rack.username = "u"
        rack.password = Secret("p")
        rack.interval = .seconds(5)
        rack.timeout = .seconds(2)
        rack.powersNode = false
        rack.labels = labels(("room", "3"))
        var hall = NUTServerConfig(name: "hall", host: "ups.example.com")
        hall.interval = .seconds(30)
        #expect(config.collectors.nut == [rack, hall])
        #expect(!config.redactedYAML.contains("password: p"))
    }

    @Test(arguments: [
        ("{address: a}", "\"name\" is missing"),
        ("{name: a}", "\"address\" is missing"),
        ("{name: a, address: \"a:0\"}", "expected an address such as \"192.168.1.5:3493\""),
        ("{name: a, address: a, password: p}", "a password needs a \"username\""),
        (
            "{name: a, address: a, username: u, password: p, password_file: f}",
            "at most one of \"password\" and \"password_file\" may be set"
        ),
        ("{name: a, address: a, device: x}", "unknown key \"device\""),
    ])
    func mistakes(entry: String, message: String) {
        #expect {
            try configuration("collectors: {nut: [\(entry)]}")
        } throws: { error in
            (error as? ConfigErrors)?.errors.contains { $0.message.contains(message) } ?? false
        }
    }
}
