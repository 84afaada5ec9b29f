# SPDX-License-Identifier: Apache-2.0
"""edgewatch tsdb on directories that a daemon filled, with promtool and a second daemon to judge what comes out."""

import hashlib
import re
import subprocess
import time

import pytest
from conftest import BINARY, peer, wait_for
from remote_write import RequestV2, integer_histogram, push_v2

FAST = "collectors:\n  host: {interval: 1s}\n"


def tsdb(*arguments, code=0):
    done = subprocess.run([BINARY, "tsdb", *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout, done.stderr


def fingerprint(directory):
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in directory.iterdir() if file.is_file()}


@pytest.fixture
def data(edgewatch):
    """A directory of a killed daemon, with what this machine says and a pushed histogram."""
    node = edgewatch(FAST)
    request = RequestV2()
    request.add({"__name__": "latency", "job": "test"}, histograms=[integer_histogram(int(time.time() * 1000), [1, 2, 1], zero=3)])
    assert push_v2(node.port, request).status == 204
    wait_for("a few passes", lambda: node.query("count_over_time(node_load1[5m]) >= 4"))
    node.kill()
    return node.data


def test_looking_changes_nothing(data):
    before = fingerprint(data)
    text, _ = tsdb("inspect", data)
    assert int(re.search(r"series +(\d+)", text)[1]) > 100
    assert re.search(r"damage +none found", text)
    assert "all good" in tsdb("verify", data)[0]
    assert tsdb("dump", data)[0].startswith("file ")
    assert len(tsdb("dump", data, "--match", "node_load1")[0].splitlines()) >= 4
    assert fingerprint(data) == before


def test_export_and_import(data, tmp_path, edgewatch):
    text, messages = tmp_path / "all.om", tmp_path / "all.rw"
    told, _ = tsdb("export", data, "-o", text)
    samples = int(re.search(r": (\d+) samples", told)[1])
    assert "1 native histograms have no form" in told
    told, _ = tsdb("export", data, "--format", "remote-write", "-o", messages)
    assert int(re.search(r": (\d+) samples", told)[1]) == samples + 1
    for number, file in enumerate([text, messages]):
        again = tmp_path / f"again{number}"
        tsdb("import", again, file)
        assert "all good" in tsdb("verify", again)[0]
        copy = tmp_path / f"again{number}.om"
        tsdb("export", again, "-o", copy)
        lines = [line for line in copy.read_text().splitlines() if not line.startswith("#")]
        assert lines == [line for line in text.read_text().splitlines() if not line.startswith("#")]
    told, _ = tsdb("export", tmp_path / "again1", "--format", "remote-write", "-o", tmp_path / "copy.rw")
    assert int(re.search(r": (\d+) samples", told)[1]) == samples + 1
    restored = edgewatch("collectors: {}\n", name="restored", data=tmp_path / "again1")
    assert restored.value("count_over_time(node_load1[1h])") >= 4


def test_promtool_makes_blocks_of_an_export(data, tmp_path):
    told, _ = tsdb("export", data, "-o", tmp_path / "all.om")
    samples = int(re.search(r": (\d+) samples", told)[1])
    made = subprocess.run(
        [peer("promtool"), "tsdb", "create-blocks-from", "openmetrics", tmp_path / "all.om", tmp_path / "blocks"],
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    listed = subprocess.run(
        [peer("promtool"), "tsdb", "list", tmp_path / "blocks"], capture_output=True, text=True
    ).stdout.splitlines()[1:]
    assert sum(int(line.split()[4]) for line in listed) == samples


def test_faults_are_told_with_their_place(data, tmp_path):
    bad = tmp_path / "bad.om"
    bad.write_text("good 1 2\nworse{x= 1 2\n")
    told, fault = tsdb("import", tmp_path / "new", bad, code=1)
    assert "1 samples stored" in told
    assert f"{bad}:2: " in fault
    _, fault = tsdb("verify", tmp_path / "nowhere", code=1)
    assert str(tmp_path / "nowhere") in fault
    tsdb("export", data, "--format", "remote-write", "-o", tmp_path / "all.rw")
    (tmp_path / "cut.rw").write_bytes((tmp_path / "all.rw").read_bytes()[:-10])
    _, fault = tsdb("import", tmp_path / "new", tmp_path / "cut.rw", code=1)
    assert "message at byte" in fault


def test_verify_finds_a_changed_byte(data, tmp_path):
    tsdb("export", data, "-o", tmp_path / "all.om")
    tsdb("import", tmp_path / "sealed", tmp_path / "all.om")
    ring = next(file for file in sorted((tmp_path / "sealed").iterdir()) if file.name.startswith("ring-"))
    bytes_ = bytearray(ring.read_bytes())
    used = len(bytes_.rstrip(b"\0"))
    bytes_[used - 20] ^= 1
    ring.write_bytes(bytes_)
    told, _ = tsdb("verify", tmp_path / "sealed", code=1)
    assert "damaged" in told
