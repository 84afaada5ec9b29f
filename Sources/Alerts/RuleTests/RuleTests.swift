// SPDX-License-Identifier: Apache-2.0
//
// `edgewatch test rules`: the rules that run on a node, by the same loader, evaluator and engine, over series that a file
// gives. Times, limits and what counts as equal are promtool's.

internal import Config
internal import Platform
public import PromQL
public import Samples

/// Runs rule test files.
public struct RuleTests: Sendable {
    /// What came of one test of a file.
    public struct Outcome: Sendable {
        /// The test's name, or `unnamed#` and its place from 0.
        public let name: String
        /// What went wrong, one text of several lines each; none when the test passed.
        public let failures: [String]
        /// What `isVerbose` asked for.
        public let dump: [String]
    }

    /// What came of a file.
    public struct Report: Sendable {
        /// Patterns that no file matches.
        public var warnings: [String] = []
        /// Why the file's tests could not be run; none were then.
        public var error: String?
        /// The tests that were run, in file order.
        public var outcomes: [Outcome] = []

        /// Whether everything came out as written.
        public var isPassed: Bool { error == nil && outcomes.allSatisfy(\.failures.isEmpty) }
    }

    /// What of PromQL rules and tests may use beyond the defaults.
    public var features = QueryFeatures()
    /// Tests whose name this matches in part are run; nil runs all.
    public var chosen: Pattern?
    /// Whether failures show differences instead of both sides.
    public var showsDifferences = false
    /// Whether outcomes say which series there were at the end.
    public var isVerbose = false

    /// Runs all tests.
    public init() {}

    /// Runs a file's tests.
    ///
    /// - Parameter path: the file; `rule_files` are looked for beside it.
    /// - Returns: what came of it.
    @concurrent
    public func run(_ path: String) async -> Report {
        var report = Report()
        do {
            let bytes = try TextFile.read(path, mayBePipe: true)
            let file = try RuleTestReader.read(bytes, file: path)
            let rules = ruleFiles(of: file, at: path, &report)
            for (index, test) in file.tests.enumerated() {
                let name = test.name.isEmpty ? "unnamed#\(index)" : test.name
                guard chosen?.matchesPart(of: test.name) ?? true else { continue }
                report.outcomes.append(await run(test, named: name, of: file, rules))
            }
        } catch let error as FileError {
            report.error = "\(path): cannot be read: \(ErrorNumber.words(error.code))"
        } catch {
            report.error = "\(error)"
        }
        return report
    }

    private func run(
        _ test: RuleTestFile.Test,
        named name: String,
        of file: RuleTestFile,
        _ rules: [String]
    ) async -> Outcome {
        do {
            let groups = try groups(in: rules, order: file.groupOrder)
            var run = try RuleTestRun(test, of: file, groups, features, showsDifferences: showsDifferences)
            await run.run()
            return Outcome(
                name: name,
                failures: run.failures,
                dump: isVerbose ? await run.seriesAtEnd() : []
            )
        } catch {
            return Outcome(name: name, failures: ["\(error)"], dump: [])
        }
    }

    // MARK: - Rules

    private func ruleFiles(of file: RuleTestFile, at path: String, _ report: inout Report) -> [String] {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let directory = parts.dropLast().joined(separator: "/")
        let prefix = parts.count > 1 ? directory + "/" : ""
        var paths: [String] = []
        for pattern in file.ruleFiles {
            let place = pattern.isEmpty || pattern.hasPrefix("/") ? pattern : prefix + pattern
            let found = RuleFilePattern.matches(place)
            if found.isEmpty { report.warnings.append("no file match pattern \(place)") }
            for path in found where !paths.contains(path) { paths.append(path) }
        }
        return paths
    }

    /// The groups of all files, those that `order` names in its order behind the others.
    private func groups(in paths: [String], order: [String]) throws -> [RuleGroup] {
        var groups: [RuleGroup] = []
        var errors: [ConfigError] = []
        for path in paths {
            do {
                groups += try RuleFileLoader.parse(try TextFile.read(path), file: path, features: features)
            } catch let error as ConfigErrors {
                errors += error.errors
            } catch let error as FileError {
                let words = ErrorNumber.words(error.code)
                errors.append(ConfigError(file: path, message: "cannot be read: \(words)"))
            }
        }
        guard errors.isEmpty else { throw ConfigErrors(errors) }
        // As in promtool: a group that is not named counts as the first of the order.
        func place(_ group: RuleGroup) -> Int { order.firstIndex(of: group.name) ?? 0 }
        return groups.enumerated().sorted {
            (place($0.element), $0.offset) < (place($1.element), $1.offset)
        }.map(\.element)
    }
}
