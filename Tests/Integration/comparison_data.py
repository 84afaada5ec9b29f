# SPDX-License-Identifier: Apache-2.0
"""The samples of the comparison with Prometheus: the same at every run, across the end of a leap day.

Samples lie some milliseconds beside every whole second, so that no window of whole seconds has one on its edge: what
Prometheus 3 changed there is shown by `aligned`, whose samples lie on whole steps, and by nothing else. For the same
reason counters begin, and are reset, far from zero or without a gap."""

import itertools
import math
import random

from remote_write import STALE, content, double, scalar, varint, zigzag

BASE = 1709248800  # 2024-02-29T23:20:00Z
STEP = 15
COUNT = 320  # 80 minutes: until 00:40 on the first of March
END = BASE + COUNT * STEP

IDENTITIES = [("api", "a:1"), ("api", "b:1"), ("db", "a:2"), ("db", "c:2")]


def span(body):
    offset, length = body
    return varint(1 << 3) + zigzag(offset) + scalar(2, length)


def native_histogram(at, schema, zero, positive, negative, total_sum, threshold=0.001, hint=0):
    """`positive` and `negative` are {bucket index: count}; 3.x and 2.42 share this message."""
    out = scalar(1, zero + sum(positive.values()) + sum(negative.values())) + double(3, total_sum)
    out += varint(4 << 3) + zigzag(schema) + double(5, threshold) + scalar(6, zero)
    for spans_field, deltas_field, buckets in ((8, 9, negative), (11, 12, positive)):
        spans, deltas, before, count = [], b"", None, 0
        for index in sorted(buckets):
            if before is None or index != before + 1:
                spans.append([index if before is None else index - before - 1, 0])
            spans[-1][1] += 1
            deltas += zigzag(buckets[index] - count)
            before, count = index, buckets[index]
        out += b"".join(content(spans_field, span(each)) for each in spans)
        if deltas:
            out += content(deltas_field, deltas)
    return out + (scalar(14, hint) if hint else b"") + scalar(15, at)


