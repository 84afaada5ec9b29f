// SPDX-License-Identifier: Apache-2.0

public import Samples

/// Steps of range queries that read well.
public enum RangeStep {
    /// Steps in seconds that people think in; longer ones are whole days.
    private static let round: [Int64] = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
    ]

    /// The smallest round step with which a span has at most so many points.
    public static func of(_ span: Duration, points: Int) -> Duration {
        let seconds = max(0, span.inSeconds) / Double(max(1, points))
        if let step = round.first(where: { Double($0) >= seconds }) { return .seconds(step) }
        return .seconds(Int64(clamping: Int((seconds / 86_400).rounded(.up))) * 86_400)
    }

    /// The last time at or before `time` that is a multiple of a step, so that points stand at round times.
    public static func aligned(_ time: Timestamp, to step: Duration) -> Timestamp {
        let length = max(1, step.milliseconds)
        let remainder = time.milliseconds % length
        return time.advanced(byMilliseconds: remainder < 0 ? -remainder - length : -remainder)
    }
}
