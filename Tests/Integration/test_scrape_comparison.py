# SPDX-License-Identifier: Apache-2.0
"""Debian's Prometheus 2.42 and edgewatch scrape the same targets with the same jobs: the same series, the same samples, the
same stale markers, but for the differences named below.

The targets answer by scripts, the n-th answer to one scraper as to the other; samples are compared by the number of their
scrape, which `up` tells. EDGEWATCH_SCRAPE_MINUTES=10 runs as long; CI runs 75 seconds.

What 2.42 does otherwise than 3.14, which edgewatch follows:
- `le="1"` and `quantile="1"` of text stay as written; 3.x writes them "1.0".            (asserted: test_named_differences)
- a name is never quoted: `{"my.metric"}` fails the scrape.                              (asserted)
- without a Content-Type text is assumed; 3.x wants fallback_scrape_protocol.            (asserted)
- OpenMetrics and text targets are asked for protobuf first by a flag, not by `scrape_native_histograms`: the files differ
  in that one line.
- a scrape that fails while it is read (a limit, a broken line) leaves no stale marker on the series read before the
  fault, and one on what it never stored with the next scrape; edgewatch ends all series of the scrape before, as
  the documentation of 3.x says. Only markers at such scrapes and the ones after may differ.
- edgewatch takes samples ten minutes late unless told; Prometheus none: the window is 0 here.
- `track_timestamps_staleness` is not known to it.
- timestamps of scrapes are aligned in both, at offsets of their own: times are not compared but for explicit ones.
"""

import contextlib
import os
import struct
import time

import pytest
from conftest import get_json, wait_for
from remote_read import EQUAL, MATCHES, plain, query, read
from scripted_target import (
    OPENMETRICS,
    PROTOBUF,
    ScriptedTarget,
    classic,
    counter,
    exemplar,
    family,
    gauge,
    label,
    native,
    summary,
)

SECONDS = float(os.environ.get("EDGEWATCH_SCRAPE_MINUTES", "1.25")) * 60
STALE = struct.pack("<Q", 0x7FF0000000000002)
FLAGS = "--enable-feature=native-histograms,exemplar-storage,extra-scrape-metrics"
# What describes the scraper and not the target.
OWN = {"scrape_duration_seconds"}
# Explicit times begin here, in the past of both but not far.
BASE = int(time.time() * 1000) - 120_000


def plain_text(n):
    lines = [
        "# HELP requests_total Requests.", "# TYPE requests_total counter",
        f'requests_total{{code="200",path="/a b",quote="\\"\\\\\\n"}} {n * 3}', f'requests_total{{code="500"}} {n // 2}',
        "# TYPE seconds histogram", f'seconds_bucket{{le="0.5"}} {n}', f'seconds_bucket{{le="+Inf"}} {2 * n}',
        f"seconds_sum {n * 0.25}", f"seconds_count {2 * n}", "# TYPE odd gauge", "odd NaN", "infinite +Inf", "tiny 5e-324",
        "long 0.1234567890123456789", 'exported_job{job="theirs",instance="there",exported_job="taken"} 1', 'empty{job=""} 2',
    ]
    if n % 3:
        lines.append(f"comes_and_goes {n}")
    if n % 7 == 0:
        lines.append(f'seldom{{n="{n}"}} 1')
    return "\n".join(lines) + "\n"


def relabeled_text(n):
    return (
        f'kept{{a="One",b="Two",tmp_x="1",secret="s"}} {n}\nkept{{a="drop me"}} 1\nequal{{a="same",b="same"}} {n}\n'
        f'unequal{{a="same",b="other"}} {n}\nrenamed_by_rule{{a="x"}} {n}\n'
    )


def dying(n):
    phase = n % 20
    if phase in (5, 6):
        return 503
    if phase == 8:
        return None
    if phase == 10:
        return f"alive {n}\nbroken }}\n"
    if phase == 12:
        return ""
    return f'# TYPE alive gauge\nalive {n}\nalso{{n="{n % 4}"}} {n}\n'


def limited(n):
    return "".join(f'limited{{i="{i}"}} {n}\n' for i in range(8 if n % 4 == 3 else 4))


def labels_limited(n):
    more = ',c="3"' if n % 5 == 4 else ""
    return f'labelled{{a="1",b="2"{more}}} {n}\n'


