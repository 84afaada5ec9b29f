// SPDX-License-Identifier: Apache-2.0
//
// When to read the log: at once while a full request's worth of samples waits, otherwise when what waits has waited for
// the deadline. How many samples the waiting rows hold is known only after reading them, so the last read's ratio is
// taken.

internal import Samples

struct Pacer: Sendable {
    /// How often the log's end is looked at.
    static let pollInterval = Duration.seconds(1)

    private let samplesPerRequest: Double
    private let deadlineNanoseconds: UInt64
    private var samplesPerRow = 1.0
    private var waitingSince: UInt64?

    init(samplesPerRequest: Int, deadline: Duration) {
        self.samplesPerRequest = Double(max(1, samplesPerRequest))
        deadlineNanoseconds = UInt64(max(0, deadline.milliseconds)) * 1_000_000
    }

    /// Whether to read now.
    ///
    /// - Parameters:
    ///   - rows: rows between the cursor and the log's end.
    ///   - readLimit: the most samples a read may take now, where a slow or small receiver made it less than
    ///     a request.
    ///   - now: monotonic nanoseconds.
    /// - Returns: true for a full request's worth of samples, or after the deadline.
    mutating func isDue(rows: UInt64, readLimit: Int? = nil, now: UInt64) -> Bool {
        guard rows > 0 else {
            waitingSince = nil
            return false
        }
        let full = readLimit.map { min(samplesPerRequest, Double($0)) } ?? samplesPerRequest
        if Double(estimatedSamples(rows: rows)) >= full { return true }
        guard let since = waitingSince else {
            waitingSince = now
            return deadlineNanoseconds == 0
        }
        return now >= since && now - since >= deadlineNanoseconds
    }

    /// About how many samples a number of rows holds.
    func estimatedSamples(rows: UInt64) -> Int {
        Int(min(Double(rows) * samplesPerRow, 1e15))
    }

    /// A read gave this much.
    mutating func didRead(rows: UInt64, samples: Int) {
        waitingSince = nil
        if rows > 0, samples > 0 { samplesPerRow = Double(samples) / Double(rows) }
    }
}
