// SPDX-License-Identifier: Apache-2.0
//
// `edgewatch query instant | range | series | labels`: questions to a running server, for people and scripts.

import ArgumentParser
import Daemon
import QueryTool
import Samples
import Wire

/// `edgewatch query …`.
struct QueryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query",
        abstract: "Asks a running edgewatch, or any server with Prometheus' HTTP API.",
        discussion: "Exit code 0: something was found; 1: an error; 4: nothing was found.",
        subcommands: [
            QueryInstantCommand.self, QueryRangeCommand.self, QuerySeriesCommand.self,
            QueryLabelsCommand.self,
        ]
    )
}

/// `edgewatch query instant QUERY`.
struct QueryInstantCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "instant",
        abstract: "Evaluates a query at one time."
    )

    @Argument(help: "PromQL.")
    var query: String

    @Option(name: .shortAndLong, parsing: .unconditional, help: "When: now, -1h, 1700000000 or RFC 3339.")
    var time = "now"

    @OptionGroup var options: QueryOptions

    func run() async throws {
        var parameters = [("query", query)]
        // Without it the server's clock counts.
        if time != "now" {
            let time = try QueryOptions.time(time, "--time", now: QueryOptions.now)
            parameters.append(("time", TimeText.seconds(time)))
        }
        let reply = try await options.ask("query", parameters, query: query)
        try QueryRangeCommand.show(reply, nil, options)
    }
}

/// `edgewatch query range QUERY`.
struct QueryRangeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "range",
        abstract: "Evaluates a query at regular steps, of the last hour unless said otherwise."
    )

    @Argument(help: "PromQL.")
    var query: String

    @OptionGroup var span: SpanOptions

    @Option(help: "The time between steps; without it as many steps as the terminal shows.")
    var step: String?

    @OptionGroup var options: QueryOptions

    /// Lines of a table that a person reads.
    private static let tableRows = 30

    func run() async throws {
        let terminal = Terminal.current
        // To the second, which reads better.
        let now = RangeStep.aligned(QueryOptions.now, to: .seconds(1))
        var (start, end) = try span.bounds(now: now)
        let length = Duration.milliseconds(end.milliseconds - start.milliseconds)
        let width: Duration
        if let step {
            guard let given = PromDuration.parse(step), given > .zero else {
                throw DaemonError("--step \(step): expected a duration above 0, for example 1m")
            }
            width = given
        } else {
            // A character of a graph shows two points.
            let points = options.format == .graph ? terminal.columns * 2 : QueryRangeCommand.tableRows
            width = RangeStep.of(
                length,
                points: options.format == .csv || options.format == .json ? 250 : points
            )
            start = RangeStep.aligned(start, to: width)
        }
        end = max(start, end)
        let parameters = [
            ("query", query), ("start", TimeText.seconds(start)), ("end", TimeText.seconds(end)),
            ("step", TimeText.seconds(Timestamp(milliseconds: width.milliseconds))),
        ]
        let reply = try await options.ask("query_range", parameters, query: query)
        try QueryRangeCommand.show(reply, AnswerText.Span(from: start, through: end, step: width), options)
    }

    static func show(_ reply: QueryServer.Reply, _ span: AnswerText.Span?, _ options: QueryOptions) throws {
        guard let answer = QueryAnswer(reply.data) else {
            throw DaemonError("what the server answered is no result of a query")
        }
        let layout = AnswerText(Terminal.current)
        let isEmpty = answer.series.isEmpty
        let lines: [String] =
            switch options.format {
            case .table: isEmpty ? [] : layout.table(answer)
            case .graph: isEmpty ? [] : layout.graph(answer, span)
            case .csv: AnswerText.csv(answer)
            case .json: [String(decoding: reply.body, as: UTF8.self)]
            }
        options.finish(lines, isEmpty: isEmpty)
    }
}

/// `edgewatch query series SELECTOR…`.
struct QuerySeriesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "series",
        abstract: "Lists series, of the last hour unless said otherwise."
    )

    @Argument(help: "Series selectors, such as 'up{job=\"plc\"}'.")
    var selectors: [String]

    @OptionGroup var span: SpanOptions

    @Option(help: "The most series to list; 0 lists all.")
    var limit = 0

    @OptionGroup var options: QueryOptions

    func run() async throws {
        let (start, end) = try span.bounds(now: QueryOptions.now)
        var parameters = selectors.map { ("match[]", $0) }
        parameters += [("start", TimeText.seconds(start)), ("end", TimeText.seconds(end))]
        if limit > 0 { parameters.append(("limit", "\(limit)")) }
        let reply = try await options.ask("series", parameters, query: selectors.first ?? "")
        let series = (reply.data.array ?? []).map { QueryAnswer.labels($0) }.sorted()
        let lines: [String] =
            switch options.format {
            case .table, .graph: series.isEmpty ? [] : AnswerText(Terminal.current).table(series)
            case .csv: AnswerText.csv(series)
            case .json: [String(decoding: reply.body, as: UTF8.self)]
            }
        options.finish(lines, isEmpty: series.isEmpty)
    }
}

/// `edgewatch query labels [NAME]`.
struct QueryLabelsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "labels",
        abstract: "Lists label names, or the values of one label, of the last hour unless said otherwise."
    )

    @Argument(help: "The label whose values are listed.")
    var name: String?

    @Option(help: "Only of series that match; may be given several times.")
    var match: [String] = []

    @OptionGroup var span: SpanOptions

    @OptionGroup var options: QueryOptions

    func run() async throws {
        let (start, end) = try span.bounds(now: QueryOptions.now)
        let parameters =
            match.map { ("match[]", $0) } + [
                ("start", TimeText.seconds(start)), ("end", TimeText.seconds(end)),
            ]
        let path = name.map { "label/\(QueryServer.pathName($0))/values" } ?? "labels"
        let reply = try await options.ask(path, parameters, query: match.first ?? "", isForm: name == nil)
        let texts = (reply.data.array ?? []).compactMap(\.string)
        let lines: [String] =
            switch options.format {
            case .table, .graph: AnswerText.list(texts)
            case .csv: [name ?? "label"].map { AnswerText.line([$0]) } + texts.map { AnswerText.line([$0]) }
            case .json: [String(decoding: reply.body, as: UTF8.self)]
            }
        options.finish(lines, isEmpty: texts.isEmpty)
    }
}