def timed(n):
    at = BASE + 1000 * n
    # Every fourth one comes again with the same time, every fifth is older than the one before.
    return (
        f"exact {n} {at}\nrepeated {n // 4} {BASE + n // 4 * 4000}\nback {n} {at - (5000 if n % 5 == 4 else 0)}\n"
        f"untimed {n}\n"
    )


def duplicates(n):
    return f'twice{{a="1",b="2"}} {n}\ntwice{{b="2",a="1"}} {n + 1}\nsame 1\nsame 1\nonce {n}\n'


def open_metrics(n):
    body = (
        "# HELP jobs Jobs.\n# TYPE jobs counter\n# UNIT jobs \n"
        f'jobs_total{{q="x"}} {n}.0 # {{trace_id="t{n}"}} {n}.5 {time.time():.3f}\njobs_created{{q="x"}} 1600000000.5\n'
        f"# TYPE wait_seconds histogram\n# UNIT wait_seconds seconds\nwait_seconds_bucket{{le=\"0.5\"}} {n}\n"
        f'wait_seconds_bucket{{le="+Inf"}} {2 * n} # {{trace_id="b{n}"}} 0.7\nwait_seconds_count {2 * n}\n'
        f"wait_seconds_sum {n}.5\n# TYPE at gauge\nat {n} {(BASE + 1000 * n) / 1000}\n# TYPE state stateset\n"
        f'state{{state="on"}} {n % 2}\n# EOF\n'
    )
    return OPENMETRICS, body[:-6] if n % 11 == 10 else body


def protobuf(n):
    body = (
        family("p_total", 0, counter(n, label("a", "ü")), counter(n + 1, label("a", "b"), more=exemplar(2, f"p{n}", n)))
        + family("p_gauge", 1, gauge(n / 3))
        + family("p_seconds", 2, summary(n, n * 1.5, [(0.5, 1.25), (0.99, 3)], label("s", "x")))
        + family("p_classic", 4, classic([(0.5, n), (2.5, n + 1)], n * 2.5))
        + family("p_native", 4, native([n + 1, 2, 0, n % 4], n * 3.5, label("h", "1"), zero=n % 3))
    )
    if n % 6 != 5:
        body += family("p_sometimes", 4, native([1 + n], 1))
    return PROTOBUF, body


TARGETS = {
    "plain": plain_text,
    "honor": plain_text,
    "relabeled": relabeled_text,
    "dying": dying,
    "limited": limited,
    "labels": labels_limited,
    "timed": timed,
    "untimed": timed,
    "duplicates": duplicates,
    "openmetrics": open_metrics,
    "protobuf": protobuf,
}

JOBS = """
  - job_name: honor
    honor_labels: true
  - job_name: relabeled
    params: {module: [first, second]}
    relabel_configs:
      - {source_labels: [__param_module], target_label: module}
      - {source_labels: [__address__], regex: '(.*):.*', target_label: host, replacement: 'h-${1}'}
      - {action: hashmod, source_labels: [job], target_label: shard, modulus: 7}
      - {action: labelmap, regex: 'lab(.+)', replacement: 'mapped_$1'}
      - {action: labeldrop, regex: 'label_.*'}
      - {action: uppercase, source_labels: [job], target_label: loud}
      - {target_label: instance, replacement: renamed}
    metric_relabel_configs:
      - {action: drop, source_labels: [a], regex: 'drop.*'}
      - {action: dropequal, source_labels: [a], target_label: b}
      - {action: lowercase, source_labels: [a], target_label: quiet}
      - {source_labels: [tmp_x, b], separator: '-', regex: '1-(T)(.*)', target_label: 'made_$1', replacement: '$2'}
      - {source_labels: [__name__], regex: '(renamed)_by_.*', target_label: __name__, replacement: '${1}'}
      - {action: hashmod, source_labels: [nothing], target_label: h, modulus: 1000}
      - {action: labeldrop, regex: 'tmp_.*|secret'}
      - {source_labels: [nothing], target_label: constant, replacement: here}
      - {source_labels: [a], regex: 'One', target_label: a, replacement: ''}
  - job_name: limited
    sample_limit: 5
  - job_name: labels
    label_limit: 5
  - job_name: timed
  - job_name: untimed
    honor_timestamps: false
"""


