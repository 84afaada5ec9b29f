// SPDX-License-Identifier: Apache-2.0
//
// Range functions look at one series at a time, so several threads can: where a selector finds many samples, pieces of
// neighbouring series are read and computed on idle cores and taken over in order. Everything that belongs to the query
// (limits, annotations, names, what is done with the columns) stays on its own thread, and pieces do not depend on how
// many threads there are, so the answer does not either.

internal import Samples
internal import Synchronization

extension Evaluator {
    /// Below this many samples one thread is done before another is awake.
    private static let sharingThreshold = 12_000
    /// Of the samples a query may hold, the part that pieces under way may take.
    private static let sharedPart = 4

    /// Hands over a range function's column for each series of a selector.
    func streamShared(
        _ matrix: MatrixSelector,
        _ function: Function,
        _ parameters: [[Double]],
        needsStarts: Bool,
        _ grid: Grid,
        _ body: (SeriesHeader, inout Column, WindowNotes) throws(QueryError) -> Void
    ) throws(QueryError) {
        guard let (found, windows) = try open(matrix, grid) else { return }
        var column = Column(count: grid.count)
        func compute(from first: Int, through last: Int) throws(QueryError) {
            try streamWindows(matrix, found, windows, from: first, through: last, needsStarts: needsStarts) {
                (header, samples: borrowing SampleWindows) throws(QueryError) in
                var notes = WindowNotes()
                samples.evaluate(function, parameters: parameters, into: &column, &notes)
                try body(header, &column, notes)
            }
        }
        if found.count > 0, asksForJoined(function, windows), let first = try readJoined(found, 0, windows) {
            for index in 0..<found.count {
                guard let joined = index == 0 ? first : try readJoined(found, index, windows) else {
                    try compute(from: index, through: index)
                    continue
                }
                let weight = joined.reduce(0) { $0 + $1.count }
                try hold(weight)
                var notes = WindowNotes()
                let series = SampleWindows(joined, windows)
                series.evaluate(function, parameters: parameters, into: &column, &notes)
                try body(SeriesHeader(labels: found.labels(index)), &column, notes)
                release(weight)
            }
            return
        }
        guard windows.seam == nil, tally == nil, found.count > 1, settings.threads.idleCores > 0 else {
            return try compute(from: 0, through: .max)
        }
        // The first series tells how long they are.
        try compute(from: 0, through: 0)
        let work = RangeWork(
            found: found,
            windows: windows,
            function: function,
            parameters: parameters,
            detectsResets: matrix.selector.detectsResets,
            needsStarts: needsStarts && settings.features.startTimestamps,
            longest: scratch.longest,
            deadline: settings.deadline
        )
        guard try takeOver(work, of: found, body) else { return try compute(from: 1, through: .max) }
    }

    /// Has a range function computed by all idle cores; false when that is not worth it, or not to be had.
    private func takeOver(
        _ work: RangeWork,
        of found: any SeriesSelection,
        _ body: (SeriesHeader, inout Column, WindowNotes) throws(QueryError) -> Void
    ) throws(QueryError) -> Bool {
        guard work.longest.multipliedClamped(by: found.count - 1) >= Self.sharingThreshold else {
            return false
        }
        let cores = settings.threads.cores
        let ahead = 2 * cores
        let underWay = work.samplesUnderWay(cores: cores, ahead: ahead)
        guard underWay <= settings.maxSamples / Self.sharedPart, settings.memory.take(underWay) else {
            return false
        }
        defer { settings.memory.giveBack(underWay) }
        let pieces = OrderedPieces(count: work.pieces, ahead: ahead) { work.compute($0) }
        settings.threads.askForHelp(cores - 1) { isWanted in pieces.help(while: isWanted) }
        defer { pieces.stop() }
        try checkTime()
        while var piece = pieces.next() {
            try checkTime()
            for failure in piece.failures { reading { () throws(SourceError) in throw failure } }
            for place in piece.series.indices {
                let weight = piece.series[place].weight
                try hold(weight)
                let labels = found.labels(piece.series[place].index)
                try body(SeriesHeader(labels: labels), &piece.series[place].column, piece.series[place].notes)
                release(weight)
            }
        }
        return true
    }
}

/// A range function over the series of a selector from the second on, in pieces.
private final class RangeWork: Sendable {
    /// What one series comes to.
    struct Series: Sendable {
        let index: Int
        /// Its samples, as they count against the limit.
        let weight: Int
        var column: Column
        let notes: WindowNotes
    }

    struct Piece: Sendable {
        var series: [Series] = []
        var failures: [SourceError] = []
    }

    private let found: any SeriesSelection
    private let windows: WindowGrid
    private let function: Function
    private let parameters: [[Double]]
    private let detectsResets: Bool
    private let needsStarts: Bool
    /// Samples of the first series.
    let longest: Int
    private let deadline: ContinuousClock.Instant
    /// Buffers of threads that took part.
    private let batches = Mutex<[SeriesBatch]>([])
    /// Series of a piece.
    let size: Int
    let pieces: Int

    init(
        found: any SeriesSelection,
        windows: WindowGrid,
        function: Function,
        parameters: [[Double]],
        detectsResets: Bool,
        needsStarts: Bool,
        longest: Int,
        deadline: ContinuousClock.Instant
    ) {
        self.found = found
        self.windows = windows
        self.function = function
        self.parameters = parameters
        self.detectsResets = detectsResets
        self.needsStarts = needsStarts
        self.longest = longest
        self.deadline = deadline
        let left = found.count - 1
        // As many as are read at once, but so few that all threads end at about the same time.
        size = max(1, min(left / 8, SeriesBatch.sampleLimit / max(1, longest), SeriesBatch.seriesLimit))
        pieces = (left + size - 1) / size
    }

    /// Samples and values that are held for pieces not taken over yet, when so many threads take part.
    func samplesUnderWay(cores: Int, ahead: Int) -> Int {
        (cores * longest + ahead * windows.grid.count).multipliedClamped(by: size)
    }

    /// Reads and computes a piece; nothing once the time is over, which the query's own thread sees, too.
    func compute(_ number: Int) -> Piece {
        var piece = Piece()
        let first = 1 + number * size
        let end = min(found.count, first + size)
        let span = windows.span
        var batch = batches.withLock { $0.popLast() } ?? SeriesBatch()
        defer { batches.withLock { $0.append(batch) } }
        batch.begin(longest: longest)
        var next = first
        while next < end, ContinuousClock.now < deadline {
            let indices = next..<(next + batch.wanted(of: end - next))
            next = indices.upperBound
            do throws(SourceError) {
                try found.read(indices, from: span.from, through: span.through, into: &batch.numbers)
            } catch {
                piece.failures.append(error)
            }
            for (place, index) in indices.enumerated() {
                var samples = batch.take(place)
                defer { batch.giveBack(samples, place) }
                if found.hasParts(index) {
                    samples.readParts(found, index, span, needsStarts: needsStarts) {
                        piece.failures.append($0)
                    }
                }
                if !samples.isEmpty { piece.series.append(compute(index, &samples)) }
            }
        }
        return piece
    }

    private func compute(_ index: Int, _ samples: inout SeriesSamples) -> Series {
        let weight = samples.weight
        if detectsResets { samples.detectResets() }
        samples.removeStaleMarkers()
        var column = Column(count: windows.grid.count)
        var notes = WindowNotes()
        SampleWindows(samples, windows).evaluate(function, parameters: parameters, into: &column, &notes)
        return Series(index: index, weight: weight, column: column, notes: notes)
    }
}
