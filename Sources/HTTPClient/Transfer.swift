// SPDX-License-Identifier: Apache-2.0
//
// One request on one libcurl easy handle. Lives on the loop's thread only; libcurl calls back into it from
// curl_multi_perform on that same thread, with the object's address as context, which is good until the handle is
// freed in deinit.

internal import Bytes
internal import CCurl
internal import Glibc

final class Transfer {
    /// Bytes of response header accepted, all responses of a redirect chain together.
    static let headerLimit = 64 << 10

    let ticket: UInt64
    let place: TransferLoop.Place
    let easy: UnsafeMutableRawPointer
    private let take: HTTPClient.StreamTake?
    let request: HTTPClientRequest
    let sockets: SocketLedger
    private let completion: TransferLoop.Completion
    private var headerList: UnsafeMutablePointer<curl_slist>?
    private var connectList: UnsafeMutablePointer<curl_slist>?
    private var proxyList: UnsafeMutablePointer<curl_slist>?
    private let errorText: UnsafeMutablePointer<CChar>

    private let start = ContinuousClock.now
    /// From `start` to the first line of a response: libcurl's own figure, CURLINFO_STARTTRANSFER_TIME, is for a request
    /// with a body the moment the body begins to go out.
    private var firstByte: Duration?
    private var sentBody = 0
    /// When the pacer had nothing to give; nil while the body flows.
    private(set) var pausedSince: ContinuousClock.Instant?
    /// When it is looked at again what it has cost; nil where nobody pays for it.
    private(set) var nextSample: ContinuousClock.Instant?
    private var statisticsAtEnd: TransferStatistics?
    private var headerBytes = 0
    private var headers: [(name: String, value: String)] = []
    private var body: [UInt8] = []
    /// Nil for a body that is not compressed, and until it begins.
    private var decoder: GzipDecoder?
    private var hasBody = false
    private var overflow: Overflow?
    /// When the server last said something.
    private var lastSign = ContinuousClock.now
    private var isHeadTaken = false

    /// Why this side ended the transfer.
    private enum Overflow {
        case header
        case body
        /// Whoever takes the stream has enough.
        case taken
        /// It cost more on the wire than it may.
        case cost
        /// The body's length or coding makes no sense, or is not one that was asked for.
        case coding(String)
    }

    init(
        _ waiting: TransferLoop.Waiting,
        timeout: Duration?,
        userAgent: String,
        sockets: SocketLedger,
        certificateAge: Duration?
    ) throws(HTTPClientError) {
        guard let easy = ccurl_easy_init() else {
            throw HTTPClientError(.unavailable, "libcurl has no memory for a transfer")
        }
        ticket = waiting.ticket
        place = waiting.place
        take = waiting.take
        request = waiting.request
        completion = waiting.completion
        self.sockets = sockets
        self.easy = easy
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        var options = TransferOptions(easy: easy)
        try options.apply(
            request,
            timeout: timeout,
            userAgent: userAgent,
            certificateAge: certificateAge
        )
        headerList = options.headerList
        connectList = options.connectList
        proxyList = options.proxyList
        if request.account != 0 || request.wireLimit != nil { nextSample = start }
        connectCallbacks()
    }

    deinit {
        ccurl_easy_cleanup(easy)
        ccurl_slist_free(headerList)
        ccurl_slist_free(connectList)
        ccurl_slist_free(proxyList)
        errorText.deallocate()
    }

    /// Hands the outcome to whoever waits; called exactly once.
    func finish(_ outcome: Result<HTTPClientResponse, HTTPClientError>) {
        switch outcome {
        case .success: completion(outcome)
        case .failure(var error):
            error.statistics = statisticsAtEnd
            completion(.failure(error))
        }
    }

