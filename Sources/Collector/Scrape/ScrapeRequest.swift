// SPDX-License-Identifier: Apache-2.0
//
// The request a scrape sends, and what counts as an answer. Headers and wording are Prometheus' (scrape/scrape.go), so
// that targets negotiate with edgewatch as they do with it.

internal import Config
internal import HTTPClient
internal import Samples

/// Why a scrape failed, in the words of the targets page.
struct ScrapeFailure: Error, Equatable {
    let words: String

    init(_ words: String) {
        self.words = words
    }
}

enum ScrapeRequest {
    /// Text with UTF-8 names before plain text; anything else is worth trying last.
    private static let accept =
        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.4"
    /// A body above this is refused where the job sets no `body_size_limit`: some hundred thousand series, more than
    /// the store takes by default.
    private static let bodyBound: Int64 = 16 << 20

    /// The request for one scrape.
    static func make(
        _ target: ScrapeTarget,
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
                ("Accept", accept),
                ("X-Prometheus-Scrape-Timeout-Seconds", PromNumber.format(timeout.inSeconds)),
            ],
            at: 0
        )
        request.acceptsCompression = job.enableCompression
        return request
    }

    /// Throws unless the answer is an exposition in a format that is understood.
    static func check(_ response: HTTPClientResponse, of job: ScrapeConfig) throws(ScrapeFailure) {
        guard response.status == 200 else {
            let words = reasons[response.status].map { " \($0)" } ?? ""
            throw ScrapeFailure("server returned HTTP status \(response.status)\(words)")
        }
        let header = response.header("content-type") ?? ""
        let type = header.prefix { $0 != ";" }.filter { $0 != " " }.lowercased()
        guard type != "text/plain" else { return }
        let isTextAssumed = job.fallbackScrapeProtocol?.hasPrefix("PrometheusText") ?? false
        guard isTextAssumed, type != "application/openmetrics-text" else {
            throw ScrapeFailure(
                header.isEmpty
                    ? "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol "
                        + "specified for target"
                    : "received unsupported Content-Type \(Labels.quoted(header)) and no fallback_scrape_protocol "
                        + "specified for target"
            )
        }
    }

    private static let reasons = [
        301: "Moved Permanently", 302: "Found", 307: "Temporary Redirect", 308: "Permanent Redirect",
        400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
        405: "Method Not Allowed",
        406: "Not Acceptable", 429: "Too Many Requests", 500: "Internal Server Error", 501: "Not Implemented",
        502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
    ]
}
