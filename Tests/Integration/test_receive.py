# SPDX-License-Identifier: Apache-2.0
"""What others push: a real Prometheus, a real vmagent, requests by hand, and what nobody should send."""

import concurrent.futures
import math
import socket
import struct
import threading
import time

import pytest
from conftest import get, get_json, wait_for
from remote_write import STALE, V1, V2, RequestV2, integer_histogram, post, push, push_v2, snappy
from target import Target

QUIET = "collectors: {host: {enabled: false}}\n"


@pytest.fixture
def node(edgewatch):
    return edgewatch(QUIET)


def now_ms():
    return int(time.time() * 1000)


def up(**labels):
    return {"__name__": "pushed", **dict(sorted({"instance": "a", "job": "test", **labels}.items()))}


def values(node, selector, window="1h", at=None):
    """{(label i or instance, ms): value} of all samples."""
    found = {}
    for labels, samples in node.samples(selector, window, at).items():
        for moment, value in samples:
            found[(dict(labels).get("i", ""), round(moment * 1000))] = float(value)
    return found


def metric(node, name, **labels):
    wanted = "".join(f'{key}="{value}"' for key, value in labels.items())
    for line in get(node.url + "/metrics").decode().splitlines():
        if line.startswith(name) and wanted in line:
            return float(line.rsplit(" ", 1)[1])
    raise AssertionError(f"{name} {wanted} is not on /metrics")


