# SPDX-License-Identifier: Apache-2.0
"""Kubernetes discovery against an API server that misbehaves, beside vmagent at the same server.

Debian builds Prometheus without Kubernetes discovery, so the peer is VictoriaMetrics' agent. It is older than the
labels of today's Prometheus and differs from Prometheus in a few; both are listed below with their reasons, and what is
asserted of Prometheus' own labels is in Tests/WireTests/KubernetesTargetsTests.swift.
"""

import contextlib
import json

import pytest
from conftest import Server, free_port, get_json, peer, wait_for
from kubernetes_server import KubernetesServer, example

PREFIX = "__meta_kubernetes_"
JOBS = {
    "node": "role: node", "pod": "role: pod, attach_metadata: {node: true}", "service": "role: service",
    "endpoints": "role: endpoints", "endpointslice": "role: endpointslice", "ingress": "role: ingress",
    "selected": "role: pod, namespaces: {names: [shop]}, selectors: [{role: pod, label: 'app=web', field: 'spec.nodeName=edge-1'}]",
}
# Labels of one side only. Ours, since Prometheus has them and the peer does not (yet):
OURS = (
    "node_condition_",  # Prometheus 3.10
    "pod_container_init", "pod_container_image",  # of endpoints: Prometheus 3.0; of init containers: the peer forgets
    "pod_container_id",  # of init containers: the peer forgets
    "endpointslice_endpoint_conditions_", "endpointslice_endpoint_node_name", "endpointslice_endpoint_zone",
    "endpointslice_endpoint_topology_",  # v1 of the API: the peer asks as for v1beta1
    "service_loadbalancer_ip", "service_port_number",
    # Of the ports of a pod that its endpoints do not have: Prometheus gives them the group's labels.
    "endpoints_", "endpointslice_name", "endpointslice_label", "endpointslice_annotation", "endpointslice_address_type",
)
# Theirs: Prometheus has these only in the role service, and takes an empty condition as unknown.
THEIRS = ("service_cluster_ip", "service_type", "endpointslice_endpoint_conditions_ready")


def config(url, jobs=JOBS):
    text = "global: {scrape_interval: 1h}\nscrape_configs:\n"
    for name, entry in jobs.items():
        text += f"  - job_name: {name}\n    kubernetes_sd_configs: [{{{entry}, api_server: '{url}'}}]\n"
        # Targets of equal labels are one; these tell apart the containers of a pod and the paths of a host;
        # and the peer looks at new labels of a pod only where something it scrapes changes with them.
        parts = f"{PREFIX}(pod_container_name|pod_container_port_.+|pod_ready|ingress_path)"
        text += f"    relabel_configs: [{{action: labelmap, regex: {parts}}}]\n"
    return text


def discovered(server):
    """{job: [discovered labels]} of a server, without what every target has."""
    data = get_json(server.url + "/api/v1/targets")["data"]
    jobs = {}
    for target in data["activeTargets"] + (data.get("droppedTargets") or []):
        labels = {name: value for name, value in target["discoveredLabels"].items() if value}
        job = labels.pop("job")
        if any(name.startswith(PREFIX) for name in labels):
            kept = {name: value for name, value in labels.items() if name == "__address__" or name.startswith(PREFIX)}
            jobs.setdefault(job, []).append(kept)
    return {job: sorted(targets, key=json.dumps) for job, targets in jobs.items()}


def identity(labels):
    """What a target is known by on both sides."""
    names = ("pod_name", "pod_container_name", "endpointslice_port_name", "ingress_path", "node_name", "service_name")
    # An endpoint without a port: the peer says port 0, Prometheus says none.
    address = labels["__address__"].removesuffix(":0")
    return (address, *(labels.get(PREFIX + name, "") for name in names if name != "node_name"))


def differences(ours, theirs):
    """Targets and labels that only one side has, but for those with a reason."""
    found = []
    for job in JOBS:
        left = {identity(labels): labels for labels in ours.get(job, [])}
        right = {identity(labels): labels for labels in theirs.get(job, [])}
        found += [(job, key, "a target of one side") for key in left.keys() ^ right.keys()]
        for key in left.keys() & right.keys():
            mine, other = left[key], right[key]
            for name in sorted(mine.keys() | other.keys()):
                short = name.removeprefix(PREFIX)
                if mine.get(name) == other.get(name) or name == "__address__":
                    continue
                if name not in other and short.startswith(OURS) or name not in mine and short.startswith(THEIRS):
                    continue
                if (short, mine.get(name), other.get(name)) == ("endpointslice_port", None, "0"):
                    continue  # a port that is null; see identity
                found.append((job, key, short, mine.get(name), other.get(name)))
    return found


