# SPDX-License-Identifier: Apache-2.0
"""Connections that are kept and ask without a pause: each is another user, reads, writes and looks at what comes back."""
import http.client
import json
import socket
import threading

LISTS = ("/api/v1/genres?limit=5", "/api/v1/playlists?limit=5&sort=-id", "/api/v1/artists?limit=3", "/api/v1/tracks?limit=3")


class Failure(Exception):
    pass


class Client(threading.Thread):
    def __init__(self, load, number):
        super().__init__(name=f"client {number}")
        self.load, self.number, self.requests, self.shed, self.failed = load, number, 0, 0, None
        self.token = load.token_of(f"load-{number}")
        self.connection = None

    def connect(self):
        self.connection = http.client.HTTPConnection("127.0.0.1", self.load.port, timeout=30)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def once(self, method, path, body):
        headers = {"Authorization": f"Bearer {self.token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        # A connection is closed after its 10 000 requests, which its last answer says.
        if self.connection is None or self.connection.sock is None:
            self.connect()
        self.connection.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
        answer = self.connection.getresponse()
        return answer, answer.read()

    def ask(self, method, path, wanted, body=None):
        """Anything but `wanted` is a failure; what was shed while that was asked for is sent again."""
        while True:
            answer, text = self.once(method, path, body)
            self.requests += 1
            if answer.status == wanted:
                return json.loads(text) if text else None
            is_shed = answer.status == 503 and answer.headers["Retry-After"] == "1"
            if not (is_shed and self.load.may_be_shed):
                raise Failure(f"{method} {path}: {answer.status} {text[:300].decode(errors='replace')}")
            self.shed += 1

    def cycle(self, turn):
        """A row's life, and lists between."""
        name = f"{self.name} turn {turn}"
        made = self.ask("POST", "/api/v1/genres", 201, {"name": name})
        url = f"/api/v1/genres/{made['id']}"
        self.ask("GET", LISTS[turn % len(LISTS)], 200)
        for new in (name, name + " again"):
            self.ask("PATCH", url, 200, {"name": new})
            read = self.ask("GET", url, 200)
            if read["name"] != new:
                raise Failure(f"{url} is {read['name']!r}, not {new!r}")
        self.ask("DELETE", url, 204)
        self.ask("GET", url, 404)

    def run(self):
        try:
            turn = 0
            while not self.load.stopping.is_set():
                self.cycle(turn)
                turn += 1
        except (Failure, OSError, http.client.HTTPException, ValueError, KeyError) as why:
            self.failed = why
        finally:
            if self.connection is not None:
                self.connection.close()


class Load:
    """`with` starts it and ends it."""

    def __init__(self, port, token_of, connections=6):
        self.port, self.token_of, self.may_be_shed = port, token_of, False
        self.stopping = threading.Event()
        self.clients = [Client(self, number) for number in range(connections)]

    @property
    def requests(self):
        return sum(client.requests for client in self.clients)

    @property
    def shed(self):
        return sum(client.shed for client in self.clients)

    def failures(self):
        return [f"{client.name}: {client.failed}" for client in self.clients if client.failed is not None]

    def __enter__(self):
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for client in self.clients:
            client.join()
