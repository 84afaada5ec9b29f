// SPDX-License-Identifier: Apache-2.0
//
// The labels of a segment's series and groups, once each. Distinct strings are sorted and share the beginnings of
// their predecessors; a series is written as differences to the series before it that has the same label names, so
// that sorted series come to mostly zeros.
//
// Invariant: symbols are strictly ascending byte-wise, so comparing numbers compares strings, and a reader can check
// the order of names and build labels without looking at a string twice.

internal import Bytes
internal import Samples

/// The coding of a segment's label table.
enum LabelTable {
    /// The most series in a segment.
    static let countLimit = 1 << 22

    /// Codes the table.
    static func bytes(series: [Labels], identities: [Labels]) -> [UInt8] {
        var writer = LabelTableWriter()
        for labels in series { writer.count(labels) }
        for labels in identities { writer.count(labels) }
        return writer.bytes(series: series, identities: identities)
    }

    /// Reads the table back.
    static func read(_ bytes: [UInt8]) throws(CorruptionError) -> (series: [Labels], identities: [Labels]) {
        var reader = ByteReader(bytes)
        let symbols = try readSymbols(&reader)
        var shapes: [[Int]] = []
        for _ in 0..<(try reader.count(limit: reader.remaining)) {
            var names: [Int] = []
            for _ in 0..<(try reader.count(limit: reader.remaining)) {
                let place = reader.offset
                let name = try reader.count(limit: symbols.count)
                guard name > (names.last ?? -1), name < symbols.count else {
                    throw CorruptionError("ascending numbers of \(symbols.count) symbols", at: place)
                }
                names.append(name)
            }
            shapes.append(names)
        }
        let series = try reader.count(limit: min(countLimit, reader.remaining))
        let identities = try reader.count(limit: min(countLimit, reader.remaining))
        var shapeOf: [Int] = []
        shapeOf.reserveCapacity(series + identities)
        for _ in 0..<(series + identities) {
            let place = reader.offset
            shapeOf.append(try reader.count(limit: shapes.count))
            guard shapeOf[shapeOf.count - 1] < shapes.count else {
                throw CorruptionError("one of \(shapes.count) shapes", at: place)
            }
        }
        var rows = try readRows(&reader, shapeOf, shapes, symbols)
        let groups = Array(rows[series...])
        rows.removeLast(identities)
        return (rows, groups)
    }

    /// Symbols as they stand in encoded labels: varint length, bytes.
    private static func readSymbols(_ reader: inout ByteReader) throws(CorruptionError) -> [[UInt8]] {
        var symbols: [[UInt8]] = []
        var text: [UInt8] = []
        for _ in 0..<(try reader.count(limit: reader.remaining)) {
            let place = reader.offset
            let shared = try reader.count(limit: text.count)
            let before = text
            text.removeLast(text.count - shared)
            text += try reader.prefixed(limit: reader.remaining)
            guard before.lexicographicallyPrecedes(text), String(validating: text, as: UTF8.self) != nil
            else { throw CorruptionError("ascending symbols of UTF-8", at: place) }
            var symbol: [UInt8] = []
            symbol.append(prefixed: text)
            symbols.append(symbol)
        }
        return symbols
    }

    private static func readRows(
        _ reader: inout ByteReader,
        _ shapeOf: [Int],
        _ shapes: [[Int]],
        _ symbols: [[UInt8]]
    ) throws(CorruptionError) -> [Labels] {
        var previous = shapes.map { [Int](repeating: 0, count: $0.count) }
        var rows: [Labels] = []
        rows.reserveCapacity(shapeOf.count)
        for shape in shapeOf {
            var bytes: [UInt8] = []
            for (place, name) in shapes[shape].enumerated() {
                let offset = reader.offset
                let value = Int64(previous[shape][place]) &+ (try reader.zigzag())
                guard value >= 0, value < symbols.count else {
                    throw CorruptionError("one of \(symbols.count) symbols", at: offset)
                }
                previous[shape][place] = Int(value)
                bytes += symbols[name]
                bytes += symbols[Int(value)]
            }
            rows.append(Labels(copiedPairs: bytes))
        }
        return rows
    }
}

/// Numbers strings and label names while a table is written.
private struct LabelTableWriter {
    private var numbers: [[UInt8]: Int] = [:]

    /// Takes the strings of labels in.
    mutating func count(_ labels: Labels) {
        labels.forEachRange { name, value in
            numbers[Array(labels.bytes[name])] = 0
            numbers[Array(labels.bytes[value])] = 0
        }
    }

    mutating func bytes(series: [Labels], identities: [Labels]) -> [UInt8] {
        let symbols = numbers.keys.sorted { $0.lexicographicallyPrecedes($1) }
        var out: [UInt8] = []
        out.append(varint: UInt64(symbols.count))
        var before: [UInt8] = []
        for (number, symbol) in symbols.enumerated() {
            numbers[symbol] = number
            let shared = zip(before, symbol).prefix { $0 == $1 }.count
            out.append(varint: UInt64(shared))
            out.append(prefixed: symbol[shared...])
            before = symbol
        }
        appendRows(series, identities, to: &out)
        return out
    }

    private func appendRows(_ series: [Labels], _ identities: [Labels], to out: inout [UInt8]) {
        var shapes: [[Int]] = []
        var shapeNumbers: [[Int]: Int] = [:]
        var previous: [[Int]] = []
        var shapeOf: [UInt8] = []
        var differences: [UInt8] = []
        for labels in [series, identities].joined() {
            var names: [Int] = []
            var values: [Int] = []
            labels.forEachRange { name, value in
                names.append(numbers[Array(labels.bytes[name])] ?? 0)
                values.append(numbers[Array(labels.bytes[value])] ?? 0)
            }
            let shape = shapeNumbers[names] ?? shapes.count
            if shape == shapes.count {
                shapeNumbers[names] = shape
                shapes.append(names)
                previous.append([Int](repeating: 0, count: names.count))
            }
            shapeOf.append(varint: UInt64(shape))
            for (place, value) in values.enumerated() {
                differences.append(zigzag: Int64(value - previous[shape][place]))
            }
            previous[shape] = values
        }
        out.append(varint: UInt64(shapes.count))
        for names in shapes {
            out.append(varint: UInt64(names.count))
            for name in names { out.append(varint: UInt64(name)) }
        }
        out.append(varint: UInt64(series.count))
        out.append(varint: UInt64(identities.count))
        out += shapeOf
        out += differences
    }
}
