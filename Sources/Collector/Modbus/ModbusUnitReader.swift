// SPDX-License-Identifier: Apache-2.0
//
// One pass over one unit: every span of the plan, what was refused asked again in halves until it is known what the
// unit does not have, busy units asked again after a while. Pure but for the link, which a test replaces.
//
// Exceptions (edge practice, each learnt the hard way by somebody): 1, 2 and 3 mean "not like that" and split the
// span; 5 and 6 mean "later"; 10 and 11 come from a gateway whose unit is away, which concerns this unit only; the
// rest fails the span for this pass.

internal import Config

/// What one pass over a unit brought.
struct ModbusReading: Equatable {
    /// A value per register of the configuration; nil where none was read.
    var values: [Double?]
    var requests = 0
    /// Exception codes and how often they came.
    var exceptions: [Int: Int] = [:]
    /// Why the pass ended early, or the last span failed.
    var failure: ModbusFailure?

    /// Whether the unit is there: the pass went to its end and brought something, or there was nothing to bring.
    var isUp: Bool {
        guard let failure else { return true }
        return !failure.endsPass && values.contains { $0 != nil }
    }
}

extension ModbusFailure {
    /// Whether the unit (or the way to it) is gone, so that asking on only costs time.
    var endsPass: Bool {
        switch self {
        case .exception(10), .exception(11), .timeout, .connection, .nonsense: true
        case .exception: false
        }
    }
}

/// Reads a unit and remembers what it learns.
struct ModbusUnitReader {
    /// Retries of a busy unit within a pass, and the pause before each.
    private static let busyRetries = 3
    private static let busyPause = Duration.milliseconds(100)
    /// Passes after which registers thought missing are tried again.
    private static let passesBetweenSecondLooks = 1000

    let device: ModbusDeviceConfig
    private(set) var plan: ModbusPlan
    private var passes = 0

    init(_ device: ModbusDeviceConfig) {
        self.device = device
        plan = ModbusPlan(device.registers, maxGap: device.maxGap)
    }

    /// Reads every register once.
    mutating func read(_ link: some ModbusLink) -> ModbusReading {
        passes += 1
        if passes % ModbusUnitReader.passesBetweenSecondLooks == 0 { plan.forgetUnsupported() }
        var reading = ModbusReading(values: [Double?](repeating: nil, count: device.registers.count))
        var learnt = 0
        for span in plan.spans {
            do throws(ModbusFailure) {
                try read(span, link, &reading, &learnt)
            } catch {
                reading.failure = error
                if error.endsPass { break }
            }
        }
        if learnt > 0 { plan.rebuild() }
        return reading
    }

    private mutating func read(
        _ span: ModbusPlan.Span,
        _ link: some ModbusLink,
        _ reading: inout ModbusReading,
        _ learnt: inout Int
    ) throws(ModbusFailure) {
        do throws(ModbusFailure) {
            let words = try ask(span, link, &reading)
            for field in span.fields {
                let start = device.registers[field].range.lowerBound - span.start
                reading.values[field] = ModbusValue.decode(words.dropFirst(start), device.registers[field])
            }
        } catch .exception(let code) where (1...3).contains(code) {
            guard let (left, right) = plan.split(span) else {
                for field in span.fields { plan.markUnsupported(field) }
                learnt += 1
                return
            }
            let before = learnt
            try read(left, link, &reading, &learnt)
            try read(right, link, &reading, &learnt)
            // What was learnt inside the halves may be all there is; if not, the next pass finds out.
            if learnt == before {
                plan.markHole(between: left, and: right)
                learnt += 1
            }
        }
    }

    private func ask(
        _ span: ModbusPlan.Span,
        _ link: some ModbusLink,
        _ reading: inout ModbusReading
    ) throws(ModbusFailure) -> [UInt16] {
        let request = ModbusRequest(
            unit: device.unit,
            table: span.table,
            start: span.start,
            count: span.count,
            timeout: device.timeout
        )
        for attempt in 0... {
            reading.requests += 1
            do throws(ModbusFailure) {
                let words = try link.read(request)
                guard words.count == span.count else { throw .nonsense("\(words.count) registers") }
                return words
            } catch {
                guard case .exception(let code) = error else { throw error }
                reading.exceptions[code, default: 0] += 1
                guard code == 5 || code == 6, attempt < ModbusUnitReader.busyRetries else { throw error }
                link.wait(ModbusUnitReader.busyPause)
            }
        }
        throw .timeout
    }
}