def anonymous(process):
    """Resident bytes that no file backs; a debug build maps a lot of its own file."""
    with open(f"/proc/{process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) * 1024


# ---- real senders -----------------------------------------------------------


def test_prometheus_pushes_through_a_kill(edgewatch, prometheus):
    target = Target(series=50)
    node = edgewatch(QUIET)
    sender = prometheus(
        config="global: {scrape_interval: 1s, scrape_timeout: 1s, external_labels: {site: plant}}\n"
        f"scrape_configs:\n  - job_name: load\n    static_configs: [{{targets: ['{target.address}']}}]\n"
        f"remote_write:\n  - url: {node.url}/api/v1/write\n    queue_config: {{batch_send_deadline: 500ms}}\n"
    )
    wait_for("first samples", lambda: (node.value("count(seq)") or 0) == 50)
    time.sleep(3)
    node.kill()
    time.sleep(3)
    node = edgewatch(QUIET, data=node.data, name="second", port=node.port)
    restarted = time.time()
    wait_for("samples after the kill", lambda: (node.value("max(timestamp(seq))") or 0) > restarted + 2)
    until = sender.value("max(timestamp(seq))") - 2

    def same():
        def flat(process):
            return {
                (dict(labels)["i"], at, value)
                for labels, samples in process.samples("seq", "10m").items()
                for at, value in samples
                if at <= until
            }

        ours, theirs = flat(node), flat(sender)
        return len(theirs) > 50 * 6 and ours == theirs

    wait_for("every sample Prometheus has, each once", same)
    series = node.query("seq")[0]["metric"]
    assert series["site"] == "plant" and series["job"] == "load" and series["instance"] == target.address
    # The series ends where Prometheus ends it.
    target.status = 500
    wait_for("stale markers", lambda: node.query("seq") == [] and node.value('up{job="load"}') == 0)
    target.close()
    assert metric(node, "edgewatch_receiver_requests_total", version="1.0") > 0
    assert metric(node, "edgewatch_receiver_rejected_samples_total", reason="duplicate") == 0


def test_vmagent_pushes(edgewatch, vmagent):
    target = Target(series=10)
    node = edgewatch(QUIET)
    vmagent(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs:\n  - job_name: load\n    static_configs: [{{targets: ['{target.address}']}}]\n",
        node.url + "/api/v1/write",
    )
    wait_for("samples", lambda: (node.value("min(count_over_time(seq[1m]))") or 0) >= 3)
    numbers = sorted({float(v) for samples in node.samples("seq", "1m").values() for _, v in samples})
    assert numbers == [float(n) for n in range(int(numbers[0]), int(numbers[-1]) + 1)]
    target.close()


# ---- 1.0 by hand ------------------------------------------------------------


def test_values_bit_for_bit(node):
    start = now_ms() - 60_000
    special = [0.0, -0.0, 1.5, 1e308, 5e-324, math.inf, -math.inf, 0.1]
    answer = push(node.port, [(up(), [(start + i, value) for i, value in enumerate(special)])])
    assert answer.status == 204 and answer.text == "" and answer.written is None
    (samples,) = node.samples("pushed", "5m").values()
    assert [struct.pack("<d", float(value)) for _, value in samples] == [struct.pack("<d", v) for v in special]
    assert push(node.port, [(up(), [(now_ms(), STALE)])]).status == 204
    assert node.query("pushed") == []
    assert len(node.samples("pushed", "5m")) == 1


def test_retries_and_refusals(node):
    base = now_ms() - 10_000
    rows = [(up(i=str(i)), [(base, float(i))]) for i in range(100)]
    for _ in range(3):
        assert push(node.port, rows).status == 204
    assert len(values(node, "pushed")) == 100
    # One other value, one sample in the future, the rest new: the valid part is stored.
    answer = push(
        node.port,
        [
            (up(i="0"), [(base, 99.0)]),
            (up(i="1"), [(base + 1000, 1.0)]),
            (up(i="2"), [(now_ms() + 660_000, 1.0)]),
        ],
    )
    assert answer.status == 400
    assert "duplicate sample for timestamp" in answer.text and "out of bounds" in answer.text
    found = values(node, "pushed")
    assert found[("0", base)] == 0.0 and found[("1", base + 1000)] == 1.0 and len(found) == 101
    assert metric(node, "edgewatch_receiver_rejected_samples_total", reason="duplicate") == 1
    assert metric(node, "edgewatch_receiver_rejected_samples_total", reason="out_of_bounds") == 1
    # Unusable labels are left out and counted; 1.0 has no words for it.
    assert push(node.port, [({"job": "x"}, [(base, 1.0)]), (up(i="3"), [(base + 1000, 2.0)])]).status == 204
    assert metric(node, "edgewatch_receiver_rejected_samples_total", reason="invalid_labels") == 1
    assert len(values(node, "pushed")) == 102


def test_rows_in_pieces_late_and_out_of_order(node):
    """Several connections, each with its share of the series and its own disorder."""
    base = now_ms() - 300_000
    wanted = {}

    def send(share):
        for step in range(40):
            late = step ^ 3 if step % 4 else step
            rows = [(up(i=str(i)), [(base + late * 5000, float(i * 1000 + late))]) for i in range(share, 40, 4)]
            assert push(node.port, rows).status == 204

    for i in range(40):
        for step in {s ^ 3 if s % 4 else s for s in range(40)}:
            wanted[(str(i), base + step * 5000)] = float(i * 1000 + step)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(send, range(4)))
    assert values(node, "pushed") == wanted


def test_backfill_into_the_past(edgewatch):
    """Days of old samples after new ones, for series that exist and for new ones, through a restart."""
    node = edgewatch(QUIET)
    base = now_ms()
    assert push(node.port, [(up(i="0"), [(base - 1000, 7.0)])]).status == 204
    start = base - 3 * 86_400_000
    wanted = {("0", base - 1000): 7.0}
    for hour in range(0, 72, 3):
        rows = []
        for i in range(3):
            samples = [(start + hour * 3_600_000 + k * 60_000, float(hour * 1000 + k + i)) for k in range(180)]
            samples = [each for each in samples if each[0] < base - 2000]
            rows.append((up(i=str(i)), samples))
            wanted.update({(str(i), at): value for at, value in samples})
        answer = push(node.port, rows)
        assert answer.status == 204, answer.text
    assert values(node, "pushed", "4d") == wanted
    assert push(node.port, [(up(i="0"), [(base, 8.0)])]).status == 204
    wanted[("0", base)] = 8.0
    node.stop()
    node = edgewatch(QUIET, data=node.data, name="second")
    assert values(node, "pushed", "4d") == wanted


