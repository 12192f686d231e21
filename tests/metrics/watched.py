# SPDX-License-Identifier: Apache-2.0
"""A running store with an admin port. STORE_BINARY names the program; it is read when this is imported."""
import contextlib
import http.client
import json
import pathlib
import re
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "adopt"), str(HERE.parents[1] / "examples/store/tests")]
import servers  # noqa: E402
from store_process import Store  # noqa: E402


class Watched(Store):
    def __init__(self, *settings, **options):
        self.admin = servers.free_port()
        super().__init__(f"--admin.port={self.admin}", "--import.on_start=false", *settings, **options)

    def _find_port(self):
        """From the log: in prod a program says nothing on its terminal."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if found := re.search(r'"message":"listening",.*"port":(\d+)', self.log()):
                return int(found.group(1))
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError("the store does not listen: " + self.log())

    def ask_admin(self, method, path, body=None, headers=None):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.admin, timeout=90)) as connection:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def lines(self):
        """What it logged, as objects; what is no object is left out."""
        return [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]

    def audit(self):
        return [line for line in self.lines() if line["module"] == "audit"]
