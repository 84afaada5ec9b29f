// SPDX-License-Identifier: Apache-2.0
//
// Reads parts of segments and verifies everything it hands out. Bundles, row times and runs read last are kept within
// a bound; what decoding needs is lent to one reader at a time, so readers do not wait for each other's work.

internal import Bytes
internal import Platform
internal import Samples
internal import Synchronization

/// Reads segments.
final class SegmentReader: Sendable {
    /// What one read works with.
    struct Workspace: Sendable {
        var decoder = BlockDecoder()
        var cells = ColumnCells()
    }

    /// Directories and row times; small, and needed for every block, so runs must not drive them out.
    private let cache = Mutex(SegmentCache(limit: SegmentReader.directoryBytes))
    private let runs = Mutex(SegmentCache(limit: SegmentReader.runBytes))
    private let joined = Mutex(SegmentCache(limit: SegmentReader.joinedBytes))
    private let workspaces = Mutex<[Workspace]>([])
    private let corruptBlocks: Counter
    private let damage: FoundDamage

    /// Directories of a day of some three thousand series.
    private static let directoryBytes = 3 << 19
    /// Some runs that several series of one group are read from.
    private static let runBytes = 1 << 19
    /// Aggregates of a day of some thirty series: rules and dashboards ask for the same ones again and again.
    private static let joinedBytes = 1 << 17
    /// Workspaces kept for later; more readers than this at once are rare.
    private static let workspaceLimit = 4

    init(corruptBlocks: Counter, damage: FoundDamage = FoundDamage()) {
        self.corruptBlocks = corruptBlocks
        self.damage = damage
    }

    /// A window's bounds and series; nil when the segment was overwritten meanwhile.
    func window(_ segment: Segment, _ window: Int) throws(SourceError) -> SegmentWindow? {
        guard let bundle = segment.bundle(ofWindow: window), let opened = try open(segment, bundle)
        else { return nil }
        return opened.windows[window - Int(segment.bundles[bundle].layout.firstWindow)]
    }

    /// The windows of a bundle that count, with their numbers in the segment.
    func windows(
        _ segment: Segment,
        bundle: Int
    ) throws(SourceError) -> [(number: Int, window: SegmentWindow)] {
        guard let opened = try open(segment, bundle) else { return [] }
        let hidden = segment.bundles[bundle].hidden
        let first = Int(segment.bundles[bundle].layout.firstWindow)
        return opened.windows.enumerated().filter { !hidden.contains(UInt32($0.offset)) }
            .map { (first + $0.offset, $0.element) }
    }

    /// Timestamps, sequences and counts of a window's rows; none when the segment was overwritten meanwhile.
    func times(_ segment: Segment, _ window: Int) throws(SourceError) -> RowTimes {
        guard let (bundle, number, opened) = try locate(segment, window) else { return RowTimes() }
        return try guarded(segment) { () throws(CorruptionError) in
            let place = try opened.times(number)
            var reader = ByteReader(try run(segment, bundle, opened, place.run), in: place.range)
            if opened.isLegacy { return try RowTimes.read(Int(opened.windows[number].rows), from: &reader) }
            var workspace = lend()
            defer { give(back: workspace) }
            return try RowTimes.read(opened.windows[number], &reader, using: &workspace.decoder)
        } ?? RowTimes()
    }

    /// Appends a column's cells; none when the segment was overwritten meanwhile.
    func cells(
        _ segment: Segment,
        _ window: Int,
        _ column: Int,
        into cells: inout ColumnCells
    ) throws(SourceError) {
        guard let (bundle, number, opened) = try locate(segment, window),
            column >= 0, column < Int(opened.windows[number].columns)
        else { return }
        let start = (cells.states.count, cells.values.count)
        _ = try guarded(segment) { () throws(CorruptionError) in
            var workspace = lend()
            defer { give(back: workspace) }
            do throws(CorruptionError) {
                try read(segment, bundle, opened, number, column, using: &workspace.decoder, into: &cells)
            } catch {
                cells.states.removeLast(cells.states.count - start.0)
                cells.values.removeLast(cells.values.count - start.1)
                throw error
            }
        }
    }

