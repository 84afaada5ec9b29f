// SPDX-License-Identifier: Apache-2.0
//
// /status/*: what runs here, with which configuration, and how much the store holds.

internal import Glibc
internal import Samples
internal import Wire

extension API {
    /// The Prometheus release whose API this is.
    ///
    /// Grafana and others read `buildinfo.version` as Prometheus' version to decide what they may ask for.
    static let compatibleVersion = "3.14.0"

    /// What was built.
    func buildInfo() -> Reply {
        Envelope.success(writeBuild)
    }

    /// The same without the envelope, for `/version`.
    func version() -> Reply {
        var writer = JSONWriter(capacity: 256)
        writeBuild(&writer)
        return .json(writer.bytes)
    }

    private func writeBuild(_ writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("version", API.compatibleVersion)
        writer.member("revision", services.node.revision)
        writer.member("branch", "")
        writer.member("buildUser", "")
        writer.member("buildDate", services.node.buildDate)
        writer.member("goVersion", "")
        writer.member("edgewatchVersion", services.node.version)
        writer.endObject()
    }

    /// How the process runs.
    func runtimeInfo() -> Reply {
        let configuration = services.configuration()
        let storage = services.storage()
        return Envelope.success { writer in
            writer.beginObject()
            writer.member("startTime", services.node.startTime)
            writer.member("CWD", ProcessStatistics.workingDirectory())
            writer.member("hostname", services.node.name)
            writer.member("serverTime", now)
            writer.member("reloadConfigSuccess", configuration.isLoaded)
            writer.member("lastConfigTime", configuration.loadedAt)
            writer.member("corruptionCount", storage.corruptions)
            // Threads, of which this process has few; the member's name is Prometheus'.
            writer.member("goroutineCount", ProcessStatistics.read().threads)
            writer.member("GOMAXPROCS", sysconf(Int32(_SC_NPROCESSORS_ONLN)))
            writer.member("GOMEMLIMIT", 0)
            writer.member("GOGC", "")
            writer.member("GODEBUG", "")
            writer.member("storageRetention", API.size(storage.ringSizeBytes))
            writer.endObject()
        }
    }

    /// A size in the largest binary unit that divides it, as Prometheus prints its retention: `1GiB`.
    static func size(_ bytes: Int64) -> String {
        guard bytes > 0 else { return "0B" }
        let unit = min(bytes.trailingZeroBitCount / 10, 4)
        return "\(bytes >> Int64(10 * unit))" + ["B", "KiB", "MiB", "GiB", "TiB"][unit]
    }

    /// The configuration in force.
    func configuration() -> Reply {
        Envelope.success { writer in
            writer.beginObject()
            writer.member("yaml", services.configYAML())
            writer.endObject()
        }
    }

    /// The command line.
    func flags() -> Reply {
        Envelope.success { writer in
            writer.beginObject()
            for flag in services.flags.sorted(by: { $0.name < $1.name }) {
                writer.member(flag.name, flag.value)
            }
            writer.endObject()
        }
    }
}
