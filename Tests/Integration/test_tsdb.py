# SPDX-License-Identifier: Apache-2.0
"""edgewatch tsdb on directories that a daemon filled, with promtool and a second daemon to judge what comes out."""

import hashlib
import random
import re
import struct
import subprocess
import time

import pytest
from conftest import BINARY, get_json, peer, wait_for
from remote_write import STALE, RequestV2, integer_histogram, push_v2

FAST = "collectors:\n  host: {interval: 1s}\n"


def run_tsdb(*arguments):
    return subprocess.run([BINARY, "tsdb", *map(str, arguments)], capture_output=True, text=True, timeout=120)


def tsdb(*arguments, code=0):
    done = run_tsdb(*arguments)
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


def test_inspect_verify_and_dump_say_what_there_is(data):
    text, _ = tsdb("inspect", data)
    files = [file for file in data.iterdir() if file.name.startswith("ring-")]
    assert re.search(rf"^ring +{len(files)} files, {sum(file.stat().st_size for file in files)} bytes$", text, re.M)
    text, _ = tsdb("verify", data)
    assert int(re.search(r"^log: \d+ pages, (\d+) rows", text, re.M)[1]) > 4
    assert re.search(r"^tiers: \d+ segments, \d+ blocks, \d+ rows$", text, re.M)
    lines = tsdb("dump", data, "--match", "latency")[0].splitlines()
    assert len(lines) == 1
    assert lines[0].startswith('{__name__="latency"') or lines[0].startswith("latency")
    assert "{count:7, sum:" in lines[0]


def test_verify_tells_damage_from_what_it_cannot_look_at(data, tmp_path):
    tsdb("verify", data, code=0)
    (tmp_path / "empty").mkdir()
    for directory in [tmp_path / "nowhere", tmp_path / "empty"]:
        _, fault = tsdb("verify", directory, code=2)
        assert "no data directory" in fault
        tsdb("inspect", directory, code=1)
    tsdb("verify", data, "--wrong", code=2)
    (data / "log").write_bytes(b"\x55" * (1 << 20))
    assert "damaged: log at 0: " in tsdb("verify", data, code=1)[0]


def test_a_directory_that_may_not_be_written_is_looked_at(data):
    (data / "lock").chmod(0o440)
    data.chmod(0o550)
    try:
        assert "all good" in tsdb("verify", data)[0]
        tsdb("inspect", data)
    finally:
        data.chmod(0o750)


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
    assert f"{bad}:2:6: " in fault
    _, fault = tsdb("verify", tmp_path / "nowhere", code=2)
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