    /// The aggregates remembered of a series of a bundle.
    func known(_ segment: Segment, _ part: SegmentCache.Part) -> [SampleSummary]? {
        guard case .joined(let known)? = joined.withLock({ $0.find(segment, part) }) else { return nil }
        return known
    }

    /// Remembers them.
    func remember(_ segment: Segment, _ part: SegmentCache.Part, _ summary: [SampleSummary]) {
        joined.withLock { $0.insert(segment, part, .joined(summary)) }
    }

    /// A column's aggregates, without decoding it; nil when the segment was overwritten meanwhile.
    func summary(
        _ segment: Segment,
        _ window: Int,
        _ column: Int
    ) throws(SourceError) -> BlockSummary? {
        guard let (bundle, number, opened) = try locate(segment, window),
            column >= 0, column < Int(opened.windows[number].columns)
        else { return nil }
        let place = Int(opened.windows[number].firstColumn) + column
        if case .summaries(let known) = cache.withLock({ $0.find(segment, .summaries(bundle: bundle)) }) {
            return known[place]
        }
        let summaries = try guarded(segment) { () throws(CorruptionError) in
            try loadSummaries(segment, bundle, opened)
        }
        guard let summaries else { return nil }
        cache.withLock { $0.insert(segment, .summaries(bundle: bundle), .summaries(summaries)) }
        return summaries[place]
    }

    /// Appends the samples of a series within a range, in time order; throws at the end when some were left out.
    func samples(
        _ segment: Segment,
        bundle: Int,
        _ place: Int,
        _ range: TimeRange,
        into columns: inout SampleColumns
    ) throws(SourceError) {
        var leftOut = LeftOut()
        samples(segment, bundle: bundle, place, range, into: &columns, &leftOut)
        try leftOut.report()
    }

    /// Appends the samples of a series within a range, in time order, but for those it notes as left out; `place` is
    /// the series' among the bundle's.
    func samples(
        _ segment: Segment,
        bundle: Int,
        _ place: Int,
        _ range: TimeRange,
        into columns: inout SampleColumns,
        _ leftOut: inout LeftOut
    ) {
        var memo = ReadMemo()
        memo.workspace = lend()
        defer { give(back: memo.workspace) }
        samples(segment, bundle: bundle, place, range, using: &memo, into: &columns, &leftOut)
    }

    /// Runs a read of several series with what they have in common.
    func reading(_ body: (inout ReadMemo) -> Void) {
        var memo = ReadMemo()
        memo.workspace = lend()
        defer { give(back: memo.workspace) }
        body(&memo)
    }

    /// The same as part of a read of several series, which look up once what they have in common.
    func samples(
        _ segment: Segment,
        bundle: Int,
        _ place: Int,
        _ range: TimeRange,
        using memo: inout ReadMemo,
        into columns: inout SampleColumns,
        _ leftOut: inout LeftOut
    ) {
        if memo.segment !== segment || memo.bundle != bundle {
            memo.forget()
            do throws(SourceError) {
                memo.opened = try open(segment, bundle)
            } catch {
                let bounds = segment.bundles[bundle].bounds
                return leftOut.note(error, bounds.minTime, bounds.maxTime)
            }
            (memo.segment, memo.bundle) = (segment, bundle)
        }
        guard let opened = memo.opened else { return }
        let hidden = segment.bundles[bundle].hidden
        for number in opened.windows.indices {
            let window = opened.windows[number]
            guard window.series.contains(place), range.overlaps(window.minTime, window.maxTime) else {
                continue
            }
            if !hidden.isEmpty, hidden.contains(UInt32(number)) { continue }
            let column = place - Int(window.firstSeries)
            do throws(SourceError) {
                _ = try guarded(segment) { () throws(CorruptionError) in
                    if memo.window != number {
                        memo.times = try timestamps(segment, bundle, opened, number, using: &memo.workspace)
                        memo.window = number
                    }
                    try append(segment, bundle, opened, (number, column), range, using: &memo, into: &columns)
                }
            } catch {
                leftOut.note(error, window.minTime, window.maxTime)
            }
        }
    }

