// SPDX-License-Identifier: Apache-2.0

internal import PromQL
internal import Samples
internal import Wire

/// What a query cost, as the member `stats` of its answer.
struct StatisticsText: Sendable {
    let statistics: QueryStatistics
    /// The first step.
    let start: Timestamp
    /// From one step to the next.
    let step: Duration
}

extension JSONWriter {
    /// Writes the member `stats`, with the members in Prometheus' order.
    mutating func member(_ text: StatisticsText) {
        let statistics = text.statistics
        key("stats")
        beginObject()
        key("timings")
        beginObject()
        member("evalTotalTime", statistics.totalTime.inSeconds)
        // Series come sorted from the evaluation.
        member("resultSortTime", 0)
        member("queryPreparationTime", statistics.preparationTime.inSeconds)
        member("innerEvalTime", statistics.evaluationTime.inSeconds)
        member("execQueueTime", statistics.queueTime.inSeconds)
        member("execTotalTime", statistics.totalTime.inSeconds)
        endObject()
        key("samples")
        beginObject()
        if let counts = statistics.queryableSamplesPerStep {
            key("totalQueryableSamplesPerStep")
            beginArray()
            var time = text.start.milliseconds
            for count in counts {
                beginArray()
                seconds(milliseconds: time)
                number(count)
                endArray()
                time &+= text.step.milliseconds
            }
            endArray()
        }
        member("totalQueryableSamples", statistics.queryableSamples)
        member("peakSamples", statistics.peakSamples)
        member("samplesRead", statistics.readSamples)
        endObject()
        endObject()
    }
}
