// SPDX-License-Identifier: Apache-2.0

internal import Platform
internal import Samples
internal import Wire

extension API {
    /// The process' own metrics in the text format.
    func metrics() -> Reply {
        var out: [UInt8] = []
        out.reserveCapacity(16 << 10)
        for family in services.telemetry.families() {
            let metadata = MetricMetadata(
                family: family.name,
                kind: family.isCounter ? .counter : .gauge,
                help: family.help
            )
            let samples = family.samples.map { ExpositionWriter.Sample(family.name, $0.labels, $0.value) }
            ExpositionWriter.append(metadata, samples, to: &out)
        }
        return Reply(status: 200, contentType: ExpositionWriter.contentType, body: .bytes(out))
    }
}
