#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The store's events in the streams of a real Redis: as they were told, and after the Redis was away at any time."""
import json
import signal
import threading
import time
import unittest

from sales import Sales, check_arrival, until
import redis_servers

PARTITIONS = 8
DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


class OutsideRedis(unittest.TestCase):
    def start_redis(self, **options):
        redis = redis_servers.Redis(*DURABLE, **options)
        self.addCleanup(redis.__exit__, None, None, None)
        return redis.__enter__()

    def start_store(self, redis, *settings, **options):
        store = Sales(redis.url(), *settings, **options)
        self.addCleanup(store.close)
        return store

    def messages(self, redis):
        """All entries of the two topics, each stream in its order."""
        found = []
        for topic in ("store.Customer", "store.Invoice"):
            for partition in range(PARTITIONS):
                entries = json.loads(redis.cli("--json", "XRANGE", f"kit:queue:{{{topic}:{partition}}}", "-", "+"))
                for _, words in entries:
                    found.append({**dict(zip(words[::2], words[1::2])), "topic": topic, "partition": partition})
        return found

    def wait_delivered(self, store, seconds=30):
        until(lambda: store.waiting() == 0, f"every event is delivered: {store.backlog()}", seconds)

    def test_an_event_arrives_as_it_was_told(self):
        redis = self.start_redis(password=redis_servers.PASSWORD)
        store = self.start_store(redis)
        before = time.time()
        customers = [store.customer() for _ in range(3)]
        for turn in range(20):
            store.change_email(customers[turn % 3])
        store.change_email(customers[0], "z\u00f6e+tag@example.com")
        store.refund(customers[1])
        self.wait_delivered(store, 5)
        messages = self.messages(redis)
        self.assertEqual(len(messages), 22)
        check_arrival(self, messages, store.told)
        # Those outside have the id that the store knows it by.
        self.assertEqual({message["id"] for message in messages},
                         {row[0] for row in store.rows("SELECT event_id FROM kit_outbox WHERE destination = ''")})
        for message in messages:
            told_at = time.mktime(time.strptime(message["created_at"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
            self.assertTrue(before - 1 <= told_at <= time.time() + 1, message)
            self.assertIn("h:request_id", message)
        self.assertEqual({message["key"]: message["partition"] for message in messages if message["topic"] == "store.Customer"}.keys(),
                         {str(customer["id"]) for customer in customers})
        self.assertEqual(store.metric('outbox_delivered_total{destination="outside"}'), 22)
        self.assertNotIn(redis_servers.PASSWORD, store.log())
        self.assertNotIn(redis_servers.URL_PASSWORD, store.log())
        self.assertEqual(store.terminate(), 0, store.log())

    def test_redis_is_away_at_the_start(self):
        redis = self.start_redis()
        redis.kill()
        store = self.start_store(redis, "--events.lag_alarm=1s")
        customer = store.customer()
        for _ in range(5):
            started = time.monotonic()
            store.change_email(customer)
            self.assertLess(time.monotonic() - started, 5)
        store.refund(customer)
        self.assertEqual(store.waiting(), 6)
        # Subscribers within the store don't wait for it.
        until(lambda: store.rows("SELECT state FROM kit_outbox WHERE destination = 'tell_support_rep'") == [(1,)], "the subscriber was told")
        until(lambda: store.backlog()["waiting"] == 6 and store.backlog()["alarm"], "the backlog is told on the admin port")
        self.assertEqual(store.backlog()["dead_letters"], 0)
        until(lambda: store.metric("outbox_waiting") == 6 and store.metric("outbox_alarm") == 1, "and in the metrics")
        self.assertGreater(store.metric('outbox_failures_total{destination="outside"}'), 0)
        self.assertIn("events can't be published now", store.log())
        redis.start_again()
        self.wait_delivered(store)
        check_arrival(self, self.messages(redis), store.told)
        until(lambda: store.metric("outbox_waiting") == 0 and store.metric("outbox_alarm") == 0, "the alarm has ended")
        self.assertEqual(store.metric("outbox_dead_letters"), 0)

    def test_redis_goes_away_under_a_load(self):
        redis = self.start_redis()
        store = self.start_store(redis)
        customers = [store.customer() for _ in range(4)]
        ended = threading.Event()
        slowest = 0.0

        def load():
            nonlocal slowest
            turn = 0
            while not ended.is_set():
                started = time.monotonic()
                store.change_email(customers[turn % len(customers)])
                slowest = max(slowest, time.monotonic() - started)
                turn += 1

        failure = []

        def guarded():
            try:
                load()
            except BaseException as problem:  # told by the test's own thread
                failure.append(problem)

        loading = threading.Thread(target=guarded)
        loading.start()
        try:
            for leave, come_back in ((redis.kill, redis.start_again), (redis.pause, redis.go_on), (redis.kill, redis.start_again)):
                until(lambda: len(store.told) > 5 and store.waiting() < 5, "events are delivered under the load")
                leave()
                seen = len(store.told)
                until(lambda: len(store.told) > seen + 20 or failure, "requests go on without Redis")
                time.sleep(0.5)
                come_back()
                until(lambda: store.waiting() < 20 or failure, "what waited is delivered")
        finally:
            ended.set()
            loading.join()
        self.assertEqual(failure, [])
        self.wait_delivered(store)
        messages = self.messages(redis)
        check_arrival(self, messages, store.told)
        self.assertEqual(store.metric("outbox_dead_letters"), 0)
        self.assertLess(slowest, 10)
        print(f"{len(store.told)} events through 3 outages, {len(messages) - len(store.told)} of them twice, slowest request {slowest:.2f} s")

    def test_the_end_does_not_wait_for_a_redis_that_is_away(self):
        redis = self.start_redis()
        for leave, come_back in ((redis.kill, redis.start_again), (redis.pause, redis.go_on)):
            with self.subTest(leave=leave.__name__):
                store = self.start_store(redis, "--app.drain_timeout=2s")
                customer = store.customer()
                store.change_email(customer)
                self.wait_delivered(store)
                leave()
                for _ in range(3):
                    store.change_email(customer)
                started = time.monotonic()
                store.process.send_signal(signal.SIGTERM)
                self.assertEqual(store.process.wait(20), 0, store.log())
                self.assertLess(time.monotonic() - started, 2 + 2)
                self.assertEqual(store.waiting(), 3)
                come_back()
                # The next start delivers what was left.
                later = self.start_store(redis, folder=store.folder)
                self.wait_delivered(later)
                keys = [(m["type"], m["key"], json.loads(m["payload"])) for m in self.messages(redis) if m["key"] == str(customer["id"])]
                self.assertEqual(list(dict.fromkeys(map(str, keys))), list(map(str, store.told)))
                later.close()
                store.close()
                redis.cli("FLUSHALL")

    def test_two_stores_share_the_work(self):
        redis = self.start_redis()
        store = self.start_store(redis)
        self.start_store(redis, folder=store.folder)
        customers = [store.customer() for _ in range(3)]
        for turn in range(60):
            store.change_email(customers[turn % 3])
        self.wait_delivered(store)
        messages = self.messages(redis)
        check_arrival(self, messages, store.told)
        self.assertEqual(len(messages), 60)


if __name__ == "__main__":
    unittest.main()
