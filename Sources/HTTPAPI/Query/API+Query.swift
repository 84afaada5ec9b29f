// SPDX-License-Identifier: Apache-2.0
//
// /api/v1/query, /query_range and /format_query. Parameters are checked in Prometheus' order, so that a request
// with several mistakes gets the same error.

internal import PromQL
internal import Samples
internal import Wire

extension API {
    /// The most steps between start and end; one more point than that.
    static let stepLimit = 11_000

    /// One evaluation.
    func query(_ parameters: Parameters) async throws(APIError) -> Reply {
        let limit = try parameters.limit()
        let time = try parameters.time("time", default: now)
        let timeout = try parameters.timeout()
        let lookback = try parameters.lookback()
        let expression = try parsed(parameters["query"])
        do {
            let output = try await services.engine.instant(
                expression,
                at: time,
                lookback: lookback,
                timeout: timeout
            )
            return ResultWriter.reply(output, limit: limit)
        } catch {
            throw APIError(error)
        }
    }

    /// An evaluation at every step of a range.
    func queryRange(_ parameters: Parameters) async throws(APIError) -> Reply {
        let limit = try parameters.limit()
        let start = try parameters.time("start")
        let end = try parameters.time("end")
        guard end >= start else { throw .invalid("end", "end timestamp must not be before start time") }
        let step = try parameters.duration("step")
        guard step.milliseconds > 0 else {
            throw .invalid(
                "step",
                "zero or negative query resolution step widths are not accepted. Try a positive integer"
            )
        }
        guard (end.milliseconds - start.milliseconds) / step.milliseconds <= API.stepLimit else {
            throw APIError(
                .badData,
                "exceeded maximum resolution of 11,000 points per timeseries."
                    + " Try decreasing the query resolution (?step=XX)"
            )
        }
        let timeout = try parameters.timeout()
        let lookback = try parameters.lookback()
        let expression = try parsed(parameters["query"])
        guard expression.type == .scalar || expression.type == .vector else {
            let type = expression.type == .matrix ? "range vector" : "string"
            throw .invalid(
                "query",
                "invalid expression type \"\(type)\" for range query, must be Scalar or instant Vector"
            )
        }
        do {
            let output = try await services.engine.range(
                expression,
                from: start,
                through: end,
                step: step,
                lookback: lookback,
                timeout: timeout
            )
            return ResultWriter.reply(output, limit: limit)
        } catch {
            throw APIError(error)
        }
    }

    /// The exemplars within a range of all series that the expression's selectors select.
    func queryExemplars(_ parameters: Parameters) throws(APIError) -> Reply {
        let start = try parameters.time("start")
        let end = try parameters.time("end")
        guard end >= start else {
            throw APIError(.badData, "end timestamp must not be before start timestamp")
        }
        let selectors = try parsed(parameters["query"]).selectors
        // As Prometheus answers.
        guard !selectors.isEmpty else { return .empty(204) }
        let found: [SeriesExemplars]
        do {
            found = try services.exemplars?.exemplars(selectors, from: start, through: end) ?? []
        } catch {
            throw APIError(.execution, "\(error)")
        }
        return Envelope.success { writer in
            writer.beginArray()
            for series in found { writer.exemplars(series) }
            writer.endArray()
        }
    }

    /// A query printed the canonical way.
    func formatQuery(_ parameters: Parameters) throws(APIError) -> Reply {
        let expression = try parsed(parameters["query"])
        return Envelope.success { $0.string(expression.description) }
    }

    private func parsed(_ text: String) throws(APIError) -> Expression {
        do {
            return try services.engine.parse(text)
        } catch {
            throw .invalid("query", error.message)
        }
    }
}

extension JSONWriter {
    /// Writes the exemplars of one series.
    fileprivate mutating func exemplars(_ series: SeriesExemplars) {
        beginObject()
        key("seriesLabels")
        labels(series.labels)
        key("exemplars")
        beginArray()
        for exemplar in series.exemplars {
            beginObject()
            key("labels")
            labels(exemplar.labels)
            key("value")
            string(PromNumber.format(exemplar.value))
            key("timestamp")
            seconds(milliseconds: exemplar.timestamp.milliseconds)
            endObject()
        }
        endArray()
        endObject()
    }
}
