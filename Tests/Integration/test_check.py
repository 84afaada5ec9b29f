# SPDX-License-Identifier: Apache-2.0
"""`edgewatch check rules` and `check metrics` beside Debian's promtool on the same input: same exit codes, same words."""

import json
import random
import re
import subprocess

import pytest
from conftest import BINARY, get, peer, wait_for, without_newer

METRICS = {
    "HELP says nothing": r"""# HELP x
# TYPE x gauge
x 1
""",
    "HELP twice": r"""# HELP x a
# HELP x a
x 1
""",
    "OpenMetrics, end": r"""# TYPE x gauge
x 1
# EOF
""",
    "OpenMetrics, exemplar": r"""# TYPE x counter
x_total 1 # {a="b"} 1
""",
    "TYPE alone": r"""# TYPE x_total gauge
# HELP y_total
""",
    "TYPE behind its samples": r"""x 1
# TYPE x gauge
""",
    "TYPE twice": r"""# TYPE x gauge
# TYPE x gauge
x 1
""",
    "a bucket without le": r"""# HELP x X
# TYPE x histogram
x_bucket 1
x_sum 2
x_count 1
""",
    "a dash in a name": 'x-y 1\n',
    "a histogram of gauges": r"""# HELP x X
# TYPE x gauge_histogram
x_bucket{le="1"} 1
""",
    "a histogram without infinity": r"""# HELP h_seconds X.
# TYPE h_seconds histogram
h_seconds_bucket{a="b",le="1"} 1
h_seconds_bucket{a="c",le="1"} 1
h_seconds_bucket{a="c",le="2"} 1
""",
    "a label twice": r"""# HELP x X.
# TYPE x gauge
x{a="b",a="c"} 1
""",
    "a label value without quotes": 'x{a=b} 1\n',
    "a label with two underscores": r"""# HELP x X.
x{__foo="y"} 1
""",
    "a name begins with a digit": '1x 1\n',
    "a series twice": r"""# HELP x X.
# TYPE x gauge
x{a="b"} 1
x{a="b"} 1
""",
    "a series twice with other values": r"""# HELP x X.
# TYPE x gauge
x{a="b"} 1
x{a="b"} 2
""",
    "a summary with a bucket": r"""# HELP h_seconds X.
# TYPE h_seconds summary
h_seconds_sum 2
h_seconds_count 1
h_seconds_bucket{le="1"} 1
h_seconds 4
""",
    "a time beyond all times": 'x 1 99999999999999999999\n',
    "a time with a fraction": 'x 1 12.5\n',
    "an escape that is none": 'x{a="q\\t"} 1\n',
    "an unknown type": r"""# TYPE x foo
x 1
""",
    "blanks everywhere": r"""  x   1   
	y{ a = "b" , c="d" }	2	
# HELP   x    spaced   
#   TYPE   y   counter  
""",
    "counters and their suffix": r"""# HELP x X.
# TYPE x counter
x 1
# HELP y_total Y.
# TYPE y_total gauge
y_total 1
# HELP u_total U.
u_total 1
# HELP v V.
v{le="1",quantile="2"} 1
""",
    "escapes": r"""# HELP x a\nb \\ c
# TYPE x gauge
x{a="q\"u\\o\nte"} NaN
x{a=""} +Inf
x{a="ü",} -Inf
""",
    "families in turns": r"""# HELP a A
# TYPE a gauge
a 1
# HELP b B
# TYPE b gauge
b 1
a{x="y"} 1
""",
    "good": r"""# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{code="200"} 5
http_requests_total{code="500"} 1 1395066363000
# HELP temp_celsius Temp.
# TYPE temp_celsius gauge
temp_celsius 21.5
# HELP lat_seconds Latency.
# TYPE lat_seconds histogram
lat_seconds_bucket{le="0.1"} 1
lat_seconds_bucket{le="+Inf"} 2
lat_seconds_sum 1.5
lat_seconds_count 2
# HELP rpc_seconds RPC.
# TYPE rpc_seconds summary
rpc_seconds{quantile="0.5"} 1
rpc_seconds_sum 1
rpc_seconds_count 2
""",
    "hexadecimal numbers": r"""x 0x1p-2
y 1_000
z 0x10
""",
    "le is no number": r"""# HELP x X
# TYPE x histogram
x_bucket{le="foo"} 1
""",
    "line ends of another system": 'x{a="b"} 1\r\ny 2\r\n',
    "names": r"""# HELP a:b A.
# TYPE a:b gauge
a:b 1
# HELP camelCase A.
# TYPE camelCase gauge
camelCase{labelName="x"} 1
camelCase{labelName="y"} 1
# HELP x_gauge A.
# TYPE x_gauge gauge
x_gauge 1
# HELP x_counter_foo A.
# TYPE x_counter_foo gauge
x_counter_foo 1
# HELP x_untyped A.
# TYPE x_untyped gauge
x_untyped 1
# HELP Counter A.
# TYPE Counter gauge
Counter 1
# HELP x_gauge_histogram_y A.
# TYPE x_gauge_histogram_y gauge
x_gauge_histogram_y 1
""",
    "no HELP": r"""# TYPE x gauge
x 1
y 2
""",
    "no comma between labels": 'x{a="b" c="d"} 1\n',
    "no line end": 'x 1',
    "no value": 'x abc\n',
    "nothing": '',
    "only a comment": r"""

# only a comment
""",
    "reserved suffixes and labels": r"""# HELP a_bucket A.
# TYPE a_bucket gauge
a_bucket{le="1"} 1
# HELP b_count A.
# TYPE b_count gauge
b_count{quantile="1"} 1
# HELP c_sum A.
# TYPE c_sum counter
c_sum 1
# HELP d_info A.
# TYPE d_info gauge
d_info 1
""",
    "something behind the time": 'x 1 125 foo\n',
    "the label __name__": 'x{__name__="y"} 1\n',
    "units": r"""# HELP x_milliseconds X.
# TYPE x_milliseconds gauge
x_milliseconds 1
# HELP y_kilometers Y.
# TYPE y_kilometers gauge
y_kilometers 1
# HELP z_ms Y.
# TYPE z_ms gauge
z_ms 1
# HELP z_ms_total Y.
# TYPE z_ms_total counter
z_ms_total 1
# HELP z_days Y.
# TYPE z_days gauge
z_days 1
# HELP z_minutes_total Y.
# TYPE z_minutes_total counter
z_minutes_total 1
# HELP z_fahrenheit Y.
# TYPE z_fahrenheit gauge
z_fahrenheit 1
# HELP z_metres Y.
# TYPE z_metres gauge
z_metres 1
# HELP thermometers Y.
# TYPE thermometers gauge
thermometers 1
# HELP z_percent Y.
# TYPE z_percent gauge
z_percent 1
# HELP z_bits Y.
# TYPE z_bits gauge
z_bits 1
# HELP z_kilobits Y.
# TYPE z_kilobits gauge
z_kilobits 1
""",
}


