# SPDX-License-Identifier: Apache-2.0
"""The store and its changes that others are told of, for the tests here."""
import http.client
import json
import pathlib
import sqlite3
import sys
import time
import uuid

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "redis"), str(HERE.parent / "adopt"), str(HERE.parents[1] / "examples/store/tests")]
import servers  # noqa: E402
from store_process import Store  # noqa: E402


def until(condition, what, seconds=30):
    """Polls until `condition()` yields something that counts, and yields it."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)  # polls
    return found


class Sales(Store):
    """A store whose events go to a queue."""

    def __init__(self, queue_url, *settings, **options):
        self.admin = servers.free_port()
        # Fewer tries than an outage has: a broker that is away must not make a dead letter.
        super().__init__(f"--queue.url={queue_url}", f"--admin.port={self.admin}", "--import.on_start=false", "--events.max_attempts=2", *settings,
                         **options)
        self.told = []  # (type, key, payload) of what was answered with success, in order

    def rows(self, sql):
        with sqlite3.connect(self.database.path, timeout=30) as opened:
            return opened.execute(sql).fetchall()

    def waiting(self):
        return self.rows("SELECT count(*) FROM kit_outbox WHERE state <> 1 AND destination = ''")[0][0]

    def ask(self, method, path, body=None, **headers):
        answer = self.request(method, path, body, headers)
        if answer.status not in (200, 201):
            raise AssertionError(f"{method} {path}: {answer}")
        return answer.json()

    def customer(self):
        return self.ask("POST", "/api/v1/customers", {"first_name": "Ada", "last_name": "Brandt", "email": f"{uuid.uuid4().hex}@example.com"})

    def change_email(self, customer, email=None):
        """`customer` as it is now; it is changed."""
        old, new = customer["email"], email or f"{uuid.uuid4().hex}@example.com"
        self.ask("POST", f"/api/v1/customers/{customer['id']}/change_email", {"email": new})
        customer["email"] = new
        self.told.append(("CustomerEmailChanged", str(customer["id"]), {"customer_id": customer["id"], "old_email": old, "new_email": new}))

    def refund(self, customer, total="12.30"):
        invoice = self.ask("POST", "/api/v1/invoices", {"invoice_date": "2024-01-31T00:00:00Z", "total": total, "customer_id": customer["id"]})
        self.ask("POST", f"/api/v1/invoices/{invoice['id']}/refund")
        self.told.append(("InvoiceRefunded", str(invoice["id"]), {"invoice_id": invoice["id"], "customer_id": customer["id"], "total": total}))

    def admin_get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status != 200:
            raise AssertionError(f"{path}: {answer.status} {text}")
        return text

    def metric(self, name):
        """A figure of /metrics; 0 for one that is not there."""
        values = [line.rsplit(" ", 1)[1] for line in self.admin_get("/metrics").splitlines() if line.startswith(name + " ")]
        return float(values[0]) if values else 0.0

    def backlog(self):
        return json.loads(self.admin_get("/events"))


def first_of_each(messages):
    """Each message the first time it came: brokers give some of them again."""
    found = {}
    for message in messages:
        found.setdefault(message["id"], message)
    return list(found.values())


def check_arrival(test, messages, told):
    """Everything that was told of has come, nothing else, and of each key in its order."""
    def by_key(events):
        keys = {}
        for kind, key, payload in events:
            keys.setdefault((kind, key), []).append(payload)
        return keys
    came = [(message["type"], message["key"], json.loads(message["payload"])) for message in first_of_each(messages)]
    test.assertEqual(by_key(came), by_key(told))
    for message in messages:
        uuid.UUID(message["id"])
        topic = {"CustomerEmailChanged": "store.Customer", "InvoiceRefunded": "store.Invoice"}[message["type"]]
        test.assertEqual(message["topic"], topic)
