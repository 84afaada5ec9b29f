// SPDX-License-Identifier: Apache-2.0

public import Config
internal import Samples
internal import Synchronization
public import Wire

extension PushReceiver: PushReceiving {
    /// Stores a request of OpenTelemetry's protocol.
    public func otlp(_ body: Span<UInt8>, _ encoding: PushEncoding, isJSON: Bool) -> OTLPReport {
        var options = otlpOptions.withLock { $0 }
        options.attributeLimit = limits.withLock { $0.labels }
        var reader = OTLPReader(options)
        let limit = decodedLimit
        let (stored, refusedSeries) = receive(body, encoding, as: .otlp, isTracking: true) {
            (message, request) throws(RemoteWriteError) in
            if isJSON {
                try reader.read(json: message, into: &request, limit: limit)
            } else {
                try reader.read(message, into: &request)
            }
        }
        var report = OTLPReport()
        report.verdict = stored.verdict
        guard case .stored = stored.verdict else { return report }
        metrics.refuse(.unsupported, reader.rejected)
        // A data point may be many series; it counts once.
        let refusedPoints = Set(refusedSeries.map { reader.pointOf[$0] }.filter { $0 >= 0 })
        report.points = reader.points
        report.rejected = reader.rejected + refusedPoints.count
        report.elements = stored.elements
        if report.rejected > 0 { report.reasons = reader.reasons + stored.reasons }
        return report
    }

    /// Takes over how OpenTelemetry's names are translated.
    public func configure(_ config: OTLPConfig) {
        var options = OTLPOptions()
        options.strategy = OTLPOptions.Strategy(rawValue: config.strategy.rawValue) ?? options.strategy
        options.promoted = Set(config.promoted)
        options.promotesAll = config.promotesAll
        options.ignored = Set(config.ignored)
        options.keepsIdentifying = config.keepsIdentifying
        options.convertsToCustomBounds = config.convertsToCustomBounds
        options.promotesScope = config.promotesScope
        options.sanitizesUnderscores = config.sanitizesUnderscores
        options.keepsUnderscores = config.keepsUnderscores
        otlpOptions.withLock { $0 = options }
    }
}
