# SPDX-License-Identifier: Apache-2.0
"""Prometheus' own client against the API, on this machine's own metrics."""

import json
import os
import re
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest
from conftest import get, get_json, peer, wait_for

FAST = "collectors:\n  host: {interval: 1s}\n"


@pytest.fixture
def node(edgewatch):
    process = edgewatch(FAST)
    wait_for("a few passes", lambda: process.query("count_over_time(node_load1[5m]) >= 4"))
    return process


def test_promtool_prints_this_machines_rates(node):
    output = subprocess.run(
        [peer("promtool"), "query", "instant", node.url, "sum by (mode) (rate(node_cpu_seconds_total[1m]))"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    modes = dict(re.findall(r'\{mode="(\w+)"\} => ([0-9.e+-]+)', output))
    assert set(modes) >= {"idle", "user", "system", "iowait"}
    assert sum(map(float, modes.values())) > 0
    # All modes together advance as many seconds a second as there are processors. Raw samples, because rate()
    # extrapolates over the young series' short window.
    advance = [
        (float(samples[-1][1]) - float(samples[0][1])) / (samples[-1][0] - samples[0][0])
        for samples in node.samples("node_cpu_seconds_total", window="5m").values()
    ]
    assert sum(advance) == pytest.approx(os.cpu_count(), rel=0.25)


def test_promtool_range_series_labels(node):
    tool = peer("promtool")
    series = subprocess.run(
        [tool, "query", "series", node.url, "--match=node_uname_info"], capture_output=True, text=True, check=True
    ).stdout
    assert 'nodename="' in series
    labels = subprocess.run(
        [tool, "query", "labels", node.url, "mode"], capture_output=True, text=True, check=True
    ).stdout
    assert {"idle", "user", "system"} <= set(labels.split())


def test_promtool_accepts_our_metrics(node):
    text = get(node.url + "/metrics")
    result = subprocess.run([peer("promtool"), "check", "metrics"], input=text, capture_output=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("path", "parameters", "status", "kind", "words"),
    [
        ("query", {"query": "sum("}, 400, "bad_data", 'invalid parameter "query": 1:5: parse error:'),
        ("query", {"query": "nosuch(up)"}, 400, "bad_data", 'unknown function with name "nosuch"'),
        ("query", {"query": "up", "time": "yesterday"}, 400, "bad_data", 'cannot parse "yesterday" to a valid timestamp'),
        ("query_range", {"query": "up", "start": 2, "end": 1, "step": 1}, 400, "bad_data", "end timestamp must not be before start time"),
        ("query_range", {"query": "up", "start": 1, "end": 2, "step": 0}, 400, "bad_data", "zero or negative query resolution step widths"),
        ("query_range", {"query": "up", "start": 0, "end": 11001, "step": 1}, 400, "bad_data", "exceeded maximum resolution of 11,000 points"),
        ("series", {}, 400, "bad_data", "no match[] parameter provided"),
    ],
)
def test_errors_are_prometheus_errors(node, path, parameters, status, kind, words):
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(f"{node.url}/api/v1/{path}", **parameters)
    assert caught.value.code == status
    body = json.loads(caught.value.read())
    assert body["status"] == "error" and body["errorType"] == kind
    assert words in body["error"]


def test_get_and_post_agree(node):
    parameters = {"query": "node_load1", "time": "2000000000"}
    posted = urllib.request.urlopen(
        node.url + "/api/v1/query", data=urllib.parse.urlencode(parameters).encode(), timeout=10
    ).read()
    assert json.loads(posted) == get_json(node.url + "/api/v1/query", **parameters)
    assert json.loads(posted) == {"status": "success", "data": {"resultType": "vector", "result": []}}


def test_grafana_save_and_test(node):
    assert get_json(node.url + "/api/v1/query", query="1+1", time=4)["data"] == {
        "resultType": "scalar",
        "result": [4, "2"],
    }
    build = get_json(node.url + "/api/v1/status/buildinfo")["data"]
    assert build["version"] and "features" not in build


def test_same_answers_as_prometheus(node, prometheus):
    """The same samples in a real Prometheus give the same numbers for a list of expressions."""
    other = prometheus()
    wait_for("history", lambda: node.query("count_over_time(node_load1[5m]) >= 20"))
    config = node.config.read_text() + f"remote_write:\n  - url: {other.url}/api/v1/write\n"
    node.config.write_text(config)
    node.process.send_signal(signal.SIGHUP)
    newest = node.value("timestamp(node_load1)")
    wait_for("shipped", lambda: (other.value("max(timestamp(node_load1))") or 0) >= newest)
    expressions = [
        "sum by (mode) (rate(node_cpu_seconds_total[20s]))",
        "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes",
        "topk(3, node_cpu_seconds_total)",
        "quantile(0.5, node_cpu_seconds_total)",
        "max_over_time(node_load1[15s]) - min_over_time(node_load1[15s])",
        "irate(node_network_receive_bytes_total[20s])",
        "delta(node_memory_MemFree_bytes[15s])",
        "predict_linear(node_memory_MemFree_bytes[15s], 3600)",
        'label_replace(node_uname_info, "os", "$1", "sysname", "(.).*")',
        "absent(nonexistent)",
        "clamp(node_load1, 0, 1)",
        'count(node_cpu_seconds_total{mode=~"idle|user"}) by (cpu)',
        "node_cpu_seconds_total > bool 10",
        "sum(node_cpu_seconds_total) / on() group_left() count(node_cpu_seconds_total)",
        "scalar(node_load1) + vector(1)",
    ]
    # Between two samples: Prometheus 2.x counted a sample exactly at a window's left edge, 3.x does not.
    at = newest - 1.5
    for expression in expressions:
        ours = {tuple(sorted(s["metric"].items())): float(s["value"][1]) for s in node.query(expression, at)}
        theirs = {tuple(sorted(s["metric"].items())): float(s["value"][1]) for s in other.query(expression, at)}
        assert ours.keys() == theirs.keys(), expression
        for labels, value in theirs.items():
            assert ours[labels] == pytest.approx(value, rel=1e-9, abs=1e-12), (expression, labels)
