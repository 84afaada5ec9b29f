# SPDX-License-Identifier: Apache-2.0
"""Text that is pushed: imports as VictoriaMetrics takes them, and groups as a Pushgateway holds them."""

import gzip
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request

import prometheus_client as client
import pytest
from conftest import free_port, get, wait_for
from remote_write import scalar
from scripted_target import PROTOBUF, classic, counter, family, gauge, label, summary

QUIET = """
global: {scrape_interval: 1h}
collectors: {host: {enabled: false}}
push: {gateway: {interval: 1s}}
"""


def send(url, method, body=b"", **headers):
    if isinstance(body, str):
        body = body.encode()
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def now_ms():
    return int(time.time() * 1000)


# ---- import -----------------------------------------------------------------


def import_lines(base):
    return (
        "# HELP door_open Whether it is\n# TYPE door_open gauge\n"
        f'door_open{{gate="north"}} 1 {base}\ndoor_open{{gate="south"}} 0 {base}\nplain 2.5\n'
        f'utf8{{name="M\u00fcnchen \\"x\\""}} -1e-3 {base}\n'
    )


def test_import(edgewatch):
    node = edgewatch(QUIET)
    url = node.url + "/api/v1/import/prometheus"
    base = now_ms() - 2000
    assert send(url + "?extra_label=site=plant-7", "POST", import_lines(base)) == (204, "")
    assert len(node.query('{site="plant-7",__name__=~".+"}')) == 4
    assert node.query('door_open{gate="north",site="plant-7"}')[0]["value"][1] == "1"
    compressed = gzip.compress(b"zipped 4\n")
    assert send(url, "POST", compressed, **{"Content-Encoding": "gzip"})[0] == 204
    assert send(url + f"/metrics/job/j/x/1?timestamp={base}", "PUT", "stamped 5\n")[0] == 204
    (labels, samples), = node.samples("stamped", "5m").items()
    assert dict(labels)["job"] == "j" and round(samples[0][0] * 1000) == base
    status, text = send(url, "POST", "good 1\nbad\ngood2{ 3\ngood3 4\n")
    assert status == 400 and text.startswith("2 samples stored, 2 lines not read, 0 samples")
    assert "line 2:" in text and "line 3:" in text
    assert len(node.query('{__name__=~"good.*"}')) == 2


