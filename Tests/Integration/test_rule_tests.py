# SPDX-License-Identifier: Apache-2.0
"""`edgewatch test rules` beside Debian's `promtool test rules` on the same files: same verdict, same words."""

import re
import subprocess
import xml.etree.ElementTree

import pytest
from conftest import BINARY, peer

RULES = r"""
groups:
  - name: records
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
      - record: job:requests:rate5m
        expr: sum by (job) (rate(requests_total[5m]))
        labels: {source: rule, drop: ""}
  - name: alerts
    interval: 10m
    rules:
      - alert: Down
        expr: up == 0
        for: 2m
        labels: {severity: page, instance_copy: "{{ $labels.instance }}"}
        annotations:
          summary: "{{ $labels.instance }} of {{ $externalLabels.site }} is down ({{ $value }})"
          link: "{{ $externalURL }}/x"
      - alert: AnyDown
        expr: job:up:sum < 2
        annotations: {text: "{{ $value | humanize }} left: {{ with query \"job:up:sum\" }}{{ . | first | value }}{{ end }}"}
      - alert: Kept
        expr: up == 0
        keep_firing_for: 3m
  - name: more alerts
    rules:
      - alert: Down
        expr: up{job="b"} == 0
        labels: {severity: ticket}
"""
# Reads what the next group writes, so that the order decides.
ORDERED = """
groups:
  - name: second
    rules: [{record: late, expr: early + 1}]
  - name: first
    rules: [{record: early, expr: up * 10}]
"""
FAILING = """
groups:
  - name: g
    rules: [{record: x, expr: up * on(job) up}]
"""
LIMITED = """
groups:
  - name: g
    limit: 1
    rules: [{alert: Up, expr: up}]
"""
STALE = """
groups:
  - name: g
    rules: [{record: seen, expr: up == 1}]
"""
TWICE = """
groups:
  - name: g
    rules: [{record: twice, expr: vector(%s)}, {record: twice, expr: vector(1)}]
"""
CLASH = """
groups:
  - name: g
    rules: [{record: given, expr: up}]
"""

UP = """
      - series: 'up{job="a",instance="x"}'
        values: '1 1 0x20'
      - series: 'up{job="a",instance="y"}'
        values: '1x22'
      - series: 'up{job="b",instance="z"}'
        values: '1 _ 0 0 0 stale 1 1 1'
      - series: 'requests_total{job="a"}'
        values: '0+60x30'
"""


def alerts(*cases):
    lines = ["    alert_rule_test:"]
    for time, name, expected in cases:
        lines.append(f"      - eval_time: {time}\n        alertname: {name}\n        exp_alerts:")
        for labels, annotations in expected:
            lines.append(f"          - exp_labels: {labels}")
            if annotations:
                lines.append(f"            exp_annotations: {annotations}")
    return "\n".join(lines) + "\n"


def expressions(*cases):
    lines = ["    promql_expr_test:"]
    for expression, time, samples in cases:
        quoted = expression.replace("'", "''")
        lines.append(f"      - expr: '{quoted}'\n        eval_time: {time}\n        exp_samples:")
        for labels, value in samples:
            lines.append(f"          - labels: '{labels}'\n            value: {value}")
    return "\n".join(lines) + "\n"


def case(*parts, head="interval: 1m", series=UP):
    return f"  - {head}\n    input_series:{series}" + "".join(parts)


def file(*tests, rules="rules.yml", head="evaluation_interval: 1m"):
    return f"rule_files: [{rules}]\n{head}\ntests:\n" + "".join(tests)


def expression(text, samples, time="10m", series=UP):
    return file(case(expressions((text, time, samples)), series=series))


def values(text, expected, query="m", time="3m"):
    """What a series' text gives at minute 3."""
    return expression(query, expected, time, f"\n      - series: 'm'\n        values: '{text}'\n")


SUMMARY_X = '{summary: "x of  is down (0)", link: "/x"}'
DOWN_X = "{severity: page, job: a, instance: x, instance_copy: x}"
DOWN_Z = "{severity: page, job: b, instance: z, instance_copy: z}"

