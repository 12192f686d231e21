# SPDX-License-Identifier: Apache-2.0
"""The real program, started on a free port with a database of its own, and a small HTTP client. Used by the tests here."""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from database import database_of

EXAMPLE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DATA = os.path.join(EXAMPLE, "data")
BINARY = os.environ.get("STORE_BINARY", os.path.join(EXAMPLE, "../../build/debug/examples/store/store"))


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def reason(self):
        """The stable reason of an error."""
        for detail in self.json().get("details", []):
            if detail["@type"].endswith("ErrorInfo"):
                return detail["reason"]
        return None

    def violations(self):
        """{field: description} of an error."""
        for detail in self.json().get("details", []):
            if detail["@type"].endswith("BadRequest"):
                return {each["field"]: each["description"] for each in detail["fieldViolations"]}
        return {}

    def __repr__(self):
        return f"{self.status} {self.body[:500]!r}"


class Store:
    """A running store. `with` ends it and removes its files."""

    def __init__(self, *settings, data=DATA, folder=None, wait=True, environment=None):
        self.own_folder = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="store-test-")
        self.database = database_of(self.folder)
        self.log_path = os.path.join(self.folder, "store.log")
        self.out_path = os.path.join(self.folder, "store.out")
        command = [BINARY, "--http.port=0", "--admin.port=0", *self.database.settings,
                   f"--import.directory={data}", "--log.format=json", *settings]
        with open(self.log_path, "ab") as log, open(self.out_path, "wb") as out:
            self.process = subprocess.Popen(command, cwd=EXAMPLE, stdout=out, stderr=log, start_new_session=True,
                                            env={**os.environ, **(environment or {})})
        self.port = self._find_port()
        self.kept = None
        if wait:
            self.wait_ready()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.kept:
            self.kept.close()
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def out(self):
        with open(self.out_path, encoding="utf-8") as file:
            return file.read()

    def log(self):
        with open(self.log_path, encoding="utf-8") as file:
            return file.read()

    def _find_port(self):
        for _ in range(6000):
            found = re.search(r"listening at http://127\.0\.0\.1:(\d+)/", self.out())
            if found:
                return int(found.group(1))
            if self.process.poll() is not None:
                raise AssertionError(f"the store ended with {self.process.returncode}: {self.log()}")
            time.sleep(0.01)
        raise AssertionError("the store never listened")

    def wait_ready(self, limit=300):
        end = time.monotonic() + limit
        while self.get("/readyz").status != 200:
            if time.monotonic() > end:
                raise AssertionError("the store never got ready: " + self.log()[-2000:])
            time.sleep(0.02)

    def request(self, method, path, body=None, headers=None):
        """One request on a kept connection; a body that is no bytes is sent as JSON."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        for attempt in (1, 2):
            if self.kept is None:
                self.kept = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            try:
                self.kept.request(method, path, body=body, headers=headers)
                answer = self.kept.getresponse()
                return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
            except (http.client.HTTPException, ConnectionError):
                self.kept.close()
                self.kept = None
                if attempt == 2:
                    raise

    def get(self, path, **headers):
        return self.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def raw(self, data, timeout=20, then_wait=True):
        """Bytes on a fresh connection; everything that comes back until the server closes or `timeout` has passed."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            received = b""
            try:
                connection.sendall(data)
                if not then_wait:
                    connection.shutdown(socket.SHUT_WR)
                while True:
                    part = connection.recv(65536)
                    if not part:
                        break
                    received += part
            except (ConnectionError, socket.timeout):
                pass
            return received

    def terminate(self):
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


def run_command(*words, folder=None):
    """A command that ends: (status, what it printed on both streams)."""
    done = subprocess.run([BINARY, *words], cwd=folder or EXAMPLE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=300)
    return done.returncode, done.stdout
