// SPDX-License-Identifier: Apache-2.0

internal import Platform
internal import Samples

/// The endpoints' answers; each verb is in the file of its subject (`Query/API+Query.swift` and so on).
struct API: Sendable {
    let services: APIServices

    /// The time of a request that names none.
    var now: Timestamp { Timestamp(milliseconds: services.clock.wallMilliseconds()) }

    /// Answers one request to an endpoint.
    ///
    /// - Parameters:
    ///   - endpoint: what is asked.
    ///   - name: the label's name of `/label/<name>/values`.
    ///   - url: the parameters of the URL alone.
    ///   - form: these and, before them, those of the body.
    /// - Returns: the answer.
    /// - Throws: what is wrong with the request.
    func answer(
        _ endpoint: Endpoint,
        labelName name: String,
        url: Parameters,
        form: Parameters
    ) async throws(APIError) -> Reply {
        switch endpoint {
        case .query: try await query(form)
        case .queryRange: try await queryRange(form)
        case .queryExemplars: try queryExemplars(form)
        case .formatQuery: try formatQuery(form)
        case .parseQuery: try parseQuery(form)
        case .series: try series(form)
        case .labels: try labelNames(form)
        case .labelValues: try labelValues(name, form)
        case .metadata: try metadata(form)
        case .targets: await targets(url)
        case .targetMetadata: try await targetMetadata(form)
        case .relabelSteps: try relabelSteps(form)
        case .scrapePools: await scrapePools()
        case .scrapePoolConfiguration: try scrapePoolConfiguration(form)
        case .rules: try rules(url)
        case .alerts: alerts()
        case .alertmanagers: alertmanagers()
        case .buildInfo: buildInfo()
        case .runtimeInfo: runtimeInfo()
        case .configuration: configuration()
        case .flags: flags()
        case .storeStatus: try storeStatus(form)
        case .blocks: blocks()
        case .logReplay: logReplay()
        case .selfMetrics: try selfMetrics(form)
        case .features: features()
        case .notifications: notifications()
        case .liveNotifications: .empty(204)
        case .edgewatchStatus: edgewatchStatus()
        // The dispatcher hands them more than a form.
        case .remoteWrite, .remoteRead, .otlp, .textImport, .pushGateway, .federate: .empty(404)
        case .deleteSeries: try await deleteSeries(form)
        case .cleanTombstones: try await cleanTombstones()
        case .snapshot: try await snapshot(form)
        // Prometheus' sentences, for those who look at the words.
        case .healthy: .text("Prometheus Server is Healthy.\n")
        case .ready: .text("Prometheus Server is Ready.\n")
        case .reload: await reload()
        case .quit: quit()
        case .metrics: metrics()
        case .version: version()
        }
    }

    private func reload() async -> Reply {
        guard let reload = services.reload else {
            return .text("Lifecycle API is not enabled.", status: 403)
        }
        do {
            try await reload()
            return .empty(200)
        } catch {
            return .text("failed to reload config: \(error)\n", status: 500)
        }
    }

    private func quit() -> Reply {
        guard let quit = services.quit else { return .text("Lifecycle API is not enabled.", status: 403) }
        quit()
        return .text("Requesting termination... Goodbye!")
    }
}