CASES = {
    # Alerts.
    "alert fires": file(case(alerts(("5m", "Down", [(DOWN_X, SUMMARY_X)])))),
    "alert of two groups": file(case(alerts(
        ("4m", "Down", [
            (DOWN_X, SUMMARY_X), (DOWN_Z, '{summary: "z of  is down (0)", link: "/x"}'),
            ("{severity: ticket, job: b, instance: z}", ""),
        ])))),
    "alert of two groups, one forgotten": file(case(alerts(("4m", "Down", [(DOWN_X, SUMMARY_X)])))),
    "pending alert does not fire": file(case(alerts(("3m", "Down", [("{severity: ticket, job: b, instance: z}", "")])))),
    "pending alert expected": file(case(alerts(("2m", "Down", [(DOWN_X, SUMMARY_X)])))),
    "no alert expected, none fires": file(case(alerts(("1m", "Down", [])))),
    "no alert expected, one fires": file(case(alerts(("9m", "Down", [])))),
    "alert without a rule": file(case(alerts(("9m", "Unknown", [])))),
    "alert without a rule expected": file(case(alerts(("9m", "Unknown", [("{a: b}", "")])))),
    "wrong annotation": file(case(alerts(("5m", "Down", [(DOWN_X, "{summary: other}")])))),
    "missing annotation": file(case(alerts(("5m", "Down", [(DOWN_X, "")])))),
    "wrong label": file(case(alerts(("5m", "Down", [("{severity: none}", SUMMARY_X)])))),
    "labels as numbers": file(case(alerts(("5m", "Down", [("{severity: 1, x: true}", "")])))),
    "alertname may be given": file(case(alerts(("5m", "Down", [(DOWN_X[:-1] + ", alertname: Down}", SUMMARY_X)])))),
    "between two evaluations": file(case(alerts(("5m30s", "Down", [(DOWN_X, SUMMARY_X)])))),
    "several times, out of order": file(case(alerts(
        ("9m", "Down", [(DOWN_X, SUMMARY_X)]), ("1m", "Down", []), ("9m", "AnyDown", [])))),
    "resolved": file(case(alerts(("6m", "Down", [(DOWN_X, SUMMARY_X)])))),
    "kept firing": file(case(alerts(("6m", "Kept", [("{job: a, instance: x}", ""), ("{job: b, instance: z}", "")])))),
    "kept firing no longer": file(case(alerts(("9m", "Kept", [("{job: a, instance: x}", "")])))),
    "query in a template": file(case(alerts(
        ("9m", "AnyDown", [("{job: a}", '{text: "1 left: 1"}'), ("{job: b}", '{text: "1 left: 1"}')])))),
    "external labels and URL": file(case(
        '    external_labels: {site: "north"}\n    external_url: http://node:9090\n',
        alerts(("5m", "Down", [(DOWN_X, '{summary: "x of north is down (0)", link: "http://node:9090/x"}')])))),
    "no alertname": file(case("    alert_rule_test:\n      - eval_time: 5m\n        exp_alerts: []\n")),
    "no alertname in a named test": file(case(
        "    alert_rule_test:\n      - eval_time: 5m\n        exp_alerts: []\n", head="name: N\n    interval: 1m")),
    "name in failures": file(case(alerts(("5m", "Down", [])), head="name: first test\n    interval: 1m")),
    "ALERTS is a series": expression("ALERTS", [
        ('ALERTS{alertname="Down",alertstate="firing",instance="x",instance_copy="x",job="a",severity="page"}', 1),
        ('ALERTS{alertname="Down",alertstate="firing",instance="z",instance_copy="z",job="b",severity="page"}', 1),
        ('ALERTS{alertname="Down",alertstate="firing",instance="z",job="b",severity="ticket"}', 1),
        ('ALERTS{alertname="AnyDown",alertstate="firing",job="b"}', 1),
        ('ALERTS{alertname="AnyDown",alertstate="firing",job="a"}', 1),
        ('ALERTS{alertname="Kept",alertstate="firing",instance="x",job="a"}', 1),
        ('ALERTS{alertname="Kept",alertstate="firing",instance="z",job="b"}', 1),
    ], "4m"),
    "ALERTS of another state": expression('ALERTS{alertname="Down",alertstate="pending"}', [], "3m"),
    "ALERTS_FOR_STATE": expression('ALERTS_FOR_STATE{alertname="Down",instance="x"}', [
        ('ALERTS_FOR_STATE{alertname="Down",instance="x",instance_copy="x",job="a",severity="page"}', 120)]),
    # Expressions.
    "recorded": expression("job:up:sum", [('job:up:sum{job="a"}', 1), ('job:up:sum{job="b"}', 1)]),
    "recorded, wrong value": expression("job:up:sum", [('job:up:sum{job="a"}', 2), ('job:up:sum{job="b"}', 1)]),
    "recorded with labels": expression("job:requests:rate5m", [('job:requests:rate5m{job="a",source="rule"}', 1)]),
    "order does not matter": expression("up", [
        ('up{job="b",instance="z"}', 1), ('{__name__="up",instance="x",job="a"}', 0), ('up{instance="y",job="a"}', 1)]),
    "one too many": expression("up{job='a'}", [
        ('up{job="a",instance="x"}', 0), ('up{job="a",instance="y"}', 1), ('up{job="a",instance="y"}', 1)]),
    "nothing expected": expression("up > 5", []),
    "nothing expected, something there": expression("up", []),
    "something expected, nothing there": expression("up > 5", [("{}", 1)]),
    "scalar": expression("1 + 1", [("{}", 2)]),
    "scalar without labels": expression("1 + 1", [("", 2)]),
    "string": expression('"x"', []),
    "range vector": expression("up[5m]", []),
    "parse error": expression("sum(up", []),
    "unknown function": expression("foo(up)", []),
    "execution error": expression("up * on(job) up", []),
    "bad labels": expression("up", [("up{", 1)]),
    "bad labels, an operator": expression("up", [('up{a=~"b"}', 1)]),
    "fractions": expression("up{job='a'} / 3", [('{job="a",instance="x"}', 0), ('{job="a",instance="y"}', 0.3333333333333333)]),
    "nearly": expression("vector(1) / 3", [("{}", 0.333333333)]),
    "large and small": expression("vector(123456789) * 1e-15", [("{}", 1)]),
    "infinite": expression("vector(1) / 0", [("{}", ".inf")]),
    "infinite, wrong": expression("vector(-1) / 0", [("{}", ".inf")]),
    "value no number": expression("vector(1)", [("{}", "one")]),
    "quoted value": expression("vector(1)", [("{}", "'1'")]),
    "time": expression("time()", [("{}", 600)]),
    "between evaluations": expression("job:up:sum + time()", [('{job="a"}', 151), ('{job="b"}', 151)], "2m30s"),
    "subquery with the default step": file(
        case(expressions(("count_over_time(up{instance='y'}[4m:])", "10m", [('{job="a",instance="y"}', 8)]))),
        head="evaluation_interval: 30s"),
    "range over records": expression("max_over_time(job:up:sum{job='a'}[5m])", [('{job="a"}', 1)]),
    "labels with escapes": expression('label_replace(vector(1), "a", "q\\"\\\\x", "", "")', [('{a="q\\"\\\\x"}', 1)]),
    "labels with escapes, wrong": expression('label_replace(vector(1), "a", "q\\"\\\\x\\n\\u00fc", "", "")', [('{a="b"}', 1)]),
    # Series.
    "values": values("1 2 3 4", [("m", 4)]),
    "values, wrong": values("1 2 3 4", [("m", 3)]),
    "growing": values("1+2x5", [("m", 7)]),
    "falling": values("1-2x5", [("m", -5)]),
    "negative growing": values("-1+-2x5", [("m", -7)]),
    "repeated": values("7x5", [("m", 7)]),
    "repeated then others": values("7x1 8 9", [("m", 9)]),
    "omitted": values("1 _ _ 4 5", [("m", 4)]),
    "omitted repeated": values("1 _x3 5", [("m", 1)]),
    "omitted counts": values("1 _x2 5", [("{}", 2)], "count_over_time(m[1h])"),
    "stale": values("1 2 stale 4", [], time="2m"),
    "stale and back": values("1 2 stale 4", [("m", 4)]),
    "special": values("NaN Inf -Inf +Inf", [("m", ".inf")]),
    "hexadecimal": values("0x10 1 2", [("m", 0)]),
    "exponents": values("1e3 1E3 -1e-3 1.5e+2", [("m", 150)]),
    "exponent growing": values("1e3+1e3x3", [("m", 4000)]),
    "lookback": values("1", [("m", 1)], time="5m"),
    "beyond lookback": values("1", [], time="6m"),
    "future samples are not there": values("1 2 3 4 5 6", [("m", 4)], "m offset -2m"),
    "no values": values("", []),
    "no number": values("1 a 3", [("m", 3)]),
    "bad repetition": values("1xy", [("m", 3)]),
    "bad growing": values("1+x5", [("m", 3)]),
    "bad operator": values("1*2x5", [("m", 3)]),
    "bad series": expression("m", [], series="\n      - series: 'm{'\n        values: '1'\n"),
    "series with a space": expression(
        'm{a="b c"}', [('m{a="b c"}', 1)], series="\n      - series: 'm{a=\"b c\"}'\n        values: '1x20'\n"),
    "series of one name twice": expression(
        "m", [("m", 2)], series="\n      - series: 'm'\n        values: '1x20'\n      - series: 'm'\n        values: '2x20'\n"),
    "series without a name": expression(
        '{a="b"}', [('{a="b"}', 1)], series="\n      - series: '{a=\"b\"}'\n        values: '1x20'\n"),
    "buckets": expression(
        "histogram_quantile(0.5, h_bucket)", [('{}', 1.5)], series="""
      - series: 'h_bucket{le="1"}'
        values: '5x20'
      - series: 'h_bucket{le="2"}'
        values: '15x20'
      - series: 'h_bucket{le="+Inf"}'
        values: '15x20'
"""),
    "another interval": file(
        case(expressions(("up{instance='x'}", "12s", [('up{job="a",instance="x"}', 0)])), head="interval: 5s"),
        head="evaluation_interval: 5s"),
    "default interval": file(case(expressions(("up{instance='x'}", "60s", [('up{job="a",instance="x"}', 0)])), head="name: t"),
                             head="evaluation_interval: 30s"),
    "no intervals": "rule_files: [rules.yml]\ntests:\n" + case(
        expressions(("job:up:sum{job='a'}", "1m", [('job:up:sum{job="a"}', 2)])), head="name: t"),
    "series between evaluations": file(case(expressions(("up{instance='x'}", "90s", [('up{job="a",instance="x"}', 1)])),
                                            head="interval: 45s")),
    # Rules.
    "order as in the file": file(case(expressions(("late", "1m", [('late{job="a",instance="y"}', 11)]))), rules="ordered.yml",
                                 head="evaluation_interval: 1m\ngroup_eval_order: [second, first]"),
    "order as asked": file(case(expressions(("late{instance='y'}", "0m", [('late{job="a",instance="y"}', 11)]))), rules="ordered.yml",
                           head="evaluation_interval: 1m\ngroup_eval_order: [first, second]"),
    "order asked, nothing at first": file(case(expressions(("late{instance='y'}", "0m", []))), rules="ordered.yml",
                                          head="evaluation_interval: 1m\ngroup_eval_order: [second, first]"),
    "order repeated": file(case(), head="group_eval_order: [a, a]"),
    "rule fails": file(case(expressions(("up", "1m", []))), rules="failing.yml"),
    "limit": file(case(alerts(("1m", "Up", []))), rules="limited.yml"),
    "recorded series end": file(case(expressions(("seen{instance='x'}", "3m", []))), rules="stale.yml"),
    "recorded series seen": file(case(expressions(("count(seen)", "1m", [("{}", 2)]))), rules="stale.yml"),
    "given and recorded": file(case(expressions(("given", "1m", [('given{job="a",instance="y"}', 7)])), series="""
      - series: 'up{job="a",instance="y"}'
        values: '1x10'
      - series: 'given{job="a",instance="y"}'
        values: '7x10'
"""), rules="clash.yml"),
    "recorded twice": file(case(expressions(("twice", "1m", [("twice", 1)]))), rules="twice.yml"),
    "recorded twice, differently": file(case(expressions(("twice", "1m", [("twice", 1)]))), rules="twice2.yml"),
    # promtool takes the groups in another order each time; at 4m it does not matter.
    "pattern": file(case(expressions(("count(late)", "4m", [("{}", 3)]))), rules='"ord*.yml"'),
    "pattern without files": file(case(expressions(("up > 1", "5m", []))), rules='"none*.yml"'),
    "file without pattern missing": file(case(expressions(("up > 1", "5m", []))), rules="none.yml"),
    "pattern and file": file(case(expressions(("count(late)", "4m", [("{}", 3)]))), rules='"ord*.yml", ordered.yml'),
    "no rule files": "tests:\n" + case(expressions(("count(up)", "5m", [("{}", 2)]))),
    "rule file with a mistake": file(case(), rules="bad.yml"),
    "rule file with a mistake, no tests": "rule_files: [bad.yml]\n",
    # Files.
    "empty": "",
    "no tests": "rule_files: [rules.yml]\n",
    "empty test": file("  - {}\n"),
    "only a name": file("  - name: nothing\n"),
    "several tests": file(case(alerts(("5m", "Down", []))), case(expressions(("up", "1m", []))), "  - name: ok\n"),
    "unknown key": file(case()) + "foo: 1\n",
    "unknown key in a test": file(case(head="intervall: 1m")),
    "unknown key of an alert": file(case("    alert_rule_test:\n      - {eval_time: 1m, alert: Down}\n")),
    "unknown key of a sample": file(case("    promql_expr_test:\n      - {expr: up, exp_samples: [{label: up}]}\n")),
    "bad duration": file(case(head="interval: fast")),
    "a number for a duration": file(case(head="interval: 60")),
    "no YAML": "tests: [\n",
    "a list": "- 1\n",
    "tests no list": "tests: 5\n",
    "anchors": file(case(expressions(("up > 1", "1m", [])), head="&a\n    interval: 1m")),
    "long": file(case(alerts(("5h", "Down", [])), expressions(("sum(up)", "5h", [])))),
}

