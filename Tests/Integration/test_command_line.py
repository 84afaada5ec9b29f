# SPDX-License-Identifier: Apache-2.0
"""What the operator sees when something is wrong: one clear line, the right exit code, nothing damaged."""

import os
import signal
import socket
import subprocess
import time

import pytest
from conftest import BINARY, Edgewatch, free_port, get, get_json, wait_for


def run(*arguments, **options):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=60, **options)


def one_line(text):
    lines = [line for line in text.splitlines() if line and " info " not in line]
    assert len(lines) == 1, text
    return lines[0]


def test_version():
    result = run("--version")
    assert (result.returncode, result.stdout) == (0, "0.1.0\n")


def test_unknown_flag():
    result = run("run", "--storage.pth=/tmp/x")
    assert result.returncode == 1
    assert "--storage.pth" in one_line(result.stderr)


def test_port_in_use(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run("run", f"--web.listen-address=127.0.0.1:{port}", f"--storage.path={tmp_path}/data")
    assert result.returncode == 1
    line = one_line(result.stderr)
    assert f"127.0.0.1:{port}" in line and "in use" in line


def test_bad_listen_address(tmp_path):
    result = run("run", "--web.listen-address=localhost", f"--storage.path={tmp_path}/data")
    assert result.returncode == 1
    assert "host:port" in one_line(result.stderr)


def test_data_directory_is_a_file(tmp_path):
    path = tmp_path / "data"
    path.write_text("precious")
    result = run("run", f"--web.listen-address=127.0.0.1:{free_port()}", f"--storage.path={path}")
    assert result.returncode == 1
    assert str(path) in one_line(result.stderr)
    assert path.read_text() == "precious"


def test_data_directory_not_writable(tmp_path):
    result = run("run", f"--web.listen-address=127.0.0.1:{free_port()}", "--storage.path=/proc/edgewatch")
    assert result.returncode == 1
    assert "/proc/edgewatch" in one_line(result.stderr)


def test_data_directory_locked(edgewatch):
    first = edgewatch()
    result = run("run", f"--web.listen-address=127.0.0.1:{free_port()}", f"--storage.path={first.data}")
    assert result.returncode == 1
    line = one_line(result.stderr)
    assert str(first.data) in line and "another" in line
    assert get(first.url + "/-/healthy")


def test_lock_ends_with_the_process(edgewatch):
    first = edgewatch()
    first.kill()
    edgewatch(data=first.data)


def test_missing_config_file(tmp_path):
    result = run("run", f"--config.file={tmp_path}/none.yml", f"--storage.path={tmp_path}/data")
    assert result.returncode == 2
    assert "none.yml" in one_line(result.stderr)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("global:\n  scrape_intervall: 15s\n", ['edgewatch.yml:2:3', 'scrape_intervall', 'did you mean "scrape_interval"']),
        ("global:\n  scrape_interval: fast\n", ["edgewatch.yml:2:20", "duration"]),
        ("scrape_configs:\n  - job_name: a\n    static_configs: 7\n", ["edgewatch.yml:3:21", "list"]),
        ("global: [\n", ["edgewatch.yml:"]),
    ],
)
def test_config_errors_name_the_place(tmp_path, text, expected):
    path = tmp_path / "edgewatch.yml"
    path.write_text(text)
    for arguments in (["check", "config", path], ["run", f"--config.file={path}", f"--storage.path={tmp_path}/data"]):
        result = run(*map(str, arguments))
        assert result.returncode == 2, result
        for words in expected:
            assert words in result.stderr, result.stderr
    assert not (tmp_path / "data").exists()


def test_check_config_counts_rules(tmp_path):
    (tmp_path / "rules.yml").write_text(
        "groups:\n  - name: g\n    rules:\n      - record: a:b\n        expr: up\n      - alert: C\n        expr: up == 0\n"
    )
    path = tmp_path / "edgewatch.yml"
    path.write_text("rule_files: ['rules.yml']\n")
    result = run("check", "config", str(path))
    assert result.returncode == 0, result.stderr
    assert "rules.yml: 2 rules" in result.stdout


def test_check_config_reports_rule_errors(tmp_path):
    (tmp_path / "rules.yml").write_text("groups:\n  - name: g\n    rules:\n      - record: a:b\n        expr: sum(\n")
    path = tmp_path / "edgewatch.yml"
    path.write_text("rule_files: ['rules.yml']\n")
    result = run("check", "config", str(path))
    assert result.returncode == 2
    assert "rules.yml:5" in result.stderr and "parse error" in result.stderr


def test_terminates_cleanly_within_ten_seconds(edgewatch):
    process = edgewatch()
    wait_for("first pass", lambda: process.query("node_load1"))
    started = time.monotonic()
    assert process.stop(timeout=10) == 0
    print(f"stopped in {time.monotonic() - started:.2f} s")


def test_reload_takes_a_good_file_and_refuses_a_bad_one(edgewatch, tmp_path):
    process = edgewatch("collectors:\n  host:\n    interval: 1s\n")
    wait_for("host metrics", lambda: process.query("node_load1"))
    process.config.write_text("global:\n  external_labels: {site: a}\ncollectors:\n  host:\n    interval: 1s\n    enabled: false\n")
    process.process.send_signal(signal.SIGHUP)
    wait_for("reload", lambda: "site: a" in get_json(process.url + "/api/v1/status/config")["data"]["yaml"])
    assert wait_for("success gauge", lambda: process_metric(process, "edgewatch_config_last_reload_successful") == 1)
    process.config.write_text("nonsense: 1\n")
    process.process.send_signal(signal.SIGHUP)
    wait_for("failure gauge", lambda: process_metric(process, "edgewatch_config_last_reload_successful") == 0)
    assert "site: a" in get_json(process.url + "/api/v1/status/config")["data"]["yaml"]
    assert "edgewatch.yml:1:1" in process.text()


def process_metric(process, name):
    for line in get(process.url + "/metrics").decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    return None


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_full_disk_keeps_serving(edgewatch, tmp_path):
    mount = tmp_path / "small"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", mount], capture_output=True).returncode:
        print("\nSKIPPED: mounting a tmpfs is not allowed here")
        pytest.skip("mounting a tmpfs is not allowed here")
    try:
        config = "storage:\n  wal: {size: 4MB}\n  circular_buffer: {size: 64MB, segments: 4}\ncollectors:\n  host: {interval: 1s}\n"
        process = edgewatch(config, data=mount / "data")
        wait_for("samples", lambda: process.query("count_over_time(node_load1[5m]) > 2"))
        (mount / "hog").write_bytes(b"x" * 0)
        with open(mount / "hog", "wb") as hog:
            try:
                while True:
                    hog.write(b"x" * 65536)
                    hog.flush()
            except OSError:
                pass
        before = process.value("count_over_time(node_load1[5m])")
        wait_for("still taking samples", lambda: process.value("count_over_time(node_load1[5m])") > before + 2)
        process.kill()
        again = edgewatch(config, data=mount / "data", name="again")
        assert again.value("count_over_time(node_load1[5m])") >= before
        (mount / "hog").unlink()
        assert again.stop() == 0
    finally:
        subprocess.run(["umount", "-l", mount], check=False)
