// SPDX-License-Identifier: Apache-2.0

internal import Platform
internal import Samples
internal import Wire

extension PushReceiver {
    /// Stores the exemplars of known series.
    func appendExemplars(
        _ message: Span<UInt8>,
        _ scratch: PushScratch,
        _ report: inout RemoteWriteReport
    ) throws(SinkError) {
        guard !scratch.request.exemplars.isEmpty else { return }
        var found: [ExemplarSample] = []
        var start = 0
        for index in scratch.request.series.indices {
            let series = scratch.request.series[index]
            let range = start..<Int(series.exemplarEnd)
            start = range.upperBound
            guard scratch.groups[index] != PushScratch.refused else { continue }
            for number in range {
                let sent = scratch.request.exemplars[number]
                guard let exemplar = exemplar(sent, scratch.request, &report) else { continue }
                found.append(ExemplarSample(scratch.ids[index], exemplar))
            }
        }
        guard !found.isEmpty else { return }
        let result = try sink.append(exemplars: found)
        // One that the store has already counts as stored. That none are kept is no fault of the request, as in Prometheus.
        report.exemplars += max(0, found.count - result.outOfOrder - result.refused)
        if result.outOfOrder > 0 { refuse(result.outOfOrder, "out of order exemplar", &report) }
    }

    private func exemplar(
        _ sent: RemoteWriteRequest.Exemplar,
        _ request: RemoteWriteRequest,
        _ report: inout RemoteWriteReport
    ) -> Exemplar? {
        do throws(RemoteWriteLabelError) {
            let exemplar = Exemplar(
                labels: try request.labels(of: sent),
                value: sent.value,
                timestamp: Timestamp(milliseconds: sent.timestamp)
            )
            if exemplar == nil {
                refuse(
                    1,
                    "label length for exemplar exceeds maximum of \(Exemplar.labelLimit) UTF-8 characters",
                    &report
                )
            }
            return exemplar
        } catch {
            refuse(1, "parsing exemplar: \(error)", &report)
            return nil
        }
    }

    private func refuse(_ count: Int, _ words: String, _ report: inout RemoteWriteReport) {
        metrics.refusedExemplars.add(count)
        report.refusedExemplars += count
        report.note(words)
    }
}
