// SPDX-License-Identifier: Apache-2.0
//
// Prometheus' promqltest language as values: what a file says, before anything is run.

internal import Samples

/// A file in the language of Prometheus' own PromQL tests (promql/promqltest, 3.14).
public struct TestScript: Sendable {
    enum Command {
        case clear
        case load(Load)
        case evaluate(Evaluation)
    }

    var commands: [Command] = []

    /// Reads a script.
    ///
    /// - Parameter text: the file.
    /// - Throws: `TestScriptError` with the line that is not understood.
    public init(parsing text: String) throws(TestScriptError) {
        commands = try TestScriptParser.parse(text)
    }
}

/// A line that is not understood, or samples that cannot be loaded.
public struct TestScriptError: Error, Sendable, CustomStringConvertible {
    /// The line's number, from 1.
    public let line: Int
    /// What is wrong with it.
    public let message: String

    init(_ line: Int, _ message: String) {
        self.line = line
        self.message = message
    }

    /// The error as text for messages.
    public var description: String { "line \(line): \(message)" }
}

/// Series to append, their first sample at time 0.
struct Load: Sendable {
    /// A series with its samples; positions without a value hold nothing.
    struct Series: Sendable {
        let labels: Labels
        var points: [Point]
        /// For each position since when the counter counts, relative to it; nil where that is unknown.
        var starts: [Int64?] = []
    }

    let line: Int
    /// Milliseconds between positions.
    let step: Int64
    /// Also builds native histograms from the classic ones.
    let buildsHistograms: Bool
    var series: [Series] = []
}

/// What stands at one position of a series.
enum Point: Sendable {
    case omitted
    case float(Double)
    case histogram(NativeHistogram, isHintGiven: Bool)

    var isOmitted: Bool {
        if case .omitted = self { return true }
        return false
    }
}

/// A query with what is expected of it.
struct Evaluation: Sendable {
    enum Time: Sendable {
        case instant(Int64)
        case range(from: Int64, to: Int64, step: Int64)
    }

    /// How an error or annotation must read.
    enum Expected: Sendable {
        case any
        case message(String)
        case expression(String)

        var words: String {
            switch self {
            case .any: "any"
            case .message(let text): text
            case .expression(let text): "/\(text)/"
            }
        }
    }

    /// What annotations of one class must be.
    struct Annotations: Sendable {
        /// Each of them must be there, and nothing that is none of them.
        var expected: [Expected] = []
        var isForbidden = false
        /// `eval_warn` and `eval_info` want one, whichever.
        var isAnyNeeded = false
    }

    /// When the points of a range vector are.
    struct Steps: Sendable {
        let from: Int64
        let to: Int64
        let step: Int64
    }

    let line: Int
    var time: Time
    let query: String
    /// What the error must be; empty where none is expected.
    var failures: [Expected] = []
    /// Whether the first of them is that of `eval_fail`.
    var isLegacyFailure = false
    var warnings = Annotations()
    var infos = Annotations()
    var isOrdered = false
    var string: String?
    var scalar: Double?
    /// Times of the points of an expected range vector.
    var rangeVector: Steps?
    var series: [Load.Series] = []

    /// Times of the points of expected series that have several.
    var steps: Steps? {
        guard case .range(let from, let to, let step) = time else { return rangeVector }
        return Steps(from: from, to: to, step: step)
    }
}
