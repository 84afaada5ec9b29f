# SPDX-License-Identifier: Apache-2.0
"""The queries of the comparison with Prometheus: a list by hand with everything 2.42 knows, and a seeded grammar.

They are asked at times that end in 3 or 8 seconds and by steps of whole multiples of 5 s; subqueries of subqueries have
ranges that are no multiple of their step. So nothing lies on a window's left edge, where 3.0 moved the bound."""

import itertools
import random

from comparison_data import BASE, END

INSTANTS = [BASE + 2403, BASE + 3598]
# (start, end, step): finer than the samples lie, as a dashboard asks, and from before the first to after the last.
RANGES = [(BASE + 2403, BASE + 2703, 10), (BASE + 603, BASE + 3003, 120), (BASE - 297, END + 603, 400)]

SELECTORS = """
gauge | gauge{k="0"} | gauge{k!="0"} | gauge{k=~"0|2"} | gauge{instance!~"a.*"} | {__name__="gauge"} | {__name__=~"gauge|level"}
{__name__=~"g.+", job="api"} | gauge{missing=""} | gauge{missing!=""} | gauge{k=~".*"} | gauge{k=~".+", missing=~""} | gauge{job=""}
gauge{instance=~"a:.", k="1"} | gauge{job=~"(?i)API"} | gauge{job=~"a[o-q]i|d."} | gauge{job=~"ap"} | gauge{job!~"ap"} | gauge{__name__="gauge"}
nothing | {job="nobody"} | visitor | stale | special | mixed | sometimes | lines | constant | by:rule:sum | by:rule:sum{a="x"}
lines{text=~"f[a-z]+\\nsecond"} | lines{text=~"(?s)first.second"} | lines{text='größe \\U0001f600 "quoted\\\\'} | lines{text=`plain`} | lines{text!~"pl.*"}
{__name__=~".+", k="1", job="db"} | {job="api", __name__!="gauge"} | gauge offset 1m | gauge offset -1m
gauge @ 1709250003.5 | gauge @ start() | gauge @ end() | gauge offset 5m @ 1709251000 | gauge @ 1709251000 offset 5m | gauge @ end() offset -10s
visitor offset 20m | visitor offset 1h10m | stale offset 45s | visitor @ 0 | gauge @ -5 | gauge offset 1y | gauge offset 1w2d3h4m5s6ms
constant @ 9999999999999 | aligned | native | native{job="db"} | native offset 10m | GAUGE | up | target_info | build_info
"""

RANGE_FUNCTIONS = """
rate increase delta irate idelta deriv changes resets avg_over_time sum_over_time min_over_time max_over_time count_over_time
last_over_time present_over_time stddev_over_time stdvar_over_time absent_over_time
""".split()

RANGE_ARGUMENTS = """
requests_total[2m] | gauge[3m] | gauge{k="0"}[12s] | visitor[10m] offset 10m | stale[5m] | level[30m] @ end() | level[90s]
level[10m:20s] | requests_total[7m5s:] | nothing[5m]
""".strip()

NEAR_ZERO = ("gauge", "level", "stale")

SPECIAL_RANGE_FUNCTIONS = """
idelta changes resets avg_over_time sum_over_time min_over_time max_over_time count_over_time last_over_time present_over_time
stddev_over_time stdvar_over_time deriv delta rate increase irate
""".split()

VALUE_FUNCTIONS = """
abs ceil floor exp sqrt ln log2 log10 sgn sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh deg rad round
timestamp absent scalar sort sort_desc
""".split()

DATE_FUNCTIONS = "day_of_month day_of_week day_of_year days_in_month hour minute month year".split()

AGGREGATORS = "sum avg min max group count stddev stdvar".split()