    /// What libcurl's result means; to be asked after `settle`.
    func outcome(_ code: CURLcode) -> Result<HTTPClientResponse, HTTPClientError> {
        switch overflow {
        case .cost:
            return .failure(costError)
        case .header:
            return .failure(
                HTTPClientError(.transfer, "the response header is over \(Self.headerLimit) bytes")
            )
        case .body where !request.truncatesResponse:
            return .failure(
                HTTPClientError(.bodyTooLarge, "the response body is over \(request.responseLimit) bytes")
            )
        case .coding(let words):
            return .failure(HTTPClientError(.transfer, words))
        case .body, .taken: break
        case nil where code != CURLE_OK:
            return .failure(HTTPClientError(code: code, detail: String(cString: errorText)))
        case nil where decoder?.isComplete == false:
            return .failure(HTTPClientError(.transfer, "the gzip body of the response ends too early"))
        case nil: break
        }
        return .success(
            HTTPClientResponse(
                status: Int(ccurl_getinfo_long(easy, CURLINFO_RESPONSE_CODE)),
                headers: headers,
                body: body,
                statistics: statisticsAtEnd ?? TransferStatistics()
            )
        )
    }

    /// Makes up the transfer's bill; called once, before the handle leaves the multi handle and with it the connection.
    func settle(_ code: CURLcode = CURLE_OK) {
        let active = ccurl_active_socket(easy)
        let isUnknown = code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY
        let isNew = isUnknown || ccurl_getinfo_long(easy, CURLINFO_NUM_CONNECTS) > 0
        let bill = sockets.end(
            ticket,
            active: active,
            account: request.account,
            looksUp: request.account != 0 && isNew && Self.isNamed(request.proxyURL ?? request.url)
        )
        statisticsAtEnd = statistics(bill)
    }

    /// Whether the host of a URL has to be looked up.
    private static func isNamed(_ url: String) -> Bool {
        guard let host = URLParts.part(url, CURLUPART_HOST) else { return false }
        let isAddress =
            host.hasPrefix("[") || host.utf8.allSatisfy { $0 == 0x2e || (0x30...0x39).contains($0) }
        return !isAddress && host != "localhost"
    }

    private func statistics(_ bill: SocketLedger.Bill) -> TransferStatistics {
        func duration(_ info: CURLINFO) -> Duration {
            .microseconds(Int64(max(0, ccurl_getinfo_offset(easy, info))))
        }
        var result = TransferStatistics()
        result.bytesSent =
            Int64(max(0, ccurl_getinfo_long(easy, CURLINFO_REQUEST_SIZE)))
            + Int64(max(0, ccurl_getinfo_offset(easy, CURLINFO_SIZE_UPLOAD_T)))
        result.bytesReceived =
            Int64(max(0, ccurl_getinfo_long(easy, CURLINFO_HEADER_SIZE)))
            + Int64(max(0, ccurl_getinfo_offset(easy, CURLINFO_SIZE_DOWNLOAD_T)))
        result.total = duration(CURLINFO_TOTAL_TIME_T)
        result.timeToFirstByte = min(result.total, firstByte ?? result.total)
        result.exchange = max(.zero, result.timeToFirstByte - duration(CURLINFO_PRETRANSFER_TIME_T))
        result.reusedConnection = ccurl_getinfo_long(easy, CURLINFO_NUM_CONNECTS) == 0
        result.connect = result.reusedConnection ? .zero : duration(CURLINFO_CONNECT_TIME_T)
        result.roundTrip = bill.roundTrip
        result.wireSent = bill.charge.sent
        result.wireReceived = bill.charge.received
        result.segmentsSent = bill.charge.dataSegmentsSent
        result.segmentsLost = bill.charge.segmentsLost
        result.deliveryRate = bill.deliveryRate > 0 ? bill.deliveryRate : nil
        result.interface = bill.interface.isEmpty ? nil : bill.interface
        return result
    }

    /// When a stream counts as dead; nil for what has an end of its own.
    var silenceDeadline: ContinuousClock.Instant? {
        take == nil ? nil : lastSign.advanced(by: request.timeout)
    }

    // MARK: - Callbacks

