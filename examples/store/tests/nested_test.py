# SPDX-License-Identifier: Apache-2.0
"""An invoice is created with its lines, all or nothing."""
import unittest

from store_process import Store

INVOICE = {"invoice_date": "2024-01-31T00:00:00Z", "total": "3.50", "customer_id": 1}
LINE = {"unit_price": "0.99", "quantity": 2, "track_id": 1}


class NestedTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.store = Store("--import.on_start=true")

    @classmethod
    def tearDownClass(cls):
        cls.store.close()

    def post(self, lines, **more):
        return self.store.request("POST", "/api/v1/invoices", {**INVOICE, "lines": lines, **more})

    def counts(self):
        return self.store.database.rows("SELECT (SELECT count(*) FROM invoices), (SELECT count(*) FROM invoice_lines)")[0]

    def test_an_invoice_with_its_lines(self):
        invoices, lines = self.counts()
        made = self.post([LINE, {**LINE, "track_id": 2, "quantity": 1}])
        self.assertEqual(made.status, 201, made)
        invoice = made.json()
        self.assertEqual(made.headers["location"], f"/api/v1/invoices/{invoice['id']}")
        self.assertEqual([(line["track_id"], line["quantity"], line["invoice_id"]) for line in invoice["lines"]],
                         [(1, 2, invoice["id"]), (2, 1, invoice["id"])])
        self.assertEqual(self.counts(), (invoices + 1, lines + 2))
        listed = self.store.get(made.headers["location"] + "/lines").json()["items"]
        self.assertEqual(listed, invoice["lines"])
        read = self.store.get(made.headers["location"])
        self.assertEqual(read.headers["etag"], made.headers["etag"])
        self.assertEqual({**read.json(), "lines": listed}, invoice)

    def test_without_lines(self):
        for body in (INVOICE, {**INVOICE, "lines": []}):
            made = self.store.request("POST", "/api/v1/invoices", body)
            self.assertEqual((made.status, made.json()["lines"]), (201, []), made)

    def test_everything_wrong_is_told_at_once(self):
        before = self.counts()
        refused = self.post([{**LINE, "quantity": 0}, LINE, {"quantity": "x", "invoice_id": 1, "trak_id": 3}, 7], total="-1")
        self.assertEqual((refused.status, refused.reason()), (400, "FIELDS_INVALID"), refused)
        self.assertEqual(set(refused.violations()), {"total", "lines[0].quantity", "lines[2].quantity", "lines[2].invoice_id",
                                                     "lines[2].trak_id", "lines[2].unit_price", "lines[2].track_id", "lines[3]"})
        self.assertIn("implied", refused.violations()["lines[2].invoice_id"])
        for lines in ({}, None, "x"):
            self.assertEqual(self.post(lines).violations(), {"lines": "must be an array"})
        self.assertEqual(self.counts(), before)

    def test_a_line_that_can_not_be_stored_undoes_the_invoice(self):
        before = self.counts()
        refused = self.post([LINE, {**LINE, "track_id": 999_999}, {**LINE, "track_id": 999_998}])
        self.assertEqual((refused.status, refused.reason()), (409, "INVOICE_LINE_TRACK_NOT_FOUND"), refused)
        self.assertEqual(list(refused.violations()), ["lines[1].track_id", "lines[2].track_id"])
        self.assertEqual(self.counts(), before)
        refused = self.post([LINE], customer_id=999_999)
        self.assertEqual(list(refused.violations()), ["customer_id"])
        self.assertEqual(self.counts(), before)

    def test_the_limit(self):
        at = self.post([LINE] * 100)
        self.assertEqual((at.status, len(at.json()["lines"])), (201, 100), at)
        before = self.counts()
        past = self.post([LINE] * 101)
        self.assertEqual((past.status, past.violations()), (400, {"lines": "must have at most 100 items"}), past)
        self.assertEqual(self.counts(), before)

    def test_only_post_takes_them(self):
        made = self.post([]).json()
        url = f"/api/v1/invoices/{made['id']}"
        for method, body in (("PUT", {**INVOICE, "lines": []}), ("PATCH", {"lines": [LINE]})):
            refused = self.store.request(method, url, body)
            self.assertEqual((refused.status, list(refused.violations())), (400, ["lines"]), refused)
        bulk = self.store.request("POST", "/api/v1/invoices/bulk", {"create": [{**INVOICE, "lines": [LINE]}]})
        self.assertEqual(list(bulk.violations()), ["create[0].lines"], bulk)

    def test_with_a_key(self):
        invoices, lines = self.counts()
        body = {**INVOICE, "lines": [LINE, LINE]}
        answers = [self.store.request("POST", "/api/v1/invoices", body, {"Idempotency-Key": "nested"}) for _ in range(3)]
        self.assertEqual([answer.status for answer in answers], [201] * 3)
        self.assertEqual(len({answer.body for answer in answers}), 1)
        self.assertEqual(self.counts(), (invoices + 1, lines + 2))


if __name__ == "__main__":
    unittest.main()
