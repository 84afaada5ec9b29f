# SPDX-License-Identifier: Apache-2.0
"""Power cuts, full and failing disks under the real binary: what was promised is there, and nobody has to help.

EDGEWATCH_POWER_CUTS and EDGEWATCH_KILLS say how often; a release is tried with 100 of each.
"""

import os
import pathlib
import resource
import shutil
import socket
import subprocess
import time

import pytest

from conftest import BINARY, get_json, wait_for
from storage_faults import JOURNAL_FLUSHED, NOTHING_FLUSHED, Load, disk, forget_memory, metric, strace  # noqa: F401

CUTS = int(os.environ.get("EDGEWATCH_POWER_CUTS", 3))
KILLS = int(os.environ.get("EDGEWATCH_KILLS", 5))
# What a sync may take on a busy machine, on top of the interval.
SLACK = 1.0


def config(sync="1s", ring="16MB", log="2MB", staging="auto"):
    return (
        "collectors: {host: {enabled: false}}\n"
        f"storage:\n  circular_buffer: {{size: {ring}, segments: 4}}\n"
        f"  wal: {{size: {log}, sync_interval: {sync}, staging: {staging}}}\n"
    )


@pytest.mark.parametrize("staging", ["auto", "off"])
@pytest.mark.parametrize("flag", [NOTHING_FLUSHED, JOURNAL_FLUSHED], ids=["nothing flushed", "journal flushed"])
def test_power_cuts(edgewatch, disk, staging, flag):
    mount = disk(options="noauto_da_alloc" if flag == JOURNAL_FLUSHED else "")
    node = edgewatch(config(staging=staging), data=mount.path / "data", name="cut0")
    load = Load(node)
    slowest = since = 0
    for number in range(1, CUTS + 1):
        with load:
            time.sleep(1.5 + 0.3 * (number % 5))
            cut = time.time()
            mount.lose_power(flag)
        mount.come_back(node)
        node = edgewatch(config(staging=staging), data=mount.path / "data", name=f"cut{number}", wait=False)
        slowest = max(slowest, node.wait_until_ready())
        load.node = node
        load.check(node, before=cut - 1 - SLACK, since=since)
        since = load.forget_what_is_lost(node, since)
    count = load.check(node)
    print(f"{CUTS} power cuts, staging {staging}: {count} rows kept; ready after at most {slowest:.3f} s")


def test_synced_before_acknowledged_survives_a_power_cut_whole(edgewatch, disk):
    mount = disk()
    node = edgewatch(config(sync="0s"), data=mount.path / "data", name="cut0")
    load, since = Load(node), 0
    for number in range(1, CUTS + 1):
        with load:
            time.sleep(1)
            mount.lose_power()
            cut = time.time()
        mount.come_back(node)
        node = edgewatch(config(sync="0s"), data=mount.path / "data", name=f"cut{number}")
        load.node = node
        load.check(node, before=cut - 0.05, since=since)
        since = load.forget_what_is_lost(node, since)
    load.check(node)


def test_kills(edgewatch):
    node = edgewatch(config(sync="10m"), name="kill0")
    data, load, slowest, since = node.data, Load(node), 0, 0
    for number in range(1, KILLS + 1):
        with load:
            time.sleep(0.2 + 0.1 * (number % 7))
            node.kill()
        node = edgewatch(config(sync="10m"), data=data, name=f"kill{number}", wait=False)
        slowest = max(slowest, node.wait_until_ready())
        load.node = node
        load.check(node, since=since)
        since = load.last
    count = load.check(node)
    print(f"{KILLS} kills: {count} rows kept, none lost; ready after at most {slowest:.3f} s")


def test_a_disk_that_lies_about_syncs(edgewatch, disk):
    mount = disk()
    node = edgewatch(config(), data=mount.path / "data", name="lie0")
    load = Load(node)
    with strace(node.pid, "-e", "trace=fdatasync", "-e", "inject=fdatasync:retval=0"):
        with load:
            time.sleep(4)
            mount.lose_power()
    mount.come_back(node)
    node = edgewatch(config(), data=mount.path / "data", name="lie1")
    # Nothing can be promised; what is there is what was sent, and the node goes on.
    load.present(node)
    again = Load(node, job="after").rows(20)
    again.check(node)