@pytest.fixture
def cluster():
    with contextlib.closing(KubernetesServer(example())) as server:
        yield server


@pytest.fixture
def agent(running, tmp_path):
    def start(text):
        port = free_port()
        directory = tmp_path / "agent"
        directory.mkdir()
        (directory / "scrape.yml").write_text(text)
        arguments = [
            peer("vmagent"), f"-promscrape.config={directory}/scrape.yml", "-remoteWrite.url=http://127.0.0.1:1/",
            f"-remoteWrite.tmpDataPath={directory}/data", f"-httpListenAddr=127.0.0.1:{port}",
        ]
        return running(Server("agent", arguments, directory, port, "/health"))

    return start


def counts(server):
    return {job: len(targets) for job, targets in discovered(server).items()}


START = {"node": 3, "pod": 13, "service": 4, "endpoints": 8, "endpointslice": 10, "ingress": 5, "selected": 4}


def test_the_same_targets_as_another_implementation(edgewatch, agent, cluster):
    process = edgewatch(config(cluster.url))
    other = agent(config(cluster.url))
    wait_for("our targets", lambda: counts(process) == START)
    wait_for("the agent's targets", lambda: counts(other) == START)
    assert differences(discovered(process), discovered(other)) == []

    # A pod that becomes ready, a new one with its endpoint, a service and a node that go.
    objects = example()
    second = objects["pods"][1]
    second["status"]["conditions"][1]["status"] = "True"
    cluster.put("pods", second)
    third = json.loads(json.dumps(objects["pods"][0]).replace("web-0", "web-3").replace("10.42.0.5", "10.42.0.77"))
    cluster.put("pods", third)
    cluster.delete("services", "shop/out")
    cluster.delete("nodes", "edge-3")
    wanted = {**START, "node": 2, "pod": 17, "service": 3, "selected": 8}
    wait_for("our changes", lambda: counts(process) == wanted)
    wait_for("the agent's changes", lambda: counts(other) == wanted)
    wait_for("the same", lambda: differences(discovered(process), discovered(other)) == [])


def addresses(server, job):
    return sorted(labels["__address__"] for labels in discovered(server).get(job, []))


def pod(name, address):
    return {
        "metadata": {"name": name, "namespace": "d", "labels": {"n": name}},
        "spec": {"containers": [{"name": "c", "ports": [{"containerPort": 80}]}]},
        "status": {"podIP": address, "phase": "Running"},
    }


def all_addresses(server):
    """{job: addresses}, each as often as it is there."""
    jobs = {}
    for target in get_json(server.url + "/api/v1/targets", state="active")["data"]["activeTargets"]:
        jobs.setdefault(target["scrapePool"], []).append(target["discoveredLabels"]["__address__"])
    return {job: sorted(found) for job, found in jobs.items()}


# What happens to a stream that is open, and what to the requests after one ended.
OF_STREAMS = ["cut", "close", "slow", "huge", "forget"]
FAULTS = [
    *OF_STREAMS, "watch_error", "watch_garbled", "watch_gone", "watch_ahead", "broken", "busy", "unauthorized",
]


