# SPDX-License-Identifier: Apache-2.0
"""CSV files in and out over HTTP: filters, formulas, limits, dry runs, and what is wrong with a file."""
import csv
import io
import os
import unittest

from store_process import DATA, Store

CSV = {"Content-Type": "text/csv"}


class TransferTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.store = Store("--import.on_start=true")

    @classmethod
    def tearDownClass(cls):
        cls.store.close()

    def export(self, plural, query=""):
        answer = self.store.get(f"/api/v1/{plural}/export{query}")
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.headers["content-type"], "text/csv; charset=utf-8")
        return answer

    def rows(self, answer):
        return list(csv.DictReader(io.StringIO(answer.body.decode())))

    def load(self, plural, text, query="", **headers):
        body = text if isinstance(text, bytes) else text.encode()
        return self.store.request("POST", f"/api/v1/{plural}/import{query}", body,
                                  {**CSV, **{name.replace("_", "-"): value for name, value in headers.items()}})

    def dump(self):
        return self.store.database.dump()

    def test_all_rows_and_columns(self):
        answer = self.export("tracks", "?formulas=plain")
        with open(os.path.join(DATA, "Track.csv"), encoding="utf-8") as file:
            self.assertEqual(self.rows(answer), list(csv.DictReader(file)))
        self.assertIn('filename="Track.csv"', answer.headers["content-disposition"])
        self.assertEqual(len(self.rows(answer)), 3503)

    def test_filters_sort_and_search(self):
        listed = self.store.get("/api/v1/customers?country=USA&sort=-last_name&limit=200").json()["items"]
        rows = self.rows(self.export("customers", "?country=USA&sort=-last_name"))
        self.assertEqual([row["CustomerId"] for row in rows], [str(each["id"]) for each in listed])
        self.assertTrue(rows)
        found = self.rows(self.export("customers", "?search=luis"))
        self.assertTrue(found and all("Lu" in row["FirstName"] for row in found), found)
        many = self.rows(self.export("tracks", "?sort=-milliseconds"))
        lengths = [int(row["Milliseconds"]) for row in many]
        self.assertEqual(lengths, sorted(lengths, reverse=True), "over many pages")

    def test_bad_queries(self):
        for query, name in (("?limit=5", "limit"), ("?cursor=x", "cursor"), ("?total=true", "total"), ("?format=pdf", "format"),
                            ("?p%61ge=2", "page"), ("?curs%6Fr=x", "cursor"),
                            ("?nobody=1", "nobody"), ("?formulas=run", "formulas"), ("?format=csv&format=csv", "format")):
            answer = self.store.get("/api/v1/customers/export" + query)
            self.assertEqual((answer.status, list(answer.violations())), (400, [name]), answer)
        for query, name in (("?country=USA", "country"), ("?dry_run=maybe", "dry_run")):
            answer = self.load("genres", "GenreId,Name\n", query)
            self.assertEqual((answer.status, list(answer.violations())), (400, [name]), answer)

    def test_a_key_leaves_room_for_those_after_it(self):
        largest = 2**53 - 1
        for key in (largest + 1, 2**63 - 1):
            answer = self.load("genres", f"GenreId,Name\n{key},past the end\n")
            self.assertEqual((answer.status, list(answer.violations())), (400, ["lines[2].GenreId"]), answer)
        taken = self.load("media_types", f"MediaTypeId,Name\n{largest},the last\n")
        self.assertEqual(taken.status, 200, taken)
        for plural in ("genres", "media_types"):
            made = self.store.request("POST", f"/api/v1/{plural}", {"name": "after the largest key"})
            self.assertEqual(made.status, 201, made)
            # Past what files may have: not for the tests of whole exports.
            self.assertEqual(self.store.request("DELETE", made.headers["location"]).status, 204)

    def test_formulas_are_guarded_and_come_back(self):
        names = ["=1+1", "'=1+1", "+A", "-2+3", "-5", "@SUM(A1)", "\ttab", "''quote", "plain, \"quoted\"\nand long"]
        made = self.store.request("POST", "/api/v1/artists/bulk", {"create": [{"name": name} for name in names]})
        self.assertEqual(made.status, 200, made)
        ids = [each["id"] for each in made.json()["create"]]
        guarded = self.export("artists", f"?id.in={','.join(map(str, ids))}")
        self.assertEqual([row["Name"] for row in self.rows(guarded)],
                         ["'=1+1", "''=1+1", "'+A", "'-2+3", "-5", "'@SUM(A1)", "'\ttab", "''quote", names[-1]])
        again = self.load("artists", guarded.body)
        self.assertEqual(again.json(), {"dry_run": False, "inserted": 0, "updated": 0, "unchanged": len(names)})
        plain = self.export("artists", f"?id.in={','.join(map(str, ids))}&formulas=plain")
        self.assertEqual([row["Name"] for row in self.rows(plain)], names)
        again = self.load("artists", plain.body, "?formulas=plain")
        self.assertEqual(again.json()["unchanged"], len(names), again)

    def test_every_export_is_an_import_of_the_same(self):
        before = self.dump()
        for plural in ("genres", "media_types", "artists", "albums", "tracks", "playlists", "employees", "customers", "invoices",
                       "invoice_lines"):
            exported = self.export(plural)
            answer = self.load(plural, exported.body)
            count = len(self.rows(exported))
            self.assertEqual((answer.status, answer.json()["unchanged"]), (200, count), (plural, answer))
        self.assertEqual(self.dump(), before)

    def test_a_dry_run_keeps_nothing(self):
        text = "GenreId,Name\n1,Rock and more\n900,Dry\n"
        before = self.dump()
        tried = self.load("genres", text, "?dry_run=true")
        self.assertEqual(tried.json(), {"dry_run": True, "inserted": 1, "updated": 1, "unchanged": 0}, tried)
        self.assertEqual(self.dump(), before)
        done = self.load("genres", text)
        self.assertEqual(done.json(), {"dry_run": False, "inserted": 1, "updated": 1, "unchanged": 0}, done)
        self.assertEqual(self.store.get("/api/v1/genres/900").json()["name"], "Dry")

    def test_every_bad_row_is_told_with_line_and_column(self):
        before = self.dump()
        text = ("TrackId,Name,AlbumId,MediaTypeId,GenreId,Composer,Milliseconds,Bytes,UnitPrice\n"
                "9001,Fine,1,1,1,,1000,,0.99\n"
                "9002,\"Two\nlines\",1,1,1,,0,,0.99\n"
                "9003,Name,999999,1,1,,1000,,0.999\n"
                "9001,Twice,1,1,1,,1000,,0.99\n"
                "9004,Name,1,1\n")
        refused = self.load("tracks", text)
        self.assertEqual((refused.status, refused.reason()), (400, "IMPORT_REFUSED"), refused)
        self.assertEqual(set(refused.violations()),
                         {"lines[3].Milliseconds", "lines[5].UnitPrice", "lines[6].TrackId", "lines[7]"})
        dangling = self.load("tracks", text.split("\n9002")[0].replace(",1,1,1,", ",999999,1,1,") + "\n")
        self.assertEqual(list(dangling.violations()), ["lines[2].AlbumId"], dangling)
        self.assertEqual(self.dump(), before)
        many = self.load("genres", "GenreId,Name\n" + "".join(f"x{number},\n" for number in range(600)))
        self.assertEqual(len(many.violations()), 100)

    def test_a_row_with_the_key_of_a_deleted_one_is_refused(self):
        made = self.store.request("POST", "/api/v1/customers", {"first_name": "In", "last_name": "Trash", "email": "in.trash@example.com"}).json()
        url = f"/api/v1/customers/{made['id']}"
        text = self.export("customers", "?email=in.trash@example.com").body.decode()
        self.assertEqual(self.store.request("DELETE", url).status, 204)
        for changed in (text, text.replace("Trash", "Changed")):
            for query in ("", "?dry_run=true"):
                refused = self.load("customers", changed, query)
                self.assertEqual((refused.status, refused.reason()), (400, "IMPORT_REFUSED"), refused)
                self.assertEqual(refused.violations(), {"lines[2].CustomerId": f"is that of customer {made['id']}, which is deleted; "
                                                                               "restore or purge it first"})
        restored = self.store.request("POST", url + "/restore")
        self.assertEqual((restored.status, restored.json()["last_name"]), (200, "Trash"))
        self.assertEqual(self.load("customers", text.replace("Trash", "Changed")).json()["updated"], 1)
        self.assertEqual(self.store.get(url).json()["last_name"], "Changed")

    def test_files_that_are_none(self):
        for text in ("", "\n", "Nonsense\n", "GenreId,Name,Name\n", "GenreId\n1\n", b"GenreId,Name\n1,\xff\n", b"GenreId,Name\n1,a\0b\n",
                     "GenreId,Name\n1,\"open\n"):
            refused = self.load("genres", text)
            self.assertEqual((refused.status, refused.reason()), (400, "IMPORT_REFUSED"), (text, refused))
        self.assertEqual(self.store.request("POST", "/api/v1/genres/import", {"GenreId": 1}).status, 415)
        refused = self.load("genres", "GenreId,Name\n", Idempotency_Key="k")
        self.assertEqual((refused.status, refused.reason()), (400, "IDEMPOTENCY_KEY_INVALID"), refused)


