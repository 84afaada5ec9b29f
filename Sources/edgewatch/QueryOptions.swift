// SPDX-License-Identifier: Apache-2.0
//
// What all `edgewatch query` commands have in common: which server, how answers are shown, and how the program ends.

import ArgumentParser
import Config
import Daemon
import HTTPClient
import Platform
import QueryTool
import Samples

/// How an answer is shown.
enum AnswerFormat: String, ExpressibleByArgument, CaseIterable {
    case table, json, csv, graph
}

/// The server and the shape of its answers.
struct QueryOptions: ParsableArguments {
    @Option(help: "The server; any that has Prometheus' HTTP API.")
    var url = "http://\(DaemonOptions.defaultListenAddress)"

    @Option(help: "table, json (as the server wrote it), csv or graph.")
    var format = AnswerFormat.table

    @Option(help: "How long to wait for an answer.")
    var timeout = "2m"

    @Option(help: "A request header, 'Name: value'; may be given several times.")
    var header: [String] = []

    @Option(help: "Certificates to trust instead of the system's, a PEM file.")
    var caFile: String?

    @Flag(help: "Do not check the server's certificate.")
    var insecure = false

    /// The exit code of an answer without anything in it.
    static let emptyExitCode: Int32 = 4

    /// The server that was named.
    func server() throws -> QueryServer {
        guard let parts = URLText(url) else {
            throw DaemonError("--url \(url): expected http://host:port or https://host:port")
        }
        guard let timeout = PromDuration.parse(timeout), timeout > .zero else {
            throw DaemonError("--timeout \(timeout): expected a duration above 0, for example 30s")
        }
        var template = HTTPClientRequest(url: url, timeout: timeout, followRedirects: false)
        for line in header {
            guard let colon = line.firstIndex(of: ":") else {
                throw DaemonError("--header \(line): expected 'Name: value'")
            }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            template.headers.append((String(line[..<colon]), String(value)))
        }
        if let user = parts.userInfo {
            let pair = user.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            template.basicAuth = HTTPClientRequest.BasicAuth(
                username: String(pair.first ?? ""),
                password: pair.count > 1 ? String(pair[1]) : ""
            )
        }
        template.caFile = caFile
        template.insecureSkipVerify = insecure
        return QueryServer(
            url: "\(parts.scheme)://\(parts.authority)\(parts.path)",
            client: HTTPClient(userAgent: "edgewatch/\(Version.number)"),
            template: template
        )
    }

    /// Asks, and ends the program with the server's words when it refuses.
    func ask(
        _ path: String,
        _ parameters: [(String, String)],
        query: String = "",
        isForm: Bool = true
    ) async throws -> QueryServer.Reply {
        do {
            let reply = try await server().ask(path, parameters, isForm: isForm)
            for note in reply.notes { Console.writeError(note) }
            return reply
        } catch let failure as QueryFailure {
            let lines =
                ["edgewatch: \(failure)"] + ErrorPlace.lines(failure.description, in: query).map { "  " + $0 }
            Console.writeError(lines.joined(separator: "\n"))
            Console.exit(1)
        }
    }

    /// Prints lines, and ends the program with the code for nothing when there was nothing.
    func finish(_ lines: [String], isEmpty: Bool) {
        // A file keeps what sources sent as it is; a terminal must not obey it.
        let isShown = format == .csv && Terminal.current.isTerminal
        for line in lines { print(isShown ? AnswerText.visible(line) : line) }
        if isEmpty {
            if format == .table || format == .graph { Console.writeError("nothing found") }
            Console.exit(QueryOptions.emptyExitCode)
        }
    }

    static func time(_ text: String, _ flag: String, now: Timestamp) throws -> Timestamp {
        guard let time = TimeText.parse(text, now: now) else {
            throw DaemonError(
                "\(flag) \(text): expected a time such as now, -1h, 1700000000 or 2026-11-21T20:00:00Z"
            )
        }
        return time
    }

    static var now: Timestamp { Timestamp(milliseconds: SystemClock().wallMilliseconds()) }
}

/// From when to when.
struct SpanOptions: ParsableArguments {
    @Option(name: .shortAndLong, parsing: .unconditional, help: "From when: -1h, 1700000000 or RFC 3339.")
    var start = "-1h"

    @Option(name: .shortAndLong, parsing: .unconditional, help: "Until when.")
    var end = "now"

    func bounds(now: Timestamp) throws -> (start: Timestamp, end: Timestamp) {
        let start = try QueryOptions.time(start, "--start", now: now)
        let end = try QueryOptions.time(end, "--end", now: now)
        guard start <= end else { throw DaemonError("--end \(self.end) is before --start \(self.start)") }
        return (start, end)
    }
}
