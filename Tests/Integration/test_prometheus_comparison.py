# SPDX-License-Identifier: Apache-2.0
"""The same samples in edgewatch and in Debian's Prometheus 2.42, and the same questions to both: equal within 1e-9, but for
a table of differences that are asserted as well."""

import contextlib
import pathlib
import platform
from concurrent.futures import ThreadPoolExecutor

import pytest
from comparison import Client, difference, written
from comparison_data import BASE, END, Samples
from comparison_differences import AT, DIFFERENCES, MOVING, OF_AMD64, STEPS
from comparison_queries import INSTANTS, RANGES, as_of_3, generated, listed
from conftest import ROOT, Edgewatch, Server, free_port, peer
from remote_write import post

# Samples answer for all times here; without the tier no row of an hour may.
CONFIG = "collectors: {host: {enabled: false}}\nstorage: {tiers: {cold: off}}\n"
GENERATED = 400


class Pair:
    """Both servers, asked at the same time."""

    def __init__(self, ours, theirs):
        self.clients = [Client(ours.port), Client(theirs.port)]
        self.pool = ThreadPoolExecutor(2)

    def ask(self, path, **parameters):
        """Both answers; in edgewatch's query newer names stand for those of 2.42."""
        asked = [{**parameters, "query": as_of_3(parameters["query"])} if "query" in parameters else parameters, parameters]
        return list(self.pool.map(lambda each: each[0].ask(path, **each[1]), zip(self.clients, asked)))

    def as_written(self, path, **parameters):
        """Both answers to the very same query."""
        return list(self.pool.map(lambda client: client.ask(path, **parameters), self.clients))


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    binary, directory, port = peer("prometheus"), tmp_path_factory.mktemp("comparison"), free_port()
    (directory / "prometheus.yml").write_text("global: {scrape_interval: 15s}\n")
    command = [
        binary,
        f"--config.file={directory}/prometheus.yml",
        f"--storage.tsdb.path={directory}/prometheus",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
        "--enable-feature=native-histograms",
    ]
    with contextlib.ExitStack() as stack:
        theirs = Server("prometheus", command, directory, port, "/-/ready")
        stack.callback(theirs.kill)
        ours = Edgewatch(directory, CONFIG, arguments=["--enable-feature=promql-experimental-functions"])
        stack.callback(ours.kill)
        for server in (ours, theirs):
            server.wait_until_ready()
        for body in Samples().requests():
            for server in (ours, theirs):
                answer = post(server.port, body)
                assert answer.status == 204, (server.name, answer.text)
        yield Pair(ours, theirs)


def compare(pair, queries):
    """Each query at some times and over some ranges; how many there were, and how many answered something."""
    differences, answered = [], 0
    for query in queries:
        questions = [("query", {"time": at}) for at in INSTANTS]
        questions += [("query_range", {"start": start, "end": end, "step": step}) for start, end, step in RANGES]
        found = False
        for path, parameters in questions:
            ours, theirs = pair.ask(path, query=query, **parameters)
            found = found or bool(theirs.get("result"))
            wrong = difference(path, query, ours, theirs)
            if wrong:
                differences.append(f"{query}\n  {path} {parameters}: {wrong}")
            if wrong or theirs.get("error") == "bad_data":
                break
        answered += found
    assert not differences, f"{len(differences)} differ (edgewatch | Prometheus)\n" + "\n".join(differences)
    return len(queries), answered


def test_listed_queries(pair):
    count, answered = compare(pair, list(dict.fromkeys(listed())))
    print(f"{count} listed queries, {answered} with an answer")
    assert count >= 1100 and answered >= 900


def test_generated_queries(pair):
    count, answered = compare(pair, list(generated(GENERATED)))
    print(f"{count} generated queries, {answered} with an answer")
    assert count == GENERATED and answered >= GENERATED * 0.75


def test_formatted_queries(pair):
    """The same text, but where 2.42 writes a number with an exponent and 3.x all its digits."""
    wrong, equal = [], 0
    for query in dict.fromkeys([*listed(), *generated(GENERATED)]):
        ours, theirs = (client.answer("format_query", query=query) for client in pair.clients)
        if "holt_winters" in query or "e+" in theirs.get("data", ""):
            continue
        if (ours["status"], ours.get("data")) != (theirs["status"], theirs.get("data")):
            wrong.append(f"{query}\n  {ours}\n  {theirs}")
        equal += "data" in theirs
    assert not wrong, f"{len(wrong)} differ (edgewatch, Prometheus)\n" + "\n".join(wrong)
    assert equal >= 1200


def test_differences_are_these(pair):
    """Both answers of each, so that one that is no longer different is noticed too."""
    wrong = []
    for title, _, cases in DIFFERENCES:
        if title in OF_AMD64 and platform.machine() != "x86_64":
            continue
        for query, ours, theirs in cases:
            if title == MOVING:
                start, end, step = STEPS
                answers = pair.as_written("query_range", query=query, start=start, end=end, step=step)
            else:
                answers = pair.as_written("query", query=query, time=AT)
            assert ours != theirs, query
            for name, expected, answer in zip(("edgewatch", "Prometheus"), (ours, theirs), answers):
                if written(answer) != expected:
                    wrong.append(f"{query}\n  {name}: {written(answer)}\n  expected: {expected}")
    assert not wrong, "\n".join(wrong)