@pytest.mark.parametrize("when", ["before the first segment", "with segments to give up"])
def test_a_full_disk(edgewatch, disk, when):
    mount = disk(size="14m", kind="tmpfs")
    node = edgewatch(config(ring="64MB", log="1MB"), data=mount.path / "data")
    load = Load(node, series=200, pause=0).rows(50)
    if when == "with segments to give up":
        load.rows(1100)
        wait_for("a segment", lambda: metric(node, "edgewatch_storage_segments") >= 1)
    with mount.full():
        load.rows(2300)
        assert load.refused == 0, "a full disk is no reason to refuse rows while memory has room"
        if when == "before the first segment":
            assert metric(node, "edgewatch_storage_write_errors_total") > 0
    wait_for("sealing without a restart", lambda: load.rows(1) and metric(node, "edgewatch_storage_log_fill_ratio") < 0.8)
    load.rows(50)
    newest = sorted(load.acknowledged)[-500:]
    present = load.present(node)
    assert all(at in present for at in newest)
    data = node.data
    node.kill()
    node = edgewatch(config(ring="64MB", log="1MB"), data=data, name="again")
    present = load.present(node)
    missing = [at for at in newest if at not in present]
    assert not missing, f"{len(missing)} rows are missing after a kill: {missing[:3]}, newest {newest[-1]}"


def test_a_full_ext4(edgewatch, disk):
    mount = disk(size=24 << 20)
    node = edgewatch(config(ring="64MB", log="1MB"), data=mount.path / "data")
    load = Load(node, series=200, pause=0)
    with mount.full():
        load.rows(2500)
        assert load.refused == 0
    load.rows(50)
    newest = sorted(load.acknowledged)[-300:]
    time.sleep(2.5)
    mount.lose_power()
    mount.come_back(node)
    node = edgewatch(config(ring="64MB", log="1MB"), data=mount.path / "data", name="again")
    present = load.present(node)
    assert all(at in present for at in newest)


@pytest.mark.parametrize("kind", ["nothing there", "a store there"])
def test_start_with_nothing_free(edgewatch, disk, kind):
    mount = disk(size=24 << 20)
    load = None
    if kind == "a store there":
        node = edgewatch(config(), data=mount.path / "data", name="before")
        load = Load(node).rows(100)
        node.kill()
    with mount.full():
        node = edgewatch(config(), data=mount.path / "data", name="full", wait=False)
        if kind == "a store there":
            node.wait_until_ready()
            load.check(node)
            after = Load(node, job="full").rows(100)
            assert after.refused == 0
            after.check(node)
        else:
            # Without a log there is nothing to promise on: a clear end is better than a silent one.
            code = wait_for("an answer", lambda: node.process.poll() is not None or node.wait_until_ready() is not None)
            assert code
            if node.process.poll() is not None:
                assert node.process.returncode == 1
                assert "No space left on device" in node.text()


def test_no_inodes(edgewatch, disk):
    mount = disk(size="64m", kind="tmpfs", options="nr_inodes=12")
    node = edgewatch(config(ring="64MB", log="1MB"), data=mount.path / "data")
    made = []
    try:
        while True:
            path = mount.path / f"inode{len(made)}"
            path.touch()
            made.append(path)
    except OSError:
        pass
    load = Load(node, series=200, pause=0).rows(2500)
    assert load.refused == 0
    for path in made:
        path.unlink()
    load.rows(100)
    newest = sorted(load.acknowledged)[-300:]
    present = load.present(node)
    assert all(at in present for at in newest)


