#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Several `import` commands at once into one database, beside a server: an SQLite file's, or a server's
(examples/store/tests/database.py). They take their turns."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "examples/store/tests"), str(HERE.parent / "adopt")]
import store_process  # noqa: E402

store_process.BINARY = os.environ.get("WARM_BINARY", str(HERE / "../../build/debug/tests/warm/warm"))
store_process.EXAMPLE = str(HERE)
ROWS = 1_500
HELD = 4  # seconds that one import keeps others from beginning
# Shorter than that: others wait for an import longer than for anybody else.
IMPATIENT = ("--database.busy_timeout=200ms", "--database.lock_wait=1s")


class Imports(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="warm-imports-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.store = store_process.Store("--database.migrate_on_start=true", "--jobs.enabled=false", data=str(HERE))
        self.addCleanup(self.store.close)
        answer = self.store.request("POST", "/api/v1/houses", {"name": "house"}, {})
        self.assertEqual(answer.status, 201, answer)
        self.house = answer.json()["id"]

    def write(self, name, word, rows=ROWS):
        """A folder with a file in which each room is called by its number and `word`."""
        folder = pathlib.Path(self.folder, name)
        folder.mkdir()
        lines = ["RoomId,Name,HouseId", *(f"{row},{row} {word},{self.house}" for row in range(1, rows + 1))]
        (folder / "Room.csv").write_text("\n".join(lines) + "\n")
        return folder

    def start(self, folder, *settings, failpoints=""):
        process = subprocess.Popen([store_process.BINARY, "import", f"--dir={folder}", *self.store.database.settings, *settings], cwd=HERE, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "KIT_FAILPOINTS": failpoints})
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        process.kill()
        process.wait()
        process.stdout.close()

    def ends(self, process):
        """The rows that it (inserted, updated, left as they were)."""
        text = process.communicate(timeout=120)[0]
        self.assertEqual(process.returncode, 0, text)
        found = re.search(r"Room +(.+) inserted +(.+) updated +(.+) unchanged", text)
        self.assertTrue(found, text)
        return tuple(int(re.sub(r"\D", "", number)) for number in found.groups())

    def words(self):
        """What the names end with, each with how often."""
        found = {}
        for row, name in self.store.database.rows("SELECT id, name FROM rooms"):
            number, word = name.split(" ")
            self.assertEqual(int(number), row)
            found[word] = found.get(word, 0) + 1
        return found

    def check_history(self, files):
        self.assertEqual(self.store.database.rows("SELECT count(*) FROM kit_imports WHERE file = 'Room.csv'"), [(files,)])

    def test_the_same_file_at_once(self):
        folder = self.write("same", "same")
        results = [self.ends(process) for process in [self.start(folder) for _ in range(3)]]
        self.assertEqual(sorted(results), [(0, 0, ROWS), (0, 0, ROWS), (ROWS, 0, 0)])
        self.assertEqual(self.words(), {"same": ROWS})
        self.check_history(1)

    def test_different_files_at_once(self):
        folders = [self.write(word, word) for word in ("red", "green", "blue")]
        results = [self.ends(process) for process in [self.start(folder) for folder in folders]]
        self.assertEqual(sorted(results), [(0, ROWS, 0), (0, ROWS, 0), (ROWS, 0, 0)])
        # All rows are of the one that came last.
        self.assertEqual(list(self.words().values()), [ROWS])
        self.check_history(3)

    def test_one_waits_for_another_longer_than_for_a_row(self):
        folder = self.write("held", "held", 20)
        begun = time.monotonic()
        first = self.start(folder, failpoints=f"import.before_commit=delay({HELD * 1000})")
        time.sleep(HELD / 2)  # it has its rows by now
        second = self.start(folder, *IMPATIENT)
        self.assertEqual(self.ends(second), (0, 0, 20))
        self.assertGreater(time.monotonic() - begun, HELD)
        self.assertEqual(self.ends(first), (20, 0, 0))
        self.check_history(1)

    def test_one_that_was_killed_is_nobodys_way(self):
        folder = self.write("killed", "killed", 20)
        first = self.start(folder, failpoints="import.before_commit=exit(137)")
        self.assertNotEqual(first.wait(60), 0)
        self.assertEqual(self.ends(self.start(folder, *IMPATIENT)), (20, 0, 0))
        self.check_history(1)

    def test_a_dry_run_takes_its_turn(self):
        folder = self.write("dry", "dry", 20)
        first = self.start(folder, failpoints=f"import.before_commit=delay({HELD * 1000})")
        time.sleep(HELD / 2)
        self.assertEqual(self.ends(self.start(folder, "--dry-run", *IMPATIENT)), (0, 0, 20))
        self.assertEqual(self.ends(first), (20, 0, 0))


if __name__ == "__main__":
    unittest.main()
