# SPDX-License-Identifier: Apache-2.0
"""The query language: native histograms from a push to an answer, feature flags, test scripts, and the same
queries on the same samples put to edgewatch and to Prometheus."""

import itertools
import math
import random
import subprocess
import time
import urllib.error

import pytest
from conftest import BINARY, get_json, wait_for
from remote_write import RequestV2, integer_histogram, push, push_v2

QUIET = "collectors: {host: {enabled: false}}\n"


# ---- test scripts -----------------------------------------------------------

SCRIPT = """
load 1m
  requests_total{code="200"} 0+60x10

eval instant at 5m rate(requests_total[5m])
  {code="200"} 1

eval range from 5m to 6m step 1m sum(requests_total)
  {} 300 %s
"""


def test_scripts(tmp_path):
    good, bad = tmp_path / "good.test", tmp_path / "bad.test"
    good.write_text(SCRIPT % "360")
    bad.write_text(SCRIPT % "361")
    result = subprocess.run([BINARY, "test", "promql", good], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout) == (0, "good.test: 2 passed, 0 failed\n2 passed, 0 failed\n")
    result = subprocess.run([BINARY, "test", "promql", good, bad], capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    assert lines[:2] == ["good.test: 2 passed, 0 failed", "bad.test: 1 passed, 1 failed"]
    assert lines[2].startswith(f"  {bad}:8: sum(requests_total)")
    assert "361" in lines[3] and "360" in lines[4] and lines[5] == "3 passed, 1 failed"


# ---- histograms -------------------------------------------------------------


def test_histograms_from_push_to_answer(edgewatch, tmp_path):
    rules = tmp_path / "rules.yml"
    rules.write_text(
        "groups:\n- name: g\n  interval: 1s\n  rules:\n"
        "  - {record: latency:doubled, expr: latency * 2}\n"
    )
    node = edgewatch(QUIET + f"rule_files: ['{rules}']\n")
    base = int(time.time()) * 1000 - 60_000
    for step in range(5):
        at = base + step * 15_000
        request = RequestV2().add({"__name__": "latency"}, histograms=[integer_histogram(at, [1 + step, 2, 1], zero=3)])
        assert push_v2(node.port, request).status == 204
    now = base / 1000 + 60
    (found,) = node.query("latency", at=now)
    assert "value" not in found
    at, histogram = found["histogram"]
    assert at == now
    assert histogram == {
        "count": "11",
        "sum": "12.5",
        "buckets": [[3, "-0.001", "0.001", "3"], [0, "1", "2", "5"], [0, "2", "4", "2"], [0, "4", "8", "1"]],
    }
    (series,) = node.query("latency[1m]", at=now)
    assert [value["count"] for _, value in series["histograms"]] == ["8", "9", "10", "11"]
    assert node.value("histogram_count(latency)", at=now) == 11
    # Rank 5.5 of 11: 3 in the zero bucket, then half of the five in (1,2].
    assert node.value("histogram_quantile(0.5, latency)", at=now) == pytest.approx(2**0.5)
    assert node.value("histogram_count(increase(latency[1m]))", at=now) == pytest.approx(3 * 60 / 45)
    wait_for("the recorded histogram", lambda: node.query("latency:doubled"))
    assert node.value("histogram_count(latency:doubled)") == 22


def test_features_are_flags(edgewatch):
    node = edgewatch(QUIET)
    with pytest.raises(urllib.error.HTTPError) as refused:
        get_json(node.url + "/api/v1/query", query="min_of(1, 2)")
    assert refused.value.code == 400
    node = edgewatch(QUIET, name="second", arguments=["--enable-feature=promql-experimental-functions,no-such-thing"])
    assert get_json(node.url + "/api/v1/query", query="min_of(1, 2)")["data"]["result"][1] == "1"
    assert "no-such-thing" in node.text()
    flags = get_json(node.url + "/api/v1/status/flags")["data"]
    assert flags["enable-feature"] == "promql-experimental-functions,no-such-thing"


# ---- beside Prometheus ------------------------------------------------------

STEP = 15
COUNT = 80

SELECTORS = ["a_total", "b_total", "gauge", 'a_total{k="1"}', 'gauge{k!="0"}', '{__name__=~"a_total|b_total"}']
RANGE = (
    "rate increase irate delta idelta deriv changes resets avg_over_time sum_over_time min_over_time max_over_time "
    "count_over_time last_over_time present_over_time stddev_over_time stdvar_over_time"
).split()
ONE = (
    "abs ceil floor exp sqrt ln log2 log10 sgn sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh deg rad round "
    "day_of_month day_of_week day_of_year days_in_month hour minute month year timestamp absent scalar sort"
).split()
AGGREGATORS = "sum avg min max group count stddev stdvar".split()


def queries():
    yield from SELECTORS
    for function, selector in itertools.product(RANGE, ["a_total", "gauge"]):
        if selector == "gauge" and function in ("rate", "increase"):
            continue
        yield f"{function}({selector}[95s])"
        yield f"{function}({selector}[3m5s] offset 35s)"
    for function in ONE:
        yield f"{function}(gauge)"
    for aggregator, grouping in itertools.product(AGGREGATORS, ["", "by (k)", "without (l)", "by (missing)"]):
        yield f"{aggregator} {grouping} (gauge)"
    for op, selector in itertools.product("+ - * / % ^ == != > < >= <=".split(), ["b_total", "7"]):
        yield f"gauge {op} {'on(k, l) ' if selector != '7' else ''}{selector}"
        if op in "== != > < >= <=".split():
            yield f"gauge {op} bool {'ignoring(x) ' if selector != '7' else ''}{selector}"
    for op in ("and", "or", "unless"):
        yield f"gauge {op} on(k) a_total{{k='1'}}"
        yield f"gauge > 20 {op} on(k, l) (b_total > 30)"
    for query in (
        "topk(2, gauge)", "bottomk by (k) (1, gauge)", "quantile(0.3, gauge)", "quantile by (k) (0.9, gauge)",
        'count_values("v", round(gauge, 20))', "-gauge", "gauge atan2 on(k, l) b_total", "vector(time())", "time() % 60",
        "clamp(gauge, 5, 30)", "clamp_min(gauge, 20)", "clamp_max(gauge, 20)", "round(gauge, 7)",
        "quantile_over_time(0.4, gauge[2m5s])", "predict_linear(gauge[3m5s], 60)", "absent(nothing{x='y'})",
        "absent_over_time(gauge{k='9'}[1m5s])", "sum by (k) (rate(a_total[2m5s])) / sum by (k) (rate(b_total[2m5s]))",
        "a_total * on(k) group_left sum by (k) (gauge)", "sum by (k) (gauge) * on(k) group_right a_total",
        "a_total / ignoring(l) group_left max without (l) (a_total)", "max_over_time(sum(gauge)[3m7s:20s])",
        "rate(a_total[2m5s] @ end())", "gauge @ start() - gauge", "sum_over_time(rate(a_total[1m5s])[2m7s:])",
        'label_replace(gauge, "n", "$1-x", "k", "(.)")', 'label_join(gauge, "j", "/", "k", "l")',
        "histogram_quantile(0.9, sum by (le) (rate(h_bucket[2m5s])))", "histogram_quantile(0.5, h_bucket)",
        "histogram_quantile(scalar(gauge{k='0',l='0'}) / 100, h_bucket)", "sum(gauge) by (k) > bool 40",
        "avg_over_time(gauge[2m5s]) - avg_over_time(gauge[2m5s] offset 1m)", "gauge offset -30s",
        "1 + 2 * 3 ^ 2 % 7", "pi()", "sort_desc(gauge)", "gauge == gauge", "gauge unless gauge",
    ):
        yield query


@pytest.fixture(scope="module")
def samples():
    """Series with gaps and resets.

    Times lie between the steps: since Prometheus 3 a sample on a window's left edge is outside, also a step of a
    subquery. Counters stay far from zero: since 2.51 the extrapolation toward zero only shortens the span."""
    source = random.Random(7)
    base = int(time.time() - COUNT * STEP - 60) // STEP * STEP * 1000 + 7_000
    series = []
    for name, index in itertools.product(["a_total", "b_total", "gauge"], range(6)):
        labels = {"__name__": name, "k": str(index % 2), "l": str(index)}
        value, points = 1e6, []
        for step in range(COUNT):
            if source.random() < 0.02:
                value = 5e5
            value = value + source.randrange(5) if name != "gauge" else source.uniform(-10, 50)
            if source.random() > 0.1:
                points.append((base + step * STEP * 1000, value))
        series.append((labels, points))
    counts = [0.0] * 4
    points = [[] for _ in counts]
    for step in range(COUNT):
        for bucket in range(source.randrange(4), 4):
            counts[bucket] += source.randrange(1, 4)
        for bucket in range(1, 4):
            counts[bucket] = max(counts[bucket], counts[bucket - 1])
        for bucket, count in enumerate(counts):
            points[bucket].append((base + step * STEP * 1000, count))
    for bucket, bound in enumerate(["0.1", "0.5", "2", "+Inf"]):
        series.append(({"__name__": "h_bucket", "le": bound}, points[bucket]))
    return base, series


def matrix(node, query, start, end, step):
    answer = get_json(node.url + "/api/v1/query_range", query=query, start=start, end=end, step=step)
    return {
        tuple(sorted(series["metric"].items())): {at: float(value) for at, value in series["values"]}
        for series in answer["data"]["result"]
    }


def is_close(left, right):
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    return left == right or abs(left - right) <= 1e-9 * max(abs(left), abs(right), 1)


def test_answers_are_those_of_prometheus(edgewatch, prometheus, samples):
    base, series = samples
    node, peer = edgewatch(QUIET), prometheus()
    for server in (node, peer):
        for labels, points in series:
            assert push(server.port, [(labels, points)]).status == 204
    start, end = (base - 7000) / 1000 + 300, (base - 7000) / 1000 + COUNT * STEP
    differences, count = [], 0
    for query in queries():
        count += 1
        ours, theirs = (matrix(server, query, start, end, 20) for server in (node, peer))
        if ours.keys() != theirs.keys():
            differences.append((query, "series", sorted(ours.keys() ^ theirs.keys())[:3]))
            continue
        for labels, values in theirs.items():
            if values.keys() != ours[labels].keys():
                differences.append((query, labels, "steps", sorted(values.keys() ^ ours[labels].keys())[:3]))
                break
            pairs = [(at, ours[labels][at], value) for at, value in values.items()]
            wrong = [pair for pair in pairs if not is_close(*pair[1:])]
            if wrong:
                differences.append((query, labels, wrong[:2]))
                break
    assert count >= 200
    assert not differences, "\n".join(map(str, differences))