    private func connectCallbacks() {
        let context = Unmanaged.passUnretained(self).toOpaque()
        _ = ccurl_setopt_pointer(easy, CURLOPT_ERRORBUFFER, errorText)
        for option in [CURLOPT_WRITEDATA, CURLOPT_HEADERDATA, CURLOPT_READDATA, CURLOPT_SEEKDATA] {
            _ = ccurl_setopt_pointer(easy, option, context)
        }
        _ = ccurl_setopt_data_callback(easy, CURLOPT_WRITEFUNCTION) { data, _, count, context in
            guard let data, let context else { return 0 }
            let bytes = UnsafeRawBufferPointer(start: data, count: count)
            return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().takeBody(bytes)
        }
        _ = ccurl_setopt_data_callback(easy, CURLOPT_HEADERFUNCTION) { data, size, count, context in
            guard let data, let context else { return 0 }
            let bytes = UnsafeRawBufferPointer(start: data, count: size * count)
            return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().takeHeader(bytes)
        }
        _ = ccurl_setopt_data_callback(easy, CURLOPT_READFUNCTION) { data, size, count, context in
            guard let data, let context else { return Int(CURL_READFUNC_ABORT) }
            let room = UnsafeMutableRawBufferPointer(start: data, count: size * count)
            return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().giveBody(room)
        }
        _ = ccurl_setopt_seek_callback(easy) { context, offset, origin in
            guard let context, origin == SEEK_SET, offset >= 0 else { return CURL_SEEKFUNC_CANTSEEK }
            let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
            transfer.sentBody = min(Int(offset), transfer.request.body.count)
            return CURL_SEEKFUNC_OK
        }
        connectSockets(context)
    }

    /// Sockets are made and closed by the ledger, and counted by it in between.
    private func connectSockets(_ context: UnsafeMutableRawPointer) {
        _ = ccurl_setopt_open_callback(
            easy,
            { context, _, address in
                guard let context, let address else { return -1 }
                let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
                return transfer.sockets.open(address, for: transfer.request, transfer.ticket)
            },
            context
        )
        _ = ccurl_setopt_close_callback(
            easy,
            { context, socket in
                guard let context else { return 0 }
                Unmanaged<SocketLedger>.fromOpaque(context).takeUnretainedValue().close(socket)
                return 0
            },
            Unmanaged.passUnretained(sockets).toOpaque()
        )
        // Only where the bill of a running transfer matters: at its end every transfer's socket is known.
        guard request.account != 0 || request.wireLimit != nil else { return }
        _ = ccurl_setopt_ready_callback(
            easy,
            { context, _, _, _, localPort in
                guard let context else { return 0 }
                let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
                transfer.sockets.ready(
                    transfer.ticket,
                    account: transfer.request.account,
                    localPort: Int(localPort)
                )
                return 0
            },
            context
        )
    }

    /// What it is told when it cost too much.
    var costError: HTTPClientError {
        HTTPClientError(.transfer, "the transfer cost over \(request.wireLimit ?? 0) bytes on the wire")
    }

    /// Looks at what it cost; false when that is more than it may.
    func staysWithinCost() -> Bool {
        if nextSample != nil {
            let isLimited = request.wireLimit != nil
            nextSample = .now.advanced(
                by: isLimited ? TransferLoop.limitedSampleInterval : TransferLoop.sampleInterval
            )
        }
        let charge = sockets.sample(ticket)
        guard let limit = request.wireLimit, charge.sent + charge.received > limit else { return true }
        overflow = .cost
        return false
    }

    /// Asks the pacer again.
    func resume() {
        pausedSince = nil
        _ = ccurl_easy_unpause(easy)
    }

