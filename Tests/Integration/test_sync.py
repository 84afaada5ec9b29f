# SPDX-License-Identifier: Apache-2.0
"""Remote write into a real Prometheus and a real VictoriaMetrics, through kills and an outage of both."""

import os
import time

from conftest import free_port, wait_for
from target import Target

# An hour by hand (EDGEWATCH_OUTAGE_SECONDS=3600), a minute in CI.
OUTAGE = float(os.environ.get("EDGEWATCH_OUTAGE_SECONDS", "60"))


def flat(process, window):
    return {
        (dict(labels)["i"], at, value)
        for labels, samples in process.samples("seq", window=window).items()
        for at, value in samples
    }


def test_every_sample_once_after_kill_and_outage(edgewatch, prometheus, victoria_metrics):
    target = Target(series=20)
    prometheus_port, victoria_port = free_port(), free_port()
    config = (
        "global: {scrape_interval: 1s, scrape_timeout: 1s, external_labels: {node: edge1}}\n"
        "collectors: {host: {enabled: false}}\n"
        f"scrape_configs:\n  - job_name: load\n    static_configs: [{{targets: ['{target.address}']}}]\n"
        "remote_write:\n"
        f"  - {{name: prometheus, url: 'http://127.0.0.1:{prometheus_port}/api/v1/write'}}\n"
        f"  - {{name: victoria, url: 'http://127.0.0.1:{victoria_port}/api/v1/write'}}\n"
    )
    first = prometheus(port=prometheus_port)
    second = victoria_metrics(port=victoria_port)
    process = edgewatch(config)
    for receiver in (first, second):
        wait_for("first samples", lambda r=receiver: (r.value("count(seq)") or 0) == 20)

    process.kill()
    process = edgewatch(config, data=process.data, name="second")
    time.sleep(2)
    first.stop()
    second.stop()
    time.sleep(OUTAGE / 2)
    process.kill()
    process = edgewatch(config, data=process.data, name="third")
    time.sleep(OUTAGE / 2)
    first = prometheus(port=prometheus_port)
    second = victoria_metrics(port=victoria_port)
    until = process.value('max(timestamp(seq))')
    for receiver in (first, second):
        wait_for("caught up", lambda r=receiver: (r.value("max(timestamp(seq))") or 0) >= until, timeout=120)

    window = f"{int(OUTAGE) + 600}s"
    for name, receiver in (("prometheus", first), ("victoria", second)):
        def difference(receiver=receiver):
            ours = {sample for sample in flat(process, window) if sample[1] <= until}
            theirs = {sample for sample in flat(receiver, window) if sample[1] <= until}
            return (len(ours) > 20 * OUTAGE / 2 and ours == theirs) or None

        wait_for(f"{name} has every sample", difference, timeout=60)
        total = receiver.value(f"sum(count_over_time(seq[{window}]))", until)
        ours = process.value(f"sum(count_over_time(seq[{window}]))", until)
        assert total == ours, (name, total, ours)
        print(f"{name}: {int(total)} samples, each once, after {OUTAGE:.0f} s of outage and two kills")
    sample = first.query("seq")[0]["metric"]
    assert sample["node"] == "edge1" and sample["job"] == "load"
    target.close()
