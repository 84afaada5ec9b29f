// SPDX-License-Identifier: Apache-2.0
//
// Selectors of rules of shipping. What is taken must be taken by the query language, too, with the same matchers; what
// is not must say where.

import Samples

@testable import Config
@testable import PromQL

extension Targets {
    /// The bytes are a selector.
    @Sendable static func selector(_ input: [UInt8]) {
        let text = String(decoding: input, as: UTF8.self)
        do throws(SelectorError) {
            _ = try SyncSelector(parsing: text)
        } catch {
            precondition(error.column >= 1 && error.column <= text.count + 1, "a column beyond the text")
        }
        guard let selector = SeriesSelector(text) else { return }
        guard let expression = try? Parser.parse(text), case .selector(let node) = expression.root else {
            preconditionFailure("no selector in the query language")
        }
        precondition(Set(node.matchers) == Set(selector.matchers), "other matchers")
    }
}
