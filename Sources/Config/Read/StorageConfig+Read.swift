// SPDX-License-Identifier: Apache-2.0

extension StorageConfig {
    /// Files smaller than this cannot hold the segments of one seal.
    private static let smallestRingFile: Int64 = 1 << 20

    init(reading section: Section) {
        self.init()
        readPrometheusKeys(section)
        path = section.path("path")
        circularBuffer = section.section("circular_buffer") { [circularBuffer] in
            CircularBuffer(reading: $0, circularBuffer)
        }
        wal = section.section("wal", WAL.init(reading:))
        maxSeries = section.integer("max_series", in: 1...10_000_000) ?? maxSeries
        outOfOrderWindow = section.duration("out_of_order_window") ?? outOfOrderWindow
        let labels = section.labelNames("group_labels")
        if !labels.isEmpty { groupLabels = labels }
        retention = section.interval("retention") ?? retention
        readTiers(section)
        encryption = EncryptionConfig.read(in: section)
        let file = circularBuffer.size / Int64(circularBuffer.segments)
        if file < StorageConfig.smallestRingFile {
            section.report(
                "circular_buffer",
                "each of the ring's \(circularBuffer.segments) files would have \(file) bytes, at least "
                    + "\(StorageConfig.smallestRingFile) are needed",
                remedy: "make \"size\" larger or \"segments\" smaller"
            )
        }
    }

    /// `storage.tiers`; what it says of `hot` may not be said twice.
    private mutating func readTiers(_ section: Section) {
        let own = (
            size: section.node["circular_buffer"]?["size"] != nil, retention: section.node["retention"] != nil
        )
        let written = section.section("tiers") { tiers in
            let written = TiersReading(reading: tiers)
            if own.size, written.hotSize != nil {
                tiers.report("hot", "\"hot.size\" and \"circular_buffer.size\" are the same; keep one")
            }
            if own.retention, written.hotRetention != nil {
                tiers.report("hot", "\"hot\" and \"retention\" are the same; keep one")
            }
            return written
        }
        circularBuffer.size = written.hotSize ?? circularBuffer.size
        retention = written.hotRetention ?? retention
        tiers = written.tiers(ringSize: circularBuffer.size)
    }

    /// `storage.tsdb`: edgewatch's own keys win over these.
    private mutating func readPrometheusKeys(_ section: Section) {
        let (window, time, size) = section.section("tsdb") { tsdb in
            tsdb.accept(["stale_series_compaction_threshold", "chunk_encoding"])
            let window = tsdb.duration("out_of_order_time_window")
            let (time, size) = tsdb.section("retention") { retention in
                retention.refuse(["percentage"], remedy: "set storage.circular_buffer.size")
                return (retention.interval("time"), retention.size("size"))
            }
            return (window, time, size)
        }
        outOfOrderWindow = window ?? outOfOrderWindow
        retention = time
        if let size, size > 0 { circularBuffer.size = size }
        maxExemplars =
            section.section("exemplars") { $0.integer("max_exemplars", in: 0...10_000_000) } ?? maxExemplars
    }
}

extension StorageConfig.CircularBuffer {
    fileprivate init(reading section: Section, _ standard: Self) {
        self = standard
        size = section.size("size") ?? size
        segments = section.integer("segments", in: 2...1000) ?? segments
    }
}

extension StorageConfig.WAL {
    private static func staging(_ section: Section) -> StorageConfig.Staging {
        switch section.string("staging") {
        case nil, "auto": return .automatic
        case "off": return .off
        case let path?:
            guard path.hasPrefix("/") else {
                section.report(
                    "staging",
                    "expected \"auto\", \"off\" or an absolute directory, found \"\(path)\"",
                    remedy: "for example /dev/shm"
                )
                return .automatic
            }
            return .directory(path)
        }
    }

    fileprivate init(reading section: Section) {
        self.init()
        size = section.size("size") ?? size
        syncInterval = section.duration("sync_interval") ?? syncInterval
        staging = StorageConfig.WAL.staging(section)
        if size < 1 << 20 { section.report("size", "the log needs at least 1MB") }
    }
}
