// SPDX-License-Identifier: Apache-2.0
//
// What is pushed beside remote write: OpenTelemetry's messages and their JSON, gzip.

import Bytes
import Samples
import Wire

extension Targets {
    private static func fill(_ read: (inout OTLPReader, inout RemoteWriteRequest) throws -> Void) {
        for convertsToCustomBounds in [false, true] {
            var options = OTLPOptions()
            options.promotesAll = true
            options.promotesScope = true
            options.convertsToCustomBounds = convertsToCustomBounds
            var reader = OTLPReader(options)
            var request = RemoteWriteRequest()
            request.begin()
            guard (try? read(&reader, &request)) != nil else { return }
            precondition(reader.pointOf.count == request.series.count, "a data point for each series")
            precondition(reader.rejected <= reader.points, "no more rejected than there are")
            let none: [UInt8] = []
            for series in request.series { _ = try? request.labels(of: series, in: none.span) }
            for histogram in request.histograms { _ = try? NativeHistogram(histogram.message) }
        }
    }

    @Sendable static func otlp(_ input: [UInt8]) {
        fill { try $0.read(input.span, into: &$1) }
    }

    @Sendable static func otlpJSON(_ input: [UInt8]) {
        fill { try $0.read(json: input.span, into: &$1, limit: 1 << 20) }
    }

    @Sendable static func gzip(_ input: [UInt8]) {
        var buffer: [UInt8] = []
        let limit = 100_000
        guard let count = try? Gzip.decompress(input.span, into: &buffer, limit: limit) else { return }
        precondition(count <= limit && count <= buffer.count, "no more than the limit")
    }

    /// The bytes are lines of text.
    @Sendable static func textImport(_ input: [UInt8]) {
        var options = ImportOptions()
        options.labels = GroupingKey.Pair("a=b").map { [$0] } ?? []
        var reader = TextImport(options, now: 1)
        var request = RemoteWriteRequest()
        request.begin()
        guard (try? reader.read(input.span, into: &request)) != nil else { return }
        let none: [UInt8] = []
        for series in request.series {
            guard let labels = try? request.labels(of: series, in: none.span) else { continue }
            precondition(labels["a"] == "b", "the request's labels win")
        }
    }

    /// The bytes are a path.
    @Sendable static func gatewayPath(_ input: [UInt8]) {
        let text = String(decoding: input, as: UTF8.self)
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard let key = try? GroupingKey(parts) else { return }
        precondition(key.labels["job"] != nil, "a group has a job")
        let again = try? GroupingKey(key.pairs.flatMap { [$0.name, $0.value] })
        precondition(again == key, "a group is named by its labels")
    }
}
