// SPDX-License-Identifier: Apache-2.0

import Alerts
import ArgumentParser
import Config
import Daemon
import Platform
import TSDB

/// `edgewatch check …`: what can be known of a file without running it.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Checks files without running anything.",
        subcommands: [
            CheckConfigCommand.self, CheckRulesCommand.self, CheckMetricsCommand.self,
            CheckServiceDiscoveryCommand.self,
        ]
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

    @OptionGroup var lint: LintOptions

    func run() throws {
        let loaded = try ConfigurationLoader.load(file)
        let findsDuplicates = lint.findsDuplicates
        for warning in loaded.configuration.warnings { print("warning: \(warning)") }
        print("\(file): valid")
        checkKey(loaded.configuration.storage.encryption)
        var isSuspicious = false
        for rules in loaded.ruleFiles {
            print("  \(rules.path): \(rules.ruleCount) rules")
            // It was just read without a mistake.
            guard findsDuplicates, let groups = try? RuleFileLoader.parse(rules.bytes, file: rules.path),
                let words = LintOptions.words(RuleLint.duplicates(in: groups))
            else { continue }
            isSuspicious = true
            Console.writeError("warning: \(rules.path): \(words)")
        }
        if isSuspicious, lint.lintFatal { Console.exit(LintOptions.exitCode) }
    }

    /// Shows which key it is; that it is not here is no mistake in the file, which may be for another machine.
    private func checkKey(_ encryption: EncryptionConfig?) {
        guard let encryption else { return }
        do {
            guard let key = try EncryptionKey.load(encryption)?.key else { return }
            print("  storage.encryption: key \(key)")
        } catch {
            print("warning: \(error)")
        }
        if let warning = EncryptionKey.warning(encryption) { print("warning: \(warning)") }
    }
}
