# SPDX-License-Identifier: Apache-2.0
"""A rule file, a real Alertmanager and a webhook receiver: firing, then resolved, at both."""

import datetime

from conftest import get_json, wait_for
from target import Target, Webhook


def test_firing_and_resolved_reach_alertmanager_and_webhook(edgewatch, alertmanager, tmp_path):
    target, webhook = Target(), Webhook()
    target.body = 'tank_level{tank="a"} 95\n'
    manager = alertmanager("route: {receiver: none, group_wait: 0s}\nreceivers: [{name: none}]\n")
    (tmp_path / "edgewatch").mkdir()
    (tmp_path / "edgewatch" / "rules.yml").write_text(
        "groups:\n  - name: tanks\n    interval: 1s\n    rules:\n"
        "      - record: tank:level:ratio\n        expr: tank_level / 100\n"
        "      - alert: TankHigh\n        expr: tank:level:ratio > 0.9\n        for: 2s\n"
        "        labels: {severity: critical}\n"
        "        annotations: {summary: 'tank {{ $labels.tank }} is at {{ $value | humanizePercentage }}'}\n"
    )
    process = edgewatch(
        "global: {scrape_interval: 500ms, scrape_timeout: 500ms, external_labels: {site: north}}\n"
        "collectors: {host: {enabled: false}}\nrule_files: [rules.yml]\n"
        f"scrape_configs:\n  - job_name: plc\n    static_configs: [{{targets: ['{target.address}']}}]\n"
        f"alerting:\n  alertmanagers:\n    - static_configs: [{{targets: ['127.0.0.1:{manager.port}']}}]\n"
        f"  webhooks:\n    - url: {webhook.url}\n"
    )
    wait_for("pending or firing", lambda: get_json(process.url + "/api/v1/alerts")["data"]["alerts"])
    alerts = wait_for("at Alertmanager", lambda: get_json(manager.url + "/api/v2/alerts"))
    assert alerts[0]["labels"] == {
        "alertname": "TankHigh", "severity": "critical", "tank": "a", "job": "plc",
        "instance": target.address, "site": "north",
    }
    assert alerts[0]["annotations"] == {"summary": "tank a is at 95%"}
    assert alerts[0]["status"]["state"] == "active"
    wait_for("recorded", lambda: process.value("tank:level:ratio") == 0.95)
    assert process.query('ALERTS{alertname="TankHigh",alertstate="firing"}')
    firing = wait_for("webhook firing", lambda: [body for body in webhook.bodies if body["status"] == "firing"])[0]
    assert firing["version"] == "4"
    assert firing["alerts"][0]["labels"]["tank"] == "a"
    assert firing["alerts"][0]["endsAt"] == "0001-01-01T00:00:00Z"
    assert len(firing["alerts"][0]["fingerprint"]) == 16

    target.body = 'tank_level{tank="a"} 20\n'
    wait_for("gone from Alertmanager", lambda: get_json(manager.url + "/api/v2/alerts") == [])
    resolved = wait_for("webhook resolved", lambda: [body for body in webhook.bodies if body["status"] == "resolved"])[0]
    assert resolved["alerts"][0]["status"] == "resolved"
    assert resolved["alerts"][0]["fingerprint"] == firing["alerts"][0]["fingerprint"]
    assert get_json(process.url + "/api/v1/alerts")["data"]["alerts"] == []
    rules = get_json(process.url + "/api/v1/rules")["data"]["groups"][0]["rules"]
    assert [rule["type"] for rule in rules] == ["recording", "alerting"]
    assert [rule["health"] for rule in rules] == ["ok", "ok"]
    target.close()
    webhook.close()


def test_pending_time_survives_a_kill(edgewatch, tmp_path):
    target = Target()
    target.body = "level 1\n"
    (tmp_path / "edgewatch").mkdir()
    (tmp_path / "edgewatch" / "rules.yml").write_text(
        "groups:\n  - name: g\n    interval: 1s\n    rules:\n      - alert: Long\n        expr: level == 1\n        for: 30m\n"
    )
    config = (
        "global: {scrape_interval: 500ms, scrape_timeout: 500ms}\ncollectors: {host: {enabled: false}}\n"
        f"rule_files: ['{tmp_path}/edgewatch/rules.yml']\n"
        f"scrape_configs:\n  - job_name: plc\n    static_configs: [{{targets: ['{target.address}']}}]\n"
    )
    process = edgewatch(config)

    def active():
        alerts = get_json(process.url + "/api/v1/alerts")["data"]["alerts"]
        return alerts[0]["activeAt"] if alerts else None

    before = wait_for("pending", active)
    wait_for("saved", lambda: process.query("ALERTS_FOR_STATE"))
    process.kill()
    process = edgewatch(config, data=process.data, name="again")
    after = wait_for("pending again", active)

    def seconds(text):
        return datetime.datetime.fromisoformat(text[:19]).timestamp()

    # The downtime is not counted as pending time, so the start moves by at most that.
    wait_for("restored", lambda: 0 <= seconds(active()) - seconds(before) < 20)
    assert after
    target.close()
