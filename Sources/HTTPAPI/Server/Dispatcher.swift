// SPDX-License-Identifier: Apache-2.0
//
// From a request's head to a reply: path, readiness, method, parameters, endpoint; in the order Prometheus looks
// at them. Knows HTTP, not what an endpoint answers.

internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import Platform
internal import PromQL
internal import Samples

/// Answers requests.
struct Dispatcher: Sendable {
    /// A form of a query is a few kilobytes; this leaves room for the longest expression and many matchers.
    static let bodyLimit = 1 << 20
    /// A URL beyond this is refused; it is as much as browsers and proxies let through.
    static let targetLimit = 64 << 10

    private let api: API
    private let services: APIServices
    private let remoteWrite: RemoteWriteEndpoint
    private let otlp: OTLPEndpoint
    private let text: TextPushEndpoint
    private let remoteRead: RemoteReadEndpoint

    init(services: APIServices) {
        self.services = services
        remoteRead = RemoteReadEndpoint(services: services)
        // One for all: what they hold together is what is bounded.
        let gate = IngestGate()
        remoteWrite = RemoteWriteEndpoint(receiver: services.remoteWrite, gate: gate)
        otlp = OTLPEndpoint(receiver: services.otlp, gate: gate)
        text = TextPushEndpoint(importer: services.textImport, gateway: services.pushGateway, gate: gate)
        api = API(services: services)
    }

    /// Answers one request.
    func reply(to request: Request, on channel: any Channel) async -> Reply {
        let target = Substring(request.head.path ?? "/")
        guard target.utf8.count <= Dispatcher.targetLimit else { return count("other", .empty(414)) }
        let question = target.firstIndex(of: "?") ?? target.endIndex
        let path = target[..<question]
        let query = question < target.endIndex ? target[target.index(after: question)...] : ""
        let method = request.method.rawValue
        if let asset = WebAsset.all[String(path)] {
            guard method == "GET" || method == "HEAD" else {
                return count("/assets", notAllowed(["GET", "HEAD"]))
            }
            return count("/assets", asset.reply(ifNoneMatch: request.headers[.ifNoneMatch]))
        }
        if method == "OPTIONS", path.hasPrefix(Endpoint.prefix) {
            return count("other", crossOrigin(.empty(204), request))
        }
        if let redirect = PageRedirect.reply(path, query) {
            guard method == "GET" || method == "HEAD" else {
                return count("/assets", notAllowed(["GET", "HEAD"]))
            }
            return count("/assets", redirect)
        }
        guard let (endpoint, name) = Endpoint.find(path) else {
            return count("other", .text("404 page not found\n", status: 404))
        }
        guard endpoint.methods.contains(method) else {
            return count(endpoint.rawValue, notAllowed(endpoint.methods, endpoint))
        }
        guard !endpoint.needsReadiness || services.isReady() else {
            var reply = Reply.text("Service Unavailable\n", status: 503)
            reply.headers = [("X-Prometheus-Stopping", "false")]
            return count(endpoint.rawValue, reply)
        }
        // Bodies of these are large and no form.
        if endpoint == .remoteWrite {
            return count(endpoint.rawValue, await remoteWrite.reply(to: request, on: channel))
        }
        if endpoint == .otlp {
            return count(endpoint.rawValue, await otlp.reply(to: request, on: channel))
        }
        if endpoint == .textImport {
            let parameters = Parameters(query)
            return count(
                endpoint.rawValue,
                await text.importReply(to: request, on: channel, rest: name, parameters)
            )
        }
        if endpoint == .pushGateway {
            return count(endpoint.rawValue, await text.gatewayReply(to: request, on: channel, rest: name))
        }
        if endpoint == .remoteRead {
            return await withTaskExecutorPreference(globalConcurrentExecutor) {
                var reply = await remoteRead.reply(to: request, on: channel)
                reply.prepare(nil)
                return count(endpoint.rawValue, reply)
            }
        }
        let accepted = ContentEncoding(accepted: request.headers[.acceptEncoding])
        var reply: Reply
        do throws(APIError) {
            let url = Parameters(query)
            let question = Question(
                endpoint: endpoint,
                labelName: PercentCoding.decode(name.utf8, plusIsSpace: false) ?? "\u{fffd}",
                url: url,
                form: try await form(request, on: channel, url, query),
                accept: request.headers[.accept] ?? "",
                encoding: accepted
            )
            reply = try await answer(question, on: channel)
        } catch {
            reply =
                endpoint == .federate ? .text(error.message + "\n", status: error.httpStatus) : error.reply
            reply.isCompressible = endpoint.isCompressible
            reply.prepare(accepted)
        }
        return count(endpoint.rawValue, endpoint.isCrossOrigin ? crossOrigin(reply, request) : reply)
    }

    // MARK: - Steps

