// SPDX-License-Identifier: Apache-2.0
//
// /admin/tsdb/*: deleting and copying, for those who start edgewatch with `--web.enable-admin-api`.

internal import PromQL
internal import Samples
internal import Wire

extension API {
    private func administration() throws(APIError) -> any StoreAdministration {
        guard let admin = services.admin else { throw APIError(.unavailable, "admin APIs disabled") }
        return admin
    }

    /// Hides samples of series.
    func deleteSeries(_ parameters: Parameters) async throws(APIError) -> Reply {
        let admin = try administration()
        try refuseUndecodable(parameters)
        let selectors = parameters.all("match[]")
        guard !selectors.isEmpty else { throw APIError(.badData, "no match[] parameter provided") }
        let start = try parameters.time("start", default: API.earliest)
        let end = try parameters.time("end", default: API.latest)
        var sets: [[LabelMatcher]] = []
        for text in selectors { sets.append(try API.selector(text)) }
        do {
            try await admin.deleteSeries(sets, from: start, through: end)
        } catch {
            throw APIError(.internal, error.description)
        }
        return .empty(204)
    }

    /// Forgets deletions that have nothing left to hide.
    func cleanTombstones() async throws(APIError) -> Reply {
        let admin = try administration()
        do {
            try await admin.cleanTombstones()
        } catch {
            throw APIError(.internal, error.description)
        }
        return .empty(204)
    }

    /// Copies the store.
    func snapshot(_ parameters: Parameters) async throws(APIError) -> Reply {
        let admin = try administration()
        let text = parameters["skip_head"]
        let skipsHead: Bool
        switch text {
        case "", "0", "f", "F", "false", "FALSE", "False": skipsHead = false
        case "1", "t", "T", "true", "TRUE", "True": skipsHead = true
        default:
            throw .invalid(
                "skip_head",
                "unable to parse boolean: strconv.ParseBool: parsing \(Labels.quoted(text)): invalid syntax"
            )
        }
        let name: String
        do {
            name = try await admin.snapshot(skipsHead: skipsHead)
        } catch {
            throw APIError(.internal, "create snapshot: \(error.description)")
        }
        return Envelope.success { writer in
            writer.beginObject()
            writer.member("name", name)
            writer.endObject()
        }
    }
}
