// SPDX-License-Identifier: Apache-2.0

internal import Samples
internal import Wire

extension API {
    /// The scrape targets, by pool and address.
    func targets(_ parameters: Parameters) async -> Reply {
        let state = parameters["state"].lowercased()
        let showsActive = state.isEmpty || state == "any" || state == "active"
        let showsDropped = state.isEmpty || state == "any" || state == "dropped"
        let pool = parameters["scrapePool"]
        let targets = await services.targets().filter { pool.isEmpty || $0.scrapePool == pool }
            .sorted { ($0.scrapePool, $0.scrapeURL) < ($1.scrapePool, $1.scrapeURL) }
        let dropped = await services.droppedTargets().filter { pool.isEmpty || $0.scrapePool == pool }
        return Envelope.success { writer in
            writer.beginObject()
            writer.key("activeTargets")
            writer.beginArray()
            if showsActive { for target in targets { API.write(target, &writer) } }
            writer.endArray()
            writer.key("droppedTargets")
            writer.beginArray()
            if showsDropped { for target in dropped { API.write(target, &writer) } }
            writer.endArray()
            writer.key("droppedTargetCounts")
            if showsDropped {
                let counts = services.droppedCounts().filter { pool.isEmpty || $0.pool == pool }
                writer.beginObject()
                for name in API.pools(
                    targets.map(\.scrapePool) + dropped.map(\.scrapePool) + counts.map(\.pool)
                ) {
                    let shown = dropped.count { $0.scrapePool == name }
                    writer.member(name, counts.first { $0.pool == name }?.count ?? shown)
                }
                writer.endObject()
            } else {
                writer.null()
            }
            writer.endObject()
        }
    }

    /// The names of the scrape configurations.
    func scrapePools() async -> Reply {
        let pools = API.pools(await services.targets().map(\.scrapePool) + services.pools())
        return Envelope.success { writer in
            writer.beginObject()
            writer.key("scrapePools")
            writer.strings(pools)
            writer.endObject()
        }
    }

    private static func pools(_ names: [String]) -> [String] {
        Set(names).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    private static func write(_ target: DroppedTargetView, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("discoveredLabels", target.discoveredLabels)
        writer.member("scrapePool", target.scrapePool)
        writer.endObject()
    }

    private static func write(_ target: TargetView, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("discoveredLabels", target.discoveredLabels)
        writer.member("labels", target.labels)
        writer.member("scrapePool", target.scrapePool)
        writer.member("scrapeUrl", target.scrapeURL)
        writer.member("globalUrl", target.globalURL.isEmpty ? target.scrapeURL : target.globalURL)
        writer.member("lastError", target.lastError)
        writer.member("lastScrape", target.lastScrape)
        writer.member("lastScrapeDuration", target.lastScrapeDuration.inSeconds)
        writer.member("health", target.health.rawValue)
        writer.member("scrapeInterval", PromDuration.format(target.scrapeInterval))
        writer.member("scrapeTimeout", PromDuration.format(target.scrapeTimeout))
        writer.endObject()
    }
}