def test_a_damaged_store_is_exported_but_for_the_damage(tmp_path):
    noise = random.Random(12)
    lines = {
        f'm{metric}{{job="{job}"}} {noise.randrange(1, 10**9)} {1_790_000_000 + 15 * row}'
        for metric in range(8)
        for job in "ab"
        for row in range(2000)
    }
    (tmp_path / "all.om").write_text("\n".join(sorted(lines)) + "\n# EOF\n")
    told, _ = tsdb("import", tmp_path / "sealed", tmp_path / "all.om")
    assert f"{len(lines)} samples stored, 0 refused" in told
    ring = next(file for file in sorted((tmp_path / "sealed").iterdir()) if file.name.startswith("ring-"))
    whole = ring.read_bytes()
    used = len(whole.rstrip(b"\0"))
    partial = 0
    for place in range(1, 10):
        bytes_ = bytearray(whole)
        bytes_[used * place // 10] ^= 1
        ring.write_bytes(bytes_)
        done = run_tsdb("export", tmp_path / "sealed", "-o", tmp_path / "rest.om")
        rest = (tmp_path / "rest.om").read_text().splitlines()
        assert rest[-1] == "# EOF"
        kept = {line for line in rest if not line.startswith("#")}
        assert int(re.search(r": (\d+) samples", done.stdout)[1]) == len(kept)
        parts = [line for line in done.stderr.splitlines() if "cannot read" in line]
        # What nobody needs for an export, such as sums of blocks, may be damaged.
        assert kept <= lines and done.returncode == (kept < lines) == (len(parts) > 0), done.stderr
        if not 0 < len(kept) < len(lines):
            continue
        partial += 1
        assert f"{len(parts)} parts could not be read" in done.stderr
        pattern = r"edgewatch: cannot read (\S.* )?from 20\d\d-\S+Z through 20\d\d-\S+Z: segment \d+ in ring file 0: \S"
        assert all(re.match(pattern, line) for line in parts), done.stderr
        if partial == 1:
            told, _ = tsdb("export", tmp_path / "sealed", "--format", "remote-write", "-o", tmp_path / "rest.rw", code=1)
            assert int(re.search(r": (\d+) samples", told)[1]) == len(kept)
            told, _ = tsdb("import", tmp_path / "again", tmp_path / "rest.rw")
            assert f"{len(kept)} samples stored, 0 refused" in told
    assert partial > 0


def test_an_export_into_a_pipe(data, tmp_path):
    tsdb("export", data, "-o", tmp_path / "all.om")
    whole = (tmp_path / "all.om").read_text()
    for name in ("-", "/dev/stdout"):
        text, told = tsdb("export", data, "-o", name)
        assert text == whole
        assert f"{name}: " in told
    assert not (tmp_path / "-").exists()


def om(tmp_path, text, code=0, name="new", options=()):
    file = tmp_path / "some.om"
    file.write_text(text)
    told, fault = tsdb("import", *options, tmp_path / name, file, code=code)
    tsdb("export", tmp_path / name, "-o", tmp_path / "some.out")
    lines = [line for line in (tmp_path / "some.out").read_text().splitlines() if not line.startswith("#")]
    return told, fault.replace(str(file), "F"), lines


@pytest.mark.parametrize(
    "text, fault, lines",
    [
        ("x 1 100\n# EOF\ny 2 100\n", "F:3:1: a line after # EOF", ["x 1 100"]),
        ("x 1 100\n", "F: no # EOF after line 1", ["x 1 100"]),
        ("x 1 100\nx 1 1 2\n# EOF\n", 'F:2:7: unexpected "2"', ["x 1 100"]),
        ('x 1 100 # {a="b"} 1 2 3\n# EOF\n', "F:1:23: unexpected", []),
        ("x 1 100\nx 1 1795262400000\nx 1 1795262400001\n# EOF\n", "", ["x 1 100"]),
    ],
)
def test_text_that_is_not_openmetrics(tmp_path, text, fault, lines):
    told, heard, stored = om(tmp_path, text, code=1)
    assert fault in heard
    assert stored == lines
    if not fault:
        assert "1 samples stored, 2 refused" in told
        assert "some.om:2:5: 58859-08-08T00:00:00Z is 1795262400000 seconds since 1970" in told


def test_the_first_of_two_values_counts_within_a_file_too(tmp_path):
    told, _, lines = om(tmp_path, "d 1 100\nd 2 100\nd 1 100\n# EOF\n", code=1)
    assert "1 samples stored, 1 refused" in told
    assert "1 that are there with another value" in told
    assert lines == ["d 1 100"]


def test_the_time_between_two_samples_costs_nothing(tmp_path):
    """Half a century, as quarter hours one by one, took a minute; centuries did not end."""
    text = "x 1 -62135596800\nx 1 0\nx 1 1795283000\n# EOF\n"
    _, _, lines = om(tmp_path, text)
    assert lines == text.splitlines()[:-1]
    told, _ = tsdb("export", tmp_path / "new", "--format", "remote-write", "-o", tmp_path / "far.rw")
    assert ": 3 samples" in told
    told, _ = tsdb("import", tmp_path / "again", tmp_path / "far.rw")
    assert "3 samples stored, 0 refused" in told


def test_import_takes_as_many_series_as_it_is_told(tmp_path):
    text = "".join(f"m{number} 1 100\n" for number in range(20)) + "# EOF\n"
    _, fault, _ = om(tmp_path, text, code=1, options=("--max-series", "10"))
    assert "more than 10 series; --max-series takes more" in fault
    assert len(om(tmp_path, text, name="more", options=("--max-series", "20"))[2]) == 20


def test_families_are_described_once_and_only_where_they_are_exported(data, tmp_path):
    def types(*arguments):
        tsdb("export", data, "-o", tmp_path / "some.om", *arguments)
        return [line.split()[2] for line in (tmp_path / "some.om").read_text().splitlines() if line.startswith("# TYPE")]

    found = types()
    assert len(found) > 50 and len(found) == len(set(found))
    assert types("--match", "node_load1") == ["node_load1"]
    clash = "# TYPE c gauge\nc 1 100\n# EOF\n", "# TYPE c_total counter\nc_total 1 100\n# EOF\n"
    for number, text in enumerate(clash):
        (tmp_path / f"{number}.om").write_text(text)
    tsdb("import", tmp_path / "clash", tmp_path / "0.om", tmp_path / "1.om")
    tsdb("export", tmp_path / "clash", "-o", tmp_path / "some.om")
    assert (tmp_path / "some.om").read_text() == "# TYPE c gauge\nc 1 100\nc_total 1 100\n# EOF\n"


def test_a_store_moves_to_another_key_whole(edgewatch, tmp_path):
    """Stale markers, NaN payloads, native histograms, exemplars, start timestamps and metadata."""
    node = edgewatch("collectors: {}\n")
    now = int(time.time() * 1000)
    payload = struct.unpack("<d", struct.pack("<Q", 0x7FF800000000BEEF))[0]
    request = RequestV2()
    request.add(
        {"__name__": "pushed_total", "job": "j"},
        samples=[(now - 3000, 1, now - 9000), (now - 2000, payload), (now - 1000, STALE)],
        exemplars=[({"trace_id": "a"}, now - 3000, 0.5), ({"trace_id": "b"}, now - 500, 0.25)],
        metadata=(1, "Things pushed.", "things"),
    )
    request.add({"__name__": "latency", "job": "j"}, histograms=[integer_histogram(now, [1, 2], zero=3)], metadata=(3, "Time.", "s"))
    assert push_v2(node.port, request).status == 204
    node.stop()
    (tmp_path / "key").write_text("ab" * 32 + "\n")
    (tmp_path / "key").chmod(0o600)
    ours = "--match", '{job="j"}'
    told, _ = tsdb("export", node.data, *ours, "--format", "remote-write", "-o", tmp_path / "one.rw")
    assert ": 4 samples" in told
    told, _ = tsdb("import", "--key-file", tmp_path / "key", tmp_path / "keyed", tmp_path / "one.rw")
    assert "4 samples stored, 0 refused" in told and "2 exemplars stored" in told
    tsdb("export", "--key-file", tmp_path / "key", tmp_path / "keyed", "--format", "remote-write", "-o", tmp_path / "two.rw")
    assert (tmp_path / "two.rw").read_bytes() == (tmp_path / "one.rw").read_bytes()
    tsdb("import", tmp_path / "plain", tmp_path / "two.rw")
    again = edgewatch("collectors: {}\n", name="again", data=tmp_path / "plain")
    metadata = get_json(again.url + "/api/v1/metadata")["data"]
    assert metadata["pushed_total"] == [{"type": "counter", "help": "Things pushed.", "unit": "things"}]
    assert metadata["latency"] == [{"type": "histogram", "help": "Time.", "unit": "s"}]
    found = get_json(again.url + "/api/v1/query_exemplars", query="pushed_total", start=now / 1000 - 60, end=now / 1000 + 60)
    assert [each["labels"] for each in found["data"][0]["exemplars"]] == [{"trace_id": "a"}, {"trace_id": "b"}]
    assert again.query("histogram_count(latency)")[0]["value"][1] == "6"
    # Metadata of text, and messages of 1.0, as older versions wrote them.
    (tmp_path / "one.om").write_text('# TYPE t_seconds gauge\n# UNIT t_seconds seconds\n# HELP t_seconds a "b"\nt_seconds 1 100\n# EOF\n')
    tsdb("export", node.data, *ours, "--format", "remote-write-1.0", "-o", tmp_path / "old.rw")
    told, _ = tsdb("import", tmp_path / "old", tmp_path / "one.om", tmp_path / "old.rw")
    assert "5 samples stored, 0 refused" in told
    tsdb("export", tmp_path / "old", "--match", "t_seconds", "-o", tmp_path / "some.om")
    assert (tmp_path / "some.om").read_text().splitlines()[:3] == [
        "# TYPE t_seconds gauge", "# UNIT t_seconds seconds", r'# HELP t_seconds a \"b\"',
    ]
