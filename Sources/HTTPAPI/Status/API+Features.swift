// SPDX-License-Identifier: Apache-2.0
//
// /features and /notifications: what clients may ask for, and what the operator should know.

internal import PromQL
internal import Samples
internal import Wire

extension API {
    /// What this server can do, under the names of Prometheus' categories.
    func features() -> Reply {
        let features = services.engine.features
        let categories: [(String, [(String, Bool)])] = [
            (
                "api",
                [
                    ("admin", services.admin != nil), ("exclude_alerts", true),
                    ("label_values_match", true), ("lifecycle", services.reload != nil),
                    ("otlp_write_receiver", services.otlp != nil), ("query_stats", true),
                    ("query_warnings", true),
                    ("remote_read", true), ("remote_write_receiver", services.remoteWrite != nil),
                    ("time_range_labels", true), ("time_range_series", true),
                ]
            ),
            (
                "promql",
                [
                    ("anchored", features.extendedRangeSelectors), ("at_modifier", true), ("bool", true),
                    ("by", true), ("delayed_name_removal", features.delayedNameRemoval),
                    ("duration_expr", true), ("experimental_functions", features.experimentalFunctions),
                    ("fill", features.fillModifiers), ("group_left", true), ("group_right", true),
                    ("ignoring", true), ("native_histograms", true), ("negative_offset", true),
                    ("offset", true), ("on", true), ("per_query_lookback_delta", true),
                    ("per_step_stats", features.perStepStatistics),
                    ("smoothed", features.extendedRangeSelectors), ("subqueries", true),
                    ("use_start_timestamps", features.startTimestamps), ("without", true),
                ]
            ),
            ("rules", [("concurrent_rule_eval", false), ("keep_firing_for", true)]),
            ("tsdb", [("exemplars", services.exemplars != nil), ("native_histograms", true)]),
        ]
        return Envelope.success { writer in
            writer.beginObject()
            for (name, members) in categories {
                writer.key(name)
                writer.beginObject()
                for (feature, isOn) in members { writer.member(feature, isOn) }
                writer.endObject()
            }
            writer.endObject()
        }
    }

    /// What is wrong with this server as a whole.
    func notifications() -> Reply {
        let configuration = services.configuration()
        return Envelope.success { writer in
            writer.beginArray()
            if !configuration.isLoaded {
                writer.beginObject()
                writer.member("text", "Configuration reload has failed.")
                writer.member("date", configuration.loadedAt)
                writer.member("active", true)
                writer.endObject()
            }
            writer.endArray()
        }
    }

    /// How far reading the log at start is: the server listens once it has been read.
    func logReplay() -> Reply {
        Envelope.success { writer in
            writer.beginObject()
            writer.member("min", 0)
            writer.member("max", 0)
            writer.member("current", 0)
            writer.member("state", services.isReady() ? "done" : "in progress")
            writer.endObject()
        }
    }

    /// Blocks of Prometheus' kind: there are none, the store is a ring.
    func blocks() -> Reply {
        Envelope.success { writer in
            writer.beginObject()
            writer.key("blocks")
            writer.beginArray()
            writer.endArray()
            writer.endObject()
        }
    }
}
