// SPDX-License-Identifier: Apache-2.0
//
// What scrapes bring beside values: native histograms within the job's limits, and exemplars. Source: Prometheus
// scrape/target.go (bucketLimitAppender, maxSchemaAppender) and scrape/scrape.go.

internal import Config
internal import Samples
internal import Wire

extension ScrapeStore {
    /// Exemplars of one scrape beyond this are dropped: a tenth of what Prometheus keeps of all series together, and each
    /// is a row in the log.
    private static let exemplarLimit = 10_000

    /// A histogram at a resolution the job takes.
    ///
    /// - Throws: `ScrapeFailure` when no resolution has few enough buckets.
    func limited(_ histogram: NativeHistogram) throws(ScrapeFailure) -> NativeHistogram {
        var histogram = histogram
        if target.job.nativeHistogramFactor > 1 {
            histogram = histogram.reduced(to: ScrapeStore.schema(factor: target.job.nativeHistogramFactor))
        }
        let limit = target.job.nativeHistogramBuckets
        guard limit > 0 else { return histogram }
        guard let reduced = histogram.reduced(toBuckets: limit) else {
            throw ScrapeFailure("histogram bucket limit exceeded")
        }
        return reduced
    }

    /// The finest schema whose bounds grow by at least a factor above 1.
    static func schema(factor: Double) -> Int32 {
        for schema in NativeHistogram.exponentialSchemas.reversed()
        where HistogramBounds.bound(1, schema: schema) >= factor {
            return schema
        }
        return NativeHistogram.exponentialSchemas.lowerBound
    }

    /// Remembers the exemplars of a sample until the scrape is stored.
    mutating func takeExemplars<Parser: ScrapeParsing>(
        _ sample: ScrapedSample,
        of parser: Parser,
        _ id: SeriesID,
        at time: Int64,
        _ counts: inout ScrapeCounts
    ) throws(ExpositionError) {
        var found = try parser.exemplars(of: sample)
        if sample.isHistogram { found.sort { ($0.timestamp ?? 0) < ($1.timestamp ?? 0) } }
        for exemplar in found {
            let own = Exemplar(
                labels: exemplar.labels,
                value: exemplar.value,
                timestamp: Timestamp(milliseconds: exemplar.timestamp ?? time)
            )
            guard let own, exemplars.count < ScrapeStore.exemplarLimit else {
                counts.exemplarsDropped += 1
                continue
            }
            exemplars.append(ExemplarSample(id, own))
        }
    }

    /// Stores the exemplars of a scrape that is stored.
    mutating func appendExemplars(_ counts: inout ScrapeCounts) {
        guard !exemplars.isEmpty else { return }
        do throws(SinkError) {
            counts.exemplarsDropped += try sink.append(exemplars: exemplars).outOfOrder
        } catch {
            counts.exemplarsDropped += exemplars.count
        }
    }
}
