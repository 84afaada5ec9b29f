// SPDX-License-Identifier: Apache-2.0
//
// How well the kernel's clock is disciplined, from adjtimex(2). A gateway with a wrong clock writes samples at
// wrong times, so this is what the shipped clock rules watch.

internal import CSensors
internal import Glibc
internal import Samples

/// node_timex_*.
struct KernelClockSource: HostSource {
    /// The unit of frequencies: parts per million with a 16-bit fraction.
    private static let partsPerMillion = 1e6 * 65536

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        var clock = timex()
        let state = adjtimex(&clock)
        // Containers may forbid even reading.
        if state < 0, errno == EPERM { throw .absent }
        guard state >= 0 else { throw .unreadable("adjtimex", errno) }
        let isNanoseconds = clock.status & STA_NANO != 0
        let fraction = isNanoseconds ? 1e9 : 1e6
        let parts = KernelClockSource.partsPerMillion
        pass.add(Family.clockOffset, Double(clock.offset) / fraction)
        pass.add(Family.clockFrequency, 1 + Double(clock.freq) / parts)
        pass.add(Family.clockMaximumError, Double(clock.maxerror) / 1e6)
        pass.add(Family.clockEstimatedError, Double(clock.esterror) / 1e6)
        pass.add(Family.clockStatus, Double(clock.status))
        pass.add(Family.clockConstant, Double(clock.constant))
        pass.add(Family.clockTick, Double(clock.tick) / 1e6)
        pass.add(Family.pulseFrequency, Double(clock.ppsfreq) / parts)
        pass.add(Family.pulseJitter, Double(clock.jitter) / fraction)
        pass.add(Family.pulseShift, Double(clock.shift))
        pass.add(Family.pulseStability, Double(clock.stabil) / parts)
        pass.add(Family.pulseJitters, Double(clock.jitcnt))
        pass.add(Family.pulseCalibrations, Double(clock.calcnt))
        pass.add(Family.pulseErrors, Double(clock.errcnt))
        pass.add(Family.pulseInstabilities, Double(clock.stbcnt))
        pass.add(Family.clockInternational, Double(clock.tai))
        pass.add(Family.clockIsSynchronised, state == TIME_ERROR ? 0 : 1)
    }
}

extension Family {
    private static func clock(
        _ name: String,
        _ help: String,
        _ kind: MetricMetadata.Kind = .gauge,
        _ metricClass: MetricClass = .detailedPerformance
    ) -> Family {
        Family("node_timex_" + name, kind, help, class: metricClass)
    }

    fileprivate static let clockOffset = clock(
        "offset_seconds",
        "What the local clock is off its reference.",
        .gauge,
        .health
    )
    fileprivate static let clockMaximumError = clock(
        "maxerror_seconds",
        "The most the clock can be wrong.",
        .gauge,
        .health
    )
    fileprivate static let clockIsSynchronised = clock(
        "sync_status",
        "Whether the clock is synchronised to a reliable server.",
        .gauge,
        .health
    )
    fileprivate static let clockEstimatedError = clock(
        "estimated_error_seconds",
        "What the clock is probably wrong by."
    )
    fileprivate static let clockFrequency = clock(
        "frequency_adjustment_ratio",
        "How much faster than its hardware the clock is made to run."
    )
    fileprivate static let clockStatus = clock("status", "The clock's status bits.", .gauge, .debug)
    fileprivate static let clockConstant = clock(
        "loop_time_constant",
        "Time constant of the phase-locked loop.",
        .gauge,
        .debug
    )
    fileprivate static let clockTick = clock("tick_seconds", "Time between clock ticks.", .gauge, .debug)
    fileprivate static let clockInternational = clock(
        "tai_offset_seconds",
        "What International Atomic Time is ahead of UTC.",
        .gauge,
        .debug
    )
    fileprivate static let pulseFrequency = clock(
        "pps_frequency_hertz",
        "Frequency of the pulse-per-second signal.",
        .gauge,
        .debug
    )
    fileprivate static let pulseJitter = clock(
        "pps_jitter_seconds",
        "Jitter of the pulse-per-second signal.",
        .gauge,
        .debug
    )
    fileprivate static let pulseShift = clock(
        "pps_shift_seconds",
        "Interval over which the pulse-per-second signal is averaged.",
        .gauge,
        .debug
    )
    fileprivate static let pulseStability = clock(
        "pps_stability_hertz",
        "Stability of the pulse-per-second signal.",
        .gauge,
        .debug
    )
    fileprivate static let pulseJitters = clock(
        "pps_jitter_total",
        "Pulses outside the allowed jitter.",
        .counter,
        .debug
    )
    fileprivate static let pulseCalibrations = clock(
        "pps_calibration_total",
        "Calibration intervals.",
        .counter,
        .debug
    )
    fileprivate static let pulseErrors = clock(
        "pps_error_total",
        "Calibration errors.",
        .counter,
        .debug
    )
    fileprivate static let pulseInstabilities = clock(
        "pps_stability_exceeded_total",
        "Times the pulses' stability exceeded its limit.",
        .counter,
        .debug
    )
}
