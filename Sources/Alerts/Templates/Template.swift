// SPDX-License-Identifier: Apache-2.0
//
// The label and annotation texts of alerting rules: Go's text/template with the functions Prometheus adds, as much of
// both as rule files use. Parsed once when the rule file is read, expanded for every alert of every evaluation.
//
// Departures, all towards leniency: a function nobody knows is an error of the expansion and not of the file;
// integers and floats compare with each other.

internal import Samples

/// A parsed template.
struct Template: Sendable, Equatable {
    /// The text as written.
    let source: String
    let nodes: [TemplateNode]
    let definitions: [String: [TemplateNode]]

    /// Whether the text is taken as it stands.
    private let isPlain: Bool

    /// Parses a text.
    ///
    /// - Parameters:
    ///   - source: the text.
    ///   - isPlain: whether it is to be taken as it stands, as labels of recording rules are.
    /// - Throws: `TemplateError` in Go's words.
    init(_ source: String, isPlain: Bool = false) throws(TemplateError) {
        self.source = source
        self.isPlain = isPlain || !source.contains("{{")
        guard !self.isPlain else {
            nodes = []
            definitions = [:]
            return
        }
        var lexer = TemplateLexer(source)
        var parser = TemplateParser(try lexer.pieces())
        nodes = try parser.parse()
        definitions = parser.definitions
    }

    /// Whether expanding may run queries.
    var queries: Bool { !isPlain && source.contains("query") }

    /// Expands the template.
    ///
    /// - Parameter data: what the template sees.
    /// - Returns: the text.
    /// - Throws: `TemplateError` when a function fails or a bound is exceeded.
    func expand(_ data: TemplateData) async throws(TemplateError) -> String {
        if isPlain { return source }
        var run = TemplateRun(template: self, data: data)
        return try await run.text()
    }
}

/// What a template sees.
struct TemplateData: Sendable {
    /// Labels of the query's result, before the rule's labels are applied.
    var labels: Labels
    var value: Double
    var externalLabels = Labels()
    var externalURL = ""
    /// The evaluation's time, for `now`.
    var now = Timestamp(milliseconds: 0)
    /// Further variables, by name without `$`.
    var variables: [String: TemplateValue] = [:]
    /// Runs an instant query at the time of the evaluation; nil where queries are not possible.
    var query: (@Sendable (String) async -> Result<[TemplateValue], TemplateError>)?
}
