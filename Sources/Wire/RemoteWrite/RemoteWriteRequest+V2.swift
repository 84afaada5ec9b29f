// SPDX-License-Identifier: Apache-2.0
//
// io.prometheus.write.v2.Request (Prometheus' prompb/io/prometheus/write/v2/types.proto):
//
//     Request     4: symbols*   5: TimeSeries*
//     TimeSeries  1: uint32 label references*   2: Sample*   3: Histogram*   4: Exemplar*   5: Metadata
//     Sample      1: double   2: int64 milliseconds   3: int64 start
//     Exemplar    1: uint32 label references*   2: double   3: int64 milliseconds
//     Metadata    1: enum   3: help reference   4: unit reference
//
// Symbols may come anywhere in the message, so a first pass over the outermost fields gathers them. A key is put together
// from the symbols: it can be longer than the message, so the sum of all keys is limited too.

public import Samples

extension RemoteWriteRequest {
    mutating func decodeV2(_ message: Span<UInt8>, _ limits: Limits) throws(RemoteWriteError) {
        var first = ProtobufCursor(message)
        while !first.isAtEnd {
            let tag = try first.tag()
            guard tag >> 3 == 4 else {
                try first.skip(tag)
                continue
            }
            try first.expect(ProtobufCursor.WireType.bytes, tag)
            guard symbols.count < limits.symbols else { throw .tooLarge(limits.symbols, "symbols") }
            let range = try first.range()
            symbols.append(UInt32(range.lowerBound)..<UInt32(range.upperBound))
        }
        var cursor = ProtobufCursor(message)
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            guard tag >> 3 == 5 else {
                try cursor.skip(tag)
                continue
            }
            try cursor.expect(ProtobufCursor.WireType.bytes, tag)
            let outer = cursor.enter(try cursor.length())
            try timeSeriesV2(&cursor, limits)
            cursor.leave(outer)
        }
    }

    private mutating func timeSeriesV2(
        _ cursor: inout ProtobufCursor,
        _ limits: Limits
    ) throws(RemoteWriteError) {
        var entry = Series(at: copied.count)
        entry.isCopied = true
        var references = References()
        let samplesBefore = timestamps.count
        let histogramsBefore = histograms.count
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            guard (1...5).contains(tag >> 3) else {
                try cursor.skip(tag)
                continue
            }
            if tag >> 3 == 1 {
                try labelReferences(tag, &cursor, &references, limits)
                continue
            }
            try cursor.expect(ProtobufCursor.WireType.bytes, tag)
            let outer = cursor.enter(try cursor.length())
            switch tag >> 3 {
            case 2: try sample(&cursor, limits)
            case 3: try histogram(&cursor, limits)
            case 4: try exemplarV2(&cursor, limits)
            default: entry.description = try description(&cursor, limits)
            }
            cursor.leave(outer)
        }
        entry.keyStart = UInt32(references.start ?? copied.count)
        entry.keyEnd = UInt32(references.end ?? copied.count)
        entry.fault = references.verdict
        if entry.fault == .none, timestamps.count == samplesBefore, histograms.count == histogramsBefore {
            entry.fault = .empty
        }
        try finish(ending(entry), limits)
    }

    /// A series' or an exemplar's labels while they are read.
    private struct References {
        /// Where the key begins among the copied ones, nil before the first reference.
        var start: Int?
        /// Where it ends.
        var end: Int?
        var count = 0
        var fault = Fault.none

        var verdict: Fault { fault == .none && count % 2 == 1 ? .oddReferences : fault }
    }

    /// One field of label references, packed or not; appends the symbols to the key.
    private mutating func labelReferences(
        _ tag: UInt64,
        _ cursor: inout ProtobufCursor,
        _ references: inout References,
        _ limits: Limits
    ) throws(RemoteWriteError) {
        guard tag & 7 == ProtobufCursor.WireType.bytes else {
            try cursor.expect(ProtobufCursor.WireType.varint, tag)
            try append(try cursor.varint(), cursor.bytes, &references, limits)
            return
        }
        let outer = cursor.enter(try cursor.length())
        while !cursor.isAtEnd { try append(try cursor.varint(), cursor.bytes, &references, limits) }
        cursor.leave(outer)
    }

    @inline(__always)
    private mutating func append(
        _ reference: UInt64,
        _ message: Span<UInt8>,
        _ references: inout References,
        _ limits: Limits
    ) throws(RemoteWriteError) {
        references.count += 1
        let start = references.start ?? copied.count
        references.start = start
        // An exemplar between two runs of references would leave its labels inside the key.
        if let end = references.end, end != copied.count { references.fault = .badReference }
        defer { references.end = copied.count }
        guard references.fault == .none else { return }
        guard reference < UInt64(symbols.count) else {
            references.fault = .badReference
            return
        }
        let symbol = symbols[Int(reference)]
        guard copied.count - start + symbol.count <= limits.keyBytes else {
            references.fault = .tooLong
            return
        }
        var length = UInt32(symbol.count)
        while length >= 0x80 {
            copied.append(UInt8(truncatingIfNeeded: length) | 0x80)
            length >>= 7
        }
        copied.append(UInt8(length))
        try copy(message, Int(symbol.lowerBound)..<Int(symbol.upperBound), limits)
    }

    private mutating func exemplarV2(
        _ cursor: inout ProtobufCursor,
        _ limits: Limits
    ) throws(RemoteWriteError) {
        var references = References()
        var exemplar = Exemplar(labels: 0..<0, isCopied: true)
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            if tag >> 3 == 1 {
                try labelReferences(tag, &cursor, &references, limits)
            } else {
                try exemplarField(tag, &cursor, &exemplar)
            }
        }
        exemplar.labels = UInt32(references.start ?? 0)..<UInt32(references.end ?? 0)
        exemplar.fault = references.verdict
        try add(exemplar, limits)
    }

    private mutating func description(
        _ cursor: inout ProtobufCursor,
        _ limits: Limits
    ) throws(RemoteWriteError) -> Int32 {
        var result = Description()
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag {
            case 1 << 3 | 0: result.type = try cursor.varint()
            case 3 << 3 | 0: result.help = UInt32(truncatingIfNeeded: try cursor.varint())
            case 4 << 3 | 0: result.unit = UInt32(truncatingIfNeeded: try cursor.varint())
            default: try cursor.skip(tag)
            }
        }
        if descriptions.last != result {
            guard descriptions.count < limits.series else {
                throw .tooLarge(limits.series, "entries of metadata")
            }
            descriptions.append(result)
        }
        return Int32(clamping: descriptions.count - 1)
    }

    /// What a series says of its family; nil when it says nothing.
    ///
    /// - Parameters:
    ///   - description: one of `descriptions`.
    ///   - family: the family's name.
    ///   - message: the bytes that were decoded.
    /// - Returns: the metadata; texts that are not UTF-8 have replacement characters, and unknown references are empty.
    public func metadata(
        _ description: Description,
        family: String,
        in message: Span<UInt8>
    ) -> MetricMetadata? {
        let cursor = ProtobufCursor(message)
        func symbol(_ reference: UInt32) -> String {
            guard Int(reference) < symbols.count else { return "" }
            let range = symbols[Int(reference)]
            return cursor.text(Int(range.lowerBound)..<Int(range.upperBound))
        }
        let help = symbol(description.help)
        let unit = symbol(description.unit)
        guard description.type != 0 || !help.isEmpty || !unit.isEmpty else { return nil }
        return MetricMetadata(
            family: family,
            kind: MetricMetadata.Kind(remoteWriteType: description.type),
            help: help,
            unit: unit
        )
    }
}

extension RemoteWriteRequest {
    /// A number that changes when a description's type or texts do, within this process.
    ///
    /// - Parameters:
    ///   - description: one of `descriptions`.
    ///   - message: the bytes that were decoded.
    /// - Returns: the number, never 0.
    public func fingerprint(of description: Description, in message: Span<UInt8>) -> UInt32 {
        var hasher = Hasher()
        hasher.combine(description.type)
        for reference in [description.help, description.unit] where Int(reference) < symbols.count {
            let range = symbols[Int(reference)]
            hasher.combine(range.count)
            unsafe message.extracting(Int(range.lowerBound)..<Int(range.upperBound)).withUnsafeBytes {
                unsafe hasher.combine(bytes: $0)
            }
        }
        return UInt32(truncatingIfNeeded: hasher.finalize()) | 1
    }
}
