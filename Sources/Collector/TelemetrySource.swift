// SPDX-License-Identifier: Apache-2.0
//
// edgewatch's own metrics as a source, so that they can be queried, alerted on and shipped like any others, and with
// them what sampling did and the node's signals.

internal import Conditions
internal import Config
internal import Platform
internal import Samples
internal import Synchronization

/// edgewatch's own metrics, sampling decisions and signals as a source.
final class TelemetrySource: CollectorSource {
    let definition: SourceDefinition
    private let telemetry: Telemetry
    private let signals: SignalBoard
    private let report: SamplingReport
    private let power: PowerState
    private let tally: PassTally
    private let buffer: Mutex<PassBuffer>

    init(
        interval: Duration,
        identity: Labels,
        sink: any SampleSink,
        telemetry: Telemetry,
        signals: SignalBoard,
        report: SamplingReport,
        power: PowerState,
        tally: PassTally
    ) {
        definition = .telemetry(interval: interval, identity: identity)
        self.telemetry = telemetry
        self.signals = signals
        self.report = report
        self.power = power
        self.tally = tally
        buffer = Mutex(PassBuffer(group: identity, sink: sink))
    }

    @concurrent
    func pass(_ order: PassOrder) async {
        let families = telemetry.families()
        store { buffer throws(SinkError) in
            buffer.metricClassFilter = order.classes
            buffer.begin()
            buffer.add(TelemetrySource.up, 1)
            TelemetrySource.addSampling(report.current, to: &buffer)
            TelemetrySource.addSignals(signals.all(), withPower: !power.isMeasuredApart, to: &buffer)
            for family in families { TelemetrySource.add(family, to: &buffer) }
            _ = try buffer.finish(at: order.time)
        }
    }

    @concurrent
    func end(at time: Timestamp) async {
        store { buffer throws(SinkError) in try buffer.end(at: time) }
    }

    private func store(_ work: (inout PassBuffer) throws(SinkError) -> Void) {
        do {
            try buffer.withLock { buffer throws(SinkError) in
                try work(&buffer)
                tally.add(buffer.statistics)
            }
        } catch {
            tally.storeFailures.add()
        }
    }

    // MARK: - Families

    private static let up = Family("up", .gauge, "Whether the last pass succeeded.", class: .health)
    private static let interval = Family(
        "edgewatch_sampling_interval_seconds",
        .gauge,
        "The collection interval in effect.",
        labels: ["source"],
        class: .health
    )
    private static let policy = Family(
        "edgewatch_sampling_policy_active",
        .gauge,
        "Whether a sampling policy takes effect.",
        labels: ["policy"],
        class: .health
    )
    private static let signal = Family(
        "edgewatch_signal",
        .gauge,
        "A signal of the node, in its base unit, while it is known.",
        labels: ["name", "unit"],
        class: .health
    )

    private static func addSampling(_ report: SamplingReport.Contents, to buffer: inout PassBuffer) {
        for (source, seconds) in report.intervals { buffer.add(interval, seconds.inSeconds, source) }
        for (name, isActive) in report.policies { buffer.add(policy, isActive ? 1 : 0, name) }
    }

    private static func addSignals(
        _ signals: [(String, Signal)],
        withPower: Bool,
        to buffer: inout PassBuffer
    ) {
        for (name, signal) in signals where signal.quality == .good {
            switch signal.value {
            case .number(let value): buffer.add(self.signal, value, name, signal.unit)
            case .text(let state) where name == SignalName.powerSource && withPower:
                for known in EdgePowerConfig.states {
                    buffer.add(EdgePower.status, known == state ? 1 : 0, known)
                }
            case .text: break
            }
        }
    }

    private static func add(_ family: Telemetry.Family, to buffer: inout PassBuffer) {
        for sample in family.samples {
            let known = Family(
                family.name,
                family.isCounter ? .counter : .gauge,
                family.help,
                labels: sample.labels.map(\.name),
                // Few, and what explains every gap: kept whatever sampling drops.
                class: .health
            )
            buffer.add(known, sample.value, labels: sample.labels.map(\.value))
        }
    }
}