def test_no_file_descriptors(edgewatch):
    """Not one is left, of a process that could not foresee it, while libdispatch looks for its threads every second."""
    node = edgewatch(config(ring="16MB"))
    load = Load(node, series=200, pause=0).rows(20)
    used = len(os.listdir(f"/proc/{node.pid}/fd"))
    _, hard = resource.prlimit(node.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(node.pid, resource.RLIMIT_NOFILE, (used, hard))
    load.rows(4)
    resource.prlimit(node.pid, resource.RLIMIT_NOFILE, (3, hard))  # below every number in use
    waiting = [socket.create_connection(("127.0.0.1", node.port)) for _ in range(20)]
    time.sleep(5)
    assert node.process.poll() is None
    for client in waiting:
        client.close()
    resource.prlimit(node.pid, resource.RLIMIT_NOFILE, (hard, hard))
    wait_for("connections again", lambda: load.rows(1) and load.present(node))
    load.rows(2000)
    newest = sorted(load.acknowledged)[-300:]
    present = load.present(node)
    assert all(at in present for at in newest)


def test_more_clients_than_descriptors(edgewatch):
    """More clients than descriptors: they wait, and everything that needs a file goes on."""
    node = edgewatch(config(ring="16MB"), prefix=["prlimit", "--nofile=80:80"])
    load = Load(node, series=200, pause=0).rows(20)
    idle = []
    for _ in range(200):
        client = socket.socket()
        client.settimeout(5)
        client.connect(("127.0.0.1", node.port))
        idle.append(client)
    time.sleep(2)
    used = len(os.listdir(f"/proc/{node.pid}/fd"))
    assert used < 70, f"{used} of 80 descriptors are in use"
    for client in idle:
        client.close()
    wait_for("connections again", lambda: load.rows(1) and load.present(node))
    load.rows(2000)
    assert load.refused == 0
    newest = sorted(load.acknowledged)[-300:]
    present = load.present(node)
    assert all(at in present for at in newest)


def test_a_sync_that_fails_once(edgewatch):
    node = edgewatch(config(staging="off"))
    load = Load(node)
    with strace(node.pid, "-P", str(node.data / "log"), "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=1"):
        with load:
            wait_for("the error to be counted", lambda: metric(node, "edgewatch_storage_write_errors_total") > 0)
            time.sleep(1.5)
    load.rows(20)
    data = node.data
    node.kill()
    node = edgewatch(config(staging="off"), data=data, name="again")
    assert load.refused == 0
    load.check(node)


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_writes_that_fail(edgewatch, error):
    node = edgewatch(config(staging="off"))
    load = Load(node)
    with strace(node.pid, "-P", str(node.data / "log"), "-e", "trace=pwrite64", "-e", f"inject=pwrite64:error={error}"):
        load.rows(200)
        assert metric(node, "edgewatch_storage_write_errors_total") > 0
        load.check(node)
    load.rows(50)
    assert load.refused == 0
    time.sleep(1.5)
    data = node.data
    node.kill()
    node = edgewatch(config(staging="off"), data=data, name="again")
    load.check(node)


def test_reads_that_fail(edgewatch):
    node = edgewatch(config())
    load = Load(node, pause=0).rows(1100)
    wait_for("a segment", lambda: metric(node, "edgewatch_storage_segments") >= 1)
    load.rows(10)
    at = max(load.sent) / 1000 + 1
    with strace(node.pid, "-P", str(node.data / "ring-00"), "-e", "trace=pread64", "-e", "inject=pread64:error=EIO"):
        answer = get_json(node.url + "/api/v1/query", query='count_over_time(load{n="3"}[1h])', time=at)
        assert answer["status"] == "success"
        assert any("ring-00" in warning or "segment" in warning for warning in answer["warnings"]), answer
        assert int(answer["data"]["result"][0]["value"][1]) >= 10
    load.check(node)


def test_the_file_system_vanishes(edgewatch, disk):
    mount = disk()
    node = edgewatch(config(), data=mount.path / "data")
    load = Load(node).rows(100)
    mount.lose_power()
    load.rows(200)
    assert load.refused == 0, "memory takes rows for a while"
    load.check(node)
    wait_for("a write error", lambda: metric(node, "edgewatch_storage_write_errors_total") > 0)
    assert node.stop(timeout=15) is not None, "a dead disk does not keep the process from ending"


def test_a_slow_disk(edgewatch):
    node = edgewatch(config(staging="off"))
    load = Load(node)
    with strace(node.pid, "-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=2000000"):
        with load:
            time.sleep(7)
    assert load.refused == 0 and len(load.acknowledged) > 100
    assert load.slowest < 1.5, f"an append waited {load.slowest:.2f} s for a sync of 2 s"
    load.check(node)


def test_the_lock_removed(edgewatch):
    node = edgewatch(config())
    load = Load(node, pause=0).rows(5)
    (node.data / "lock").unlink()
    wait_for("another lock", (node.data / "lock").exists)
    second = subprocess.run(
        [BINARY, "run", "--web.listen-address=127.0.0.1:0", f"--storage.path={node.data}"],
        capture_output=True, text=True, timeout=30,
    )
    assert second.returncode == 1 and "is in use by another process" in second.stderr, second.stderr
    load.rows(5)
    load.check(node)


def test_the_directory_replaced(edgewatch):
    """A restored copy is neither written to nor put aside by the process that had the directory."""
    node = edgewatch(config(staging="off"), name="before")
    restored = Load(node, pause=0).rows(50)
    backup = node.data.with_name("backup")
    shutil.copytree(node.data, backup)
    Load(node, job="later", pause=0).rows(50)
    data = node.data
    data.rename(data.with_name("old"))
    backup.rename(data)
    log = (data / "log").read_bytes()
    wait_for("the end of the process", lambda: node.process.poll() is not None)
    assert node.process.returncode == 1
    assert (data / "log").read_bytes() == log
    node = edgewatch(config(staging="off"), data=data, name="after")
    restored.check(node)
    Load(node, job="again", pause=0).rows(5).check(node)


@pytest.mark.parametrize("name", ["log", "ring-00", "state.db"])
@pytest.mark.parametrize("damage", ["empty", "zeroed", "cut", "removed", "flipped", "garbage"])
def test_files_damaged_at_rest(edgewatch, name, damage):
    node = edgewatch(config(), name="before")
    load = Load(node, pause=0).rows(1100)
    wait_for("a segment", lambda: metric(node, "edgewatch_storage_segments") >= 1)
    other = Load(node, job="other").rows(30)
    data = node.data
    node.kill()
    # Pages in memory would lie over the damage.
    if name == "log":
        forget_memory()
    path = data / name
    contents = bytearray(path.read_bytes()) if path.exists() else bytearray()
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "zeroed":
        path.write_bytes(bytes(len(contents)))
    elif damage == "cut":
        path.write_bytes(contents[: len(contents) // 2])
    elif damage == "removed":
        path.unlink(missing_ok=True)
    elif damage == "flipped":
        for place in range(0, len(contents), 4999):
            contents[place] ^= 0x41
        path.write_bytes(contents)
    else:
        path.write_bytes(os.urandom(max(4096, len(contents))))
    node = edgewatch(config(), data=data, name="after")
    # Values that are there are right; what is elsewhere is there.
    load.present(node)
    if name == "ring-00":
        other.check(node)
    again = Load(node, job="again").rows(50)
    again.check(node)
    node.kill()
    node = edgewatch(config(), data=data, name="later")
    again.check(node)


@pytest.mark.parametrize("what", ["log", "ring-00", "everything", "rights"])
def test_a_human_removes_files_at_run_time(edgewatch, what):
    node = edgewatch(config(staging="off"))
    load = Load(node, pause=0).rows(1100)
    wait_for("a segment", lambda: metric(node, "edgewatch_storage_segments") >= 1)
    if what == "rights":
        node.data.chmod(0)
    elif what == "everything":
        for path in node.data.iterdir():
            path.unlink()
    else:
        (node.data / what).unlink()
    time.sleep(2.5)
    again = Load(node, job="again").rows(200)
    assert again.refused == 0
    again.check(node)
    time.sleep(2.5)
    if what == "rights":
        node.data.chmod(0o750)
    data = node.data
    node.kill()
    node = edgewatch(config(staging="off"), data=data, name="after")
    again.check(node)


def test_two_processes_on_one_directory(edgewatch):
    node = edgewatch(config())
    second = edgewatch(config(), data=node.data, name="second", wait=False)
    assert wait_for("the second to end", lambda: second.process.poll()) == 1
    assert "in use" in second.text() or "another" in second.text(), second.text()
    Load(node).rows(5).check(node)
