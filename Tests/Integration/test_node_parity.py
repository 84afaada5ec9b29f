# SPDX-License-Identifier: Apache-2.0
"""Side by side with Debian's prometheus-node-exporter: the same names, label sets and types, and values that differ
by no more than the time between the two reads explains."""

import re
import time

from conftest import get, get_json, wait_for

# Families of the collectors both have. node_scrape_collector_* differ by design: the collectors are others.
COLLECTORS = [
    "arp", "bonding", "btrfs", "conntrack", "cpu", "cpufreq", "diskstats", "dmi", "edac", "entropy", "filefd", "filesystem",
    "hwmon", "loadavg", "mdadm", "meminfo", "netclass", "netdev", "netstat", "nvme", "os", "powersupplyclass", "pressure",
    "rapl", "schedstat", "sockstat", "softnet", "stat", "thermal_zone", "time", "timex", "udp_queues", "uname", "vmstat", "xfs",
]
# Debian patches other defaults into its exporter; these are upstream's, which edgewatch follows.
UPSTREAM_DEFAULTS = [
    r"--collector.netdev.device-exclude=^$",
    r"--collector.diskstats.device-exclude=^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$",
    r"--collector.filesystem.mount-points-exclude="
    r"^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)",
]
# Families of Debian's 1.5.0 that 1.12 no longer has, or the other way round, each with its reason.
NOT_COMPARED = {
    "node_scrape_collector_duration_seconds": "names our collectors",
    "node_scrape_collector_success": "names our collectors",
    "node_exporter_build_info": "describes the exporter itself",
}
# Labels 1.12 has and 1.5.0 has not.
NEWER_LABELS = {"node_disk_info": {"rotational"}, "node_network_info": {"adminstate"}, "node_nvme_info": {"cntlid"}}
LINE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


def exposition(text):
    samples, types = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            types[name] = kind
        elif line and not line.startswith("#"):
            name, labels, value = LINE.match(line).groups()
            # A label with an empty value is the same as no label.
            pairs = sorted(pair for pair in LABEL.findall(labels or "") if pair[1])
            samples[(name, tuple(pairs))] = float(value)
    return samples, types


def test_names_labels_types_and_values(edgewatch, node_exporter):
    exporter = node_exporter("--collector.disable-defaults", *(f"--collector.{name}" for name in COLLECTORS),
                             *UPSTREAM_DEFAULTS)
    process = edgewatch("collectors:\n  host: {interval: 1s}\n")
    wait_for("a pass", lambda: process.query("node_load1"))
    ours_before = snapshot(process)
    theirs, types = exposition(get(exporter.url + "/metrics").decode())
    time.sleep(2.1)
    ours_after = snapshot(process)
    theirs = {key: value for key, value in theirs.items() if key[0].startswith("node_") and key[0] not in NOT_COMPARED}

    theirs = {key: value for key, value in theirs.items() if key[0] != "node_filesystem_device_error" or value == 0}

    ours_keys = set(ours_before) & set(ours_after)
    missing = sorted(set(theirs) - ours_keys)
    assert not missing, f"{len(missing)} series that node_exporter has are missing: {missing[:20]}"
    their_families = {name for name, _ in theirs}
    extra = sorted(key for key in ours_keys if key[0] in their_families and key not in theirs)
    assert not extra, f"{len(extra)} series that node_exporter does not have: {extra[:20]}"

    metadata = get_json(process.url + "/api/v1/metadata")["data"]
    for name in their_families:
        if name in types and types[name] != "untyped":
            assert metadata[name][0]["type"] == types[name], name

    far = []
    for key, value in theirs.items():
        low, high = sorted((ours_before[key], ours_after[key]))
        # Gauges such as free memory wander between the reads; the band is what they moved plus 10 %.
        slack = max(high - low, 0.10 * abs(value), 3.0 if "seconds" in key[0] else 0)
        if not (low - slack <= value <= high + slack) and not wanders(key[0]):
            far.append((key, low, value, high))
    assert not far, f"{len(far)} values differ: {far[:10]}"


def wanders(name):
    """Gauges that jump within milliseconds on a busy machine; their presence and labels are compared above."""
    # Requests in flight, and the connections over which this test asks.
    if name.startswith("node_sockstat_") or name in {
            "node_disk_io_now", "node_filefd_allocated", "node_netstat_Tcp_CurrEstab", "node_procs_running"}:
        return True
    return bool(
        re.fullmatch(r"node_memory_(Dirty|Writeback|WritebackTmp|PageTables|KernelStack|Mapped|AnonPages|Active_anon"
                     r"|Inactive_anon|SwapCached|Shmem|AnonHugePages|MemFree|Active|Inactive|Active_file|Inactive_file"
                     r"|Cached|Percpu|Slab|Mlocked)_bytes", name)
    )


def snapshot(process):
    found = {}
    for series in process.query('{__name__=~"node_.+"}'):
        labels = dict(series["metric"])
        name = labels.pop("__name__")
        labels.pop("job", None)
        labels.pop("instance", None)
        for newer in NEWER_LABELS.get(name, ()):
            labels.pop(newer, None)
        if "device_error" in labels:
            continue  # a file system that cannot be asked has other series in 1.5
        found[(name, tuple(sorted(labels.items())))] = float(series["value"][1])
    return found
