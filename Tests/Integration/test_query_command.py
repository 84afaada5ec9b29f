# SPDX-License-Identifier: Apache-2.0
"""`edgewatch query` against a real server: what is printed, where, and the exit codes."""

import csv
import datetime
import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import termios
import time

import pytest
from conftest import BINARY, Edgewatch, Server, free_port, get_json, peer, wait_for

QUIET = "collectors: {host: {enabled: false}}\n"


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """Half an hour of two series, a sample each minute, the newest some seconds old."""
    tmp_path = tmp_path_factory.mktemp("query")
    now = int(time.time()) // 60 * 60
    lines = []
    for job, factor in (("a", 1), ("b", 10)):
        for index in range(31):
            lines.append(f'm{{job="{job}",site="x"}} {index * factor} {now - (30 - index) * 60}')
    text = tmp_path / "in.om"
    text.write_text("\n".join(lines) + "\n# EOF\n")
    data = tmp_path / "data"
    subprocess.run([BINARY, "tsdb", "import", data, text], check=True, capture_output=True, timeout=60)
    server = Edgewatch(tmp_path / "edgewatch", QUIET, data=data)
    server.wait_until_ready()
    server.now = now
    yield server
    server.kill()


def query(server, *arguments, **environment):
    return subprocess.run(
        [BINARY, "query", arguments[0], "--url", server if isinstance(server, str) else server.url, *arguments[1:]],
        capture_output=True, text=True, timeout=60, env={**os.environ, "TZ": "UTC", "COLUMNS": "80", **environment})