FILES = {
    "rules.yml": RULES, "ordered.yml": ORDERED, "failing.yml": FAILING, "limited.yml": LIMITED, "stale.yml": STALE,
    "clash.yml": CLASH, "twice.yml": TWICE % 1, "twice2.yml": TWICE % 2, "bad.yml": "groups:\n  - name: g\n    rules: [{record: a, expr: 'sum('}]\n",
}


def prepare(directory, text):
    for name, content in FILES.items():
        (directory / name).write_text(content)
    (directory / "test.yml").write_text(text)


def run(program, *arguments, directory):
    return subprocess.run([program, *arguments], cwd=directory, capture_output=True, text=True, timeout=120)


def failures(text):
    """What both print; edgewatch adds the group, and the name of the test to every failure."""
    lines = [line for line in text.splitlines() if not re.match(r"    (group|name): ", line)]
    # Whose message of an error comes after this is his own.
    return [re.sub(r"(\berr: ).*", r"\1", line).rstrip() for line in lines if line.strip()]


# Where the words of an error are each program's own; the verdict is compared all the same.
OWN_WORDS = re.compile(r"bad|mistake|no YAML|no alertname|unknown|a list|no list|no number|negative growing|quoted value|for a duration|repeated$|order repeated")


# Where Prometheus 3 differs from Debian's 2.42: promtool's exit code, ours, and why.
DIFFERENCES = {
    "subquery with the default step": (1, 0, "ranges have no sample at their beginning since 3.0"),
    "lookback": (0, 1, "a sample is found for less than the lookback since 3.0, for all of it before"),
    "default interval": (1, 0, "a test without an interval has the evaluation interval; 2.42 has 0 s"),
}


