# SPDX-License-Identifier: Apache-2.0
"""The page at / in a headless browser: graphs are drawn and not empty, and nothing is reported on the console."""

import re
import subprocess

from conftest import peer, wait_for


def test_page_draws_graphs(edgewatch, tmp_path):
    process = edgewatch("collectors:\n  host: {interval: 1s}\n")
    wait_for("history", lambda: process.query("count_over_time(node_load1[5m]) >= 10"))
    arguments = [
        peer("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1",
        f"--user-data-dir={tmp_path}/chromium", "--window-size=1400,1800", "--virtual-time-budget=20000", "--enable-logging=stderr",
    ]
    def drawn():
        page = subprocess.run([*arguments, "--dump-dom", process.url + "/"], capture_output=True, text=True, timeout=120)
        assert 'data-ready="1"' in page.stdout, page.stderr[-2000:]
        widths = [int(width) for width in re.findall(r'<canvas[^>]*width="(\d+)"', page.stdout)]
        # Two layers each for CPU, memory, load, file systems, disk and network; rates need a minute of history.
        return page if len(widths) >= 12 and min(widths) > 100 else None

    page = wait_for("all graphs drawn", drawn, timeout=180)
    dom = page.stdout
    for title in ("CPU", "Memory", "Disk", "Network"):
        assert title in dom
    errors = [line for line in page.stderr.splitlines() if "CONSOLE" in line and ("error" in line.lower() or "refused" in line.lower())]
    assert errors == []

    picture = tmp_path / "page.png"
    subprocess.run([*arguments, f"--screenshot={picture}", process.url + "/"], capture_output=True, timeout=120, check=True)
    # A page without graphs compresses to a few kilobytes.
    assert picture.stat().st_size > 40_000