def check(program, what, text, *flags):
    return subprocess.run(
        [program, "check", what, *flags], input=text.encode() if isinstance(text, str) else text,
        capture_output=True, timeout=60)


def words(result):
    return result.stderr.decode(errors="replace").splitlines()


@pytest.mark.parametrize("name", METRICS)
def test_metrics_like_promtool(name):
    theirs, ours = (check(program, "metrics", METRICS[name]) for program in (peer("promtool"), BINARY))
    assert ours.returncode == theirs.returncode
    assert words(ours) == words(theirs)


def test_metrics_with_a_change_anywhere():
    """What a slip of the pen makes of a good text is judged alike, wherever it happens."""
    generator = random.Random(4)
    good = METRICS["good"]
    for _ in range(150):
        place = generator.randrange(len(good))
        slip = generator.choice(['', *'\n {}=,#ax9:.-'])
        text = good[:place] + slip + good[place + generator.randrange(3):]
        theirs, ours = (check(program, "metrics", text) for program in (peer("promtool"), BINARY))
        assert (ours.returncode, words(ours)) == (theirs.returncode, words(theirs)), text


def test_metrics_of_this_program(edgewatch):
    """What edgewatch offers to scrapers is judged alike, and nothing is to be said of it."""
    node = edgewatch()
    wait_for("metrics", lambda: b"edgewatch_" in get(node.url + "/metrics"))
    text = get(node.url + "/metrics")
    theirs, ours = (check(program, "metrics", text) for program in (peer("promtool"), BINARY))
    assert words(ours) == words(theirs)
    assert ours.returncode == theirs.returncode == 0


def test_metrics_cardinality():
    theirs, ours = (check(program, "metrics", METRICS["good"], "--extended") for program in (peer("promtool"), BINARY))
    assert ours.returncode == theirs.returncode == 0
    lines = [line.rstrip() for line in theirs.stdout.decode().splitlines()]
    assert ours.stdout.decode().splitlines() == lines


def test_metrics_with_quoted_names():
    """Prometheus 3's names; Debian's promtool does not know them."""
    text = '# HELP "a.b" A.\n# TYPE "a.b" gauge\n{"a.b","c.d"="e"} 1\n{"x.y"} 2\n'
    result = check(BINARY, "metrics", text)
    assert (result.returncode, words(result)) == (3, ["x.y no help text"])


