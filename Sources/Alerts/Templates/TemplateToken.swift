// SPDX-License-Identifier: Apache-2.0

/// One token inside `{{ … }}`.
struct TemplateToken: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        /// A keyword or the name of a function.
        case identifier(String)
        /// `.name`, with the dot.
        case field(String)
        /// A dot alone.
        case dot
        /// `$name`; `$` alone has the name "".
        case variable(String)
        case literal(TemplateValue)
        case openParenthesis
        case closeParenthesis
        case pipe
        case declare
        case assign
        case comma
    }

    let kind: Kind
    /// Whether blanks stand before it, which tells `.a .b` from `.a.b`.
    let followsSpace: Bool
}

/// A stretch of a template's text.
enum TemplatePiece: Sendable, Equatable {
    case text(String)
    case action([TemplateToken])
}