LISTED = r"""
holt_winters(level[5m], 0.3, 0.1)
holt_winters(gauge[10m], 0.9, 0.9)
holt_winters(special[5m], 0.5, 0.5)
holt_winters(level[1m:10s], 0.01, 0.99)
holt_winters(level[5m], 1, 0.5)
holt_winters(level[5m], 0.5, 0)
predict_linear(level[5m], 60)
predict_linear(level[5m], -3600)
predict_linear(level[5m] offset 2m, 60)
predict_linear(constant[5m], 1e9)
predict_linear(special[5m], 60)
predict_linear(level[5m:1m], scalar(constant))
deriv(constant[5m])
deriv(level[5m] offset 1m)
deriv(level[5m:30s])
quantile_over_time(0, gauge[5m])
quantile_over_time(0.25, gauge[5m])
quantile_over_time(0.5, level[30m])
quantile_over_time(0.999, gauge[5m])
quantile_over_time(1, gauge[5m])
quantile_over_time(-0.1, gauge[5m])
quantile_over_time(1.1, gauge[5m])
quantile_over_time(NaN, gauge[5m])
quantile_over_time(0.5, mixed[3m])
quantile_over_time(0.3, sometimes[3m])
quantile_over_time(scalar(constant) / 10, level[5m])
quantile_over_time(0.5, level[5m:20s])
min_over_time(sometimes[2m])
max_over_time(sometimes[10s])
sum_over_time(cancel[5m])
avg_over_time(cancel[5m])
absent_over_time(nothing{a="b", c=~"d", e!="f"}[5m])
absent_over_time({a="b", a="c", x="y"}[5m])
absent_over_time(visitor{number="3"}[5m])
absent_over_time(rate(nothing[5m])[5m:1m])
absent(nothing)
absent(nothing{a="b", c="d"})
absent(nothing{a="b", a="c"})
absent(nothing{a=~"b"})
absent({__name__="nothing", job="x"})
absent(sum(nothing{job="x"}))
absent(visitor{number="3"})
absent(gauge > 1000)
absent(nothing{a="b"} offset 5m)
absent(absent(gauge))
scalar(gauge)
scalar(constant)
scalar(nothing)
scalar(constant) + scalar(constant)
vector(1)
vector(time())
vector(scalar(constant))
vector(NaN)
time()
time() - timestamp(constant)
timestamp(gauge)
timestamp(gauge offset 1m)
timestamp(gauge @ end())
timestamp(gauge @ 1709250000)
timestamp(gauge + 0)
timestamp(sum(gauge))
timestamp(timestamp(gauge))
timestamp(vector(1))
timestamp(abs(gauge))
pi()
2 * pi()
1
-1
+1
1.5e3
0x1F
010
1e-400
1e400
.5
5.
Inf
-Inf
+inf
NaN
nan
"a string"
'single \' quote'
`raw \n string`
"tab\t \x41 \u00e9 \101"
1 + 2 * 3 ^ 2 % 7
-2 ^ 2
2 ^ 3 ^ 2
2 ^ -1
10 % 3
-10 % 3
10 % -3
5.5 % 2
1 / 0
-1 / 0
0 / 0
1 % 0
0 ^ 0
1 atan2 -1
0 atan2 -1
(1 + 2) * (3 - 4)
1 > bool 2
1 == bool 1
NaN == bool NaN
NaN != bool NaN
1 < bool 2 < bool 3
-(1)
--1
- + - 2
-gauge
+gauge
-(-gauge)
-special
+special
- - special
round(gauge)
round(gauge, 0.1)
round(gauge, 5)
round(gauge, -3)
round(gauge, 0)
round(special, 0.5)
round(special, NaN)
round(whole / 2)
round(vector(2.5))
round(vector(-2.5))
round(vector(0.49999999999999994))
round(vector(4503599627370497))
round(level, scalar(constant))
clamp(gauge, 0, 30)
clamp(gauge, 30, 0)
clamp(gauge, NaN, 30)
clamp(gauge, 0, NaN)
clamp(special, -1, 1)
clamp(gauge, -Inf, Inf)
clamp(gauge, scalar(constant), 3 * scalar(constant))
clamp_min(gauge, 10)
clamp_min(gauge, NaN)
clamp_min(special, 0)
clamp_max(gauge, 10)
clamp_max(special, 0)
clamp_max(gauge, scalar(nothing))
sgn(special)
abs(special)
sqrt(special)
exp(special)
special ^ 2
special ^ 0.5
2 ^ special
special % 2
7 % special
special / 0
special * 0
special == special
special != special
special >= bool 0
special - special
special + Inf
deg(rad(gauge))
sin(gauge) ^ 2 + cos(gauge) ^ 2
day_of_week()
hour()
minute(vector(time() - 86400))
month(timestamp(gauge))
year(vector(1e9))
days_in_month(vector(1709251200))
days_in_month(vector(1677628799))
day_of_year(vector(1735689599))
hour(gauge * 1000)
minute(time() * vector(1))
label_replace(gauge, "n", "$1-x", "instance", "(.):.*")
label_replace(gauge, "n", "$2$1", "instance", "(.):(.)")
label_replace(gauge, "n", "${name}!", "job", "(?P<name>a.*)")
label_replace(gauge, "n", "$name", "job", "(?P<name>.*)")
label_replace(gauge, "n", "fixed", "missing", "")
label_replace(gauge, "n", "fixed", "missing", ".+")
label_replace(gauge, "n", "$0", "job", ".*")
label_replace(gauge, "k", "", "k", "0")
label_replace(gauge, "k", "$1", "k", "(nomatch)")
label_replace(gauge, "k", "same", "k", ".*")
label_replace(gauge, "__name__", "other_$1", "__name__", "(.*)")
label_replace(gauge, "__name__", "", "__name__", ".*")
label_replace(gauge, "n", "$1", "job", "(")
label_replace(gauge, "n", "$$1", "job", "(.*)")
label_replace(gauge, "n", "$1$3", "job", "(.*)")
label_replace(gauge, "n", "${1}0", "job", "(.*)")
label_replace(gauge, "n", "$10", "job", "(.*)")
label_replace(gauge, "job", "$1", "job", "a|(d.)")
label_replace(rate(requests_total[5m]), "n", "$1", "code", "(.).*")
label_replace(label_replace(gauge, "a", "$1", "job", "(.*)"), "b", "$1", "a", "(.*)")
label_replace(vector(1), "a", "b", "", "")
label_join(gauge, "j", "/", "job", "instance")
label_join(gauge, "j", "", "job", "missing", "k")
label_join(gauge, "job", "-", "k")
label_join(gauge, "k", "-", "missing")
label_join(gauge, "j", "-")
label_join(gauge, "__name__", "_", "__name__", "job")
label_join(gauge, "k", "-", "job")
sort(gauge)
sort_desc(gauge)
sort(special)
sort_desc(special)
sort(rate(requests_total[5m]))
sort_desc(sum by (job) (gauge))
topk(3, gauge)
topk(1, gauge)
topk(100, gauge)
topk(0, gauge)
topk(-1, gauge)
topk(2.9, gauge)
topk(NaN, gauge)
topk(Inf, gauge)
topk by (job) (1, gauge)
topk without (k) (1, gauge)
topk(2, gauge) by (k)
topk(scalar(constant), gauge)
topk(5, special)
topk(20, special)
bottomk(3, gauge)
bottomk(0, gauge)
bottomk by (job, k) (1, gauge)
bottomk without (instance) (2, gauge)
bottomk(5, special)
bottomk(2, rate(requests_total[5m]))
count_values("v", topk(3, sometimes))
count_values("v", bottomk(3, sometimes))
count_values("v", topk by (job) (1, up))
topk(2, topk(3, gauge))
quantile(0.5, gauge)
quantile(0, gauge)
quantile(1, gauge)
quantile(0.3, gauge) by (job)
quantile without (k, instance) (0.9, gauge)
quantile(-1, gauge)
quantile(2, gauge)
quantile(NaN, gauge)
quantile(0.5, special)
quantile(0.9, sometimes)
quantile(scalar(constant) / 10, gauge)
quantile(0.5, nothing)
count_values("value", whole)
count_values("value", special)
count_values by (job) ("value", up)
count_values("job", up) by (job)
count_values without (instance) ("value", up)
count_values("value", round(gauge, 20))
count_values("value", constant)
count_values("value", special / 3)
sum(special)
avg(special)
min(special)
max(special)
count(special)
group(special)
avg(special{kind=~"huge|one"})
sum(special{kind=~"huge|nhuge|one"})
stddev(special{kind=~"one|none|half"})
stdvar(special{kind=~"one|none|half"})
sum(gauge) by (__name__)
sum by (__name__, job) ({__name__=~"gauge|level"})
count by (__name__) ({__name__=~".+"})
count({__name__=~".+"})
count without (instance) (up)
sum without () (gauge)
sum by () (gauge)
sum by (missing) (gauge)
sum by (job, missing) (gauge)
sum by (job,) (gauge)
sum(sum by (job) (gauge)) by (job)
min(visitor)
max(max_over_time(visitor[5m]))
avg by (job) (rate(requests_total[5m]))
SUM(gauge)
sum BY (job) (gauge)
Sum Without (k) (gauge)
gauge AND level
gauge and level
gauge and on(job, instance, k) level
gauge or level
gauge or on(job) level
gauge unless level
gauge unless on(k) level{k="0"}
gauge and ignoring(k) level{k="0"}
gauge and on() vector(1)
gauge and on() nothing
gauge or on() vector(1)
nothing or vector(0)
gauge > 20 or gauge < 0
gauge > 20 and gauge < 40
gauge unless gauge > 20
(gauge or level) and on(job) up == 1
visitor or vector(1)
vector(1) or visitor
special and special{kind=~"n.*"}
gauge + gauge
gauge + level
gauge - ignoring(k) gauge
gauge + on(job, instance, k) level
gauge * on(job, instance) group_left up
gauge * on(job, instance) group_left(version) build_info
gauge * on(job, instance) group_left(version, label_3) build_info
gauge * on(job, instance) group_left(k) build_info
up * on(job, instance) group_right gauge
up * on(job, instance) group_right(k) gauge
build_info * on(job, instance) group_right(version) gauge
gauge * ignoring(k) group_left up
gauge * ignoring(k) group_left(region) target_info
gauge * on(job, instance) group_left(region, zone) target_info
gauge / on(job) group_left sum by (job) (gauge)
gauge / ignoring(instance, k) group_left sum by (job) (gauge)
sum by (job) (gauge) / on(job) group_right gauge
gauge * on(job) up
gauge * up
up * on(job) group_left gauge
gauge > on(job, instance) group_left up
gauge > bool on(job, instance) group_left up
gauge == on(job, instance) group_left(version) build_info
up == on(job, instance) build_info
up == bool on(job, instance) build_info
up != ignoring(version) build_info
gauge + on() group_left sum(level)
sum(gauge) + on() group_right level
sum(gauge) + sum(level)
sum(gauge) + on(x) sum(level)
gauge + on(missing) level
errors_total / requests_total
errors_total / ignoring(code) group_left sum without (code) (requests_total)
rate(errors_total[5m]) / rate(requests_total[5m])
sum by (job) (rate(errors_total[5m])) / sum by (job) (rate(requests_total[5m])) > 0.9
requests_total{code="500"} / ignoring(code) requests_total{code="200"}
requests_total{code="500"} / on(job, instance) requests_total{code="200"}
requests_total{code="500"} > on(job, instance) requests_total{code="200"}
requests_total{code="500"} <= bool on(job, instance) requests_total{code="200"}
gauge > 10
10 < gauge
gauge > bool 10
10 > bool gauge
gauge == 7
constant == 7.25
7.25 == constant
7.25 != bool constant
constant > scalar(constant) - 1
gauge >= level
gauge < bool level
gauge % 7
7 % gauge
gauge ^ 2
2 ^ gauge
gauge / 0
-gauge ^ 2
gauge * 2 + level / 3 - 1
1 - gauge > 0
gauge + bool 1
(special + 0) atan2 1
1 atan2 abs(special)
minute(vector(1e17))
year(vector(1e18))
delta(special[2m])
{__name__=~"up|lines"}
up
(up)
on
by
step
range
fill
anchored
smoothed
limitk
info
min_of
start
up{on="x"}
up{bool="", by=""}
sum by (on, bool, by, atan2) (up)
label_replace(up, "", "x", "job", ".*")
count_values("", up)
label_join(up, "", "-", "job")
absent(up{a="b\nc"})
absent(nothing{a="b", b=~"x|y", c=""})
quantile by (job) (0.5, gauge) offset 5m
"\xff"
'\u00zz'
'a' == 'a'
up == "a"
time() == 1
up[1m:]
up[1m:15s] @ end() offset 1m
((up))
sum((up))
-(up[1m])
up{,}
up{job="api",,}
sum by (job,,) (up)
sum by (,) (up)
max(up,)
clamp(up, 0, 1,)
up * on(job,instance,) group_left(version,) build_info
up@1709251200
up @ 1709251200.1234
up @ -1
up @ 1e9
up @ 0x65
up offset 1m30s
up[1m1m]
up[1s1m]
up[1.5m]
up offset 1m @ start()
sum(up) by (job) without (job)
sum by (job) (up) by (job)
1 = 1
1 == 1
1 and 1
up or 1
a{b='c'
a.b
a:b:c
:a
9a
_a
up{9a="b"}
up{a:b="c"}
nan > 1
inf % 2
1e308 * 10
0x1p4
1e
.
1..2
0b11
0o17
08
up > bool up
up > bool
bool up
up and bool up
up and on() up
up + on() up
up + ignoring() up
up + ignoring(job) group_left up
up + ignoring(job) group_right up
topk(scalar(whole{room="hall"}), gauge)
quantile(scalar(whole{room="hall"}) / 13, gauge)
clamp_max(gauge, scalar(whole{room="hall"}))
round(gauge, scalar(whole{room="hall"}))
predict_linear(level[5m], scalar(whole{room="hall"}))
quantile_over_time(scalar(whole{room="hall"}) / 13, level[5m])
histogram_quantile(scalar(whole{room="hall"}) / 13, latency_bucket)
label_replace(lines{text="plain"}, "n", "$1", "text", "(.*)")
1 > 2
gauge and 1
gauge + on(job) 1
gauge and on(job) group_left level
gauge * on(job) group_left(job) up
"a" + 1
sum("a")
rate(gauge)
rate(1)
rate(gauge[5m]) + gauge[5m]
gauge[5m]
gauge[5m] offset 1m
gauge[5m] @ 1709251000
gauge{k="0"}[1m:15s]
(gauge > 10)[2m:20s]
stale[10m]
visitor[80m] @ end()
native[1m]
mixed[2m]
nothing[5m]
gauge[5m:1m] offset 3m
gauge[0s]
gauge[5m:0s]
gauge[-5m]
gauge{
gauge}
gauge{k="0"
gauge{k=0}
gauge{"k"=}
gauge{k=~"("}
gauge{k=~"*"}
{}
{k=""}
{k=~".*"}
{k!="x"}
{__name__=~".*"}
sum(
sum()
sum(gauge, gauge)
sum(gauge) by job
topk(gauge)
nofunction(gauge)
gauge offset
gauge offset 5x
gauge @
gauge @ foo
gauge @ Inf
gauge @ start(
gauge offset 1m offset 2m
gauge @ 1 @ 2
sum(gauge) offset 5m
sum(gauge) @ 5
1 offset 5m
gauge[5m][5m]
gauge[5m:1m][5m]
1[5m]
"a"[5m]
"unterminated
gauge = 1
gauge =~ "x"
gauge & level
gauge + + level
gauge level
gauge ! level
abs(gauge, gauge)
abs()
abs("x")
abs(gauge[5m])
vector(gauge)
scalar(1)
time(1)
label_replace(gauge, 1, "", "", "")
clamp(gauge)
clamp(gauge, 1)
histogram_quantile(gauge)
quantile("x", gauge)
count_values(1, gauge)
by
sum by (gauge)
on
offset
group_left
bool
start
end
atan2
inf
# only a comment
gauge # and a comment
gauge + # between
gauge offset 5m + gauge
max_over_time(sum(gauge)[3m7s:20s])
max_over_time(rate(requests_total[1m5s])[4m7s:30s])
sum_over_time(rate(requests_total[1m5s])[2m7s:])
avg_over_time(avg_over_time(gauge[1m1s])[3m7s:15s])
min_over_time(max_over_time(gauge[1m])[3m:10s] offset 1m)
rate(sum(requests_total)[5m7s:30s])
deriv(rate(requests_total[2m3s])[8m7s:15s])
max_over_time(max_over_time(max_over_time(gauge[31s])[1m2s:10s])[3m7s:20s])
count_over_time(gauge[10m:1m] @ end())
count_over_time((gauge @ start())[3m:10s])
sum_over_time(vector(1)[5m:1m])
sum_over_time(time()[1m:10s])
sum_over_time((1)[1m:10s])
last_over_time(gauge[2m:30s])
last_over_time(time()[1m:7s])
quantile_over_time(0.9, sum by (job) (gauge)[5m:25s])
max_over_time(gauge[5m:1m30s])
max_over_time(gauge[1h:10m])
sum_over_time(gauge[3m:5ms] @ 1709251001.25) * 0
avg_over_time(gauge[2m]) - avg_over_time(gauge[2m] offset 1m)
avg_over_time(gauge[2m] offset -1m)
rate(requests_total[5m] @ start())
rate(requests_total[5m] @ end())
rate(requests_total[5m] @ 1709251000)
rate(requests_total[5m] offset 1h)
increase(requests_total[1m] offset 7m30s)
rate(requests_total[1h])
rate(requests_total[80m])
increase(requests_total[1y])
rate(requests_total[16s])
rate(requests_total[15s])
irate(requests_total[20m])
rate({__name__=~"requests_total|errors_total"}[5m])
resets(requests_total[80m])
changes(up[20m])
changes(stale[20m])
delta(level[80m])
idelta(stale[5m])
irate(stale[5m])
histogram_quantile(0.9, latency_bucket)
histogram_quantile(0.5, rate(latency_bucket[5m]))
histogram_quantile(0.99, sum by (le) (rate(latency_bucket[5m])))
histogram_quantile(0.5, sum by (job, le) (rate(latency_bucket[5m])))
histogram_quantile(0, latency_bucket)
histogram_quantile(1, latency_bucket)
histogram_quantile(-1, latency_bucket)
histogram_quantile(2, latency_bucket)
histogram_quantile(NaN, latency_bucket)
histogram_quantile(0.2, signed_bucket)
histogram_quantile(0.01, signed_bucket)
histogram_quantile(0.5, rate(signed_bucket[10m]))
histogram_quantile(0.5, coarse_bucket)
histogram_quantile(0.999999, coarse_bucket)
histogram_quantile(0.5, open_bucket)
histogram_quantile(0.5, bare_bucket)
histogram_quantile(0.5, spelled_bucket)
histogram_quantile(0.05, spelled_bucket)
histogram_quantile(0.5, broken_bucket)
histogram_quantile(0.5, falling_bucket)
histogram_quantile(0.1, falling_bucket)
histogram_quantile(0.95, falling_bucket)
histogram_quantile(0.5, empty_bucket)
histogram_quantile(0.5, gauge)
histogram_quantile(0.5, {__name__=~"latency_bucket|signed_bucket"})
histogram_quantile(0.5, latency_bucket{le!="+Inf"})
histogram_quantile(scalar(constant) / 10, latency_bucket)
histogram_quantile(0.5, by:rule:sum)
histogram_quantile(0.5, latency_bucket > 100100)
sum(rate(latency_sum[5m])) / sum(rate(latency_count[5m]))
latency_bucket{le="0.5"} / ignoring(le) latency_bucket{le="+Inf"}
latency_bucket{le=~"0.5|1"}
sum by (le) (latency_bucket)
histogram_count(native)
histogram_sum(native)
histogram_count(rate(native[5m]))
histogram_sum(increase(native[5m]))
histogram_count(gauge)
histogram_sum(gauge)
histogram_fraction(0, 1, gauge)
histogram_fraction(-Inf, Inf, native)
histogram_fraction(NaN, 1, native)
histogram_fraction(2, 1, native)
sum(native)
sum by (job) (native)
count(native)
group(native)
count by (job) ({__name__=~"native|up"})
rate(native[5m])
increase(native[5m])
sum(rate(native[5m]))
count_over_time(native[5m])
present_over_time(native[5m])
native{job="api"} + native{job="api"}
native + ignoring(job, instance) group_left native{job="db"}
native and up
native or up
native unless on(job) up{job="db"}
up and native
absent(native)
absent_over_time(native[5m])
timestamp(native)
native offset 5m
native @ 1709251000
native[5m] @ 1709251000
histogram_quantile(0.5, nothing)
up * 100 > 50
avg_over_time(up[10m]) * 100
min by (job) (up) == 0
(up == 0) or (up == 1)
count(up == 1) / count(up)
sum(up) by (job) / count(up) by (job) < 1
sum without (k) (gauge) / ignoring(k) group_left(version) build_info
sum by (version) (up * on(job, instance) group_left(version) build_info)
target_info
count by (region) (target_info)
up unless on(job, instance) target_info
1 + on() vector(1)
vector(1) + vector(2)
vector(1) == vector(1)
vector(1) == bool vector(2)
vector(NaN) == vector(NaN)
vector(1) and vector(2)
vector(1) unless vector(2)
visitor + visitor offset 5m
stale - stale offset 1m
whole == whole offset 15s
whole >= bool on(room) whole offset 1m
changes(whole[5m]) > 10
avg_over_time(special[5m])
cancel - cancel
gauge{job="api",instance="a:1",k="0",}
gauge{job = "api" , k = "0"}
  gauge  { k = '0' }  [  5m  ]  offset  1m
"""


