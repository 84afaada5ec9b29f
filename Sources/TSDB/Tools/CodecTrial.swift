// SPDX-License-Identifier: Apache-2.0
//
// What the store would make of somebody's data: codes a file of series with the code that seals segments, reads the
// segments back with the code that answers queries, compares every bit, and says what a sample costs on disk.
//
// The groups are taken one after the other, a group a window of N rows after the other, as a store does that catches
// up: a segment gathers as many windows as a seal would put into one.

public import Bytes
internal import Platform
internal import Samples
internal import Synchronization

/// Codes and decodes one file of series.
public struct CodecTrial: Sendable {
    /// What coding a file came to.
    public struct Report: Sendable {
        /// All values in the file.
        public var samples = 0
        /// Bytes on disk of value blocks, row times and everything else.
        public var valueBytes = 0
        /// Bytes of row times.
        public var timeBytes = 0
        /// Bytes of headers, labels, directories, summaries, checksums and padding.
        public var directoryBytes = 0
        /// Processor time of the fastest pass.
        public var encodeNanoseconds = UInt64.max
        /// Processor time of the fastest pass.
        public var decodeNanoseconds = UInt64.max
        /// The first value that did not come back, nil when all did.
        public var mismatch: Mismatch?

        /// Millions of samples coded in a second of processor time.
        public var encodeRate: Double { Double(samples) * 1000 / Double(max(1, encodeNanoseconds)) }
        /// Millions of samples decoded in a second of processor time.
        public var decodeRate: Double { Double(samples) * 1000 / Double(max(1, decodeNanoseconds)) }
    }

    /// A value that came back as another one.
    public struct Mismatch: Sendable, CustomStringConvertible {
        /// Number of the series in the file.
        public var series: Int
        /// Row of its group.
        public var row: Int
        /// The bits in the file, nil where there is no value.
        public var expected: UInt64?
        /// The bits that came back, nil where there is no value.
        public var found: UInt64?

        /// The value as text for messages.
        public var description: String {
            func hex(_ bits: UInt64?) -> String { bits.map { "0x" + String($0, radix: 16) } ?? "nothing" }
            return "series \(series) row \(row): \(hex(expected)) came back as \(hex(found))"
        }
    }

    private let data: DataSet
    private let rowsPerWindow: Int

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - file: its bytes, compressed with zstd or not.
    ///   - rowsPerWindow: rows after which a window is sealed, 1 to 1 048 576.
    /// - Throws: `CorruptionError` with offset when it is not such a file.
    public init(file: [UInt8], rowsPerWindow: Int) throws(CorruptionError) {
        self.init(try DataSet(file), rowsPerWindow: rowsPerWindow)
    }

    init(_ data: DataSet, rowsPerWindow: Int) {
        self.data = data
        self.rowsPerWindow = min(max(1, rowsPerWindow), IntegerColumn.countLimit)
    }

    /// Codes, reads back and compares, several times for the speed.
    ///
    /// - Throws: `CorruptionError` when what was just written cannot be read, which is a defect.
    public func run(passes: Int = 3) throws(CorruptionError) -> Report {
        var report = Report()
        report.samples = data.sampleCount
        for pass in 0..<max(1, passes) {
            let (segments, nanoseconds) = encode()
            report.encodeNanoseconds = min(report.encodeNanoseconds, nanoseconds)
            let reader = CodecTrial.reader()
            if pass == 0 {
                count(segments, into: &report)
                report.mismatch = try compare(segments, reader)
                if report.mismatch != nil { return report }
            }
            // What the comparison left in the reader's cache must not be there for the measurement.
            let fresh = CodecTrial.reader()
            report.decodeNanoseconds = min(report.decodeNanoseconds, try decode(segments, fresh))
        }
        return report
    }

    // MARK: - Coding

    /// A segment with what it was made of.
    private struct Coded {
        var segment: Segment
        var sealed: SealedSegment
        /// Per window its first row in the group, and the series of its columns.
        var windows: [(firstRow: Int, series: [Int])]
    }

