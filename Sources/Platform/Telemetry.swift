// SPDX-License-Identifier: Apache-2.0
//
// edgewatch's own metrics: what it gave up, how long things take. Counting is one atomic add; rendering walks a
// registry. Names are declared where they are counted and must be unique per label set.

internal import Synchronization

/// A number that only grows.
public final class Counter: Sendable {
    private let bits = Atomic<UInt64>(0)

    /// Adds a whole number.
    public func add(_ amount: Int = 1) {
        guard amount > 0 else { return }
        bits.wrappingAdd(UInt64(amount), ordering: .relaxed)
    }

    /// The value so far.
    public var value: UInt64 { bits.load(ordering: .relaxed) }
}

/// A number that goes up and down.
public final class Gauge: Sendable {
    private let bits = Atomic<UInt64>(0)

    /// Sets the value.
    public func set(_ value: Double) {
        bits.store(value.bitPattern, ordering: .relaxed)
    }

    /// The newest value.
    public var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }
}

/// All of this process' own metrics.
public final class Telemetry: Sendable {
    /// One sample of a family, for rendering.
    public struct Sample: Sendable {
        /// Labels in the order given.
        public let labels: [(name: String, value: String)]
        /// The value now.
        public let value: Double
    }

    /// A family with its samples, for rendering.
    public struct Family: Sendable {
        /// The metric's name.
        public let name: String
        /// One sentence for people.
        public let help: String
        /// True for counters, false for gauges.
        public let isCounter: Bool
        /// One per label set.
        public let samples: [Sample]
    }

    private enum Instrument {
        case counter(Counter)
        case gauge(Gauge)
        case computed(@Sendable () -> Double)

        var value: Double {
            switch self {
            case .counter(let counter): Double(counter.value)
            case .gauge(let gauge): gauge.value
            case .computed(let body): body()
            }
        }
    }

    private struct Entry {
        var help: String
        var isCounter: Bool
        var instruments: [(labels: [(name: String, value: String)], instrument: Instrument)]
    }

    private let entries = Mutex<[String: Entry]>([:])

    /// Creates an empty registry.
    public init() {}

    /// The counter of a name and label set, created when new.
    public func counter(
        _ name: String,
        _ help: String,
        _ labels: [(name: String, value: String)] = []
    ) -> Counter {
        let fresh = Counter()
        let found = register(name, help, isCounter: true, labels, .counter(fresh))
        if case .counter(let counter) = found { return counter }
        return fresh
    }

    /// The gauge of a name and label set, created when new.
    public func gauge(_ name: String, _ help: String, _ labels: [(name: String, value: String)] = []) -> Gauge
    {
        let fresh = Gauge()
        let found = register(name, help, isCounter: false, labels, .gauge(fresh))
        if case .gauge(let gauge) = found { return gauge }
        return fresh
    }

    /// Registers a value that is computed when asked for; a second registration of the same replaces the first.
    public func computed(
        _ name: String,
        _ help: String,
        isCounter: Bool = false,
        _ labels: [(name: String, value: String)] = [],
        _ body: @escaping @Sendable () -> Double
    ) {
        _ = register(name, help, isCounter: isCounter, labels, .computed(body), replacing: true)
    }

    /// Every family with its values now, sorted by name.
    public func families() -> [Family] {
        let snapshot = entries.withLock { $0 }
        return snapshot.keys.sorted().compactMap { name in
            guard let entry = snapshot[name] else { return nil }
            let samples = entry.instruments.map { Sample(labels: $0.labels, value: $0.instrument.value) }
            return Family(name: name, help: entry.help, isCounter: entry.isCounter, samples: samples)
        }
    }

    private func register(
        _ name: String,
        _ help: String,
        isCounter: Bool,
        _ labels: [(name: String, value: String)],
        _ instrument: Instrument,
        replacing: Bool = false
    ) -> Instrument {
        entries.withLock { entries in
            var entry = entries[name] ?? Entry(help: help, isCounter: isCounter, instruments: [])
            defer { entries[name] = entry }
            let place = entry.instruments.firstIndex { existing in
                existing.labels.elementsEqual(labels) { $0.name == $1.name && $0.value == $1.value }
            }
            guard let place else {
                entry.instruments.append((labels, instrument))
                return instrument
            }
            if replacing { entry.instruments[place].instrument = instrument }
            return entry.instruments[place].instrument
        }
    }
}
