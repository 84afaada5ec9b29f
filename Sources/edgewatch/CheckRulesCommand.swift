// SPDX-License-Identifier: Apache-2.0
//
// `edgewatch check rules`. What is printed, where, and the exit codes are promtool's: 0 fine, 1 a file is wrong or cannot be
// read, 3 lint found something and --lint-fatal was given.

import Alerts
import ArgumentParser
import Config
import Platform

/// Which lint is asked for, with promtool's names.
struct LintOptions: ParsableArguments {
    @Option(help: "What is probably not meant: all, duplicate-rules or none; comma separated.")
    var lint = "duplicate-rules"

    @Flag(help: "End with exit code 3 when lint finds something.")
    var lintFatal = false

    /// The exit code for `--lint-fatal`.
    static let exitCode: Int32 = 3

    /// Lint that looks at other things than rules, and is accepted where promtool accepts it.
    private static let others = ["too-long-scrape-interval"]

    /// Whether rules of one name and labels are looked for; unknown names are told of.
    var findsDuplicates: Bool {
        var finds = false
        for name in lint.split(separator: ",").map(String.init) {
            switch name {
            case "all", "duplicate-rules": finds = true
            case "none": return false
            case _ where LintOptions.others.contains(name): break
            default: Console.writeError("WARNING: unknown lint option \(name)")
            }
        }
        return finds
    }

    /// Promtool's words for duplicates; nil without any.
    static func words(_ duplicates: [RuleLint.Duplicate]) -> String? {
        guard !duplicates.isEmpty else { return nil }
        let lines =
            ["lint error \(duplicates.count) duplicate rule(s) found."] + duplicates.flatMap(\.lines)
            + ["Might cause inconsistency while recording expressions"]
        return lines.joined(separator: "\n")
    }
}

/// `edgewatch check rules [FILE…]`.
struct CheckRulesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules",
        abstract: "Checks rule files.",
        discussion: """
            Without files standard input is checked. Exit code 0: all are fine; 1: a file is wrong; 3: lint found \
            something and --lint-fatal was given.
            """
    )

    @Argument(help: "Rule files.")
    var files: [String] = []

    @OptionGroup var lint: LintOptions
    @OptionGroup var language: LanguageOptions

    func run() throws {
        let features = language.features
        let findsDuplicates = lint.findsDuplicates
        var (isWrong, isSuspicious) = (false, false)
        for file in files.isEmpty ? ["/dev/stdin"] : files {
            print(files.isEmpty ? "Checking standard input" : "Checking \(file)")
            do {
                let groups = try RuleFileLoader.parse(
                    try TextFile.read(file, mayBePipe: true),
                    file: files.isEmpty ? "stdin" : file,
                    features: features
                )
                let duplicates = findsDuplicates ? RuleLint.duplicates(in: groups) : []
                if let words = LintOptions.words(duplicates) {
                    isSuspicious = true
                    CheckRulesCommand.fail(words)
                } else {
                    print("  SUCCESS: \(groups.reduce(0) { $0 + $1.rules.count }) rules found")
                }
            } catch let error as FileError {
                isWrong = true
                CheckRulesCommand.fail("\(file): cannot be read: \(ErrorNumber.words(error.code))")
            } catch {
                isWrong = true
                CheckRulesCommand.fail("\(error)")
            }
            print("")
        }
        if isWrong { Console.exit(1) }
        if isSuspicious, lint.lintFatal { Console.exit(LintOptions.exitCode) }
    }

    private static func fail(_ words: String) {
        Console.writeError("  FAILED:\n\(words)")
    }
}
