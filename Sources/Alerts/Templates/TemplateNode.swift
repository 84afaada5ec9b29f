// SPDX-License-Identifier: Apache-2.0

/// One element of a parsed template.
indirect enum TemplateNode: Sendable, Equatable {
    case text(String)
    /// Prints the pipeline unless it declares or assigns a variable.
    case action(TemplatePipeline)
    case branch(TemplatePipeline, then: [TemplateNode], otherwise: [TemplateNode])
    /// As a branch, with the dot set to the value.
    case with(TemplatePipeline, then: [TemplateNode], otherwise: [TemplateNode])
    case range(TemplatePipeline, body: [TemplateNode], otherwise: [TemplateNode])
    /// Runs a defined template with the pipeline's value as dot.
    case template(name: String, TemplatePipeline?)
    case breakLoop
    case continueLoop
}

/// Commands joined by `|`; the value of each is the last argument of the next.
struct TemplatePipeline: Sendable, Equatable {
    /// Variables set to the value; two only in `range $index, $element := …`.
    var variables: [String] = []
    /// Whether the variables exist already (`=`) or are new (`:=`).
    var assigns = false
    var commands: [TemplateCommand] = []
}

/// An operand and, when it is a function, its arguments.
struct TemplateCommand: Sendable, Equatable {
    var operands: [TemplateOperand]
}

/// A value or a function within a command.
indirect enum TemplateOperand: Sendable, Equatable {
    /// `.` or `.a.b`.
    case dot(fields: [String])
    /// `$x` or `$x.a.b`.
    case variable(String, fields: [String])
    case literal(TemplateValue)
    case function(String)
    /// `(pipeline)` or `(pipeline).a`.
    case nested(TemplatePipeline, fields: [String])
}
