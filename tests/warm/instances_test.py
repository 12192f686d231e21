#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two instances with cached rows over one database, and a Redis through which they tell one another what changed. The database is
an SQLite file, or a server's (examples/store/tests/database.py)."""
import http.client
import os
import pathlib
import shutil
import sys
import tempfile
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "examples/store/tests"), str(HERE.parent / "redis"), str(HERE.parent / "adopt")]
import database  # noqa: E402
import redis_servers  # noqa: E402
import servers  # noqa: E402
import store_process  # noqa: E402

store_process.BINARY = os.environ.get("WARM_BINARY", str(HERE / "../../build/debug/tests/warm/warm"))
store_process.EXAMPLE = str(HERE)
FRESH = 5  # seconds that a change may take to the other instance
BACK = 10  # and after an outage
slowest = 0.0


class Instance(store_process.Store):
    def __init__(self, *settings):
        self.admin = servers.free_port()
        super().__init__("--database.migrate_on_start=true", "--jobs.enabled=false", f"--admin.port={self.admin}", *settings, data=str(HERE))

    def ask(self, method, path, body=None, **headers):
        answer = self.request(method, "/api/v1/" + path, body, headers)
        if answer.status not in (200, 201, 204):
            raise AssertionError(f"{method} {path}: {answer}")
        return answer.json() if answer.body else None

    def seen(self, path):
        """The row, or None where there is none."""
        answer = self.get("/api/v1/" + path)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise AssertionError(f"GET {path}: {answer}")
        return answer.json()

    def hits(self, table):
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=30)
        try:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        finally:
            connection.close()
        return next(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(f'row_cache_hits_total{{table="{table}"}}'))


