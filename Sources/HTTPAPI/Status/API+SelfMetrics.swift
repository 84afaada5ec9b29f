// SPDX-License-Identifier: Apache-2.0
//
// /status/self_metrics: the process' own metrics as JSON, in the form protobuf's JSON mapping gives
// io.prometheus.client.MetricFamily.

internal import Platform
internal import Samples
internal import Wire

extension API {
    /// The process' own metrics whose names match.
    func selfMetrics(_ parameters: Parameters) throws(APIError) -> Reply {
        let text = parameters["metric_name_pattern"]
        var pattern: Pattern?
        if !text.isEmpty {
            do {
                pattern = try Pattern(text)
            } catch {
                throw .invalid("metric_name_pattern", error.description)
            }
        }
        let families = services.telemetry.families().filter { pattern?.matches($0.name) ?? true }
        return Envelope.success { writer in
            writer.beginArray()
            for family in families { writer.family(family) }
            writer.endArray()
        }
    }
}

extension JSONWriter {
    fileprivate mutating func family(_ family: Telemetry.Family) {
        beginObject()
        member("name", family.name)
        member("help", family.help)
        member("type", family.isCounter ? "COUNTER" : "GAUGE")
        key("metric")
        beginArray()
        for sample in family.samples {
            beginObject()
            if !sample.labels.isEmpty {
                key("label")
                beginArray()
                for (name, value) in sample.labels {
                    beginObject()
                    member("name", name)
                    member("value", value)
                    endObject()
                }
                endArray()
            }
            key(family.isCounter ? "counter" : "gauge")
            beginObject()
            key("value")
            // As protobuf's JSON mapping writes what JSON has no number for.
            if sample.value.isFinite {
                number(sample.value)
            } else {
                string(sample.value.isNaN ? "NaN" : sample.value > 0 ? "Infinity" : "-Infinity")
            }
            endObject()
            endObject()
        }
        endArray()
        endObject()
    }
}
