# SPDX-License-Identifier: Apache-2.0
"""Queries that are wrong, too large or too many: each gets its error at once, the process stays within its memory, and others
are answered meanwhile."""

import concurrent.futures
import http.client
import json
import socket
import time
import urllib.parse

import pytest
from conftest import get, get_json, wait_for
from remote_write import push

QUIET = "collectors: {host: {enabled: false}}\n"
# Samples a query of these tests may hold; all together and answers on their way twice that, 16 bytes each.
LIMIT = 200_000
SERIES, ROWS, STEP = 400, 240, 15
# A wrong query costs milliseconds; this is what a busy machine may add.
PROMPT = 10


def ask(node, path, method="POST", timeout=60, **parameters):
    """Status and answer, whatever the status."""
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=timeout)
    body = urllib.parse.urlencode(parameters)
    if method == "GET":
        connection.request("GET", f"{path}?{body}")
    else:
        connection.request("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})
    reply = connection.getresponse()
    text = reply.read()
    connection.close()
    return reply.status, json.loads(text) if text[:1] == b"{" else text


def anonymous(node):
    fields = dict(line.split(":", 1) for line in open(f"/proc/{node.pid}/status"))
    return int(fields["RssAnon"].split()[0]) * 1024


@pytest.fixture
def node(edgewatch):
    node = edgewatch(QUIET, arguments=[f"--query.max-samples={LIMIT}", "--query.timeout=20s"])
    end = int(time.time()) // STEP * STEP
    start = end - (ROWS - 1) * STEP
    for first in range(0, SERIES, 100):
        names = [{"__name__": "load", "host": f"h{number:03}", "text": "a" * 40} for number in range(first, first + 100)]
        for row in range(0, ROWS, 60):
            times = [(start + at * STEP) * 1000 for at in range(row, row + 60)]
            push(node.port, [(labels, [(at, at % 977) for at in times]) for labels in names])
    wait_for("the load", lambda: node.value("count(load)", end) == SERIES)
    node.start_time, node.end_time = start, end
    return node


def test_what_is_wrong_is_told_at_once(node):
    end = node.end_time
    deep = "(" * 10_000 + "load" + ")" * 10_000
    long = "load + " * 150_000 + "load"
    cases = [
        ("/api/v1/query", dict(query=deep), 400, "nested more than"),
        ("/api/v1/query", dict(query="-" * 10_000 + "1"), 400, "nested more than"),
        ("/api/v1/query", dict(query="[" * 10_000), 400, "parse error"),
        ("/api/v1/query", dict(query=long), 413, "larger than"),
        ("/api/v1/query", dict(query="load + " * 100_000 + "load"), 400, "query"),
        ("/api/v1/query", dict(query='load{text=~"(a+"}'), 400, "parse error"),
        ("/api/v1/query", dict(query="load offset 99999999999y"), 400, "duration"),
        ("/api/v1/query", dict(query="load[1h] @ 1e400"), 400, "parse error"),
        ("/api/v1/query", dict(query="load", time="NaN"), 400, "time"),
        ("/api/v1/query_range", dict(query="load", start=end - 11_001, end=end, step=1), 400, "11,000 points"),
        ("/api/v1/query_range", dict(query="load", start=end, end=end, step="NaN"), 400, "step"),
        ("/api/v1/query_range", dict(query="load", start=end, end=end, step="+Inf"), 400, "step"),
        ("/api/v1/query_range", dict(query="load", start=end, end=end, step="-Inf"), 400, "step"),
        ("/api/v1/query_range", dict(query="load", start=end, end=end, step=0), 400, "step"),
        ("/api/v1/query_range", dict(query="load", start=end, end=end - 1, step=1), 400, "end"),
    ]
    for path, parameters, status, words in cases:
        began = time.monotonic()
        got, answer = ask(node, path, **parameters)
        shown = (path, {name: str(value)[:40] for name, value in parameters.items()}, answer)
        assert got == status, shown
        assert (answer["status"], answer["errorType"]) == ("error", "bad_data"), shown
        assert words in answer["error"] and len(answer["error"]) < 1000, shown
        assert time.monotonic() - began < PROMPT, shown
    # Bytes that are no UTF-8, in a query and in a label's value.
    for path in ("query=%ff%fe", "query=load%7Bhost%3D%22%ff%22%7D"):
        connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=PROMPT)
        connection.request("GET", f"/api/v1/query?{path}")
        reply = connection.getresponse()
        answer = json.loads(reply.read())
        assert reply.status == 200 and answer["data"]["result"] == [] or answer["errorType"] == "bad_data", answer
        connection.close()
    assert node.value("count(load)", end) == SERIES


def test_expressions_that_backtrack_elsewhere(node):
    began = time.monotonic()
    assert node.query('load{text=~"(a+)+$"}', node.end_time + 400) == []
    assert node.value('count(load{text=~"(a+)+$"})', node.end_time) == SERIES
    assert node.query('load{text=~"(a+)+b"}', node.end_time) == []
    assert node.query('load{text=~"(a|aa)+b"}', node.end_time) == []
    assert time.monotonic() - began < PROMPT


