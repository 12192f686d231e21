# SPDX-License-Identifier: Apache-2.0
"""Create, read, change and remove every entity; the two actions with their rules and events."""
import time
import unittest

from store_process import Store

PERSON = {"first_name": "Ada", "last_name": "Lovelace"}
# Entity: (a body that makes one, a patch that changes it)
BODIES = {
    "genres": ({"name": "Test genre"}, {"name": "Other genre"}),
    "media_types": ({"name": "Wax cylinder"}, {"name": "Shellac"}),
    "artists": ({"name": "Ada and the Engines"}, {"name": "The Engines"}),
    "albums": ({"title": "Notes", "artist_id": 1}, {"title": "Note G", "artist_id": 2}),
    "tracks": ({"name": "Loop", "milliseconds": 1000, "unit_price": "1.25", "media_type_id": 1, "album_id": 1},
               {"unit_price": "0.00", "album_id": None, "composer": "A. Lovelace"}),
    "playlists": ({"name": "Working music"}, {"name": "Resting music"}),
    "employees": ({**PERSON, "email": "ada@example.com", "hire_date": "2020-02-29T12:00:00Z", "reports_to_id": 1},
                  {"title": "Analyst", "reports_to_id": None}),
    "customers": ({**PERSON, "email": "ada.customer@example.com", "country": "UK"}, {"city": "London"}),
    "invoices": ({"invoice_date": "2024-01-31T00:00:00Z", "total": "3.50", "customer_id": 1}, {"billing_city": "Oslo"}),
    "invoice_lines": ({"unit_price": "0.99", "quantity": 2, "invoice_id": 1, "track_id": 1}, {"quantity": 3}),
}


class CrudTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.store = Store()

    @classmethod
    def tearDownClass(cls):
        cls.store.close()

    def make(self, plural, **changes):
        answer = self.store.request("POST", f"/api/v1/{plural}", {**BODIES[plural][0], **changes})
        self.assertEqual(answer.status, 201, answer)
        return answer

    def assert_has(self, entity, expected):
        for field, value in expected.items():
            got = entity[field]
            if field.endswith("_date"):
                got = got.replace(".000000Z", "Z")
            self.assertEqual(got, value, field)

    def test_every_entity(self):
        paths = [entity["path"] for entity in self.store.get("/start.json").json()["entities"]]
        self.assertEqual(sorted(paths), sorted(f"/api/v1/{plural}" for plural in BODIES))
        for plural, (body, patch) in BODIES.items():
            with self.subTest(plural):
                made = self.make(plural)
                entity = made.json()
                url = f"/api/v1/{plural}/{entity['id']}"
                self.assertEqual(made.headers["location"], url)
                self.assert_has(entity, body)
                read = self.store.get(url)
                entity.pop("lines", None)  # what was created with an invoice, which here is nothing
                self.assertEqual(read.json(), entity)
                tag = read.headers["etag"]
                self.assertEqual(made.headers["etag"], tag)
                self.assertEqual(self.store.get(url, If_None_Match=tag).status, 304)

                patched = self.store.request("PATCH", url, patch, {"Content-Type": "application/merge-patch+json"})
                self.assertEqual(patched.status, 200, patched)
                self.assert_has(patched.json(), {**body, **patch})
                self.assertNotEqual(patched.headers["etag"], tag)
                self.assertEqual(self.store.get(url, If_None_Match=tag).status, 200)

                put = self.store.request("PUT", url, body)
                self.assertEqual(put.status, 200, put)
                self.assert_has(put.json(), body)
                self.assertEqual(self.store.get(url).json(), put.json())

                self.assertEqual(self.store.request("DELETE", url).status, 204)
                self.assertEqual(self.store.get(url).status, 404)
                self.assertEqual(self.store.request("DELETE", url).status, 404)

    def test_stale_versions_are_refused(self):
        entity = self.make("artists").json()
        url = f"/api/v1/artists/{entity['id']}"
        tag = self.store.get(url).headers["etag"]
        self.assertEqual(self.store.request("PATCH", url, {"name": "New"}, {"If-Match": tag}).status, 200)
        for method, body in (("PATCH", {"name": "Newer"}), ("PUT", {"name": "Newer"}), ("DELETE", None)):
            stale = self.store.request(method, url, body, {"If-Match": tag})
            self.assertEqual((stale.status, stale.reason()), (412, "VERSION_MISMATCH"), method)
        self.assertEqual(self.store.get(url).json()["name"], "New")

    def test_conditions_on_what_is_known(self):
        for plural, change in (("artists", {"name": "Known"}), ("genres", {"name": "Known"})):  # with and without versions
            url = f"/api/v1/{plural}/{self.make(plural, name='Conditional').json()['id']}"
            tag = self.store.get(url).headers["etag"]
            for method, body in (("PATCH", change), ("PUT", change), ("DELETE", None)):
                for known in ("*", tag, '"x", ' + tag):
                    refused = self.store.request(method, url, body, {"If-None-Match": known})
                    self.assertEqual((refused.status, refused.reason()), (412, "VERSION_KNOWN"), (method, known))
            self.assertEqual(self.store.get(url).headers["etag"], tag, "nothing was changed")
            self.assertEqual(self.store.get(url, If_Match="*").status, 200)
            self.assertEqual(self.store.get(url, If_Match='"77"').status, 412)
            self.assertEqual(self.store.get(url, If_Match="77").status, 400)
            self.assertEqual(self.store.request("PATCH", url, change, {"If-None-Match": '"77"'}).status, 200)
            self.assertEqual(self.store.request("DELETE", url, None, {"If-None-Match": '"77"'}).status, 204)
            for method, body in (("PATCH", change), ("DELETE", None)):
                self.assertEqual(self.store.request(method, url, body, {"If-None-Match": "*"}).status, 404)
        current = self.store.get("/api/v1/artists/1")
        self.assertEqual(self.store.get("/api/v1/artists/1", If_Match=current.headers["etag"]).json(), current.json())

    def test_a_stale_version_is_not_restored(self):
        url = f"/api/v1/customers/{self.make('customers', email='twice.gone@example.com').json()['id']}"
        self.assertEqual(self.store.request("DELETE", url, headers={"If-Match": '"1"'}).status, 204)
        stale = self.store.request("POST", url + "/restore", headers={"If-Match": '"1"'})
        self.assertEqual((stale.status, stale.reason()), (412, "VERSION_MISMATCH"), stale)
        self.assertEqual(self.store.get(url).status, 404)
        restored = self.store.request("POST", url + "/restore", headers={"If-Match": '"2"'})
        self.assertEqual((restored.status, restored.headers["etag"]), (200, '"3"'), restored)

    def test_conditions_that_are_not_checked_are_refused(self):
        playlist = self.make("playlists").json()["id"]
        for header, value in (("If-Match", '"1"'), ("If-None-Match", "*"), ("If-Unmodified-Since", "Sat, 29 Oct 1994 19:43:31 GMT")):
            for method, path, body in (("PUT", f"/api/v1/playlists/{playlist}/tracks/1", None),
                                       ("DELETE", f"/api/v1/playlists/{playlist}/tracks/1", None)):
                refused = self.store.request(method, path, body, {header: value})
                self.assertEqual((refused.status, refused.reason()), (400, "PRECONDITION_NOT_SUPPORTED"), (method, path, refused))
                self.assertIn(header, refused.json()["message"])
        self.assertEqual(self.store.get(f"/api/v1/playlists/{playlist}/tracks").json()["items"], [])

    def test_soft_delete_and_restore(self):
        entity = self.make("customers", email="gone@example.com").json()
        url = f"/api/v1/customers/{entity['id']}"
        total = self.store.get("/api/v1/customers?limit=1&total=true").json()["total"]
        self.assertEqual(self.store.request("DELETE", url).status, 204)
        self.assertEqual(self.store.get(url).status, 404)
        self.assertEqual(self.store.get("/api/v1/customers?limit=1&total=true").json()["total"], total - 1)
        restored = self.store.request("POST", url + "/restore")
        self.assertEqual(restored.status, 200, restored)
        self.assertEqual(self.store.get(url).json()["email"], "gone@example.com")

    def test_nothing_new_refers_to_a_deleted_row(self):
        customer = self.make("customers", email="leaves@example.com").json()["id"]
        kept = self.make("invoices", customer_id=customer).json()["id"]
        other = self.make("invoices").json()["id"]
        self.assertEqual(self.store.request("DELETE", f"/api/v1/customers/{customer}").status, 204)
        body = {**BODIES["invoices"][0], "customer_id": customer}
        for method, url in (("POST", "/api/v1/invoices"), ("PUT", f"/api/v1/invoices/{other}")):
            refused = self.store.request(method, url, body)
            self.assertEqual((refused.status, refused.reason()), (409, "INVOICE_CUSTOMER_NOT_FOUND"), refused)
            self.assertIn("customer_id", refused.violations())
        # What referred to it before still does and can be changed; who it was is no more shown than by its own path.
        changed = self.store.request("PATCH", f"/api/v1/invoices/{kept}", {"billing_city": "Bergen"})
        self.assertEqual((changed.status, changed.json()["customer_id"]), (200, customer), changed)
        self.assertIsNone(self.store.get(f"/api/v1/invoices/{kept}?expand=customer").json()["customer"])
        self.assertEqual(self.store.get(f"/api/v1/customers/{customer}").status, 404)

    def test_a_manager_who_is_not_there(self):
        """The foreign key to the same table waits for the commit; the client is told which field it is all the same."""
        employee = self.make("employees", email="led@example.com").json()
        url = f"/api/v1/employees/{employee['id']}"
        body = {**BODIES["employees"][0], "email": "led@example.com", "reports_to_id": 99999999}
        for method, path, sent in (("POST", "/api/v1/employees", {**body, "email": "unled@example.com"}), ("PUT", url, body),
                                   ("PATCH", url, {"reports_to_id": 99999999})):
            refused = self.store.request(method, path, sent)
            self.assertEqual((refused.status, refused.reason()), (409, "EMPLOYEE_REPORTS_TO_NOT_FOUND"), (method, refused))
            self.assertEqual(refused.violations(), {"reports_to_id": "refers to nothing that exists"}, method)
        self.assertEqual(self.store.get(url).json(), employee, "and nothing of it was kept")
        own = self.store.request("PATCH", url, {"reports_to_id": employee["id"]})
        self.assertEqual((own.status, own.json()["reports_to_id"]), (200, employee["id"]), own)

    def test_what_loses_a_reference_is_changed(self):
        """Deleting an album, a genre or a manager changes the rows that refer to it: whoever kept one is told."""
        album, genre = self.make("albums").json()["id"], self.make("genres", name="Passing").json()["id"]
        boss = self.make("employees", email="boss@example.com").json()["id"]
        own = self.store.request("PATCH", f"/api/v1/employees/{boss}", {"reports_to_id": boss})
        self.assertEqual(own.status, 200, own)
        cases = [(self.make("tracks", album_id=album, genre_id=genre), "album_id", f"albums/{album}"),
                 (self.make("tracks", album_id=None, genre_id=genre), "genre_id", f"genres/{genre}"),
                 (self.make("employees", email="led.away@example.com", reports_to_id=boss), "reports_to_id", f"employees/{boss}"),
                 (self.make("customers", email="cared.for@example.com", support_rep_id=boss), "support_rep_id", None)]
        for made, field, parent in cases:
            if parent:
                self.assertEqual(self.store.request("DELETE", f"/api/v1/{parent}").status, 204, parent)
            before = made.json()
            after = self.store.get(made.headers["location"], If_None_Match=made.headers["etag"])
            self.assertEqual(after.status, 200, "not 304: it has changed")
            self.assertNotEqual(after.headers["etag"], made.headers["etag"])
            now = after.json()
            self.assertIsNone(now[field])
            self.assertGreater(now["version"], before["version"])
            self.assertGreater(now["updated_at"], before["updated_at"])
            stale = self.store.request("DELETE", made.headers["location"], headers={"If-Match": made.headers["etag"]})
            self.assertEqual((stale.status, stale.reason()), (412, "VERSION_MISMATCH"), stale)

    def test_a_delete_that_is_refused_changes_nothing(self):
        """A manager somebody changed meanwhile stays, and so do those who report to them."""
        boss = self.make("employees", email="stays@example.com")
        led = self.make("employees", email="stays.too@example.com", reports_to_id=boss.json()["id"])
        url = boss.headers["location"]
        self.assertEqual(self.store.request("PATCH", url, {"title": "Boss"}).status, 200)
        self.assertEqual(self.store.request("DELETE", url, headers={"If-Match": boss.headers["etag"]}).status, 412)
        self.assertEqual(self.store.get(led.headers["location"]).json(), led.json())

    def test_answers_are_not_for_keeping(self):
        for answer in (self.store.get("/api/v1/customers/1"), self.store.get("/api/v1/customers"), self.store.get("/nothing")):
            self.assertEqual(answer.headers["cache-control"], "no-store")
            self.assertEqual(answer.headers["x-content-type-options"], "nosniff")

    def action(self, url, name, body=None):
        return self.store.request("POST", f"{url}/{name}", body)

    def events(self, kind):
        return [row[0] for row in self.store.database.rows(
            "SELECT payload FROM kit_outbox WHERE type LIKE ? AND destination = '' ORDER BY id", "%" + kind)]

    def delivered(self, subscriber):
        """How many events a subscriber has had, once none waits."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            states = [row[0] for row in self.store.database.rows("SELECT state FROM kit_outbox WHERE destination = ?", subscriber)]
            if all(state == 1 for state in states):
                return len(states)
            time.sleep(0.02)  # polls
        self.fail(f"events wait for {subscriber}")

    def test_relations(self):
        playlist = self.make("playlists").json()["id"]
        url = f"/api/v1/playlists/{playlist}/tracks"
        for _ in range(2):  # linking twice is linking
            self.assertEqual(self.store.request("PUT", f"{url}/1666").status, 204)
        self.assertEqual(self.store.request("PUT", f"{url}/2").status, 204)
        self.assertEqual([track["id"] for track in self.store.get(url).json()["items"]], [2, 1666])
        self.assertEqual(self.store.request("PUT", f"{url}/99999999").status, 404)
        self.assertEqual(self.store.request("DELETE", f"{url}/2").status, 204)
        self.assertEqual(self.store.request("DELETE", f"{url}/2").status, 404)
        albums = self.store.get("/api/v1/artists/1/albums").json()["items"]
        self.assertEqual([album["title"] for album in albums], ["For Those About To Rock We Salute You", "Let There Be Rock"])
        reports = self.store.get("/api/v1/employees/2/reports").json()["items"]
        self.assertEqual([employee["id"] for employee in reports], [3, 4, 5])

    def test_what_takes_no_input_takes_an_empty_object(self):
        invoice = f"/api/v1/invoices/{self.make('invoices').json()['id']}"
        customer = f"/api/v1/customers/{self.make('customers', email='empty@example.com').json()['id']}"
        self.assertEqual(self.store.request("DELETE", customer).status, 204)
        for url, name in ((invoice, "refund"), (customer, "restore")):
            refused = self.action(url, name, {"force": True, "why": "x"})
            self.assertEqual((refused.status, refused.reason()), (400, "FIELDS_INVALID"), refused)
            self.assertEqual(set(refused.violations()), {"force", "why"})
            self.assertEqual(self.action(url, name, []).reason(), "BODY_INVALID")
            text = self.store.request("POST", f"{url}/{name}", b"{}", {"Content-Type": "text/plain"})
            self.assertEqual(text.status, 415, text)
            self.assertEqual(self.action(url, name, {}).status, 200)

    def test_change_email(self):
        customer = self.make("customers", email="old@example.com").json()
        url = f"/api/v1/customers/{customer['id']}"
        changed = self.action(url, "change_email", {"email": "New.Address@Example.COM"})
        self.assertEqual(changed.status, 200, changed)
        self.assertEqual(changed.json()["email"], "new.address@example.com")
        self.assertEqual(self.store.get(url).json()["email"], "new.address@example.com")
        self.assertGreater(changed.json()["version"], customer["version"])
        (event,) = [event for event in self.events("CustomerEmailChanged") if "old@example.com" in event]
        self.assertIn("new.address@example.com", event)

        before = len(self.events("CustomerEmailChanged"))
        same = self.action(url, "change_email", {"email": "NEW.address@example.com"})
        self.assertEqual((same.status, same.reason()), (409, "CUSTOMER_EMAIL_UNCHANGED"), same)
        for bad in ("", "nobody", "a@", "@b", "a b@example.com", "x" * 70 + "@example.com"):
            refused = self.action(url, "change_email", {"email": bad})
            self.assertEqual(refused.status, 400, (bad, refused))
            self.assertIn("email", refused.violations())
        taken = self.action(url, "change_email", {"email": "luisg@embraer.com.br"})
        self.assertEqual((taken.status, taken.reason()), (409, "CUSTOMER_EMAIL_TAKEN"), taken)
        self.assertEqual(self.action("/api/v1/customers/99999999", "change_email", {"email": "x@example.com"}).status, 404)
        self.assertEqual(len(self.events("CustomerEmailChanged")), before, "a refused change tells nobody")
        self.assertEqual(self.store.get(url).json()["email"], "new.address@example.com")

    def test_refund(self):
        invoice = self.make("invoices", total="7.25").json()
        url = f"/api/v1/invoices/{invoice['id']}"
        self.assertEqual(invoice["status"], "paid")
        refunded = self.action(url, "refund")
        self.assertEqual((refunded.status, refunded.json()["status"]), (200, "refunded"), refunded)
        self.assertEqual(self.store.get(url).json()["status"], "refunded")
        (event,) = [event for event in self.events("InvoiceRefunded") if "7.25" in event]
        self.assertIn(str(invoice["id"]), event)
        self.assertGreater(self.delivered("tell_support_rep"), 0)
        again = self.action(url, "refund")
        self.assertEqual((again.status, again.reason()), (409, "INVOICE_NOT_PAID"), again)
        self.assertEqual(len([event for event in self.events("InvoiceRefunded") if "7.25" in event]), 1)
        self.assertEqual(self.action("/api/v1/invoices/99999999", "refund").status, 404)
        # Nobody but the action changes the status; what was read may be sent back.
        self.assertEqual(self.store.request("PATCH", url, {"status": "paid"}).json()["status"], "refunded")

    def test_a_draft_is_not_refunded(self):
        invoice = self.make("invoices").json()["id"]
        self.store.database.rows("UPDATE invoices SET status = 'draft' WHERE id = ?", invoice)
        answer = self.action(f"/api/v1/invoices/{invoice}", "refund")
        self.assertEqual((answer.status, answer.reason()), (409, "INVOICE_NOT_PAID"), answer)


if __name__ == "__main__":
    unittest.main()
