# SPDX-License-Identifier: Apache-2.0
"""Workbooks (.xlsx) in and out, over HTTP and on the command line. They are made and read here by hand, without the library of
the service."""
import io
import os
import re
import subprocess
import tempfile
import time
import unittest
import zipfile
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from database import database_of
from store_process import BINARY, DATA, Store

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def column(index):
    name = ""
    index += 1
    while index:
        index, digit = divmod(index - 1, 26)
        name = chr(ord("A") + digit) + name
    return name


def workbook(rows, sheet=None):
    """A workbook as another program makes it: numbers as numbers, everything else as inline text."""
    def cell(place, value):
        if value is None:
            return ""
        if isinstance(value, bool):
            return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
        if isinstance(value, (int, float)):
            return f'<c r="{place}"><v>{value}</v></c>'
        return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'

    lines = ("".join(cell(f"{column(at)}{number}", value) for at, value in enumerate(row)) for number, row in enumerate(rows, 1))
    xml = sheet or "".join(f'<row r="{number}">{line}</row>' for number, line in enumerate(lines, 1))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_rels/.rels", f'<Relationships><Relationship Id="a" Type="{RELATIONS}/officeDocument" '
                                        'Target="xl/workbook.xml"/></Relationships>')
        archive.writestr("xl/workbook.xml", f'<workbook xmlns:r="{RELATIONS}"><sheets><sheet name="A" sheetId="1" r:id="b"/>'
                                            '</sheets></workbook>')
        archive.writestr("xl/_rels/workbook.xml.rels", f'<Relationships><Relationship Id="b" Type="{RELATIONS}/worksheet" '
                                                       'Target="worksheets/sheet1.xml"/></Relationships>')
        archive.writestr("xl/worksheets/sheet1.xml", f"<worksheet><sheetData>{xml}</sheetData></worksheet>")
    return file.getvalue()