@pytest.mark.parametrize("name", CASES)
def test_like_promtool(name, tmp_path):
    prepare(tmp_path, CASES[name])
    theirs = run(peer("promtool"), "test", "rules", "test.yml", directory=tmp_path)
    ours = run(BINARY, "test", "rules", "test.yml", directory=tmp_path)
    if name in DIFFERENCES:
        assert (theirs.returncode, ours.returncode) == DIFFERENCES[name][:2]
        return
    assert ours.returncode == theirs.returncode, f"{theirs.stderr}\n{ours.stderr}"
    assert ours.stdout.split() == theirs.stdout.split() or ours.returncode
    if not OWN_WORDS.search(name):
        assert failures(ours.stderr) == failures(theirs.stderr)


MANY = """
      - series: 'up{job="a",instance="x"}'
        values: '1 1 0x20'
      - series: 'up{job="b",instance="y"}'
        values: '1 _ 0 stale 0.1 1e-7 _x3 NaN Inf -Inf 1.5e300x5'
      - series: 'c_total{job="a",code="200"}'
        values: '0+7.3x12 3+0.1x20'
      - series: 'c_total{job="a",code="500"}'
        values: '5 _x4 9-0.25x20'
      - series: 'h_bucket{le="0.5",job="a"}'
        values: '0+2x30'
      - series: 'h_bucket{le="2.5",job="a"}'
        values: '0+3x30'
      - series: 'h_bucket{le="+Inf",job="a"}'
        values: '0+4x30'
      - series: 'odd{text="a\\"b\\\\c, ü"}'
        values: '-1+0.3x30'
"""
# Ranges begin between two samples, so that it does not matter whether one there counts.
EXPRESSIONS = [
    "up", "c_total", "odd", "-up", "+odd", "up == 1", "up != bool 1", "c_total > 40", "c_total % 7", "c_total ^ 0.5", "up / 0",
    "c_total / ignoring(code) group_left up{job='a'}", "sum(c_total)", "sum by (job) (c_total)", "sum without (code) (c_total)",
    "avg(c_total)", "min(up)", "max(up)", "count by (job) (c_total)", "stddev(c_total)", "stdvar(c_total)", "group(up)",
    "topk(1, c_total)", "bottomk(1, c_total)", "quantile(0.3, c_total)", 'count_values("value", up)', "rate(c_total[250s])",
    "increase(c_total[250s])", "irate(c_total[250s])", "delta(odd[250s])", "idelta(odd[250s])", "deriv(odd[250s])",
    "predict_linear(odd[250s], 3600)", "changes(up[250s])", "resets(c_total[550s])", "avg_over_time(odd[250s])",
    "sum_over_time(up[250s])", "min_over_time(up[250s])", "max_over_time(odd[250s])", "count_over_time(up[550s])",
    "last_over_time(up[250s])", "present_over_time(up[250s])", "quantile_over_time(0.9, odd[250s])", "stddev_over_time(odd[250s])",
    "stdvar_over_time(odd[250s])", "absent(none)", 'absent(none{a="b"})', "absent_over_time(none[5m])", "histogram_quantile(0.9, h_bucket)",
    "histogram_quantile(0.5, rate(h_bucket[250s]))", "abs(odd)", "ceil(odd)", "floor(odd)", "round(odd, 0.5)", "exp(odd)", "ln(odd)",
    "log2(c_total)", "log10(c_total)", "sqrt(c_total)", "sgn(odd)", "clamp(odd, 0, 1)", "clamp_max(odd, 0)", "sin(odd)", "atan(odd)",
    "deg(odd)", "hour()", "day_of_week(vector(1e9))", "days_in_month(vector(1e9))", "year(vector(1e9))", "timestamp(up)", "time()",
    "scalar(up)", "vector(0.1)", "sort(c_total)", "sort_desc(c_total)", 'label_replace(up, "a", "$1-x", "instance", "(.*)")',
    'label_join(up, "a", "/", "job", "instance")', "up and on(job) c_total", "up or odd", "up unless on(job) c_total",
    "c_total offset 90s", "c_total @ 90", "max_over_time(sum(c_total)[250s:60s])", "1e-5", "1e6 * 1.5", "0.1 + 0.2", "-0.0",
    "9007199254740993", "1 / 3", "pi()",
]


