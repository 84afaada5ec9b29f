// SPDX-License-Identifier: Apache-2.0
//
// The program. Exit codes: 0 fine, 1 could not run (a sentence on stderr), 2 the configuration is wrong. Of `tsdb
// verify` 1 says that something is damaged, and 2 that it could not run.

import ArgumentParser
import Daemon
import Platform
import QueryTool

@main
struct EdgewatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "edgewatch",
        abstract: "Collects, stores, queries, judges and ships metrics on an edge gateway.",
        version: Version.number,
        subcommands: [
            RunCommand.self, QueryCommand.self, CheckCommand.self, TestCommand.self, TSDBCommand.self,
        ],
        defaultSubcommand: nil
    )

    static func main() async {
        Console.flushEachLine()
        Memory.limitArenas(to: 2)
        Memory.returnLarge(from: 4 << 20)
        DescriptorLimit.keepReserve()
        do {
            let arguments = QueryArguments.terminated(Array(CommandLine.arguments.dropFirst()))
            var command = try parseAsRoot(arguments)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as DaemonError {
            fail("edgewatch: \(error.description)", code: VerifyCommand.isAsked ? 2 : error.exitCode)
        } catch {
            let code = exitCode(for: error)
            if code.isSuccess { exit(withError: error) }
            // ArgumentParser exits with 64 for a wrong flag; one clear line and 1 is what the field expects.
            fail(
                message(for: error).isEmpty ? "" : "edgewatch: \(message(for: error))",
                code: VerifyCommand.isAsked ? 2 : 1
            )
        }
    }

    private static func fail(_ line: String, code: Int32) {
        if !line.isEmpty { Console.writeError(line) }
        Console.exit(code)
    }
}