class Instances(unittest.TestCase):
    def setUp(self):
        folder = tempfile.mkdtemp(prefix="warm-test-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        shared = database.database_of(folder, "warm")
        self.addCleanup(setattr, store_process, "database_of", store_process.database_of)
        store_process.database_of = lambda _: shared

    def start_redis(self):
        redis = redis_servers.Redis()
        self.addCleanup(redis.__exit__, None, None, None)
        return redis.__enter__()

    def start(self, *settings):
        instance = Instance(*settings)
        self.addCleanup(instance.close)
        return instance

    def start_two(self, redis):
        self.one, self.other = self.start(f"--cache.url={redis.url()}"), self.start(f"--cache.url={redis.url()}")
        self.room = self.make_room(self.one, "first")
        # Both hear one another from here on: each is told of a change of the other.
        for writer, reader in ((self.one, self.other), (self.other, self.one)):
            self.warm(reader, self.room)
            writer.ask("PATCH", self.room, {"name": f"by {writer.port}"})
            self.wait_seen(reader, self.room, lambda row: row["name"] == f"by {writer.port}")

    def make_room(self, instance, name):
        house = instance.ask("POST", "houses", {"name": "house"})
        return f"rooms/{instance.ask('POST', 'rooms', {'name': name, 'house_id': house['id']})['id']}"

    def warm(self, instance, path):
        """The instance has the row, or that there is none, in its cache: not at once while it begins to listen, which clears it."""
        table = path.split("/")[0]
        end = time.monotonic() + FRESH
        while True:
            before = instance.hits(table)
            row = instance.seen(path)
            if instance.hits(table) == before + 1:
                return row
            self.assertLess(time.monotonic(), end, f"{path} is not cached")

    def wait_seen(self, instance, path, holds, seconds=FRESH):
        global slowest
        begun = time.monotonic()
        while not holds(row := instance.seen(path)):
            self.assertLess(time.monotonic() - begun, seconds, f"{path} is old: {row}")
            time.sleep(0.01)  # polls
        if seconds == FRESH:
            slowest = max(slowest, time.monotonic() - begun)

    def changes(self, path, change, holds):
        """`change` through one instance is seen through the other, which had the row cached."""
        with self.subTest(path=path):
            self.assertFalse(holds(self.warm(self.other, path)), "the row is as wanted before")
            change()
            self.wait_seen(self.other, path, holds)

    def test_every_kind_of_change_is_seen_through_the_other_instance(self):
        self.start_two(self.start_redis())
        one = self.one
        room_id = int(self.room.split("/")[1])
        house_id = one.seen(self.room)["house_id"]
        keeper = one.ask("POST", "keepers", {"name": "Ada"})
        shelf = f"shelves/{one.ask('POST', 'shelves', {'code': 'a', 'width': '1.00', 'room_id': room_id, 'keeper_id': keeper['id']})['id']}"
        bulk = one.ask("POST", "shelves", {"code": "b", "width": "1.00", "room_id": room_id})
        named = lambda name: lambda row: row is not None and row["name"] == name  # noqa: E731
        gone = lambda row: row is None  # noqa: E731
        there = lambda row: row is not None  # noqa: E731
        self.changes(self.room, lambda: one.ask("PATCH", self.room, {"name": "patched"}), named("patched"))
        self.changes(self.room, lambda: one.ask("PUT", self.room, {"name": "put", "house_id": house_id}), named("put"))
        text = f"RoomId,Name,HouseId\n{room_id},imported,{house_id}\n".encode()
        self.changes(self.room, lambda: one.ask("POST", "rooms/import", text, **{"Content-Type": "text/csv"}), named("imported"))
        self.changes(f"rooms/{room_id + 1}", lambda: one.ask("POST", "rooms", {"name": "new", "house_id": house_id}), there)
        self.changes(f"rooms/{room_id + 1}", lambda: one.ask("DELETE", f"rooms/{room_id + 1}"), gone)
        self.changes(shelf, lambda: one.ask("POST", shelf + "/widen", {"by": "2.50"}), lambda row: row["width"] == "2.50")
        self.changes(shelf, lambda: one.ask("DELETE", shelf), gone)
        self.changes(shelf, lambda: one.ask("POST", shelf + "/restore"), there)
        changed = {"id": bulk["id"], "patch": {"notes": "in bulk"}}
        self.changes(f"shelves/{bulk['id']}", lambda: one.ask("POST", "shelves/bulk", {"update": [changed]}), lambda row: row["notes"] == "in bulk")
        self.changes(f"shelves/{bulk['id']}", lambda: one.ask("POST", "shelves/bulk", {"delete": [{"id": bulk["id"]}]}), gone)
        # What a foreign key does.
        self.changes(shelf, lambda: one.ask("DELETE", f"keepers/{keeper['id']}"), lambda row: row["keeper_id"] is None)
        self.warm(self.other, shelf)
        self.changes(self.room, lambda: one.ask("DELETE", f"houses/{house_id}"), gone)
        self.wait_seen(self.other, shelf, gone)
        print(f"slowest news {slowest:.3f} s")

    def test_both_end_with_the_last_change(self):
        self.start_two(self.start_redis())
        failures, ended = [], threading.Event()

        def read(port):
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                while not ended.is_set():
                    connection.request("GET", "/api/v1/" + self.room)
                    connection.getresponse().read()
                connection.close()
            except BaseException as problem:  # told by the test's own thread
                failures.append(problem)

        readers = [threading.Thread(target=read, args=(instance.port,)) for instance in (self.one, self.other) for _ in range(2)]
        for reader in readers:
            reader.start()
        try:
            for turn in range(150):
                writer = (self.one, self.other)[turn % 2]
                writer.ask("PATCH", self.room, {"name": f"turn {turn}"})
                # A read sees what was answered before, by the same instance at once.
                self.assertEqual(writer.seen(self.room)["name"], f"turn {turn}")
                if turn % 10 == 0:
                    self.wait_seen((self.one, self.other)[1 - turn % 2], self.room, lambda row: row["name"] == f"turn {turn}")
        finally:
            ended.set()
            for reader in readers:
                reader.join()
        self.assertEqual(failures, [])
        for instance in (self.one, self.other):
            self.wait_seen(instance, self.room, lambda row: row["name"] == "turn 149")

    def test_what_changed_while_redis_was_away_is_seen_after_it(self):
        redis = self.start_redis()
        self.start_two(redis)
        for leave, come_back in ((redis.kill, redis.start_again), (redis.pause, redis.go_on)):
            with self.subTest(leave=leave.__name__):
                self.warm(self.other, self.room)
                leave()
                begun = time.monotonic()
                self.one.ask("PATCH", self.room, {"name": leave.__name__})
                self.assertLess(time.monotonic() - begun, 2, "a change waits for Redis")
                self.assertEqual(self.one.seen(self.room)["name"], leave.__name__)
                come_back()
                self.wait_seen(self.other, self.room, lambda row: row["name"] == leave.__name__, BACK)
        # Whoever changed it is not there any more to tell.
        self.warm(self.other, self.room)
        redis.kill()
        self.one.ask("PATCH", self.room, {"name": "last words"})
        self.one.process.kill()
        self.one.process.wait()
        redis.start_again()
        self.wait_seen(self.other, self.room, lambda row: row["name"] == "last words", BACK)
        # And what changes from here on is told as before.
        third = self.start(f"--cache.url={redis.url()}")
        self.warm(self.other, self.room)
        third.ask("PATCH", self.room, {"name": "after it"})
        self.wait_seen(self.other, self.room, lambda row: row["name"] == "after it")

    def test_redis_is_away_at_the_start(self):
        redis = self.start_redis()
        redis.kill()
        one, other = self.start(f"--cache.url={redis.url()}"), self.start(f"--cache.url={redis.url()}")
        room = self.make_room(one, "before")
        self.warm(other, room)
        one.ask("PATCH", room, {"name": "untold"})
        redis.start_again()
        self.wait_seen(other, room, lambda row: row["name"] == "untold", BACK)
        for instance in (one, other):
            redis.kill()
            begun = time.monotonic()
            self.assertEqual(instance.terminate(), 0, instance.log())
            self.assertLess(time.monotonic() - begun, 10)
            redis.start_again()

    def command(self, *words):
        """What a command that ends well says."""
        status, text = store_process.run_command(*words, *self.one.database.settings)
        self.assertEqual(status, 0, text)
        return text

    def import_room(self, name, *settings, more=0):
        """`import` renames the room, and makes more of them."""
        folder = tempfile.mkdtemp(prefix="warm-import-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        row = self.one.seen(self.room)
        lines = ["RoomId,Name,HouseId", f"{row['id']},{name},{row['house_id']}"]
        lines += [f"{number},other,{row['house_id']}" for number in range(10_000, 10_000 + more)]
        pathlib.Path(folder, "Room.csv").write_text("\n".join(lines) + "\n")
        return self.command("import", f"--dir={folder}", *settings)

    def test_commands_beside_the_servers_tell_them(self):
        redis = self.start_redis()
        self.start_two(redis)
        url = f"--cache.url={redis.url()}"
        named = lambda name: lambda row: row["name"] == name  # noqa: E731
        self.changes(self.room, lambda: self.import_room("one row", url), named("one row"))
        # So many that all of the table is told.
        self.changes(self.room, lambda: self.import_room("many rows", url, more=1_200), named("many rows"))
        self.assertEqual(self.room, "rooms/1")
        self.changes(self.room, lambda: self.one.ask("PATCH", self.room, {"name": "untidy"}), named("untidy"))
        self.changes(self.room, lambda: self.command("jobs", "run", "tidy_up", url), named("tidy"))
        self.wait_seen(self.one, self.room, named("tidy"))

    def test_commands_wait_for_a_redis_that_is_away_no_longer_than_they_must(self):
        redis = self.start_redis()
        self.start_two(redis)
        url = f"--cache.url={redis.url()}"
        for leave, come_back in ((redis.kill, redis.start_again), (redis.pause, redis.go_on)):
            with self.subTest(leave=leave.__name__):
                self.warm(self.other, self.room)
                leave()
                begun = time.monotonic()
                text = self.import_room(f"by {leave.__name__}", url)
                self.assertLess(time.monotonic() - begun, 12, text)
                self.assertIn("the last changes were not announced", text)
                self.assertRegex(text, r'at_most_s"?[:=]3600')
                come_back()
                # It told nobody, but whoever may have missed something forgets everything.
                self.wait_seen(self.other, self.room, lambda row: row["name"] == f"by {leave.__name__}", BACK)
        # Away for a moment only: it is told all the same.
        self.warm(self.other, self.room)
        redis.pause()
        back = threading.Timer(2, redis.go_on)
        back.start()
        text = self.import_room("late", url)
        back.join()
        self.assertNotIn("not announced", text)
        self.wait_seen(self.other, self.room, lambda row: row["name"] == "late")

    def test_a_command_without_redis_tells_nobody(self):
        redis = self.start_redis()
        self.start_two(redis)
        self.warm(self.other, self.room)
        self.import_room("untold")
        time.sleep(1)  # nothing may come
        self.assertNotEqual(self.other.seen(self.room)["name"], "untold")

    def test_without_redis_a_row_is_as_old_as_its_time_to_live(self):
        one, other = self.start(), self.start()
        room = self.make_room(one, "old")
        keeper = f"keepers/{one.ask('POST', 'keepers', {'name': 'old'})['id']}"
        self.warm(other, room)
        read_at = time.monotonic()
        other.seen(keeper)
        one.ask("PATCH", keeper, {"name": "new"})
        one.ask("PATCH", room, {"name": "new"})
        first = other.seen(keeper)["name"]
        if time.monotonic() - read_at < 1.5:
            self.assertEqual(first, "old")
        self.wait_seen(other, keeper, lambda row: row["name"] == "new", 4)
        self.assertGreater(time.monotonic() - read_at, 1.5)
        self.assertEqual(other.seen(room)["name"], "old")  # for an hour: nobody tells it


if __name__ == "__main__":
    unittest.main()