def cells(content):
    """The rows of a workbook of the service, as (type, value) by column name."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        sheet = archive.read("xl/worksheets/sheet1.xml")
        texts = []
        if "xl/sharedStrings.xml" in archive.namelist():
            texts = ["".join(each.itertext()) for each in ElementTree.fromstring(archive.read("xl/sharedStrings.xml"))]
    rows = []
    for row in ElementTree.fromstring(sheet).iter(SPACE + "row"):
        found = {}
        for cell in row:
            kind = cell.get("t", "n")
            text = "".join(cell.itertext())
            found[re.sub(r"\d", "", cell.get("r"))] = (kind, texts[int(text)] if kind == "s" else text)
        rows.append(found)
    return rows


def free_disk_users(pid):
    """Unnamed files the process holds open."""
    names = []
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        try:
            names.append(os.readlink(f"/proc/{pid}/fd/{descriptor}"))
        except FileNotFoundError:
            pass
    return [name for name in names if "(deleted)" in name]


class WorkbookTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.store = Store("--import.on_start=true")

    @classmethod
    def tearDownClass(cls):
        cls.store.close()

    def export(self, plural, query=""):
        answer = self.store.get(f"/api/v1/{plural}/export?format=xlsx{query}")
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.headers["content-type"], XLSX)
        return answer

    def load(self, plural, body, query="", kind=XLSX):
        return self.store.request("POST", f"/api/v1/{plural}/import{query}", body, {"Content-Type": kind})

    def dump(self):
        return self.store.database.dump()

    def test_numbers_are_numbers_and_texts_are_texts(self):
        answer = self.export("tracks", "&id=1")
        self.assertIn('filename="Track.xlsx"', answer.headers["content-disposition"])
        header, track = cells(answer.body)
        self.assertEqual([value for _, value in header.values()][:3], ["TrackId", "Name", "AlbumId"])
        self.assertEqual((track["A"], track["G"], track["I"]), (("n", "1"), ("n", "343719"), ("n", "0.99")))
        self.assertEqual(track["B"][1], "For Those About To Rock (We Salute You)")
        self.assertIn(track["B"][0], ("s", "inlineStr", "str"))
        self.assertEqual(len(cells(self.export("tracks").body)), 3504)

    def test_accept_chooses_too(self):
        def kind(query="", **headers):
            answer = self.store.request("GET", "/api/v1/genres/export" + query, None, headers)
            self.assertEqual(answer.status, 200, answer)
            self.assertIn("accept", answer.headers["vary"].lower())
            return answer.headers["content-type"].split(";")[0]

        self.assertEqual(kind(), "text/csv")
        self.assertEqual(kind(Accept=XLSX), XLSX)
        self.assertEqual(kind(Accept=f"{XLSX};q=0.1, text/csv"), "text/csv")
        self.assertEqual(kind("?format=csv", Accept=XLSX), "text/csv")
        self.assertEqual(kind("?format=xlsx", Accept="text/csv"), XLSX)

    def test_bad_queries(self):
        for query, name in (("?format=xlsx&formulas=plain", "formulas"), ("?format=xlsx&format=csv", "format"),
                            ("?format=xls", "format"), ("?format=xlsx&limit=1", "limit")):
            answer = self.store.get("/api/v1/genres/export" + query)
            self.assertEqual((answer.status, list(answer.violations())), (400, [name]), answer)
        answer = self.load("genres", workbook([["GenreId", "Name"]]), "?formulas=guarded")
        self.assertEqual((answer.status, list(answer.violations())), (400, ["formulas"]), answer)

    def test_every_export_is_an_import_of_the_same(self):
        before = self.dump()
        for plural in ("genres", "media_types", "artists", "albums", "tracks", "playlists", "employees", "customers", "invoices",
                       "invoice_lines"):
            exported = self.export(plural)
            answer = self.load(plural, exported.body)
            count = len(cells(exported.body)) - 1
            self.assertEqual((answer.status, answer.json()["unchanged"]), (200, count), (plural, answer))
        self.assertEqual(self.dump(), before)
        self.assertEqual(free_disk_users(self.store.process.pid), [])

    def test_texts_never_run_and_come_back(self):
        names = ["=1+1", "'=1+1", "+A", "@SUM(A1)", "\ttab", "''quote", "_x0041_", "a\r\nb", "\u0001\u007f", "<b>&amp;", "  blanks  ",
                 "\U0001f600", "007", "1e5", "=cmd|' /C calc'!A0"]
        made = self.store.request("POST", "/api/v1/artists/bulk", {"create": [{"name": name} for name in names]})
        self.assertEqual(made.status, 200, made)
        ids = ",".join(str(each["id"]) for each in made.json()["create"])
        exported = self.export("artists", f"&id.in={ids}")
        with zipfile.ZipFile(io.BytesIO(exported.body)) as archive:
            self.assertNotIn(b"<f", archive.read("xl/worksheets/sheet1.xml"))
        again = self.load("artists", exported.body)
        self.assertEqual(again.json(), {"dry_run": False, "inserted": 0, "updated": 0, "unchanged": len(names)})

    def test_a_dry_run_keeps_nothing(self):
        file = workbook([["GenreId", "Name"], [1, "Rock and more"], [800, "Dry"]])
        before = self.dump()
        self.assertEqual(self.load("genres", file, "?dry_run=true").json(),
                         {"dry_run": True, "inserted": 1, "updated": 1, "unchanged": 0})
        self.assertEqual(self.dump(), before)
        done = self.load("genres", file, kind=XLSX.upper() + " ; a=b")
        self.assertEqual(done.json(), {"dry_run": False, "inserted": 1, "updated": 1, "unchanged": 0}, done)
        self.assertEqual(self.store.get("/api/v1/genres/800").json()["name"], "Dry")

    def test_every_bad_row_is_told_with_row_and_column(self):
        header = ["TrackId", "Name", "AlbumId", "MediaTypeId", "GenreId", "Composer", "Milliseconds", "Bytes", "UnitPrice"]
        before = self.dump()
        refused = self.load("tracks", workbook([header, [9001, "Fine", 1, 1, 1, None, 1000, None, 0.99],
                                                [9002, "Short", 1, 1, 1, None, 0, None, 0.99], [],
                                                [9003, "Name", 1, 1, 1, None, 1000, None, 0.999],
                                                [9001, "Twice", 1, 1, 1, None, 1000, None, 0.99],
                                                [9004, "Wide", 1, 1, 1, None, 1000, None, 0.99, "more"]]))
        self.assertEqual((refused.status, refused.reason()), (400, "IMPORT_REFUSED"), refused)
        self.assertEqual(set(refused.violations()),
                         {"lines[3].Milliseconds", "lines[5].UnitPrice", "lines[6].TrackId", "lines[7]"})
        self.assertIn("J7: holds a value right of the last header", refused.body.decode())
        dangling = self.load("tracks", workbook([header, [], [9001, "Fine", 999999, 1, 1, None, 1000, None, 0.99]]))
        self.assertEqual(list(dangling.violations()), ["lines[3].AlbumId"], dangling)
        error = workbook([], sheet='<row r="1"><c r="A1" t="str"><v>GenreId</v></c><c r="B1" t="str"><v>Name</v></c></row>'
                         '<row r="2"><c r="A2"><v>1</v></c><c r="B2" t="e"><v>#REF!</v></c></row>')
        self.assertIn("B2: holds the error #REF!", self.load("genres", error).body.decode())
        self.assertEqual(self.dump(), before)
        many = self.load("genres", workbook([["GenreId", "Name"]] + [[f"x{number}", None] for number in range(600)]))
        self.assertEqual(len(many.violations()), 100)

    def test_files_that_are_none(self):
        whole = workbook([["GenreId", "Name"], [1, "Rock"]])
        for body in (b"", b"GenreId,Name\n1,Rock\n", whole[:-1], whole[:200], whole + b"x", b"\xd0\xcf\x11\xe0" * 100, workbook([]),
                     workbook([["GenreId"]]), workbook([["GenreId", "Nonsense"]]),
                     workbook([], sheet="<row><c><v>1</v></c>"), workbook([], sheet="<!DOCTYPE a><row/>")):
            refused = self.load("genres", body)
            self.assertEqual((refused.status, refused.reason()), (400, "IMPORT_REFUSED"), (body, refused))
        # What it says it is counts.
        self.assertEqual(self.load("genres", whole, kind="text/csv").status, 400)
        self.assertEqual(self.load("genres", whole, kind="application/vnd.ms-excel").status, 415)
        bomb = workbook([], sheet="<row><c><v>1</v></c></row>" + " " * 5_000_000)
        self.assertIn("more than 200 times its size", self.load("genres", bomb).body.decode())
        self.assertEqual(free_disk_users(self.store.process.pid), [])

    def test_the_command_line(self):
        with tempfile.TemporaryDirectory() as folder:
            database = database_of(folder, "a")

            def run(*words, code=0):
                done = subprocess.run([BINARY, *words, *database.settings], cwd=os.path.dirname(DATA),
                                      capture_output=True, text=True, timeout=300, check=False)
                self.assertEqual(done.returncode, code, done)
                return done.stdout + done.stderr

            def dump():
                return "\n".join(line for line in database.dump().splitlines() if "_at" not in line)

            run("import", "--dir", DATA)
            files = os.path.join(folder, "files")
            self.assertIn("Track.xlsx", run("export", "--dir", files, "--format", "xlsx"))
            self.assertEqual(len(os.listdir(files)), 11)
            before = dump()
            self.assertNotIn("inserted ", run("import", "--dir", files).replace("0 inserted", ""))
            self.assertEqual(dump(), before)
            database = database_of(folder, "b")
            run("import", "--dir", files)
            run("import", "--dir", files, "--format=xlsx", "Genre")
            run("export", "--dir", files, "Genre")
            self.assertIn("both Genre.csv and Genre.xlsx", run("import", "--dir", files, "Genre", code=2))
            self.assertIn("csv or xlsx", run("import", "--dir", files, "--format", "ods", code=2))
            self.assertIn("Genre.xlsx", run("import", "--dir", folder, "--format", "xlsx", "Genre", code=1))
            with open(os.path.join(files, "Genre.xlsx"), "wb") as file:
                file.write(workbook([["GenreId", "Name"], [1, "x" * 200]]))
            self.assertIn("Genre.xlsx:2: Name: ", run("import", "--dir", files, "--format", "xlsx", "Genre", code=1))


class LimitsTest(unittest.TestCase):
    def test_limits(self):
        with Store("--import.on_start=false", "--api.export_rows=3", "--api.import_body=4KiB") as store:
            def load(body):
                return store.request("POST", "/api/v1/genres/import", body, {"Content-Type": XLSX})

            small = workbook([["GenreId", "Name"], [1, "a"], [2, "b"], [3, "c"]])
            self.assertLessEqual(len(small), 4096)
            self.assertEqual(load(small).status, 200)
            self.assertEqual(store.get("/api/v1/genres/export?format=xlsx").status, 200)
            self.assertEqual(load(workbook([["GenreId", "Name"], [4, "d"]])).status, 200)
            past = store.get("/api/v1/genres/export?format=xlsx")
            self.assertEqual((past.status, past.reason()), (400, "EXPORT_TOO_LARGE"), past)
            comment = 4096 - len(small)
            self.assertEqual(load(small[:-2] + comment.to_bytes(2, "little") + b"x" * comment).status, 200)
            comment += 1
            self.assertEqual(load(small[:-2] + comment.to_bytes(2, "little") + b"x" * comment).status, 413)

    def test_no_folder_for_temporary_files(self):
        with Store("--import.on_start=false", environment={"TMPDIR": "/nonexistent"}) as store:
            self.assertEqual(store.get("/api/v1/genres/export").status, 200)
            for answer in (store.get("/api/v1/genres/export?format=xlsx"),
                           store.request("POST", "/api/v1/genres/import", b"GenreId,Name\n1,a\n", {"Content-Type": "text/csv"})):
                self.assertEqual(answer.status, 503, answer)
            # What clients are not told; the log has a thread of its own.
            end = time.monotonic() + 10
            while store.log().count("TMPDIR names none") < 2 and time.monotonic() < end:
                time.sleep(0.01)
            self.assertEqual(store.log().count("TMPDIR names none"), 2)

    def test_memory_is_bounded_for_many_rows(self):
        count = 150_000
        with Store("--import.on_start=false", f"--api.export_rows={count}") as store:
            rows = store.database
            rows.rows(f"INSERT INTO artists (name, created_at, updated_at, version) "
                      f"SELECT {rows.scattered()}, {rows.epoch}, {rows.epoch}, 1 FROM {rows.series(count)} AS n")
            store.get("/api/v1/artists?limit=200")
            # The first one of a third: threads and what they keep are there, and from here on it does not grow.
            third = store.get(f"/api/v1/artists/export?format=xlsx&id.lt={count // 3 + 1}")
            self.assertEqual(third.status, 200, third)
            before = self.peak(store)
            exported = store.get("/api/v1/artists/export?format=xlsx")
            self.assertEqual(exported.status, 200, exported.status)
            with zipfile.ZipFile(io.BytesIO(exported.body)) as archive:
                size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
                self.assertEqual(archive.read("xl/worksheets/sheet1.xml").count(b"<row "), count + 1)
            grown = self.peak(store) - before
            print(f"an export of {len(exported.body)} bytes ({size} of XML): {grown} KiB more at the peak")
            self.assertGreater(size, 30 * 1024 * 1024)
            self.assertLess(grown, 6 * 1024)
            imported = store.request("POST", "/api/v1/artists/import?dry_run=true", exported.body, {"Content-Type": XLSX})
            self.assertEqual((imported.status, imported.json()["unchanged"]), (200, count), imported)
            print(f"its import: {self.peak(store) - before} KiB more at the peak")
            self.assertLess(self.peak(store) - before, 24 * 1024)
            self.assertEqual(free_disk_users(store.process.pid), [])

    @staticmethod
    def peak(store):
        with open(f"/proc/{store.process.pid}/status", encoding="ascii") as file:
            return int(next(line for line in file if line.startswith("VmHWM")).split()[1])


if __name__ == "__main__":
    unittest.main()
