// SPDX-License-Identifier: Apache-2.0

import Config
import HTTPClient
import Logging
import Platform
import PromQL
import Samples
import StateStore

@testable import Alerts

/// The alerting side of a node in a test's hands: a store and state that outlive the service.
final class Node {
    let store = MemoryStore()
    let state: StateStore
    let clock: ManualClock
    let telemetry = Telemetry()
    private(set) var service: AlertsService
    var alerting = AlertingConfig()

    init(at milliseconds: Int64 = 0, state: StateStore? = nil) throws {
        self.state = try state ?? StateStore(path: ":memory:")
        clock = ManualClock(wallMilliseconds: milliseconds)
        service = Self.makeService(store, self.state, clock, telemetry)
    }

    private static func makeService(
        _ store: MemoryStore,
        _ state: StateStore,
        _ clock: any EdgeClock,
        _ telemetry: Telemetry
    ) -> AlertsService {
        AlertsService(
            engine: QueryEngine(source: store),
            sink: store,
            state: state,
            http: HTTPClient(userAgent: "edgewatch/test"),
            clock: clock,
            telemetry: telemetry,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            externalURL: "http://edge:9090",
            externalLabels: labels(["site": "berlin"]),
            localOffset: .utc
        )
    }

    /// A new service over the same store and state, as after a kill.
    func restart() {
        service = Self.makeService(store, state, clock, telemetry)
    }

    func load(_ rules: String, file: String = "rules.yml") throws {
        try service.load(
            files: [(path: file, bytes: Array(rules.utf8))],
            alerting: alerting,
            evaluationInterval: .seconds(60)
        )
    }

    /// Evaluates at a time in milliseconds.
    func evaluate(_ milliseconds: Int64) async {
        await service.evaluate(at: Timestamp(milliseconds: milliseconds))
    }

    /// `name state` of every active alert.
    var active: [String] {
        service.activeAlerts().map { "\($0.labels["alertname"] ?? "") \($0.state.rawValue)" }
    }

    func counter(_ name: String) -> Double {
        telemetry.families().first { $0.name == name }?.samples.map(\.value).reduce(0, +) ?? -1
    }
}
