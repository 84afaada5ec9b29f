// SPDX-License-Identifier: Apache-2.0
//
// From what a remote reader asks for to bytes. Matchers for a label that all series get on their way out are left out
// when they ask for just that; the store's series do not have it.

internal import Bytes
internal import Samples
internal import Wire

/// Reads for remote readers.
struct RemoteReading: Sendable {
    private let source: any SeriesSource
    private let externalLabels: Labels
    private let sampleLimit: Int

    init(_ services: APIServices) {
        source = services.source
        externalLabels = services.externalLabels()
        sampleLimit = services.readSampleLimit
    }

    // MARK: - One message

    /// All samples in one snappy block.
    func samples(_ request: RemoteReadRequest) -> Reply {
        var block = SnappyBlockWriter()
        var samples = 0
        for query in request.queries {
            let mark = block.mark()
            let before = block.uncompressedBytes
            let selection: any SeriesSelection
            do {
                selection = try select(query)
            } catch {
                return .text("\(error)\n", status: 500)
            }
            for index in 0..<selection.count {
                let series: LogChunk.Series
                do {
                    series = try RemoteReading.read(selection, index, query)
                } catch {
                    // Half an answer would pass for a whole one.
                    return .text("\(error)\n", status: 500)
                }
                samples += series.samples.count + series.histograms.count
                guard samples <= sampleLimit else {
                    return .text("exceeded sample limit (\(sampleLimit))\n", status: 400)
                }
                block.append(RemoteWriteV1.encode([series], externalLabels: externalLabels))
            }
            let header = RemoteReadResponse.resultHeader(byteCount: block.uncompressedBytes - before)
            block.insert(header, at: mark)
        }
        var reply = Reply(
            status: 200,
            contentType: "application/x-protobuf",
            body: .chunks(PiecesBody(pieces: block.finish()))
        )
        reply.headers = [("Content-Encoding", "snappy")]
        return reply
    }

    // MARK: - A stream

    /// Chunks in frames, made while they are sent.
    func stream(_ request: RemoteReadRequest) -> Reply {
        var selections: [(query: RemoteReadRequest.Query, selection: any SeriesSelection)] = []
        for query in request.queries {
            do {
                selections.append((query, try select(query)))
            } catch {
                return .text("\(error)\n", status: 500)
            }
        }
        return Reply(
            status: 200,
            contentType: "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse",
            body: .chunks(FramesBody(selections: selections, externalLabels: externalLabels))
        )
    }

    // MARK: - Reading

    private func select(_ query: RemoteReadRequest.Query) throws(SourceError) -> any SeriesSelection {
        guard !query.matchers.isEmpty else { return NoSeries() }
        let matchers = query.matchers.filter { matcher in
            matcher.operation != .equal || matcher.value.isEmpty
                || externalLabels[matcher.name] != matcher.value
        }
        return try source.select(matchers, from: query.start, through: query.end)
    }

    /// What a query without matchers selects, as in Prometheus; nobody asks for everything by leaving everything out.
    private struct NoSeries: SeriesSelection {
        let count = 0

        func labels(_ index: Int) -> Labels { Labels() }

        func read(_ index: Int, from: Timestamp, through: Timestamp, into columns: inout SampleColumns) {}
    }

    /// A series within the times of a query.
    fileprivate static func read(
        _ selection: any SeriesSelection,
        _ index: Int,
        _ query: RemoteReadRequest.Query
    ) throws(SourceError) -> LogChunk.Series {
        var samples = SampleColumns()
        var histograms = HistogramColumns()
        guard query.start <= query.end else {
            return LogChunk.Series(labels: selection.labels(index), samples: samples)
        }
        try selection.read(index, from: query.start, through: query.end, into: &samples)
        if selection.hasParts(index) {
            try selection.readHistograms(index, from: query.start, through: query.end, into: &histograms)
        }
        return LogChunk.Series(labels: selection.labels(index), samples: samples, histograms: histograms)
    }
}

/// A body that is there already, in pieces.
private struct PiecesBody: Reply.ChunkSource {
    let pieces: [[UInt8]]
    private var index = 0

    init(pieces: [[UInt8]]) {
        self.pieces = pieces
    }

    mutating func next() -> [UInt8]? {
        guard index < pieces.count else { return nil }
        defer { index += 1 }
        return pieces[index]
    }
}

/// Frames of one series after the other.
private struct FramesBody: Reply.ChunkSource {
    /// A piece ends with the series that makes it reach this many bytes.
    private static let chunkBytes = 64 << 10

    private let selections: [(query: RemoteReadRequest.Query, selection: any SeriesSelection)]
    private let externalLabels: Labels
    private var query = 0
    private var index = 0

    init(
        selections: [(query: RemoteReadRequest.Query, selection: any SeriesSelection)],
        externalLabels: Labels
    ) {
        self.selections = selections
        self.externalLabels = externalLabels
    }

    mutating func next() -> [UInt8]? {
        guard query < selections.count else { return nil }
        var out: [UInt8] = []
        while query < selections.count, out.count < FramesBody.chunkBytes {
            let (wanted, selection) = selections[query]
            guard index < selection.count else {
                query += 1
                index = 0
                continue
            }
            // What cannot be read is missing, as it is from every query; the store counts it.
            if let series = try? RemoteReading.read(selection, index, wanted) {
                out += RemoteReadResponse.frames(series, externalLabels: externalLabels, query: query)
            }
            index += 1
        }
        return out
    }
}
