// SPDX-License-Identifier: Apache-2.0
//
// What bounds on queries did, as metrics: an answer that was not given can be explained by the bound that stopped it.

internal import Platform
internal import PromQL

/// Metrics of the query engine.
enum EngineMetrics {
    /// Adds the engine's counters to the process' own metrics.
    static func register(in telemetry: Telemetry, _ engine: QueryEngine) {
        for (reason, _) in engine.refusals {
            telemetry.computed(
                "edgewatch_queries_refused_total",
                "Queries without an answer because of a bound, by the bound.",
                isCounter: true,
                [("reason", reason)]
            ) {
                Double(engine.refusals.first { $0.reason == reason }?.count ?? 0)
            }
        }
        telemetry.computed(
            "edgewatch_query_samples_held",
            "Samples held by queries and by answers on their way, beyond what each may hold without asking."
        ) {
            Double(engine.heldSamples)
        }
    }
}