def test_answers_in_promtools_words(tmp_path):
    """Nothing is expected of many expressions at several times, so that both say what they got."""
    cases = [(text, time, []) for time in ("0s", "4m30s", "13m30s") for text in EXPRESSIONS]
    prepare(tmp_path, file(case(expressions(*cases), head="interval: 1m", series=MANY), rules="stale.yml"))
    theirs = run(peer("promtool"), "test", "rules", "test.yml", directory=tmp_path)
    ours = run(BINARY, "test", "rules", "test.yml", directory=tmp_path)
    assert ours.returncode == theirs.returncode == 1
    # Logarithms and the like may differ in their last digit.
    got, expected = (
        [re.sub(r"-?\d(?:\.\d+)?E[+-]\d+", lambda match: f"{float(match[0]):.13E}", line) for line in failures(text.stderr)]
        for text in (ours, theirs)
    )
    assert len(expected) > 500
    assert got == expected


def test_enough_of_both_kinds():
    """The comparison means something only while there are passing and failing files."""
    assert len(CASES) > 100


# ---- what Debian's promtool does not have yet -------------------------------


def check(tmp_path, text, *flags):
    prepare(tmp_path, text)
    return run(BINARY, "test", "rules", *flags, "test.yml", directory=tmp_path)


HISTOGRAMS = """
      - series: 'h'
        values: '{{schema:1 sum:5 count:4 buckets:[1 2 1]}}+{{schema:1 sum:1 count:2 buckets:[0 1 1]}}x20'
"""