def test_nothing_acknowledged_is_lost_in_a_kill(edgewatch):
    node = edgewatch(QUIET)
    base = now_ms() - 600_000
    acknowledged = []
    stop = threading.Event()

    def send():
        step = 0
        while not stop.is_set():
            try:
                status = push(node.port, [(up(i=str(i)), [(base + step * 100, float(step))]) for i in range(50)]).status
            except OSError:
                return
            if status == 204:
                acknowledged.append(base + step * 100)
            step += 1

    thread = threading.Thread(target=send)
    thread.start()
    wait_for("some requests", lambda: len(acknowledged) > 200)
    node.kill()
    stop.set()
    thread.join()
    node = edgewatch(QUIET, data=node.data, name="second")
    found = values(node, "pushed")
    for at in acknowledged:
        for i in range(50):
            assert found[(str(i), at)] == (at - base) / 100
    print(f"{len(acknowledged)} acknowledged requests, all there after kill -9")


def test_series_limit(edgewatch):
    node = edgewatch(QUIET + "storage: {max_series: 200}\n")
    base = now_ms() - 5000
    # Some series are the node's own.
    answer = push(node.port, [(up(i=str(i)), [(base, 1.0)]) for i in range(300)])
    assert answer.status == 400 and "storage.max_series (200) is reached" in answer.text
    stored = len(values(node, "pushed"))
    assert 50 < stored < 200
    assert metric(node, "edgewatch_receiver_rejected_samples_total", reason="series_limit") == 300 - stored
    assert push(node.port, [(up(i="0"), [(base + 1000, 2.0)])]).status == 204


# ---- 2.0 by hand ------------------------------------------------------------


def test_version_2_says_exactly_what_is_written(node):
    base = now_ms() - 5000
    request = RequestV2()
    request.add(
        up(i="0"),
        samples=[(base, 1.0), (base + 1, 2.0, base - 60_000)],
        exemplars=[({"trace_id": "abc"}, base, 0.5)],
        metadata=(1, "Things pushed.", "things"),
    )
    request.add({"__name__": "latency", "job": "test"}, histograms=[integer_histogram(base, [1, 2, 1], zero=3)])
    answer = push_v2(node.port, request)
    assert answer.status == 204, answer.text
    assert answer.written == (2, 1, 1)
    # The same again: written already, so written.
    again = push_v2(node.port, request)
    assert again.status == 204 and again.written == (2, 1, 1)
    assert values(node, "pushed") == {("0", base): 1.0, ("0", base + 1): 2.0}
    (entry,) = node_metadata(node, "pushed")
    assert entry == {"type": "counter", "help": "Things pushed.", "unit": "things"}


def node_metadata(node, name):
    import json

    return json.loads(get(node.url + "/api/v1/metadata", metric=name))["data"].get(name, [])


def exemplars(node, query, base):
    found = get_json(node.url + "/api/v1/query_exemplars", query=query, start=base / 1000 - 60, end=base / 1000 + 60)
    return [(entry["seriesLabels"], entry["exemplars"]) for entry in found["data"]]


