// SPDX-License-Identifier: Apache-2.0

extension Configuration {
    /// The text of one scrape job within the text of a configuration, for `/api/v1/scrape_pools/config`.
    ///
    /// - Parameters:
    ///   - name: the job's name.
    ///   - text: `redactedYAML`.
    /// - Returns: the job, secrets as they are in the text; nil when there is none of that name.
    public static func job(_ name: String, inRedacted text: String) -> String? {
        guard let root = try? YAMLReader.parse(Array(text.utf8), file: ""),
            let job = root["scrape_configs"]?.items?.first(where: { $0["job_name"]?.string == name })
        else { return nil }
        return YAMLText.redacted(job)
    }
}
