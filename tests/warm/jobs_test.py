#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The jobs of a generated service: from the command line, in the server, and after it was told to leave them alone."""
import os
import sqlite3
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../examples/store/tests"))
import store_process  # noqa: E402

store_process.BINARY = os.environ.get("WARM_BINARY", os.path.join(HERE, "../../build/debug/tests/warm/warm"))
store_process.EXAMPLE = HERE
SETTINGS = ("--http.address=127.0.0.1", "--database.migrate_on_start=true")


class Jobs(unittest.TestCase):
    def setUp(self):
        self.store = None

    def start(self, *settings):
        self.store = store_process.Store(*SETTINGS, *settings, data=HERE)
        self.addCleanup(self.store.close)

    def command(self, *words):
        return store_process.run_command(*words, *self.store.database.settings)

    def rows(self, sql):
        with sqlite3.connect(self.store.database.path, timeout=10) as database:
            return database.execute(sql).fetchall()

    def wait_for(self, sql, wanted):
        end = time.monotonic() + 20
        while (found := self.rows(sql)) != wanted:
            self.assertLess(time.monotonic(), end, f"{sql}: {found}")
            time.sleep(0.05)  # polls

    def test_one_is_run_and_told_of_by_the_command(self):
        self.start("--jobs.enabled=false")
        time.sleep(0.3)
        self.assertEqual(self.rows("SELECT count(*) FROM kit_jobs"), [(0,)])
        status, text = self.command("jobs", "list")
        self.assertEqual(status, 0, text)
        self.assertIn("count_shelves  */5 * * * *\n  Notes how many shelves there are.\n", text)
        self.assertIn("no instance has served it yet", text)
        status, text = self.command("jobs", "run", "count_shelves")
        self.assertEqual(status, 0, text)
        self.assertTrue(text.endswith("count_shelves has run\n"), text)
        self.assertEqual(self.rows("SELECT text FROM labels"), [("0 shelves",)])
        status, text = self.command("jobs", "list")
        self.assertIn("1, 0 failed, 0 skipped", text)

    def test_the_server_runs_them(self):
        self.start()
        self.wait_for("SELECT name, state FROM kit_jobs ORDER BY name", [("count_shelves", "idle"), ("tidy_up", "idle")])
        with sqlite3.connect(self.store.database.path, timeout=10) as database:
            database.execute("UPDATE kit_jobs SET fire_at = fire_at - 3600000000 WHERE name = 'count_shelves'")
        self.wait_for("SELECT runs, failures, skipped, last_error FROM kit_jobs WHERE name = 'count_shelves'", [(1, 0, 11, None)])
        self.assertEqual(self.rows("SELECT text FROM labels"), [("0 shelves",)])
        status, text = self.command("jobs", "run", "tidy_up")
        self.assertEqual(status, 1, text)
        self.assertIn("there is nothing to tidy up", text)
        self.assertEqual(self.rows("SELECT runs, failures FROM kit_jobs WHERE name = 'tidy_up'"), [(1, 1)])

    def test_mistakes_are_told(self):
        self.start()
        for words, says in ((("jobs", "run", "count_shelfs"), "did you mean 'count_shelves'"), (("jobs", "walk"), "jobs takes list, or run"),
                            (("jobs", "run"), "jobs takes list, or run")):
            status, text = self.command(*words)
            self.assertEqual(status, 2, text)
            self.assertIn(says, text)


if __name__ == "__main__":
    unittest.main()
