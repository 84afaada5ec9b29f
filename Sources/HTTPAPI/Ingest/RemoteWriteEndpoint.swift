// SPDX-License-Identifier: Apache-2.0
//
// POST /api/v1/write. What a status means to a sender decides which one is sent (Prometheus' remote write specifications,
// sections "Retries" and "Partial write"):
//
//     204  everything is stored, or was already
//     400  something will never be stored, sent again or not; the rest of the request is stored
//     413  larger than this node takes
//     415  not remote write, or not snappy or zstd
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
    /// Seconds until a request the store could not take may come again.
    private static let pauseSeconds = 5
    /// Seconds until a request there was no room for may come again.
    private static let shortPauseSeconds = 1

    let receiver: (any RemoteWriteReceiver)?
    let gate = IngestGate()

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
        var body = ByteBuffer()
        defer { gate.release(body.readableBytes) }
        if let refusal = await read(request, on: channel, into: &body) { return refusal }
        let (bytes, gate) = (body, gate)
        // The lane throws only what the work throws, which is nothing.
        let report = try? await gate.run {
            receiver.receive(bytes.readableBytesUInt8Span, encoding, version)
        }
        guard let report else { return RemoteWriteEndpoint.busy("the server is stopping") }
        return RemoteWriteEndpoint.reply(report, version)
    }

    /// Gathers the body; what was gathered is held in the gate whatever happens.
    ///
    /// - Returns: the answer when it cannot be had, nil when it is whole.
    private func read(
        _ request: Request,
        on channel: any Channel,
        into body: inout ByteBuffer
    ) async -> Reply? {
        if let declared = request.headers[.contentLength].flatMap({ Int($0) }),
            declared > IngestGate.bodyLimit
        {
            return RemoteWriteEndpoint.tooLarge
        }
        request.askForBody(on: channel)
        do {
            for try await chunk in request.body {
                guard body.readableBytes + chunk.readableBytes <= IngestGate.bodyLimit else {
                    return RemoteWriteEndpoint.tooLarge
                }
                guard gate.hold(chunk.readableBytes) else {
                    return RemoteWriteEndpoint.busy("too many requests are being read")
                }
                if body.readableBytes == 0 {
                    body = chunk
                } else {
                    body.writeImmutableBuffer(chunk)
                }
            }
        } catch {
            return .text(BodyFailure(error).words + "\n", status: 400)
        }
        return nil
    }

    // MARK: - Answers

    private static var tooLarge: Reply {
        .text("request body is larger than \(IngestGate.bodyLimit) bytes\n", status: 413)
    }

    private static func busy(_ reason: String) -> Reply {
        var reply = Reply.text("\(reason)\n", status: 503)
        reply.headers = [("Retry-After", String(shortPauseSeconds))]
        return reply
    }

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
            var reply = Reply.text("\(reason)\n", status: 503)
            reply.headers = [("Retry-After", String(pauseSeconds))]
            return reply
        case .stored:
            // Exemplars never fail a request of 1.0.
            let isPartlyInvalid = report.invalidSeries > 0 || report.refusedExemplars > 0
            guard report.refused > 0 || (version == .v2 && isPartlyInvalid) else { return .empty(204) }
            return .text(report.reasons.joined(separator: "\n") + "\n", status: 400)
        }
    }
}
