// SPDX-License-Identifier: Apache-2.0

/// When deviations become an alarm: `threshold` exceeded by three of the last five samples; over when five in a row
/// stay below two thirds of it.
struct SeasonalAlarm: Sendable, Equatable {
    /// Samples looked at.
    private static let window = 5
    /// Samples of the window that must exceed the threshold.
    private static let needed = 3

    private(set) var isRaised = false
    /// One bit per sample, the newest lowest: it exceeded the threshold.
    private(set) var exceeded: UInt8 = 0
    /// Samples in a row below the lower threshold, up to the window.
    private(set) var calm: UInt8 = 0

    init() {}

    init(isRaised: Bool, exceeded: UInt8, calm: UInt8) {
        self.isRaised = isRaised
        self.exceeded = exceeded & Self.mask
        self.calm = min(calm, UInt8(Self.window))
    }

    private static let mask = UInt8((1 << window) - 1)

    /// Takes the next deviation; a sample without verdict counts as calm.
    mutating func observe(_ sigma: Double?, threshold: Double) {
        let magnitude = sigma?.magnitude ?? 0
        exceeded = (exceeded << 1 | (magnitude > threshold ? 1 : 0)) & Self.mask
        calm = magnitude < threshold * 2 / 3 ? min(calm + 1, UInt8(Self.window)) : 0
        if !isRaised, exceeded.nonzeroBitCount >= Self.needed {
            isRaised = true
        } else if isRaised, calm >= Self.window {
            isRaised = false
            exceeded = 0
        }
    }
}
