# SPDX-License-Identifier: Apache-2.0
"""Remote write 1.0 and 2.0 requests by hand: protobuf and snappy from the format pages, nothing of edgewatch's."""

import http.client
import struct

V1 = "application/x-protobuf"
V2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def zigzag(number):
    return varint(number << 1 ^ number >> 63)


def scalar(field, number):
    return varint(field << 3) + varint(number)


def double(field, number):
    return varint(field << 3 | 1) + struct.pack("<d", number)


def content(field, body):
    body = body.encode() if isinstance(body, str) else body
    return varint(field << 3 | 2) + varint(len(body)) + body


def snappy(body):
    """A block of literals only, which every reader must take."""
    out = bytearray(varint(len(body)))
    for at in range(0, len(body), 1 << 16):
        piece = body[at : at + (1 << 16)]
        out += bytes([61 << 2]) + struct.pack("<H", len(piece) - 1) + piece
    return bytes(out)


def sample(at, value, start=0):
    return double(1, value) + scalar(2, at) + (scalar(3, start) if start else b"")


def request_v1(series):
    """`series` is a list of (labels, [(milliseconds, value)])."""
    out = b""
    for labels, samples in series:
        body = b"".join(content(1, content(1, name) + content(2, value)) for name, value in labels.items())
        body += b"".join(content(2, sample(at, value)) for at, value in samples)
        out += content(1, body)
    return out


class RequestV2:
    def __init__(self):
        self.symbols = [""]
        self.series = b""

    def ref(self, symbol):
        if symbol not in self.symbols:
            self.symbols.append(symbol)
        return self.symbols.index(symbol)

    def labels(self, labels):
        return content(1, b"".join(varint(self.ref(n)) + varint(self.ref(v)) for n, v in labels.items()))

    def add(self, labels, samples=(), histograms=(), exemplars=(), metadata=None, raw=b""):
        body = self.labels(labels)
        body += b"".join(content(2, sample(*each)) for each in samples)
        body += b"".join(content(3, each) for each in histograms)
        for exemplar_labels, at, value in exemplars:
            body += content(4, self.labels(exemplar_labels) + double(2, value) + scalar(3, at))
        if metadata:
            kind, help_text, unit = metadata
            body += content(5, scalar(1, kind) + scalar(3, self.ref(help_text)) + scalar(4, self.ref(unit)))
        self.series += content(5, body + raw)
        return self

    def bytes(self):
        return b"".join(content(4, symbol) for symbol in self.symbols) + self.series


def integer_histogram(at, buckets, zero=0, total=None, schema=0):
    """Consecutive positive buckets from index 1."""
    deltas = [count - before for count, before in zip(buckets, [0, *buckets])]
    out = scalar(1, sum(buckets) + zero if total is None else total) + double(3, 12.5)
    out += varint(4 << 3) + zigzag(schema) + double(5, 0.001) + scalar(6, zero)
    out += content(11, varint(1 << 3) + zigzag(1) + scalar(2, len(buckets)))
    return out + content(12, b"".join(map(zigzag, deltas))) + scalar(15, at)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()

    @property
    def written(self):
        names = ("Samples", "Histograms", "Exemplars")
        found = [self.headers.get(f"X-Prometheus-Remote-Write-{name}-Written") for name in names]
        return None if found == [None] * 3 else tuple(map(int, found))


def post(port, body, content_type=V1, encoding="snappy", compress=True, path="/api/v1/write", timeout=30):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    headers = {"User-Agent": "test", "X-Prometheus-Remote-Write-Version": "0.1.0"}
    if content_type is not None:
        headers["Content-Type"] = content_type
    if encoding is not None:
        headers["Content-Encoding"] = encoding
    try:
        connection.request("POST", path, snappy(body) if compress else body, headers)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def push(port, series, **options):
    return post(port, request_v1(series), **options)


def push_v2(port, request, **options):
    return post(port, request.bytes(), content_type=V2, **options)