def test_exemplars_histograms_and_metadata_through_a_kill_and_damage(edgewatch):
    node = edgewatch(QUIET)
    base = now_ms() - 5000
    request = RequestV2()
    for i in range(3):
        request.add(
            up(i=str(i)),
            samples=[(base, 1.0, base - 60_000)],
            exemplars=[({"trace_id": f"t{i}"}, base, 0.5), ({"trace_id": f"u{i}"}, base + 500, 0.25)],
            metadata=(1, "Things pushed.", "things"),
        )
    request.add(
        {"__name__": "latency", "job": "test"},
        histograms=[integer_histogram(base, [1, 2, 1], zero=3)],
        exemplars=[({"trace_id": "slow"}, base, 9.0)],
        metadata=(3, "How long things take.", "seconds"),
    )
    assert push_v2(node.port, request).written == (3, 1, 7)
    wait_for("the file of metadata", lambda: (node.data / "metadata").exists())

    def check(node):
        assert [labels["i"] for labels, _ in exemplars(node, 'rate(pushed{i!="1"}[5m]) / pushed{i="1"}', base)] == list("012")
        ((labels, found),) = exemplars(node, 'pushed{i="1"}', base)
        assert labels == up(i="1")
        assert found == [
            {"labels": {"trace_id": "t1"}, "value": "0.5", "timestamp": base / 1000},
            {"labels": {"trace_id": "u1"}, "value": "0.25", "timestamp": (base + 500) / 1000},
        ]
        assert [found for _, found in exemplars(node, "histogram_quantile(0.9, latency)", base)] == [
            [{"labels": {"trace_id": "slow"}, "value": "9", "timestamp": base / 1000}]
        ]
        series = get_json(node.url + "/api/v1/series", **{"match[]": '{job="test"}'})["data"]
        assert sorted(labels["__name__"] for labels in series) == ["latency"] + ["pushed"] * 3

    def check_metadata(node):
        assert node_metadata(node, "pushed") == [{"type": "counter", "help": "Things pushed.", "unit": "things"}]
        assert node_metadata(node, "latency") == [
            {"type": "histogram", "help": "How long things take.", "unit": "seconds"}
        ]

    check(node)
    check_metadata(node)
    node.kill()
    node = edgewatch(QUIET, data=node.data, name="second")
    check(node)
    check_metadata(node)
    # The same again is known already, also of exemplars.
    assert push_v2(node.port, request).written == (3, 1, 7)
    check(node)
    node.kill()
    damaged = bytearray((node.data / "metadata").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (node.data / "metadata").write_bytes(damaged)
    (node.data / "metadata.new").write_bytes(b"half")
    node = edgewatch(QUIET, data=node.data, name="third")
    check(node)
    assert node_metadata(node, "pushed") == []
    assert (node.data / "metadata.damaged").read_bytes() == bytes(damaged)
    assert push_v2(node.port, request).status == 204
    check_metadata(node)


def test_histograms_are_sent_on_where_they_are_wanted(edgewatch):
    wanting, other = edgewatch(QUIET, name="wanting"), edgewatch(QUIET, name="other")
    node = edgewatch(
        # Otherwise all three have the same series of their own at the same times.
        QUIET + "global: {external_labels: {site: sender}}\n"
        f"remote_write:\n  - {{url: '{wanting.url}/api/v1/write', name: wanting, send_native_histograms: true}}\n"
        f"  - {{url: '{other.url}/api/v1/write', name: other}}\n"
    )
    base = now_ms() - 60_000
    for step in range(10):
        request = RequestV2()
        histogram = integer_histogram(base + step * 1000, [1, 2 + step, 1], zero=3)
        request.add({"__name__": "latency", "job": "test"}, histograms=[histogram])
        request.add(up(), samples=[(base + step * 1000, float(step))])
        assert push_v2(node.port, request).written == (1, 1, 0)
    sent = "edgewatch_receiver_histograms_total"
    wait_for("all histograms", lambda: metric(wanting, sent) == 10)
    for there in (wanting, other):
        wait_for("all numbers", lambda there=there: len(values(there, "pushed")) == 10)
    assert metric(other, sent) == 0
    dropped = [line for line in get(node.url + "/metrics").decode().splitlines() if 'reason="disabled"' in line]
    assert {line.rsplit(" ", 1)[1]: '"other"' in line for line in dropped} == {"10": True, "0": False}


def test_without_exemplars(edgewatch):
    node = edgewatch(QUIET + "storage: {exemplars: {max_exemplars: 0}}\n")
    base = now_ms() - 5000
    request = RequestV2().add(up(i="0"), samples=[(base, 1.0)], exemplars=[({"trace_id": "t"}, base, 0.5)])
    answer = push_v2(node.port, request)
    assert answer.status == 204 and answer.written == (1, 0, 0)
    assert exemplars(node, "pushed", base) == []


def test_version_2_partial_writes(node):
    base = now_ms() - 5000
    request = RequestV2()
    request.add(up(i="0"), samples=[(base, 1.0)])
    request.add({"job": "nameless"}, samples=[(base, 1.0)])
    request.add({"__name__": "only_metadata"}, metadata=(2, "Help.", ""))
    request.add(up(i="1"), samples=[(base, 1.0), (now_ms() + 3_600_000, 2.0)])
    request.add({"__name__": "latency"}, histograms=[integer_histogram(base, [1, 1], total=5)])
    request.add(up(i="2"), samples=[(base, 3.0)])
    answer = push_v2(node.port, request)
    assert answer.status == 400
    assert answer.written == (3, 0, 0)
    for words in ("invalid metric name or labels", "TimeSeries must contain", "out of bounds", "observations found"):
        assert words in answer.text
    assert values(node, "pushed") == {(str(i), base): v for i, v in enumerate([1.0, 1.0, 3.0])}
    # A reference beyond the table, and an odd number of them.
    broken = RequestV2().add(up(), samples=[(base, 1.0)])
    broken.symbols = broken.symbols[:2]
    answer = push_v2(node.port, broken)
    assert answer.status == 400 and answer.written == (0, 0, 0)


def test_version_2_in_version_1_clothes_stores_nothing(node):
    body = RequestV2().add(up(), samples=[(now_ms(), 1.0)]).bytes()
    assert post(node.port, body, content_type=V1).status == 204
    assert values(node, "pushed") == {}


# ---- both versions, one table -------------------------------------------------

# What is pushed first, what is pushed then, the statuses, what 2.0 says is written, and what is there at the end; times are
# seconds before now, values by series and time.
GOOD = {("0", 9): 1.0, ("0", 8): 2.0, ("1", 9): 3.0}
CASES = [
    ("once", [GOOD], [204], [3], GOOD),
    ("a retry after an answer that was lost", [GOOD, GOOD, GOOD], [204, 204, 204], [3, 3, 3], GOOD),
    (
        "a retry with more behind it",
        [GOOD, {**GOOD, ("1", 8): 4.0}],
        [204, 204],
        [3, 4],
        {**GOOD, ("1", 8): 4.0},
    ),
    ("another value for a time", [GOOD, {("0", 9): 7.0}], [204, 400], [3, 0], GOOD),
    (
        "another value among new ones",
        [GOOD, {("0", 9): 7.0, ("0", 7): 5.0, ("2", 9): 6.0}],
        [204, 400],
        [3, 2],
        {**GOOD, ("0", 7): 5.0, ("2", 9): 6.0},
    ),
    ("late, within the window", [{("0", 5): 1.0}, {("0", 9): 2.0}], [204, 204], [1, 1], {("0", 5): 1.0, ("0", 9): 2.0}),
    ("an hour late", [{("0", 5): 1.0}, {("0", 3600): 2.0}], [204, 204], [1, 1], {("0", 5): 1.0, ("0", 3600): 2.0}),
    ("newest first in one request", [{("0", 1): 3.0, ("0", 2): 2.0, ("0", 3): 1.0}], [204], [3],
     {("0", 1): 3.0, ("0", 2): 2.0, ("0", 3): 1.0}),
    ("too far ahead, and one that is not", [{("0", -3600): 1.0, ("1", 1): 2.0}], [400], [1], {("1", 1): 2.0}),
]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("pushes,statuses,written,end", [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_pushes_by_the_table(node, version, pushes, statuses, written, end):
    now = now_ms()
    for samples, status, count in zip(pushes, statuses, written):
        series = {}
        for (name, seconds), value in samples.items():
            series.setdefault(name, []).append((now - seconds * 1000, value))
        if version == "1.0":
            answer = push(node.port, [(up(i=name), rows) for name, rows in series.items()])
            assert answer.status == status and answer.written is None, answer.text
        else:
            request = RequestV2()
            for name, rows in series.items():
                request.add(up(i=name), samples=rows)
            answer = push_v2(node.port, request)
            assert answer.status == status and answer.written == (count, 0, 0), answer.text
    assert values(node, "pushed", "2h") == {(name, now - s * 1000): v for (name, s), v in end.items()}


# ---- what nobody should send ------------------------------------------------


def test_content_types_and_encodings(node):
    body = RequestV2().add(up(), samples=[(now_ms(), 1.0)]).bytes()
    for content_type in ("application/json", "image/png", V1 + ";proto=prometheus.WriteRequestV9"):
        assert post(node.port, body, content_type=content_type).status == 415
    for encoding in ("gzip", "deflate", "br"):
        assert post(node.port, body, content_type=V2, encoding=encoding).status == 415
    corrupt = post(node.port, b"\x05hello, this is no protobuf", content_type=V2)
    assert corrupt.status == 400 and corrupt.written == (0, 0, 0)
    assert post(node.port, b"not snappy at all", compress=False).status == 400
    framed = b"\xff\x06\x00\x00sNaPpY" + snappy(body)
    assert post(node.port, framed, content_type=V2, compress=False).status == 400
    assert post(node.port, body, content_type=V2, encoding=None).status == 204


def test_bombs(node):
    """Refused at once and without memory."""
    push(node.port, [(up(), [(now_ms(), 1.0)])])
    before = anonymous(node)
    bombs = {
        # Five bytes that claim 4 GiB, and some that claim what is allowed.
        b"\xff\xff\xff\xff\x0f": 413,
        b"\xff\xff\xff\x0f" + b"\0" * 20: 400,
        # 1.4 MB that do unpack to 30 MiB, of zeros, which are no field number.
        snappy_zeros(30 << 20): 400,
        # 2^31 samples, and a varint without end.
        snappy(b"\x0a\xff\xff\xff\xff\x07\x12\xff\xff\xff\xff\x07"): 400,
        snappy(b"\xff" * 1000): 400,
        # Groups within groups.
        snappy(b"\x0b" * 1_000_000): 400,
    }
    for bomb, status in bombs.items():
        started = time.monotonic()
        assert post(node.port, bomb, compress=False).status == status
        assert time.monotonic() - started < 2
    # As many empty samples as fit: refused by their number, and the memory comes back.
    many = snappy(b"".join([b"\x0a\xc0\x84\x3d", b"\x12\x00" * 500_000]) * 4)
    assert post(node.port, many, compress=False).status == 413
    with socket.create_connection(("127.0.0.1", node.port)) as connection:
        connection.sendall(
            b"POST /api/v1/write HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
            b"Content-Length: 99999999999\r\n\r\n"
        )
        assert connection.recv(1000).startswith(b"HTTP/1.1 413")
    wait_for("memory to come back", lambda: anonymous(node) < before + (8 << 20), timeout=30)
    assert push(node.port, [(up(), [(now_ms(), 1.0)])]).status == 204
    assert metric(node, "edgewatch_receiver_malformed_requests_total") >= 6


def snappy_zeros(size):
    """A block of copies of one zero: the densest there is."""
    out = bytearray()
    rest = size
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    out += b"\x00\x00"
    left = size - 1
    while left:
        length = min(64, left)
        out += bytes([(length - 1) << 2 | 2, 1, 0])
        left -= length
    return bytes(out)


def test_many_at_once(node):
    """More connections than threads, large requests, and queries meanwhile."""
    base = now_ms() - 100_000

    def send(sender):
        for step in range(20):
            rows = [(up(i=f"{sender}-{i}"), [(base + step * 1000, float(step))]) for i in range(200)]
            assert push(node.port, rows).status == 204

    with concurrent.futures.ThreadPoolExecutor(17) as pool:
        work = [pool.submit(send, sender) for sender in range(16)]
        while not all(each.done() for each in work):
            assert node.query("vector(1)")[0]["value"][1] == "1"
        for each in work:
            each.result()
    assert node.value("count(pushed)") == 3200
    assert node.value("sum(count_over_time(pushed[1h]))") == 64000


def test_switched_off(edgewatch):
    node = edgewatch(QUIET, arguments=["--no-web.enable-remote-write-receiver"])
    answer = push(node.port, [(up(), [(now_ms(), 1.0)])])
    assert answer.status == 404 and "--web.enable-remote-write-receiver" in answer.text
    node.stop()
    node = edgewatch(QUIET, name="on", arguments=["--web.enable-remote-write-receiver"])
    assert push(node.port, [(up(), [(now_ms(), 1.0)])]).status == 204
