// SPDX-License-Identifier: Apache-2.0
//
// A unit that does not answer holds its line for a timeout each time it is asked. After a few failures in a row it is
// asked only now and then, so that the others on the line keep their interval.

/// Decides whether a unit is asked.
struct ModbusBreaker: Equatable {
    /// Failures in a row before asking less often.
    private static let tolerance = 3
    private static let firstPause: UInt64 = 10_000_000_000
    /// A device that was repaired is back within five minutes.
    private static let longestPause: UInt64 = 300_000_000_000

    private var failures = 0
    private var pause: UInt64 = 0
    private var openUntil: UInt64 = 0

    /// Whether the unit may be asked now; monotonic nanoseconds.
    func allows(at now: UInt64) -> Bool { now >= openUntil }

    /// Whether the unit is being spared.
    var isOpen: Bool { pause > 0 }

    /// The unit answered.
    mutating func succeeded() {
        self = ModbusBreaker()
    }

    /// The unit did not answer.
    mutating func failed(at now: UInt64) {
        failures += 1
        guard failures >= ModbusBreaker.tolerance else { return }
        pause = pause == 0 ? ModbusBreaker.firstPause : min(pause * 2, ModbusBreaker.longestPause)
        openUntil = now &+ pause
    }
}