def test_far_away(node):
    for expression in ("load offset 290y", "load offset -290y", "load @ 9223372036854", "load @ -9223372036854"):
        assert node.query(expression, node.end_time) == []
    assert ask(node, "/api/v1/query", query="load", time="9223372036854.775")[0] in (200, 400)


def test_a_query_that_holds_too_much(node):
    status, answer = ask(
        node, "/api/v1/query_range", query="load", start=node.end_time - 10_999, end=node.end_time, step=1
    )
    assert (status, answer["errorType"]) == (422, "execution")
    assert answer["error"] == "query processing would load too many samples into memory in query execution"
    status, answer = ask(node, "/api/v1/query", query="sum_over_time((load + on(host) load)[1h:1s])", time=node.end_time)
    assert (status, answer["errorType"]) == (422, "execution")
    refused = node.query('edgewatch_queries_refused_total{reason="max_samples"}')
    metrics = get(node.url + "/metrics").decode()
    assert 'edgewatch_queries_refused_total{reason="max_samples"} 2' in metrics, refused


def test_a_hundred_worst_queries_at_once(node):
    before = anonymous(node)
    worst = [
        dict(query="quantile_over_time(0.9, load[1h])", start=node.start_time, end=node.end_time, step=1),
        dict(query="load * on(host) group_left load", start=node.end_time - 2000, end=node.end_time, step=1),
        dict(query="topk(3, sum by (host) (rate(load[5m])))", start=node.start_time, end=node.end_time, step=1),
        dict(query="count_values('v', load)", start=node.start_time, end=node.end_time, step=1),
        dict(query="max_over_time(sum(rate(load[1m]))[1h:1s])", start=node.start_time, end=node.end_time, step=5),
    ]
    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        answers = [
            pool.submit(ask, node, "/api/v1/query_range", timeout=120, **worst[number % len(worst)])
            for number in range(100)
        ]
        peak, asked = 0, 0
        while not all(answer.done() for answer in answers):
            began = time.monotonic()
            assert get(node.url + "/-/healthy", timeout=PROMPT)
            assert ask(node, "/api/v1/query", query="((", timeout=PROMPT)[0] == 400
            assert time.monotonic() - began < PROMPT
            asked += 1
            peak = max(peak, anonymous(node))
            time.sleep(0.05)
        kinds = {}
        for answer in answers:
            status, body = answer.result()
            kind = (status, body.get("errorType"))
            kinds[kind] = kinds.get(kind, 0) + 1
            assert kind in {(200, None), (422, "execution"), (503, "timeout")}, body
    print(f"\n{kinds}, {asked} others meanwhile, anonymous memory {before >> 10} KiB before, {peak >> 10} KiB at most")
    # What all queries may hold, and as much again for buffers, code's own data and what malloc keeps.
    allowance = 20 * 65_536 * 16
    assert peak - before < 2 * (2 * LIMIT * 16 + allowance) + (32 << 20)
    assert node.value("count(load)", node.end_time) == SERIES


def test_a_client_that_leaves_ends_its_query(node):
    query = urllib.parse.urlencode(
        dict(
            query="sum(deriv((load + 1e12)[1h:1s]))", start=node.start_time, end=node.end_time, step=1, timeout="60s"
        )
    )
    gone = []
    for _ in range(8):
        client = socket.create_connection(("127.0.0.1", node.port))
        client.sendall(f"GET /api/v1/query_range?{query} HTTP/1.1\r\nHost: edgewatch\r\n\r\n".encode())
        gone.append(client)
    time.sleep(0.2)
    for client in gone:
        client.close()
    began = time.monotonic()
    assert node.value("count(load)", node.end_time) == SERIES
    assert time.monotonic() - began < PROMPT
    text = 'edgewatch_queries_refused_total{reason="canceled"}'

    def canceled():
        lines = [line for line in get(node.url + "/metrics").decode().splitlines() if line.startswith(text)]
        return float(lines[0].split()[1]) > 0

    wait_for("the end of queries nobody waits for", canceled)


def test_a_large_answer_is_sent_in_pieces(node):
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=60)
    parameters = dict(query='load{host=~"h00."}', start=node.end_time - 3600, end=node.end_time, step=1)
    connection.request("GET", "/api/v1/query_range?" + urllib.parse.urlencode(parameters))
    reply = connection.getresponse()
    assert reply.getheader("Transfer-Encoding") == "chunked"
    result = json.loads(reply.read())["data"]["result"]
    assert [series["metric"]["host"] for series in result] == [f"h{number:03}" for number in range(10)]
    assert all(len(series["values"]) > 3000 for series in result)
    first = {at: value for at, value in result[0]["values"]}
    whole = get_json(
        node.url + "/api/v1/query", query='load{host="h000"}', time=node.end_time - 5
    )["data"]["result"][0]["value"]
    assert first[node.end_time - 5] == whole[1]
