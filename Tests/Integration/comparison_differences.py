# SPDX-License-Identifier: Apache-2.0
"""What edgewatch, as Prometheus 3 does, answers in another way than Prometheus 2.42: title, reason, and for each query both
answers as `comparison.written` has them. docs/promql.md has the titles and reasons. Numbers after # are those of
Prometheus' own changes.

The answers are those at AT, on a whole step of `aligned`; of a query that must move, those of the range STEPS."""

from comparison_data import BASE

AT = BASE + 2400
STEPS = (BASE + 2403, BASE + 2463, 30)
MOVING = "`@` holds the window of `predict_linear`"
# Where 2.42 answers what the processor makes of it.
OF_AMD64 = {"What is no date", "Logarithms of subnormal numbers"}

DIFFERENCES = [
    (
        "Windows are open on the left",
        "Since 3.0 a sample exactly as old as a range is long, or as an instant selector looks back, is outside; so is "
        "a step of a subquery there.",
        [
            ('count_over_time(aligned{number="0"}[1m])', '{number="0"} 4', '{number="0"} 5'),
            ('aligned{number="0"}[30s]', 'aligned{number="0"} 238.5 240', 'aligned{number="0"} 237 238.5 240'),
            ('rate(aligned{number="0"}[15s])', "nothing", '{number="0"} 0.1'),
            ('absent_over_time(aligned{number="0"}[15s] @ 1709253600)', '{number="0"} 1', "nothing"),
            ("count_over_time(vector(1)[1m:15s])", "{} 4", "{} 5"),
            ("sum_over_time(vector(1)[30s:10s] offset 10s)", "{} 3", "{} 4"),
            ('max_over_time(rate(aligned{number="0"}[15s])[1m:15s])', "nothing", '{number="0"} 0.1'),
            ('aligned{number="0"} @ 1709253885', "nothing", 'aligned{number="0"} 478.5'),
        ],
    ),
    (
        "A counter's zero only shortens",
        "Since 2.51 the time at which a counter would have been zero only shortens the span a rate is extended by; "
        "before, it could also stand for the gap at the window's start.",
        [
            ('increase(stale{number="2"}[5m] @ 1709248818)', '{number="2"} 1.60853333', '{number="2"} 1.7752'),
            ('rate(stale{number="2"}[5m] @ 1709248818)', '{number="2"} 0.00536177778', '{number="2"} 0.00591733333'),
            (
                'increase(gauge{instance="b:1",k="1"}[3m] @ 1709252398)',
                '{instance="b:1", job="api", k="1"} 203.803283',
                '{instance="b:1", job="api", k="1"} 211.942399',
            ),
        ],
    ),
    (
        "Sums keep what rounding loses",
        "Since 3.0 `sum` and `avg` are compensated (#14074, #14413), as over time they were before.",
        [
            ("sum(cancel)", "{} 1", "{} 0"),
            ("avg(cancel)", "{} 0.333333333", "{} 0"),
            ("sum(cancel) by (job)", "{} 1", "{} 0"),
        ],
    ),
    (
        "The deviation of one infinity",
        "`stddev` and `stdvar` of a value that is not finite are NaN, also when it is the only one.",
        [
            ('stddev(special{kind="inf"})', "{} NaN", "{} 0"),
            ('stdvar(special{kind="ninf"})', "{} NaN", "{} 0"),
            ('stddev(special{kind="nan"})', "{} NaN", "{} 0"),
        ],
    ),
    (
        "A sum that overflows stays infinite",
        "Since 3.0 what a sum lost to rounding is forgotten when the sum overflows; in 2.42 it became NaN, and the slope with it.",
        [('deriv(mixed{number="0"}[3m] @ 1709253703)', '{number="0"} -Inf', '{number="0"} NaN')],
    ),
    (
        "Matches are checked before comparisons filter",
        "Several series on the one side of a match are refused also when the comparison leaves one or none (#17668).",
        [
            (
                "up > on(job) (sum by (job) (up) * 1000)",
                "error: multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
                "nothing",
            ),
            (
                "gauge == on(job) (sum by (job) (level) * 1000)",
                "error: multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
                "nothing",
            ),
        ],
    ),
    (
        "`atan2` drops the name",
        "As all arithmetic does (#12595).",
        [
            ("constant atan2 2", '{room="hall"} 1.30162883', 'constant{room="hall"} 1.30162883'),
            ("2 atan2 constant", '{room="hall"} 0.269167493', 'constant{room="hall"} 0.269167493'),
            ("constant atan2 constant", '{room="hall"} 0.785398163', 'constant{room="hall"} 0.785398163'),
        ],
    ),
    (
        "`@` holds the window of `predict_linear`",
        "In range queries of 2.42 it went on with the steps, without further samples (#13559).",
        [
            ("predict_linear(constant[1m] @ end(), 60)", '{room="hall"} 7.25 7.25 7.25', '{room="hall"} 7.25 7.25'),
            (
                'predict_linear(level{job="db",instance="a:2",k="0"}[1m] @ 1709251203, 60)',
                '{instance="a:2", job="db", k="0"} 89.1748132 89.2551931 89.3355731',
                '{instance="a:2", job="db", k="0"} 89.1748132 100.288395',
            ),
        ],
    ),
    (
        "`.` matches a new line",
        "In regular expressions of matchers and of `label_replace`, since 3.0 (#14505).",
        [
            ('count(lines{text!~"first.*"})', "{} 3", "{} 4"),
            ('lines{text=~"first.second"}', 'lines{text="first\nsecond"} 1', "nothing"),
            ('count(lines{text=~".+"})', "{} 3", "{} 2"),
            (
                'label_replace(lines{text=~"(?s)f.+"}, "n", "yes", "text", ".*")',
                'lines{n="yes", text="first\nsecond"} 1',
                'lines{text="first\nsecond"} 1',
            ),
        ],
    ),
    (
        "Names are any UTF-8",
        "Since 3.0, quoted where they are no identifiers.",
        [
            (
                '{"constant"}',
                'constant{room="hall"} 7.25',
                'error: 1:2: parse error: unexpected string "\\"constant\\"" in label matching, expected identifier or "}"',
            ),
            (
                '{"constant", "room"="hall"}',
                'constant{room="hall"} 7.25',
                'error: 1:2: parse error: unexpected string "\\"constant\\"" in label matching, expected identifier or "}"',
            ),
            (
                'sum by ("room") (constant)',
                '{room="hall"} 7.25',
                'error: 1:9: parse error: unexpected string "\\"room\\"" in grouping opts, expected label',
            ),
            (
                'label_replace(constant, "a.b", "x", "", "")',
                'constant{a.b="x", room="hall"} 7.25',
                "error: invalid destination label name in label_replace(): a.b",
            ),
            (
                'label_replace(constant, "9a", "x", "", "")',
                'constant{9a="x", room="hall"} 7.25',
                "error: invalid destination label name in label_replace(): 9a",
            ),
            (
                'label_join(constant, "j j", "-", "room")',
                'constant{j j="hall", room="hall"} 7.25',
                "error: invalid destination label name in label_join(): j j",
            ),
            (
                'label_join(constant, "j", "-", "room", "j-j")',
                'constant{j="hall-", room="hall"} 7.25',
                "error: invalid source label name in label_join(): j-j",
            ),
            ('count_values("bad-label", constant)', '{bad-label="7.25"} 1', 'error: invalid label name "bad-label"'),
        ],
    ),
    (
        "Durations are numbers",
        "Since 3.0 (#15111), and numbers durations; offsets may be zero; arithmetic and `_` between digits came later.",
        [
            ("5m", "300", 'error: 1:1: parse error: unexpected duration "5m"'),
            ("constant == bool 1m", '{room="hall"} 0', 'error: 1:18: parse error: unexpected duration "1m"'),
            (
                "constant offset 5",
                'constant{room="hall"} 7.25',
                'error: 1:17: parse error: unexpected number "5" in offset, expected duration',
            ),
            (
                "constant offset 0s",
                'constant{room="hall"} 7.25',
                "error: 1:17: parse error: duration must be greater than 0",
            ),
            (
                "constant[30]",
                'constant{room="hall"} 7.25 7.25',
                "error: 1:10: parse error: missing unit character in duration",
            ),
            (
                "constant[15s * 2]",
                'constant{room="hall"} 7.25 7.25',
                'error: 1:14: parse error: unexpected <op:*> in subquery or range, expected ":" or "]"',
            ),
            (
                "constant offset -(5)",
                'constant{room="hall"} 7.25',
                'error: 1:18: parse error: unexpected "(" in offset, expected duration',
            ),
            (
                "constant[30s:step() + 15s]",
                'constant{room="hall"} 7.25 7.25',
                "error: 1:14: parse error: unexpected colon 's'",
            ),
            ("1_000", "1000", 'error: 1:1: parse error: bad number or duration syntax: "1"'),
        ],
    ),
    (
        "`holt_winters` has another name",
        "It is `double_exponential_smoothing` since 3.0, behind a flag (#14930). The comparison asks each side by its "
        "name.",
        [
            (
                "holt_winters(constant[5m], 0.3, 0.1)",
                'error: 1:1: parse error: unknown function with name "holt_winters"',
                '{room="hall"} 7.25',
            ),
            (
                "double_exponential_smoothing(constant[5m], 0.3, 0.1)",
                '{room="hall"} 7.25',
                'error: 1:1: parse error: unknown function with name "double_exponential_smoothing"',
            ),
        ],
    ),
    (
        "Functions and operators that came later",
        "2.42 does not know them.",
        [
            (
                "first_over_time(constant[1m])",
                'constant{room="hall"} 7.25',
                'error: 1:1: parse error: unknown function with name "first_over_time"',
            ),
            (
                "mad_over_time(constant[1m])",
                '{room="hall"} 0',
                'error: 1:1: parse error: unknown function with name "mad_over_time"',
            ),
            (
                "ts_of_first_over_time(constant[30s])",
                '{room="hall"} 1.70925117e+09',
                'error: 1:1: parse error: unknown function with name "ts_of_first_over_time"',
            ),
            (
                "ts_of_last_over_time(constant[30s])",
                '{room="hall"} 1.70925119e+09',
                'error: 1:1: parse error: unknown function with name "ts_of_last_over_time"',
            ),
            (
                "ts_of_min_over_time(constant[30s])",
                '{room="hall"} 1.70925119e+09',
                'error: 1:1: parse error: unknown function with name "ts_of_min_over_time"',
            ),
            (
                "ts_of_max_over_time(constant[30s])",
                '{room="hall"} 1.70925119e+09',
                'error: 1:1: parse error: unknown function with name "ts_of_max_over_time"',
            ),
            (
                'sort_by_label(constant, "room")',
                'constant{room="hall"} 7.25',
                'error: 1:1: parse error: unknown function with name "sort_by_label"',
            ),
            (
                'sort_by_label_desc(constant, "room")',
                'constant{room="hall"} 7.25',
                'error: 1:1: parse error: unknown function with name "sort_by_label_desc"',
            ),
            (
                "limitk(1, constant)",
                'constant{room="hall"} 7.25',
                'error: 1:1: parse error: unknown function with name "limitk"',
            ),
            (
                "limit_ratio(1, constant)",
                'constant{room="hall"} 7.25',
                'error: 1:1: parse error: unknown function with name "limit_ratio"',
            ),
            (
                'histogram_avg(native{job="db"})',
                '{instance="a:2", job="db"} 5.17713004',
                'error: 1:1: parse error: unknown function with name "histogram_avg"',
            ),
            (
                'histogram_stddev(native{job="db"})',
                '{instance="a:2", job="db"} 4.71362747',
                'error: 1:1: parse error: unknown function with name "histogram_stddev"',
            ),
            (
                'histogram_stdvar(native{job="db"})',
                '{instance="a:2", job="db"} 22.2182839',
                'error: 1:1: parse error: unknown function with name "histogram_stdvar"',
            ),
            (
                'histogram_quantiles(coarse_bucket, "q", 0.5)',
                '{instance="a:1", job="api", q="0.5"} 0.550608015',
                'error: 1:1: parse error: unknown function with name "histogram_quantiles"',
            ),
            (
                'info(up{instance="a:1"})',
                'up{instance="a:1", job="api", region="us", zone="z0"} 1',
                'error: 1:1: parse error: unknown function with name "info"',
            ),
            ("min_of(1, 2)", "1", 'error: 1:1: parse error: unknown function with name "min_of"'),
            ("max_of(1, 2)", "2", 'error: 1:1: parse error: unknown function with name "max_of"'),
            ("start()", "1.7092512e+09", 'error: 1:6: parse error: unexpected "("'),
            ("end()", "1.7092512e+09", 'error: 1:4: parse error: unexpected "("'),
            ("step()", "0", 'error: 1:1: parse error: unknown function with name "step"'),
            ("range()", "0", 'error: 1:1: parse error: unknown function with name "range"'),
            (
                'native{job="db"} </ 1',
                'native{instance="a:2", job="db"} histogram of 1399',
                "error: 1:19: parse error: unexpected <op:/>",
            ),
            (
                'native{job="db"} >/ 1',
                'native{instance="a:2", job="db"} histogram of 1500',
                "error: 1:19: parse error: unexpected <op:/>",
            ),
        ],
    ),
    (
        "`histogram_fraction` of classic histograms",
        "2.42 answers for native ones only.",
        [
            ("histogram_fraction(0, 1, coarse_bucket)", '{instance="a:1", job="api"} 0.908087035', "nothing"),
            (
                'histogram_fraction(-Inf, Inf, latency_bucket{instance="a:1"})',
                '{instance="a:1", job="api"} 1',
                "nothing",
            ),
        ],
    ),
    (
        "Quantiles of native histograms",
        "Since 3.0 they are interpolated exponentially within a bucket, before linearly.",
        [
            (
                'histogram_quantile(0.1, native{job="db"})',
                '{instance="a:2", job="db"} -2.59648365',
                '{instance="a:2", job="db"} -2.75311828',
            ),
            (
                "histogram_quantile(0.5, native)",
                '{instance="a:1", job="api"} 0.865470607; {instance="a:2", job="db"} 1.04790895; {instance="b:1", job="api"} 1.95407784',
                '{instance="a:1", job="api"} 0.895778364; {instance="a:2", job="db"} 1.06751337; {instance="b:1", job="api"} 1.95734488',
            ),
            (
                "histogram_quantile(0.9, rate(native[5m]))",
                '{instance="a:1", job="api"} 19.6458658; {instance="a:2", job="db"} 2.94702492; {instance="b:1", job="api"} 4.45540184',
                '{instance="a:1", job="api"} 20.7384615; {instance="a:2", job="db"} 3.11851852; {instance="b:1", job="api"} 4.47091549',
            ),
        ],
    ),
    (
        "Native histograms in operators and functions",
        "An experiment in 2.42, where most operators and functions leave a histogram as it is, or take it for the "
        "number 0.",
        [
            (
                'native{job="db"} * 2',
                '{instance="a:2", job="db"} histogram of 5798',
                '{instance="a:2", job="db"} histogram of 2899',
            ),
            (
                '2 * native{job="db"}',
                '{instance="a:2", job="db"} histogram of 5798',
                '{instance="a:2", job="db"} histogram of 2899',
            ),
            (
                'native{job="db"} / 2',
                '{instance="a:2", job="db"} histogram of 1449.5',
                '{instance="a:2", job="db"} histogram of 2899',
            ),
            (
                '-native{job="db"}',
                '{instance="a:2", job="db"} histogram of -2899',
                '{instance="a:2", job="db"} histogram of 2899',
            ),
            ('native{job="db"} + 1', "nothing", '{instance="a:2", job="db"} histogram of 2899'),
            ('native{job="db"} ^ 2', "nothing", '{instance="a:2", job="db"} histogram of 2899'),
            ('native{job="db"} % 2', "nothing", '{instance="a:2", job="db"} histogram of 2899'),
            ('native{job="db"} atan2 native', "nothing", 'native{instance="a:2", job="db"} 0'),
            ('native{job="db"} - native', '{instance="a:2", job="db"} histogram of 0', '{instance="a:2", job="db"} 0'),
            (
                'native{job="db"} == native',
                'native{instance="a:2", job="db"} histogram of 2899',
                'native{instance="a:2", job="db"} 0',
            ),
            ('abs(native{job="db"})', "nothing", '{instance="a:2", job="db"} 0'),
            ('sgn(native{job="db"})', "nothing", '{instance="a:2", job="db"} 0'),
            ('round(native{job="db"})', "nothing", '{instance="a:2", job="db"} 0'),
            ('clamp(native{job="db"}, 1, 2)', "nothing", '{instance="a:2", job="db"} 1'),
            ('hour(native{job="db"})', "nothing", '{instance="a:2", job="db"} 0'),
            ('scalar(native{job="db"})', "NaN", "0"),
            ('sort(native{job="db"})', "nothing", 'native{instance="a:2", job="db"} histogram of 2899'),
            ('sort_desc(native{job="db"})', "nothing", 'native{instance="a:2", job="db"} histogram of 2899'),
            (
                'label_replace(native{job="db"}, "n", "x", "", "")',
                'native{instance="a:2", job="db", n="x"} histogram of 2899',
                'native{instance="a:2", job="db", n="x"} 0',
            ),
            (
                'label_join(native{job="db"}, "n", "-", "job")',
                'native{instance="a:2", job="db", n="db"} histogram of 2899',
                'native{instance="a:2", job="db", n="db"} 0',
            ),
        ],
    ),
    (
        "Native histograms in aggregations",
        "The same; a group of numbers and histograms is dropped, and what has no meaning for histograms leaves them "
        "out.",
        [
            ('avg(native{job="db"})', "{} histogram of 2899", "{} 0"),
            ("min(native)", "nothing", "{} 0"),
            ("max(native)", "nothing", "{} 0"),
            ("stddev(native)", "nothing", "{} 0"),
            ("stdvar(native)", "nothing", "{} 0"),
            ("quantile(0.5, native)", "nothing", "{} 0"),
            ("topk(1, native)", "nothing", 'native{instance="a:1", job="api"} 0'),
            ("bottomk(1, native)", "nothing", 'native{instance="a:1", job="api"} 0'),
            (
                'count_values("v", native{job="db"})',
                '{v="{count:2899, sum:15008.5, [-4,-2):465, [-0.001,0.001]:177, (0.5,1]:757, (1,2]:748, (2,4]:752}"} 1',
                '{v="0"} 1',
            ),
            ('avg({__name__=~"native|up"})', "nothing", "{} 0.571428571"),
            ('min({__name__=~"native|up",instance="a:1"})', "{} 1", "{} 0"),
        ],
    ),
    (
        "Native histograms over time",
        "The same.",
        [
            (
                'last_over_time(native{job="db"}[5m])',
                'native{instance="a:2", job="db"} histogram of 2899',
                'native{instance="a:2", job="db"} 0',
            ),
            (
                'sum_over_time(native{job="db"}[1m])',
                '{instance="a:2", job="db"} histogram of 11558',
                '{instance="a:2", job="db"} 0',
            ),
            (
                'avg_over_time(native{job="db"}[1m])',
                '{instance="a:2", job="db"} histogram of 2889.5',
                '{instance="a:2", job="db"} 0',
            ),
            ('min_over_time(native{job="db"}[1m])', "nothing", '{instance="a:2", job="db"} 0'),
            ('max_over_time(native{job="db"}[1m])', "nothing", '{instance="a:2", job="db"} 0'),
            ('stddev_over_time(native{job="db"}[1m])', "nothing", '{instance="a:2", job="db"} 0'),
            ('stdvar_over_time(native{job="db"}[1m])', "nothing", '{instance="a:2", job="db"} 0'),
            ('quantile_over_time(0.5, native{job="db"}[1m])', "nothing", '{instance="a:2", job="db"} 0'),
            ('changes(native{job="db"}[1m])', '{instance="a:2", job="db"} 3', '{instance="a:2", job="db"} 0'),
            (
                'irate(native{job="db"}[1m])',
                '{instance="a:2", job="db"} histogram of 0.4666666666666667',
                '{instance="a:2", job="db"} 0',
            ),
            (
                'idelta(native{job="db"}[1m])',
                '{instance="a:2", job="db"} histogram of 7',
                '{instance="a:2", job="db"} 0',
            ),
            ('deriv(native{job="db"}[1m])', "nothing", '{instance="a:2", job="db"} 0'),
            ('predict_linear(native{job="db"}[1m], 5)', "nothing", '{instance="a:2", job="db"} 0'),
        ],
    ),
    (
        "What is no date",
        "NaN, the infinities and what no 64-bit second can say. Go's conversion leaves it to the processor which second "
        "they are; here they are NaN.",
        [
            ("day_of_month(vector(NaN))", "{} NaN", "{} 4"),
            ("month(vector(Inf))", "{} NaN", "{} 12"),
            ("hour(vector(-Inf))", "{} NaN", "{} 15"),
            ("minute(vector(NaN))", "{} NaN", "{} 30"),
            ("day_of_week(vector(NaN))", "{} NaN", "{} 0"),
            ("day_of_year(vector(NaN))", "{} NaN", "{} 339"),
            ("days_in_month(vector(NaN))", "{} NaN", "{} 31"),
            ("year(vector(1e300))", "{} NaN", "{} 2.92277027e+11"),
        ],
    ),
    (
        "Logarithms of subnormal numbers",
        "Go 1.19 on amd64, which Debian's is built with, has those of the smallest normal number.",
        [
            ('ln(special{kind="tiny"})', '{kind="tiny"} -744.440072', '{kind="tiny"} -709.089566'),
            ('log10(special{kind="tiny"})', '{kind="tiny"} -323.306215', '{kind="tiny"} -307.953686'),
        ],
    ),
]
