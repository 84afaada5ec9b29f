// SPDX-License-Identifier: Apache-2.0
//
// Whole series out of a message of 1.0, for those who look at messages and do not receive them by the thousand; the hot
// path is `RemoteWriteRequest`, which does the reading here too.

public import Samples

extension RemoteWriteV1 {
    /// Decodes one message that was decompressed already.
    ///
    /// Series come in the message's order, samples in the order sent; a series named twice comes twice.
    ///
    /// - Parameters:
    ///   - bytes: the message.
    ///   - limits: what it may hold at most.
    /// - Returns: the series that have samples.
    /// - Throws: `RemoteWriteError` when the bytes are not such a message, hold more than the limits, or name a series with
    ///   labels that cannot be used.
    public static func decode(
        _ bytes: [UInt8],
        limits: RemoteWriteRequest.Limits = RemoteWriteRequest.Limits()
    ) throws(RemoteWriteError) -> [LogChunk.Series] {
        var request = RemoteWriteRequest()
        try request.decode(bytes.span, .v1, limits: limits)
        var result: [LogChunk.Series] = []
        var start = 0
        for series in request.series {
            let range = start..<Int(series.sampleEnd)
            start = range.upperBound
            guard !range.isEmpty else { continue }
            var samples = SampleColumns()
            samples.timestamps += request.timestamps[range]
            samples.values += request.values[range]
            do throws(RemoteWriteLabelError) {
                let labels = try request.labels(of: series, in: bytes.span)
                result.append(LogChunk.Series(labels: labels, samples: samples))
            } catch {
                throw RemoteWriteError(.malformed, error.description)
            }
        }
        return result
    }
}
