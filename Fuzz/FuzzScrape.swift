// SPDX-License-Identifier: Apache-2.0
//
// What targets answer, in the formats beside the text of `exposition`: each sample is read as a scraper reads one that it
// sees for the first time, and a histogram that is taken must be one.

import Samples
import Wire

extension Targets {
    /// The bytes are OpenMetrics.
    @Sendable static func scrapeOpenMetrics(_ input: [UInt8]) {
        take(OpenMetricsScrapeParser(input, readingStarts: true), most: input.count)
        take(
            CustomBucketsParser(OpenMetricsScrapeParser(input), keepingClassic: true),
            most: 2 * input.count
        )
    }

    /// The bytes are metric families behind their lengths.
    @Sendable static func scrapeProtobuf(_ input: [UInt8]) {
        for number in 0..<4 {
            var options = ProtobufScrapeParser.Options()
            options.takesNative = number & 1 != 0
            options.convertsClassic = number & 2 != 0
            options.keepsClassic = number == 3
            options.readsStarts = true
            // Two bytes of an empty histogram are a count, a sum, a bucket and a histogram.
            take(ProtobufScrapeParser(input, options: options), most: 4 * input.count)
        }
    }

    private static func take(_ parser: consuming some ScrapeParsing, most: Int) {
        var samples = 0
        while let sample = try? parser.next() {
            samples += 1
            precondition(samples <= most, "more samples than bytes")
            precondition(sample.series.upperBound <= parser.key(of: sample).count, "a key beyond the bytes")
            if let pairs = try? parser.pairs(of: sample) {
                precondition(!(pairs.first?.value.isEmpty ?? true), "a name")
            }
            if sample.isHistogram, let histogram = try? parser.histogram(of: sample) {
                let isValid = (try? histogram.validate()) != nil
                precondition(isValid, "a histogram that is none")
            }
            if sample.hasExemplars { _ = try? parser.exemplars(of: sample) }
        }
        _ = parser.metadata()
    }
}
