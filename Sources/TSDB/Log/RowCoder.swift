// SPDX-License-Identifier: Apache-2.0
//
// Codes the rows of one window against each other, for the log (docs/formats/log.md, "Row"). The same model runs in
// the writer and in recovery. A key row resets all of it, so that reading can begin there: nothing that is not
// derived from the key row and those after it may influence what a byte means.
//
// A column costs 13 bytes until its first change after a key row, and then about 210 more: thousands of series of a
// node never change.

internal import Bytes
internal import Samples

/// The state that turns a row into bytes and back.
struct RowCoder: Sendable {
    /// What is known of 64 columns, a bit for each.
    struct Word: Sendable {
        /// In the row before; new columns count as present.
        var present = UInt64.max
        var stale: UInt64 = 0
        /// Had a value since the key row.
        var known: UInt64 = 0
        /// Had two different ones.
        var varies: UInt64 = 0
        /// In this row.
        var nextPresent = UInt64.max
        var nextStale: UInt64 = 0
    }

    var count = 0
    var words: [Word] = []
    /// The last value of each column.
    var last: [UInt64] = []
    /// The map of each column's first value; before, as a hint to the writer, that of the window's rows before.
    var maps: [RowMap] = []
    /// Where in `columns` each column is; 0 for none.
    var places: [Int32] = []
    /// First the differences of times, then the columns that vary.
    var columns: [RowColumn] = []
    /// Of each of `columns`.
    var contexts: [UInt16] = []
    var shared: [UInt16] = []

    /// Rows since the last key row; a window begins with one.
    private(set) var rowsSinceKey = Int.max
    var previousTime: Int64 = 0

    /// For the rows of a log that version 0.1.0 wrote.
    private var varints: VarintRows?

    /// Makes the next row a key row.
    mutating func requireKey() {
        rowsSinceKey = .max
    }

    /// Rows from one key row to the next: what damage in the middle of the log may cost.
    static let keyInterval = 256

    /// More series than one group may have; a limit for readers of damaged input.
    static let columnLimit = 1 << 20

    var needsKey: Bool { rowsSinceKey >= RowCoder.keyInterval }

    /// Bytes that a column costs which never changed.
    var bytesOfConstant: Int {
        MemoryLayout<UInt64>.size + MemoryLayout<RowMap>.size + MemoryLayout<Int32>.size + MemoryLayout<Word>
            .size / 64 + 1
    }

    /// Appends time, states and values of a row.
    mutating func append(_ row: borrowing RowScratch, timestamp: Int64, to out: inout [UInt8]) {
        begin(isKey: needsKey)
        var bytes: [UInt8] = []
        swap(&bytes, &out)
        var shared: [UInt16] = []
        swap(&shared, &self.shared)
        out = unsafe shared.withUnsafeMutableBufferPointer { shared in
            guard let shared = unsafe RowContexts(shared, at: 0, count: RowShared.count) else { return bytes }
            var model = RowModel(RowBitWriter(bytes), shared: shared)
            _ = codeTime(timestamp, &model)
            _ = codeStates(row, &model)
            unsafe row.bits.withUnsafeBufferPointer { values in
                for word in words.indices { unsafe codeWord(word, values, &model) }
            }
            return model.coder.finish()
        }
        swap(&shared, &self.shared)
    }

    /// Reads a row written by `append` into the scratch; returns its time.
    mutating func read(
        _ reader: inout ByteReader,
        flags: UInt8,
        into row: inout RowScratch
    ) throws(CorruptionError) -> Int64 {
        guard flags & RowFlag.coded != 0 else {
            var earlier = varints ?? VarintRows()
            defer { varints = earlier }
            return try earlier.read(&reader, flags: flags, into: &row)
        }
        varints = nil
        begin(isKey: flags & RowFlag.key != 0)
        let rest = try reader.take(reader.remaining)
        var shared: [UInt16] = []
        swap(&shared, &self.shared)
        let nothing = RowScratch()
        let time: Int64? = unsafe shared.withUnsafeMutableBufferPointer { shared in
            unsafe rest.withUnsafeBufferPointer { bytes in
                guard let shared = unsafe RowContexts(shared, at: 0, count: RowShared.count) else {
                    return nil
                }
                var model = unsafe RowModel(RowBitReader(bytes), shared: shared)
                let time = codeTime(0, &model)
                guard codeStates(nothing, &model) else { return nil }
                let none = unsafe UnsafeBufferPointer<UInt64>(start: nil, count: 0)
                for word in words.indices {
                    unsafe codeWord(word, none, &model)
                    if model.coder.isExhausted { return nil }
                }
                return model.coder.isExhausted || model.coder.hasRest ? nil : time
            }
        }
        swap(&shared, &self.shared)
        guard let time else { throw CorruptionError("a row of the window", at: reader.offset) }
        row.begin(columns: count)
        for word in words.indices {
            var rest = words[word].present & mask(word)
            let stale = words[word].stale
            while rest != 0 {
                let bit = rest.trailingZeroBitCount
                rest &= rest &- 1
                let column = word << 6 | bit
                row.set(column, stale >> UInt64(bit) & 1 == 1 ? StaleMarker.bits : last[column])
            }
        }
        return time
    }

    // MARK: - Parts

    private mutating func begin(isKey: Bool) {
        if isKey {
            rowsSinceKey = 0
            previousTime = 0
            count = 0
            words.removeAll(keepingCapacity: true)
            columns.removeAll(keepingCapacity: true)
            contexts.removeAll(keepingCapacity: true)
            last.removeAll(keepingCapacity: true)
            places.removeAll(keepingCapacity: true)
            shared.removeAll(keepingCapacity: true)
            shared.append(contentsOf: repeatElement(RowContext.initial, count: RowShared.count))
            for place in RowShared.fine { shared[place] = RowContext.fineInitial }
            _ = addColumn(RowColumn(integer: 0, map: RowMap(kind: 0, exponent: 0)))
        }
        // It is the largest number there is until the first key row.
        if rowsSinceKey < .max { rowsSinceKey += 1 }
    }

    mutating func addColumn(_ column: RowColumn) -> Int32 {
        columns.append(column)
        contexts.append(contentsOf: repeatElement(RowContext.fineInitial, count: 4))
        contexts.append(contentsOf: repeatElement(RowContext.initial, count: RowColumn.Context.count - 4))
        return Int32(columns.count - 1)
    }
}

/// What a row record is; bits 0 to 2 are as stored in the records of kind 2.
enum RowFlag {
    /// Decodes without any row before it.
    static let key: UInt8 = 1
    /// Version 0.1.0: a bitmap of the present columns follows.
    static let presence: UInt8 = 2
    /// Behind the newest row of its group, or completing a row; coded on its own.
    static let late: UInt8 = 4
    /// Not stored: a row of the range coder, which has kinds of its own.
    static let coded: UInt8 = 8
}
