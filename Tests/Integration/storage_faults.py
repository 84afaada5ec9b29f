# SPDX-License-Identifier: Apache-2.0
"""Disks that fail: a file system on a loop device that loses power, system calls that refuse, and a load that knows what it
was promised."""

import contextlib
import fcntl
import glob
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import threading
import time

import pytest

import remote_write
from conftest import PATIENCE, wait_for

# _IOR('X', 125, __u32) of the ext4 driver.
EXT4_IOC_SHUTDOWN = 0x8004587D
NOTHING_FLUSHED = 2
JOURNAL_FLUSHED = 1


def skip(why):
    print(f"\nSKIPPED: {why}", file=sys.stderr)
    pytest.skip(why)


def needs(*programs):
    for program in programs:
        if shutil.which(program) is None:
            skip(f"{program} is not installed (scripts/bootstrap test installs it)")


class Mount:
    """An ext4 image on a loop device, or a tmpfs."""

    def __init__(self, directory, size, kind="ext4", options=""):
        self.image = pathlib.Path(directory) / "disk.img"
        self.path = pathlib.Path(directory) / "mnt"
        self.path.mkdir(parents=True)
        self.kind, self.size, self.options = kind, size, options
        if os.geteuid() != 0:
            skip("mounting needs root")
        if kind == "ext4":
            needs("mkfs.ext4")
            with open(self.image, "wb") as image:
                image.truncate(size)
            subprocess.run(["mkfs.ext4", "-q", "-b", "4096", self.image], check=True)
        self.attach()

    def attach(self):
        if self.kind == "ext4":
            options = ",".join(filter(None, ["loop", self.options]))
            command = ["mount", "-o", options, self.image, self.path]
        else:
            options = ",".join(filter(None, [f"size={self.size}", self.options]))
            command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.path]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            skip(f"this machine cannot mount: {done.stderr.strip()}")

    def detach(self):
        wait_for("unmounting", lambda: subprocess.run(["umount", self.path], capture_output=True).returncode == 0)

    def lose_power(self, flag=NOTHING_FLUSHED):
        """Every later operation fails; what was not synced is gone."""
        directory = os.open(self.path, os.O_RDONLY)
        fcntl.ioctl(directory, EXT4_IOC_SHUTDOWN, struct.pack("I", flag))
        os.close(directory)

    def come_back(self, process):
        """What a machine does after the power cut: memory is empty, the file system is mounted again."""
        process.kill()
        self.detach()
        forget_memory()
        self.attach()

    @contextlib.contextmanager
    def full(self):
        """Nothing free, by a file that is removed again."""
        filler = self.path / "filler"
        with open(filler, "wb", buffering=0) as file:
            for size in (1 << 16, 512):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)):
                        pass
        yield
        filler.unlink()


@pytest.fixture
def disk(tmp_path):
    mounts = []

    def make(size=64 << 20, kind="ext4", options=""):
        mount = Mount(tmp_path / f"disk{len(mounts)}", size, kind, options)
        mounts.append(mount)
        return mount

    yield make
    for mount in mounts:
        subprocess.run(["umount", "-l", mount.path], capture_output=True)


def staging_files():
    return set(glob.glob(f"/dev/shm/edgewatch-{os.geteuid()}-*"))


OTHERS = staging_files()


def forget_memory():
    """What of ours is in shared memory goes with the power."""
    for path in staging_files() - OTHERS:
        os.unlink(path)


@contextlib.contextmanager
def strace(pid, *arguments):
    """Tampers with system calls of a running process while the block runs."""
    needs("strace")
    tracer = subprocess.Popen(
        ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(pid), *arguments], stderr=subprocess.PIPE, text=True
    )
    try:
        def traced():
            if tracer.poll() is not None:
                skip(f"strace does not work here: {tracer.stderr.read().strip()}")
            return all(
                f"TracerPid:\t{tracer.pid}" in pathlib.Path(status).read_text()
                for status in glob.glob(f"/proc/{pid}/task/*/status")
            )

        wait_for("strace to attach", traced)
        yield
    finally:
        tracer.terminate()
        tracer.wait()


class Load:
    """Pushes rows of a few series and remembers what was acknowledged."""

    def __init__(self, node, series=20, pause=0.01, job="load"):
        self.node, self.series, self.pause, self.job = node, series, pause, job
        self.acknowledged = {}
        self.sent = {}
        self.refused = 0
        self.slowest = 0.0
        self.stop = threading.Event()
        self.thread = None
        self.number = 0
        self.last = 0

    def push(self):
        self.last = max(self.last + 1, int(time.time() * 1000))
        at, number = self.last, self.number
        self.number += 1
        rows = [
            ({"__name__": "load", "job": self.job, "instance": "i", "n": str(n)}, [(at, float(number * 1000 + n))])
            for n in range(self.series)
        ]
        self.sent[at] = number
        began = time.monotonic()
        try:
            answer = remote_write.push(self.node.port, rows, timeout=PATIENCE)
        except OSError:
            self.refused += 1
            return
        self.slowest = max(self.slowest, time.monotonic() - began)
        if answer.status // 100 == 2:
            self.acknowledged[at] = (number, time.time())
        else:
            self.refused += 1

    def rows(self, count):
        for _ in range(count):
            self.push()
        return self

    def __enter__(self):
        self.stop.clear()

        def run():
            while not self.stop.is_set():
                self.push()
                time.sleep(self.pause)

        self.thread = threading.Thread(target=run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def present(self, node, since=0):
        """{time in ms: row number}; every value must be one that was sent, and every series must have the row."""
        if not self.sent:
            return {}
        at = max(self.sent) / 1000 + 1
        window = f"{int(at - max(since, min(self.sent)) / 1000) + 10}s"
        rows = {}
        for labels, samples in node.samples(f'load{{job="{self.job}"}}', window, at).items():
            n = int(dict(labels)["n"])
            for when, value in samples:
                when = round(when * 1000)
                assert when in self.sent, f"a sample at {when} was never sent"
                assert float(value) == self.sent[when] * 1000 + n, f"{labels} at {when} is {value}"
                rows.setdefault(when, set()).add(n)
        return {when: self.sent[when] for when, found in rows.items() if len(found) == self.series}

    def forget_what_is_lost(self, node, since):
        """What a power cut took is not asked for again; returns the newest time that was looked at."""
        present = self.present(node, since)
        self.acknowledged = {at: entry for at, entry in self.acknowledged.items() if at <= since or at in present}
        return self.last

    def check(self, node, before=None, since=0):
        """Nothing acknowledged after one time in ms (and before another in seconds) is missing; returns how much there is."""
        present = self.present(node, since)
        missing = [
            at
            for at, (_, when) in self.acknowledged.items()
            if at > since and at not in present and (before is None or when <= before)
        ]
        assert not missing, f"{len(missing)} of {len(self.acknowledged)} acknowledged rows are missing, for example {missing[:3]}"
        return len(present)


def metric(node, name):
    from conftest import get

    for line in get(node.url + "/metrics").decode().splitlines():
        if line.startswith(name + " ") or line.startswith(name + "{"):
            return float(line.rpartition(" ")[2])
    return None
