// SPDX-License-Identifier: Apache-2.0
//
// The second step: the name and labels in a series' text, checked.

public import Samples

extension ExpositionParser {
    /// The labels of a sample's series, its name as `__name__` among them.
    ///
    /// - Parameter sample: what `next` returned.
    /// - Returns: the labels; a label with an empty value is left out.
    /// - Throws: `ExpositionError` as `pairs(of:)` does.
    public func labels(of sample: Sample) throws(ExpositionError) -> Labels {
        Labels(try pairs(of: sample))
    }

    /// The name (as `__name__`, first) and labels of a sample's series as written, empty values included.
    ///
    /// `le` of histograms and `quantile` of summaries are rewritten the one way OpenMetrics writes numbers, as
    /// Prometheus 3 does, so that `le="1"` and `le="1.0"` are one series.
    ///
    /// - Parameter sample: what `next` returned.
    /// - Returns: the pairs in the order written.
    /// - Throws: `ExpositionError` when the text is malformed, a name is missing or comes twice, or a value is not
    /// valid UTF-8.
    public func pairs(of sample: Sample) throws(ExpositionError) -> [(name: String, value: String)] {
        var text = SeriesText(bytes, sample.series, isOpenMetrics: false)
        var pairs = try text.pairs()
        sample.kind.normaliseBounds(&pairs)
        return pairs
    }

    /// The whole input: a line's series is named by its text.
    public func key(of sample: Sample) -> [UInt8] { bytes }

    /// The bytes of a range, for keeping a series' text.
    public func text(of sample: Sample) -> ArraySlice<UInt8> {
        bytes[sample.series.clamped(to: 0..<bytes.count)]
    }

    /// Replaces `\\`, `\n` and (in quotes) `\"`; any other backslash stays as it is, as in Prometheus.
    static func unescaped(_ text: String, quotes: Bool) -> String {
        guard text.utf8.contains(Byte.backslash) else { return text }
        var out = ""
        var isEscaped = false
        for scalar in text.unicodeScalars {
            if !isEscaped {
                isEscaped = scalar == "\\"
                if !isEscaped { out.unicodeScalars.append(scalar) }
                continue
            }
            isEscaped = false
            switch scalar {
            case "\\": out += "\\"
            case "n": out += "\n"
            case "\"" where quotes: out += "\""
            default:
                out += "\\"
                out.unicodeScalars.append(scalar)
            }
        }
        return isEscaped ? out + "\\" : out
    }
}
