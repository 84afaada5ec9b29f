# SPDX-License-Identifier: Apache-2.0
"""A target that answers each scraper by a script: the n-th answer to one scraper is the n-th answer to the other, so that
what two scrapers store can be compared sample by sample although they come at different times."""

import http.server
import threading
import time

from remote_write import content, double, scalar, varint, zigzag
from target import _Server

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"


class ScriptedTarget:
    """`script(n)` is the n-th answer: text, (content type, text or bytes), a status, or None for a broken connection."""

    def __init__(self, script):
        self.script = script
        self.answered = {}
        self.lock = threading.Lock()
        target = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                scraper = self.headers.get("User-Agent", "").split("/")[0]
                with target.lock:
                    number = target.answered.get(scraper, 0)
                    target.answered[scraper] = number + 1
                target.answer(self, number)

            def log_message(self, *_):
                pass

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request, number):
        answer = self.script(number)
        if answer is None:
            request.close_connection = True
            return
        if isinstance(answer, int):
            request.send_error(answer)
            return
        kind, body = answer if isinstance(answer, tuple) else (TEXT, answer)
        body = body if isinstance(body, bytes) else body.encode()
        request.send_response(200)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


# ---- protobuf ---------------------------------------------------------------


def delimited(message):
    return varint(len(message)) + message


def family(name, kind, *metrics):
    return delimited(content(1, name) + content(2, "Help.") + scalar(3, kind) + b"".join(content(4, metric) for metric in metrics))


def label(name, value):
    return content(1, content(1, name) + content(2, value))


def exemplar(field, identity, value):
    at = int(time.time())
    return content(field, label("trace_id", identity) + double(2, value) + content(3, scalar(1, at)))


def counter(value, *labels, more=b""):
    return b"".join(labels) + content(3, double(1, value) + more)


def gauge(value, *labels):
    return b"".join(labels) + content(2, double(1, value))


def summary(count, total, quantiles, *labels):
    inner = scalar(1, count) + double(2, total)
    inner += b"".join(content(3, double(1, at) + double(2, value)) for at, value in quantiles)
    return b"".join(labels) + content(4, inner)


def classic(buckets, total, *labels):
    inner = scalar(1, buckets[-1][1]) + double(2, total)
    inner += b"".join(content(3, scalar(1, count) + double(2, bound)) for bound, count in buckets)
    return b"".join(labels) + content(7, inner)


def native(counts, total, *labels, schema=1, zero=0, more=b""):
    """Consecutive positive buckets from index 1."""
    deltas = [count - before for count, before in zip(counts, [0, *counts])]
    inner = scalar(1, sum(counts) + zero) + double(2, total) + varint(5 << 3) + zigzag(schema) + double(6, 0.001)
    inner += scalar(7, zero) + content(12, varint(1 << 3) + zigzag(1) + scalar(2, len(counts)))
    inner += content(13, b"".join(map(zigzag, deltas))) + more
    return b"".join(labels) + content(7, inner)

