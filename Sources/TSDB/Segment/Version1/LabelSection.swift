// SPDX-License-Identifier: Apache-2.0
//
// Labels of series, row by row: in segments of version 1, and in tiers.

internal import Bytes
internal import Samples

/// The labels of a window's series: distinct strings once, series as pairs of their numbers.
enum LabelSection {
    private static let limit = 1 << 24

    static func bytes(_ series: [Labels]) -> [UInt8] {
        var numbers: [String: Int] = [:]
        var symbols: [String] = []
        var rows: [UInt8] = []
        func number(_ text: String) -> UInt64 {
            if let known = numbers[text] { return UInt64(known) }
            numbers[text] = symbols.count
            symbols.append(text)
            return UInt64(symbols.count - 1)
        }
        for labels in series {
            let pairs = labels.pairs
            rows.append(varint: UInt64(pairs.count))
            for pair in pairs {
                rows.append(varint: number(pair.name))
                rows.append(varint: number(pair.value))
            }
        }
        var out: [UInt8] = []
        out.append(varint: UInt64(symbols.count))
        for symbol in symbols { out.append(prefixed: Array(symbol.utf8)) }
        return out + rows
    }

    static func read(_ bytes: [UInt8], count: Int) throws(CorruptionError) -> [Labels] {
        var reader = ByteReader(bytes)
        var symbols: [String] = []
        for _ in 0..<(try reader.count(limit: limit)) {
            let place = reader.offset
            let text = try reader.prefixed(limit: reader.remaining)
            guard let symbol = String(validating: text, as: UTF8.self) else {
                throw CorruptionError("UTF-8", at: place)
            }
            symbols.append(symbol)
        }
        var result: [Labels] = []
        for _ in 0..<count {
            var pairs: [(name: String, value: String)] = []
            for _ in 0..<(try reader.count(limit: limit)) {
                let place = reader.offset
                let name = try reader.count(limit: limit)
                let value = try reader.count(limit: limit)
                guard name < symbols.count, value < symbols.count else {
                    throw CorruptionError("the numbers of two of \(symbols.count) symbols", at: place)
                }
                pairs.append((symbols[name], symbols[value]))
            }
            result.append(Labels(pairs))
        }
        return result
    }
}
