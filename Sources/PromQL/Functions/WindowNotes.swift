// SPDX-License-Identifier: Apache-2.0
//
// What there is to say about a series' windows besides their values, gathered while they slide and told once.

internal import Samples

/// Something noticed in a window.
enum WindowNote: Hashable {
    /// Numbers and histograms together, where only one kind is defined.
    case mixedTypes
    /// Exponential and custom buckets together.
    case mixedSchemas
    case notCounter
    case notGauge
    /// Histograms beside numbers, where only numbers count.
    case histogramsIgnored
    case boundsReconciled(HistogramOperation)
    case resetsCollide
}

/// What histograms were put together by.
enum HistogramOperation: String {
    case addition, subtraction, aggregation
}

/// All that was noticed in the windows of a series.
struct WindowNotes {
    private(set) var notes: Set<WindowNote> = []
    /// Windows with a sample whose counter began before the sample ahead of it, and anew at that.
    var overlaps = 0

    var isEmpty: Bool { notes.isEmpty && overlaps == 0 }

    mutating func insert(_ note: WindowNote) {
        notes.insert(note)
    }

    /// Notes what an addition had to say.
    mutating func insert(_ remarks: HistogramSum.Remarks, of operation: HistogramOperation) {
        if remarks.contains(.boundsReconciled) { notes.insert(.boundsReconciled(operation)) }
    }
}

extension Evaluator {
    /// Annotates the answer with what was noticed.
    func report(_ notes: WindowNotes, of labels: Labels, at range: SourceRange) {
        if notes.isEmpty { return }
        let name = labels.metricName ?? ""
        for note in notes.notes {
            switch note {
            case .mixedTypes: annotations.warn(Notices.mixedTypes(name), at: range)
            case .mixedSchemas: annotations.warn(Notices.mixedSchemas(name), at: range)
            case .notCounter: annotations.warn(Notices.notCounter(name), at: range)
            case .notGauge: annotations.warn(Notices.notGauge(name), at: range)
            case .histogramsIgnored: annotations.inform(Notices.histogramsIgnored(name), at: range)
            case .boundsReconciled(let operation):
                annotations.inform(Notices.boundsReconciled(operation), at: range)
            case .resetsCollide: annotations.warn(Notices.resetsCollide(.aggregation), at: range)
            }
        }
        if notes.overlaps > 0 {
            annotations.add(OverlappingStarts(metric: name, range: range, windows: notes.overlaps))
        }
    }
}
