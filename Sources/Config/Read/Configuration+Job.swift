// SPDX-License-Identifier: Apache-2.0

extension Configuration {
    /// The text of one scrape job, for `/api/v1/scrape_pools/config`.
    ///
    /// - Parameter name: the job's name.
    /// - Returns: the job as it is written, secrets as `<secret>`; nil when there is none of that name.
    public func redactedJob(_ name: String) -> String? {
        for text in [redactedYAML] + redactedJobFiles {
            guard let root = try? YAMLReader.parse(Array(text.utf8), file: "") else { continue }
            let job = Configuration.jobs(of: root).first { $0["job_name"]?.string == name }
            if let job { return YAMLText.redacted(job) }
        }
        return nil
    }

    /// The jobs of a file, or of a manifest.
    private static func jobs(of root: YAMLNode) -> [YAMLNode] {
        guard root["kind"]?.string == EdgeMonitoringStack.kind else {
            return root["scrape_configs"]?.items ?? []
        }
        let collectors = root["spec"]?["collectors"]?.items ?? []
        return collectors.flatMap { $0["config"]?["scrapeConfigs"]?.items ?? [] }
    }
}
