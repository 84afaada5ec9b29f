// SPDX-License-Identifier: Apache-2.0
//
// Which rule ships a series. Rules are tried in order and the first that selects the series has it, so that no sample
// goes to one destination twice; a rule may say that those after it are asked, too, and then each that selects the series
// ships it under names of its own.
//
// The answer depends on the labels only, so it is kept by their hash. Two series of one hash would get one answer: with
// 64 bits that SipHash mixes and 200 000 series this happens once in a billion processes.

internal import Config
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
        /// Series of each rule, of those in `numbers`.
        var counts: [Int] = []
    }

    private let entries: [Entry]
    private let answers = Mutex(Answers())

    /// - Parameter entries: in their order, at most 64.
    init(_ entries: [Entry]) {
        precondition(entries.count <= RuleSet.ruleLimit, "a destination has at most 64 rules")
        self.entries = entries
        answers.withLock { $0.counts = [Int](repeating: 0, count: entries.count) }
    }

    /// The rules that ship a series.
    func rules(for labels: Labels) -> Rules {
        let hash = labels.hashValue
        let known = answers.withLock { answers in answers.numbers[hash].map { answers.sets[Int($0)] } }
        if let known { return known }
        let rules = match(labels)
        answers.withLock { answers in
            guard answers.numbers.count < RuleSet.seriesLimit else { return }
            guard answers.numbers[hash] == nil else { return }
            let number = answers.sets.firstIndex(of: rules) ?? answers.sets.count
            guard number < RuleSet.setLimit else { return }
            if number == answers.sets.count { answers.sets.append(rules) }
            answers.numbers[hash] = UInt8(number)
            for index in entries.indices where rules.contains(Rules(rule: index)) {
                answers.counts[index] += 1
            }
        }
        return rules
    }

    /// Whether any rule ships a series.
    func selects(_ labels: Labels) -> Bool { !rules(for: labels).isEmpty }

    /// Whether rule `index` ships a series.
    func has(_ index: Int, _ labels: Labels) -> Bool {
        rules(for: labels).contains(Rules(rule: index))
    }

    /// Series that rule `index` ships, of those met so far.
    func seriesCount(_ index: Int) -> Int { answers.withLock { $0.counts[index] } }

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

extension RuleSet {
    /// The set of a destination's rules; nil where everything is shipped and nothing has to be looked at.
    convenience init?(_ rules: [SyncRule]) {
        if rules == [.everything] { return nil }
        self.init(rules.map { Entry(selector: $0.selector, also: $0.also) })
    }
}

extension SyncRule {
    /// The rules of a destination; everything where no rule names it.
    static func of(_ configs: [SyncRuleConfig], for destination: String) -> [SyncRule] {
        let own = configs.filter { $0.destinations.isEmpty || $0.destinations.contains(destination) }
        if own.isEmpty { return [.everything] }
        return own.compactMap { config in
            let selectors = config.selectors.filter(\.isAvailable).map(\.matchers)
            // No set of matchers would select everything.
            return selectors.isEmpty ? nil : SyncRule(name: config.name, selector: selectors)
        }
    }
}
