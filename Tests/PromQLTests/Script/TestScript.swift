// SPDX-License-Identifier: Apache-2.0
//
// Prometheus' promqltest language as values: what a file says, before anything is run.

import Samples

/// A parsed script.
struct TestScript {
    enum Command {
        case clear
        case load(Load)
        case evaluate(Evaluation)
    }

    var commands: [Command] = []
}

/// Series to append, their first sample at time 0.
struct Load {
    /// A series with its samples; positions without a float hold nothing.
    struct Series {
        let labels: Labels
        let points: [Point]
    }

    /// Milliseconds between positions.
    let step: Int64
    /// Also builds native histograms from the classic ones.
    let buildsHistograms: Bool
    var series: [Series] = []
}

/// What stands at one position of a series.
enum Point: Equatable {
    case omitted
    case float(Double)
    /// A native histogram, kept as its text.
    case histogram(String)
}

/// A query with what is expected of it.
struct Evaluation {
    enum Time {
        case instant(Int64)
        case range(from: Int64, to: Int64, step: Int64)
    }

    /// How an error or annotation must read.
    enum Pattern {
        case any
        case message(String)
        case expression(String)
    }

    let line: Int
    var time: Time
    let query: String
    var failure: Pattern?
    var warnings: [Pattern] = []
    var infos: [Pattern] = []
    var forbidsWarnings = false
    var forbidsInfos = false
    var isOrdered = false
    var string: String?
    var scalar: Double?
    /// Times of the points of an expected range vector.
    var rangeVector: (from: Int64, step: Int64)?
    var series: [Load.Series] = []
}
