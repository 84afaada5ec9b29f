// SPDX-License-Identifier: Apache-2.0
//
// Names whose records are targets (Prometheus' dns_sd), asked for every so often, several at the same time, so that one
// whose servers are silent does not make the others wait. Each name is a group: one that no server answers for keeps its
// targets, one that does not exist any more loses them.

internal import Config
internal import Platform
internal import Samples
internal import Wire

/// Discovers what names resolve to.
struct DNSDiscovery: Discoverer {
    let config: DNSDiscoveryConfig
    let clock: any EdgeClock
    let resolver: DNSResolver
    /// As many as names are asked for at the same time.
    private let lanes: [BlockingQueue]
    /// Names asked for at the same time; a question that waits holds a thread.
    static let laneLimit = 8

    init(
        _ config: DNSDiscoveryConfig,
        clock: any EdgeClock,
        resolver: DNSResolver = DNSResolver { .read() }
    ) {
        self.config = config
        self.clock = clock
        self.resolver = resolver
        lanes = (0..<min(config.names.count, DNSDiscovery.laneLimit)).map { _ in
            BlockingQueue(label: "edgewatch.discovery.dns")
        }
    }

    func run(_ report: DiscoveryReport) async {
        var known: [String: DiscoveredGroup] = [:]
        while !Task.isCancelled {
            var failures: [String] = []
            let answers = await ask()
            if Task.isCancelled { return }
            for (name, answer) in zip(config.names, answers) {
                switch answer {
                case .success(let group)?: known[name] = group
                case .failure(let failure)?: failures.append(failure.description)
                case nil: break
                }
            }
            // Until something is known, nothing is not an answer.
            if failures.count < config.names.count || !known.isEmpty {
                report.publish(config.names.compactMap { known[$0] })
            }
            if !failures.isEmpty { report.fail(failures.joined(separator: "; ")) }
            report.endRound()
            do {
                try await clock.sleep(for: config.refreshInterval)
            } catch {
                return
            }
        }
    }

    /// What came of a question, and who is free now.
    private struct Answer: Sendable {
        let name: Int
        let lane: BlockingQueue
        let result: Result<DiscoveredGroup, DiscoveryFailure>?
    }

    /// Asks for all names once; nil for those that a cancellation left out.
    private func ask() async -> [Result<DiscoveredGroup, DiscoveryFailure>?] {
        await withTaskGroup(of: Answer.self) { tasks in
            var waiting = config.names.indices.makeIterator()
            var answers = [Result<DiscoveredGroup, DiscoveryFailure>?](
                repeating: nil,
                count: config.names.count
            )
            for lane in lanes {
                guard let name = waiting.next() else { break }
                tasks.addTask { [self] in await ask(name, on: lane) }
            }
            while let answer = await tasks.next() {
                answers[answer.name] = answer.result
                guard !Task.isCancelled, let name = waiting.next() else { continue }
                tasks.addTask { [self] in await ask(name, on: answer.lane) }
            }
            return answers
        }
    }

    private func ask(_ name: Int, on lane: BlockingQueue) async -> Answer {
        // The lane throws only what the work throws, which is nothing.
        let result = try? await lane.run { [self] in
            Result { () throws(DiscoveryFailure) in try group(config.names[name]) }
        }
        return Answer(name: name, lane: lane, result: result)
    }

    /// What a name resolves to now.
    func group(_ name: String) throws(DiscoveryFailure) -> DiscoveredGroup {
        let type: DNSType =
            switch config.type {
            case .srv: .srv
            case .a: .a
            case .aaaa: .aaaa
            case .mx: .mx
            case .ns: .ns
            }
        let records = try resolver.records(name, type)
        return DiscoveredGroup(source: name, targets: records.map { target($0, name) })
    }

    private func target(_ record: DNSRecord, _ name: String) -> Labels {
        var builder = LabelsBuilder()
        builder.set("__meta_dns_name", name)
        switch record {
        case .address(let text): builder.set("__address__", address(text, config.port))
        case .service(let host, let port):
            builder.set("__meta_dns_srv_record_target", host)
            builder.set("__meta_dns_srv_record_port", "\(port)")
            builder.set("__address__", address(host, port))
        case .server(let host):
            builder.set(
                config.type == .mx ? "__meta_dns_mx_record_target" : "__meta_dns_ns_record_target",
                host
            )
            builder.set("__address__", address(host, config.port))
        }
        return builder.labels()
    }

    /// `host:port`, without the dot at the end of a name, IPv6 in brackets.
    private func address(_ host: String, _ port: Int) -> String {
        var host = host[...]
        while host.hasSuffix(".") { host = host.dropLast() }
        return host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
