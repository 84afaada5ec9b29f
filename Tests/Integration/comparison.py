# SPDX-License-Identifier: Apache-2.0
"""Two answers of the HTTP API put side by side, and how an answer is written in a table."""

import http.client
import json
import math
import urllib.parse

TOLERANCE = 1e-9


class Client:
    """One kept connection, so that thousands of questions cost no thousands of connections."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def exchange(self, method, path, parameters):
        """Status and body, which is {} where no JSON came back."""
        body = urllib.parse.urlencode(parameters, doseq=True)
        if method == "GET":
            self.connection.request("GET", f"/api/v1/{path}?{body}")
        else:
            self.connection.request("POST", f"/api/v1/{path}", body, {"Content-Type": "application/x-www-form-urlencoded"})
        response = self.connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text[:1] == b"{" else {}

    def answer(self, path, **parameters):
        return self.exchange("GET", path, parameters)[1]

    def ask(self, path, **parameters):
        """The answer's data, or the error's type and text for one that was refused."""
        return self.request("GET", path, parameters)[1]

    def request(self, method, path, parameters):
        """The status and the same."""
        status, answer = self.exchange(method, path, parameters)
        if answer.get("status") == "error":
            return status, {"error": answer["errorType"], "text": answer["error"]}
        return status, answer.get("data", {})


def close(left, right):
    """Equal to 1e-9 of the larger; not-a-number equals itself, the infinities only themselves."""
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    if math.isinf(left) or math.isinf(right):
        return left == right
    return left == right or abs(left - right) <= TOLERANCE * max(abs(left), abs(right))


def close_texts(left, right):
    """Numbers that are close; the same number, but for the sign of zero, in the same digits."""
    a, b = float(left), float(right)
    return close(a, b) and (a != b or left == right or a == 0)


def close_values(left, right):
    if isinstance(left, str):
        return isinstance(right, str) and close_texts(left, right)
    if isinstance(right, str) or not all(close_texts(left[part], right[part]) for part in ("count", "sum")):
        return False
    ours, theirs = left.get("buckets", []), right.get("buckets", [])
    return len(ours) == len(theirs) and all(
        a[0] == b[0] and all(map(close_texts, a[1:], b[1:])) for a, b in zip(ours, theirs)
    )


def points(series):
    """[(time, value)] of one series of any result, floats and histograms by time."""
    found = [series["value"]] if "value" in series else [series["histogram"]] if "histogram" in series else []
    return sorted([*found, *series.get("values", []), *series.get("histograms", [])], key=lambda point: point[0])


def by_labels(result):
    return {tuple(sorted(series["metric"].items())): points(series) for series in result}


def is_ordered(query):
    return query.lstrip().startswith(("sort", "topk(", "bottomk("))


def difference(path, query, ours, theirs):
    """What differs first, as a text, or nothing."""
    if "error" in ours or "error" in theirs:
        if ("error" in ours) == ("error" in theirs) and ours["error"] == theirs["error"]:
            return None
        return f"{ours.get('text', 'an answer')} | {theirs.get('text', 'an answer')}"
    kind = ours["resultType"]
    if kind != theirs["resultType"]:
        return f"type {kind} | {theirs['resultType']}"
    left, right = ours["result"], theirs["result"]
    if kind == "string":
        return None if left == right else f"{left} | {right}"
    if kind == "scalar":
        return None if left[0] == right[0] and close_values(left[1], right[1]) else f"{left} | {right}"
    if kind == "vector" and is_ordered(query):
        if [points(each)[0][1] for each in left] != [points(each)[0][1] for each in right]:
            if not all(close_values(points(a)[0][1], points(b)[0][1]) for a, b in zip(left, right)) or len(left) != len(right):
                return f"order {left} | {right}"
    # A range query's series are in order; a range selector's nobody promises.
    if path == "query_range" and [each["metric"] for each in left] != [each["metric"] for each in right]:
        return f"series {[each['metric'] for each in left]} | {[each['metric'] for each in right]}"
    left, right = by_labels(left), by_labels(right)
    if left.keys() != right.keys():
        return f"series {[*map(dict, left.keys() - right.keys())]} | {[*map(dict, right.keys() - left.keys())]}"
    for labels, values in left.items():
        others = right[labels]
        if [at for at, _ in values] != [at for at, _ in others]:
            only = [at for at, _ in values], [at for at, _ in others]
            return f"times {dict(labels)} {sorted(set(only[0]) - set(only[1]))} | {sorted(set(only[1]) - set(only[0]))}"
        for (at, a), (_, b) in zip(values, others):
            if not close_values(a, b):
                return f"value {dict(labels)} at {at}: {a} | {b}"
    return None


def shortened(value):
    number = float(value)
    return f"{number:.9g}" if math.isfinite(number) else value


def written(answer):
    """An answer as one line of a table."""
    if "error" in answer:
        return "error: " + answer["text"].removeprefix('invalid parameter "query": ')
    if answer["resultType"] in ("scalar", "string"):
        return shortened(answer["result"][1]) if answer["resultType"] == "scalar" else answer["result"][1]
    lines = []
    for series in answer["result"]:
        labels = dict(series["metric"])
        name = labels.pop("__name__", "")
        body = ", ".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
        values = [shortened(value) if isinstance(value, str) else f"histogram of {value['count']}" for _, value in points(series)]
        lines.append(f"{name}{{{body}}} {' '.join(values)}")
    return "; ".join(sorted(lines)) or "nothing"
