# SPDX-License-Identifier: Apache-2.0
"""An event that cannot be delivered: it is seen, holds up what comes behind it, and is retried or dropped by a person."""
import http.client
import json
import re
import socket
import subprocess
import time
import unittest

from store_process import BINARY, EXAMPLE, Store


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class EventsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.admin = free_port()
        cls.store = Store(f"--admin.port={cls.admin}", "--import.on_start=false", "--events.max_attempts=1")
        cls.addClassCleanup(cls.store.close)

    def sql(self, statement, *values):
        return self.store.database.rows(statement, *values)

    def add(self, payload):
        self.sql("INSERT INTO kit_outbox (type, payload, created_at, destination, aggregate, aggregate_id) "
                 f"VALUES ('InvoiceRefunded', ?, {self.store.database.epoch}, 'tell_support_rep', 'Invoice', '7')", payload)

    def admin_get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=30)
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        self.assertEqual(answer.status, 200, text)
        return text

    def command(self, *words):
        done = subprocess.run([BINARY, "events", *words, *self.store.database.settings], cwd=EXAMPLE, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def until(self, states):
        """Waits for the states of the rows, in their order."""
        end = time.monotonic() + 30
        while (found := [row[0] for row in self.sql("SELECT state FROM kit_outbox ORDER BY id")]) != states:
            self.assertLess(time.monotonic(), end, found)
            time.sleep(0.05)  # polls

    def test_a_dead_letter_waits_for_a_person(self):
        self.assertEqual(self.command("dead"), (0, "no dead letters\n"))
        self.add("no JSON")
        self.until([2])
        self.add('{"invoice_id": 7, "customer_id": 8, "total": "1.00"}')
        (letter,) = json.loads(self.admin_get("/events/dead"))
        self.assertEqual((letter["destination"], letter["key"], letter["attempts"]), ("tell_support_rep", "7", 1))
        self.assertIn("EVENT_PAYLOAD", letter["problem"])
        self.assertIn('outbox_dead_total{destination="tell_support_rep"} 1', self.admin_get("/metrics"))
        code, text = self.command("dead")
        self.assertEqual(code, 0, text)
        self.assertRegex(text, rf"^{letter['number']}  \S+  InvoiceRefunded of Invoice 7, for tell_support_rep, 1 try, behind it: 1")
        self.assertRegex(self.command("status")[1], r"^events that wait: 1, the oldest for \d+ s\ndead letters: 1 ")
        self.assertEqual(json.loads(self.admin_get("/events")).keys(), {"waiting", "dead_letters", "oldest", "alarm"})
        # Retried in vain, then dropped: what waits behind it is tried, and fails for a reason of its own.
        self.assertEqual(self.command("retry", "all"), (0, "tried again: 1\n"))
        self.until([2, 0])
        self.assertEqual(self.command("drop", str(letter["number"])), (0, f"dropped {letter['number']}\n"))
        self.until([3, 2])
        self.assertIn("CUSTOMER", json.loads(self.admin_get("/events/dead"))[0]["problem"])
        for words in (["drop"], ["drop", "x"], ["retry", "99"], ["burn"]):
            code, text = self.command(*words)
            self.assertNotEqual(code, 0, text)
            self.assertTrue(re.search(r"dead letter|did you mean|not 'burn'", text), text)


if __name__ == "__main__":
    unittest.main()