def test_metrics_that_are_no_utf8():
    theirs, ours = (check(program, "metrics", b'x{a="\xff"} 1\n') for program in (peer("promtool"), BINARY))
    assert ours.returncode == theirs.returncode == 1
    assert "line 1: invalid label value" in words(ours)[0]


# ---- rules -------------------------------------------------------------------

RULES = {
    "good": "- {record: a, expr: up}\n  - {alert: B, expr: up == 0, for: 5m, keep_firing_for: 1m, labels: {x: y}, annotations: {t: '{{ $value }}'}}",
    "no rules": "",
    "duplicates": "- {record: b, expr: up, labels: {x: y, z: w}}\n" * 3 + "- {record: a, expr: up}\n- {record: a, expr: down}",
    "the same name with other labels": "- {record: a, expr: up, labels: {x: y}}\n- {record: a, expr: up}",
    "an alert and a record of one name": "- {record: a, expr: up}\n- {alert: a, expr: up}",
    "expression": "- {record: a, expr: sum(}",
    "expression missing": "- {record: a}",
    "expression of another type": "- {record: a, expr: 'up[5m]'}",
    "expression a string": "- {alert: a, expr: '\"x\"'}",
    "both": "- {record: a, alert: b, expr: up}",
    "neither": "- {expr: up}",
    "for of a record": "- {record: a, expr: up, for: 5m}",
    "annotations of a record": "- {record: a, expr: up, annotations: {b: c}}",
    "keep_firing_for of a record": "- {record: a, expr: up, keep_firing_for: 5m}",
    "for no duration": "- {alert: a, expr: up, for: long}",
    "negative for": "- {alert: a, expr: up, for: -5m}",
    "template": "- {alert: a, expr: up, annotations: {b: '{{ $labels.x'}}",
    "template function": "- {alert: a, expr: up, annotations: {b: '{{ foo }}'}}",
    "template in a record": "- {record: a, expr: up, labels: {b: '{{ $labels.x'}}",
    "label __name__": "- {record: a, expr: up, labels: {__name__: b}}",
    "record with braces": "- {record: 'a{b=\"c\"}', expr: up}",
    "unknown key": "- {record: a, expr: up, foo: bar}",
    "a rule that is a list": "- [a]",
    "labels that are a list": "- {record: a, expr: up, labels: [b]}",
    "numbers as labels": "- {record: a, expr: up, labels: {b: 1, c: true}}",
}
FILES = {
    "empty": "",
    "only a comment": "# nothing\n",
    "no groups": "groups: []\n",
    "group without a name": "groups:\n- rules: []\n",
    "group twice": "groups:\n- name: a\n- name: a\n",
    "unknown key": "groups:\n- name: a\n  foo: b\n",
    "unknown top key": "group:\n- name: a\n",
    "interval": "groups:\n- name: a\n  interval: 5m\n  limit: 3\n",
    "interval no duration": "groups:\n- name: a\n  interval: often\n",
    "limit no number": "groups:\n- name: a\n  limit: many\n",
    "no YAML": "groups: [\n",
    "a list": "- a\n",
    "key twice": "groups: []\ngroups: []\n",
    **{
        name: "groups:\n- name: g\n  rules:\n" + "".join(f"  {line.strip()}\n" for line in rules.splitlines())
        for name, rules in RULES.items()
    },
}


# promtool's exit code, ours, and why.
DIFFERENCES = {
    "template function": (1, 0, "functions of a newer Prometheus must not keep a node's rules from loading; they fail when used"),
}


@pytest.mark.parametrize("name", FILES)
def test_rules_like_promtool(name, tmp_path):
    (tmp_path / "rules.yml").write_text(FILES[name])

    def run(program, *flags):
        return subprocess.run([program, "check", "rules", *flags, "rules.yml"], cwd=tmp_path, capture_output=True, timeout=60)

    for flags in ([], ["--lint-fatal"], ["--lint=none", "--lint-fatal"], ["--lint=all"]):
        theirs, ours = run(peer("promtool"), *flags), run(BINARY, *flags)
        if name in DIFFERENCES:
            assert (theirs.returncode, ours.returncode) == DIFFERENCES[name][:2]
            continue
        assert ours.returncode == theirs.returncode, (flags, words(theirs), words(ours))
        assert ours.stdout == theirs.stdout
        if b"lint error" in theirs.stderr:
            assert words(ours) == words(theirs)
        if theirs.returncode == 1:
            assert words(ours)[0] == words(theirs)[0] == "  FAILED:"
            # The place of the mistake; YAML's own mistakes are each program's.
            place = re.match(r"rules.yml: (\d+):", words(theirs)[1])
            if place and place[1] != "0":
                assert words(ours)[1].startswith(f"rules.yml:{place[1]}:"), (words(theirs), words(ours))


