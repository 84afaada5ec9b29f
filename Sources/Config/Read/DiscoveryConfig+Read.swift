// SPDX-License-Identifier: Apache-2.0

internal import Samples

extension DiscoveryConfig {
    /// Reads the kinds of discovery that a job can have; the others are refused by name.
    init(reading section: Section) {
        self.init()
        file = section.sections("file_sd_configs", FileDiscoveryConfig.init(reading:))
        http = section.sections("http_sd_configs", HTTPDiscoveryConfig.init(reading:))
        dns = section.sections("dns_sd_configs", DNSDiscoveryConfig.init(reading:))
        kubernetes = section.sections("kubernetes_sd_configs", KubernetesDiscoveryConfig.init(reading:))
        let known: Set<String> = [
            "file_sd_configs", "http_sd_configs", "dns_sd_configs", "kubernetes_sd_configs",
        ]
        section.refuse(
            ServiceDiscovery.keys.filter { !known.contains($0) },
            remedy: ServiceDiscovery.remedy
        )
    }
}

extension FileDiscoveryConfig {
    fileprivate init?(reading section: Section) {
        self.init()
        files = section.list("files").compactMap { node in
            guard let path = section.string(node, "files") else { return nil }
            if let words = FileDiscoveryConfig.problem(of: path) {
                section.problems.add(node.error(words))
                return nil
            }
            return section.context.resolve(path)
        }
        if section.list("files").isEmpty { section.report("files", "file discovery needs \"files\"") }
        refreshInterval = section.interval("refresh_interval") ?? refreshInterval
    }

    /// What is wrong with a path, in words; the rule is Prometheus'.
    private static func problem(of path: String) -> String? {
        let suffixes = [".json", ".yml", ".yaml", ".JSON", ".YML", ".YAML"]
        guard suffixes.contains(where: { path.hasSuffix($0) }) else {
            return "a file of targets ends in .json, .yml or .yaml, not as \(Labels.quoted(path))"
        }
        let stars = path.utf8.count { $0 == UInt8(ascii: "*") }
        let last = path.lastIndex(of: "/").map { path[path.index(after: $0)...] } ?? path[...]
        guard stars <= 1, last.utf8.count(where: { $0 == UInt8(ascii: "*") }) == stars else {
            return "only the last element of a path may have one *: \(Labels.quoted(path))"
        }
        return nil
    }
}

extension HTTPDiscoveryConfig {
    fileprivate init?(reading section: Section) {
        self.init(url: section.requiredURL("url")?.text ?? "")
        refreshInterval = section.interval("refresh_interval") ?? refreshInterval
        http = HTTPConfig(reading: section)
    }
}

extension DNSDiscoveryConfig {
    fileprivate init?(reading section: Section) {
        self.init()
        names = section.strings("names")
        if names.isEmpty { section.report("names", "DNS discovery needs \"names\"") }
        type = section.choice("type") ?? type
        port = section.integer("port", in: 0...65535) ?? port
        if type != .srv, port == 0 {
            section.report("port", "\(type.rawValue) records have no port; write the targets' \"port\"")
        }
        refreshInterval = section.interval("refresh_interval") ?? refreshInterval
    }
}
