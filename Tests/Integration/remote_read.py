# SPDX-License-Identifier: Apache-2.0
"""Remote read by hand: requests, and both forms of answers taken apart, chunks bit by bit (Prometheus' chunks.md)."""

import http.client
import struct

from remote_write import content, scalar, snappy

EQUAL, NOT_EQUAL, MATCHES, NOT_MATCHES = range(4)
SAMPLES, STREAMED = range(2)


def query(matchers, start, end):
    body = scalar(1, start) + scalar(2, end)
    for kind, name, value in matchers:
        body += content(3, scalar(1, kind) + content(2, name) + content(3, value))
    return content(1, body)


def read(port, queries, accepted=None, path="/api/v1/read"):
    """The answer's headers and body."""
    message = b"".join(queries)
    if accepted is not None:
        message += content(2, bytes(accepted))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {
        "Content-Type": "application/x-protobuf",
        "Content-Encoding": "snappy",
        "X-Prometheus-Remote-Read-Version": "0.1.0",
    }
    try:
        connection.request("POST", path, snappy(message), headers)
        response = connection.getresponse()
        body = response.read()
        assert response.status == 200, (response.status, body[:500])
        return response.headers, body
    finally:
        connection.close()


# ---- formats ----------------------------------------------------------------


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def signed(value):
    return value - (1 << 64) if value >= 1 << 63 else value


def fields(data):
    """(number, value) of each field of a message; fixed numbers as bytes."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = varint(data, at)
        else:
            size = {1: 8, 5: 4}.get(kind)
            if size is None:
                size, at = varint(data, at)
            value = data[at : at + size]
            assert len(value) == size
            at += size
        yield tag >> 3, value


def unsnappy(data):
    """A snappy block (format_description.txt)."""
    size, at = varint(data, 0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        if tag & 3 == 0:
            length = (tag >> 2) + 1
            if length > 60:
                extra = length - 60
                length = int.from_bytes(data[at : at + extra], "little") + 1
                at += extra
            out += data[at : at + length]
            at += length
            continue
        if tag & 3 == 1:
            length, offset = (tag >> 2 & 7) + 4, tag >> 5 << 8 | data[at]
            at += 1
        else:
            extra = 2 if tag & 3 == 2 else 4
            length, offset = (tag >> 2) + 1, int.from_bytes(data[at : at + extra], "little")
            at += extra
        assert 0 < offset <= len(out)
        for _ in range(length):
            out.append(out[-offset])
    assert len(out) == size
    return bytes(out)


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def labels(messages):
    return tuple(tuple(part.decode() for _, part in fields(message)) for message in messages)


def plain(body):
    """[{labels: [(ms, bits)]}] by query, of the answer in one message."""
    results = []
    for _, result in fields(unsnappy(body)):
        found = {}
        for _, series in fields(result):
            parts = list(fields(series))
            samples = []
            for number, value in parts:
                if number == 2:
                    sample = dict(fields(value))
                    samples.append((signed(sample.get(2, 0)), sample.get(1, bytes(8))))
            found[labels(value for number, value in parts if number == 1)] = samples
        results.append(found)
    return results


def streamed(body, queries=1):
    """The same of the answer in frames; a histogram is its chunk's bytes, by its time."""
    results = [{} for _ in range(queries)]
    at = 0
    while at < len(body):
        size, at = varint(body, at)
        checksum = int.from_bytes(body[at : at + 4], "big")
        message = body[at + 4 : at + 4 + size]
        at += 4 + size
        assert crc32c(message) == checksum
        parts = list(fields(message))
        index = dict(parts).get(2, 0)
        for number, series in parts:
            if number != 1:
                continue
            inner = list(fields(series))
            key = labels(value for number, value in inner if number == 1)
            for number, chunk in inner:
                if number == 2:
                    results[index].setdefault(key, []).extend(samples_of(dict(fields(chunk))))
    return results


def samples_of(chunk):
    first, last, encoding, data = signed(chunk.get(1, 0)), signed(chunk.get(2, 0)), chunk[3], chunk[4]
    if encoding != 1:
        return [(first, (encoding, data))]
    samples = xor(data)
    assert (samples[0][0], samples[-1][0]) == (first, last)
    return samples


class Bits:
    def __init__(self, data):
        self.value = int.from_bytes(data, "big")
        self.left = len(data) * 8

    def take(self, count):
        self.left -= count
        assert self.left >= 0
        return self.value >> self.left & (1 << count) - 1

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take(8)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value


def xor(data):
    count = int.from_bytes(data[:2], "big")
    bits = Bits(data[2:])
    samples = []
    time = delta = value = leading = trailing = 0
    for index in range(count):
        if index == 0:
            raw = bits.varint()
            time = raw >> 1 ^ -(raw & 1)
            value = bits.take(64)
        else:
            if index == 1:
                delta = bits.varint()
            else:
                ones = 0
                while ones < 4 and bits.take(1):
                    ones += 1
                size = [0, 14, 17, 20, 64][ones]
                change = bits.take(size) if size else 0
                if size and change > 1 << size - 1:
                    change -= 1 << size
                delta += change
            time += delta
            if bits.take(1):
                if bits.take(1):
                    leading = bits.take(5)
                    significant = bits.take(6) or 64
                    trailing = 64 - leading - significant
                value ^= bits.take(64 - leading - trailing) << trailing
        samples.append((time, struct.pack("<Q", value)))
    return samples