def split(text):
    return [part.strip() for line in text.strip().splitlines() for part in line.split(" | ")]


def listed():
    yield from split(SELECTORS)
    for function, argument in itertools.product(RANGE_FUNCTIONS, split(RANGE_ARGUMENTS)):
        # A rate of what is near zero or below is in the table of differences.
        if function not in ("rate", "increase") or not argument.startswith(NEAR_ZERO):
            yield f"{function}({argument})"
    for function, selector in itertools.product(SPECIAL_RANGE_FUNCTIONS, ["mixed[3m]", "special[2m]", "sometimes[1m]"]):
        # A sum that overflows is in the table of differences.
        yield f"{function}({selector})".replace("deriv(mixed[", 'deriv(mixed{number!="0"}[')
    for function, selector in itertools.product(VALUE_FUNCTIONS, ["gauge", "level / 50", "special"]):
        # The logarithm of a subnormal number is in the table of differences.
        yield f"{function}({selector})".replace("ln(special)", 'ln(special{kind!="tiny"})').replace(
            "log10(special)", 'log10(special{kind!="tiny"})'
        )
    for function in DATE_FUNCTIONS:
        yield f"{function}()"
        yield f"{function}(moment)"
        yield f"{function}(timestamp(gauge))"
    groupings = ["", "by (job)", "without (k)", "by (missing)", "by (instance, k)"]
    for aggregator, grouping in itertools.product(AGGREGATORS, groupings):
        yield f"{aggregator} {grouping} (gauge)"
    for op in ("atan2",):
        # 2.42 leaves the name; here there is none.
        yield f"(gauge + 0) {op} level"
        yield f"(0 + whole) {op} 2"
        yield f"2 {op} abs(whole)"
        yield f"(whole + 0) {op} on(room) group_left constant"
    for op in "+ - * / % ^ == != > < >= <=".split():
        yield f"gauge {op} level"
        yield f"whole {op} 2"
        yield f"2 {op} whole"
        yield f"whole {op} on(room) group_left constant"
        if op in "== != > < >= <=".split():
            yield f"gauge {op} bool level"
            yield f"whole {op} bool 2"
            yield f"2 {op} bool whole"
            yield f"2 {op} bool 3"
        else:
            yield f"2 {op} 3"
    yield from LISTED.strip("\n").split("\n")
    yield "sum\n\tby (job)\r\n  (gauge) # the end"
    yield ""