def test_instant(node):
    result = query(node, "instant", "m", "--time", str(node.now))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == (
        "metric  job  site  value\n"
        "m       a    x        30\n"
        "m       b    x       300\n"
    )
    stamp = datetime.datetime.fromtimestamp(node.now, datetime.timezone.utc)
    result = query(node, "instant", "scalar(m{job='a'})", "--time", stamp.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert result.stdout == stamp.strftime("30  %Y-%m-%dT%H:%M:%S+00:00\n")
    result = query(node, "instant", "scalar(m{job='a'})", "--time", str(node.now), TZ="Asia/Kolkata")
    assert result.stdout.endswith("+05:30\n")


def test_queries_that_begin_with_a_minus(node):
    at = ("--time", str(node.now), "--format", "json")
    for text, expected in (("-1", "-1"), ("-scalar(m{job='a'}) * 0 - 2", "-2"), ("-(1 + 2)", "-3"), ("--4", "4")):
        for arguments in ((text, *at), (*at, text), (*at, "--", text)):
            result = query(node, "instant", *arguments)
            assert json.loads(result.stdout)["data"]["result"][1] == expected, (arguments, result)
    result = query(node, "instant", "--nosuch", "1")
    assert result.returncode == 1 and "--nosuch" in result.stderr


def test_json_is_what_the_server_says(node):
    result = query(node, "instant", "sum(m)", "--time", str(node.now), "--format", "json")
    assert json.loads(result.stdout) == get_json(node.url + "/api/v1/query", query="sum(m)", time=node.now)


def test_range(node):
    result = query(node, "range", "m", "--start", str(node.now - 120), "--end", str(node.now), "--step", "1m")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == '{__name__="m", site="x"}' or lines[0] == 'm{site="x"}'
    assert lines[1].split() == ["time", '{job="a"}', '{job="b"}']
    assert [line.split()[1:] for line in lines[2:]] == [["28", "280"], ["29", "290"], ["30", "300"]]
    assert len({len(line) for line in lines[1:]}) == 1


def test_range_is_of_the_last_hour_in_round_steps(node):
    result = query(node, "range", "m{job='a'}", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    times = [datetime.datetime.fromisoformat(row["timestamp"].replace("Z", "+00:00")).timestamp() for row in rows]
    # An hour in at most 250 steps.
    assert {after - before for before, after in zip(times, times[1:])} == {15}
    assert all(moment % 15 == 0 for moment in times)
    assert {row["__name__"] for row in rows} == {"m"} and {row["job"] for row in rows} == {"a"}
    assert max(float(row["value"]) for row in rows) == 30
    result = query(node, "range", "m{job='a'}")
    # Half an hour of it has samples: one in two minutes, and up to five minutes after the last.
    assert 14 <= len(result.stdout.splitlines()) - 1 <= 19


def test_relative_times(node):
    for start, end in (("-10m", "now"), ("now-10m", "-1m"), (str(node.now - 600), "+5m")):
        result = query(node, "range", "m{job='a'}", "--start", start, "--end", end, "--step", "1m", "--format", "csv")
        assert result.returncode == 0, result.stderr
        assert 8 <= len(result.stdout.splitlines()) - 1 <= 16
    result = query(node, "range", "m", "--start", "tomorrow")
    assert result.returncode == 1 and "--start tomorrow" in result.stderr
    result = query(node, "range", "m", "--start", "now", "--end=-1h")
    assert result.returncode == 1 and "before" in result.stderr


def test_series_and_labels(node):
    result = query(node, "series", "m")
    assert result.stdout == "metric  job  site\nm       a    x\nm       b    x\n"
    assert query(node, "series", "m", "--format", "csv").stdout == "__name__,job,site\nm,a,x\nm,b,x\n"
    assert query(node, "series", 'm{job="a"}', 'm{job="b"}', "--limit", "1").stdout.count("\n") == 2
    assert query(node, "labels", "--match", "m").stdout.split() == ["__name__", "job", "site"]
    assert query(node, "labels", "job", "--match", "m").stdout.split() == ["a", "b"]
    assert {"a", "b"} <= set(query(node, "labels", "job").stdout.split())
    assert query(node, "labels", "job", "--match", 'm{job="b"}').stdout.split() == ["b"]
    assert json.loads(query(node, "labels", "job", "--match", "m", "--format", "json").stdout)["data"] == ["a", "b"]
    assert query(node, "series", "m", "--start", "-3h", "--end", "-2h").returncode in (0, 4)


@pytest.mark.parametrize(
    "arguments", [["instant", "none"], ["range", "none"], ["series", "none"], ["labels", "none"], ["instant", "none", "--format", "graph"]])
def test_nothing_has_its_own_exit_code(node, arguments):
    result = query(node, *arguments)
    assert (result.returncode, result.stdout, result.stderr) == (4, "", "nothing found\n")


def test_nothing_in_formats_of_programs(node):
    result = query(node, "instant", "none", "--format", "csv")
    assert (result.returncode, result.stdout, result.stderr) == (4, "timestamp,value\n", "")
    result = query(node, "instant", "none", "--format", "json")
    assert result.returncode == 4 and json.loads(result.stdout)["data"]["result"] == []


def test_errors_point_at_their_place(node):
    result = query(node, "instant", "sum(m) by (job, ) + foo(m)")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        'edgewatch: bad_data: invalid parameter "query": 1:21: parse error: unknown function with name "foo"\n'
        "  sum(m) by (job, ) + foo(m)\n"
        "                      ^\n"
    )
    result = query(node, "range", "sum(\n  m +\n)")
    assert result.stderr.splitlines()[-2:] == ["  )", "  ^"]
    result = query(node, "series", "{")
    assert result.returncode == 1 and "parse error" in result.stderr and result.stderr.endswith("^\n")


def test_warnings_are_shown_beside_the_answer(node):
    result = query(node, "instant", "rate(m[5m])", "--time", str(node.now))
    assert result.returncode == 0 and result.stdout.count("\n") == 3
    assert result.stderr.startswith("info: PromQL info: metric might not be a counter")


def test_other_errors():
    port = free_port()
    result = query(f"http://127.0.0.1:{port}", "instant", "up")
    assert result.returncode == 1 and f"127.0.0.1 port {port}" in result.stderr
    assert query("ftp://x", "instant", "up").returncode == 1
    assert query(f"http://127.0.0.1:{port}", "instant", "up", "--format", "xml").returncode == 1
    assert query(f"http://127.0.0.1:{port}", "instant", "up", "--timeout", "soon").returncode == 1


def test_a_server_that_is_none(running, tmp_path):
    port = free_port()
    running(Server("http", ["python3", "-m", "http.server", str(port), "--bind", "127.0.0.1"], tmp_path, port, "/"))
    result = query(f"http://127.0.0.1:{port}", "instant", "up")
    assert result.returncode == 1 and "the server answered 501" in result.stderr


def on_terminal(node, columns, *arguments):
    """Runs with a terminal of so many columns as output."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS")}
    process = subprocess.Popen(
        [BINARY, "query", arguments[0], "--url", node.url, *arguments[1:]], stdout=follower, stderr=follower,
        env={**environment, "TERM": "xterm", "TZ": "UTC"})
    os.close(follower)
    output = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:
            break
        if not piece:
            break
        output += piece
    os.close(leader)
    assert process.wait(60) == 0, output
    return output.decode().replace("\r\n", "\n")


def plain(text):
    return re.sub("\x1b\\[\\d+m", "", text)


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_graph_is_as_wide_as_the_terminal(node, columns):
    text = on_terminal(node, columns, "range", "m", "--format", "graph", "--start", "-30m")
    assert "\x1b[36m" in text and "\x1b[33m" in text
    lines = plain(text).splitlines()
    assert max(len(line) for line in lines) == columns - 1
    assert any(0x2800 < ord(character) <= 0x28FF for character in text)
    assert re.search(r"^ +300┤", plain(text), re.M) and re.search(r"^ +0┤", plain(text), re.M)
    assert lines[-2].startswith(' ━ m{job="a", site="x"}') and lines[-1].startswith(' ━ m{job="b", site="x"}')


def test_graph_without_colours_is_sparklines(node):
    result = query(node, "range", "m", "--format", "graph", "--start", "-30m")
    lines = result.stdout.splitlines()
    assert lines[0] == 'm{site="x"}' and lines[1].split() == ["series", "min", "max", "last"]
    assert all("▁" in line and "█" in line for line in lines[2:]) and len(lines) == 4
    one = query(node, "range", "m{job='a'}", "--format", "graph", "--start", "-30m").stdout
    assert "┤" in one and "└" in one and "\x1b" not in one


def test_graph_of_an_instant_is_bars(node):
    result = query(node, "instant", "m", "--format", "graph", "--time", str(node.now))
    assert [line.count("█") for line in result.stdout.splitlines()[1:]][1] > 40


def test_tables_fit_the_terminal(node):
    wide = on_terminal(node, 80, "instant", 'label_replace(m, "other", "0123456789", "", "")', "--time", str(node.now))
    assert wide.splitlines()[0].split() == ["metric", "job", "other", "site", "value"]
    narrow = on_terminal(node, 30, "instant", 'label_replace(m, "other", "0123456789", "", "")', "--time", str(node.now))
    assert narrow.splitlines()[0].split() == ["series", "value"]


def test_any_server_with_the_api(running, tmp_path):
    """Debian's Prometheus answers the same way; promtool reads the same numbers from both."""
    port = free_port()
    config = tmp_path / "prometheus.yml"
    config.write_text(
        f"global: {{scrape_interval: 1s}}\nscrape_configs: [{{job_name: self, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n")
    server = running(Server(
        "prometheus",
        [peer("prometheus"), f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}", f"--storage.tsdb.path={tmp_path}/p"],
        tmp_path / "prometheus", port, "/-/ready"))
    wait_for("a scrape", lambda: server.query("up"))
    result = query(server, "instant", "up")
    assert result.stdout.splitlines()[0].split() == ["metric", "instance", "job", "value"]
    assert result.stdout.splitlines()[1].split() == ["up", f"127.0.0.1:{port}", "self", "1"]
    assert query(server, "labels", "job").stdout == "self\n"
    assert query(server, "series", "up").returncode == 0
    # The newest step may be before the first scrape.
    wait_for("a range", lambda: query(server, "range", "up", "--start", "-10s", "--step", "1s").returncode == 0)
    assert query(server, "instant", "sum(").stderr.endswith("  sum(\n      ^\n")


def test_promtool_reads_the_same(node):
    theirs = subprocess.run(
        [peer("promtool"), "query", "instant", "--time", str(node.now), "--format", "json", node.url, "m"],
        capture_output=True, text=True, timeout=60)
    if theirs.returncode:
        theirs = subprocess.run(
            [peer("promtool"), "--format=json", "query", "instant", "--time", str(node.now), node.url, "m"],
            capture_output=True, text=True, timeout=60)
    expected = {series["metric"]["job"]: series["value"][1] for series in json.loads(theirs.stdout)}
    ours = csv.DictReader(io.StringIO(query(node, "instant", "m", "--time", str(node.now), "--format", "csv").stdout))
    assert {row["job"]: row["value"] for row in ours} == expected == {"a": "30", "b": "300"}
