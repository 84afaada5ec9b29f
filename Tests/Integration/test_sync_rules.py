# SPDX-License-Identifier: Apache-2.0
"""Rules of shipping: a real Prometheus and a real VictoriaMetrics get what their rules select, and nothing else."""

from conftest import free_port, get, get_json, wait_for
from target import Target

RULES = """groups:
  - name: load
    interval: 1s
    rules:
      - {alert: Loaded, expr: 'up{job="load"} == 1', labels: {severity: critical}}
"""


def names(server):
    found = get_json(server.url + "/api/v1/label/__name__/values")["data"]
    # VictoriaMetrics and Prometheus given a name without series are not of interest here.
    return {name for name in found if server.value(f'count({{__name__="{name}"}})')}


def test_each_destination_gets_what_its_rules_select(edgewatch, prometheus, victoria_metrics, tmp_path):
    target = Target(series=20)
    prometheus_port, victoria_port = free_port(), free_port()
    (tmp_path / "alerts.yml").write_text(RULES)
    config = (
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        f"rule_files: ['{tmp_path}/alerts.yml']\n"
        "collectors: {host: {enabled: false}}\n"
        f"scrape_configs:\n  - job_name: load\n    static_configs: [{{targets: ['{target.address}']}}]\n"
        "remote_write:\n"
        f"  - {{name: cloud, url: 'http://127.0.0.1:{prometheus_port}/api/v1/write'}}\n"
        f"  - {{name: plant, url: 'http://127.0.0.1:{victoria_port}/api/v1/write'}}\n"
        "sync:\n"
        "  rules:\n"
        "    - {selector: alerts}\n"
        "    - {name: few, selector: ['seq{i=~\"1?3\"}', 'up{job=\"load\"}'], destinations: [cloud]}\n"
        "    - {name: plant, selector: 'metrics{job=\"load\"}', destinations: [plant]}\n"
    )
    cloud = prometheus(port=prometheus_port)
    plant = victoria_metrics(port=victoria_port)
    process = edgewatch(config)
    wait_for("the cloud has its series", lambda: (cloud.value("count(ALERTS)") or 0) and cloud.value("count(seq)"))
    wait_for("the plant has its series", lambda: (plant.value("count(ALERTS)") or 0) and plant.value("count(seq)"))
    until = process.value("max(timestamp(seq))")
    for server in (cloud, plant):
        wait_for("caught up", lambda s=server: (s.value("max(timestamp(seq))") or 0) >= until)
    assert names(cloud) == {"ALERTS", "ALERTS_FOR_STATE", "seq", "up"}
    assert {dict(labels)["i"] for labels in cloud.samples("seq")} == {"3", "13"}
    for labels, samples in cloud.samples("seq").items():
        ours = process.samples(f'seq{{i="{dict(labels)["i"]}"}}')
        expected = {sample for sample in next(iter(ours.values())) if sample[0] <= until}
        assert {sample for sample in samples if sample[0] <= until} == expected and len(expected) >= 2
    assert len(plant.samples("seq")) == 20
    assert {"seq", "up", "ALERTS", "scrape_duration_seconds"} <= names(plant)
    lines = get(process.url + "/metrics").decode().splitlines()
    shipped = dict(line.rsplit(" ", 1) for line in lines if line.startswith("edgewatch_sync_rule_series{"))
    assert shipped == {
        'edgewatch_sync_rule_series{destination="cloud",rule="alerts"}': "2",
        'edgewatch_sync_rule_series{destination="cloud",rule="few"}': "3",
        'edgewatch_sync_rule_series{destination="plant",rule="alerts"}': "2",
        'edgewatch_sync_rule_series{destination="plant",rule="plant"}': shipped[
            'edgewatch_sync_rule_series{destination="plant",rule="plant"}'
        ],
    }
    target.close()
