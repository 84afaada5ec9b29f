// SPDX-License-Identifier: Apache-2.0
//
// The one place where alerts, models and the outbox meet the state store. SQLite blocks, so every call runs on a lane of
// its own. A failing store is counted and logged once per kind of failure: rules go on without it.

internal import Logging
internal import Platform
internal import Samples
internal import StateStore

/// Saved state of rules.
struct StateKeeper: Sendable {
    private static let alertTable = "alerts"
    private static let modelTable = "alert_models"

    let state: StateStore
    let lane: BlockingQueue
    let metrics: AlertMetrics
    let logger: Logger

    /// Runs work on the store's lane; a failure is logged and counted, and nil returned.
    func attempt<Result: Sendable>(
        _ what: String,
        _ work: @escaping @Sendable (StateStore) throws -> Result
    ) async -> Result? {
        let state = state
        do {
            return try await lane.runToEnd { try work(state) }
        } catch {
            metrics.storeFailures.add()
            logger.warning("\(what) failed: \(error)")
            return nil
        }
    }

    // MARK: - Alerts

    /// The saved alerts of every rule, by the rule's key; damaged records are left out.
    func loadAlerts() async -> [String: AlertRecord] {
        let saved = await attempt("reading saved alerts") { try $0.all(Self.alertTable) } ?? []
        var records: [String: AlertRecord] = [:]
        for entry in saved {
            do {
                records[entry.key] = try AlertRecord(decoding: entry.value)
            } catch {
                metrics.storeFailures.add()
                logger.warning("saved alerts of rule \(entry.key) are unusable: \(error)")
            }
        }
        return records
    }

    /// Saves a rule's alerts; none removes the record.
    ///
    /// A change of state is durable; a mere sign of life survives a kill but not a power cut, which spares flash.
    func saveAlerts(_ key: String, _ record: AlertRecord, isDurable: Bool) async {
        _ = await attempt("saving alerts") { state in
            if record.alerts.isEmpty {
                try state.remove(Self.alertTable, key)
            } else {
                try state.put(Self.alertTable, key, record.encoded(), isDurable: isDurable)
            }
        }
    }

    // MARK: - Models

    /// The saved models by rule and series; damaged ones are left out and learn anew.
    func loadModels() async -> [String: [Labels: SeriesModel]] {
        let saved = await attempt("reading saved models") { try $0.all(Self.modelTable) } ?? []
        var models: [String: [Labels: SeriesModel]] = [:]
        for entry in saved {
            do {
                let (labels, model) = try SeriesModel.decode(entry.value)
                models[String(entry.key.prefix { $0 != "/" }), default: [:]][labels] = model
            } catch {
                metrics.storeFailures.add()
                logger.warning("a saved model of rule \(entry.key) is unusable: \(error)")
            }
        }
        return models
    }

    /// Saves models of one rule in one transaction.
    func saveModels(_ key: String, _ models: [(labels: Labels, model: SeriesModel)]) async {
        guard !models.isEmpty else { return }
        _ = await attempt("saving models") { state in
            try state.putAll(
                Self.modelTable,
                models.map { (Self.modelKey(key, $0.labels), $0.model.encoded(labels: $0.labels)) }
            )
        }
    }

    /// Forgets the model of a series.
    func removeModel(_ key: String, _ labels: Labels) async {
        _ = await attempt("removing a model") { try $0.remove(Self.modelTable, Self.modelKey(key, labels)) }
    }

    private static func modelKey(_ key: String, _ labels: Labels) -> String {
        "\(key)/\(Fingerprint(labels))"
    }
}
