# SPDX-License-Identifier: Apache-2.0
"""Many changes in one request: all or nothing, every bad item named, once with a key, and up to the limit."""
import unittest

from store_process import Store

PERSON = {"first_name": "Ada", "last_name": "Lovelace"}


class BulkTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.store = Store("--import.on_start=false")

    @classmethod
    def tearDownClass(cls):
        cls.store.close()

    def bulk(self, plural, body, **headers):
        return self.store.request("POST", f"/api/v1/{plural}/bulk", body,
                                  {name.replace("_", "-"): value for name, value in headers.items()})

    def rows(self, query):
        return self.store.database.rows(query)

    def customers(self, *emails):
        made = self.bulk("customers", {"create": [{**PERSON, "email": email} for email in emails]})
        self.assertEqual(made.status, 200, made)
        return made.json()["create"]

    def test_create_update_delete_in_one(self):
        first, second, third = self.customers("a@example.com", "b@example.com", "c@example.com")
        done = self.bulk("customers", {
            "delete": [{"id": first["id"], "version": 1}],
            "update": [{"id": second["id"], "version": 1, "patch": {"city": "London", "email": "b2@example.com"}},
                       {"id": third["id"], "patch": {"company": "Engines"}}],
            "create": [{**PERSON, "email": "b@example.com"}],
        })
        self.assertEqual(done.status, 200, done)
        answer = done.json()
        self.assertEqual(answer["delete"], [{"id": first["id"]}])
        self.assertEqual([(each["id"], each["version"], each["city"]) for each in answer["update"]],
                         [(second["id"], 2, "London"), (third["id"], 2, None)])
        self.assertEqual(answer["create"][0]["email"], "b@example.com", "an update before it gave the address free")
        self.assertEqual(self.store.get(f"/api/v1/customers/{first['id']}").status, 404)
        restored = self.store.request("POST", f"/api/v1/customers/{first['id']}/restore")
        self.assertEqual(restored.status, 200, "deleted softly")
        for entity in answer["update"] + answer["create"]:
            self.assertEqual(self.store.get(f"/api/v1/customers/{entity['id']}").json(), entity)

    def test_every_bad_item_is_named_and_nothing_done(self):
        customer, = self.customers("named@example.com")
        before = self.rows("SELECT count(*), sum(version) FROM customers")
        refused = self.bulk("customers", {
            "create": [{**PERSON, "email": "fresh@example.com"}, {**PERSON, "email": "no address"}, {"email": "x@example.com"},
                       {**PERSON, "email": "fresh@example.com"}, {**PERSON, "email": "rep@example.com", "support_rep_id": 999}],
            "update": [{"id": customer["id"], "version": 9, "patch": {"city": "Rome"}},
                       {"id": customer["id"], "patch": {"first_name": None, "id": 7}},
                       {"id": 999_999, "patch": {"city": "Rome"}}],
            "delete": [{"id": 999_999}, {"id": "one"}],
        })
        self.assertEqual((refused.status, refused.reason()), (400, "FIELDS_INVALID"), refused)
        self.assertEqual(set(refused.violations()), {
            "create[1].email", "create[2].first_name", "create[2].last_name", "create[3].email", "create[4].support_rep_id",
            "update[0].version", "update[1].patch.first_name", "update[2].id", "delete[0].id", "delete[1].id"})
        self.assertEqual(self.rows("SELECT count(*), sum(version) FROM customers"), before)

    def test_statuses(self):
        customer, = self.customers("status@example.com")
        taken = self.bulk("customers", {"create": [{**PERSON, "email": "status@example.com"}]})
        self.assertEqual((taken.status, taken.reason()), (409, "CUSTOMER_EMAIL_TAKEN"), taken)
        self.assertEqual(list(taken.violations()), ["create[0].email"])
        stale = self.bulk("customers", {"delete": [{"id": customer["id"], "version": 7}]})
        self.assertEqual((stale.status, stale.reason()), (412, "VERSION_MISMATCH"), stale)
        self.assertEqual(list(stale.violations()), ["delete[0].version"])
        missing = self.bulk("customers", {"delete": [{"id": 999_999}]})
        self.assertEqual((missing.status, missing.reason()), (409, "CUSTOMER_NOT_FOUND"), missing)
        self.assertEqual(self.bulk("customers", {"create": []}, If_Match='"1"').status, 400)
        self.assertEqual(self.store.get("/api/v1/customers/bulk").status, 405)

    def test_rules_of_the_entity_hold(self):
        self.bulk("media_types", {"create": [{"name": "Any"}]})
        refused = self.bulk("tracks", {"create": [
            {"name": "T", "milliseconds": 0, "unit_price": "1.234", "media_type_id": 1},
            {"name": "T" * 201, "milliseconds": 1, "unit_price": "-1", "media_type_id": 1}]})
        self.assertEqual(refused.status, 400, refused)
        self.assertEqual(set(refused.violations()), {"create[0].milliseconds", "create[0].unit_price", "create[1].name",
                                                     "create[1].unit_price"})
        no_version = self.bulk("genres", {"delete": [{"id": 1, "version": 1}]})
        self.assertIn("delete[0].version", no_version.violations(), "genres have no versions")

    def test_with_a_key_it_is_done_once(self):
        body = {"create": [{"name": f"Once {number}"} for number in range(20)]}
        answers = [self.bulk("artists", body, Idempotency_Key="bulk") for _ in range(3)]
        self.assertEqual([answer.status for answer in answers], [200] * 3, answers[0])
        self.assertEqual(len({answer.body for answer in answers}), 1)
        self.assertEqual(self.rows("SELECT count(*) FROM artists WHERE name LIKE 'Once %'"), [(20,)])
        refused = self.bulk("genres", {"create": [{"name": "Dup"}, {"name": "Dup"}]}, Idempotency_Key="refused")
        self.assertEqual(refused.status, 409, refused)
        self.assertEqual(self.rows("SELECT count(*) FROM kit_idempotency_keys WHERE key = 'refused'"), [(0,)])

    def test_the_limit_of_items(self):
        at = self.bulk("artists", {"create": [{"name": f"Limit {number}"} for number in range(1000)]})
        self.assertEqual((at.status, len(at.json()["create"])), (200, 1000), at)
        before = self.rows("SELECT count(*) FROM artists")
        past = self.bulk("artists", {"create": [{"name": "x"}] * 1000, "delete": [{"id": 1}]})
        self.assertEqual((past.status, past.reason()), (400, "FIELDS_INVALID"), past)
        self.assertEqual(self.rows("SELECT count(*) FROM artists"), before)
        large = self.bulk("artists", {"create": [{"name": "x" * 100}] * 12_000})
        self.assertEqual(large.status, 413, "the limit of bodies holds")


if __name__ == "__main__":
    unittest.main()
