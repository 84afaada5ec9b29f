// SPDX-License-Identifier: Apache-2.0

import Foundation
import PromQL
import Testing

/// The Grafana dashboard that ships with edgewatch.
struct DashboardTests {
    private func dashboard() throws -> [String: Any] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let data = try Data(contentsOf: root.appending(path: "dashboards/node.json"))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    @Test func everyQueryParses() throws {
        let panels = try #require(try dashboard()["panels"] as? [[String: Any]])
        let queries = panels.flatMap { $0["targets"] as? [[String: Any]] ?? [] }.compactMap {
            $0["expr"] as? String
        }
        #expect(queries.count > 30)
        for query in queries {
            let filled = query.replacing("$__rate_interval", with: "1m").replacing("$job", with: "node")
                .replacing("$instance", with: "gw-17").replacing("$ignored_fstypes", with: "tmpfs|overlay")
            #expect(!filled.contains("$"), "\(query)")
            #expect(throws: Never.self, "\(query)") { try Parser.parse(filled) }
        }
    }

    @Test func panelsAreDistinctAndDoNotOverlap() throws {
        let panels = try #require(try dashboard()["panels"] as? [[String: Any]])
        #expect(Set(panels.compactMap { $0["id"] as? Int }).count == panels.count)
        var taken: Set<[Int]> = []
        for panel in panels {
            let place = try #require(panel["gridPos"] as? [String: Int])
            let (x, y) = (place["x"] ?? -1, place["y"] ?? -1)
            for column in x..<(x + (place["w"] ?? 0)) {
                for row in y..<(y + (place["h"] ?? 0)) {
                    #expect(column < 24 && taken.insert([column, row]).inserted, "\(panel["title"] ?? "")")
                }
            }
        }
    }
}
