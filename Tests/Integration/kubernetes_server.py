# SPDX-License-Identifier: Apache-2.0
"""A small Kubernetes API server: lists in pages, watches with bookmarks, and everything that goes wrong with them.

In a test: `KubernetesServer(objects)`, `put`, `delete`, `faults`. By hand: `python3 kubernetes_server.py [PORT]`, then
`POST /_objects/pods` with an object, `DELETE /_objects/pods/NAMESPACE/NAME`, `POST /_faults` with `{"cut": 3}`.
"""

import copy
import http.server
import json
import pathlib
import re
import sys
import threading
import time
import urllib.parse

GROUPS = {
    "nodes": "/api/v1", "namespaces": "/api/v1", "pods": "/api/v1", "services": "/api/v1", "endpoints": "/api/v1",
    "endpointslices": "/apis/discovery.k8s.io/v1", "ingresses": "/apis/networking.k8s.io/v1",
    "replicasets": "/apis/apps/v1", "jobs": "/apis/batch/v1",
}
KINDS = {
    "nodes": "Node", "namespaces": "Namespace", "pods": "Pod", "services": "Service", "endpoints": "Endpoints",
    "endpointslices": "EndpointSlice", "ingresses": "Ingress", "replicasets": "ReplicaSet", "jobs": "Job",
}
# What `faults` counts: each happens so many times, then no more.
FAULTS = {
    "unauthorized": "401 to any request",
    "forbidden": "403 to any request",
    "broken": "500 to any request",
    "busy": "429 to any request, to be asked again after a second",
    "page_expired": "410 to the next page of a list",
    "watch_gone": "410 to a watch",
    "watch_ahead": "504 to a watch: the version is one the server has not reached, as after a restore",
    "watch_error": "a watch begins with an ERROR event of 410",
    "watch_garbled": "a watch begins with a line that is no JSON",
    "cut": "a stream ends in the middle of an event's line",
    "close": "a stream ends after an event",
    "slow": "an event comes in pieces of seven bytes",
    "huge": "an event has five megabytes, more than any object of a cluster",
}


def key(item):
    meta = item["metadata"]
    return "/".join(part for part in (meta.get("namespace"), meta["name"]) if part)


def selected(item, query):
    """Whether an object has what labelSelector and fieldSelector want; only `a=b` and `a!=b` are understood."""
    labels = item["metadata"].get("labels", {})

    def field(path):
        value = item
        for part in path.split("."):
            value = value.get(part, "") if isinstance(value, dict) else ""
        return value

    for text, look in ((query.get("labelSelector", ""), labels.get), (query.get("fieldSelector", ""), field)):
        for term in filter(None, text.split(",")):
            name, sign, wanted = re.fullmatch(r"([^!=]+)(!=|==?)(.*)", term).groups()
            if ((look(name) or "") == wanted) == (sign == "!="):
                return False
    return True