@pytest.mark.parametrize(
    ("query", "expected", "passes"),
    [
        ("h", "{{schema:1 count:8 sum:7 counter_reset_hint:not_reset buckets:[1 4 3]}}", True),
        ("h", "{{schema:1 count:8 sum:7 buckets:[1 4 3]}}", False),
        ("h", "{{schema:1 count:8 sum:7 counter_reset_hint:not_reset buckets:[1 4 4]}}", False),
        ("sum(rate(h[2m]))", "{{schema:1 count:0.03333333333333333 sum:0.016666666666666666 counter_reset_hint:gauge offset:1 buckets:[0.016666666666666666 0.016666666666666666]}}", True),
        ("h * 0", "{{schema:1}}", False),
        ("h", "{{schema:1", False),
        ("h", "5", False),
    ],
)
def test_histograms(tmp_path, query, expected, passes):
    labels = "h" if query == "h" else "{}"
    text = "tests:\n" + case(
        f"    promql_expr_test:\n      - expr: {query}\n        eval_time: 2m\n        exp_samples:\n"
        f"          - labels: '{labels}'\n            histogram: '{expected}'\n",
        series=HISTOGRAMS,
    )
    result = check(tmp_path, text)
    assert result.returncode == (0 if passes else 1), result.stderr
    if not passes and query == "h" and expected.endswith("}}"):
        assert "got: {__name__=\"h\"} {{schema:1 count:8 sum:7 counter_reset_hint:not_reset buckets:[1 4 3]}}" in result.stderr


