// SPDX-License-Identifier: Apache-2.0
//
// The way in for what is pushed in another form than remote write: decompress → the caller fills a request → and on as any
// other. A request that cannot be filled stores nothing.

internal import Bytes
internal import Platform
internal import Samples
internal import Synchronization
internal import Wire

extension PushReceiver {
    /// Decompresses a body, has it made into a request, and stores that.
    ///
    /// - Parameters:
    ///   - body: the body as it came.
    ///   - encoding: how it is compressed.
    ///   - dialect: what the request is counted as; nil for what comes from within.
    ///   - isTracking: whether the series are wanted of which something was refused.
    ///   - fill: adds the series to an empty request.
    /// - Returns: what became of it, and the series refused in whole or part by their place in the request.
    func receive(
        _ body: Span<UInt8>,
        _ encoding: PushEncoding,
        as dialect: PushMetrics.Dialect?,
        isTracking: Bool = false,
        _ fill: (Span<UInt8>, inout RemoteWriteRequest) throws(RemoteWriteError) -> Void
    ) -> (report: RemoteWriteReport, refusedSeries: Set<Int>) {
        var bytes = buffers.withLock { $0.takeMessage() }
        var scratch = buffers.withLock { $0.takeScratch() }
        scratch.isTracking = isTracking
        scratch.request.begin()
        var report = RemoteWriteReport()
        do throws(RemoteWriteError) {
            if encoding == .identity {
                try check(body.count)
                try fill(body, &scratch.request)
            } else {
                let count = try decompress(body, encoding, into: &bytes)
                try fill(bytes.span.extracting(first: count), &scratch.request)
            }
            if let dialect { metrics.count(dialect) }
            let none: [UInt8] = []
            store(none.span, &scratch, &report)
        } catch {
            report.verdict =
                error.kind == .tooLarge ? .tooLarge(error.description) : .malformed(error.description)
            metrics.malformed.add()
        }
        let refusedSeries = isTracking ? refusedSeries(scratch) : []
        buffers.withLock { $0.keep(bytes, scratch) }
        sweepWhenDue()
        return (report, refusedSeries)
    }

    /// Decompresses a body for who does not make a request of it.
    func withDecoded(
        _ body: Span<UInt8>,
        _ encoding: PushEncoding,
        _ work: (Span<UInt8>) -> Void
    ) throws(RemoteWriteError) {
        guard encoding != .identity else {
            try check(body.count)
            return work(body)
        }
        var bytes: [UInt8] = []
        let count = try decompress(body, encoding, into: &bytes)
        work(bytes.span.extracting(first: count))
    }

    private func check(_ count: Int) throws(RemoteWriteError) {
        let limit = decodedLimit
        guard count > limit else { return }
        throw RemoteWriteError(.tooLarge, "the request has more than \(limit) bytes")
    }

    /// Decompresses within the limit; the number of bytes that are the message.
    func decompress(
        _ body: Span<UInt8>,
        _ encoding: PushEncoding,
        into message: inout [UInt8]
    ) throws(RemoteWriteError) -> Int {
        let limit = decodedLimit
        do throws(DecompressionError) {
            switch encoding {
            case .gzip: return try Gzip.decompress(body, into: &message, limit: limit)
            case .zstd: return try Zstd.decompress(body, into: &message, limit: limit)
            case .snappy: return try Snappy.decompress(body, into: &message, limit: limit)
            case .identity: return 0
            }
        } catch {
            throw error == .damaged
                ? RemoteWriteError(.malformed, "\(encoding): corrupt input")
                : RemoteWriteError(.tooLarge, "\(encoding): the request decodes to more than \(limit) bytes")
        }
    }
}
