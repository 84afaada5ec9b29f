// SPDX-License-Identifier: Apache-2.0
//
// ExportMetricsServiceRequest of opentelemetry-proto v1, translated into series while it is read:
//
//     Request          1: ResourceMetrics*
//     ResourceMetrics  1: Resource   2: ScopeMetrics*                  Resource  1: KeyValue*
//     ScopeMetrics     1: Scope   2: Metric*   3: schema URL           Scope     1: name   2: version   3: KeyValue*
//     Metric           1: name   2: description   3: unit   5: Gauge   7: Sum   9: Histogram
//                      10: ExponentialHistogram   11: Summary
//     Gauge … Summary  1: data point*   2: temporality   3: is monotonic
//
// Fields may come in any order, and what a data point needs (resource, scope, temporality) may come behind it: each message
// is passed over twice, first for what all its children need. Nothing is kept of the message but the resource's and scope's
// labels, so memory is the request's that is filled, which has limits of its own.
//
// A data point that cannot be stored is rejected alone, with the reason; only bytes that are no such message fail the whole.

internal import Samples

/// Reads OpenTelemetry's metrics into a request of remote write.
public struct OTLPReader: Sendable {
    /// Prometheus repeats `target_info` twice per lookback of five minutes.
    private static let infoInterval: Int64 = 150_000
    /// Buckets and bounds of all histograms of a request: the eight thousand data points an OpenTelemetry collector sends at
    /// once, with 160 buckets on each side.
    static let bucketLimit = 3_000_000

    /// The resource and scope the data points being read belong to.
    struct Origin: Sendable {
        /// Attributes of the resource, by key.
        var attributes = OTLPAttributes()
        /// Those of the scope.
        var scope = OTLPAttributes()
        /// Labels of all series of the resource that a data point's own win over.
        var promoted: [(name: String, value: String)] = []
        /// Labels that win over a data point's own: scope, `job`, `instance`.
        ///
        /// As above, no value is empty.
        var fixed: [(name: String, value: String)] = []
        var job = ""
        var instance = ""
        var oldest = Int64.max
        var newest = Int64.min
    }

    let options: OTLPOptions
    let names: OTLPNames
    var origin = Origin()
    /// The attributes of the data point being read; kept for the next.
    var attributes = OTLPAttributes()
    /// Buckets and bounds of histograms that may still come.
    var bucketsLeft = OTLPReader.bucketLimit
    /// Whether some text of the data point being read is not UTF-8.
    var hasBadText = false

    /// Data points read.
    public internal(set) var points = 0
    /// Those that no series was made of.
    public internal(set) var rejected = 0
    /// Why, a line each; the first few.
    public private(set) var reasons: [String] = []
    /// For each series of the request the number of its data point, -1 for none.
    public internal(set) var pointOf: [Int32] = []

    /// Prepares to read one request.
    public init(_ options: OTLPOptions) {
        self.options = options
        names = OTLPNames(options: options)
    }

    /// Reads a message and adds its series to a request.
    ///
    /// - Parameters:
    ///   - message: the bytes.
    ///   - request: what is filled.
    /// - Throws: `RemoteWriteError` when the bytes are no such message or become more than a request may hold.
    public mutating func read(
        _ message: Span<UInt8>,
        into request: inout RemoteWriteRequest
    ) throws(RemoteWriteError) {
        // Places in the message are 32 bits.
        guard message.count <= Int(Int32.max) else {
            throw RemoteWriteError(.tooLarge, "a message may have at most \(Int32.max) bytes")
        }
        var cursor = ProtobufCursor(message)
        while let range = try cursor.nextMessage(1) {
            try resourceMetrics(message.extracting(range), &request)
        }
    }

    /// Reads the JSON form of a message and adds its series to a request.
    ///
    /// - Parameters:
    ///   - document: the JSON.
    ///   - request: what is filled.
    ///   - limit: bytes the message may have.
    /// - Throws: `RemoteWriteError` when the bytes are no such document or become more than a request may hold.
    public mutating func read(
        json document: Span<UInt8>,
        into request: inout RemoteWriteRequest,
        limit: Int
    ) throws(RemoteWriteError) {
        let message = try OTLPJSON.message(document, limit: limit)
        try read(message.span, into: &request)
    }

    /// Counts a data point that is not stored.
    mutating func reject(_ reason: @autoclosure () -> String, _ count: Int = 1) {
        rejected += count
        guard reasons.count < RemoteWriteReport.reasonLimit else { return }
        let reason = reason()
        if !reasons.contains(reason) { reasons.append(reason) }
    }

    // MARK: - Resource and scope