    private func lend() -> Workspace { workspaces.withLock { $0.popLast() } ?? Workspace() }

    private func give(back workspace: consuming Workspace) {
        let returned = workspace
        workspaces.withLock { if $0.count < SegmentReader.workspaceLimit { $0.append(returned) } }
    }

    // MARK: - Values

    private func append(
        _ segment: Segment,
        _ bundle: Int,
        _ opened: OpenedBundle,
        _ place: (window: Int, column: Int),
        _ range: TimeRange,
        using memo: inout ReadMemo,
        into columns: inout SampleColumns
    ) throws(CorruptionError) {
        let times = memo.times
        let low = times.firstPlace { $0 >= range.from }
        let high = times.firstPlace { $0 > range.through }
        guard low < high else { return }
        let column = Int(opened.windows[place.window].firstColumn) + place.column
        let flags = opened.blocks.flags[column]
        // A series' windows follow each other but for late rows.
        let isBehind = columns.timestamps.last.map { times[low] <= $0 } ?? false
        if isBehind || flags & BlockTable.Flag.states != 0 || opened.isLegacy {
            memo.workspace.cells.removeAll()
            try read(
                segment,
                bundle,
                opened,
                place.window,
                place.column,
                using: &memo.workspace.decoder,
                into: &memo.workspace.cells
            )
            var piece = SampleColumns()
            memo.workspace.cells.appendSamples(times, range, to: &piece)
            columns.merge(piece)
            return
        }
        if flags & BlockTable.Flag.constant != 0 {
            let value = Double(bitPattern: opened.blocks.constants[column])
            columns.timestamps.append(contentsOf: times[low..<high])
            columns.values.append(contentsOf: repeatElement(value, count: high - low))
            return
        }
        var reader = try block(segment, bundle, opened, column, &memo)
        if high - low == times.count {
            let start = columns.values.count
            columns.values.append(contentsOf: repeatElement(0, count: times.count))
            do throws(CorruptionError) {
                var all = columns.values.mutableSpan
                var added = all._mutatingExtracting(start..<(start + times.count))
                try memo.workspace.decoder.read(&reader, into: &added)
            } catch {
                columns.values.removeLast(times.count)
                throw error
            }
        } else {
            var block = memo.workspace.cells.values
            memo.workspace.cells.values = []
            defer { memo.workspace.cells.values = block }
            block.removeAll(keepingCapacity: true)
            block.append(contentsOf: repeatElement(0, count: times.count))
            var values = block.mutableSpan
            try memo.workspace.decoder.read(&reader, into: &values)
            columns.values.append(contentsOf: block[low..<high])
        }
        columns.timestamps.append(contentsOf: times[low..<high])
    }

    private func read(
        _ segment: Segment,
        _ bundle: Int,
        _ opened: OpenedBundle,
        _ number: Int,
        _ place: Int,
        using decoder: inout BlockDecoder,
        into cells: inout ColumnCells
    ) throws(CorruptionError) {
        let rows = Int(opened.windows[number].rows)
        let column = Int(opened.windows[number].firstColumn) + place
        let flags = opened.blocks.flags[column]
        var count = rows
        guard BlockTable.hasBlock(flags) else {
            let value = Double(bitPattern: opened.blocks.constants[column])
            cells.states.append(contentsOf: repeatElement(CellState.value, count: rows))
            cells.values.append(contentsOf: repeatElement(value, count: rows))
            return
        }
        var reader = try block(segment, bundle, opened, column)
        if opened.isLegacy { return try ColumnBlock.read(&reader, rows: rows, using: &decoder, into: &cells) }
        if flags & BlockTable.Flag.states != 0 {
            count = try ColumnBlock.readStates(&reader, rows: rows, into: &cells.states)
        } else {
            cells.states.append(contentsOf: repeatElement(CellState.value, count: rows))
        }
        let constant = Double(bitPattern: opened.blocks.constants[column])
        let start = cells.values.count
        cells.values.append(contentsOf: repeatElement(constant, count: count))
        guard flags & BlockTable.Flag.constant == 0, count > 0 else { return }
        var all = cells.values.mutableSpan
        var added = all._mutatingExtracting(start..<(start + count))
        try decoder.read(&reader, into: &added)
    }