def configuration(targets, ours):
    lines = ["global:", "  scrape_interval: 1s", "  scrape_timeout: 900ms"]
    if ours:
        lines.append("  scrape_native_histograms: true")
    lines.append("scrape_configs:")
    written = {}
    for part in JOBS.split("\n  - job_name: ")[1:]:
        written[part.split("\n")[0]] = part.split("\n")[1:]
    for name, target in targets.items():
        lines += [f"  - job_name: {name}", *(line for line in written.get(name, []) if line)]
        extra = ", labels: {label_x: y, own: mine}" if name == "relabeled" else ""
        lines += [f"    static_configs: [{{targets: ['{target.address}']{extra}}}]"]
    if ours:
        lines += ["collectors: {host: {enabled: false}}", "storage: {out_of_order_window: 0s}"]
    return "\n".join(lines) + "\n"


def scraped(server, job):
    """{labels without job's instance: {scrape number: bits}} and the same by time for explicit ones."""
    asked = [query([(EQUAL, "job", job)], 0, 1 << 53)] if job != "honor" else [
        query([(MATCHES, "job", "honor|theirs")], 0, 1 << 53)
    ]
    _, body = read(server.port, asked)
    series = plain(body)[0]
    ups = [samples for labels, samples in series.items() if dict(labels)["__name__"] == "up"]
    assert len(ups) == 1, (server.name, job, list(series))
    numbers = {at: number for number, (at, _) in enumerate(ups[0])}
    found = {}
    for labels, samples in series.items():
        by_number, by_time = {}, {}
        for at, value in samples:
            if at in numbers:
                by_number[numbers[at]] = value
            else:
                by_time[at] = value
        found[tuple(sorted(labels))] = (by_number, by_time)
    return len(numbers), found


def shown(value):
    return "stale" if value == STALE else struct.unpack("<d", value)[0] if value is not None else None


def failed_while_read(series):
    """Numbers of the scrapes that failed and were read in part, and of those that follow."""
    one = {dict(labels)["__name__"]: by_number for labels, (by_number, _) in series.items()}
    zero = struct.pack("<d", 0)
    failed = {n for n, value in one["up"].items() if value == zero and one["scrape_samples_scraped"][n] != zero}
    return failed | {n + 1 for n in failed}


def differences(job, ours, theirs):
    """What the two stored otherwise, in words."""
    (count_ours, series_ours), (count_theirs, series_theirs) = ours, theirs
    count = min(count_ours, count_theirs) - 1
    found = []
    lenient = failed_while_read(series_ours)
    for labels in sorted(set(series_ours) | set(series_theirs)):
        mine, yours = series_ours.get(labels, ({}, {})), series_theirs.get(labels, ({}, {}))
        if dict(labels)["__name__"] in OWN:
            if set(mine[0]) >= set(range(count)) and set(yours[0]) >= set(range(count)):
                continue
            found.append(f"{job} {labels}: not in every scrape")
            continue
        for number in range(count):
            left, right = mine[0].get(number), yours[0].get(number)
            if number in lenient and {left, right} == {None, STALE}:
                continue
            if left != right:
                found.append(f"{job} {labels} scrape {number}: edgewatch {shown(left)}, prometheus {shown(right)}")
        # The last ones may not have come to both.
        end = BASE + 1000 * (count - 1)
        for at in sorted(set(mine[1]) | set(yours[1])):
            left, right = mine[1].get(at), yours[1].get(at)
            if left != right and at < end:
                found.append(f"{job} {labels} at {at - BASE}: edgewatch {shown(left)}, prometheus {shown(right)}")
    return found


@pytest.fixture(scope="module")
def targets():
    with contextlib.ExitStack() as stack:
        started = {name: ScriptedTarget(script) for name, script in TARGETS.items()}
        for target in started.values():
            stack.callback(target.close)
        yield started


def test_the_same_samples(edgewatch, prometheus, targets):
    theirs = prometheus(config=configuration(targets, ours=False), arguments=[FLAGS])
    ours = edgewatch(configuration(targets, ours=True), arguments=[FLAGS])
    started = time.monotonic()
    scrapes = min(30, SECONDS / 2)
    for server in (ours, theirs):
        wait_for("the first scrape", lambda: server.query('up{job="plain"}'))
        wait_for("scrapes", lambda: (server.value('count_over_time(up{job="plain"}[1h])') or 0) >= scrapes, timeout=120)
    time.sleep(max(0, SECONDS - (time.monotonic() - started)))
    found = []
    for job in TARGETS:
        found += differences(job, scraped(ours, job), scraped(theirs, job))
    assert not found, f"{len(found)} differences:\n" + "\n".join(found[:40])
    assert_histograms(ours, theirs)
    assert_exemplars(ours, theirs)
    assert_targets(ours, theirs)


