# SPDX-License-Identifier: Apache-2.0
"""Where a secret could turn up: everything that a store writes, shows, answers and sends."""
import gzip
import http.client
import json
import re

import collector as collecting

HTML, JSON = "text/html", "application/json"
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
#: (path, Accept) on the admin port.
PAGES = (("/metrics", "text/plain"), ("/metrics", OPENMETRICS), ("/debug/requests", HTML), ("/debug/requests", JSON), ("/debug/tasks", HTML),
         ("/debug/tasks", JSON), ("/debug/breakers", HTML), ("/debug/breakers", JSON), ("/debug/log", JSON), ("/debug/pprof/cmdline", "*/*"),
         ("/debug/pprof/tasks", "*/*"), ("/debug/pprof", HTML))
#: For everybody, on the store's own port.
OPEN_PAGES = ("/start.json", "/", "/docs", "/openapi.yaml", "/healthz", "/readyz", "/startupz")


class Texts:
    """Name of the place -> what stood there, in order."""

    def __init__(self):
        self.all = []

    def add(self, place, text):
        self.all.append((place, text if isinstance(text, str) else text.decode("utf-8", "replace")))

    def size(self):
        return sum(len(text) for _, text in self.all)

    def hits(self, canaries):
        found = []
        for place, text in self.all:
            found += [(place, what, around) for what, around in canaries.found_in(text).items()]
        return found


class KeepingCollector(collecting.Collector):
    """Keeps the bytes too: what a span says is in there as it is."""

    def __init__(self):
        self.bodies = []
        super().__init__()

    def take(self, path, headers, body):
        self.bodies.append(gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body)
        return super().take(path, headers, body)


def send(store, texts, requests):
    """The heads of all answers are kept, and the bodies of those that are errors."""
    statuses = []
    for request in requests:
        headers = {**({"Authorization": request.bearer} if request.bearer else {}), **request.headers}
        answer = store.request(request.method, request.path, request.body, headers)
        statuses.append(answer.status)
        body = answer.body if answer.status >= 400 else b""
        texts.add(f"the answer {answer.status} to {request.method} with {request.what}", f"{answer.headers}\n".encode() + body)
    return statuses


def send_raw(store, texts, messages):
    statuses = []
    for message in messages:
        answer = store.raw(message, timeout=3)
        if not answer.startswith(b"HTTP/1.1 2"):
            texts.add(f"the answer to {message[:30]!r}", answer)
        statuses.append(int(answer[9:12] or b"0"))
    return statuses


def ask_admin(store, canaries, texts):
    """The admin port is told secrets as well, and shows none."""
    paths = [("GET", "/metrics?token={}"), ("GET", "/debug/nothing?password={}"), ("GET", "/debug/pprof/profile?seconds={}"), ("GET", "/debug/tasks?key={}"),
             ("PUT", "/debug/log?token={}"), ("POST", "/debug/breakers?token={}")]
    for method, path in paths:
        secret = canaries.new(f"{method} {path} on the admin port")
        headers = {"Authorization": f"Bearer {canaries.new('a token for the admin port')}", "Cookie": f"sid={canaries.new('a cookie for the admin port')}",
                   "Content-Type": JSON}
        body = json.dumps({"module": {"password": canaries.new("a body for the admin port")}}) if method != "GET" else None
        status, text = store.ask_admin(method, path.format(secret), body, headers)
        if status >= 400:
            texts.add(f"the answer {status} to {method} {path}", text)


def look_at_pages(store, texts):
    """How many of them there were to look at."""
    count = 0
    for path, accept in PAGES:
        status, text = store.ask_admin("GET", path, headers={"Accept": accept})
        if status not in (200, 404):
            raise AssertionError(f"GET {path}: {status}")
        if status == 200:
            texts.add(f"{path} as {accept}", text)
            count += 1
    listed = json.loads(store.ask_admin("GET", "/debug/requests", headers={"Accept": JSON})[1])
    kept = set(re.findall(r'"trace_id": ?"([0-9a-f]{32})"', json.dumps(listed)))
    for trace in kept:
        for accept in (HTML, JSON):
            status, text = store.ask_admin("GET", f"/debug/requests/{trace}", headers={"Accept": accept})
            if status == 200:
                texts.add(f"/debug/requests/{trace} as {accept}", text)
                count += 1
    for path in OPEN_PAGES:
        connection = http.client.HTTPConnection("127.0.0.1", store.port, timeout=30)
        connection.request("GET", path)
        answer = connection.getresponse()
        texts.add(path, answer.read())
        connection.close()
        if answer.status != 200:
            raise AssertionError(f"GET {path}: {answer.status}")
        count += 1
    return count
