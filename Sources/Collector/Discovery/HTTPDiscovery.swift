// SPDX-License-Identifier: Apache-2.0
//
// A server that lists targets, asked every so often (Prometheus' http_sd). Anything but a 200 with JSON leaves the last
// list in force: a server that is down does not take the targets with it. An empty list does.

internal import Config
internal import HTTPClient
internal import Platform
internal import Samples
internal import Wire

/// Discovers what a URL answers with.
struct HTTPDiscovery: Discoverer {
    /// Bytes of an answer; 20 000 targets with some labels are a tenth of it.
    private static let bodyLimit = 32 << 20

    let config: HTTPDiscoveryConfig
    let http: HTTPClient
    let clock: any EdgeClock

    init(_ config: HTTPDiscoveryConfig, http: HTTPClient, clock: any EdgeClock) {
        self.config = config
        self.http = http
        self.clock = clock
    }

    func run(_ report: DiscoveryReport) async {
        while !Task.isCancelled {
            do {
                report.publish(try await groups())
            } catch let error as HTTPClientError {
                if error.kind == .cancelled { return }
                report.fail(error.message)
            } catch {
                report.fail("\(error)")
            }
            report.endRound()
            do {
                try await clock.sleep(for: config.refreshInterval)
            } catch {
                return
            }
        }
    }

    /// Asks once.
    func groups() async throws -> [DiscoveredGroup] {
        var request = try HTTPClientRequest(
            url: config.url,
            config: config.http,
            timeout: config.refreshInterval,
            responseLimit: HTTPDiscovery.bodyLimit
        )
        request.acceptsCompression = true
        request.headers.append(("Accept", "application/json"))
        let seconds = PromNumber.format(config.refreshInterval.inSeconds)
        request.headers.append(("X-Prometheus-Refresh-Interval-Seconds", seconds))
        let response = try await http.send(request)
        guard response.status == 200 else {
            throw DiscoveryFailure("server returned HTTP status \(response.status)")
        }
        let type = response.header("content-type") ?? ""
        guard type == "application/json" || type.hasPrefix("application/json;") else {
            throw DiscoveryFailure("unsupported content type \(Labels.quoted(type))")
        }
        return try TargetGroupsReader.parse(response.body).enumerated().map { index, message in
            DiscoveredGroup(message, source: "\(config.url):\(index)", meta: ("__meta_url", config.url))
        }
    }
}

/// Why targets were not found, for people.
struct DiscoveryFailure: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ words: String) {
        description = words
    }
}

extension DiscoveredGroup {
    /// A group as it was read, with a label that says where.
    init(_ message: TargetGroupMessage, source: String, meta: (name: String, value: String)) {
        self.init(
            source: source,
            targets: message.targets.map { Labels([(name: "__address__", value: $0)]) },
            labels: message.labels.setting(meta.name, meta.value)
        )
    }
}
