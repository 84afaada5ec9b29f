// SPDX-License-Identifier: Apache-2.0
//
// /federate: the newest sample of each selected series, for another server to scrape. The series are put in the order of
// their names beforehand, a few bytes for each; samples are read while the answer is sent.

internal import PromQL
internal import Samples
internal import Wire

extension API {
    /// The newest samples of the selected series.
    ///
    /// - Parameters:
    ///   - parameters: `match[]`, any number of times.
    ///   - accept: the forms the client takes.
    /// - Returns: the answer, made while it is sent.
    /// - Throws: `APIError`, to be answered as text.
    func federate(_ parameters: Parameters, accept: String) throws(APIError) -> Reply {
        try refuseUndecodable(parameters)
        var selectors: [[LabelMatcher]] = []
        for text in parameters.all("match[]") {
            do {
                selectors.append(try Parser.parseSelector(text))
            } catch {
                throw APIError(.badData, error.message)
            }
        }
        let end = now
        let start = end.advanced(byMilliseconds: -services.lookback.milliseconds)
        var selections: [any SeriesSelection] = []
        // A selector without matchers selects nothing, as in Prometheus.
        for selector in selectors where !selector.isEmpty {
            do {
                selections.append(try services.source.select(selector, from: start, through: end))
            } catch {
                throw APIError(.internal, "\(error)")
            }
        }
        let format = FederationFormat(accept: accept)
        let body = FederationBody(
            MergedSeries(byName: selections),
            range: (start, end),
            externalLabels: services.externalLabels(),
            format: format
        )
        return Reply(status: 200, contentType: format.contentType, body: .chunks(body))
    }
}