class KubernetesServer:
    def __init__(self, objects=None, port=0, token=None, bookmarks=0.5, version=1000):
        self.lock = threading.Condition()
        self.version = version
        self.objects = {collection: {} for collection in GROUPS}
        self.log = []
        self.forgotten = version
        self.faults = dict.fromkeys(FAULTS, 0)
        self.token = token
        self.bookmarks = bookmarks
        self.requests = []
        self.bookmarked = 0
        self.is_closed = False
        for collection, items in (objects or {}).items():
            for item in items:
                self.put(collection, item)
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                server.answer(self)

            def do_POST(self):
                server.control(self)

            do_DELETE = do_POST

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    # What the cluster holds.

    def put(self, collection, item):
        item = copy.deepcopy(item)
        with self.lock:
            self.version += 1
            item["metadata"]["resourceVersion"] = str(self.version)
            item.setdefault("kind", KINDS[collection])
            item.setdefault("apiVersion", GROUPS[collection].removeprefix("/apis/").removeprefix("/api/"))
            kind = "MODIFIED" if key(item) in self.objects[collection] else "ADDED"
            self.objects[collection][key(item)] = item
            self.log.append((self.version, collection, kind, item))
            self.lock.notify_all()

    def delete(self, collection, name):
        with self.lock:
            item = copy.deepcopy(self.objects[collection].pop(name))
            self.version += 1
            item["metadata"]["resourceVersion"] = str(self.version)
            self.log.append((self.version, collection, "DELETED", item))
            self.lock.notify_all()

    def forget(self):
        """Versions up to now cannot be watched from any more."""
        with self.lock:
            self.forgotten = self.version
            self.log.clear()
            self.lock.notify_all()

    def close(self):
        with self.lock:
            self.is_closed = True
            self.lock.notify_all()
        self.server.shutdown()
        self.server.server_close()

    def fails(self, fault):
        with self.lock:
            if self.faults[fault] <= 0:
                return False
            self.faults[fault] -= 1
            return True

    # Answers.

    def send(self, handler, status, body, headers=None):
        data = json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    def status(self, handler, code, reason, message, headers=None):
        self.send(handler, code, {
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
            "message": message, "metadata": {},
        }, headers)

    def control(self, handler):
        length = int(handler.headers.get("Content-Length", 0))
        body = json.loads(handler.rfile.read(length) or b"null")
        parts = handler.path.strip("/").split("/", 2)
        if parts[0] == "_faults":
            self.faults.update(body)
        elif parts[0] == "_forget":
            self.forget()
        elif handler.command == "POST":
            self.put(parts[1], body)
        else:
            self.delete(parts[1], parts[2])
        self.send(handler, 200, {})

    def answer(self, handler):
        url = urllib.parse.urlsplit(handler.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        self.requests.append(handler.path)
        if url.path == "/version":
            return self.send(handler, 200, {"major": "1", "minor": "27", "gitVersion": "v1.27.1"})
        if self.token and handler.headers.get("Authorization") != f"Bearer {self.token}" or self.fails("unauthorized"):
            return self.status(handler, 401, "Unauthorized", "Unauthorized")
        if self.fails("forbidden"):
            return self.status(handler, 403, "Forbidden", "the account may not list this")
        if self.fails("busy"):
            return self.status(handler, 429, "TooManyRequests", "too many requests", {"Retry-After": "1"})
        if self.fails("broken"):
            return self.status(handler, 500, "InternalError", "etcd is away")
        found = re.fullmatch(r"(/apis?/.+?)(?:/namespaces/([^/]+))?/([a-z]+)", url.path)
        collection = found.group(3) if found else None
        if collection not in GROUPS or found.group(1) != GROUPS[collection]:
            return self.status(handler, 404, "NotFound", "the server could not find the requested resource")
        if query.get("watch") in ("1", "true"):
            return self.watch(handler, collection, found.group(2), query)
        return self.list(handler, collection, found.group(2), query)

    def wanted(self, item, namespace, query):
        return (not namespace or item["metadata"].get("namespace") == namespace) and selected(item, query)

    def list(self, handler, collection, namespace, query):
        with self.lock:
            version = self.version
            items = [item for _, item in sorted(self.objects[collection].items()) if self.wanted(item, namespace, query)]
        start = 0
        if query.get("continue"):
            of, start = (int(part) for part in query["continue"].split("."))
            if of < self.forgotten or self.fails("page_expired"):
                return self.status(handler, 410, "Expired", "the provided continue parameter is too old")
            version = of
        limit = int(query.get("limit", 0)) or len(items)
        meta = {"resourceVersion": str(version)}
        if start + limit < len(items):
            meta |= {"continue": f"{version}.{start + limit}", "remainingItemCount": len(items) - start - limit}
        self.send(handler, 200, {
            "kind": KINDS[collection] + "List", "apiVersion": "v1", "metadata": meta,
            "items": items[start : start + limit],
        })

    def watch(self, handler, collection, namespace, query):
        version = int(query.get("resourceVersion") or self.version)
        if version < self.forgotten or self.fails("watch_gone"):
            return self.status(handler, 410, "Expired", "too old resource version")
        if version > self.version or self.fails("watch_ahead"):
            return self.status(handler, 504, "Timeout", "Too large resource version")
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()

        def write(text):
            data = text.encode()
            handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            handler.wfile.flush()

        def event(kind, item):
            return json.dumps({"type": kind, "object": item}) + "\n"

        def stop():
            handler.close_connection = True

        if self.fails("watch_error"):
            write(event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}))
        if self.fails("watch_garbled"):
            write('{"type": "ADDED", "object": {oops\n')
        end = time.monotonic() + float(query.get("timeoutSeconds", 300))
        while not self.is_closed and time.monotonic() < end:
            with self.lock:
                self.lock.wait_for(
                    lambda: self.is_closed or (self.log and self.log[-1][0] > version) or version < self.forgotten,
                    self.bookmarks,
                )
                events = [entry for entry in self.log if entry[0] > version]
                current = self.version
                gone = version < self.forgotten
            if gone:
                write(event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}))
                break
            for number, of, kind, item in events:
                if of != collection or not self.wanted(item, namespace, query):
                    continue
                if self.fails("huge"):
                    item = copy.deepcopy(item)
                    item["metadata"]["annotations"] = {"huge": "x" * 5_000_000}
                line = event(kind, item)
                if self.fails("cut"):
                    write(line[: len(line) // 2])
                    return stop()
                if self.fails("slow"):
                    for place in range(0, len(line), 7):
                        write(line[place : place + 7])
                        time.sleep(0.001)
                else:
                    write(line)
                version = number
                if self.fails("close"):
                    handler.wfile.write(b"0\r\n\r\n")
                    return stop()
            version = max(version, current)
            if not events and query.get("allowWatchBookmarks") in ("1", "true"):
                meta = {"resourceVersion": str(version), "creationTimestamp": None}
                write(event("BOOKMARK", {"kind": KINDS[collection], "apiVersion": "v1", "metadata": meta}))
                self.bookmarked += 1
        handler.wfile.write(b"0\r\n\r\n")
        return stop()


def example():
    """The objects of kubernetes_objects.json."""
    return json.loads(pathlib.Path(__file__).with_name("kubernetes_objects.json").read_text())


if __name__ == "__main__":
    running = KubernetesServer(example(), port=int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    print(running.url, flush=True)
    threading.Event().wait()
