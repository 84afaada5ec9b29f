// SPDX-License-Identifier: Apache-2.0
//
// A configuration and the rule files it names are one thing: both are read and checked before either takes effect, at
// start, on reload and by `edgewatch check config`.

internal import Alerts
public import Config
internal import Platform
public import PromQL

/// Reads and checks a configuration with its rule files.
public enum ConfigurationLoader {
    /// A rule file as it was read.
    public struct RuleFile: Sendable {
        /// The path, for messages.
        public let path: String
        /// Its text.
        public let bytes: [UInt8]
        /// The number of rules in it.
        public let ruleCount: Int
    }

    /// A checked configuration.
    public struct Loaded: Sendable {
        /// The configuration.
        public let configuration: Configuration
        /// The rule files, in the order named.
        public let ruleFiles: [RuleFile]
    }

    /// Reads a configuration file, or the embedded default and the shipped rules.
    ///
    /// - Parameters:
    ///   - path: the file; nil for the embedded default.
    ///   - features: what of PromQL is on beyond the defaults, for the rules.
    /// - Returns: the checked configuration.
    /// - Throws: `DaemonError` with exit code 2 and one line per mistake.
    public static func load(
        _ path: String?,
        features: QueryFeatures = QueryFeatures()
    ) throws(DaemonError) -> Loaded {
        do {
            guard let path else {
                let configuration = try Configuration.loadEmbeddedDefault()
                let rules = try check(EmbeddedRules.files(), features)
                return Loaded(configuration: configuration, ruleFiles: rules)
            }
            let configuration = try Configuration.load(path: path)
            return Loaded(
                configuration: configuration,
                ruleFiles: try read(configuration.ruleFilePaths(), features)
            )
        } catch {
            throw DaemonError(error.description, exitCode: 2)
        }
    }

    /// Reads and checks rule files; the mistakes of all are reported together.
    private static func read(
        _ paths: [String],
        _ features: QueryFeatures
    ) throws(ConfigErrors) -> [RuleFile] {
        var files: [(path: String, bytes: [UInt8])] = []
        var unreadable: [ConfigError] = []
        for path in paths {
            do {
                files.append((path, try TextFile.read(path)))
            } catch {
                let words = ErrorNumber.words(error.code)
                unreadable.append(ConfigError(file: path, message: "cannot be read: \(words)"))
            }
        }
        return try check(files, features, besides: unreadable)
    }

    private static func check(
        _ files: [(path: String, bytes: [UInt8])],
        _ features: QueryFeatures,
        besides unreadable: [ConfigError] = []
    ) throws(ConfigErrors) -> [RuleFile] {
        var checked: [RuleFile] = []
        var mistakes = unreadable
        for (path, bytes) in files {
            do {
                let groups = try RuleFileLoader.parse(bytes, file: path, features: features)
                let count = groups.reduce(0) { $0 + $1.rules.count }
                checked.append(RuleFile(path: path, bytes: bytes, ruleCount: count))
            } catch {
                mistakes += error.errors
            }
        }
        guard mistakes.isEmpty else { throw ConfigErrors(mistakes) }
        return checked
    }
}
