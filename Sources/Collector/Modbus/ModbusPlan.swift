// SPDX-License-Identifier: Apache-2.0
//
// Which requests read all registers of a unit: neighbours together, small gaps read along (one request costs a round
// trip, a register two bytes), never across what the unit is known not to have. What a unit refuses is learnt while
// reading, because no manual says it reliably; wb-mqtt-serial and Telegraf users asked for exactly that.
//
//     fields      ▇▇  ▇ ▇▇▇        ▇▇▇▇
//     spans       [▇▇▁▁▇▁▇▇▇]      [▇▇▇▇]      gap ≤ maxGap, span ≤ limit
//     a hole in the second gap     [▇▇▁▁▇] [▇▇▇]  [▇▇▇▇]

internal import Config

/// The requests of one unit, and what was learnt of it.
struct ModbusPlan {
    /// One request.
    struct Span: Equatable {
        let table: ModbusRegisterConfig.Table
        let start: Int
        let count: Int
        /// The registers it brings, as places in the configuration, by address.
        let fields: [Int]
    }

    private let registers: [ModbusRegisterConfig]
    private let maxGap: Int
    /// Registers in configuration order that the unit does not have.
    private(set) var unsupported: Set<Int> = []
    /// Addresses that must not be read along.
    private var holes: [ModbusRegisterConfig.Table: [Range<Int>]] = [:]
    /// The most words in one request; devices with small buffers take fewer than the protocol allows.
    private(set) var wordLimit = 125
    private(set) var bitLimit = 2000
    /// The requests.
    private(set) var spans: [Span] = []

    init(_ registers: [ModbusRegisterConfig], maxGap: Int) {
        self.registers = registers
        self.maxGap = maxGap
        rebuild()
    }

    /// The unit does not have the register.
    mutating func markUnsupported(_ field: Int) {
        unsupported.insert(field)
    }

    /// Both sides could be read, but not together: what is between them, or the size of the request.
    mutating func markHole(between left: Span, and right: Span) {
        let end = left.start + left.count
        if right.start > end {
            holes[left.table, default: []].append(end..<right.start)
        } else if left.table == .holding || left.table == .input {
            wordLimit = max(1, min(wordLimit, max(left.count, right.count)))
        } else {
            bitLimit = max(1, min(bitLimit, max(left.count, right.count)))
        }
    }

    /// Forgets which registers are unsupported, so that a changed device is noticed.
    mutating func forgetUnsupported() {
        guard !unsupported.isEmpty else { return }
        unsupported = []
        rebuild()
    }

    /// Builds the requests anew from what is known.
    mutating func rebuild() {
        spans = ModbusRegisterConfig.Table.allCases.flatMap { spans(of: $0) }
    }

    /// The two halves of a span that was refused: apart at the widest gap, else in the middle; nil for one register.
    func split(_ span: Span) -> (left: Span, right: Span)? {
        guard span.fields.count > 1 else { return nil }
        var best = 1
        var bestScore = (gap: -1, balance: Int.min)
        for place in 1..<span.fields.count {
            let gap = registers[span.fields[place]].range.lowerBound - end(of: span.fields[..<place])
            let score = (gap: max(0, gap), balance: -abs(2 * place - span.fields.count))
            if score > bestScore {
                bestScore = score
                best = place
            }
        }
        return (
            makeSpan(span.table, Array(span.fields[..<best])),
            makeSpan(span.table, Array(span.fields[best...]))
        )
    }

    private func spans(of table: ModbusRegisterConfig.Table) -> [Span] {
        let fields = registers.indices.filter { registers[$0].table == table && !unsupported.contains($0) }
            .sorted { (registers[$0].address, $0) < (registers[$1].address, $1) }
        let limit = table == .holding || table == .input ? wordLimit : bitLimit
        var result: [Span] = []
        var open: [Int] = []
        for field in fields {
            if let first = open.first {
                let next = registers[field].range
                let reached = end(of: open[...])
                let isNear = next.lowerBound - reached <= maxGap
                let fits = max(reached, next.upperBound) - registers[first].range.lowerBound <= limit
                let isBlocked =
                    holes[table]?.contains { $0.overlaps(reached..<max(reached, next.lowerBound)) } ?? false
                if !isNear || !fits || isBlocked {
                    result.append(makeSpan(table, open))
                    open = []
                }
            }
            open.append(field)
        }
        if !open.isEmpty { result.append(makeSpan(table, open)) }
        return result
    }

    private func makeSpan(_ table: ModbusRegisterConfig.Table, _ fields: [Int]) -> Span {
        let start = fields.first.map { registers[$0].range.lowerBound } ?? 0
        return Span(table: table, start: start, count: end(of: fields[...]) - start, fields: fields)
    }

    /// One past the last address of the fields, which may overlap.
    private func end(of fields: ArraySlice<Int>) -> Int {
        fields.map { registers[$0].range.upperBound }.max() ?? 0
    }
}

extension ModbusRegisterConfig {
    /// The addresses the value takes.
    var range: Range<Int> { Int(address)..<(Int(address) + type.registerCount) }
}
