// SPDX-License-Identifier: Apache-2.0
//
// The parts in a stretch of commit order, put together for shippers, who never see a part as a series.

internal import Samples

/// Parts by the labels of their series.
struct ShippedParts {
    /// The parts of one series.
    struct Columns {
        private var parts: [(part: SeriesPart, columns: SampleColumns)] = []

        var isEmpty: Bool { parts.isEmpty }

        /// Adds samples of a part.
        mutating func add(_ samples: SampleColumns, _ part: SeriesPart) {
            guard samples.count > 0 else { return }
            if let place = parts.firstIndex(where: { $0.part == part }) {
                parts[place].columns.merge(samples)
            } else {
                parts.append((part, samples))
            }
        }

        /// The series with what its parts stand for.
        func series(
            _ labels: Labels,
            _ samples: SampleColumns,
            _ note: (HistogramAssembly, Labels) -> Void
        ) -> LogChunk.Series {
            ShippedParts.series(labels, samples, parts, note)
        }
    }

    private var parts: [Labels: [(part: SeriesPart, columns: SampleColumns)]] = [:]

    var isEmpty: Bool { parts.isEmpty }

    /// Takes the samples of a part; returns whether they are of one.
    mutating func take(_ labels: Labels, _ samples: SampleColumns) -> Bool {
        guard PartLabel.marks(labels) else { return false }
        guard let (name, parent) = PartLabel.split(labels), let part = SeriesPart(name: name) else {
            return true
        }
        parts[parent, default: []].append((part, samples))
        return true
    }

    /// The series with what their parts stand for; series that have nothing else are added.
    func joined(
        to series: [LogChunk.Series],
        note: (HistogramAssembly, Labels) -> Void
    ) -> [LogChunk.Series] {
        var rest = parts
        var result: [LogChunk.Series] = []
        for entry in series {
            guard let parts = rest.removeValue(forKey: entry.labels) else {
                result.append(entry)
                continue
            }
            result.append(ShippedParts.series(entry.labels, entry.samples, parts, note))
        }
        for (labels, parts) in rest {
            let entry = ShippedParts.series(labels, SampleColumns(), parts, note)
            if entry.histograms.count > 0 { result.append(entry) }
        }
        return result
    }

    private static func series(
        _ labels: Labels,
        _ samples: SampleColumns,
        _ parts: [(part: SeriesPart, columns: SampleColumns)],
        _ note: (HistogramAssembly, Labels) -> Void
    ) -> LogChunk.Series {
        var assembly = HistogramAssembly()
        let histograms = assembly.histograms(parts)
        note(assembly, labels)
        var starts = StartColumns()
        for (part, columns) in parts where part == .start { starts.append(columns) }
        return LogChunk.Series(labels: labels, samples: samples, histograms: histograms, starts: starts)
    }
}
