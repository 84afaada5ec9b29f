# SPDX-License-Identifier: Apache-2.0
"""Scraping static targets: what a good, a dead, a slow and a babbling target leave behind."""

import contextlib

from conftest import free_port, get_json, wait_for
from target import Target


def config(**targets):
    jobs = "".join(
        f"  - job_name: {name}\n    static_configs: [{{targets: ['{address}']}}]\n" for name, address in targets.items()
    )
    return (
        "global: {scrape_interval: 500ms, scrape_timeout: 400ms}\ncollectors: {host: {enabled: false}}\n"
        f"scrape_configs:\n{jobs}"
    )


def test_bad_targets_do_not_disturb_good_ones(edgewatch):
    good, slow, babbling, failing = Target(), Target(), Target(), Target()
    slow.delay = 3
    babbling.body = "this is } not { an exposition\n"
    failing.status = 503
    with contextlib.ExitStack() as stack:
        for target in (good, slow, babbling, failing):
            stack.callback(target.close)
        process = edgewatch(
            config(good=good.address, slow=slow.address, babbling=babbling.address, failing=failing.address,
                   dead=f"127.0.0.1:{free_port()}")
        )
        wait_for("scrapes", lambda: (process.value("count_over_time(seq[1m])") or 0) >= 6)
        jobs = 'up{job!="edgewatch"}'
        wait_for("five up series", lambda: len(process.query(jobs)) == 5)
        up = {series["metric"]["job"]: series["value"][1] for series in process.query(jobs)}
        assert up == {"good": "1", "slow": "0", "babbling": "0", "failing": "0", "dead": "0"}
        targets = {
            target["labels"]["job"]: target
            for target in get_json(process.url + "/api/v1/targets")["data"]["activeTargets"]
        }
        assert targets["good"]["health"] == "up" and targets["good"]["lastError"] == ""
        assert all(targets[job]["health"] == "down" for job in ("slow", "babbling", "failing", "dead"))
        assert "503" in targets["failing"]["lastError"]
        assert "line 1" in targets["babbling"]["lastError"]
        assert targets["slow"]["lastError"] and targets["dead"]["lastError"]
        names = {
            "up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
            "scrape_series_added",
        }
        found = {series["metric"]["__name__"] for series in process.query('{job="good"}')}
        assert found == names | {"seq"}


def test_a_dead_target_goes_stale(edgewatch):
    target = Target()
    process = edgewatch(config(job=target.address))
    wait_for("samples", lambda: process.query("seq"))
    target.status = 500
    wait_for("stale", lambda: process.query("up == 0") and not process.query("seq"))
    target.status = 200
    wait_for("back", lambda: process.query("seq"))
    target.close()


def test_labels_of_the_target_win_and_relabeling_applies(edgewatch):
    target = Target()
    target.body = 'a{job="mine",keep="yes"} 1\nb{drop="me"} 2\n'
    text = (
        "global: {scrape_interval: 500ms, scrape_timeout: 400ms, external_labels: {site: x}}\n"
        "collectors: {host: {enabled: false}}\nscrape_configs:\n  - job_name: plc\n"
        f"    static_configs: [{{targets: ['{target.address}'], labels: {{line: '3'}}}}]\n"
        "    metric_relabel_configs:\n      - {source_labels: [__name__], regex: b, action: drop}\n"
    )
    process = edgewatch(text)
    series = wait_for("sample", lambda: process.query('{__name__="a"}'))[0]["metric"]
    assert series == {
        "__name__": "a", "exported_job": "mine", "job": "plc", "instance": target.address, "keep": "yes", "line": "3",
    }
    assert process.query('{__name__="b"}') == []
    assert process.value("scrape_samples_scraped") == 2
    assert process.value("scrape_samples_post_metric_relabeling") == 1
    target.close()
