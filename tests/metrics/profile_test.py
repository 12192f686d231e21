# SPDX-License-Identifier: Apache-2.0
"""Profiles and log levels of a real program, read by google-pprof (and Go's pprof, where there is one).

STORE_BINARY names the program.
"""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import xml.dom.minidom

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from watched import Watched  # noqa: E402

KINDS = ("profile", "flame", "folded", "heap", "growth", "cmdline", "symbol", "tasks")


def watched(*settings, **options):
    return Watched("--log.access=false", *settings, **options)


class Load:
    """Requests one after the other, until it ends; and how long the slowest took."""

    def __init__(self, port):
        self.port, self.slowest, self.count, self.failed = port, 0.0, 0, None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
                while not self.stopping.is_set():
                    begun = time.monotonic()
                    connection.request("GET", "/api/v1/tracks?limit=50")
                    answer = connection.getresponse()
                    answer.read()
                    assert answer.status == 200, answer.status
                    self.slowest = max(self.slowest, time.monotonic() - begun)
                    self.count += 1
        except Exception as why:  # said by whoever waits
            self.failed = why

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()
        if self.failed:
            raise self.failed


class Profiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.store = watched()
        status, _ = cls.store.ask_admin("GET", "/debug/pprof/profile?seconds=1")
        if status == 400:
            cls.store.close()
            raise unittest.SkipTest("built without a profiler")

    @classmethod
    def tearDownClass(cls):
        cls.store.close()

    def read_with(self, *command):
        with tempfile.TemporaryDirectory() as home:
            # Go builds its tools when they are first used, and keeps them in its cache.
            done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False,
                                  env={**os.environ, "PPROF_TMPDIR": home, **({} if command[0] == "go" else {"HOME": home})})
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout

    def test_the_server_goes_on_and_go_reads_its_profile(self):
        with Load(self.store.port) as load:
            status, profile = self.store.ask_admin("GET", "/debug/pprof/profile?seconds=3")
        self.assertEqual(200, status)
        self.assertGreater(load.count, 10)
        self.assertLess(load.slowest, 1.0, "the profile held requests up")
        if not shutil.which("go"):
            return
        with tempfile.NamedTemporaryFile() as file:
            file.write(profile)
            file.flush()
            # Without names: it takes minutes to read those of a program built for debugging.
            text = self.read_with("go", "tool", "pprof", "-symbolize=none", "-top", file.name)
            self.assertIn("Type: cpu", text)

    def test_pprof_asks_the_server_itself(self):
        with Load(self.store.port):
            text = self.read_with("google-pprof", "--text", "--cum", "--seconds=2", f"http://127.0.0.1:{self.store.admin}/debug/pprof/profile")
        self.assertIn("kit::", text)

    def test_the_picture_is_a_document_and_the_text_has_the_same_names(self):
        with Load(self.store.port):
            status, picture = self.store.ask_admin("GET", "/debug/pprof/flame?seconds=2")
            self.assertEqual(200, status)
            status, folded = self.store.ask_admin("GET", "/debug/pprof/folded?seconds=2")
            self.assertEqual(200, status)
        titles = [title.firstChild.data for title in xml.dom.minidom.parseString(picture).getElementsByTagName("title")]
        self.assertTrue(any("kit::" in title for title in titles), titles)
        self.assertIn(b"kit::", folded)
        for line in folded.decode().splitlines():
            self.assertGreater(int(line.rsplit(" ", 1)[1]), 0)

    def test_one_at_a_time(self):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.store.admin, timeout=30)) as connection:
            connection.request("GET", "/debug/pprof/profile?seconds=3")
            first = connection.getresponse()  # its head: it has begun
            self.assertEqual(409, self.store.ask_admin("GET", "/debug/pprof/profile?seconds=1")[0])
            self.assertEqual(200, first.status)
            self.assertTrue(first.read())

    def test_a_client_that_leaves_ends_its_profile(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.store.admin, timeout=30)
        connection.request("GET", "/debug/pprof/profile?seconds=60")
        self.assertEqual(200, connection.getresponse().status)
        connection.sock.close() if connection.sock else None
        connection.close()
        end = time.monotonic() + 30
        while (status := self.store.ask_admin("GET", "/debug/pprof/profile?seconds=1")[0]) == 409:
            self.assertLess(time.monotonic(), end, "the profile of who left goes on")
            time.sleep(0.1)
        self.assertEqual(200, status)

    def test_arguments_keep_their_secrets(self):
        status, text = self.store.ask_admin("GET", "/debug/pprof/cmdline")
        self.assertEqual(200, status)
        self.assertIn(b"--admin.port=***", text)
        self.assertNotIn(str(self.store.admin).encode(), text)

    def test_what_is_wrong_is_refused(self):
        for query in ("seconds=61", "seconds=0", "seconds=x"):
            self.assertEqual(400, self.store.ask_admin("GET", f"/debug/pprof/profile?{query}")[0])
        kinds = {"Content-Type": "application/x-www-form-urlencoded"}
        self.assertEqual(400, self.store.ask_admin("POST", "/debug/pprof/symbol", b"x+y", kinds)[0])
        self.assertEqual(413, self.store.ask_admin("POST", "/debug/pprof/symbol", b"0x1+" * 200_000, kinds)[0])


class Closed(unittest.TestCase):
    def test_production_is_closed(self):
        for settings, environment in (([], {"PROD": "true"}), (["--env=prod", "--http.address=127.0.0.1", "--database.migrate_on_start=true"], {})):
            with watched(*settings, environment=environment) as store:
                for kind in KINDS:
                    self.assertEqual(403, store.ask_admin("GET", f"/debug/pprof/{kind}")[0], kind)
                end = time.monotonic() + 30
                refused = []
                while len(refused) < len(KINDS) and time.monotonic() < end:
                    refused = [line["path"] for line in store.audit() if line["message"] == "profile refused"]
                self.assertEqual([f"/debug/pprof/{kind}" for kind in KINDS], refused)


class Levels(unittest.TestCase):
    def test_a_level_is_changed_for_a_while(self):
        with watched() as store:
            status, text = store.ask_admin("GET", "/debug/log")
            self.assertEqual(200, status)
            names = [module["name"] for module in json.loads(text)["modules"]]
            self.assertIn("db", names)
            change = json.dumps({"module": "db", "level": "debug", "for": "1.5s", "why": "to see it fall back"})
            json_type = {"Content-Type": "application/json"}
            status, text = store.ask_admin("PUT", "/debug/log", change, json_type)
            self.assertEqual(200, status, text)

            def level():
                modules = json.loads(store.ask_admin("GET", "/debug/log")[1])["modules"]
                return next(module["level"] for module in modules if module["name"] == "db")

            self.assertEqual("debug", level())
            end = time.monotonic() + 30
            while level() == "debug":
                self.assertLess(time.monotonic(), end, "the level did not fall back")
                time.sleep(0.1)
            self.assertEqual(["to see it fall back"], [line["why"] for line in store.audit()])
            # What a page of another site can send without being asked is no change.
            self.assertEqual(415, store.ask_admin("PUT", "/debug/log", change, {"Content-Type": "text/plain"})[0])


if __name__ == "__main__":
    unittest.main()
