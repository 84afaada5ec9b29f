// SPDX-License-Identifier: Apache-2.0
//
// From a key to labels, for keys a receiver has not seen before. What is refused is what Prometheus refuses
// (storage/remote/write_handler.go): no metric name, an empty label name, a name that comes twice, text that is not
// UTF-8. Labels in another order are sorted, and those with an empty value left out, as there.

internal import Bytes
public import Samples

/// Why the labels of a pushed series are refused.
public enum RemoteWriteLabelError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The label fields or references cannot be read.
    case unreadable(String)
    /// A name or value that is not UTF-8, an empty name, or no metric name.
    case invalid(Labels)
    /// A name that comes twice.
    case duplicate(Labels, name: String)

    /// Prometheus' words.
    public var description: String {
        switch self {
        case .unreadable(let reason): "parsing labels for series: \(reason)"
        case .invalid(let labels): "invalid metric name or labels, got \(labels)"
        case .duplicate(let labels, let name):
            "invalid labels for series, labels \(labels), duplicated label \(name)"
        }
    }
}

extension RemoteWriteRequest {
    /// Reads and checks the labels of a series.
    ///
    /// - Parameters:
    ///   - series: one of `series`.
    ///   - message: the bytes that were decoded.
    /// - Returns: the labels.
    /// - Throws: why they are refused.
    public func labels(
        of series: Series,
        in message: Span<UInt8>
    ) throws(RemoteWriteLabelError) -> Labels {
        try check(series.fault)
        let result = try labels(key(of: series, in: message))
        guard result.metricName != nil else { throw .invalid(result) }
        return result
    }

    /// Reads and checks the labels of an exemplar, which need no metric name.
    ///
    /// - Parameter exemplar: one of `exemplars`.
    /// - Returns: the labels.
    /// - Throws: why they are refused.
    public func labels(of exemplar: Exemplar) throws(RemoteWriteLabelError) -> Labels {
        try check(exemplar.fault)
        let range = Int(exemplar.labels.lowerBound)..<Int(exemplar.labels.upperBound)
        return try labels(copied.span.extracting(range))
    }

    private func check(_ fault: Fault) throws(RemoteWriteLabelError) {
        switch fault {
        case .none, .empty: return
        case .oddReferences: throw .unreadable("invalid labelRefs length")
        case .badReference:
            throw .unreadable("labelRefs outside of symbols table (size \(symbols.count))")
        case .tooLong: throw .unreadable("labels are longer than \(Limits().keyBytes) bytes")
        }
    }

    private func labels(_ key: Span<UInt8>) throws(RemoteWriteLabelError) -> Labels {
        let encoded: [UInt8]
        do throws(RemoteWriteError) {
            encoded = version == .v1 ? try recoded(key) : key.copy()
        } catch {
            throw .unreadable(error.description)
        }
        // Almost all senders keep the rules, and then this form is the labels.
        if let labels = Labels(encoded: encoded) { return labels }
        return try sorted(encoded)
    }

    /// Label fields of 1.0 in the form of 2.0's keys.
    private func recoded(_ key: Span<UInt8>) throws(RemoteWriteError) -> [UInt8] {
        var out: [UInt8] = []
        var cursor = ProtobufCursor(key)
        while !cursor.isAtEnd {
            _ = try cursor.tag()
            let outer = cursor.enter(try cursor.length())
            var name = 0..<0
            var value = 0..<0
            while !cursor.isAtEnd {
                let tag = try cursor.tag()
                switch tag {
                case 1 << 3 | 2: name = try cursor.range()
                case 2 << 3 | 2: value = try cursor.range()
                default: try cursor.skip(tag)
                }
            }
            cursor.leave(outer)
            out.append(prefixed: key.extracting(name).copy())
            out.append(prefixed: key.extracting(value).copy())
        }
        return out
    }

    /// Labels from strings in any order.
    private func sorted(_ encoded: [UInt8]) throws(RemoteWriteLabelError) -> Labels {
        var texts: [String] = []
        var isText = true
        do throws(RemoteWriteError) {
            var cursor = ProtobufCursor(encoded.span)
            while !cursor.isAtEnd {
                let range = try cursor.range()
                let text = String(validating: encoded[range], as: UTF8.self)
                if text == nil { isText = false }
                texts.append(text ?? cursor.text(range))
            }
        } catch {
            throw .unreadable(error.description)
        }
        var pairs: [(name: String, value: String)] = []
        var names: Set<[UInt8]> = []
        var duplicate: String?
        for index in stride(from: 0, to: texts.count - 1, by: 2) {
            if texts[index].isEmpty { isText = false }
            if !names.insert(Array(texts[index].utf8)).inserted { duplicate = duplicate ?? texts[index] }
            pairs.append((texts[index], texts[index + 1]))
        }
        let labels = Labels(pairs)
        guard isText, labels.metricName != nil || duplicate != nil else { throw .invalid(labels) }
        if let duplicate { throw .duplicate(labels, name: duplicate) }
        return labels
    }
}

extension Span<UInt8> {
    /// The bytes as an array of their own.
    func copy() -> [UInt8] {
        unsafe withUnsafeBufferPointer { unsafe Array($0) }
    }
}