    /// A reader of a column's block, put together when its end lies elsewhere.
    private func block(
        _ segment: Segment,
        _ bundle: Int,
        _ opened: OpenedBundle,
        _ column: Int
    ) throws(CorruptionError) -> ByteReader {
        var memo = ReadMemo()
        return try block(segment, bundle, opened, column, &memo)
    }

    private func block(
        _ segment: Segment,
        _ bundle: Int,
        _ opened: OpenedBundle,
        _ column: Int,
        _ memo: inout ReadMemo
    ) throws(CorruptionError) -> ByteReader {
        let place = try opened.block(column)
        if memo.run != place.run {
            memo.bytes = try run(segment, bundle, opened, place.run)
            memo.run = place.run
        }
        guard opened.blocks.flags[column] & BlockTable.Flag.shared != 0,
            let shared = opened.blocks.shared[UInt32(column)]
        else { return ByteReader(memo.bytes, in: place.range) }
        let target = try opened.block(Int(shared.column))
        let other = target.run == place.run ? memo.bytes : try run(segment, bundle, opened, target.run)
        return ByteReader(Array(memo.bytes[place.range]) + other[target.range].suffix(Int(shared.length)))
    }

    private func timestamps(
        _ segment: Segment,
        _ bundle: Int,
        _ opened: OpenedBundle,
        _ number: Int,
        using workspace: inout Workspace
    ) throws(CorruptionError) -> [Int64] {
        let part = SegmentCache.Part.timestamps(
            window: Int(segment.bundles[bundle].layout.firstWindow) + number
        )
        switch cache.withLock({ $0.find(segment, part) }) {
        case .timestamps(let known)?: return known
        case .grid(let grid)?: return grid.timestamps
        default: break
        }
        let place = try opened.times(number)
        var reader = ByteReader(try run(segment, bundle, opened, place.run), in: place.range)
        let window = opened.windows[number]
        let times =
            opened.isLegacy
            ? try workspace.decoder.readIntegers(Int(window.rows), from: &reader)
            : try RowTimes.readTimestamps(window, &reader, using: &workspace.decoder)
        let value = TimeGrid(times).map { SegmentCache.Value.grid($0) } ?? .timestamps(times)
        cache.withLock { $0.insert(segment, part, value) }
        return times
    }

    // MARK: - Parts

    private func locate(
        _ segment: Segment,
        _ window: Int
    ) throws(SourceError) -> (bundle: Int, number: Int, opened: OpenedBundle)? {
        guard let bundle = segment.bundle(ofWindow: window), let opened = try open(segment, bundle)
        else { return nil }
        return (bundle, window - Int(segment.bundles[bundle].layout.firstWindow), opened)
    }

    /// A bundle's directory; nil when the segment was overwritten meanwhile.
    private func open(_ segment: Segment, _ bundle: Int) throws(SourceError) -> OpenedBundle? {
        if case .bundle(let known) = cache.withLock({ $0.find(segment, .bundle(bundle)) }) { return known }
        let opened = try guarded(segment) { () throws(CorruptionError) in
            let layout = segment.bundles[bundle].layout
            let tables = Int(layout.windowBytes) + Int(layout.blockBytes)
            return try part(segment, Int(layout.offset), tables) { () throws(CorruptionError) in
                try SegmentReader.load(segment, segment.bundles[bundle])
            }
        }
        guard let opened else { return nil }
        cache.withLock { $0.insert(segment, .bundle(bundle), .bundle(opened)) }
        return opened
    }

