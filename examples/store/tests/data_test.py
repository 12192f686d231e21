# SPDX-License-Identifier: Apache-2.0
"""The imported data, as a client sees it: the promises of the README."""
import csv
import decimal
import os
import unittest

from store_process import DATA, Store

# Entity and file; PlaylistTrack.csv is the relation between two of them.
FILES = {"Genre": "Genre.csv", "MediaType": "MediaType.csv", "Artist": "Artist.csv", "Album": "Album.csv", "Track": "Track.csv",
         "Playlist": "Playlist.csv", "Employee": "Employee.csv", "Customer": "Customer.csv", "Invoice": "Invoice.csv",
         "InvoiceLine": "InvoiceLine.csv"}


def rows_of(name):
    with open(os.path.join(DATA, name), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class StoreTest(unittest.TestCase):
    """A store for each class of tests."""

    @classmethod
    def setUpClass(cls):
        cls.store = Store()
        cls.start = cls.store.get("/start.json").json()
        cls.paths = {entity["name"]: entity["path"] for entity in cls.start["entities"]}

    @classmethod
    def tearDownClass(cls):
        cls.store.close()

    def pages(self, path, between=lambda: None):
        """Every item of a list, page by page."""
        separator = "&" if "?" in path else "?"
        cursor = None
        for _ in range(500):
            answer = self.store.get(path + (f"{separator}cursor={cursor}" if cursor else ""))
            self.assertEqual(answer.status, 200, answer)
            body = answer.json()
            yield from body["items"]
            cursor = body.get("next_cursor")
            if not cursor:
                return
            between()
        self.fail(f"the cursors of {path} never end")


class DataTest(StoreTest):
    def test_longest_rock_track_with_its_album(self):
        answer = self.store.get("/api/v1/tracks?genre_id=1&sort=-milliseconds&limit=1&expand=album")
        self.assertEqual(answer.status, 200, answer)
        (track,) = answer.json()["items"]
        self.assertEqual((track["id"], track["name"]), (1666, "Dazed And Confused"))
        self.assertEqual((track["album"]["id"], track["album"]["title"]),
                         (137, next(row["Title"] for row in rows_of("Album.csv") if row["AlbumId"] == "137")))

    def test_counts_equal_the_files(self):
        self.assertEqual(sorted(self.paths), sorted(FILES))
        shown = {entity["name"]: entity["rows"] for entity in self.start["entities"]}
        for entity, file in FILES.items():
            expected = len(rows_of(file))
            self.assertEqual(self.store.get(f"{self.paths[entity]}?limit=1&total=true").json()["total"], expected, entity)
            self.assertEqual(shown[entity], expected, entity)
        self.assertEqual((shown["Artist"], shown["Track"], shown["Invoice"]), (275, 3503, 412))

    def test_playlist_pairs(self):
        expected = {}
        for row in rows_of("PlaylistTrack.csv"):
            expected.setdefault(int(row["PlaylistId"]), set()).add(int(row["TrackId"]))
        pairs = 0
        for playlist in self.pages("/api/v1/playlists?limit=200"):
            tracks = [track["id"] for track in self.pages(f"/api/v1/playlists/{playlist['id']}/tracks?limit=200")]
            self.assertEqual(len(tracks), len(set(tracks)))
            self.assertEqual(set(tracks), expected.get(playlist["id"], set()))
            pairs += len(tracks)
        self.assertEqual(pairs, 8715)

    def test_invoice_totals(self):
        totals = [invoice["total"] for invoice in self.pages("/api/v1/invoices?limit=200")]
        self.assertTrue(all(isinstance(total, str) for total in totals), "money is never a binary float")
        self.assertEqual(sum(map(decimal.Decimal, totals)), decimal.Decimal("2328.60"))
        self.assertEqual(len(totals), 412)

    def test_every_row_of_tracks_and_employees(self):
        tracks = {track["id"]: track for track in self.pages("/api/v1/tracks?limit=200")}
        for row in rows_of("Track.csv"):
            track = tracks[int(row["TrackId"])]
            self.assertEqual((track["name"], track["composer"] or "", track["milliseconds"], int(track["bytes"])),
                             (row["Name"], row["Composer"], int(row["Milliseconds"]), int(row["Bytes"])))
            self.assertEqual(decimal.Decimal(track["unit_price"]), decimal.Decimal(row["UnitPrice"]))
            self.assertEqual((track["album_id"], track["genre_id"], track["media_type_id"]),
                             (int(row["AlbumId"]), int(row["GenreId"]), int(row["MediaTypeId"])))
        for row in rows_of("Employee.csv"):
            boss = self.store.get(f"/api/v1/employees/{row['EmployeeId']}").json()["reports_to_id"]
            self.assertEqual(str(boss) if boss else "", row["ReportsTo"])


class PageTest(StoreTest):
    def test_page_numbers_give_what_the_cursors_give(self):
        query = "/api/v1/tracks?genre_id=2&sort=-name&limit=40"
        by_cursor = [track["id"] for track in self.pages(query)]
        by_number = []
        for number in range(1, 5):
            page = self.store.get(f"{query}&page={number}&total=true").json()
            by_number += [track["id"] for track in page["items"]]
            self.assertEqual(page["total"], len(by_cursor))
            self.assertEqual(page["next_cursor"] is None, number == 4)
        self.assertEqual(len(by_cursor), 130)
        self.assertEqual(by_number, by_cursor)
        # From a numbered page the cursor leads on.
        second = self.store.get(f"{query}&page=2").json()
        third = self.store.get(f"{query}&cursor={second['next_cursor']}").json()
        self.assertEqual([track["id"] for track in third["items"]], by_cursor[80:120])
        past = self.store.get(f"{query}&page=5").json()
        self.assertEqual((past["items"], past["next_cursor"]), ([], None))

    def test_a_field_called_like_a_parameter(self):
        asked = self.store.get("/api/v1/invoices?total=5.94")
        self.assertEqual(asked.violations(), {"total": "must be true or false; to filter by the field write total.eq=5.94"}, asked)
        found = self.store.get("/api/v1/invoices?total.eq=5.94&total=true").json()
        self.assertEqual({invoice["total"] for invoice in found["items"]}, {"5.94"})
        self.assertGreater(found["total"], 0)

    def test_a_page_is_no_cursor_and_not_far(self):
        for query in ("page=0", "page=1&cursor=abc", "page=1002&limit=100"):
            answer = self.store.get("/api/v1/tracks?" + query)
            self.assertEqual((answer.status, answer.reason(), list(answer.violations())), (400, "PARAMETERS_INVALID", ["page"]), query)
        self.assertEqual(self.store.get("/api/v1/tracks?page=1001&limit=100").status, 200)


class CursorTest(StoreTest):
    def test_cursors_visit_each_track_once_while_rows_are_inserted(self):
        original = {int(row["TrackId"]) for row in rows_of("Track.csv")}
        for sort in ("name", "-milliseconds", "-name"):
            inserted = []

            def insert(inserted=inserted):
                # Before, between and after what was visited, in every order asked for.
                for name, length in (("!first", 1), ("Middle of the list", 250_000), ("zzz last", 2_000_000_000)):
                    answer = self.store.request("POST", "/api/v1/tracks", {
                        "name": f"{name} {len(inserted)}", "milliseconds": length, "unit_price": "0.99", "media_type_id": 1})
                    self.assertEqual(answer.status, 201, answer)
                    inserted.append(answer.json()["id"])

            visited = [track["id"] for track in self.pages(f"/api/v1/tracks?limit=100&sort={sort}", insert)]
            self.assertEqual(len(visited), len(set(visited)), f"no track twice, sort={sort}")
            self.assertEqual(original - set(visited), set(), f"no track left out, sort={sort}")
            self.assertGreater(len(inserted), 90)
            for track in inserted:
                self.assertEqual(self.store.request("DELETE", f"/api/v1/tracks/{track}").status, 204)


if __name__ == "__main__":
    unittest.main()