def test_nothing_is_lost_whatever_the_server_does(edgewatch):
    """Every fault at a server of its own, all at the same time; then each server has another one."""
    with contextlib.ExitStack() as stack:
        start = [pod(f"p{i}", f"10.1.0.{i}") for i in range(130)]
        clusters = {name: stack.enter_context(contextlib.closing(KubernetesServer({"pods": start}))) for name in FAULTS}
        jobs = "scrape_configs:\n"
        for number, (name, cluster) in enumerate(clusters.items()):
            # A failure after the other makes the pauses longer; here it is that each is got over.
            cluster.faults[("unauthorized", "broken", "page_expired", "watch_gone")[number % 4]] = 1
            jobs += f"  - job_name: {name}\n    kubernetes_sd_configs: [{{role: pod, api_server: '{cluster.url}'}}]\n"
        process = edgewatch("global: {scrape_interval: 1h}\n" + jobs)
        present = {name: {i: f"10.1.0.{i}:80" for i in range(130)} for name in FAULTS}

        def is_known():
            found = all_addresses(process)
            wanted = {name: sorted(pods.values()) for name, pods in present.items()}
            differing = [name for name in wanted if found.get(name) != wanted[name]]
            assert not differing, differing
            return True

        wait_for("the lists", is_known)
        for round_number in range(2):
            before = {name: cluster.bookmarked for name, cluster in clusters.items()}
            wait_for("streams", lambda: all(clusters[name].bookmarked > count for name, count in before.items()))
            for number, (name, cluster) in enumerate(clusters.items()):
                pods = present[name]
                # Not the same neighbours in each round: a fault meets what others left behind.
                fault = FAULTS[(number + 5 * round_number) % len(FAULTS)]
                if fault == "forget":
                    cluster.forget()
                else:
                    cluster.faults[fault] = 2
                if fault not in OF_STREAMS:
                    cluster.faults["close"] = 1
                cluster.delete("pods", f"d/p{round_number}")
                del pods[round_number]
                for new in range(3):
                    key = 1000 + 10 * round_number + new
                    cluster.put("pods", pod(f"p{key}", f"10.2.{round_number}.{new}"))
                    pods[key] = f"10.2.{round_number}.{new}:80"
                changed = 100 + round_number
                cluster.put("pods", pod(f"p{changed}", f"10.3.0.{changed}"))
                pods[changed] = f"10.3.0.{changed}:80"
            wait_for(f"all after round {round_number}", is_known)
            # A list read again may have everything before the second fault of a watch.
            wait_for("every fault", lambda: not any(any(cluster.faults.values()) for cluster in clusters.values()))
        for name, cluster in clusters.items():
            # Lists come in pages, watches ask for bookmarks and go on from a version.
            assert any("continue=" in path for path in cluster.requests)
            watches = [path for path in cluster.requests if "watch=1" in path]
            assert all("allowWatchBookmarks=true" in path and "resourceVersion=" in path for path in watches)
            assert len(cluster.requests) < 60, f"{name}: a server that fails is not asked without a pause"


def test_a_server_that_is_away_keeps_its_targets(edgewatch):
    port = free_port()
    cluster = KubernetesServer({"pods": [pod("a", "10.1.0.1")]}, port=port)
    process = edgewatch(config(cluster.url, {"pod": "role: pod"}))
    wait_for("the target", lambda: addresses(process, "pod") == ["10.1.0.1:80"])
    cluster.close()

    def state():
        states = get_json(process.url + "/api/v1/edgewatch/status")["data"]["discovery"]
        return next(entry for entry in states if entry["mechanism"] == "kubernetes")

    wait_for("the error", lambda: state()["lastError"])
    assert addresses(process, "pod") == ["10.1.0.1:80"]
    # What happened meanwhile can no longer be watched.
    with contextlib.closing(KubernetesServer({"pods": [pod("b", "10.1.0.2")]}, port=port, version=2000)):
        wait_for("the new target", lambda: addresses(process, "pod") == ["10.1.0.2:80"])
        wait_for("no error", lambda: not state()["lastError"])


def test_a_kubeconfig_with_a_token_that_is_replaced(edgewatch, tmp_path):
    with contextlib.closing(KubernetesServer({"pods": [pod("a", "10.1.0.1")]}, token="one")) as cluster:
        (tmp_path / "token").write_text("one")
        (tmp_path / "kube.yml").write_text(
            "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
            f"clusters: [{{name: k, cluster: {{server: '{cluster.url}'}}}}]\nusers: [{{name: u, user: {{tokenFile: token}}}}]\n"
        )
        process = edgewatch(
            "scrape_configs:\n  - job_name: pod\n    kubernetes_sd_configs:\n"
            f"      - {{role: pod, kubeconfig_file: '{tmp_path}/kube.yml'}}\n"
        )
        wait_for("the target", lambda: addresses(process, "pod") == ["10.1.0.1:80"])
        cluster.token = "two"
        (tmp_path / "token").write_text("two")
        cluster.forget()
        cluster.put("pods", pod("b", "10.1.0.2"))
        wait_for("the new target", lambda: addresses(process, "pod") == ["10.1.0.1:80", "10.1.0.2:80"])