def test_start_timestamp(tmp_path):
    for start in ("1700000000", "2023-11-14T22:13:20Z"):
        text = file(case(
            f"    start_timestamp: {start}\n",
            expressions(("time()", "1m", [("{}", 1700000060)]), ("timestamp(up{instance='y'})", "10m", [
                ('{job="a",instance="y"}', 1700000600)])),
            alerts(("5m", "Down", [(DOWN_X, SUMMARY_X)]))))
        result = check(tmp_path, text)
        assert result.returncode == 0, result.stderr
    assert check(tmp_path, file(case("    start_timestamp: noon\n"))).returncode == 1


def test_fuzzy_compare(tmp_path):
    text = expression("vector(0.1) + vector(0.2)", [("{}", 0.3)])
    assert check(tmp_path, text).returncode == 1
    assert check(tmp_path, text + "fuzzy_compare: true\n").returncode == 0
    text = expression("vector(0.1) + vector(0.2)", [("{}", 0.3000000000000002)])
    assert check(tmp_path, text + "fuzzy_compare: true\n").returncode == 1


def test_not_a_number_is_itself(tmp_path):
    assert check(tmp_path, expression("vector(NaN)", [("{}", ".nan")])).returncode == 0


def test_run_chooses(tmp_path):
    text = file(
        case(alerts(("5m", "Down", [])), head="name: bad one\n    interval: 1m"),
        case(alerts(("1m", "Down", [])), head="name: good one\n    interval: 1m"),
    )
    assert check(tmp_path, text).returncode == 1
    assert check(tmp_path, text, "--run", "good").returncode == 0
    assert check(tmp_path, text, "--run", "^nothing$", "--run", "g.*d").returncode == 0
    assert check(tmp_path, text, "--run", "one").returncode == 1
    assert "(" in check(tmp_path, text, "--run", "(").stderr


