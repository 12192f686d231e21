#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The store's events at the brokers of Kafka (those of the client library): as they were told, and after the brokers were away."""
import json
import os
import queue
import signal
import subprocess
import threading
import time
import unittest

from sales import Sales, check_arrival, first_of_each, until

PARTITIONS = 4


class Cluster:
    """Brokers for the length of a test, and what came to them."""

    def __init__(self):
        command = [os.environ["KAFKA_CLUSTER"], str(PARTITIONS), "store.Customer", "store.Invoice"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.messages = []
        self.answers = queue.Queue()
        self.brokers = self.process.stdout.readline().strip()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                self.messages.append(json.loads(line))
            else:
                self.answers.put(line.strip())

    def url(self):
        return self.brokers + "/"

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        if self.answers.get(timeout=30) != "ok":
            raise AssertionError(f"the brokers did not {line}")

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class OutsideKafka(unittest.TestCase):
    def setUp(self):
        self.cluster = Cluster()
        self.addCleanup(self.cluster.close)

    def start_store(self, *settings, **options):
        store = Sales(self.cluster.url(), *settings, **options)
        self.addCleanup(store.close)
        return store

    def wait_arrived(self, store, seconds=60):
        until(lambda: store.waiting() == 0, f"every event is delivered: {store.backlog()}", seconds)
        until(lambda: len(first_of_each(self.cluster.messages)) >= len(store.told), "the brokers give them out", seconds)

    def test_an_event_arrives_as_it_was_told(self):
        store = self.start_store()
        customers = [store.customer() for _ in range(3)]
        for turn in range(20):
            store.change_email(customers[turn % 3])
        store.refund(customers[1])
        self.wait_arrived(store)
        messages = list(self.cluster.messages)
        self.assertEqual(len(messages), 21)
        check_arrival(self, messages, store.told)
        self.assertEqual({message["id"] for message in messages},
                         {row[0] for row in store.rows("SELECT event_id FROM kit_outbox WHERE destination = ''")})
        # A key is in one partition, or no order could hold.
        places = {}
        for message in messages:
            places.setdefault((message["topic"], message["key"]), set()).add(message["partition"])
        self.assertTrue(all(len(place) == 1 for place in places.values()), places)
        self.assertEqual(store.metric('outbox_delivered_total{destination="outside"}'), 21)
        self.assertEqual(store.terminate(), 0, store.log())

    def test_the_brokers_are_away_at_the_start_and_later(self):
        self.cluster.say("down")
        store = self.start_store("--queue.publish_limit=2s", "--events.lag_alarm=1s")
        customers = [store.customer() for _ in range(2)]
        for turn in range(6):
            started = time.monotonic()
            store.change_email(customers[turn % 2])
            self.assertLess(time.monotonic() - started, 5)
        self.assertEqual(store.waiting(), 6)
        until(lambda: store.backlog()["waiting"] == 6 and store.backlog()["alarm"], "the backlog is told on the admin port")
        until(lambda: store.metric('outbox_failures_total{destination="outside"}') > 0, "a try that failed is counted")
        self.cluster.say("up")
        self.wait_arrived(store)
        self.cluster.say("down")
        for turn in range(6):
            store.change_email(customers[turn % 2])
        store.refund(customers[0])
        until(lambda: store.backlog()["waiting"] == 7, "what waits is counted")
        self.cluster.say("up")
        self.wait_arrived(store)
        check_arrival(self, list(self.cluster.messages), store.told)
        self.assertEqual(store.metric("outbox_dead_letters"), 0)

    def test_the_end_does_not_wait_for_brokers_that_are_away(self):
        store = self.start_store("--app.drain_timeout=2s")
        customer = store.customer()
        store.change_email(customer)
        self.wait_arrived(store)
        self.cluster.say("down")
        for _ in range(3):
            store.change_email(customer)
        started = time.monotonic()
        store.process.send_signal(signal.SIGTERM)
        self.assertEqual(store.process.wait(60), 0, store.log())
        took = time.monotonic() - started
        self.assertLess(took, 2 + 3, store.log()[-3000:])
        self.assertEqual(store.waiting(), 3)
        self.cluster.say("up")
        later = self.start_store(folder=store.folder)
        later.told = store.told
        self.wait_arrived(later)
        check_arrival(self, list(self.cluster.messages), store.told)
        later.close()


if __name__ == "__main__":
    unittest.main()
