# SPDX-License-Identifier: Apache-2.0
"""Starts the real binary and real peers on loopback, each in its own temporary directory, and ends them by pid."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("EDGEWATCH_BINARY", ROOT / ".build/debug/edgewatch"))
# How long a condition may take to come true before a test fails; generous, since CI machines are slow.
PATIENCE = 60


# Labels targets have before relabeling since Prometheus 3.13; Debian's has not.
NEWER_LABELS = (
    "__always_scrape_classic_histograms__", "__convert_classic_histograms_to_nhcb__", "__scrape_native_histograms__",
)


def without_newer(labels):
    """Discovered labels as an older Prometheus has them."""
    return labels and {name: value for name, value in labels.items() if name not in NEWER_LABELS}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, condition, timeout=PATIENCE):
    """Polls until the condition returns something true; errors on the way count as not yet."""
    deadline = time.monotonic() + timeout
    last = None
    while time.monotonic() < deadline:
        try:
            result = condition()
            if result:
                return result
            last = result
        except Exception as error:  # noqa: BLE001 - not there yet
            last = error
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {timeout} s; last: {last!r}")


def get(url, timeout=10, **parameters):
    if parameters:
        url += "?" + urllib.parse.urlencode(parameters, doseq=True)
    with urllib.request.urlopen(url, timeout=timeout) as response:
        return response.read()


def get_json(url, **parameters):
    return json.loads(get(url, **parameters))


class Process:
    """A program under test or a peer, with its output in a file."""

    def __init__(self, name, arguments, directory, environment=None):
        self.name = name
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.output = self.directory / f"{name}.log"
        with open(self.output, "ab") as log:
            self.process = subprocess.Popen(
                [str(argument) for argument in arguments],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(environment or {})},
            )

    @property
    def pid(self):
        return self.process.pid

    def text(self):
        return self.output.read_text(errors="replace")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, timeout=15):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} ignored SIGTERM for {timeout} s:\n{self.text()[-2000:]}") from None


class Server(Process):
    """A process that answers HTTP on a port."""

    def __init__(self, name, arguments, directory, port, ready, environment=None):
        super().__init__(name, arguments, directory, environment)
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.ready_path = ready

    def wait_until_ready(self):
        def answers():
            if self.process.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.text()[-2000:]}")
            return get(self.url + self.ready_path, timeout=2) is not None

        started = time.monotonic()
        deadline = started + PATIENCE
        while True:
            try:
                answers()
                return time.monotonic() - started
            except (urllib.error.URLError, OSError, TimeoutError):
                if time.monotonic() > deadline:
                    raise AssertionError(f"{self.name} is not ready:\n{self.text()[-2000:]}") from None
                time.sleep(0.01)

    def query(self, expression, at=None, **extra):
        parameters = {"query": expression, **extra}
        if at is not None:
            parameters["time"] = at
        answer = get_json(self.url + "/api/v1/query", **parameters)
        assert answer["status"] == "success", answer
        return answer["data"]["result"]

    def value(self, expression, at=None):
        result = self.query(expression, at)
        return float(result[0]["value"][1]) if result else None

    def samples(self, selector, window="1h", at=None):
        """{labels: [(time, text value)]} of a range selector."""
        found = {}
        for series in self.query(f"{selector}[{window}]", at):
            labels = tuple(sorted(series["metric"].items()))
            found[labels] = [(time_, value) for time_, value in series["values"]]
        return found


class Edgewatch(Server):
    def __init__(self, directory, config=None, port=None, data=None, arguments=(), prefix=(), environment=None):
        port = port or free_port()
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.data = pathlib.Path(data or directory / "data")
        command = [*prefix, BINARY, "run", f"--web.listen-address=127.0.0.1:{port}", f"--storage.path={self.data}", *arguments]
        if config is not None:
            self.config = directory / "edgewatch.yml"
            self.config.write_text(config)
            command.append(f"--config.file={self.config}")
        super().__init__("edgewatch", command, directory, port, "/-/ready", environment)


@pytest.fixture(scope="session", autouse=True)
def binary():
    if not BINARY.exists():
        pytest.exit(f"{BINARY} is missing: run `make build` first", returncode=1)
    return BINARY


@pytest.fixture
def running():
    """Collects processes; whatever is still alive is killed at the end of the test."""
    started = []

    def start(process, wait=True):
        started.append(process)
        if wait and isinstance(process, Server):
            process.wait_until_ready()
        return process

    yield start
    for process in reversed(started):
        with contextlib.suppress(Exception):
            if process.process.poll() is None:
                process.kill()


def peer(name):
    """The path of a peer's binary; skips loudly when it is not installed."""
    path = shutil.which(name)
    if path is None:
        print(f"\nSKIPPED: {name} is not installed (scripts/bootstrap test installs it)", file=sys.stderr)
        pytest.skip(f"{name} is not installed")
    return path


@pytest.fixture
def edgewatch(running, tmp_path):
    def start(config=None, wait=True, name="edgewatch", **options):
        return running(Edgewatch(tmp_path / name, config, **options), wait)

    return start


@pytest.fixture
def prometheus(running, tmp_path):
    def start(name="prometheus", port=None, config="global: {scrape_interval: 15s}\n", arguments=()):
        port = port or free_port()
        directory = tmp_path / name
        directory.mkdir(exist_ok=True)
        (directory / "prometheus.yml").write_text(config)
        command = [
            peer("prometheus"),
            f"--config.file={directory}/prometheus.yml",
            f"--storage.tsdb.path={directory}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.enable-remote-write-receiver",
            *arguments,
        ]
        return running(Server("prometheus", command, directory, port, "/-/ready"))

    return start


@pytest.fixture
def victoria_metrics(running, tmp_path):
    def start(name="victoria-metrics", port=None):
        port = port or free_port()
        directory = tmp_path / name
        arguments = [
            peer("victoria-metrics"),
            f"-storageDataPath={directory}/data",
            f"-httpListenAddr=127.0.0.1:{port}",
            "-search.latencyOffset=0s",
            "-retentionPeriod=1y",
        ]
        return running(Server("victoria-metrics", arguments, directory, port, "/health"))

    return start


@pytest.fixture
def vmagent(running, tmp_path):
    def start(config, url):
        port = free_port()
        directory = tmp_path / "vmagent"
        directory.mkdir(exist_ok=True)
        (directory / "scrape.yml").write_text(config)
        arguments = [
            peer("vmagent"),
            f"-promscrape.config={directory}/scrape.yml",
            f"-remoteWrite.url={url}",
            f"-remoteWrite.tmpDataPath={directory}/data",
            f"-httpListenAddr=127.0.0.1:{port}",
        ]
        return running(Server("vmagent", arguments, directory, port, "/health"))

    return start


@pytest.fixture
def alertmanager(running, tmp_path):
    def start(config):
        port = free_port()
        directory = tmp_path / "alertmanager"
        directory.mkdir(exist_ok=True)
        (directory / "alertmanager.yml").write_text(config)
        arguments = [
            peer("prometheus-alertmanager"),
            f"--config.file={directory}/alertmanager.yml",
            f"--storage.path={directory}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ]
        return running(Server("alertmanager", arguments, directory, port, "/-/ready"))

    return start


@pytest.fixture
def node_exporter(running, tmp_path):
    def start(*arguments):
        port = free_port()
        command = [peer("prometheus-node-exporter"), f"--web.listen-address=127.0.0.1:{port}", *arguments]
        return running(Server("node-exporter", command, tmp_path / "node-exporter", port, "/"))

    return start
