# SPDX-License-Identifier: Apache-2.0
"""storage.tiers under the real binary: what is older than the samples is answered from rows, also after a kill."""

import time

from conftest import get_json, wait_for
from remote_write import push

CONFIG = "collectors: {host: {enabled: false}}\nstorage: {tiers: {hot: 1h, warm: 2d, cold: off}}\n"
HOUR = 3600


def test_rows_answer_for_what_samples_no_longer_do(edgewatch):
    node = edgewatch(CONFIG, name="first")
    # The newest six hours that are over for longer than late samples may come.
    end = (int(time.time()) - 20 * 60) // (6 * HOUR) * (6 * HOUR)
    times = range(end - 18 * HOUR + 60, end + 60, 60)
    gauge = {at: (at // 60) * 7919 % 1009 for at in times}
    counter, total = {}, 0
    for at in times:
        total = 0 if at % (5 * HOUR) == 0 else total + at // 60 % 5
        counter[at] = total
    answer = push(
        node.port,
        [
            ({"__name__": "level", "job": "t"}, [(at * 1000, float(v)) for at, v in gauge.items()]),
            ({"__name__": "work_total", "job": "t"}, [(at * 1000, float(v)) for at, v in counter.items()]),
        ],
    )
    assert answer.status == 204, answer.text

    def newest_row():
        (tier,) = get_json(node.url + "/api/v1/edgewatch/status")["data"]["storage"]["tiers"]
        assert tier["name"] == "warm" and tier["resolutionSeconds"] == 300
        return tier["rows"] >= 2 * 18 * 12

    def check():
        for at in range(end - 16 * HOUR, end - 2 * HOUR, HOUR):
            last_hour = [v for t, v in gauge.items() if at - HOUR < t <= at]
            work = [v for t, v in counter.items() if at - HOUR < t <= at]
            for query, expected in [
                ("level", gauge[at]),
                ("sum_over_time(level[1h])", sum(last_hour)),
                ("count_over_time(level[1h])", 60),
                ("avg_over_time(level[1h])", sum(last_hour) / 60),
                ("min_over_time(level[1h])", min(last_hour)),
                ("max_over_time(level[1h])", max(last_hour)),
                ("work_total", counter[at]),
            ]:
                answer = get_json(node.url + "/api/v1/query", query=query, time=at)
                assert any("has a resolution of 5m (storage.tiers)" in i for i in answer.get("infos", [])), answer
                (found,) = answer["data"]["result"]
                assert float(found["value"][1]) == expected, (query, at)
            # A sample a minute, the first of them a minute behind the window's beginning: all of the window is covered.
            change = work[-1] - work[0] + sum(a for a, b in zip(work, work[1:]) if b < a)
            (found,) = get_json(node.url + "/api/v1/query", query="increase(work_total[1h])", time=at)["data"]["result"]
            to_start = min(60, 3540 * work[0] / change)
            assert abs(float(found["value"][1]) - change * (3540 + to_start) / 3540) < 1e-6 * change

    wait_for("rows of 18 hours", newest_row)
    check()
    data = node.data
    node.kill()
    node = edgewatch(CONFIG, data=data, name="second")
    assert newest_row()
    check()
