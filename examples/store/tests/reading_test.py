# SPDX-License-Identifier: Apache-2.0
"""Sparse answers, soft-deleted rows in lists, purge and restore, and the history of audited entities."""
import json
import random
import unittest

from store_process import Store

PERSON = {"first_name": "Ada", "last_name": "Lovelace"}


class ReadingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.store = Store()

    @classmethod
    def tearDownClass(cls):
        cls.store.close()

    def customer(self, email, **more):
        answer = self.store.request("POST", "/api/v1/customers", {**PERSON, "email": email, **more})
        self.assertEqual(answer.status, 201, answer)
        return answer.json()

    def history(self, url, query=""):
        answer = self.store.get(f"{url}/history{query}")
        self.assertEqual(answer.status, 200, answer)
        return answer.json()["items"]

    def refused(self, answer, status, reason):
        self.assertEqual((answer.status, answer.reason()), (status, reason), answer)

    def test_relations_of_relations(self):
        album = self.store.get("/api/v1/albums/1?expand=artist,tracks.genre&fields=title,artist.name,tracks.name,tracks.genre.name").json()
        self.assertEqual((album["title"], album["artist"]["name"]), ("For Those About To Rock We Salute You", "AC/DC"))
        self.assertEqual(len(album["tracks"]), 10)
        self.assertEqual(album["tracks"][0], {"id": 1, "name": "For Those About To Rock (We Salute You)", "genre": {"id": 1, "name": "Rock"}})
        listed = self.store.get("/api/v1/invoices?limit=3&sort=id&expand=lines.track.album.artist")
        self.assertEqual(listed.violations()["expand"], "'lines.track.album.artist' goes too far: at most 3 relations one behind the other")
        for invoice in self.store.get("/api/v1/invoices?limit=3&sort=id&expand=lines.track.album,customer.support_rep").json()["items"]:
            lines = self.store.get(f"/api/v1/invoices/{invoice['id']}/lines").json()["items"]
            self.assertEqual([line["id"] for line in invoice["lines"]], [line["id"] for line in lines])
            for line in invoice["lines"]:
                self.assertEqual((line["track"]["id"], line["track"]["album"]["id"]), (line["track_id"], line["track"]["album_id"]))
            self.assertEqual(invoice["customer"]["support_rep"]["id"], invoice["customer"]["support_rep_id"])

    def test_lists_in_answers_say_where_they_go_on(self):
        playlist = self.store.get("/api/v1/playlists/1?expand=tracks&fields=name,tracks.name").json()
        self.assertEqual(len(playlist["tracks"]), 100)
        ids, path = [track["id"] for track in playlist["tracks"]], playlist["tracks.next"]
        total = self.store.get("/api/v1/playlists/1/tracks?total=true&limit=1").json()["total"]
        pages = 0
        while path:
            page = self.store.get(path + "&limit=200").json()
            ids, pages = ids + [track["id"] for track in page["items"]], pages + 1
            path = page["next_cursor"] and "/api/v1/playlists/1/tracks?cursor=" + page["next_cursor"]
        self.assertEqual((len(ids), ids), (total, sorted(set(ids))), "every track once")
        self.assertEqual(pages, -(-(total - 100) // 200))
        refused = self.store.get("/api/v1/playlists?expand=tracks.album.tracks")
        self.assertEqual(refused.status, 400, refused)
        self.assertIn("more than 10000 rows", refused.violations()["expand"])
        empty = self.store.get("/api/v1/playlists/2?expand=tracks").json()
        self.assertEqual((empty["tracks"], "tracks.next" in empty), ([], False))

    # fields=
    def test_sparse_answers(self):
        page = self.store.get("/api/v1/customers?fields=first_name,email&limit=3").json()
        self.assertEqual(len(page["items"]), 3)
        for item in page["items"]:
            self.assertEqual(list(item), ["id", "first_name", "email"])
        one = self.store.get("/api/v1/customers/1?fields=email,city").json()
        whole = self.store.get("/api/v1/customers/1").json()
        self.assertEqual(one, {name: whole[name] for name in ("id", "city", "email")})
        with_rep = self.store.get("/api/v1/customers/1?fields=email&expand=support_rep").json()
        self.assertEqual(list(with_rep), ["id", "email", "support_rep"])
        self.assertIn("hire_date", with_rep["support_rep"])
        listed = self.store.get("/api/v1/customers?fields=city&expand=support_rep&limit=1").json()["items"][0]
        self.assertEqual(list(listed), ["id", "city", "support_rep"])
        sub = self.store.get("/api/v1/artists/1/albums?fields=title").json()["items"]
        self.assertEqual([list(each) for each in sub], [["id", "title"]] * len(sub))

    def test_every_field_alone_is_as_in_the_whole(self):
        for plural in ("genres", "customers", "tracks", "invoices", "invoice_lines", "employees"):
            whole = self.store.get(f"/api/v1/{plural}/2").json()
            for name in whole:
                with self.subTest(f"{plural}.{name}"):
                    one = self.store.get(f"/api/v1/{plural}/2?fields={name}").json()
                    self.assertEqual(one, {"id": 2, name: whole[name]})

    def test_fields_that_are_none(self):
        for url in ("/api/v1/customers", "/api/v1/customers/1"):
            bad = self.store.get(url + "?fields=first_nam,id")
            self.refused(bad, 400, "PARAMETERS_INVALID")
            self.assertIn("did you mean 'first_name'?", bad.violations()["fields"])
            for value in ("", "id,", "*", "support_rep", "Email", "id&fields=id"):
                self.assertIn("fields", self.store.get(f"{url}?fields={value}").violations(), value)

    def test_tags_of_sparse_answers(self):
        made = self.customer("sparse@example.com")
        url = f"/api/v1/customers/{made['id']}"
        tags = {query: self.store.get(url + query).headers["etag"] for query in ("", "?fields=email", "?fields=city")}
        self.assertEqual(len(set(tags.values())), 3, tags)
        for query, tag in tags.items():
            self.assertEqual(self.store.get(url + query, If_None_Match=tag).status, 304)
        self.assertEqual(self.store.get(url, If_None_Match=tags["?fields=email"]).status, 200)
        # Whoever read some fields of version 1 changes version 1.
        changed = self.store.request("PATCH", url, {"city": "Oslo"}, {"If-Match": tags["?fields=email"]})
        self.assertEqual(changed.status, 200, changed)
        stale = self.store.request("PATCH", url, {"city": "Paris"}, {"If-Match": tags["?fields=city"]})
        self.refused(stale, 412, "VERSION_MISMATCH")
        # Without versions it is what the answer says.
        genre = "/api/v1/genres/1?fields=name"
        self.assertEqual(self.store.get(genre, If_None_Match=self.store.get(genre).headers["etag"]).status, 304)

    # lists
    def test_text_that_is_contained(self):
        self.customer("contained@example.com", company="50% *off* _now_")

        def found(value):
            answer = self.store.get(f"/api/v1/customers?company.contains={value}")
            self.assertEqual(answer.status, 200, answer)
            return [item["company"] for item in answer.json()["items"]]
        for value in ("50%25", "*off*", "_now_", "%25 *OFF"):
            self.assertEqual(found(value.replace(" ", "+")), ["50% *off* _now_"], value)
        self.assertEqual(found("*off_"), [])
        self.assertEqual(self.store.get("/api/v1/customers?company.contains=" + "x" * 401).status, 400)
        self.assertEqual(self.store.get("/api/v1/tracks?milliseconds.contains=1").status, 400)

    def test_nulls_are_the_smallest_and_ids_decide_between_equals(self):
        for order in ("bytes,-name", "-bytes,name", "bytes", "-bytes"):
            rows, url = [], f"/api/v1/tracks?sort={order}&limit=170&fields=name,bytes"
            cursor = ""
            while cursor is not None:
                page = self.store.get(url + (f"&cursor={cursor}" if cursor else "")).json()
                rows += page["items"]
                cursor = page["next_cursor"]
            keys = [(row["bytes"] is not None, row["bytes"] or 0) for row in rows]
            self.assertEqual(keys, sorted(keys, reverse=order.startswith("-")), order)
            self.assertEqual(len({row["id"] for row in rows}), len(rows))

    # deleted=, purge, restore
    def test_deleted_rows_are_listed_on_request(self):
        gone, here = self.customer("gone.list@example.com"), self.customer("here.list@example.com")
        self.assertEqual(self.store.request("DELETE", f"/api/v1/customers/{gone['id']}").status, 204)

        def ids(query):
            answer = self.store.get("/api/v1/customers?total=true&limit=200" + query)
            self.assertEqual(answer.status, 200, answer)
            return {item["id"] for item in answer.json()["items"]}, answer.json()["total"]
        alive, alive_total = ids("")
        only, only_total = ids("&deleted=only")
        both, both_total = ids("&deleted=include")
        self.assertIn(gone["id"], only)
        self.assertNotIn(here["id"], only)
        self.assertEqual(alive & only, set())
        self.assertEqual(alive | only, both)
        self.assertEqual(alive_total + only_total, both_total)
        for item in self.store.get("/api/v1/customers?deleted=only").json()["items"]:
            self.assertIsNotNone(item["deleted_at"])
        self.assertIn("deleted", self.store.get("/api/v1/customers?deleted=yes").violations())
        self.assertIn("deleted", self.store.get("/api/v1/genres?deleted=only").violations())
        # A cursor belongs to one of the three.
        cursor = self.store.get("/api/v1/customers?deleted=include&limit=1").json()["next_cursor"]
        self.assertEqual(self.store.get(f"/api/v1/customers?limit=1&cursor={cursor}").status, 400)

    def test_purge(self):
        made = self.customer("purged@example.com", city="Secret place")
        url = f"/api/v1/customers/{made['id']}"
        self.refused(self.store.request("POST", url + "/purge"), 409, "CUSTOMER_NOT_DELETED")
        self.refused(self.store.request("POST", "/api/v1/customers/999999/purge"), 404, "CUSTOMER_NOT_FOUND")
        self.assertEqual(self.store.request("DELETE", url).status, 204)
        self.refused(self.store.request("POST", url + "/purge", headers={"If-Match": '"1"'}), 412, "VERSION_MISMATCH")
        self.assertEqual(self.store.request("POST", url + "/purge", headers={"If-Match": '"2"'}).status, 204)
        self.refused(self.store.request("POST", url + "/purge"), 404, "CUSTOMER_NOT_FOUND")
        self.refused(self.store.request("POST", url + "/restore"), 404, "CUSTOMER_NOT_FOUND")
        # Of the history only that it was purged is left.
        kept = self.store.get(url + "/history")
        self.assertEqual([(each["operation"], each["changes"]) for each in kept.json()["items"]], [("purge", {})])
        self.assertNotIn(b"Secret place", kept.body)
        self.customer("purged@example.com")

    def test_what_is_in_use_is_not_purged(self):
        made = self.customer("used@example.com")
        url = f"/api/v1/customers/{made['id']}"
        invoice = self.store.request("POST", "/api/v1/invoices",
                                     {"invoice_date": "2024-01-31T00:00:00Z", "total": "3.50", "customer_id": made["id"]})
        self.assertEqual(invoice.status, 201, invoice)
        self.assertEqual(self.store.request("DELETE", url).status, 204)
        self.refused(self.store.request("POST", url + "/purge"), 409, "CUSTOMER_IN_USE")
        self.assertEqual([each["operation"] for each in self.history(url)], ["delete", "create"], "nothing happened")
        self.assertEqual(self.store.request("DELETE", invoice.headers["location"]).status, 204)
        self.assertEqual(self.store.request("POST", url + "/purge").status, 204)

    def test_what_was_taken_meanwhile_does_not_come_back(self):
        first = self.customer("taken.twice@example.com")
        url = f"/api/v1/customers/{first['id']}"
        self.assertEqual(self.store.request("DELETE", url).status, 204)
        second = self.customer("taken.twice@example.com")
        self.refused(self.store.request("POST", url + "/restore"), 409, "CUSTOMER_EMAIL_TAKEN")
        self.assertEqual([each["operation"] for each in self.history(url)], ["delete", "create"])
        self.assertEqual(self.store.request("DELETE", f"/api/v1/customers/{second['id']}").status, 204)
        self.assertEqual(self.store.request("POST", url + "/restore").status, 200)

    # history
    def test_history_says_who_what_and_when(self):
        made = self.customer("history@example.com")
        url = f"/api/v1/customers/{made['id']}"
        patched = self.store.request("PATCH", url, {"city": "Oslo", "support_rep_id": 3}, {"X-Request-Id": "req-history-1"}).json()
        action = self.store.request("POST", url + "/change_email", {"email": "history2@example.com"}).json()
        self.assertEqual(self.store.request("PATCH", url, {"email": "no address"}).status, 400)
        self.refused(self.store.request("PATCH", url, {"support_rep_id": 999999}), 409, "CUSTOMER_SUPPORT_REP_NOT_FOUND")
        self.store.request("DELETE", url)
        entries = self.history(url)
        self.assertEqual([(each["operation"], each["version"]) for each in entries],
                         [("delete", 4), ("update", 3), ("update", 2), ("create", 1)])
        self.assertEqual(entries[2]["changes"], {"city": [None, "Oslo"], "support_rep_id": [None, 3]})
        self.assertEqual(entries[2]["at"], patched["updated_at"])
        self.assertEqual(entries[2]["request_id"], "req-history-1")
        self.assertEqual(entries[1]["changes"], {"email": ["history@example.com", "history2@example.com"]})
        self.assertEqual(entries[1]["at"], action["updated_at"])
        self.assertEqual(entries[3]["changes"]["email"], [None, "history@example.com"])
        self.assertNotIn("city", entries[3]["changes"])
        self.assertEqual({each["who"] for each in entries}, {None})
        # Pages, the latest first, and filters.
        first = self.store.get(url + "/history?limit=3&total=true").json()
        self.assertEqual((len(first["items"]), first["total"]), (3, 4))
        rest = self.store.get(f"{url}/history?limit=3&cursor={first['next_cursor']}").json()
        self.assertEqual(first["items"] + rest["items"], entries)
        self.assertIsNone(rest["next_cursor"])
        self.assertEqual([each["version"] for each in self.history(url, "?operation=update")], [3, 2])
        self.assertEqual(self.history(url, f"?at.gte={entries[1]['at']}"), entries[:2])
        for bad in ("limit=201", "limit=0", "sort=at", "cursor=x", "entity=Invoice", "row_id=1", "fields=id"):
            self.assertEqual(self.store.get(f"{url}/history?{bad}").status, 400, bad)
        other = self.customer("history3@example.com")
        stolen = self.store.get(f"/api/v1/customers/{other['id']}/history?cursor={first['next_cursor']}")
        self.assertEqual(stolen.status, 400, "a cursor belongs to one row")
        self.refused(self.store.get("/api/v1/customers/999999/history"), 404, "CUSTOMER_NOT_FOUND")
        self.assertEqual(self.store.get("/api/v1/genres/1/history").status, 404, "only of audited entities")

    def test_imported_rows_have_a_history(self):
        entries = self.history("/api/v1/customers/1")
        self.assertEqual(entries[-1]["operation"], "create")
        self.assertEqual(entries[-1]["changes"]["email"], [None, self.store.get("/api/v1/customers/1").json()["email"]])

    def test_links_are_part_of_it(self):
        playlist = self.store.request("POST", "/api/v1/playlists", {"name": "Linked"}).json()
        url = f"/api/v1/playlists/{playlist['id']}"
        for method, status in (("PUT", 204), ("PUT", 204), ("DELETE", 204), ("DELETE", 404)):
            self.assertEqual(self.store.request(method, url + "/tracks/5").status, status)
        self.assertEqual([(each["operation"], each["changes"]) for each in self.history(url)[:-1]],
                         [("unlink", {"tracks": [5, None]}), ("link", {"tracks": [None, 5]})])
        self.assertEqual(self.store.request("DELETE", url).status, 204)
        self.assertEqual(self.history(url)[0]["operation"], "delete")
        self.assertEqual(self.store.get(url).status, 404)

    def test_what_a_parents_removal_changes_is_part_of_it(self):
        rep = self.store.request("POST", "/api/v1/employees", {**PERSON, "email": "rep.gone@example.com"}).json()
        made = self.customer("of.rep@example.com", support_rep_id=rep["id"])
        url = f"/api/v1/customers/{made['id']}"
        self.assertEqual(self.store.request("DELETE", f"/api/v1/employees/{rep['id']}").status, 204)
        now = self.store.get(url).json()
        self.assertEqual((now["support_rep_id"], now["version"]), (None, 2))
        last = self.history(url)[0]
        self.assertEqual((last["operation"], last["version"], last["changes"]), ("update", 2, {"support_rep_id": [rep["id"], None]}))

    def test_replaying_the_history_gives_the_row(self):
        dice = random.Random(20)
        for round_ in range(12):
            made = self.customer(f"replay{round_}@example.com")
            url = f"/api/v1/customers/{made['id']}"
            deleted = False
            for step in range(dice.randrange(1, 25)):
                what = dice.choice(["patch", "patch", "put", "delete", "restore", "email"])
                value = dice.choice([None, "", "Å \"quoted\" \\ 日本", "x" * 40, str(step)])
                if what == "patch":
                    self.store.request("PATCH", url, {dice.choice(["city", "company", "phone"]): None if value is None else value[:20]})
                elif what == "put":
                    self.store.request("PUT", url, {**PERSON, "email": f"replay{round_}.{step}@example.com", "city": value,
                                                    "support_rep_id": dice.choice([None, 3, 4])})
                elif what == "email":
                    self.store.request("POST", url + "/change_email", {"email": f"replay{round_}.e{step}@example.com"})
                elif what == "delete":
                    deleted = self.store.request("DELETE", url).status == 204 or deleted
                elif self.store.request("POST", url + "/restore").status == 200:
                    deleted = False
            query = "?deleted=only&limit=200" if deleted else "?limit=200"
            current = next(item for item in self.store.get("/api/v1/customers" + query + "&sort=-created_at").json()["items"]
                           if item["id"] == made["id"])
            row = dict.fromkeys(current)
            row["id"] = made["id"]
            for entry in reversed(self.history(url, "?limit=200")):
                for name, (before, after) in entry["changes"].items():
                    self.assertEqual(row[name], before, (name, entry))
                    row[name] = after
                row["version"], row["updated_at"] = entry["version"], entry["at"]
            self.assertEqual(row, current, json.dumps(self.history(url), indent=1))


if __name__ == "__main__":
    unittest.main()
