#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the store's commands say to somebody who looks at events, jobs, backups and settings, and to one who gets a URL wrong."""
import pathlib
import shutil
import tempfile
import unittest

from sales import Sales  # noqa: F401  finds the store's own tests
import store_process

FORMS = "redis+cluster://..., redis+sentinel://... or redis+unix://..."
SECRET = "topsecret"


class Commands(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="store-commands-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def says(self, status, text, *words):
        found = store_process.run_command(*words, folder=self.folder)
        self.assertEqual(found[0], status, found[1])
        self.assertIn(text, found[1])
        self.assertNotIn(SECRET, found[1])
        return found[1]

    def test_looking_makes_no_database(self):
        for words in (["events"], ["events", "dead"], ["jobs", "list"], ["db", "backup", "copy.db"], ["db", "check"]):
            self.says(1, "store.db", *words)
            self.assertEqual(list(self.folder.iterdir()), [], words)

    def test_what_there_is(self):
        self.says(0, "applied  0001 create_store", "migrate", "up")
        self.assertEqual(self.says(0, "", "events"), "events that wait: 0\ndead letters: 0\n")
        self.assertEqual(self.says(0, "", "events", "dead"), "no dead letters\n")
        self.assertEqual(self.says(0, "", "jobs", "list"), "the schema of this program has no jobs\n")
        self.says(1, "has no jobs", "jobs", "run", "any")
        self.says(0, "store.db is sound", "db", "check")
        self.says(0, "copied into copy.db", "db", "backup", "copy.db")
        self.says(1, "copy.db exists: it is never written over", "db", "backup", "copy.db")
        for words in ([], ["backup"], ["walk"]):
            self.says(2, "db takes check, or backup and the file to write: db backup copy.db", "db", *words)

    def test_a_wrong_url_is_told_before_the_database_is_touched(self):
        for url, text in (("nonsense", "queue.url must be memory:, kafka://..., redis://..., rediss://..., " + FORMS),
                          ("redis://", "queue.url: the DSN of Redis names no host: redis://host:6379/"),
                          (f"redis://u:{SECRET}@host:99999/", "queue.url: the DSN of Redis has a port that is not 1 to 65535"),
                          (f"redisx://u:{SECRET}@host/", "queue.url must be ")):
            self.says(2, text, f"--queue.url={url}")
        for url, text in (("nonsense", "cache.url must be redis://..., rediss://..., " + FORMS), ("memory:", "cache.url must be "),
                          (f"redis://u:{SECRET}@host:x/", "cache.url: the DSN of Redis has a port that is not 1 to 65535")):
            self.says(2, text, f"--cache.url={url}")
        for url, text in (("nonsense", "database.url must be sqlite:PATH"), ("postgresql://nowhere/", "database.url has to say who signed")):
            self.says(2, text, f"--database.url={url}")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_settings_are_listed_and_no_secret_is(self):
        text = self.says(0, "", "config", *(f"--{name}=redis://u:{SECRET}@h/" for name in ("queue.url", "cache.url")),
                         f"--database.url=postgresql://u:{SECRET}@h/x", f"--queue.key_password={SECRET}")
        for name in ("queue.url", "cache.url", "database.url", "queue.key_password"):
            self.assertRegex(text, rf"(?m)^{name}: \*\*\* +# command line$")
        for name in ("queue.partitions: 8", "events.relay: true", "events.max_attempts: 10", "jobs.enabled: true", "database.connections: 8"):
            self.assertRegex(text, rf"(?m)^{name} +# default$")

    def test_help_names_them(self):
        text = self.says(0, "", "--help")
        for command in ("events", "jobs", "db", "migrate", "config"):
            self.assertRegex(text, rf"(?m)^  {command} +[A-Z]")
        self.says(0, "store events retry all", "help", "events")
        self.says(0, "store jobs run", "jobs", "--help")


if __name__ == "__main__":
    unittest.main()
