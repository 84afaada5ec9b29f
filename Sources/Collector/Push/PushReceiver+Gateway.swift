// SPDX-License-Identifier: Apache-2.0

internal import Bytes
internal import Config
internal import Platform
internal import Samples
internal import Synchronization
public import Wire

extension PushReceiver {
    /// Stores lines of the text format.
    public func importText(
        _ body: Span<UInt8>,
        _ encoding: PushEncoding,
        _ options: ImportOptions
    ) -> ImportReport {
        var reader = TextImport(options, now: clock.wallMilliseconds())
        let stored = receive(body, encoding, as: .text) { (text, request) throws(RemoteWriteError) in
            try reader.read(text, into: &request)
        }.report
        var report = ImportReport()
        report.verdict = stored.verdict
        guard case .stored = stored.verdict else { return report }
        report.samples = stored.samples
        report.badLines = reader.badLines
        report.refused = stored.refused + stored.invalidSeries
        report.reasons = reader.reasons + stored.reasons
        metrics.refuse(.unreadable, reader.badLines)
        return report
    }

    /// Does to the gateway's groups what a request asks for.
    public func gateway(
        _ request: GatewayRequest,
        _ body: Span<UInt8>,
        _ encoding: PushEncoding
    ) -> GatewayReport {
        guard request.change != .delete else {
            metrics.count(.gateway)
            gateway.delete(request.key)
            return GatewayReport(status: 202, message: "")
        }
        var report = GatewayReport(status: 400, message: "")
        let limits = limits.withLock { $0 }
        let seconds = Double(clock.wallMilliseconds()) / 1000
        do throws(RemoteWriteError) {
            try withDecoded(body, encoding) { text in
                report = gateway.push(
                    text.copy(),
                    request.format,
                    request.key,
                    replacesAll: request.change == .replaceAll,
                    at: seconds,
                    limits: limits,
                    rules: validation
                )
            }
            metrics.count(.gateway)
        } catch {
            metrics.malformed.add()
            return GatewayReport(status: error.kind == .tooLarge ? 413 : 400, message: error.description)
        }
        return report
    }

    /// Stores what the gateway holds.
    ///
    /// - Parameters:
    ///   - time: the time of the pass.
    ///   - isEnd: whether nothing is to be held any more.
    /// - Returns: why something is not stored; the first few reasons.
    func storeGateway(at time: Timestamp, isEnd: Bool) -> [String] {
        let none: [UInt8] = []
        guard gateway.hasWork else { return [] }
        var pass = gateway.beginPass(at: time.milliseconds, isEnd: isEnd)
        var reasons: [String] = []
        while !pass.isOver {
            let report = receive(none.span, .identity, as: nil) { (_, request) throws(RemoteWriteError) in
                try pass.fill(&request)
            }.report
            var found = report.reasons
            switch report.verdict {
            case .stored: break
            case .malformed(let reason), .tooLarge(let reason), .unavailable(let reason): found = [reason]
            }
            for reason in found
            where reasons.count < RemoteWriteReport.reasonLimit && !reasons.contains(reason) {
                reasons.append(reason)
            }
        }
        return reasons
    }
}

extension Span<UInt8> {
    /// The bytes as an array of their own.
    fileprivate func copy() -> [UInt8] { withUnsafeBufferPointer { Array($0) } }
}
