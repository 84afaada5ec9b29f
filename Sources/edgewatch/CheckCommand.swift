// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Config
import Daemon

/// `edgewatch check …`: what can be known of a file without running it.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Checks files without running anything.",
        subcommands: [CheckConfigCommand.self]
    )
}

/// `edgewatch check config FILE`: the configuration and the rule files it names.
struct CheckConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Checks a configuration file and the rule files it names."
    )

    @Argument(help: "The configuration file.")
    var file: String

    func run() throws {
        let loaded = try ConfigurationLoader.load(file)
        for warning in loaded.configuration.warnings { print("warning: \(warning)") }
        print("\(file): valid")
        for rules in loaded.ruleFiles {
            print("  \(rules.path): \(rules.ruleCount) rules")
        }
    }
}
