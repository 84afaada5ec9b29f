# SPDX-License-Identifier: Apache-2.0
"""An orderly end, whatever hangs: exit code 0, everything acknowledged stored, no program left behind."""

import contextlib
import os
import socket
import threading
import time
import urllib.request

from conftest import wait_for


@contextlib.contextmanager
def silent_server():
    """Takes connections and never says anything; yields its port and a function that counts them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        connections = []

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    connections.append(server.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield server.getsockname()[1], lambda: len(connections)
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for connection in connections:
                connection.close()


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return ") Z " not in stat.read()
    except FileNotFoundError:
        return False


def test_what_hangs_does_not_keep_it(edgewatch, tmp_path):
    smartctl = tmp_path / "smartctl"
    smartctl.write_text('#!/bin/sh\nsleep 1000 & echo $! > "$0.pid"; wait\n')
    smartctl.chmod(0o755)
    fifo = tmp_path / "targets.json"
    os.mkfifo(fifo)
    with silent_server() as (nut, nut_connections), silent_server() as (modbus, modbus_connections):
        daemon = edgewatch(f"""
collectors:
  host: {{enabled: false}}
  smart: {{path: {smartctl}}}
  nut: [{{name: ups, address: "127.0.0.1:{nut}", timeout: 60s, interval: 1s}}]
  modbus: [{{name: plc, address: "127.0.0.1:{modbus}", timeout: 60s, interval: 1s, registers: [{{metric: m, address: 1}}]}}]
scrape_configs:
  - job_name: files
    file_sd_configs: [{{files: ["{fifo}"]}}]
""")
        wait_for("smartctl to hang", lambda: (tmp_path / "smartctl.pid").read_text().strip())
        wait_for("servers to be asked", lambda: nut_connections() and modbus_connections())
        now = int(time.time() * 1000)
        with urllib.request.urlopen(f"{daemon.url}/api/v1/import/prometheus", f"pushed 42 {now}\n".encode()) as answer:
            assert answer.status in (200, 204)
        started = time.monotonic()
        assert daemon.stop(timeout=20) == 0, daemon.text()
        # Every service's own time is well below the whole.
        assert time.monotonic() - started < 8, daemon.text()
    assert daemon.text().rstrip().endswith("stopped"), daemon.text()
    assert not is_alive(int((tmp_path / "smartctl.pid").read_text()))
    again = edgewatch("collectors: {host: {enabled: false}}\n", data=daemon.data, name="again")
    assert again.samples("pushed") == {(("__name__", "pushed"),): [(now / 1000, "42")]}
