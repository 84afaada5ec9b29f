// SPDX-License-Identifier: Apache-2.0
//
// /api/v1/query, /query_range, /query_exemplars, /format_query and /parse_query. Parameters are checked in Prometheus'
// order, so that a request with several mistakes gets the same error.

internal import PromQL
internal import Samples
internal import Wire

extension API {
    /// The most steps between start and end; one more point than that.
    static let stepLimit = 11_000

    /// What `/query` asks.
    private struct InstantQuestion {
        let limit: Int?
        let time: Timestamp
        let timeout: Duration?
        let lookback: Duration?
        let expression: Expression

        init(_ parameters: Parameters, _ api: API) throws(APIError) {
            limit = try parameters.limit()
            time = try parameters.time("time", default: api.now)
            timeout = try parameters.timeout()
            lookback = try parameters.lookback()
            expression = try api.parsed(parameters["query"])
        }

        func reply(_ output: QueryOutput, _ parameters: Parameters) -> Reply {
            ResultWriter.reply(output.warning(of: parameters), limit: limit, from: time, step: .zero)
        }
    }

    /// What `/query_range` asks.
    private struct RangeQuestion {
        let limit: Int?
        let start: Timestamp
        let end: Timestamp
        let step: Duration
        let timeout: Duration?
        let lookback: Duration?
        let expression: Expression

        init(_ parameters: Parameters, _ api: API) throws(APIError) {
            limit = try parameters.limit()
            start = try parameters.time("start")
            end = try parameters.time("end")
            guard end >= start else { throw .invalid("end", "end timestamp must not be before start time") }
            step = try parameters.duration("step")
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
            timeout = try parameters.timeout()
            lookback = try parameters.lookback()
            expression = try api.parsed(parameters["query"])
            guard expression.type == .scalar || expression.type == .vector else {
                let type = expression.type == .matrix ? "range vector" : "string"
                throw .invalid(
                    "query",
                    "invalid expression type \"\(type)\" for range query, must be Scalar or instant Vector"
                )
            }
        }

        func reply(_ output: QueryOutput, _ parameters: Parameters) -> Reply {
            ResultWriter.reply(output.warning(of: parameters), limit: limit, from: start, step: step)
        }
    }

    /// One evaluation.
    func query(_ parameters: Parameters) async throws(APIError) -> Reply {
        let asked = try InstantQuestion(parameters, self)
        do {
            let output = try await services.engine.instant(
                asked.expression,
                at: asked.time,
                lookback: asked.lookback,
                timeout: asked.timeout,
                statistics: statistics(parameters)
            )
            return asked.reply(output, parameters)
        } catch {
            throw APIError(error)
        }
    }

    /// An evaluation at every step of a range.
    func queryRange(_ parameters: Parameters) async throws(APIError) -> Reply {
        let asked = try RangeQuestion(parameters, self)
        do {
            let output = try await services.engine.range(
                asked.expression,
                from: asked.start,
                through: asked.end,
                step: asked.step,
                lookback: asked.lookback,
                timeout: asked.timeout,
                statistics: statistics(parameters)
            )
            return asked.reply(output, parameters)
        } catch {
            throw APIError(error)
        }
    }

    /// The answer of a query that takes less time than giving it to another thread; nil for every other.
    func answerAtOnce(_ endpoint: Endpoint, _ parameters: Parameters) throws(APIError) -> Reply? {
        guard parameters["query"].utf8.count <= QueryEngine.smallText else { return nil }
        do {
            switch endpoint {
            case .query:
                let asked = try InstantQuestion(parameters, self)
                return try services.engine.instantAtOnce(
                    asked.expression,
                    at: asked.time,
                    lookback: asked.lookback,
                    timeout: asked.timeout,
                    statistics: statistics(parameters)
                ).map { asked.reply($0, parameters) }
            case .queryRange:
                let asked = try RangeQuestion(parameters, self)
                return try services.engine.rangeAtOnce(
                    asked.expression,
                    from: asked.start,
                    through: asked.end,
                    step: asked.step,
                    lookback: asked.lookback,
                    timeout: asked.timeout,
                    statistics: statistics(parameters)
                ).map { asked.reply($0, parameters) }
            default: return nil
            }
        } catch let error as APIError {
            throw error
        } catch let error as QueryError {
            throw APIError(error)
        } catch {
            throw APIError(.internal, "\(error)")
        }
    }

    /// The exemplars within a range of all series that the expression's selectors select.
    func queryExemplars(_ parameters: Parameters) throws(APIError) -> Reply {
        let start = try parameters.time("start", default: API.earliest)
        let end = try parameters.time("end", default: API.latest)
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

    /// A query printed for people, long ones over several lines.
    func formatQuery(_ parameters: Parameters) throws(APIError) -> Reply {
        let expression = try parsed(parameters["query"])
        return Envelope.success { $0.string(expression.prettified) }
    }

    /// The tree of a query.
    func parseQuery(_ parameters: Parameters) throws(APIError) -> Reply {
        let outline = try parsed(parameters["query"]).outline
        return Envelope.success { $0.outline(outline) }
    }

    /// What is to be counted: nothing without `stats`, by step for `all` where that feature is on.
    private func statistics(_ parameters: Parameters) -> StatisticsDetail {
        switch parameters["stats"] {
        case "": .none
        case "all" where services.engine.features.perStepStatistics: .perStep
        default: .totals
        }
    }

    private func parsed(_ text: String) throws(APIError) -> Expression {
        do {
            return try services.engine.parse(text)
        } catch {
            throw .invalid("query", error.message)
        }
    }
}

extension QueryOutput {
    /// The answer with a warning when `stats` has a value that means nothing.
    fileprivate func warning(of parameters: Parameters) -> QueryOutput {
        let detail = parameters["stats"]
        guard !["", "true", "all"].contains(detail) else { return self }
        let words =
            "the value \(Labels.quoted(detail)) of the parameter \"stats\" is deprecated; use true or all"
        return QueryOutput(
            value: value,
            warnings: warnings + [words],
            infos: infos,
            statistics: statistics
        )
    }
}

extension JSONWriter {
    /// Writes a tree of JSON's kinds.
    fileprivate mutating func outline(_ outline: ExpressionOutline) {
        switch outline {
        case .object(let members):
            beginObject()
            for member in members {
                key(member.name)
                self.outline(member.value)
            }
            endObject()
        case .array(let values):
            beginArray()
            for value in values { self.outline(value) }
            endArray()
        case .string(let text): string(text)
        case .number(let value): number(value)
        case .integer(let value): number(value)
        case .bool(let value): bool(value)
        case .null: null()
        }
    }

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
