#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`kitgen dev` in a copy of the music store: what a save does, what a mistake does not do, and what is left behind.

Usage: dev_test.py --work FOLDER --build build/debug --compiler clang++-19 [names of tests]
"""
import argparse
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import unittest

from project import Dev, Project, processes_in

SERVICE = "internal/service/customer_service.cpp"
project = None


class Hammer:
    """Asks on new connections all the time; counts what failed."""

    def __init__(self, dev):
        self.dev, self.asked, self.failed, self.ended = dev, 0, [], threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while not self.ended.is_set():
            try:
                status, _ = self.dev.request("/api/v1/genres")
                if status != 200:
                    self.failed.append(status)
            except OSError as error:
                self.failed.append(error)
            self.asked += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


def wait_until(condition, limit=30):
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


class Save(unittest.TestCase):
    """One `kitgen dev` for all: what follows each save."""

    @classmethod
    def setUpClass(cls):
        cls.dev = Dev(project, "--port", "0")
        cls.dev.wait_served()

    @classmethod
    def tearDownClass(cls):
        cls.dev.__exit__()

    def check_refused(self, name, text, *messages):
        """A save that is no good: said, and the server before it answers. The file is as it was afterwards."""
        good = project.read(name)
        before, mark = self.dev.server(), self.dev.mark()
        self.assertIsNotNone(before)
        project.save(name, text)
        try:
            self.dev.wait_failed(mark)
            said = self.dev.text(mark)
            for message in messages:
                self.assertIn(message, said)
            self.assertEqual(self.dev.server(), before)
            self.assertEqual(self.dev.request("/api/v1/genres")[0], 200)
        finally:
            self.save_and_wait(lambda: project.save(name, good))
        return said

    def save_and_wait(self, save):
        mark = self.dev.mark()
        save()
        self.dev.wait_served(mark)
        return self.dev.text(mark)

    def test_a_new_field_is_served_without_a_failed_request(self):
        dev = self.dev
        status, text = dev.request("/api/v1/genres", {"name": "Fado"})
        self.assertEqual(status, 201, text)
        self.assertNotIn("origin", text)
        before = dev.server()
        with Hammer(dev) as hammer:
            said = self.save_and_wait(
                lambda: project.add_field("Genre", "origin: {type: string, max: 40, optional: true}"))
            place = json.loads(text)["id"]
            self.assertIn('"origin":null', dev.request(f"/api/v1/genres/{place}")[1])
            self.assertTrue(wait_until(lambda: dev.server() != before))
        self.assertEqual(hammer.failed, [])
        self.assertGreater(hammer.asked, 0)
        # Each step in a line with its time, and how to go back.
        for step in ("schema", "generate", "build", "migrate", "serve", "total"):
            self.assertRegex(said, rf"(?m)^  {step} +\d+\.\d\d s  ")
        self.assertIn("undo: kitgen migrate down 1 --database store.db", said)
        copies = sorted((project.folder / ".kit/dev").glob("store-*.db"))
        copy = sqlite3.connect(copies[-1])
        self.assertEqual(copy.execute("SELECT name FROM genres").fetchall(), [("Fado",)])
        self.assertNotIn("origin", [row[1] for row in copy.execute("PRAGMA table_info(genres)")])
        copy.close()
        # What kitgen wrote itself was no change.
        mark = dev.mark()
        self.assertFalse(wait_until(lambda: "changed" in dev.text(mark), 1))

    def test_hand_written_code_is_built_also_in_new_folders(self):
        said = self.save_and_wait(
            lambda: project.save("internal/service/extra/deep/more.cpp", "namespace store { int more() { return 1; } }\n"))
        self.assertIn("internal/service/extra/deep/more.cpp changed", said)
        self.assertTrue((project.folder / "build/dev/CMakeFiles/store.dir/internal/service/extra/deep/more.cpp.o").exists())
        before = self.dev.server()
        self.save_and_wait(lambda: project.save(SERVICE, project.read(SERVICE) + "\nnamespace store { int again() { return 2; } }\n"))
        self.assertTrue(wait_until(lambda: self.dev.server() not in (before, None)))
        # What changes no byte of the program changes no server.
        before = self.dev.server()
        self.save_and_wait(lambda: os.utime(project.path("api/store.yaml")))
        self.assertEqual(self.dev.server(), before)

    def test_a_compile_error_leaves_the_server(self):
        said = self.check_refused(SERVICE, project.read(SERVICE) + "int broken( {\n", "FAILED", "error:", "customer_service.cpp:")
        self.assertNotIn("-std=c++", said)

    def test_a_schema_error_leaves_the_server(self):
        text = project.read("api/store.yaml").replace("type: string", "type: strng", 1)
        self.check_refused("api/store.yaml", text, "FAILED", "api/store.yaml:", "strng", "did you mean 'string'?")

    def test_an_edited_generated_file_leaves_the_server(self):
        name = "internal/biz/genre.gen.hpp"
        self.check_refused(name, project.read(name) + "// mine\n", "FAILED", name, "// mine")

    def test_a_bad_setting_leaves_the_server(self):
        before = self.dev.server()
        self.check_refused("config/dev.yaml", "http:\n  prot: 1\n", "http.prot")
        # Settings are read at the start: a change of them is a new server.
        self.assertTrue(wait_until(lambda: self.dev.server() not in (before, None)))

    def test_a_server_that_ends_at_its_start_leaves_the_other(self):
        main = project.read("main.cpp")
        ending = main.replace("int main(int argc, char** argv) {",
                              'int main(int argc, char** argv) {\n  if (argc > 1 && argv[1][0] == \'-\') return 7;')
        self.assertNotEqual(ending, main)
        self.check_refused("main.cpp", ending, "FAILED", "exit code 7")

    def test_a_migration_that_loses_data_is_refused(self):
        before = project.read("api/store.yaml")
        self.save_and_wait(lambda: project.add_field("Genre", "scrap: {type: string, max: 40, optional: true}"))
        self.check_refused("api/store.yaml", before, "FAILED", "--allow-destructive", "scrap")

    def test_a_server_that_was_killed_is_started_by_the_next_save(self):
        mark = self.dev.mark()
        os.kill(self.dev.server(), signal.SIGKILL)
        self.dev.wait_for("the server ended, with exit code 137", mark)
        self.save_and_wait(lambda: os.utime(project.path("main.cpp")))
        self.assertEqual(self.dev.request("/api/v1/genres")[0], 200)

    def test_there_is_one_for_each_project(self):
        again = subprocess.run(["kitgen", "dev", "--once", "--port", "0"], cwd=project.folder, env=project.environment,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        self.assertEqual(again.returncode, 1)
        self.assertIn("kitgen dev runs in this project already", again.stdout)


class Ends(unittest.TestCase):
    """Nothing is left behind."""

    def check_nothing_left(self):
        self.assertTrue(wait_until(lambda: not processes_in(project.folder)), processes_in(project.folder))

    def test_ctrl_c_ends_in_order(self):
        with Dev(project, "--port", "0") as dev:
            dev.wait_served()
            dev.process.send_signal(signal.SIGINT)
            self.assertEqual(dev.process.wait(30), 0)
            dev.wait_for("stopping: requests are being finished")
        self.check_nothing_left()

    def test_killed_while_it_serves(self):
        with Dev(project, "--port", "0") as dev:
            dev.wait_served()
            dev.process.kill()
        self.check_nothing_left()

    def test_killed_while_it_builds(self):
        with Dev(project, "--port", "0") as dev:
            dev.wait_served()
            os.utime(project.path("internal/biz/ids.gen.hpp"))
            self.assertTrue(wait_until(lambda: any("clang" in command or "cc1plus" in command
                                                   for _, command in processes_in(project.folder))))
            dev.process.kill()
        self.check_nothing_left()

    def test_ctrl_c_while_it_builds(self):
        with Dev(project, "--port", "0") as dev:
            dev.wait_served()
            os.utime(project.path("internal/biz/ids.gen.hpp"))
            self.assertTrue(wait_until(lambda: any("ninja" in command for _, command in processes_in(project.folder))))
            dev.process.send_signal(signal.SIGINT)
            self.assertEqual(dev.process.wait(30), 0)
        self.check_nothing_left()


class Once(unittest.TestCase):
    def once(self, *options):
        done = subprocess.run(["kitgen", "dev", "--once", *options], cwd=project.folder, env=project.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
        self.assertEqual(processes_in(project.folder), [])
        return done.returncode, done.stdout

    def test_serves_and_ends(self):
        status, said = self.once("--port", "0")
        self.assertEqual(status, 0, said)
        self.assertIn("listening at http://127.0.0.1:", said)

    def test_fails_with_what_fails(self):
        good = project.read(SERVICE)
        project.save(SERVICE, good + "int broken( {\n")
        status, said = self.once("--port", "0")
        project.save(SERVICE, good)
        self.assertEqual(status, 1)
        self.assertIn("error:", said)

    def test_says_that_a_port_is_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            status, said = self.once("--port", str(port))
            self.assertEqual(status, 1)
            self.assertIn(f"cannot listen at 127.0.0.1:{port}", said)
            self.assertIn("kitgen dev --port", said)

    def test_leaves_the_database_alone_when_asked_to(self):
        status, said = self.once("--port", "0", "--no-migrate", "--", "--database.path=other.db")
        self.assertEqual(status, 1)
        self.assertIn("pending", said)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", required=True)
    parser.add_argument("--build", required=True)
    parser.add_argument("--compiler", default="clang++-19")
    options, rest = parser.parse_known_args()
    global project
    project = Project(options.work, options.build, options.compiler)
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