    /// The body's parameters, then the URL's.
    private func form(
        _ request: Request,
        on channel: any Channel,
        _ url: Parameters,
        _ query: Substring
    ) async throws(APIError) -> Parameters {
        guard request.method == .post || request.method == .put,
            let type = request.headers[.contentType]?.lowercased(),
            type.hasPrefix("application/x-www-form-urlencoded")
        else { return url }
        let tooLarge = APIError(
            .badData,
            "request body is larger than \(Dispatcher.bodyLimit) bytes",
            status: 413
        )
        // Refused before a client that asks first sends it.
        if let declared = request.headers[.contentLength].flatMap({ Int($0) }),
            declared > Dispatcher.bodyLimit
        {
            throw tooLarge
        }
        request.askForBody(on: channel)
        var body: [UInt8] = []
        let watch = BodyWatch(channel)
        defer { watch.end() }
        do {
            for try await chunk in request.body {
                watch.received(chunk.readableBytes)
                guard body.count + chunk.readableBytes <= Dispatcher.bodyLimit else { throw tooLarge }
                body.append(contentsOf: chunk.readableBytesView)
            }
        } catch let error as APIError {
            throw error
        } catch {
            let failure = BodyFailure(error)
            throw APIError(
                failure.isMalformed ? .badData : .canceled,
                failure.words,
                status: failure.isSlow ? failure.status : nil
            )
        }
        var form = Parameters(Substring(decoding: body, as: UTF8.self))
        form.append(query)
        return form
    }

    /// What is asked of an endpoint.
    private struct Question: Sendable {
        let endpoint: Endpoint
        let labelName: String
        let url: Parameters
        let form: Parameters
        let accept: String
        let encoding: ContentEncoding?
    }

    /// The answer, made where its work belongs.
    private func answer(_ question: Question, on channel: any Channel) async throws(APIError) -> Reply {
        switch question.endpoint.place(question.form) {
        case .loop: return try await made(question)
        case .pool:
            return try await withTaskExecutorPreference(globalConcurrentExecutor) { () throws(APIError) in
                try await made(question)
            }
        case .queryThread:
            if var reply = try api.answerAtOnce(question.endpoint, question.form) {
                reply.isCompressible = question.endpoint.isCompressible
                reply.prepare(question.encoding)
                return reply
            }
            guard let watcher = DisconnectWatcher.of(channel) else { return try await made(question) }
            return try await computed(question, watcher)
        }
    }

    /// The answer of an endpoint that computes; the work of a client that goes away is cancelled.
    private func computed(_ question: Question, _ watcher: DisconnectWatcher) async throws(APIError) -> Reply
    {
        let lease = services.engine.lease()
        let work = Task(executorPreference: lease?.executor) { () async -> Result<Reply, APIError> in
            defer { withExtendedLifetime(lease) {} }
            do throws(APIError) {
                return .success(try await made(question))
            } catch {
                return .failure(error)
            }
        }
        watcher.onClose { work.cancel() }
        defer { watcher.onClose(nil) }
        return try await withTaskCancellationHandler {
            await work.value
        } onCancel: {
            work.cancel()
        }.get()
    }

    /// The answer with as much of its body as there is before it is sent.
    @concurrent
    private func made(_ question: Question) async throws(APIError) -> Reply {
        let endpoint = question.endpoint
        var reply =
            endpoint == .federate
            ? try api.federate(question.form, accept: question.accept)
            : try await api.answer(
                endpoint,
                labelName: question.labelName,
                url: question.url,
                form: question.form
            )
        reply.isCompressible = endpoint.isCompressible
        reply.prepare(question.encoding)
        return reply
    }

    // MARK: - Headers and counting

    private func notAllowed(_ methods: [String], _ endpoint: Endpoint? = nil) -> Reply {
        let isLifecycle = endpoint == .reload || endpoint == .quit
        let words = isLifecycle ? "Only POST or PUT requests allowed" : "Method Not Allowed\n"
        var reply = Reply.text(words, status: 405)
        reply.headers = [("Allow", methods.joined(separator: ", "))]
        return reply
    }

    /// Lets pages of the origins that `--web.cors.origin` names read the answer.
    private func crossOrigin(_ reply: Reply, _ request: Request) -> Reply {
        guard let origin = request.headers[.origin], !origin.isEmpty else { return reply }
        var reply = reply
        reply.headers += [
            ("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, Origin"),
            ("Access-Control-Allow-Methods", "GET, POST, OPTIONS"),
        ]
        if let allowed = services.corsOrigin {
            if allowed.matches(origin) { reply.headers.append(("Access-Control-Allow-Origin", origin)) }
        } else {
            reply.headers.append(("Access-Control-Allow-Origin", "*"))
        }
        reply.headers += [("Access-Control-Expose-Headers", "Date"), ("Vary", "Origin")]
        return reply
    }

    /// Counts a reply; the handlers are a fixed list, so the counters are too.
    private func count(_ handler: String, _ reply: Reply) -> Reply {
        services.telemetry.counter(
            "edgewatch_http_requests_total",
            "HTTP requests answered, by handler and status code.",
            [("code", String(reply.status)), ("handler", handler)]
        ).add()
        return reply
    }
}
