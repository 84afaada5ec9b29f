# SPDX-License-Identifier: Apache-2.0
"""`kill -9` under load, again and again: nothing that was counted before a kill is missing after it."""

import time

from conftest import wait_for
from target import Target

KILLS = 20


def counted(process):
    """Every (series, time, value) the node shows now."""
    return {
        (labels, at, value)
        for labels, samples in process.samples("seq").items()
        for at, value in samples
    }


def test_no_counted_sample_is_lost(edgewatch):
    target = Target(series=50)
    config = (
        "global: {scrape_interval: 100ms, scrape_timeout: 100ms}\n"
        "collectors: {host: {interval: 250ms}}\nscrape_configs:\n  - job_name: load\n"
        f"    static_configs: [{{targets: ['{target.address}']}}]\n"
    )
    process = edgewatch(config, name="run0")
    data = process.data
    starts = []
    seen = set()
    for round_number in range(1, KILLS + 1):
        wait_for("new samples", lambda: counted(process) - seen, timeout=20)
        time.sleep(0.05 * (round_number % 7))
        seen |= counted(process)
        process.kill()
        process = edgewatch(config, data=data, name=f"run{round_number}", wait=False)
        starts.append(process.wait_until_ready())
        missing = seen - counted(process)
        assert not missing, f"{len(missing)} of {len(seen)} samples are missing after kill {round_number}"
    print(f"{len(seen)} samples kept over {KILLS} kills; ready after at most {max(starts):.3f} s")
    target.close()
