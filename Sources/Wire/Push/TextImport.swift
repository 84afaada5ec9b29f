// SPDX-License-Identifier: Apache-2.0
//
// The text format as a push: lines of one request, each with a time of its own or the request's. A line that cannot be read
// is left out and its number told; the others are stored. So each line is parsed alone, which also keeps the work linear in
// the size of a body that is wrong in every line. What OpenMetrics writes behind a value, an exemplar, is passed over.

internal import Bytes
internal import Samples

/// How the lines of an import become series.
public struct ImportOptions: Sendable, Equatable {
    /// Labels every series gets; they win over its own.
    public var labels: [GroupingKey.Pair] = []
    /// The time of samples without one, milliseconds since 1970; nil is now.
    public var timestamp: Int64?

    /// Creates options that change nothing.
    public init() {}
}

extension GroupingKey.Pair {
    /// Reads `name=value`; nil without a name or an equals sign.
    public init?(_ text: String) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty else { return nil }
        self.init(name: String(parts[0]), value: String(parts[1]))
    }
}

/// Reads lines of the text format into a request of remote write.
public struct TextImport: Sendable {
    private let options: ImportOptions
    private let now: Int64

    /// Lines that could not be read.
    public private(set) var badLines = 0
    /// The first of them, with their numbers.
    public private(set) var reasons: [String] = []

    /// Prepares to read one request.
    ///
    /// - Parameters:
    ///   - options: what series get.
    ///   - now: the time of samples without one, milliseconds since 1970.
    public init(_ options: ImportOptions, now: Int64) {
        self.options = options
        self.now = options.timestamp ?? now
    }

    /// Reads a body and adds its series to a request.
    ///
    /// - Parameters:
    ///   - text: the body.
    ///   - request: what is filled.
    /// - Throws: `RemoteWriteError` when there are more series than a request may hold.
    public mutating func read(
        _ text: Span<UInt8>,
        into request: inout RemoteWriteRequest
    ) throws(RemoteWriteError) {
        var comments: [UInt8] = []
        var number = 0
        var start = 0
        while start < text.count {
            var end = start
            while end < text.count, text[end] != Byte.newline { end += 1 }
            number += 1
            var first = start
            while first < end, Byte.isBlank(text[first]) || text[first] == UInt8(ascii: "\r") { first += 1 }
            if first < end {
                let line = text.extracting(first..<end).copy()
                if line[0] == Byte.hash {
                    comments += line + [Byte.newline]
                } else {
                    try take(line, number, &request)
                }
            }
            start = end + 1
        }
        try describe(comments, &request)
    }

    private mutating func take(
        _ line: [UInt8],
        _ number: Int,
        _ request: inout RemoteWriteRequest
    ) throws(RemoteWriteError) {
        let found: (labels: Labels, time: Int64, value: Double)?
        do throws(ExpositionError) {
            found = try parse(line)
        } catch {
            badLines += 1
            if reasons.count < RemoteWriteReport.reasonLimit {
                reasons.append("line \(number): \(error.reason)")
            }
            return
        }
        guard let found else { return }
        try request.add(found.labels, found.time, found.value, limits: .translated)
    }

    private func parse(
        _ line: [UInt8]
    ) throws(ExpositionError) -> (labels: Labels, time: Int64, value: Double)? {
        let line = line.last == UInt8(ascii: "\r") ? Array(line.dropLast()) : line
        var parser = ExpositionParser(line, collectingMetadata: false)
        var found: ScrapedSample?
        do throws(ExpositionError) {
            found = try parser.next()
        } catch {
            guard let cut = TextImport.exemplar(in: line) else { throw error }
            parser = ExpositionParser(Array(line[..<cut]), collectingMetadata: false)
            found = try parser.next()
        }
        guard let sample = found else { return nil }
        var builder = LabelsBuilder()
        for (name, value) in try parser.pairs(of: sample) { builder.set(name, value) }
        for pair in options.labels { builder.set(pair.name, pair.value) }
        return (builder.labels(), sample.timestamp ?? now, sample.value)
    }

    /// Where ` # {` begins, outside of which an exposition of 0.0.4 has nothing.
    private static func exemplar(in line: [UInt8]) -> Int? {
        let mark = Array(" # {".utf8)
        guard line.count > mark.count else { return nil }
        return (0...(line.count - mark.count)).last { line[$0..<($0 + mark.count)].elementsEqual(mark) }
    }

    private func describe(_ comments: [UInt8], _ request: inout RemoteWriteRequest) throws(RemoteWriteError) {
        var parser = ExpositionParser(comments)
        // A comment that cannot be read says nothing.
        _ = try? parser.next()
        for entry in parser.metadata() { try request.describe(entry, limits: .translated) }
    }
}