def test_the_manual_lists_them():
    manual = " ".join((pathlib.Path(ROOT) / "docs/promql.md").read_text().split())
    for title, reason, cases in DIFFERENCES:
        query, ours, theirs = cases[0]
        assert f"* **{title}.** {reason} `{query}`: `{ours}`, in 2.42 `{theirs}`." in manual


def test_only_edgewatch_explains(pair):
    """Annotations are 3.x' own; 2.42 has no such members."""
    client, other = pair.clients
    parameters = {"query": "rate(gauge[5m])", "time": INSTANTS[0]}
    ours, theirs = client.answer("query", **parameters), other.answer("query", **parameters)
    assert ours["infos"] == [
        'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "gauge" (1:6)'
    ]
    assert ours.keys() - theirs.keys() == {"infos"}


MATCHES = [
    ["gauge"], ["gauge", "up"], ['{job="api"}'], ['{job=~"a.*",k!="0"}'], ['{__name__=~".*_bucket"}'], ["nothing"],
    ['{le="+Inf"}'], ["lines"], ['visitor{number!="3"}', "stale"], ['{__name__=~"native|by:rule:sum"}'], ['{k=""}'], ["sum(up)"],
    ['{job="api"}', '{instance=~"a.*"}', "gauge"],
]  # fmt: skip
# All of the samples' time, before it and after it.
SPANS = [(BASE, END), (BASE - 7200, BASE - 3600), (END + 3600, END + 7200)]
NAMES = ["__name__", "job", "le", "text", "version", "missing", "k"]


def test_series_and_labels(pair):
    wrong, count = [], 0
    for (start, end), matches in [(span, match) for span in SPANS for match in [*MATCHES, []]]:
        parameters = {"start": start, "end": end, **({"match[]": matches} if matches else {})}
        for path in ["series", "labels", *(f"label/{name}/values" for name in NAMES)]:
            ours, theirs = pair.ask(path, **parameters)
            count += 1
            if "error" in ours or "error" in theirs:
                ours, theirs = ([each.get("error", each) if isinstance(each, dict) else each] for each in (ours, theirs))
            if ours != theirs:
                wrong.append(f"{path} {parameters}\n  {ours}\n  {theirs}"[:600])
    assert count == len(SPANS) * (len(MATCHES) + 1) * (len(NAMES) + 2)
    assert not wrong, f"{len(wrong)} differ (edgewatch, Prometheus)\n" + "\n".join(wrong)


AT_TIMES = """
2024-03-01T00:00:03Z 2024-03-01T00:00:03.5Z 2024-03-01T01:00:03+01:00 1709251203.123 1.709251203e9 1709251203.9999 now Inf -1 1e30
2024-03-01 2024-03-01T00:00:03 0x65
""".split()
T = INSTANTS[0]
SPACINGS = [
    (T, T + 60, "15s"), (T, T + 60, "15"), (T, T + 60, "0.5"), (T, T + 60, "1m30s"), (T, T - 60, 15), (T, T + 60, 0),
    (T, T + 60, -1), (T, T + 60, "x"), (T, T + 11001, 1), (T, T + 11000, 1), ("x", T, 1), (T, "x", 1), (T, T, 1),
    (T, T + 60, "NaN"), (T, T + 60, "1e3"), (AT_TIMES[0], AT_TIMES[1], "15s"), (T, T + 60, "0.0001"),
    (T + 0.5, T + 60.25, "15.5"), ("", "", ""),
]  # fmt: skip
REQUESTS = [
    *(("query", {"query": "up", "time": at}) for at in AT_TIMES),
    *(("query", {"query": "up", "time": T, "timeout": length}) for length in ("1s", "1", "0.5", "abc", "-1s", "1h30m", "1m1h")),
    *(("query_range", {"query": "up", "start": start, "end": end, "step": step}) for start, end, step in SPACINGS),
    *(("series", {"match[]": match, "start": BASE, "end": END}) for match in ("up", "{", "{}", "", "up[5m]", "1", '{job=""}')),
    *(("series", {"match[]": "up", "start": start, "end": end}) for start, end in (("x", END), (END, BASE), (END, "x"))),
    ("query", {}), ("query", {"query": ""}), ("query_range", {"query": "up"}), ("series", {}), ("labels", {"match[]": "{"}),
    ("labels", {"start": "x"}), ("label/job/values", {"match[]": "{"}), ("label/job/values", {"end": "x"}), ("format_query", {}),
    ("format_query", {"query": "("}), ("nosuch", {}), ("label/job", {}),
]  # fmt: skip


def test_parameters(pair):
    """Every spelling of times and lengths, and what is wrong with them: the same status and answer, by GET and by POST."""
    wrong = []
    for method in ("GET", "POST"):
        for path, parameters in REQUESTS:
            (our_status, ours), (their_status, theirs) = (client.request(method, path, parameters) for client in pair.clients)
            if "resultType" in ours or "error" in ours:
                equal = difference(path, "", ours, theirs) is None
            else:
                equal = ours == theirs
            if not equal or our_status != their_status:
                wrong.append(f"{method} {path} {parameters}\n  {our_status} {ours}\n  {their_status} {theirs}"[:800])
    assert not wrong, f"{len(wrong)} differ (edgewatch, Prometheus)\n" + "\n".join(wrong)
