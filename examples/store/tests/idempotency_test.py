# SPDX-License-Identifier: Apache-2.0
"""Requests with an Idempotency-Key take effect once: repeated, at the same time, and when the server is killed meanwhile."""
import http.client
import json
import os
import shutil
import signal
import tempfile
import threading
import time
import unittest

from store_process import Store

KILLS = 50
CREATE = {"first_name": "Ada", "last_name": "Lovelace"}


class IdempotencyTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.store = Store("--import.on_start=false", "--api.idempotency_answer=400B")

    @classmethod
    def tearDownClass(cls):
        cls.store.close()

    def post(self, path, body, key, **headers):
        return self.store.request("POST", path, body, {"Idempotency-Key": key, **headers})

    def count(self, table="artists"):
        return self.store.database.rows(f"SELECT count(*) FROM {table}")[0][0]

    def test_a_repeat_gets_the_same_answer(self):
        before = self.count()
        first = self.post("/api/v1/artists", {"name": "Once"}, "once-1")
        self.assertEqual(first.status, 201, first)
        self.assertNotIn("idempotency-replayed", first.headers)
        for key in ("once-1", '"once-1"'):
            again = self.post("/api/v1/artists", {"name": "Once"}, key)
            self.assertEqual((again.status, again.body), (201, first.body))
            for header in ("location", "etag", "content-type"):
                self.assertEqual(again.headers[header], first.headers[header])
            self.assertEqual(again.headers["idempotency-replayed"], "true")
        self.assertEqual(self.count(), before + 1)
        self.store.request("PATCH", first.headers["location"], {"name": "Changed since"})
        self.assertEqual(self.post("/api/v1/artists", {"name": "Once"}, "once-1").body, first.body)

    def test_a_key_is_for_one_request(self):
        self.assertEqual(self.post("/api/v1/artists", {"name": "Mine"}, "mine").status, 201)
        for path, body in (("/api/v1/artists", {"name": "Other"}), ("/api/v1/genres", {"name": "Mine"})):
            other = self.post(path, body, "mine")
            self.assertEqual((other.status, other.reason()), (422, "IDEMPOTENCY_KEY_REUSED"), other)

    def test_bad_keys(self):
        for key in ("", '""', "a b", "k" * 256, '"open'):
            bad = self.post("/api/v1/artists", {"name": "Bad"}, key)
            self.assertEqual((bad.status, bad.reason()), (400, "IDEMPOTENCY_KEY_INVALID"), key)
        self.assertEqual(self.post("/api/v1/artists", {"name": "Longest"}, "k" * 255).status, 201)

    def test_failures_are_not_stored(self):
        self.assertEqual(self.post("/api/v1/genres", {"name": "Taken"}, "first").status, 201)
        for _ in range(2):
            self.assertEqual(self.post("/api/v1/genres", {"name": "Taken"}, "second").status, 409)
            self.assertEqual(self.post("/api/v1/genres", {"nam": "x"}, "second").status, 400)
        self.assertEqual(self.post("/api/v1/genres", {"name": "Free"}, "second").status, 201)

    def test_actions_and_patches(self):
        made = self.post("/api/v1/customers", {**CREATE, "email": "ada@example.com"}, "customer").json()
        url = f"/api/v1/customers/{made['id']}"
        events = self.count("kit_outbox")
        for number in range(3):
            changed = self.post(url + "/change_email", {"email": "lovelace@example.com"}, "change")
            self.assertEqual((changed.status, changed.headers["etag"]), (200, '"2"'), changed)
            self.assertEqual("idempotency-replayed" in changed.headers, number > 0)
        self.assertEqual(self.count("kit_outbox"), events + 1)
        for _ in range(3):
            patched = self.store.request("PATCH", url, {"city": "London"}, {"If-Match": '"2"', "Idempotency-Key": "patch"})
            self.assertEqual((patched.status, patched.headers["etag"]), (200, '"3"'), patched)

    def test_an_answer_past_the_limit_comes_back_without_its_body(self):
        body = {"name": "L" * 119, "milliseconds": 1, "unit_price": "1.00", "composer": "C" * 220, "media_type_id": 1}
        self.store.request("POST", "/api/v1/media_types", {"name": "Any"})
        first = self.post("/api/v1/tracks", body, "large")
        self.assertEqual(first.status, 201, first)
        self.assertGreater(len(first.body), 400)
        again = self.post("/api/v1/tracks", body, "large")
        self.assertEqual((again.status, again.body, again.headers["location"]), (201, b"", first.headers["location"]))

    def test_at_the_same_time(self):
        before = self.count()
        answers = []

        def send():
            connection = http.client.HTTPConnection("127.0.0.1", self.store.port, timeout=60)
            connection.request("POST", "/api/v1/artists", json.dumps({"name": "Race"}),
                               {"Content-Type": "application/json", "Idempotency-Key": "race"})
            answer = connection.getresponse()
            answers.append((answer.status, answer.read(), answer.headers["Idempotency-Replayed"]))
            connection.close()

        threads = [threading.Thread(target=send) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual({(status, body) for status, body, _ in answers}, {answers[0][:2]}, answers)
        self.assertEqual(answers[0][0], 201)
        self.assertEqual(sum(replayed is None for _, _, replayed in answers), 1, answers)
        self.assertEqual(self.count(), before + 1)


class ExpiryTest(unittest.TestCase):
    def test_keys_expire(self):
        with Store("--import.on_start=false", "--api.idempotency_keep=1s") as store:
            headers = {"Idempotency-Key": "short"}
            self.assertEqual(store.request("POST", "/api/v1/artists", {"name": "A"}, headers).status, 201)
            end = time.monotonic() + 30
            while True:
                again = store.request("POST", "/api/v1/artists", {"name": "A"}, headers)
                self.assertEqual(again.status, 201)
                if "idempotency-replayed" not in again.headers:
                    break
                self.assertLess(time.monotonic(), end)
                time.sleep(0.1)


class KillTest(unittest.TestCase):
    """Clients repeat a request until it is answered, as clients do; the server is killed again and again."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="store-kill-")
        self.port = None
        self.stop = False
        self.answers = {}
        self.retries = 0
        self.lock = threading.Lock()

    def tearDown(self):
        shutil.rmtree(self.folder)

    def send_until_answered(self, name):
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                connection.request("POST", "/api/v1/artists", json.dumps({"name": name}),
                                   {"Content-Type": "application/json", "Idempotency-Key": name})
                answer = connection.getresponse()
                body = answer.read()
                connection.close()
                if answer.status == 201:
                    return json.loads(body)["id"], answer.headers["Idempotency-Replayed"] == "true"
                if answer.status < 500:
                    raise AssertionError((answer.status, body))
            except (http.client.HTTPException, OSError):
                connection.close()
                time.sleep(0.005)
            with self.lock:
                self.retries += 1

    def client(self, number):
        sent = 0
        while not self.stop:
            name = f"client-{number}-{sent}"
            made, replayed = self.send_until_answered(name)
            with self.lock:
                self.answers[name] = (made, replayed)
            sent += 1

    def test_exactly_once_through_kills(self):
        store = Store("--import.on_start=false", folder=self.folder)
        self.port = store.port
        threads = [threading.Thread(target=self.client, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for kill in range(KILLS):
            time.sleep(0.02 + 0.004 * (kill % 10))
            os.kill(store.process.pid, signal.SIGKILL)
            store.process.wait()
            store.close()
            store = Store("--import.on_start=false", folder=self.folder)
            self.port = store.port
        self.stop = True
        for thread in threads:
            thread.join()
        stored = store.database.rows("SELECT name, id FROM artists")
        store.close()
        self.assertEqual(sorted(stored), sorted((name, made) for name, (made, _) in self.answers.items()),
                         "each request exists once, with the id that its client was told")
        replayed = sum(again for _, again in self.answers.values())
        print(f"{KILLS} kills, {len(stored)} requests, {self.retries} repeats, {replayed} answered from the table")
        self.assertGreater(len(stored), KILLS)
        self.assertGreater(self.retries, KILLS)


if __name__ == "__main__":
    unittest.main()