def assert_histograms(ours, theirs):
    """Native histograms by the number of their scrape, as the API prints them."""
    def all_of(server):
        ups = [float(at) for _, samples in server.samples('up{job="protobuf"}').items() for at, _ in samples]
        found = {}
        for series in server.query('{__name__=~"p_native|p_sometimes"}[1h]'):
            metric = tuple(sorted(series["metric"].items()))
            for at, histogram in series["histograms"]:
                found[(metric, ups.index(float(at)))] = histogram
        return len(ups), found

    (count_ours, mine), (count_theirs, yours) = all_of(ours), all_of(theirs)
    count = min(count_ours, count_theirs) - 1
    mine, yours = ({key: value for key, value in each.items() if key[1] < count} for each in (mine, yours))
    assert len(mine) > count
    assert {key: (value["count"], value["sum"]) for key, value in mine.items()} == {
        key: (value["count"], value["sum"]) for key, value in yours.items()
    }
    for key, histogram in mine.items():
        wanted = yours[key].get("buckets", [])
        got = histogram.get("buckets", [])
        # The same bounds within what digits differ, the same counts.
        assert len(got) == len(wanted), (key, got, wanted)
        for left, right in zip(got, wanted):
            assert left[0] == right[0] and left[3] == right[3], (key, got, wanted)
            for place in (1, 2):
                assert float(left[place]) == pytest.approx(float(right[place]), rel=1e-12)
    # And they end where they are missing.
    for server in (ours, theirs):
        assert server.query('count_over_time(p_sometimes[1h])')


def assert_exemplars(ours, theirs):
    """What was stored of exemplars that carry their scrape's number."""
    def all_of(server):
        answer = get_json(
            server.url + "/api/v1/query_exemplars",
            query='{job=~"openmetrics|protobuf"}', start=time.time() - 7200, end=time.time(),
        )
        return {
            (tuple(sorted(series["seriesLabels"].items())), exemplar["labels"]["trace_id"]): exemplar["value"]
            for series in answer["data"]
            for exemplar in series["exemplars"]
        }

    mine, yours = all_of(ours), all_of(theirs)
    last = min(max(int(key[1][1:]) for key in each) for each in (mine, yours)) - 1
    mine, yours = ({key: value for key, value in each.items() if int(key[1][1:]) < last} for each in (mine, yours))
    assert mine == yours and len(mine) > 10


def assert_targets(ours, theirs):
    """The same targets under the same labels, in the same health but for one that changes."""
    def all_of(server):
        active = get_json(server.url + "/api/v1/targets")["data"]["activeTargets"]
        return {
            target["scrapePool"]: (target["labels"], target["scrapeUrl"])
            for target in active
            if target["scrapePool"] in TARGETS
        }

    assert all_of(ours) == all_of(theirs)


def test_named_differences(edgewatch, prometheus):
    """What 2.42 does otherwise, so that this list is known to be true."""
    scripts = {
        "bounds": lambda n: '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
        "quoted": lambda n: '{"my.metric"} 1\n',
        "blank": lambda n: ("", "a 1\n"),
    }
    with contextlib.ExitStack() as stack:
        targets = {name: ScriptedTarget(script) for name, script in scripts.items()}
        for target in targets.values():
            stack.callback(target.close)
        theirs = prometheus(config=configuration(targets, ours=False))
        ours = edgewatch(configuration(targets, ours=True))
        for server in (ours, theirs):
            wait_for("scrapes", lambda: len(server.query('up{job=~"bounds|quoted|blank"}')) == 3)

        def up(server):
            found = server.query('up{job=~"bounds|quoted|blank"}')
            return {series["metric"]["job"]: series["value"][1] for series in found}

        assert up(ours) == {"bounds": "1", "quoted": "1", "blank": "0"}
        assert up(theirs) == {"bounds": "1", "quoted": "0", "blank": "1"}
        bounds = [
            sorted(series["metric"]["le"] for series in server.query("h_bucket")) for server in (ours, theirs)
        ]
        assert bounds == [["+Inf", "1.0"], ["+Inf", "1"]]