    private static func load(
        _ segment: Segment,
        _ bundle: SegmentBundle
    ) throws(CorruptionError) -> OpenedBundle {
        if let legacy = bundle.legacy { return try legacy.open(segment) }
        let layout = bundle.layout
        let sizes = (Int(layout.windowBytes), Int(layout.blockBytes))
        let bytes = try segment.bytes(Int(layout.offset), sizes.0 + sizes.1)
        let windows = try WindowTable.read(
            try SegmentSection.contents(Array(bytes[..<sizes.0])),
            count: Int(layout.windowCount),
            series: bundle.columns.references.count,
            bundle.bounds
        )
        return try OpenedBundle(
            windows: windows,
            blocks: try BlockTable(try SegmentSection.contents(Array(bytes[sizes.0...])), windows),
            runsOffset: Int(layout.end) - Int(layout.runBytes),
            limit: Int(layout.end)
        )
    }

    private func loadSummaries(
        _ segment: Segment,
        _ bundle: Int,
        _ opened: OpenedBundle
    ) throws(CorruptionError) -> [BlockSummary] {
        if let legacy = segment.bundles[bundle].legacy { return try legacy.summaries(segment, opened) }
        let layout = segment.bundles[bundle].layout
        let offset = Int(layout.offset) + Int(layout.windowBytes) + Int(layout.blockBytes)
        let count = Int(layout.summaryBytes)
        return try part(segment, offset, count) { () throws(CorruptionError) in
            let bytes = try segment.bytes(offset, count)
            return try SummaryTable.read(
                try SegmentSection.contents(bytes),
                opened.blocks,
                opened.windows
            )
        }
    }

    private func run(
        _ segment: Segment,
        _ bundle: Int,
        _ opened: OpenedBundle,
        _ number: Int
    ) throws(CorruptionError) -> [UInt8] {
        let part = SegmentCache.Part.run(bundle: bundle, run: number)
        if case .run(let known) = runs.withLock({ $0.find(segment, part) }) { return known }
        let run = opened.blocks.runs[number]
        let offset = opened.offset(ofRun: number)
        let bytes = try self.part(segment, offset, Int(run.storedLength)) { () throws(CorruptionError) in
            var bytes = try segment.bytes(offset, Int(run.storedLength))
            guard CRC32C.checksum(bytes) == run.checksum else {
                throw CorruptionError("a run whose checksum holds", at: offset)
            }
            if run.isCompressed { bytes = try Zstd.decompress(bytes[...], limit: Int(run.plainLength)) }
            guard bytes.count == Int(run.plainLength) else {
                throw CorruptionError("a run of \(run.plainLength) bytes", at: offset)
            }
            return bytes
        }
        runs.withLock { $0.insert(segment, part, .run(bytes)) }
        return bytes
    }

    /// The result of reading a part of a segment; one that is damaged is noted.
    private func part<Result>(
        _ segment: Segment,
        _ offset: Int,
        _ count: Int,
        _ read: () throws(CorruptionError) -> Result
    ) throws(CorruptionError) -> Result {
        do throws(CorruptionError) {
            return try read()
        } catch {
            damage.note(segment, offset..<(offset + count))
            throw error
        }
    }

    /// The result of a read, nil when it failed because the segment was overwritten meanwhile.
    private func guarded<Result>(
        _ segment: Segment,
        _ body: () throws(CorruptionError) -> Result
    ) throws(SourceError) -> Result? {
        do throws(CorruptionError) {
            return try body()
        } catch {
            if segment.isEvicted.load(ordering: .acquiring) { return nil }
            corruptBlocks.add()
            throw .unreadable("segment \(segment.ringSequence) in ring file \(segment.fileNumber): \(error)")
        }
    }
}

extension Segment {
    /// Bytes of the segment, all of them.
    func bytes(_ offset: Int, _ count: Int) throws(CorruptionError) -> [UInt8] {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try read(offset, count)
        } catch {
            throw CorruptionError("a readable block (\(error))", at: offset)
        }
        guard bytes.count == count else {
            throw CorruptionError("\(count) bytes of the segment", at: offset)
        }
        return bytes
    }
}

extension [Int64] {
    /// The first place from which on the condition holds; O(log n).
    func firstPlace(_ holds: (Int64) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if holds(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
