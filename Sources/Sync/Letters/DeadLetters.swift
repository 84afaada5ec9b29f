// SPDX-License-Identifier: Apache-2.0
//
// The seam to where samples go that a receiver will never take. What is given up is counted by delivery whatever stands
// behind this.

internal import Samples

/// Samples a receiver refused for good, and its words.
struct DeadLetter: Sendable {
    /// Who refused.
    var destination: String
    /// The rule they were shipped by.
    var rule: String
    /// When, in milliseconds since 1970.
    var time: Int64
    /// The refused samples, with the labels they were sent under.
    var series: [LogChunk.Series]
    /// Why.
    var reason: DropReason
    /// The receiver's words, already made fit for a log line.
    var words: String
    /// Attempts it took.
    var attempts: Int
}

/// Where samples go that a receiver will never take.
protocol DeadLetters: Sendable {
    /// Takes refused samples.
    func take(_ letter: DeadLetter)
    /// Takes samples that are too old for a destination, to be brought there another way; false when there is none.
    func export(_ series: [LogChunk.Series], destination: String, why: DropReason) -> Bool
}

/// Keeps nothing: what is given up is only counted and logged.
struct NoDeadLetters: DeadLetters {
    func take(_ letter: DeadLetter) {}
    func export(_ series: [LogChunk.Series], destination: String, why: DropReason) -> Bool { false }
}
