// SPDX-License-Identifier: Apache-2.0
//
// Which rule ships a series. Rules are tried in order and the first that selects the series has it, so that no sample
// goes to one destination twice; a rule may say that those after it are asked, too, and then each that selects the series
// ships it under names of its own.
//
// The answer depends on the labels only, so it is kept by their hash. Two series of one hash would get one answer: with
// 64 bits that SipHash mixes and 200 000 series this happens once in a billion processes.

internal import Samples
internal import Synchronization

/// The rules of one destination.
final class RuleSet: Sendable {
    /// What a rule takes.
    struct Entry: Sendable, Equatable {
        /// Sets of matchers, one of which a series has to satisfy whole; none selects every series.
        var selector: [[LabelMatcher]] = []
        /// Whether rules after it get its series too.
        var also = false
    }

    /// Numbers of rules as bits.
    struct Rules: OptionSet, Sendable, Hashable {
        let rawValue: UInt64

        /// The bit of rule `index`, which is below `ruleLimit`.
        init(rule index: Int) { rawValue = 1 << UInt64(index) }
        init(rawValue: UInt64) { self.rawValue = rawValue }
    }

    /// A set of rules fits into a word.
    static let ruleLimit = 64
    /// Of so many series the answers are kept, 9 bytes each and as much for the table; those beyond are matched anew.
    static let seriesLimit = 200_000
    /// Sets of rules that one byte can name; nobody has more.
    private static let setLimit = 255

    private struct Answers {
        var sets: [Rules] = []
        var numbers: [Int: UInt8] = [:]
    }

    private let entries: [Entry]
    private let answers = Mutex(Answers())

    /// - Parameter entries: in their order, at most 64.
    init(_ entries: [Entry]) {
        precondition(entries.count <= RuleSet.ruleLimit, "a destination has at most 64 rules")
        self.entries = entries
    }

    /// The rules that ship a series.
    func rules(for labels: Labels) -> Rules {
        let hash = labels.hashValue
        let known = answers.withLock { answers in answers.numbers[hash].map { answers.sets[Int($0)] } }
        if let known { return known }
        let rules = match(labels)
        answers.withLock { answers in
            guard answers.numbers.count < RuleSet.seriesLimit else { return }
            if let number = answers.sets.firstIndex(of: rules) {
                answers.numbers[hash] = UInt8(number)
            } else if answers.sets.count < RuleSet.setLimit {
                answers.numbers[hash] = UInt8(answers.sets.count)
                answers.sets.append(rules)
            }
        }
        return rules
    }

    /// Whether rule `index` ships a series.
    func has(_ index: Int, _ labels: Labels) -> Bool {
        rules(for: labels).contains(Rules(rule: index))
    }

    /// Series whose answers are kept.
    var count: Int { answers.withLock { $0.numbers.count } }

    private func match(_ labels: Labels) -> Rules {
        var found: Rules = []
        for (index, entry) in entries.enumerated() where entry.selects(labels) {
            found.insert(Rules(rule: index))
            if !entry.also { break }
        }
        return found
    }
}

extension RuleSet.Entry {
    /// Whether one of the sets of matchers is satisfied.
    func selects(_ labels: Labels) -> Bool {
        selector.isEmpty || selector.contains { set in set.allSatisfy { $0.matches(labels) } }
    }
}
