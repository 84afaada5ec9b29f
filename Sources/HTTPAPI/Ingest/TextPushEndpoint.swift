// SPDX-License-Identifier: Apache-2.0
//
// Text of Prometheus' format, pushed: to be stored as it comes (VictoriaMetrics' /api/v1/import/prometheus), or to be held for
// pushers that are over (the Pushgateway's /metrics/job/…).
//
// Import:   204 all lines are stored · 400 some are not, the others are; the body says which and why
// Gateway:  200 held · 202 deleted · 400 nothing is held, and unless it cannot be read the group's
//           push_failure_time_seconds is now · 503 no room
// Both:     404 switched off · 413 too large · 415 an encoding that is not taken · 429 over push.rate_limit

internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import Wire

/// Answers pushes of text.
struct TextPushEndpoint: Sendable {
    let importer: (any PushReceiving)?
    let gateway: (any PushReceiving)?
    let gate: IngestGate

    // MARK: - Import

    /// Stores lines.
    ///
    /// - Parameters:
    ///   - request: the request.
    ///   - channel: its connection.
    ///   - rest: what follows the endpoint's path.
    ///   - parameters: the URL's.
    /// - Returns: the answer.
    func importReply(
        to request: Request,
        on channel: any Channel,
        rest: Substring,
        _ parameters: Parameters
    ) async -> Reply {
        guard let receiver = importer else {
            return .text("text import needs to be enabled with --web.enable-import-receiver\n", status: 404)
        }
        var options = ImportOptions()
        do throws(Refusal) {
            if !rest.isEmpty { options.labels = try TextPushEndpoint.key(rest).pairs }
        } catch {
            return .text(error.reason + "\n", status: 400)
        }
        for text in parameters.all("extra_label") {
            guard let pair = GroupingKey.Pair(text) else {
                return .text("extra_label: expected name=value, got \(text)\n", status: 400)
            }
            options.labels.append(pair)
        }
        let time = parameters["timestamp"]
        if !time.isEmpty {
            guard let milliseconds = Int64(time) else {
                return .text("timestamp: expected milliseconds since 1970, got \(time)\n", status: 400)
            }
            options.timestamp = milliseconds
        }
        let chosen = options
        return await reply(receiver, request, channel) { bytes, encoding in
            let report = receiver.importText(bytes, encoding, chosen)
            return (TextPushEndpoint.reply(report), report.samples + report.refused)
        }
    }

    private static func reply(_ report: ImportReport) -> Reply {
        switch report.verdict {
        case .malformed(let reason): return .text("\(reason)\n", status: 400)
        case .tooLarge(let reason): return .text("\(reason)\n", status: 413)
        case .unavailable(let reason): return PushedBody.unavailable(reason)
        case .stored:
            guard report.badLines > 0 || report.refused > 0 else { return .empty(204) }
            let summary =
                "\(report.samples) samples stored, \(report.badLines) lines not read, \(report.refused) samples "
                + "or series refused"
            return .text(([summary] + report.reasons).joined(separator: "\n") + "\n", status: 400)
        }
    }

    // MARK: - Gateway

    /// Holds, replaces or forgets a group.
    ///
    /// - Parameters:
    ///   - request: the request.
    ///   - channel: its connection.
    ///   - rest: what follows the endpoint's path.
    /// - Returns: the answer.
    func gatewayReply(to request: Request, on channel: any Channel, rest: Substring) async -> Reply {
        guard let receiver = gateway else {
            return .text("the push gateway needs to be enabled with --web.enable-push-gateway\n", status: 404)
        }
        let change: GatewayRequest.Change =
            switch request.method {
            case .put: .replaceAll
            case .post: .replaceNamed
            default: .delete
            }
        let format: ExpositionFormat
        switch request.headers[.contentType].map({ ExpositionFormat.of(contentType: $0) }) {
        case .some(.some(let known)): format = known
        // What curl sends unasked; the Pushgateway reads whatever it does not know as text.
        default: format = .text
        }
        let asked: GatewayRequest
        do throws(Refusal) {
            asked = GatewayRequest(key: try TextPushEndpoint.key(rest), change: change, format: format)
        } catch {
            return .text(error.reason + "\n", status: 400)
        }
        return await reply(receiver, request, channel) { bytes, encoding in
            let report = receiver.gateway(asked, bytes, encoding)
            if report.status == 503 { return (PushedBody.unavailable(report.message), report.elements) }
            let reply: Reply =
                report.message.isEmpty
                ? .empty(report.status) : .text(report.message + "\n", status: report.status)
            return (reply, report.elements)
        }
    }

    // MARK: - Both

    /// The group a path names: its parts between slashes, each percent-decoded by itself.
    private static func key(_ rest: Substring) throws(Refusal) -> GroupingKey {
        var parts = rest.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        // A slash at the end says nothing, unless it is behind a label's name: then the value is empty.
        if parts.count % 2 == 1, parts.last?.isEmpty == true { parts.removeLast() }
        var components: [String] = []
        for part in parts {
            guard let text = PercentCoding.decode(part, plusIsSpace: false) else {
                throw Refusal(reason: "invalid URL escape in \(Substring(part).debugDescription)")
            }
            components.append(text)
        }
        do throws(GroupingKey.Fault) {
            return try GroupingKey(components)
        } catch {
            throw Refusal(reason: error.reason)
        }
    }

    /// Why a path names no group.
    private struct Refusal: Error {
        let reason: String
    }

    private func reply(
        _ receiver: any PushReceiving,
        _ request: Request,
        _ channel: any Channel,
        _ work: @escaping @Sendable (Span<UInt8>, PushEncoding) -> (Reply, elements: Int)
    ) async -> Reply {
        guard let encoding = PushEncoding(contentEncoding: request.headers[.contentEncoding]) else {
            let name = request.headers[.contentEncoding] ?? ""
            return .text(
                "unsupported compression: \(name); gzip, zstd, snappy or none is taken\n",
                status: 415
            )
        }
        let client = PushedBody.client(of: channel)
        if let pause = receiver.pause(for: client) { return PushedBody.throttled(pause) }
        let body = PushedBody(gate: gate, limit: receiver.bodyLimit)
        return await body.reply(to: request, on: channel) { bytes in
            let (reply, elements) = work(bytes, encoding)
            receiver.charge(elements, to: client)
            return reply
        }
    }
}
