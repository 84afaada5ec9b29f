// SPDX-License-Identifier: Apache-2.0
//
// POST /api/v1/write. What a status means to a sender decides which one is sent (Prometheus' remote write specifications,
// sections "Retries" and "Partial write"):
//
//     204  everything is stored, or was already
//     400  something will never be stored, sent again or not; the rest of the request is stored
//     413  larger than this node takes
//     415  not remote write, or not snappy or zstd
//     429  the client is over push.rate_limit: send it again after Retry-After
//     503  nothing can be stored now: send the same request again after the pause in Retry-After
//
// 1.0 has no words for series with unusable labels: they are left out and counted, as Prometheus does. 2.0 reports them, and
// always says how much is stored.

internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import Wire

/// Answers pushed requests.
struct RemoteWriteEndpoint: Sendable {
    let receiver: (any RemoteWriteReceiver)?
    let gate: IngestGate

    /// Answers one request.
    func reply(to request: Request, on channel: any Channel) async -> Reply {
        guard let receiver else {
            return .text(
                "remote write receiver needs to be enabled with --web.enable-remote-write-receiver\n",
                status: 404
            )
        }
        let version: RemoteWriteVersion
        let encoding: RemoteWriteEncoding
        do throws(RemoteWriteHeaders.Unsupported) {
            version = try RemoteWriteHeaders.version(contentType: request.headers[.contentType])
            encoding = try RemoteWriteHeaders.encoding(request.headers[.contentEncoding])
        } catch {
            return .text(error.reason + "\n", status: 415)
        }
        let client = PushedBody.client(of: channel)
        let body = PushedBody(gate: gate, limit: receiver.bodyLimit)
        if let pause = receiver.pause(for: client) { return PushedBody.throttled(pause) }
        return await body.reply(to: request, on: channel) { bytes in
            let report = receiver.receive(bytes, encoding, version)
            receiver.charge(report.elements, to: client)
            return RemoteWriteEndpoint.reply(report, version)
        }
    }

    // MARK: - Answers

    static func reply(_ report: RemoteWriteReport, _ version: RemoteWriteVersion) -> Reply {
        var reply = answer(report, version)
        guard version == .v2 else { return reply }
        reply.headers += [
            ("X-Prometheus-Remote-Write-Samples-Written", String(report.samples)),
            ("X-Prometheus-Remote-Write-Histograms-Written", String(report.histograms)),
            ("X-Prometheus-Remote-Write-Exemplars-Written", String(report.exemplars)),
        ]
        return reply
    }

    private static func answer(_ report: RemoteWriteReport, _ version: RemoteWriteVersion) -> Reply {
        switch report.verdict {
        case .malformed(let reason): return .text("\(reason)\n", status: 400)
        case .tooLarge(let reason): return .text("\(reason)\n", status: 413)
        case .unavailable(let reason):
            return PushedBody.unavailable(reason)
        case .stored:
            // Exemplars never fail a request of 1.0.
            let isPartlyInvalid = report.invalidSeries > 0 || report.refusedExemplars > 0
            guard report.refused > 0 || (version == .v2 && isPartlyInvalid) else { return .empty(204) }
            return .text(report.reasons.joined(separator: "\n") + "\n", status: 400)
        }
    }
}