    private func encode() -> (segments: [Coded], nanoseconds: UInt64) {
        var coded: [Coded] = []
        var nanoseconds: UInt64 = 0
        var builder = SegmentBuilder()
        var windows: [(firstRow: Int, series: [Int])] = []
        var samples = 0
        var members = [[Int]](repeating: [], count: data.times.count)
        for (number, series) in data.series.enumerated() { members[series.group].append(number) }
        func finish() {
            let began = ThreadTime.nanoseconds()
            let sealed = builder.finish(gaps: [])
            let bytes = sealed.bytes(ringSequence: UInt64(coded.count + 1))
            nanoseconds += ThreadTime.nanoseconds() - began
            coded.append(Coded(segment: CodecTrial.segment(sealed, bytes), sealed: sealed, windows: windows))
            windows = []
            samples = 0
        }
        for group in data.times.indices {
            for first in stride(from: 0, to: data.times[group].count, by: rowsPerWindow) {
                let rows = first..<min(first + rowsPerWindow, data.times[group].count)
                let present = members[group].filter { data.start(of: $0) < rows.upperBound }
                let cells = present.map { data.cells(of: $0, rows) }
                let counts = rows.map { row in
                    UInt32(present.count { data.start(of: $0) <= row })
                }
                let description = describe(group, rows, present, counts, stream: windows.count)
                let began = ThreadTime.nanoseconds()
                builder.begin(description)
                for column in cells { builder.append(column) }
                nanoseconds += ThreadTime.nanoseconds() - began
                windows.append((first, present))
                samples += cells.reduce(0) { $0 + $1.values.count }
                if samples >= Store.samplesPerSegment || builder.byteCount >= Store.bytesPerSegment {
                    finish()
                }
            }
        }
        if !windows.isEmpty { finish() }
        return (coded, nanoseconds)
    }

    private func describe(
        _ group: Int,
        _ rows: Range<Int>,
        _ series: [Int],
        _ counts: [UInt32],
        stream: Int
    ) -> WindowDescription {
        WindowDescription(
            stream: UInt64(stream),
            identity: Labels([("job", "group\(group)")]),
            labels: series.map { Labels([("__name__", CodecTrial.name($0))]) },
            references: series.map { SeriesReference($0) },
            times: RowTimes(
                timestamps: Array(data.times[group][rows]),
                sequences: rows.map { UInt64($0) },
                counts: counts
            )
        )
    }

    /// Names whose order is that of the numbers.
    private static func name(_ number: Int) -> String {
        let digits = String(number)
        return "series" + String(repeating: "0", count: max(0, 6 - digits.utf8.count)) + digits
    }

    private static func segment(_ sealed: SealedSegment, _ bytes: [UInt8]) -> Segment {
        Segment(
            file: BytesFile(bytes),
            fileNumber: 0,
            offset: 0,
            length: sealed.length,
            ringSequence: 1,
            bundles: sealed.bundles.map {
                SegmentBundle(columns: ColumnSet($0.references), bounds: $0.bounds, layout: $0.layout)
            }
        )
    }

    private func count(_ segments: [Coded], into report: inout Report) {
        for coded in segments {
            report.valueBytes += coded.sealed.valueBytes
            report.timeBytes += coded.sealed.timeBytes
            report.directoryBytes +=
                SegmentHeader.padded(coded.sealed.length) - coded.sealed.valueBytes - coded.sealed.timeBytes
        }
    }

    // MARK: - Decoding

    /// Reads every series of every bundle as a query does.
    private func decode(_ segments: [Coded], _ reader: SegmentReader) throws(CorruptionError) -> UInt64 {
        let everything = TimeRange(.min, .max)
        var columns = SampleColumns(capacity: rowsPerWindow)
        let began = ThreadTime.nanoseconds()
        for coded in segments {
            for (number, bundle) in coded.segment.bundles.enumerated() {
                for place in bundle.columns.references.indices {
                    columns.removeAll()
                    try CodecTrial.readable { () throws(SourceError) in
                        try reader.samples(coded.segment, bundle: number, place, everything, into: &columns)
                    }
                }
            }
        }
        return ThreadTime.nanoseconds() - began
    }