    private mutating func resourceMetrics(
        _ bytes: Span<UInt8>,
        _ request: inout RemoteWriteRequest
    ) throws(RemoteWriteError) {
        origin = Origin()
        var first = ProtobufCursor(bytes)
        while let range = try first.nextMessage(1) {
            var attributes = origin.attributes
            try read(attributesOf: bytes.extracting(range), field: 1, into: &attributes)
            origin.attributes = attributes
        }
        if origin.attributes.excess == nil { resolveResource() }
        var second = ProtobufCursor(bytes)
        while let range = try second.nextMessage(2) {
            try scopeMetrics(bytes.extracting(range), &request)
        }
        try addTargetInfo(&request)
    }

    private mutating func resolveResource() {
        origin.attributes.sort()
        var promoted: Set<String> = []
        for (key, value) in origin.attributes.pairs {
            switch key {
            case "service.name": origin.job = value
            case "service.instance.id": origin.instance = value
            default: break
            }
            let isPromoted =
                options.promotesAll ? !options.ignored.contains(key) : options.promoted.contains(key)
            guard isPromoted, let name = names.label(key), promoted.insert(name).inserted, !value.isEmpty
            else { continue }
            origin.promoted.append((name, value))
        }
        let namespace = origin.attributes.pairs.first { $0.key == "service.namespace" }
        if !origin.job.isEmpty, let space = namespace {
            origin.job = "\(space.value)/\(origin.job)"
        }
    }

    private mutating func scopeMetrics(
        _ bytes: Span<UInt8>,
        _ request: inout RemoteWriteRequest
    ) throws(RemoteWriteError) {
        origin.fixed = []
        origin.scope.removeAll()
        if options.promotesScope { try readScope(bytes) }
        if !origin.job.isEmpty { origin.fixed.append(("job", origin.job)) }
        if !origin.instance.isEmpty { origin.fixed.append(("instance", origin.instance)) }
        var cursor = ProtobufCursor(bytes)
        while let range = try cursor.nextMessage(2) {
            try metric(bytes.extracting(range), &request)
        }
    }

    private mutating func readScope(_ bytes: Span<UInt8>) throws(RemoteWriteError) {
        var (name, version, schema) = ("", "", "")
        var own = OTLPAttributes()
        var cursor = ProtobufCursor(bytes)
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag {
            case 1 << 3 | 2:
                let scope = bytes.extracting(try cursor.range())
                var inner = ProtobufCursor(scope)
                while !inner.isAtEnd {
                    let tag = try inner.tag()
                    switch tag {
                    case 1 << 3 | 2: name = inner.text(try inner.range())
                    case 2 << 3 | 2: version = inner.text(try inner.range())
                    default: try inner.skip(tag)
                    }
                }
                try read(attributesOf: scope, field: 3, into: &own)
            case 3 << 3 | 2: schema = cursor.text(try cursor.range())
            default: try cursor.skip(tag)
            }
        }
        guard !name.isEmpty else { return }
        origin.scope = own
        origin.fixed = [
            ("otel_scope_name", name), ("otel_scope_version", version), ("otel_scope_schema_url", schema),
        ].filter { !$0.1.isEmpty }
        for (key, value) in own.pairs where !value.isEmpty {
            if let label = names.label("otel_scope_\(key)") { origin.fixed.append((label, value)) }
        }
    }

    /// The series that carries what is known of the resource, for joining.
    private mutating func addTargetInfo(_ request: inout RemoteWriteRequest) throws(RemoteWriteError) {
        let identifying: Set<String> = ["service.namespace", "service.name", "service.instance.id"]
        guard origin.newest > .min, !origin.job.isEmpty || !origin.instance.isEmpty,
            origin.attributes.pairs.contains(where: { !identifying.contains($0.key) })
        else { return }
        let keepsAll = options.keepsIdentifying
        attributes = origin.attributes.filter { keepsAll || !identifying.contains($0) }
        hasBadText = false
        origin.promoted = []
        origin.fixed = [("job", origin.job), ("instance", origin.instance)]
        guard var builder = try? labels() else { return }
        builder.set(Labels.metricNameLabel, "target_info")
        let labels = builder.labels()
        if origin.newest - origin.oldest > OTLPReader.infoInterval {
            try add(labels, origin.oldest, 1, point: -1, &request)
        }
        try add(labels, origin.newest, 1, point: -1, &request)
        try request.describe(
            MetricMetadata(family: "target_info", kind: .gauge, help: "Target metadata"),
            limits: .translated
        )
    }
}

extension ProtobufCursor {
    /// Passes over fields up to the next message of this field number; nil at the end.
    @_lifetime(self: copy self)
    mutating func nextMessage(_ field: UInt64) throws(RemoteWriteError) -> Range<Int>? {
        while !isAtEnd {
            let tag = try tag()
            guard tag >> 3 == field else {
                try skip(tag)
                continue
            }
            try expect(WireType.bytes, tag)
            return try range()
        }
        return nil
    }
}