def test_differences(tmp_path):
    result = check(tmp_path, expression("up", [('up{job="a",instance="x"}', 0), ('up{job="a",instance="y"}', 2)], "4m"), "--diff")
    assert result.returncode == 1
    assert result.stderr.splitlines()[2:] == [
        "        diff:",
        '              {__name__="up", instance="x", job="a"} 0E+00',
        '            - {__name__="up", instance="y", job="a"} 2E+00',
        '            + {__name__="up", instance="y", job="a"} 1E+00',
        '            + {__name__="up", instance="z", job="b"} 0E+00',
    ]


def test_junit(tmp_path):
    text = file(case(alerts(("5m", "Down", [])), head="name: <one>\n    interval: 1m"), "  - name: two\n", "  - {}\n")
    assert check(tmp_path, text, "--junit", "out.xml").returncode == 1
    suites = xml.etree.ElementTree.parse(tmp_path / "out.xml").getroot()
    (suite,) = suites
    assert (suites.tag, suite.tag) == ("testsuites", "testsuite")
    assert {key: suite.get(key) for key in ("name", "tests", "failures", "errors")} == {
        "name": "test.yml", "tests": "3", "failures": "1", "errors": "0"}
    assert [case_.get("name") for case_ in suite] == ["<one>", "two", "unnamed#2"]
    assert [len(case_) for case_ in suite] == [1, 0, 0]
    assert "alertname: Down, time: 5m" in suite[0][0].text
    check(tmp_path, "tests: 5\n", "--junit", "out.xml")
    (suite,) = xml.etree.ElementTree.parse(tmp_path / "out.xml").getroot()
    assert suite.get("errors") == "1" and "test.yml:1:8" in suite[0][0].text


def test_debug_shows_series(tmp_path):
    result = check(tmp_path, file(case(expressions(("up > 1", "1m", [])), head="name: t")), "--debug")
    assert result.returncode == 0
    assert 'DEBUG:   {__name__="job:up:sum", job="a"} 2E+00' in result.stdout


def test_features(tmp_path):
    text = expression("mad_over_time(up{instance='y'}[5m])", [('{job="a",instance="y"}', 0)])
    assert check(tmp_path, text).returncode == 1
    assert check(tmp_path, text, "--enable-feature=promql-experimental-functions").returncode == 0


def test_rules_of_this_program(tmp_path):
    """Rule kinds that Prometheus does not have are tested the same way."""
    (tmp_path / "own.yml").write_text(
        "groups: [{name: g, rules: [{alert: Odd, type: seasonal, expr: up, deviation_threshold: 3sigma}]}]\n")
    result = check(tmp_path, file(case(alerts(("5m", "Odd", []))), rules="own.yml"))
    assert result.returncode == 0, result.stderr


def test_missing_file(tmp_path):
    result = run(BINARY, "test", "rules", "none.yml", directory=tmp_path)
    assert result.returncode == 1 and "none.yml" in result.stderr
    assert run(BINARY, "test", "rules", directory=tmp_path).returncode == 1
