// SPDX-License-Identifier: Apache-2.0

extension ScrapeFormats {
    /// Reads what `global` and a job share.
    init(reading section: Section, inheriting outer: ScrapeFormats) {
        self = outer
        protocols = ScrapeFormats.protocols(section) ?? protocols
        nativeHistograms = section.bool("scrape_native_histograms") ?? nativeHistograms
        convertsClassicHistograms =
            section.bool("convert_classic_histograms_to_nhcb") ?? convertsClassicHistograms
        keepsClassicHistograms = section.bool("always_scrape_classic_histograms") ?? keepsClassicHistograms
        extraMetrics = section.bool("extra_scrape_metrics") ?? extraMetrics
        nameScheme = section.choice("metric_name_validation_scheme") ?? nameScheme
        nameEscaping = section.choice("metric_name_escaping_scheme") ?? nameEscaping
        if nameEscaping == .allowUTF8, nameScheme == .legacy {
            section.report(
                "metric_name_escaping_scheme",
                "\"allow-utf-8\" asks for names that \"metric_name_validation_scheme: legacy\" refuses",
                remedy: "write underscores, dots or values"
            )
        }
        section.context.hasLegacyNames = nameScheme == .legacy
    }

    /// The list under `scrape_protocols`; names are as written, not in any case.
    private static func protocols(_ section: Section) -> [ScrapeProtocol]? {
        guard let list = section.take("scrape_protocols") else { return nil }
        let known = ScrapeProtocol.allCases.map(\.rawValue)
        var protocols: [ScrapeProtocol] = []
        for node in section.list("scrape_protocols") {
            guard let name = section.string(node, "scrape_protocols") else { continue }
            guard let format = ScrapeProtocol(rawValue: name) else {
                section.problems.add(
                    node.error(
                        "unknown scrape protocol \"\(name)\"",
                        remedy: Nearest.nearest(to: name, among: known).map { "did you mean \"\($0)\"?" }
                            ?? "it is one of \(known.joined(separator: ", "))"
                    )
                )
                continue
            }
            if protocols.contains(format) {
                section.problems.add(node.error("\"scrape_protocols\" names \"\(name)\" twice"))
            }
            protocols.append(format)
        }
        if list.items?.isEmpty == true { section.report("scrape_protocols", "\"scrape_protocols\" is empty") }
        return protocols
    }
}
