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
        case .series: try series(form)
        case .labels: try labelNames(form)
        case .labelValues: try labelValues(name, form)
        case .metadata: try metadata(form)
        case .targets: await targets(url)
        case .scrapePools: await scrapePools()
        case .rules: try rules(url)
        case .alerts: alerts()
        case .alertmanagers: alertmanagers()
        case .buildInfo: buildInfo()
        case .runtimeInfo: runtimeInfo()
        case .configuration: configuration()
        case .flags: flags()
        case .storeStatus: try storeStatus(form)
        case .edgewatchStatus: edgewatchStatus()
        // The dispatcher hands it its body instead of a form.
        case .remoteWrite: .empty(404)
        case .healthy: .text("edgewatch is healthy.\n")
        case .ready: .text("edgewatch is ready.\n")
        case .reload: await reload()
        case .metrics: metrics()
        case .version: version()
        }
    }

    private func reload() async -> Reply {
        guard let reload = services.reload else {
            return .text("Lifecycle API is not enabled.\n", status: 403)
        }
        do {
            try await reload()
            return .empty(200)
        } catch {
            return .text("failed to reload config: \(error)\n", status: 500)
        }
    }
}
