// SPDX-License-Identifier: Apache-2.0
//
// /metrics: everything counted in this process, and the process itself under the names all Prometheus clients use.

internal import Platform
internal import Samples
internal import Wire

extension API {
    /// The process' own metrics in the text format.
    func metrics() -> Reply {
        var out: [UInt8] = []
        out.reserveCapacity(16 << 10)
        var families = services.telemetry.families().map { family in
            OwnFamily(
                metadata: MetricMetadata(
                    family: family.name,
                    kind: family.isCounter ? .counter : .gauge,
                    help: family.help
                ),
                samples: family.samples.map { ExpositionWriter.Sample(family.name, $0.labels, $0.value) }
            )
        }
        families.append(contentsOf: processFamilies())
        families.sort { $0.metadata.family < $1.metadata.family }
        for family in families { ExpositionWriter.append(family.metadata, family.samples, to: &out) }
        return Reply(status: 200, contentType: ExpositionWriter.contentType, body: .bytes(out))
    }

    private struct OwnFamily {
        let metadata: MetricMetadata
        let samples: [ExpositionWriter.Sample]

        init(metadata: MetricMetadata, samples: [ExpositionWriter.Sample]) {
            self.metadata = metadata
            self.samples = samples
        }

        init(_ name: String, _ kind: MetricMetadata.Kind, _ help: String, _ value: Double) {
            metadata = MetricMetadata(family: name, kind: kind, help: help)
            samples = [ExpositionWriter.Sample(name, [], value)]
        }
    }

    private func processFamilies() -> [OwnFamily] {
        let process = ProcessStatistics.read()
        let node = services.node
        let build = ExpositionWriter.Sample(
            "edgewatch_build_info",
            [("revision", node.revision), ("version", node.version)],
            1
        )
        return [
            OwnFamily(
                metadata: MetricMetadata(
                    family: "edgewatch_build_info",
                    kind: .gauge,
                    help: "What runs here, in labels; the value is always 1."
                ),
                samples: [build]
            ),
            OwnFamily(
                "process_cpu_seconds_total",
                .counter,
                "Total user and system CPU time spent in seconds.",
                process.cpuSeconds
            ),
            OwnFamily(
                "process_max_fds",
                .gauge,
                "Maximum number of open file descriptors.",
                process.maxFiles
            ),
            OwnFamily(
                "process_open_fds",
                .gauge,
                "Number of open file descriptors.",
                Double(process.openFiles)
            ),
            OwnFamily(
                "process_resident_memory_bytes",
                .gauge,
                "Resident memory size in bytes.",
                process.residentBytes
            ),
            OwnFamily(
                "process_start_time_seconds",
                .gauge,
                "Start time of the process since unix epoch in seconds.",
                node.startTime.seconds
            ),
            OwnFamily(
                "process_threads",
                .gauge,
                "Number of threads of the process.",
                Double(process.threads)
            ),
            OwnFamily(
                "process_virtual_memory_bytes",
                .gauge,
                "Virtual memory size in bytes.",
                process.virtualBytes
            ),
        ]
    }
}