# ---- the grammar ------------------------------------------------------------

COUNTERS = ["requests_total", "errors_total"]
FULL = ("job", "instance", "k")
FAMILY_OF_COUNTERS = ("job", "instance", "code")
# Selectors by the labels that tell their series apart.
FAMILIES = {
    FULL: ["gauge", "level"],
    ("job", "instance"): ["up", 'requests_total{code="200"}', 'errors_total{code="500"}', 'gauge{k="1"}', 'level{k="0"}'],
    FAMILY_OF_COUNTERS: COUNTERS,
    ("room",): ["whole", 'whole{room!="roof"}'],
    ("number",): ["visitor", "stale"],
}
DURATIONS = ["45s", "1m", "2m", "5m", "10m", "25m"]
INNER = ["1m1s", "2m7s", "6m3s"]
STEADY = ["gauge", "level", "visitor"]


class Generator:
    """Queries of some depth whose operands fit: each part knows the labels its series are told apart by.

    What makes much of the last bit is left to the list, where operands are samples: remainders, high powers, the sine
    of large numbers. Neither side's last bit is the right one."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, choices):
        return self.random.choice(list(choices))

    def modifier(self):
        return self.pick([""] * 6 + [" offset 1m", " offset 5m", " offset -30s", " @ end()", " @ start()", f" @ {BASE + 2003}.5"])

    def selector(self):
        labels = self.pick(FAMILIES)
        return labels, self.pick(FAMILIES[labels])

    def range_of(self, selector, nested):
        return f"{selector}[{self.pick(INNER if nested else DURATIONS)}]"

    def window(self, depth, nested):
        """A range vector."""
        if depth > 0 and self.random.random() < 0.3:
            labels, inner = self.vector(depth - 1, nested=True)
            ranges = INNER if nested else DURATIONS[1:5]
            return labels, f"({inner})[{self.pick(ranges)}:{self.pick(['15s', '20s', '1m', '35s'])}]{self.modifier()}"
        labels, selector = self.selector()
        return labels, self.range_of(selector, nested) + self.modifier()

    def scalar(self, depth, nested):
        if depth <= 0 or self.random.random() < 0.6:
            return self.pick(["2", "0.5", "10", "-3", "7.25", "scalar(constant)", "time() / 1e9", "pi()"])
        if self.random.random() < 0.5:
            return f"({self.scalar(depth - 1, nested)} {self.pick('+-*/')} {self.scalar(depth - 1, nested)})"
        return f"scalar({self.pick(['sum', 'max', 'avg', 'count'])}({self.vector(depth - 1, nested)[1]}))"

    def vector(self, depth, nested=False):
        """(labels, text) of an instant vector."""
        if depth <= 0:
            labels, selector = self.selector()
            return labels, selector + self.modifier()
        make = self.pick(
            [self.over_time] * 5 + [self.aggregation] * 5 + [self.function] * 3 + [self.binary] * 5 + [self.with_scalar] * 4
            + [self.set_operation] * 2 + [self.relabelled]
        )
        return make(depth, nested)

    def over_time(self, depth, nested):
        function = self.pick([*RANGE_FUNCTIONS[:-1], "quantile_over_time", "predict_linear", "holt_winters"])
        if function in ("rate", "increase"):
            return FAMILY_OF_COUNTERS, f"{function}({self.range_of(self.pick(COUNTERS), nested)}{self.modifier()})"
        if function in ("deriv", "predict_linear", "holt_winters"):
            # Slopes of what changes at every step; none is zero but for rounding.
            name = self.pick(["gauge", "level"])
            window = self.range_of(name, nested) + self.pick(["", "", " offset 1m", " offset -30s"])
            factors = {
                "deriv": "", "predict_linear": f", {self.pick([60, 600, -60])}",
                "holt_winters": f", 0.{self.pick('159')}, 0.{self.pick('28')}",
            }
            return FULL, f"{function}({window}{factors[function]})"
        labels, window = self.window(depth - 1, nested)
        if function == "quantile_over_time":
            return labels, f"quantile_over_time({self.pick([0.1, 0.5, 0.95])}, {window})"
        return labels, f"{function}({window})"

    def aggregation(self, depth, nested):
        labels, inner = self.vector(depth - 1, nested)
        kept = tuple(label for label in labels if self.random.random() < 0.5)
        # `without` leaves labels alone that the grammar does not follow.
        grouping = f" by ({', '.join(kept)})" if kept or self.random.random() < 0.5 else ""
        kind = self.random.random()
        if kind < 0.15:
            return kept, f"quantile{grouping} ({self.pick([0, 0.25, 0.5, 0.9])}, {inner})"
        if kind < 0.25:
            # Which of equal values is kept is nowhere promised: these selectors have none.
            name = self.pick(STEADY)
            own = FULL if name != "visitor" else ("number",)
            return own, f"{self.pick(['topk', 'bottomk'])} by ({self.pick(own)}) ({self.pick([1, 2])}, {name}{self.modifier()})"
        if kind < 0.3:
            return (*kept, "value"), f'count_values{grouping} ("value", round({inner}, 20))'
        return kept, f"{self.pick(AGGREGATORS)}{grouping} ({inner})"

    def function(self, depth, nested):
        labels, inner = self.vector(depth - 1, nested)
        kind = self.random.random()
        if kind < 0.2:
            return labels, f"clamp({inner}, {self.scalar(depth - 1, nested)}, 40)"
        if kind < 0.4:
            return labels, f"{self.pick(['clamp_min', 'clamp_max', 'round'])}({inner}, {self.scalar(depth - 1, nested)})"
        if kind < 0.5:
            return labels, f"{self.pick(DATE_FUNCTIONS)}(abs({inner}) < 1e10)"
        names = [name for name in VALUE_FUNCTIONS if name not in ("absent", "scalar", "sin", "cos", "tan")]
        return labels, f"{self.pick(names)}({inner})"

    def binary(self, depth, nested):
        left_labels, left = self.vector(depth - 1, nested)
        right_labels, right = self.vector(depth - 1, nested)
        op = self.pick([*"+-*/", "atan2", "==", "!=", ">", "<", ">=", "<=", "> bool", "<= bool", "== bool"])
        if op == "atan2":
            # 2.42 would leave a name; here there is none.
            left, right = f"0 + ({left})", f"0 + ({right})"
        both = [label for label in left_labels if label in right_labels]
        on = f"on ({', '.join(both)})"
        if set(left_labels) == set(right_labels):
            return left_labels, f"({left}) {op} {self.pick([on, 'ignoring (none)'])} ({right})"
        if set(right_labels) == set(both):
            return left_labels, f"({left}) {op} {on} group_left () ({right})"
        if set(left_labels) == set(both):
            return right_labels, f"({left}) {op} {on} group_right () ({right})"
        by = f"by ({', '.join(both)})"
        return tuple(both), f"sum {by} ({left}) {op} {on} max {by} ({right})"

    def with_scalar(self, depth, nested):
        labels, inner = self.vector(depth - 1, nested)
        op = self.pick([*"+-*/", "!=", ">", "<", ">=", "<=", "> bool", "<= bool", "== bool"])
        scalar = self.scalar(depth - 1, nested)
        forms = [f"({inner}) {op} {scalar}", f"{scalar} {op} ({inner})", f"-({inner})", f"({inner}) ^ {self.pick([2, 0.5, -1])}"]
        return labels, self.pick(forms)

    def set_operation(self, depth, nested):
        left_labels, left = self.vector(depth - 1, nested)
        right_labels, right = self.vector(depth - 1, nested)
        op = self.pick(["and", "unless", "or"])
        if op == "or":
            by = self.pick(["job", "k", "number"])
            return (by,), f"max by ({by}) ({left}) or min by ({by}) ({right})"
        both = [label for label in left_labels if label in right_labels]
        return left_labels, f"({left}) {op} on ({', '.join(both)}) ({right} > {self.scalar(depth - 1, nested)})"

    def relabelled(self, depth, nested):
        labels, inner = self.vector(depth - 1, nested)
        if self.random.random() < 0.5:
            return labels, f'label_replace({inner}, "new", "x$1", "{self.pick(labels or ("job",))}", "(.).*")'
        return labels, f'label_join({inner}, "new", "|", "job", "{self.pick(labels or ("k",))}")'


def generated(count, seed=4):
    generator = Generator(seed)
    for number in range(count):
        yield generator.vector(1 + number % 4)[1]


def as_of_3(query):
    """The query by the names of Prometheus 3."""
    return query.replace("holt_winters", "double_exponential_smoothing")
