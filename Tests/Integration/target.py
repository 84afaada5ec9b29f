# SPDX-License-Identifier: Apache-2.0
"""Small HTTP servers a test controls: a scrape target that counts, misbehaves on demand, and a webhook receiver."""

import http.server
import json
import threading
import time


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):  # a killed client is part of the tests
        pass


class Target:
    """Answers /metrics with `series` gauges that all carry the number of the scrape."""

    def __init__(self, series=1, port=0):
        self.scrapes = 0
        self.series = series
        self.body = None
        self.delay = 0.0
        self.status = 200
        self.lock = threading.Lock()
        target = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                time.sleep(target.delay)
                body = target.render().encode()
                self.send_response(target.status)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = _Server(("127.0.0.1", port), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def render(self):
        if self.body is not None:
            return self.body
        with self.lock:
            self.scrapes += 1
            number = self.scrapes
        lines = ["# HELP seq The number of the scrape.", "# TYPE seq gauge"]
        lines += [f'seq{{i="{index}"}} {number}' for index in range(self.series)]
        return "\n".join(lines) + "\n"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Webhook:
    """Keeps every JSON body posted to it."""

    def __init__(self):
        self.bodies = []
        webhook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers.get("Content-Length", 0))
                webhook.bodies.append(json.loads(self.rfile.read(length)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
