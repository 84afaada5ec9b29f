// SPDX-License-Identifier: Apache-2.0
//
// `edgewatch check service-discovery`. What is printed and the exit codes are promtool's, but that it does not wait for
// the time-out once everything answered, that errors have words, and that they end with 1.

import ArgumentParser
import Collector
import Config
import Daemon
import HTTPClient
import Platform
import Samples
import Wire

/// `edgewatch check service-discovery FILE JOB`: the targets of a job, before and after relabeling.
struct CheckServiceDiscoveryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "service-discovery",
        abstract: "Discovers the targets of a job and shows what relabeling makes of them.",
        discussion: """
            Prints a JSON array with the labels of each target before and after relabeling; a dropped target has none \
            after. Exit code 1: there is no such job, or something could not be discovered; 2: the configuration is wrong.
            """
    )

    @Argument(help: "The configuration file.")
    var file: String

    @Argument(help: "The name of the scrape job.")
    var job: String

    @Option(help: "The longest time to wait for discovery.")
    var timeout = "30s"

    func run() async throws {
        guard let timeout = PromDuration.parse(timeout), timeout > .zero else {
            throw DaemonError("--timeout: expected a duration such as 30s")
        }
        let jobs = try ConfigurationLoader.load(file).configuration.scrapeConfigs
        guard let job = jobs.first(where: { $0.jobName == job }) else {
            Console.writeError("Job \(job) not found. Select one of:")
            for job in jobs { Console.writeError("\t\(job.jobName)") }
            Console.exit(1)
        }
        let outcome = await DiscoveryCheck.run(
            job,
            http: HTTPClient(userAgent: "edgewatch/\(Version.number)"),
            clock: SystemClock(),
            timeout: timeout
        )
        for problem in outcome.problems { Console.writeError("discovery failed: \(problem)") }
        print(Self.text(outcome.targets))
        if !outcome.problems.isEmpty { Console.exit(1) }
    }

    /// The array, indented by two as Go's json.MarshalIndent does; what is there twice is shown once.
    private static func text(_ targets: [(discovered: Labels, labels: Labels, error: String)]) -> String {
        var seen: Set<String> = []
        let items = targets.compactMap { target -> String? in
            var members = [
                "\"discoveredLabels\": \(object(target.discovered))", "\"labels\": \(object(target.labels))",
            ]
            if !target.error.isEmpty { members.append("\"error\": \(quoted(target.error))") }
            let item = "  {\n    \(members.joined(separator: ",\n    "))\n  }"
            return seen.insert(item).inserted ? item : nil
        }
        return items.isEmpty ? "[]" : "[\n\(items.joined(separator: ",\n"))\n]"
    }

    private static func object(_ labels: Labels) -> String {
        if labels.isEmpty { return "{}" }
        let members = labels.pairs.map { "      \(quoted($0.name)): \(quoted($0.value))" }
        return "{\n\(members.joined(separator: ",\n"))\n    }"
    }

    private static func quoted(_ text: String) -> String {
        var writer = JSONWriter()
        writer.string(text)
        return String(decoding: writer.take(), as: UTF8.self)
    }
}
