// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// `edgewatch tsdb …`: looking into data directories and the format, without a daemon.
struct TSDBCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tsdb",
        abstract: "Tools for the store and its format.",
        subcommands: [
            InspectCommand.self, VerifyCommand.self, DumpCommand.self, ExportCommand.self,
            ImportCommand.self, CodecCommand.self,
        ]
    )
}
