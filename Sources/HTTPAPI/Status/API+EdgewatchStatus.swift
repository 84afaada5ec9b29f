// SPDX-License-Identifier: Apache-2.0
//
// /api/v1/edgewatch/status: what the page shows of the node itself, in one answer. Sizes are bytes, spans are
// seconds, times RFC 3339 or null.

internal import Samples
internal import Wire

extension API {
    /// The node, its destinations, its devices, its store, its sampling and its signals.
    func edgewatchStatus() -> Reply {
        Envelope.success { writer in
            writer.beginObject()
            writeNode(&writer)
            writer.key("sync")
            writer.beginArray()
            for view in services.sync() { API.write(view, &writer) }
            writer.endArray()
            writer.key("discovery")
            writer.beginArray()
            let dropped = services.droppedCounts()
            for view in services.discovery() {
                API.write(view, dropped: dropped.first { $0.pool == view.pool }?.count ?? 0, &writer)
            }
            writer.endArray()
            writer.key("devices")
            writer.beginArray()
            for device in services.devices() { API.write(device, &writer) }
            writer.endArray()
            API.write(services.storage(), &writer)
            API.write(services.sampling(), &writer)
            writer.key("signals")
            writer.beginArray()
            for signal in services.signals() { API.write(signal, &writer) }
            writer.endArray()
            writer.endObject()
        }
    }

    private func writeNode(_ writer: inout JSONWriter) {
        let node = services.node
        writer.key("node")
        writer.beginObject()
        writer.member("name", node.name)
        writer.member("version", node.version)
        writer.member("revision", node.revision)
        writer.member("startTime", node.startTime)
        let uptime = now.milliseconds - node.startTime.milliseconds
        writer.member("uptimeSeconds", Double(max(0, uptime)) / 1000)
        writer.member("ready", services.isReady())
        writer.member("collectIntervalSeconds", node.collectInterval.inSeconds)
        writer.member("labels", node.labels)
        writer.endObject()
    }

    private static func write(_ view: SyncView, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("name", view.name)
        writer.member("url", view.url)
        writer.member("state", view.state)
        writer.member("backlogSeconds", view.backlogSeconds)
        writer.member("backlogRows", view.backlogRows)
        writer.optional("lastSuccess", view.lastSuccess)
        writer.key("lastError")
        if let error = view.lastError { writer.string(error) } else { writer.null() }
        writer.member("sentSamples", view.sentSamples)
        writer.member("droppedSamples", view.droppedSamples)
        writer.member("lostRows", view.lostRows)
        writer.endObject()
    }

    private static func write(_ view: DiscoveryView, dropped: Int, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("scrapePool", view.pool)
        writer.member("mechanism", view.mechanism)
        writer.member("targets", view.targets)
        // Of the job: what relabelling drops is not counted by where it came from.
        writer.member("droppedTargets", dropped)
        writer.optional("lastSuccess", view.lastSuccess)
        writer.key("lastError")
        if let error = view.lastError { writer.string(error) } else { writer.null() }
        writer.endObject()
    }

    private static func write(_ view: DeviceView, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("kind", view.kind)
        writer.member("name", view.name)
        writer.member("address", view.address)
        writer.member("health", view.health.rawValue)
        writer.member("lastError", view.lastError)
        writer.optional("lastRead", view.lastRead)
        writer.endObject()
    }

    private static func write(_ view: StorageView, _ writer: inout JSONWriter) {
        writer.key("storage")
        writer.beginObject()
        writer.member("series", view.series)
        writer.member("groups", view.groups)
        writer.member("samples", view.samples)
        writer.member("headBytes", view.headBytes)
        writer.member("ringUsedBytes", view.ringUsedBytes)
        writer.member("ringSizeBytes", view.ringSizeBytes)
        writer.member("logUsedBytes", view.logUsedBytes)
        writer.member("logSizeBytes", view.logSizeBytes)
        writer.member("bytesPerSample", view.bytesPerSample ?? .nan)
        writer.optional("oldest", view.oldest)
        writer.optional("newest", view.newest)
        writer.member("corruptions", view.corruptions)
        writer.key("tiers")
        writer.beginArray()
        for tier in view.tiers {
            writer.beginObject()
            writer.member("name", tier.name)
            writer.member("resolutionSeconds", tier.resolution.inSeconds)
            writer.member("ringUsedBytes", tier.ringUsedBytes)
            writer.member("ringSizeBytes", tier.ringSizeBytes)
            writer.member("rows", tier.rows)
            writer.optional("oldest", tier.oldest)
            writer.optional("newest", tier.newest)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
    }

    private static func write(_ view: SamplingView, _ writer: inout JSONWriter) {
        writer.key("sampling")
        writer.beginObject()
        writer.member("policy", view.policy)
        writer.member("reason", view.reason)
        writer.member("intervalSeconds", view.interval.inSeconds)
        writer.key("keptClasses")
        writer.strings(view.keptClasses)
        writer.endObject()
    }

    private static func write(_ signal: SignalView, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("name", signal.name)
        switch signal.value {
        case .number(let number): writer.member("value", number)
        case .text(let text): writer.member("value", text)
        }
        writer.member("unit", signal.unit)
        writer.member("ageSeconds", signal.age.inSeconds)
        writer.member("quality", signal.quality)
        writer.endObject()
    }
}

extension JSONWriter {
    /// Writes a member whose value is a time, or null.
    fileprivate mutating func optional(_ name: String, _ time: Timestamp?) {
        key(name)
        if let time { self.time(time) } else { null() }
    }
}
