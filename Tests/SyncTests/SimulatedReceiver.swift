// SPDX-License-Identifier: Apache-2.0
//
// Receivers as a simulation needs them: what they take, what they store of a request they object to, and what they say.

import Samples

@testable import Sync

/// A receiver in memory.
struct SimulatedReceiver {
    enum Kind: CaseIterable {
        /// Prometheus without an out-of-order window: each series forward in time, a request whole or not at all.
        case inOrder
        /// The same with a window of an hour.
        case window
        /// Takes any time, stores the good rest of a request it objects to.
        case soft
        /// The same, and says how many it stored.
        case counting
        /// Takes everything.
        case everything
    }

    static let window: Int64 = 3_600_000

    let kind: Kind
    /// Samples in a request at most.
    let sizeLimit: Int
    private(set) var stored: [Labels: [Int64: UInt64]] = [:]
    private var newest: [Labels: Int64] = [:]
    private var newestOfAll = Int64.min
    /// Samples that were stored although they were there.
    private(set) var repeated = 0

    init(_ kind: Kind, sizeLimit: Int) {
        (self.kind, self.sizeLimit) = (kind, sizeLimit)
    }

    /// A sample no receiver takes.
    static func isPoison(_ value: Double) -> Bool { value < 0 }

    func has(_ labels: Labels, _ time: Int64) -> Bool { stored[labels]?[time] != nil }

    /// Takes a request, and says what a sender would make of its answer.
    mutating func receive(_ series: [LogChunk.Series]) -> Verdict {
        let samples = series.flatMap { entry in
            zip(entry.samples.timestamps, entry.samples.values).map { (entry.labels, $0, $1) }
        }
        guard samples.count <= sizeLimit else { return .tooLarge(reason: "too many") }
        if kind == .everything {
            for sample in samples { store(sample) }
            return .accepted
        }
        var taken: [(Labels, Int64, Double)] = []
        var objection: Verdict?
        var within = newest
        for sample in samples {
            let found = object(to: sample, within)
            objection = objection ?? found
            if found == nil {
                taken.append(sample)
                within[sample.0] = max(within[sample.0] ?? .min, sample.1)
            }
        }
        guard let objection else {
            for sample in taken { store(sample) }
            return .accepted
        }
        switch kind {
        case .inOrder, .window: return objection
        case .soft, .counting, .everything:
            for sample in taken { store(sample) }
            return kind == .counting
                ? .partly(written: taken.count, of: samples.count, words: "bad label") : objection
        }
    }

    private func object(to sample: (Labels, Int64, Double), _ newest: [Labels: Int64]) -> Verdict? {
        if Self.isPoison(sample.2) { return .rejected(reason: "bad label", isOrder: false) }
        switch kind {
        case .inOrder:
            guard let last = newest[sample.0], sample.1 <= last else { return nil }
            // The newest itself, bit for bit, is taken again.
            if sample.1 == last, stored[sample.0]?[last] == sample.2.bitPattern { return nil }
            return .rejected(reason: "out of order sample", isOrder: true)
        case .window:
            guard newestOfAll > .min, sample.1 < newestOfAll - Self.window else { return nil }
            return .rejected(reason: "too old sample", isOrder: true)
        case .soft, .counting, .everything: return nil
        }
    }

    private mutating func store(_ sample: (Labels, Int64, Double)) {
        if stored[sample.0, default: [:]].updateValue(sample.2.bitPattern, forKey: sample.1) != nil {
            repeated += 1
        }
        newest[sample.0] = max(newest[sample.0] ?? .min, sample.1)
        newestOfAll = max(newestOfAll, sample.1)
    }
}
