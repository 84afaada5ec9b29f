// SPDX-License-Identifier: Apache-2.0
//
// Paths of Prometheus' web interface. Alerts, dashboards and people's bookmarks have links to them; here all of it is one
// page, so they lead to the part of it that shows the same, an expression with it. Locations are relative: what stands in
// front of the page's path is known to the proxy only.

internal import Samples

/// Where a page of Prometheus is found here.
enum PageRedirect {
    private static let places = [
        "/graph": "./#explore", "/query": "./#explore", "/alerts": "./#panel-alerts",
        "/rules": "./#panel-alerts", "/targets": "./#panel-targets",
        "/service-discovery": "./#panel-targets", "/status": "./#panel-storage",
        "/tsdb-status": "./#panel-storage", "/config": "./api/v1/status/config",
        "/flags": "./api/v1/status/flags",
    ]

    /// The reply to a path of Prometheus' pages, nil for all others.
    static func reply(_ path: Substring, _ query: Substring) -> Reply? {
        guard var location = places[String(path)] else { return nil }
        if location == "./#explore" {
            let parameters = Parameters(query)
            let expression = parameters["g0.expr"]
            if !expression.isEmpty {
                location = "./#expr=\(PercentCoding.encode(expression))"
                // Beyond the two the page has no use for the graph's settings.
                if let range = PromDuration.parse(parameters["g0.range_input"]), range >= .seconds(60) {
                    location += "&range=\(range.components.seconds)"
                }
            }
        }
        var reply = Reply.empty(302)
        reply.headers = [("Location", location)]
        return reply
    }
}
