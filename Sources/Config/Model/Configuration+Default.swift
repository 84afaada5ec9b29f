// SPDX-License-Identifier: Apache-2.0

extension Configuration {
    /// What runs when no file is given.
    ///
    /// This machine every 15 seconds, kept in `./data`, with two sampling strategies for a thin uplink and a low
    /// battery. The daemon adds the rules it ships.
    public static let embeddedDefault = """
        # What edgewatch does without a configuration file.
        global:
          scrape_interval: 15s
          evaluation_interval: 15s

        collectors:
          host:
            enabled: true

        storage:
          path: data
          circular_buffer:
            size: 1GB
            segments: 10
          wal:
            size: 32MB

        sampling:
          enabled: true
          strategies:
            - name: network_quality_based
              condition: "network_latency > 100ms OR bandwidth < 10Mbps"
              action:
                type: reduce_frequency
                new_interval: 60s
                metrics: [node, container, application]
            - name: battery_power
              condition: "power_source == 'battery' AND battery_level < 30%"
              action:
                type: reduce_metrics
                keep_metrics: [health, alerts, critical]
                drop_metrics: [detailed_performance, debug]

        """
}