    /// Returning another number than was given ends the transfer.
    private func takeBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard prepareDecoding() else { return 0 }
        if let take {
            // Handed on at once, on this thread: what is not taken yet stays in the socket, and TCP slows the server.
            lastSign = .now
            var piece: [UInt8] = []
            guard add(bytes, to: &piece, limit: .max) else { return 0 }
            guard takeHead(), piece.isEmpty || take(.body(piece)) else {
                overflow = .taken
                return 0
            }
            return bytes.count
        }
        return add(bytes, to: &body, limit: request.responseLimit) ? bytes.count : 0
    }

    /// Looks once at how the body is coded.
    private func prepareDecoding() -> Bool {
        guard request.acceptsCompression, !hasBody else { return true }
        hasBody = true
        let codings = headers.lazy.filter { $0.name == "content-encoding" && !$0.value.isEmpty }.map(\.value)
        switch codings.joined(separator: ", ").lowercased() {
        case "", "identity": return true
        case "gzip", "x-gzip":
            decoder = try? GzipDecoder()
            if decoder != nil { return true }
            overflow = .coding("there is no memory to decompress the response")
        case let other:
            overflow = .coding("the response has Content-Encoding \(other.prefix(64)), gzip was asked for")
        }
        return false
    }

    /// Adds a piece of the body, decompressed.
    private func add(_ bytes: UnsafeRawBufferPointer, to contents: inout [UInt8], limit: Int) -> Bool {
        guard decoder == nil else {
            do throws(DecompressionError) {
                try decoder?.append(bytes.bindMemory(to: UInt8.self).span, to: &contents, limit: limit)
                return true
            } catch {
                overflow = error == .tooLarge ? .body : .coding("the gzip body of the response is damaged")
                return false
            }
        }
        let room = max(0, limit - contents.count)
        contents.append(contentsOf: bytes.prefix(room))
        if bytes.count > room { overflow = .body }
        return bytes.count <= room
    }

    /// One whole line, its end included: a status line, a field, or the empty line.
    private func takeHeader(_ bytes: UnsafeRawBufferPointer) -> Int {
        headerBytes += bytes.count
        lastSign = .now
        if firstByte == nil { firstByte = start.duration(to: .now) }
        guard headerBytes <= Self.headerLimit else {
            overflow = .header
            return 0
        }
        let line = String(decoding: bytes, as: UTF8.self)
        if line.hasPrefix("HTTP/") {
            // A redirect or an interim response came before; only the last one's fields count.
            headers.removeAll()
        } else if let colon = line.firstIndex(of: ":") {
            let value = line[line.index(after: colon)...].trimmingWhitespace()
            let name = String(line[..<colon]).lowercased()
            // RFC 9112, 6.3: nobody can say where such a body ends.
            if name == "content-length", headers.contains(where: { $0.name == name && $0.value != value }) {
                overflow = .coding("the response has Content-Length twice, and not the same")
                return 0
            }
            headers.append((name, value))
        } else if take != nil, isLastHead, !takeHead() {
            overflow = .taken
            return 0
        }
        return bytes.count
    }

    /// Whether no other head comes after this one: an interim answer's, or a redirect's that is followed.
    private var isLastHead: Bool {
        let status = ccurl_getinfo_long(easy, CURLINFO_RESPONSE_CODE)
        if request.followRedirects, (300..<400).contains(status),
            headers.contains(where: { $0.name == "location" })
        {
            return false
        }
        return status >= 200
    }

    /// Hands over the head of a stream once; false when nothing more is wanted.
    private func takeHead() -> Bool {
        guard let take, !isHeadTaken else { return true }
        isHeadTaken = true
        return take(.head(status: Int(ccurl_getinfo_long(easy, CURLINFO_RESPONSE_CODE)), headers: headers))
    }

    private func giveBody(_ room: UnsafeMutableRawBufferPointer) -> Int {
        var count = min(room.count, request.body.count - sentBody)
        if request.wireLimit != nil, !staysWithinCost() { return Int(CURL_READFUNC_ABORT) }
        if let pacer = request.pacer, count > 0 {
            count = min(count, max(0, pacer.take(count)))
            if count == 0 {
                pausedSince = .now
                return Int(CURL_READFUNC_PAUSE)
            }
        }
        request.body[sentBody..<(sentBody + count)].withUnsafeBytes { room.copyMemory(from: $0) }
        sentBody += count
        return count
    }
}

extension Substring {
    /// Without spaces, tabs and line ends around it.
    fileprivate func trimmingWhitespace() -> String {
        func isBlank(_ byte: UInt8) -> Bool {
            byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
                || byte == UInt8(ascii: "\n")
        }
        guard let first = utf8.firstIndex(where: { !isBlank($0) }),
            let last = utf8.lastIndex(where: { !isBlank($0) })
        else { return "" }
        return String(self[first...last])
    }
}