def test_rules_of_several_files(tmp_path):
    (tmp_path / "good.yml").write_text(FILES["good"])
    (tmp_path / "bad.yml").write_text(FILES["expression"])
    results = [
        subprocess.run([program, "check", "rules", "good.yml", "bad.yml"], cwd=tmp_path, capture_output=True, timeout=60)
        for program in (peer("promtool"), BINARY)
    ]
    assert [result.returncode for result in results] == [1, 1]
    assert results[0].stdout == results[1].stdout
    result = subprocess.run([BINARY, "check", "rules", "none.yml"], cwd=tmp_path, capture_output=True, timeout=60)
    assert result.returncode == 1 and "none.yml" in words(result)[1]


def test_rules_of_standard_input():
    result = check(BINARY, "rules", FILES["good"])
    assert (result.returncode, result.stdout) == (0, b"Checking standard input\n  SUCCESS: 2 rules found\n\n")
    assert check(BINARY, "rules", FILES["expression"]).returncode == 1


def test_config_is_linted_too(tmp_path):
    (tmp_path / "rules.yml").write_text(FILES["duplicates"])
    (tmp_path / "edgewatch.yml").write_text("rule_files: [rules.yml]\n")

    def run(*flags):
        return subprocess.run([BINARY, "check", "config", *flags, tmp_path / "edgewatch.yml"], capture_output=True, timeout=60)

    assert run().returncode == 0 and b"2 duplicate rule(s) found" in run().stderr
    assert run("--lint-fatal").returncode == 3
    result = run("--lint-fatal", "--lint=none")
    assert (result.returncode, result.stderr) == (0, b"")


def test_service_discovery(tmp_path):
    """The same targets, before and after relabelling, with the same labels as promtool; jobs it crashes on are left out."""
    (tmp_path / "t.json").write_text('[{"targets": ["a:1", "d:2"], "labels": {"x": "y<z"}}]')
    (tmp_path / "t.yml").write_text("- targets: ['b:1']\n")
    config = tmp_path / "p.yml"
    config.write_text("""
scrape_configs:
  - job_name: static
    params: {module: [m]}
    static_configs: [{targets: ["s:1", "d:2", "s:1"]}, {targets: ["t:1"], labels: {a: b}}]
    relabel_configs:
      - {source_labels: [__address__], regex: 'd.*', action: drop}
      - {source_labels: [__param_module], target_label: module}
  - job_name: file
    file_sd_configs: [{files: ["t.*ml"]}]
  - job_name: json
    file_sd_configs: [{files: ["t.json"]}]
  - job_name: none
""".replace('"t.*ml"', '"t.yml"'))

    def run(command, job):
        done = subprocess.run(command + [str(config), job], cwd=tmp_path, capture_output=True, timeout=60)
        text = done.stdout.decode()
        return done.returncode, json.loads(text) if text.strip() else None, done.stderr.decode()

    def key(target):
        return json.dumps(target, sort_keys=True)

    for job in ("static", "file", "json", "none"):
        ours = run([str(BINARY), "check", "service-discovery", "--timeout", "2s"], job)
        theirs = run([peer("promtool"), "check", "service-discovery", "--timeout=2s"], job)
        for answer in (ours[1], theirs[1]):
            for target in answer:
                target["discoveredLabels"] = without_newer(target["discoveredLabels"])
                target["labels"] = without_newer(target["labels"])
                if path := target["discoveredLabels"].get("__meta_filepath"):
                    target["discoveredLabels"]["__meta_filepath"] = path.rsplit("/", 1)[-1]
        assert (ours[0], sorted(ours[1], key=key)) == (theirs[0], sorted(theirs[1], key=key)), job
    # What is found does not hide what is not.
    (tmp_path / "bad.json").write_text('[{"targets": ["a:1"')
    config.write_text("""
scrape_configs:
  - job_name: half
    file_sd_configs: [{files: ["t.json", "bad.json"]}]
""")
    status, targets, errors = run([str(BINARY), "check", "service-discovery"], "half")
    assert (status, len(targets)) == (1, 2)
    assert errors.startswith("discovery failed: file: ") and "bad.json: " in errors
    ours = run([str(BINARY), "check", "service-discovery"], "nope")
    theirs = run([peer("promtool"), "check", "service-discovery"], "nope")
    assert ours == theirs