class LimitsTest(unittest.TestCase):
    def test_limits(self):
        with Store("--import.on_start=false", "--api.export_rows=3", "--api.import_body=2KiB") as store:
            def load(text):
                return store.request("POST", "/api/v1/genres/import", text.encode(), CSV)

            def add(first, last):
                return load("GenreId,Name\n" + "".join(f"{number},Genre {number}\n" for number in range(first, last + 1)))

            self.assertEqual(add(1, 3).status, 200)
            self.assertEqual(store.get("/api/v1/genres/export").body.count(b"\n"), 4, "at the limit")
            self.assertEqual(add(4, 4).status, 200)
            past = store.get("/api/v1/genres/export")
            self.assertEqual((past.status, past.reason()), (400, "EXPORT_TOO_LARGE"), past)
            self.assertEqual(store.get("/api/v1/genres/export?id.lt=4").status, 200)
            head = "GenreId,Name\n5,"
            self.assertEqual(load(head + "x" * 100 + "\n" * 1).status, 200)
            at = "GenreId,Name\n" + "".join(f"{number},G{number:08}\n" for number in range(1000, 1134)) + "1134,G" + "x" * 18 + "\n"
            self.assertEqual(len(at), 2048)
            self.assertEqual(load(at).status, 200)
            self.assertEqual(load(at[:-1] + "x\n").status, 413)

    def test_memory_is_bounded(self):
        with Store("--import.on_start=false", "--api.export_rows=1000000") as store:
            rows = store.database
            rows.rows(f"INSERT INTO artists (name, created_at, updated_at, version) "
                      f"SELECT {rows.padded(110)}, {rows.epoch}, {rows.epoch}, 1 FROM {rows.series(300_000)} AS n")
            store.get("/api/v1/artists?limit=200")
            before = self.peak(store)
            exported = store.get("/api/v1/artists/export")
            self.assertEqual(exported.body.count(b"\n"), 300_001)
            self.assertGreater(len(exported.body), 30 * 1024 * 1024)
            grown = self.peak(store) - before
            print(f"an export of {len(exported.body)} bytes: {grown} KiB more at the peak")
            self.assertLess(grown, 12 * 1024)
            part = exported.body[:30 * 1024 * 1024].rsplit(b"\n", 1)[0] + b"\n"
            imported = store.request("POST", "/api/v1/artists/import?dry_run=true", part, CSV)
            self.assertEqual(imported.status, 200, imported)

    @staticmethod
    def peak(store):
        with open(f"/proc/{store.process.pid}/status", encoding="ascii") as file:
            return int(next(line for line in file if line.startswith("VmHWM")).split()[1])


if __name__ == "__main__":
    unittest.main()