    private func compare(_ segments: [Coded], _ reader: SegmentReader) throws(CorruptionError) -> Mismatch? {
        var seen = [Int](repeating: 0, count: data.series.count)
        var cells = ColumnCells()
        for coded in segments {
            for (window, (firstRow, series)) in coded.windows.enumerated() {
                let times = try CodecTrial.readable { () throws(SourceError) in
                    try reader.times(coded.segment, window)
                }
                for (column, number) in series.enumerated() {
                    cells.removeAll()
                    try CodecTrial.readable { () throws(SourceError) in
                        try reader.cells(coded.segment, window, column, into: &cells)
                    }
                    let stamps = data.times[data.series[number].group][firstRow...].prefix(times.count)
                    guard times.timestamps.elementsEqual(stamps) else {
                        return Mismatch(series: number, row: firstRow, expected: nil, found: nil)
                    }
                    if let mismatch = data.mismatch(number, firstRow, times.count, cells) { return mismatch }
                    seen[number] += cells.states.count { $0 != CellState.absent }
                }
            }
        }
        for (number, series) in data.series.enumerated() where seen[number] != series.values.count {
            return Mismatch(
                series: number,
                row: data.start(of: number) + seen[number],
                expected: series.values[min(seen[number], series.values.count - 1)].bitPattern,
                found: nil
            )
        }
        return nil
    }

    private static func reader() -> SegmentReader {
        SegmentReader(corruptBlocks: Telemetry().counter("corrupt_blocks", "Blocks found damaged."))
    }

    private static func readable<Result>(
        _ body: () throws(SourceError) -> Result
    ) throws(CorruptionError) -> Result {
        do throws(SourceError) { return try body() } catch { throw CorruptionError("\(error)", at: 0) }
    }
}

extension DataSet {
    /// The row of its group in which a series begins.
    fileprivate func start(of number: Int) -> Int {
        times[series[number].group].count - series[number].values.count
    }

    fileprivate func cells(of number: Int, _ rows: Range<Int>) -> ColumnCells {
        let start = start(of: number)
        var cells = ColumnCells()
        cells.states.reserveCapacity(rows.count)
        cells.values.reserveCapacity(rows.count)
        cells.appendAbsent(max(0, min(start, rows.upperBound) - rows.lowerBound))
        for row in max(start, rows.lowerBound)..<max(start, rows.upperBound) {
            cells.append(bits: series[number].values[row - start].bitPattern)
        }
        return cells
    }

    fileprivate func mismatch(
        _ number: Int,
        _ firstRow: Int,
        _ rows: Int,
        _ cells: ColumnCells
    ) -> CodecTrial.Mismatch? {
        let start = start(of: number)
        var value = 0
        for row in 0..<rows {
            let expected =
                firstRow + row < start ? nil : series[number].values[firstRow + row - start].bitPattern
            var found: UInt64?
            if row < cells.states.count {
                switch cells.states[row] {
                case CellState.value where value < cells.values.count:
                    found = cells.values[value].bitPattern
                    value += 1
                case CellState.stale: found = StaleMarker.bits
                default: break
                }
            }
            guard found == expected else {
                return CodecTrial.Mismatch(
                    series: number,
                    row: firstRow + row,
                    expected: expected,
                    found: found
                )
            }
        }
        return nil
    }
}

/// A file of some bytes in memory.
private final class BytesFile: StorageFile {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    func size() throws(FileError) -> Int64 { Int64(bytes.count) }

    func read(at offset: Int64, count: Int) throws(FileError) -> [UInt8] {
        let start = Int(min(max(0, offset), Int64(bytes.count)))
        return Array(bytes[start..<min(start + max(0, count), bytes.count)])
    }

    func write(_ bytes: RawSpan, at offset: Int64) throws(FileError) { throw BytesFile.readOnly("pwrite") }
    func syncData() throws(FileError) {}
    func truncate(to size: Int64) throws(FileError) { throw BytesFile.readOnly("ftruncate") }
    func identity() throws(FileError) -> FileIdentity { FileIdentity(device: 0, inode: 0) }

    private static func readOnly(_ operation: String) -> FileError {
        FileError(operation: operation, path: "bytes in memory", code: ErrorNumber.readOnly)
    }
}
