// SPDX-License-Identifier: Apache-2.0
//
// POST /api/v1/otlp/v1/metrics, OpenTelemetry's protocol over HTTP (opentelemetry.io/docs/specs/otlp, "OTLP/HTTP"):
//
//     200  read; the body says how many data points were rejected and why, and nothing when none was
//     400  no such message, or a type or encoding that is not taken: never send it again
//     413  larger than this node takes
//     429  the client is over push.rate_limit: send it again after Retry-After
//     503  nothing can be stored now: likewise
//
// Prometheus answers 400 to a request that is stored in part, which makes a collector drop the whole with an error; the
// specification asks for 200 with the number rejected, and so does this.

internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import Wire

/// Answers OpenTelemetry's senders.
struct OTLPEndpoint: Sendable {
    let receiver: (any PushReceiving)?
    let gate: IngestGate

    /// Answers one request.
    func reply(to request: Request, on channel: any Channel) async -> Reply {
        guard let receiver else {
            return .text(
                "otlp write receiver needs to be enabled with --web.enable-otlp-receiver\n",
                status: 404
            )
        }
        let type = request.headers[.contentType] ?? ""
        let isJSON: Bool
        switch type.split(separator: ";").first?.lowercased().filter({ $0 != " " }) {
        case "application/json": isJSON = true
        case "application/x-protobuf": isJSON = false
        default:
            return OTLPEndpoint.status(
                400,
                "unsupported content type: \(type), supported: [application/json, application/x-protobuf]",
                isJSON: false
            )
        }
        guard let encoding = PushEncoding(contentEncoding: request.headers[.contentEncoding]) else {
            let name = request.headers[.contentEncoding] ?? ""
            return OTLPEndpoint.status(
                400,
                "unsupported compression: \(name); gzip, zstd, snappy or none is taken",
                isJSON: isJSON
            )
        }
        let client = PushedBody.client(of: channel)
        let body = PushedBody(gate: gate, limit: receiver.bodyLimit)
        if let pause = receiver.pause(for: client) {
            return OTLPEndpoint.translated(PushedBody.throttled(pause), isJSON: isJSON)
        }
        let reply = await body.reply(to: request, on: channel) { bytes in
            let report = receiver.otlp(bytes, encoding, isJSON: isJSON)
            receiver.charge(report.elements, to: client)
            return OTLPEndpoint.reply(report, isJSON: isJSON)
        }
        return OTLPEndpoint.translated(reply, isJSON: isJSON)
    }

    private static func reply(_ report: OTLPReport, isJSON: Bool) -> Reply {
        switch report.verdict {
        case .malformed(let reason): return status(400, reason, isJSON: isJSON)
        case .tooLarge(let reason): return status(413, reason, isJSON: isJSON)
        case .unavailable(let reason): return PushedBody.unavailable(reason)
        case .stored:
            let body = OTLPAnswer.response(
                rejected: report.rejected,
                message: report.reasons.joined(separator: "\n"),
                isJSON: isJSON
            )
            return Reply(status: 200, contentType: contentType(isJSON), body: .bytes(body))
        }
    }

    /// A failure as OpenTelemetry's senders read it.
    private static func status(_ status: Int, _ reason: String, isJSON: Bool) -> Reply {
        let code: OTLPAnswer.Code =
            switch status {
            case 413: .resourceExhausted
            case 429, 503: .unavailable
            default: .invalidArgument
            }
        return Reply(
            status: status,
            contentType: contentType(isJSON),
            body: .bytes(OTLPAnswer.status(code, reason, isJSON: isJSON))
        )
    }

    /// An answer all pushes share, in the sender's form; its headers stay.
    private static func translated(_ reply: Reply, isJSON: Bool) -> Reply {
        guard reply.status != 200, reply.contentType.hasPrefix("text/"), case .bytes(let bytes) = reply.body
        else { return reply }
        let words = String(decoding: bytes, as: UTF8.self)
        var result = status(
            reply.status,
            words.hasSuffix("\n") ? String(words.dropLast()) : words,
            isJSON: isJSON
        )
        result.headers = reply.headers
        return result
    }

    private static func contentType(_ isJSON: Bool) -> String {
        isJSON ? "application/json" : "application/x-protobuf"
    }
}