class Samples:
    """Series with their floats and histograms, in the order they are made."""

    def __init__(self, seed=20240229):
        self.random = random.Random(seed)
        self.floats = []
        self.histograms = []
        self.make()

    def jitter(self):
        """Milliseconds that lie beside every whole second."""
        return self.random.randrange(1, 4) * 1000 + self.random.randrange(101, 900)

    def add(self, name, labels, value, present=lambda step: True, jitter=None):
        """One series; `value` of a step is a number, or nothing for a gap."""
        offset = self.jitter() if jitter is None else jitter
        points = []
        for step in range(COUNT):
            if present(step) and (number := value(step)) is not None:
                points.append(((BASE + step * STEP) * 1000 + offset, number))
        self.floats.append(({"__name__": name, **labels}, points))

    def make(self):
        self.make_gauges()
        self.make_counters()
        self.make_classic_histograms()
        self.make_special()
        self.make_information()
        self.make_native_histograms()

    def make_gauges(self):
        source = self.random
        for (job, instance), k in itertools.product(IDENTITIES, ("0", "1")):
            holes = {step for step in range(COUNT) if source.random() < 0.08}
            labels = {"job": job, "instance": instance, "k": k}
            self.add("gauge", labels, lambda step: source.uniform(-20, 60), lambda step: step not in holes)
            self.add("level", labels, lambda step, p=source.random(): 50 + 40 * math.sin(step / 17 + p * 6) + source.gauss(0, 1))
        for room in ("hall", "cellar", "roof"):
            self.add("whole", {"room": room}, lambda step: float(source.randrange(1, 13)))
        self.add("constant", {"room": "hall"}, lambda step: 7.25)
        # Comes and goes: an hour's part without samples, longer and shorter than a query looks back.
        for number, gone in enumerate([(80, 120), (100, 110), (0, 200), (200, COUNT)]):
            self.add("visitor", {"number": str(number)}, lambda step: source.uniform(1, 2), lambda step, g=gone: not g[0] <= step < g[1])
        # Told to be gone, and back.
        for number in range(3):
            self.add("stale", {"number": str(number)},
                     lambda step, n=number: STALE if step % 40 == 20 + n else step + n / 3 if step % 40 < 20 + n else None)

    def make_counters(self):
        source = self.random
        for (job, instance), code in itertools.product(IDENTITIES, ("200", "500", "404")):
            for name in ("requests_total", "errors_total"):
                total = [source.uniform(1e5, 1e6)]
                calm = [0]

                def next_value(step, total=total, calm=calm):
                    calm[0] += 1
                    if calm[0] > 3 and source.random() < 0.015:
                        total[0] = source.uniform(3e4, 6e4)
                    total[0] += source.randrange(40) * source.random()
                    if calm[0] > 3 and source.random() < 0.05:
                        calm[0] = 0
                        return None
                    return total[0]

                self.add(name, {"job": job, "instance": instance, "code": code}, next_value)
        for number in range(2):
            self.add("aligned", {"number": str(number)}, lambda step, n=number: step * (1.5 + n), jitter=0)

    def make_classic_histograms(self):
        layouts = {
            "latency": ["0.1", "0.5", "1", "2.5", "+Inf"],
            "signed": ["-10", "-1", "0", "1", "10", "+Inf"],
            "coarse": ["1", "+Inf"],
            "open": ["1", "2", "4"],
            "bare": ["+Inf"],
            "spelled": ["1", "1.0", "1e1", "20", "+Inf"],
            "broken": ["1", "two", "4", "+Inf"],
        }
        source = self.random
        for name, bounds in layouts.items():
            for job, instance in IDENTITIES[:3] if name == "latency" else IDENTITIES[:1]:
                counts = [1e5 + 1e4 * place for place in range(len(bounds))]
                offset = self.jitter()
                points = [[] for _ in bounds]
                sums = []
                for step in range(COUNT):
                    for observation in range(source.randrange(5)):
                        for bucket in range(source.randrange(len(bounds)), len(bounds)):
                            counts[bucket] += 1
                    at = (BASE + step * STEP) * 1000 + offset
                    for bucket, count in enumerate(counts):
                        points[bucket].append((at, count))
                    sums.append((at, counts[-1] * 0.7))
                labels = {"job": job, "instance": instance}
                for bound, series in zip(bounds, points):
                    self.floats.append(({"__name__": f"{name}_bucket", **labels, "le": bound}, series))
                self.floats.append(({"__name__": f"{name}_sum", **labels}, sums))
                self.floats.append(({"__name__": f"{name}_count", **labels}, points[-1]))
        # Counts that fall from bucket to bucket, as a sum over several scrapes may.
        for bound, count in (("1", 10), ("2", 8), ("4", 20), ("+Inf", 19)):
            self.add("falling_bucket", {"le": bound}, lambda step, c=count: float(c + step % 7), jitter=1234)
        for bound in ("1", "2", "+Inf"):
            self.add("empty_bucket", {"le": bound}, lambda step: 0.0, jitter=1234)

    def make_special(self):
        kinds = {
            "nan": math.nan, "inf": math.inf, "ninf": -math.inf, "zero": 0.0, "nzero": -0.0, "one": 1.0, "none": -1.0,
            "huge": 1.7e308, "nhuge": -1.7e308, "tiny": 5e-324, "big": 2.0**53 + 2, "half": 2.5, "nhalf": -2.5, "large": 1e15 + 0.3,
        }
        for kind, value in kinds.items():
            self.add("special", {"kind": kind}, lambda step, v=value: v, jitter=2345)
        order = list(kinds.values())
        for number in range(4):
            self.add("mixed", {"number": str(number)}, lambda step, n=number: order[(step * (n + 1) + n) % len(order)])
            self.add("sometimes", {"number": str(number)}, lambda step, n=number: math.nan if (step + n) % 3 == 0 else step % 11 - 4.5)
        for place, text in {
            "epoch": 0.0, "before": -1.5, "leap": 1709251199.0, "after": 1709251200.9, "year_end": 1704067199.0,
            "first": -62135596800.0, "far": 253402300800.0, "old": -2208988801.0, "century": 4107542399.0,
        }.items():
            self.add("moment", {"place": place}, lambda step, v=text: v)
        self.add("lines", {"text": "first\nsecond"}, lambda step: 1.0)
        self.add("lines", {"text": "plain"}, lambda step: 2.0)
        self.add("lines", {"text": "größe \U0001f600 \"quoted\\"}, lambda step: 3.0)
        self.add("lines", {}, lambda step: 4.0)
        self.add("by:rule:sum", {"a": "x", "le": "0.5", "quantile": "0.9"}, lambda step: step * 1.25)
        self.add("cancel", {"n": "0"}, lambda step: 1e17)
        self.add("cancel", {"n": "1"}, lambda step: 1.0)
        self.add("cancel", {"n": "2"}, lambda step: -1e17)

    def make_information(self):
        source = self.random
        for number, (job, instance) in enumerate(IDENTITIES):
            labels = {"job": job, "instance": instance}
            self.add("up", labels, lambda step: float(source.random() < 0.9))
            more = {f"label_{place}": f"value {place}.{number % 2}" for place in range(12)}
            self.add("build_info", {**labels, **more, "version": f"1.{number}"}, lambda step: 1.0)
            if number < 3:
                self.add("target_info", {**labels, "region": "eu" if number else "us", "zone": f"z{number}"}, lambda step: 1.0)

    def make_native_histograms(self):
        source = self.random
        for number, (job, instance) in enumerate(IDENTITIES[:3]):
            labels = {"__name__": "native", "job": job, "instance": instance}
            schema, offset = (0, 2, 0)[number], self.jitter()
            positive = {index: 500 for index in ((-1, 0, 1, 2, 5), (3, 4, 5, 9), (0, 1, 2))[number]}
            negative = {index: 300 for index in ((0, 1), (), (2,))[number]}
            zero, points = 100, []
            for step in range(COUNT):
                if number == 1 and step == 170:
                    positive = dict.fromkeys(positive, 50)
                for index in positive:
                    positive[index] += source.randrange(4)
                for index in negative:
                    negative[index] += source.randrange(3)
                zero += source.randrange(2)
                at = (BASE + step * STEP) * 1000 + offset
                points.append((at, native_histogram(at, schema, zero, dict(positive), dict(negative), step * 31.5 + 1e4)))
            self.histograms.append((labels, points))

    def requests(self, steps=80):
        """Bodies of remote write 1.0, each with every series' samples of some steps."""
        for first in range(0, COUNT, steps):
            low, high = ((BASE + step * STEP) * 1000 for step in (first, first + steps))
            body = b""
            for labels, points in self.floats:
                body += self.series(labels, [content(2, double(1, v) + scalar(2, t)) for t, v in points if low <= t < high])
            for labels, points in self.histograms:
                body += self.series(labels, [content(4, histogram) for t, histogram in points if low <= t < high])
            yield body

    @staticmethod
    def series(labels, samples):
        if not samples:
            return b""
        names = sorted(labels.items())
        return content(1, b"".join(content(1, content(1, n) + content(2, v)) for n, v in names) + b"".join(samples))
