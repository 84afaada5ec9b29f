# SPDX-License-Identifier: Apache-2.0
"""A forward proxy: requests with a whole URL, and tunnels. Names lead where the test says, so that nobody else's server is
asked."""

import base64
import http.client
import http.server
import socket
import threading
import urllib.parse

from target import _Server


def _pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    finally:
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Proxy:
    """`places` says where each `host:port` is; what is not in it gets a 502. `seen` has method and target of each request."""

    def __init__(self, places, user=None):
        self.places = places
        self.seen = []
        expected = user and "Basic " + base64.b64encode(user.encode()).decode()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def place(self, target):
                proxy.seen.append((self.command, target))
                if expected and self.headers.get("Proxy-Authorization") != expected:
                    self.send_error(407)
                elif target not in proxy.places:
                    self.send_error(502)
                else:
                    return proxy.places[target]
                self.close_connection = True
                return None

            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                place = self.place(url.netloc)
                if place is None:
                    return
                connection = http.client.HTTPConnection(place)
                own = ("proxy-authorization", "proxy-connection", "connection")
                headers = {name: value for name, value in self.headers.items() if name.lower() not in own}
                connection.request("GET", url.path, headers=headers)
                answer = connection.getresponse()
                body = answer.read()
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers["Content-Type"])
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                connection.close()

            def do_CONNECT(self):
                place = self.place(self.path)
                if place is None:
                    return
                host, port = place.rsplit(":", 1)
                with socket.create_connection((host, int(port))) as far:
                    self.send_response(200)
                    self.end_headers()
                    back = threading.Thread(target=_pump, args=(far, self.connection), daemon=True)
                    back.start()
                    _pump(self.connection, far)
                    back.join()
                self.close_connection = True

            def log_message(self, *_):
                pass

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def asked(self):
        """Which targets came through here."""
        return {target for _, target in self.seen}

    def close(self):
        self.server.shutdown()
        self.server.server_close()
