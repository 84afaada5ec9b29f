# SPDX-License-Identifier: Apache-2.0
"""Scrapes through a proxy the environment names, around it, in tunnels, and with HTTP/2."""

import contextlib
import http.server
import os
import ssl
import subprocess
import threading

import pytest
from conftest import Process, free_port, get_json, peer, wait_for
from proxy import Proxy
from target import Target, _Server

BASE = "global: {scrape_interval: 1s}\ncollectors: {host: {enabled: false}}\n"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A directory with server.crt and server.key for the names asked here, signed by itself."""
    directory = tmp_path_factory.mktemp("certificates")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test".split()
    command += ["-addext", "subjectAltName=DNS:tls.invalid,DNS:h2.invalid,DNS:a.invalid", "-keyout", "server.key", "-out", "server.crt"]
    subprocess.run(command, cwd=directory, check=True, stderr=subprocess.DEVNULL)
    return directory


class SecureTarget:
    """A target behind TLS that speaks HTTP/1.1."""

    def __init__(self, certificates):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(b"a 1\n")

            def log_message(self, *_):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / "server.crt", certificates / "server.key")
        self.server = _Server(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def health(node):
    """{address: health} of all targets, once each was scraped."""
    targets = get_json(node.url + "/api/v1/targets")["data"]["activeTargets"]
    return {target["discoveredLabels"]["__address__"]: target["health"] for target in targets}


def settle(node, expected):
    """Waits until every target is as expected; what is otherwise is said."""

    def differences():
        found = health(node)
        assert found == expected, {key: found.get(key) for key in found.keys() | expected.keys() if found.get(key) != expected.get(key)}
        return True

    wait_for("every target's health", differences, timeout=30)


def job(name, targets, more=""):
    return f"  - {{job_name: {name}, static_configs: [{{targets: {targets!r}}}], {more}}}\n"


EXCEPTIONS = "near.invalid, .lan.invalid,*.wan.invalid,port.invalid:9100,10.0.0.0/8,192.0.2.1:9100,[fd00::1]:9100,fd00::2"
THROUGH = [
    "far.invalid:9100", "lan.invalid:9100", "wan.invalid:9100", "port.invalid:9200", "notnear.invalid:9100", "192.0.2.1:9200",
    "[fd00::1]:9200", "[fd00::3]:9100",
]
AROUND = [
    "near.invalid:9100", "below.near.invalid:9100", "a.lan.invalid:9100", "a.wan.invalid:9100", "port.invalid:9100", "10.1.2.3:9100",
    "192.0.2.1:9100", "[fd00::1]:9100", "[fd00::2]:9200",
]


def test_programs_in_go_go_the_same_ways():
    """What is expected of edgewatch is what Go's own reading of the environment does."""
    with contextlib.closing(Proxy({})) as proxy:
        environment = {**os.environ, "HTTP_PROXY": f"http://{proxy.address}", "NO_PROXY": EXCEPTIONS}
        command = [peer("promtool"), "query", "instant"]
        running = [
            subprocess.Popen([*command, f"http://{name}", "up"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for name in [*AROUND, *THROUGH]
        ]
        for process in running:
            # Those that ask the proxy end at once; of the others some may wait for an address that is nobody's.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(3)
            process.kill()
            process.wait()
        assert proxy.asked() == set(THROUGH)


@pytest.mark.parametrize("capitals", [True, False])
def test_the_environment_says_the_way(edgewatch, certificates, capitals):
    with contextlib.ExitStack() as stack:
        target, secure = Target(), SecureTarget(certificates)
        through, around = THROUGH, AROUND
        places = {name: target.address for name in through} | {"tls.invalid:9443": secure.address}
        proxy = Proxy(places, user="u:p w")
        for one in (target, secure, proxy):
            stack.callback(one.close)
        environment = {
            "HTTP_PROXY": f"http://u:p%20w@{proxy.address}",
            "HTTPS_PROXY": f"http://u:p%20w@{proxy.address}",
            "NO_PROXY": EXCEPTIONS,
        }
        if not capitals:
            environment = {name.lower(): value for name, value in environment.items()}
        tls = f"scheme: https, tls_config: {{ca_file: {certificates}/server.crt}}"
        config = BASE + "scrape_configs:\n"
        config += job("plain", [*through, *around, target.address], "proxy_from_environment: true")
        config += job("secure", ["tls.invalid:9443"], f"proxy_from_environment: true, {tls}")
        config += job("unasked", ["unasked.invalid:9100"])
        node = edgewatch(config, environment=environment)
        expected = dict.fromkeys([*through, target.address, "tls.invalid:9443"], "up")
        expected |= dict.fromkeys([*around, "unasked.invalid:9100"], "down")
        settle(node, expected)
        assert proxy.asked() == set(places)
        assert ("CONNECT", "tls.invalid:9443") in proxy.seen and ("GET", "far.invalid:9100") in proxy.seen
        assert node.value('up{instance="far.invalid:9100"}') == 1


def test_a_proxy_that_refuses_is_said(edgewatch):
    with contextlib.closing(Proxy({}, user="u:p")) as proxy:
        config = BASE + "scrape_configs:\n" + job("a", ["far.invalid:9100"], "proxy_from_environment: true")
        config += job("b", ["far.invalid:9443"], "proxy_from_environment: true, scheme: https")
        proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), f"http://{proxy.address}")
        node = edgewatch(config, environment=proxies)

        def errors():
            targets = get_json(node.url + "/api/v1/targets")["data"]["activeTargets"]
            return [target["lastError"] for target in sorted(targets, key=lambda one: one["scrapePool"])]

        wait_for("both errors", lambda: all(errors()))
        plain, tunnel = errors()
        assert plain == "server returned HTTP status 407"
        assert "407" in tunnel, tunnel


def test_http2(edgewatch, running, certificates, tmp_path):
    """nghttpd speaks nothing but HTTP/2: a scrape of it that succeeds was one, directly and in a tunnel."""
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "metrics").write_text("a 1\n")
    port = free_port()
    command = [peer("nghttpd"), "--verbose", "--address=127.0.0.1", f"--htdocs={pages}", str(port)]
    running(Process("nghttpd", [*command, certificates / "server.key", certificates / "server.crt"], tmp_path / "nghttpd"))
    with contextlib.closing(Proxy({"h2.invalid:9443": f"127.0.0.1:{port}"})) as proxy:
        tls = f"scheme: https, fallback_scrape_protocol: PrometheusText0.0.4, tls_config: {{ca_file: {certificates}/server.crt, "
        config = BASE + "scrape_configs:\n"
        config += job("direct", [f"127.0.0.1:{port}"], tls + "server_name: a.invalid}, enable_http2: true")
        config += job("tunnel", ["h2.invalid:9443"], tls + f"}}, enable_http2: true, proxy_url: 'http://{proxy.address}'")
        config += job("without", [f"localhost:{port}"], tls + "server_name: a.invalid}")
        node = edgewatch(config)
        expected = {f"127.0.0.1:{port}": "up", "h2.invalid:9443": "up", f"localhost:{port}": "down"}
        settle(node, expected)
        wait_for("some scrapes", lambda: all(node.value(f'count_over_time(a{{job="{name}"}}[1m])') >= 3 for name in ("direct", "tunnel")))
        # One connection each, kept.
        assert len([one for one in proxy.seen if one[0] == "CONNECT"]) == 1
