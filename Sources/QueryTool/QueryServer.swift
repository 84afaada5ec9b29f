// SPDX-License-Identifier: Apache-2.0
//
// Asking a server over Prometheus' HTTP API. Parameters go as a form, so that a long query is no long URL.

internal import Bytes
public import HTTPClient
internal import Samples
public import Wire

/// Why there is no answer.
public struct QueryFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// The error in words, the server's where it has some.
    public let description: String

    /// Wraps words.
    public init(_ description: String) { self.description = description }
}

/// A server that answers queries.
public struct QueryServer: Sendable {
    /// What a server said to a request it could answer.
    public struct Reply: Sendable {
        /// The whole body.
        public let body: [UInt8]
        /// Its `data`.
        public let data: JSONValue
        /// What the server adds to the answer: warnings, then infos.
        public let notes: [String]
    }

    /// An answer larger than this is not for people.
    private static let responseLimit = 256 << 20

    private let client: HTTPClient
    private let base: String
    /// What each request is made from: credentials, certificates, timeout.
    private let template: HTTPClientRequest

    /// Creates a server.
    ///
    /// - Parameters:
    ///   - url: where its pages begin.
    ///   - client: sends the requests.
    ///   - template: what the requests have besides URL, body and limit.
    public init(url: String, client: HTTPClient, template: HTTPClientRequest) {
        var base = url
        while base.hasSuffix("/") { base.removeLast() }
        self.base = base
        self.client = client
        self.template = template
    }

    /// Asks.
    ///
    /// - Parameters:
    ///   - path: behind `/api/v1/`.
    ///   - parameters: names with values, in order.
    ///   - isForm: whether the parameters are the body of a POST; some paths answer GET only.
    /// - Returns: the answer.
    /// - Throws: `QueryFailure`.
    public func ask(
        _ path: String,
        _ parameters: [(String, String)],
        isForm: Bool = true
    ) async throws(QueryFailure) -> Reply {
        let encoded = parameters.map { QueryServer.encoded($0.0) + "=" + QueryServer.encoded($0.1) }
            .joined(separator: "&")
        var request = template
        request.url = "\(base)/api/v1/\(path)"
        request.responseLimit = QueryServer.responseLimit
        request.acceptsCompression = true
        if isForm {
            request.method = "POST"
            request.headers.append(("Content-Type", "application/x-www-form-urlencoded"))
            request.body = Array(encoded.utf8)
        } else {
            request.method = "GET"
            if !encoded.isEmpty { request.url += "?" + encoded }
        }
        let response: HTTPClientResponse
        do {
            response = try await client.send(request)
        } catch {
            throw QueryFailure("\(base): \(error.message)")
        }
        return try QueryServer.reply(response)
    }

    private static func reply(_ response: HTTPClientResponse) throws(QueryFailure) -> Reply {
        let document = try? JSONReader.parse(response.body)
        if let message = document?["error"]?.string {
            throw QueryFailure("\(document?["errorType"]?.string ?? "error"): \(message)")
        }
        guard response.status == 200 else {
            let text = String(decoding: response.body.prefix(200), as: UTF8.self)
            let line = text.split(separator: "\n").first.map { ": \($0)" } ?? ""
            throw QueryFailure("the server answered \(response.status)\(line)")
        }
        guard let document, document["status"]?.string == "success", let data = document["data"] else {
            throw QueryFailure("what the server answered is not Prometheus' HTTP API")
        }
        func notes(_ key: String, _ word: String) -> [String] {
            (document[key]?.array ?? []).compactMap { $0.string.map { "\(word): \($0)" } }
        }
        return Reply(
            body: response.body,
            data: data,
            notes: notes("warnings", "warning") + notes("infos", "info")
        )
    }

    /// A label's name within a path, in Prometheus' escaping where it is no plain name.
    ///
    /// `U__`, then letters, digits and `:` as they are, `_` doubled, and other characters as `_2e_`.
    public static func pathName(_ label: String) -> String {
        guard !Labels.isLegacyLabelName(label) else { return label }
        var out = "U__"
        for scalar in label.unicodeScalars {
            switch scalar {
            case "_": out += "__"
            case "a"..."z", "A"..."Z", "0"..."9", ":": out.unicodeScalars.append(scalar)
            default: out += "_\(String(scalar.value, radix: 16))_"
            }
        }
        return out
    }

    /// With `%XX` for all but letters, digits and `-._~`.
    static func encoded(_ text: String) -> String {
        var out: [UInt8] = []
        for byte in text.utf8 {
            let isLetter = byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z")
            let isDigit = byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
            if isLetter || isDigit || "-._~".utf8.contains(byte) {
                out.append(byte)
            } else {
                let digits = Array("0123456789ABCDEF".utf8)
                out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
