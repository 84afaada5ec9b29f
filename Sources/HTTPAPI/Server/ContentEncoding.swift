// SPDX-License-Identifier: Apache-2.0
//
// How an answer is compressed, by what the client says it understands (RFC 9110, section 12.5.3). Prometheus itself knows
// gzip and deflate here; zstd is preferred where it is as welcome as they are, because it takes the least of the processor.

internal import Bytes
internal import Synchronization

/// A coding of answers.
enum ContentEncoding: String, Sendable, CaseIterable {
    /// By preference.
    case zstd, gzip, deflate

    /// A smaller body fits one packet with its head, compressed or not.
    static let smallestBody = 1024
    /// Streams compressed at once; each takes up to half a MiB, and beyond that answers go uncompressed.
    static let streamLimit = 8

    private static let streams = Mutex(0)

    /// What to compress with; nil for not at all.
    ///
    /// - Parameter accepted: the header `Accept-Encoding`; nil when there is none.
    init?(accepted: String?) {
        guard let accepted, !accepted.isEmpty else { return nil }
        let items = QualityList(accepted).items
        let other = items.first { $0.value == "*" }?.quality ?? 0
        var best: (encoding: ContentEncoding, quality: Double)?
        for encoding in ContentEncoding.allCases {
            let quality =
                items.first { $0.value == encoding.rawValue || $0.value == "x-\(encoding)" }?.quality ?? other
            if quality > best?.quality ?? 0 { best = (encoding, quality) }
        }
        guard let best else { return nil }
        self = best.encoding
    }

    /// The library's name for it.
    var format: StreamCompressor.Format {
        switch self {
        case .zstd: .zstd
        case .gzip: .gzip
        case .deflate: .zlib
        }
    }

    /// Takes one of the places for streams; false when there is none.
    static func beginStream() -> Bool {
        streams.withLock { count in
            guard count < streamLimit else { return false }
            count += 1
            return true
        }
    }

    /// Gives a place back.
    static func endStream() { streams.withLock { $0 -= 1 } }

    /// A body known as a whole, compressed; nil when there is no memory for it.
    func compress(_ bytes: [UInt8]) -> [UInt8]? {
        guard var compressor = StreamCompressor(format) else { return nil }
        var out: [UInt8] = []
        return compressor.compress(bytes, isLast: true, into: &out) ? out : nil
    }
}

/// A header like `text/plain;q=0.5, */*;q=0.1`: values with parameters, the best first.
struct QualityList: Sendable {
    /// One value.
    struct Item: Sendable {
        /// The value in lower case.
        var value: String
        /// What follows it, without `q`.
        var parameters: [String: String] = [:]
        /// How welcome it is, 0 to 1.
        var quality = 1.0
    }

    /// More than any client names.
    private static let limit = 64

    /// The values, those of the same quality in the order written.
    let items: [Item]

    /// Reads a header.
    init(_ header: String) {
        var found: [Item] = []
        for text in header.split(separator: ",").prefix(QualityList.limit) {
            let parts = text.split(separator: ";").map(QualityList.trimmed)
            guard let value = parts.first, !value.isEmpty else { continue }
            var item = Item(value: value.lowercased())
            for part in parts.dropFirst() {
                let pair = part.split(separator: "=", maxSplits: 1).map(QualityList.trimmed)
                guard pair.count == 2 else { continue }
                if pair[0].lowercased() == "q" {
                    item.quality = min(1, max(0, Double(pair[1]) ?? 0))
                } else {
                    item.parameters[pair[0].lowercased()] = QualityList.unquoted(pair[1])
                }
            }
            found.append(item)
        }
        // Sorting is stable.
        items = found.sorted { $0.quality > $1.quality }
    }

    private static func trimmed(_ text: Substring) -> String {
        String(text.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }

    private static func unquoted(_ text: String) -> String {
        text.count > 1 && text.hasPrefix("\"") && text.hasSuffix("\"")
            ? String(text.dropFirst().dropLast()) : text
    }
}
