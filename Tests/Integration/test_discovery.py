# SPDX-License-Identifier: Apache-2.0
"""Targets that come and go, beside a real Prometheus with the same configuration: same targets, same discovered labels."""

import contextlib
import http.server
import json
import threading
import time

from conftest import get, get_json, wait_for, without_newer
from target import Target


class Inventory:
    """An http_sd server whose answer can be changed."""

    def __init__(self):
        self.status, self.kind, self.body = 200, "application/json", "[]"
        self.seen = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.seen.append(dict(self.headers))
                body = outer.body.encode()
                self.send_response(outer.status)
                self.send_header("Content-Type", outer.kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/sd"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()


def targets(process):
    """Everything about the targets that does not depend on when they were scraped."""
    data = get_json(process.url + "/api/v1/targets")["data"]
    for target in data["activeTargets"] + data["droppedTargets"]:
        target["discoveredLabels"] = without_newer(target["discoveredLabels"])
    active = sorted(
        json.dumps({key: t[key] for key in ("discoveredLabels", "labels", "scrapePool", "scrapeUrl")}, sort_keys=True)
        for t in data["activeTargets"]
    )
    dropped = sorted(json.dumps(t["discoveredLabels"], sort_keys=True) for t in data["droppedTargets"])
    return active, dropped


def test_files_and_servers_beside_prometheus(edgewatch, prometheus, tmp_path):
    lists = tmp_path / "lists"
    lists.mkdir()
    inventory = Inventory()
    with contextlib.ExitStack() as stack:
        stack.callback(inventory.close)
        live = [Target() for _ in range(3)]
        for target in live:
            stack.callback(target.close)
        # Both take a new list at most every five seconds, so each step below may take that long.
        config = f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: files
    file_sd_configs: [{{files: ["{lists}/*.json", "{lists}/one.yml"]}}]
    relabel_configs:
      - {{source_labels: [drop], regex: 'yes', action: drop}}
      - {{source_labels: [__meta_filepath], regex: '.*/(.*)', target_label: list}}
  - job_name: servers
    params: {{module: [a]}}
    http_sd_configs: [{{url: "{inventory.url}", refresh_interval: 1s}}]
"""
        (lists / "a.json").write_text(json.dumps([
            {"targets": [live[0].address, "127.0.0.1:1"], "labels": {"site": "x"}},
            {"targets": ["127.0.0.1:2"], "labels": {"drop": "yes"}},
        ]))
        ours = edgewatch(config + "collectors: {host: {enabled: false}}\n")
        theirs = prometheus(config=config)

        def same(count):
            mine, his = targets(ours), targets(theirs)
            return mine == his and len(mine[0]) == count and mine

        active, dropped = wait_for("the first list", lambda: same(2))
        assert len(dropped) == 1
        (lists / "b.json").write_text(json.dumps([{"targets": [live[1].address]}]))
        (lists / "one.yml").write_text(f"- targets: ['{live[2].address}']\n  labels: {{site: y}}\n")
        inventory.body = json.dumps([{"targets": ["127.0.0.1:3"], "labels": {"__scheme__": "http", "rack": "7"}}])
        wait_for("two more files and a server", lambda: same(5))
        # Broken lists keep what was there.
        (lists / "b.json").write_text("[{")
        inventory.status = 500
        time.sleep(7)
        assert same(5)
        (lists / "b.json").unlink()
        inventory.status, inventory.body = 200, "[]"
        wait_for("a file less, an empty list", lambda: same(3))
        # The series of the target that went ended: nothing is found now, though the last sample is seconds old.
        name = f'up{{instance="{live[1].address}"}}'
        wait_for("its end", lambda: not ours.query(name))
        assert ours.query(f"count_over_time({name}[5m])")
        states = {
            (view["scrapePool"], view["mechanism"]): view
            for view in get_json(ours.url + "/api/v1/edgewatch/status")["data"]["discovery"]
        }
        assert states[("files", "file")]["targets"] == 4
        assert states[("files", "file")]["droppedTargets"] == 1
        assert states[("servers", "http")]["targets"] == 0
        assert get_json(ours.url + "/api/v1/scrape_pools")["data"] == {"scrapePools": ["files", "servers"]}
        own = get(ours.url + "/metrics").decode()
        assert 'edgewatch_discovery_failures_total{mechanism="http"}' in own
        headers = inventory.seen[0]
        assert any(one.get("X-Prometheus-Refresh-Interval-Seconds") == "1" for one in inventory.seen), headers


def test_jobs_of_other_files(edgewatch, tmp_path):
    """Jobs of scrape_config_files are pools like others, with the text of their file."""
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/a.yml").write_text("scrape_configs: [{job_name: a, authorization: {credentials: hunter2}}]\n")
    node = edgewatch(f"scrape_configs: [{{job_name: own}}]\nscrape_config_files: ['{tmp_path}/jobs/*.yml']\n")
    assert get_json(node.url + "/api/v1/scrape_pools")["data"] == {"scrapePools": ["a", "own"]}
    texts = {"a": "job_name: a\nauthorization:\n  credentials: <secret>\n", "own": "job_name: own\n"}
    for name, text in texts.items():
        assert get_json(node.url + "/api/v1/scrape_pools/config", scrapePool=name)["data"] == {"yaml": text}
