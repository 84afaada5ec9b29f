// SPDX-License-Identifier: Apache-2.0
//
// The request a scrape sends, and what counts as an answer. Headers and wording are Prometheus' (scrape/scrape.go), so
// that targets negotiate with edgewatch as they do with it.

internal import Config
internal import HTTPClient
internal import Samples
internal import Wire

/// Why a scrape failed, in the words of the targets page.
struct ScrapeFailure: Error, Equatable {
    let words: String

    init(_ words: String) {
        self.words = words
    }
}

enum ScrapeRequest {
    /// A body above this is refused where the job sets no `body_size_limit`: some hundred thousand series, more than
    /// the store takes by default.
    private static let bodyBound: Int64 = 16 << 20

    /// The request for one scrape.
    static func make(
        _ target: ScrapeTarget,
        features: ScrapeFeatures = [],
        timeout: Duration
    ) throws(ScrapeFailure) -> HTTPClientRequest {
        let job = target.job
        let limit = job.limits.bodySize > 0 ? job.limits.bodySize : bodyBound
        var request: HTTPClientRequest
        do throws(CredentialError) {
            request = try HTTPClientRequest(
                url: target.url,
                config: job.http,
                timeout: timeout,
                responseLimit: Int(clamping: limit)
            )
        } catch {
            throw ScrapeFailure(error.words)
        }
        request.headers.insert(
            contentsOf: [
                ("Accept", ScrapeAccept.header(target.formats, features)),
                ("X-Prometheus-Scrape-Timeout-Seconds", PromNumber.format(timeout.inSeconds)),
            ],
            at: 0
        )
        request.acceptsCompression = job.enableCompression
        return request
    }

    /// The format of an answer; throws when it is none that is understood.
    static func format(
        of response: HTTPClientResponse,
        _ job: ScrapeConfig
    ) throws(ScrapeFailure) -> ExpositionFormat {
        guard response.status == 200 else {
            let words = reasons[response.status].map { " \($0)" } ?? ""
            throw ScrapeFailure("server returned HTTP status \(response.status)\(words)")
        }
        let header = response.header("content-type") ?? ""
        if let format = ExpositionFormat.of(contentType: header) { return format }
        switch job.fallbackScrapeProtocol {
        case .protobuf: return .protobuf
        case .text0, .text1: return .text
        case .openMetrics0, .openMetrics1: return .openMetrics
        case nil: break
        }
        throw ScrapeFailure(
            header.isEmpty
                ? "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol "
                    + "specified for target"
                : "received unsupported Content-Type \(Labels.quoted(header)) and no fallback_scrape_protocol "
                    + "specified for target"
        )
    }

    private static let reasons = [
        301: "Moved Permanently", 302: "Found", 307: "Temporary Redirect", 308: "Permanent Redirect",
        400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
        405: "Method Not Allowed",
        406: "Not Acceptable", 429: "Too Many Requests", 500: "Internal Server Error", 501: "Not Implemented",
        502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
    ]
}
