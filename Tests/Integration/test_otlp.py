# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry's own SDK pushes every kind of instrument into edgewatch; what arrived is counted back by query."""

import gzip
import json
import urllib.error
import urllib.request

import pytest

QUIET = """
global: {scrape_interval: 1h}
collectors: {host: {enabled: false}}
otlp: {promote_resource_attributes: [deployment.environment]}
"""

sdk = pytest.importorskip("opentelemetry.sdk.metrics", reason="opentelemetry-sdk is not installed")


def value(node, query):
    result = node.query(query)
    assert len(result) == 1, (query, result)
    return float(result[0]["value"][1])


def push(node, document, path="/api/v1/otlp/v1/metrics", **headers):
    body = json.dumps(document).encode()
    if headers.get("Content-Encoding") == "gzip":
        body = gzip.compress(body)
    request = urllib.request.Request(
        node.url + path, data=body, headers={"Content-Type": "application/json", **headers}
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_every_instrument(edgewatch):
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.metrics import Observation
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
    from opentelemetry.sdk.resources import Resource

    node = edgewatch(QUIET)
    exporter = OTLPMetricExporter(
        endpoint=node.url + "/api/v1/otlp/v1/metrics", compression=Compression.Gzip
    )
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    provider = MeterProvider(
        [reader],
        resource=Resource.create(
            {"service.name": "press", "service.namespace": "plant", "service.instance.id": "a1",
             "deployment.environment": "test", "host.cores": 4}
        ),
        views=[View(instrument_name="exp", aggregation=ExponentialBucketHistogramAggregation())],
    )
    meter = provider.get_meter("shop", "2.1")
    meter.create_counter("parts.made", unit="{part}").add(5, {"line": "a"})
    meter.create_up_down_counter("queue.length").add(-3)
    meter.create_histogram("cycle.time", unit="s", explicit_bucket_boundaries_advisory=[0.5, 1, 5]).record(0.7)
    exponential = meter.create_histogram("exp", unit="ms")
    for number in (1, 2, 4, 4):
        exponential.record(number)
    meter.create_observable_gauge("temperature", callbacks=[lambda _: [Observation(21.5)]], unit="Cel")
    assert provider.force_flush()

    labels = '{job="plant/press",instance="a1",deployment_environment="test"}'
    assert value(node, f"parts_made_total{labels}") == 5
    assert value(node, f"queue_length{labels}") == -3
    assert value(node, f"temperature_celsius{labels}") == 21.5
    assert value(node, f"cycle_time_seconds_count{labels}") == 1
    assert value(node, f"cycle_time_seconds_sum{labels}") == 0.7
    assert value(node, 'cycle_time_seconds_bucket{le="0.5"}') == 0
    assert value(node, 'cycle_time_seconds_bucket{le="1"}') == 1
    assert value(node, f"histogram_count(exp_milliseconds{labels})") == 4
    assert value(node, f"histogram_sum(exp_milliseconds{labels})") == 11
    assert value(node, 'target_info{job="plant/press",host_cores="4"}') == 1
    provider.shutdown()


def test_what_is_rejected_is_told(edgewatch):
    import time

    node = edgewatch(QUIET)
    now = time.time_ns()
    points = [{"timeUnixNano": str(now - i * 10**9), "asDouble": i} for i in range(4)]
    document = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [
        {"name": "good", "gauge": {"dataPoints": points}},
        {"name": "delta", "sum": {"aggregationTemporality": 1, "dataPoints": points[:3]}},
    ]}]}]}
    status, answer = push(node, document, **{"Content-Encoding": "gzip"})
    assert status == 200 and answer["partialSuccess"]["rejectedDataPoints"] == "3"
    assert "temporality" in answer["partialSuccess"]["errorMessage"]
    assert value(node, "count_over_time(good[1m])") == 4
    assert push(node, document)[1]["partialSuccess"]["rejectedDataPoints"] == "3"
    assert value(node, "count_over_time(good[1m])") == 4
    assert push(node, [])[0] == 400


def test_switched_off(edgewatch):
    node = edgewatch(QUIET, arguments=["--no-web.enable-otlp-receiver"])
    request = urllib.request.Request(node.url + "/api/v1/otlp/v1/metrics", data=b"{}", method="POST")
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request)
    assert error.value.code == 404