@pytest.mark.skipif(shutil.which("victoria-metrics") is None, reason="victoria-metrics is not installed")
def test_import_beside_victoria_metrics(edgewatch, tmp_path):
    node = edgewatch(QUIET)
    port = free_port()
    process = subprocess.Popen(
        ["victoria-metrics", f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={tmp_path}/vm", "-loggerLevel=ERROR"],
        stderr=subprocess.DEVNULL,
    )
    try:
        other = f"http://127.0.0.1:{port}"
        wait_for("the expected state", lambda: get(other + "/health", timeout=2) is not None)
        base = now_ms() - 60_000
        path = "/api/v1/import/prometheus?extra_label=site=p&extra_label=name=forced"
        for server in (node.url, other):
            assert send(server + path, "POST", import_lines(base))[0] == 204

        def there(server):
            found = json.loads(get(server + "/api/v1/series", **{"match[]": '{site="p"}'}))["data"]
            return sorted(json.dumps(labels, sort_keys=True) for labels in found)

        wait_for("the expected state", lambda: len(there(other)) == len(there(node.url)))
        assert there(node.url) == there(other)
    finally:
        process.terminate()
        process.wait()


# ---- gateway ----------------------------------------------------------------


def test_groups(edgewatch):
    node = edgewatch(QUIET)
    url = node.url + "/metrics/job/backup"
    assert send(url + "/instance/a", "PUT", "size{job=\"mine\"} 5\nlast 7\n") == (200, "")
    assert send(url, "POST", "size 1\n") == (200, "")
    wait_for("the expected state", lambda: len(node.query("size")) == 2)
    assert node.query('size{instance="a",job="backup"}')[0]["value"][1] == "5"
    assert len(node.query("push_time_seconds")) == 2
    assert send(url + "/instance/a", "POST", "size 6\n")[0] == 200
    wait_for("the expected state", lambda: node.query('size{instance="a"}')[0]["value"][1] == "6")
    assert node.query("last")[0]["value"][1] == "7"
    assert send(url + "/instance/a", "PUT", "other 1\n")[0] == 200
    wait_for("the expected state", lambda: node.query("last") == [])
    status, text = send(url, "PUT", "size 1\nsize 2\n")
    assert status == 400 and "collected before" in text
    wait_for("the expected state", lambda: float(node.query('push_failure_time_seconds{instance=""}')[0]["value"][1]) > 1.6e9)
    assert send(url, "DELETE")[0] == 202 and send(url + "/instance/a", "DELETE")[0] == 202
    wait_for("the expected state", lambda: node.query('{job="backup",__name__=~".+"}') == [])
    assert b"edgewatch_gateway_groups 0" in get(node.url + "/metrics")
    assert send(node.url + "/metrics", "POST")[0] == 405


def test_the_python_client(edgewatch):
    node = edgewatch(QUIET)
    registry = client.CollectorRegistry()
    gauge = client.Gauge("batch_seconds", "How long", ["step"], registry=registry)
    gauge.labels("one").set(1.5)
    histogram = client.Histogram("rows", "Rows", buckets=(1, 10), registry=registry)
    histogram.observe(3)
    key = {"instance": "a/b", "empty": ""}
    address = node.url.removeprefix("http://")
    client.push_to_gateway(address, job="batch", registry=registry, grouping_key=key)
    wait_for("the expected state", lambda: node.query('batch_seconds{job="batch",instance="a/b",step="one"}') != [])
    assert node.query('rows_bucket{le="10.0"}')[0]["value"][1] == "1"
    client.pushadd_to_gateway(address, job="batch", registry=registry, grouping_key=key)
    client.delete_from_gateway(address, job="batch", grouping_key=key)
    wait_for("the expected state", lambda: node.query("batch_seconds") == [])


HISTOGRAM = '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\n'
SUMMARY = '# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 2\ns_count 2\n'
FAMILIES = (
    family("pc_total", 0, counter(1, label("k", "1")), counter(2, label("k", "2")))
    + family("pg", 1, gauge(-1.5))
    + family("ps", 2, summary(2, 3.5, [(0.5, 1), (0.9, 2)]))
    + family("ph", 4, classic([(0.5, 1), (1, 3)], 2.25))
    + family("x", 0, counter(7))
)
# Method, path, body, the status both answer with, and the Content-Type if it is not the text format's.
GATEWAY_REQUESTS = [
    ("PUT", "/metrics/job/a/instance/i", '# TYPE x counter\nx{k="1"} 1\nx{k="2"} 2\ny 3\n', 200),
    ("POST", "/metrics/job/a/instance/i", "# TYPE y gauge\ny 4\n", 200),
    ("PUT", "/metrics/job@base64/L3Zhci90bXA", "# TYPE x counter\nx 5\n", 200),
    ("PUT", "/metrics/job/t", "x 1 1700000000000\n", 400),
    ("PUT", "/metrics/job/dup", "x 1\nx 1\n", 400),
    ("PUT", "/metrics/job/a/b", "x 1\n", 400),
    ("PUT", "/metrics/job/gone", "z 9\n", 200),
    ("DELETE", "/metrics/job/gone", "", 202),
    # What contradicts other groups.
    ("PUT", "/metrics/job/b", "# TYPE x gauge\nx 1\n", 400),
    ("PUT", "/metrics/job/b", "x 1\n", 400),
    ("PUT", "/metrics/job/b", "# HELP x Other words.\n# TYPE x counter\nx 1\n", 200),
    ("POST", "/metrics/job/a/instance/i", "# TYPE x gauge\nx 1\n", 400),
    ("PUT", "/metrics/job/a", '# TYPE x counter\nx{instance="i",k="1"} 9\n', 400),
    ("PUT", "/metrics/job/h", HISTOGRAM, 200),
    ("PUT", "/metrics/job/part", "h_count 3\n", 400),
    ("PUT", "/metrics/job/part", "h_bucket 3\n", 400),
    ("PUT", "/metrics/job/part", "h 3\n", 400),
    ("POST", "/metrics/job/h", "h_sum 3\n", 400),
    ("PUT", "/metrics/job/part", "h_total 3\n", 200),
    ("PUT", "/metrics/job/s", SUMMARY, 200),
    ("PUT", "/metrics/job/part2", "s_sum 3\n", 400),
    ("PUT", "/metrics/job/part2", "s_bucket 3\n", 200),
    ("PUT", "/metrics/job/b2", 'y2{__b="1"} 1\n', 400),
    ("PUT", "/metrics/job/b2", 'y2{b="1",b="2"} 1\n', 400),
    ("PUT", "/metrics/job/b3", "push_time_seconds 1\n", 200),
    ("PUT", "/metrics/job/b4", "", 200),
    # The same by protobuf.
    ("PUT", "/metrics/job/proto/instance/p", FAMILIES, 200, PROTOBUF),
    ("PUT", "/metrics/job/proto2", FAMILIES[:-1], 400, PROTOBUF),
    ("PUT", "/metrics/job/proto2", family("z", 1, gauge(1) + scalar(6, 1000)), 400, PROTOBUF),
    ("PUT", "/metrics/job/proto2", family("x", 1, gauge(1)), 400, PROTOBUF),
    ("PUT", "/metrics/job/proto2", family("ph_sum", 1, gauge(1)), 400, PROTOBUF),
    ("PUT", "/metrics/job/proto2", family("z", 1, gauge(1), gauge(2)), 400, PROTOBUF),
    ("POST", "/metrics/job/proto/instance/p", family("pg", 1, gauge(6, label("new", "1"))), 200, PROTOBUF),
    ("PUT", "/metrics/job/proto3", b"", 200, PROTOBUF),
]


@pytest.mark.skipif(
    shutil.which("prometheus-pushgateway") is None, reason="prometheus-pushgateway is not installed"
)
def test_beside_a_pushgateway(edgewatch):
    """The same requests to both; what edgewatch stores of its own groups is what it stores of a scrape of the other."""
    port = free_port()
    # Debian's keeps its groups in /var/lib unless told otherwise, and would come back with those of the last run.
    process = subprocess.Popen(
        ["prometheus-pushgateway", f"--web.listen-address=127.0.0.1:{port}", "--persistence.file="],
        stderr=subprocess.DEVNULL,
    )
    try:
        other = f"http://127.0.0.1:{port}"
        wait_for("the expected state", lambda: get(other + "/-/ready", timeout=2) is not None)
        own = edgewatch(QUIET, name="own")
        scraping = edgewatch(
            QUIET.replace("1h", "1s")
            + "scrape_configs: [{job_name: gateway, honor_labels: true, scrape_interval: 1s, "
            + f"static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n",
            name="scraping",
        )
        for method, path, body, status, *kind in GATEWAY_REQUESTS:
            headers = {"Content-Type": kind[0]} if kind else {}
            for server in (own.url, other):
                assert send(server + path, method, body, **headers)[0] == status, (server, path, body)

        def found(node):
            return sorted(
                (json.dumps(entry["metric"], sort_keys=True), entry["value"][1])
                for entry in node.query('{__name__=~"[hpsxyz].*",__name__!~"push_.*|process_.*|scrape_.*|pushgateway_.*"}')
            )

        wait_for("the same in both", lambda: found(own) == found(scraping) and len(found(own)) == 27)
    finally:
        process.terminate()
        process.wait()
