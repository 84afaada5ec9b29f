# SPDX-License-Identifier: Apache-2.0
"""The systemd collector of a running edgewatch, on a bus where a stub plays systemd."""

import os
import shutil
import subprocess
import sys

import pytest

from conftest import wait_for

STUB = os.path.join(os.path.dirname(__file__), "systemd_stub.py")


@pytest.fixture
def bus(tmp_path, monkeypatch):
    pytest.importorskip("dbus_next")
    if not shutil.which("dbus-daemon"):
        pytest.skip("dbus-daemon is not installed")
    process = subprocess.Popen([sys.executable, STUB, str(tmp_path)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    address = process.stdout.readline().strip()
    assert address
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    yield address
    process.stdin.close()
    process.wait()


def test_units_of_the_bus(bus, edgewatch):
    process = edgewatch("collectors:\n  host: {interval: 1s, collectors: {systemd: {enabled: true}}}\n")
    wait_for("a pass over systemd", lambda: process.query("node_systemd_units"))
    units = {series["metric"]["state"]: float(series["value"][1]) for series in process.query("node_systemd_units")}
    assert units == {"active": 4, "activating": 1, "deactivating": 0, "inactive": 1, "failed": 1}
    failed = process.query('node_systemd_unit_state{state="failed"} == 1')
    assert [series["metric"]["name"] for series in failed] == ["broken.service"]
    success = process.query('node_scrape_collector_success{collector="systemd"}')
    assert [float(series["value"][1]) for series in success] == [1]
