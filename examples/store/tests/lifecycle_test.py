# SPDX-License-Identifier: Apache-2.0
"""Start, import, probes, commands and the orderly end."""
import csv
import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from database import IS_SERVER, database_of
from store_process import BINARY, DATA, EXAMPLE, Store, run_command


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="store-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def data_with(self, file, change):
        """A copy of the CSV files with one of them changed by `change(lines)`."""
        data = os.path.join(self.folder, "data")
        shutil.copytree(DATA, data)
        path = os.path.join(data, file)
        with open(path, encoding="utf-8") as source:
            lines = source.read().split("\n")
        change(lines)
        with open(path, "w", encoding="utf-8") as target:
            target.write("\n".join(lines))
        return data

    def command(self, *words):
        return run_command(*words, *database_of(self.folder).settings)


class ImportTest(Folder):
    def test_second_import_changes_nothing(self):
        status, text = self.command("import")
        self.assertEqual(status, 0, text)
        self.assertRegex(text, r"Track +3 503 inserted +0 updated +0 unchanged")
        status, text = self.command("import")
        self.assertEqual(status, 0, text)
        self.assertRegex(text, r"Track +0 inserted +0 updated +3 503 unchanged")
        self.assertNotIn("REFUSED", text)
        with Store(folder=self.folder) as store:
            self.assertEqual(store.get("/api/v1/tracks?limit=1&total=true").json()["total"], 3503)

    def test_a_changed_row_is_updated(self):
        self.assertEqual(self.command("import")[0], 0)

        def change(lines):
            lines[1] = lines[1].replace("For Those", "FOR THOSE", 1)

        data = self.data_with("Track.csv", change)
        status, text = self.command("import", "--dir", data, "Track")
        self.assertEqual(status, 0, text)
        self.assertRegex(text, r"Track +0 inserted +1 updated +3 502 unchanged")

    def test_bad_rows_are_named_and_nothing_of_the_file_is_kept(self):
        def change(lines):
            fields = lines[9].split(",")
            fields[-1] = "cheap"
            lines[9] = ",".join(fields)
            lines[20] = lines[20].rsplit(",", 3)[0] + ",0,1,0.99"

        data = self.data_with("Track.csv", change)
        status, text = self.command("import", "--dir", data)
        self.assertEqual(status, 1, text)
        self.assertRegex(text, r"Track\.csv:10: UnitPrice: \S+")
        self.assertRegex(text, r"Track\.csv:21: Milliseconds: \S+")
        self.assertRegex(text, r"Track +REFUSED: 2 bad rows")
        with Store("--import.on_start=false", folder=self.folder) as store:
            self.assertEqual(store.get("/api/v1/tracks?limit=1&total=true").json()["total"], 0)
            self.assertEqual(store.get("/api/v1/albums?limit=1&total=true").json()["total"], 347)

    def test_a_key_that_is_given_twice_is_named(self):
        data = self.data_with("Genre.csv", lambda lines: lines.insert(5, "2,Noise"))
        pairs = os.path.join(data, "PlaylistTrack.csv")
        with open(pairs, encoding="utf-8") as file:
            lines = file.read().split("\n")
        with open(pairs, "w", encoding="utf-8") as file:
            file.write("\n".join(lines[:4] + [lines[1]] + lines[4:]))
        status, text = self.command("import", "--dry-run", "--dir", data)
        self.assertEqual(status, 1, text)
        self.assertIn("\nGenre.csv:6: GenreId: is given twice, first in line 3\n", text)
        self.assertIn("\nPlaylistTrack.csv:5: PlaylistId, TrackId: is given twice, first in line 2\n", text)

    def test_a_dry_run_tries_all_files_together_and_keeps_nothing(self):
        status, text = self.command("import", "--dry-run")
        self.assertEqual(status, 0, text)
        self.assertRegex(text, r"InvoiceLine +2 240 inserted")
        self.assertIn("dry run: nothing was kept", text)
        data = self.data_with("Employee.csv", lambda lines: lines.__setitem__(2, lines[2].replace(",1,", ",99,", 1)))
        with open(os.path.join(data, "Genre.csv"), "a", encoding="utf-8") as file:
            file.write("x,Noise\n")
        status, text = self.command("import", "--dry-run", "--dir", data)
        self.assertEqual(status, 1, text)
        self.assertRegex(text, r"Genre\.csv:\d+: GenreId: \S+")
        self.assertIn("\nEmployee.csv:3: ReportsTo: refers to nothing that exists\n", text)
        self.assertRegex(text, r"Employee +REFUSED: 1 bad rows")
        self.assertRegex(text, r"Customer +59 inserted")
        with Store("--import.on_start=false", folder=self.folder) as store:
            for entity in store.get("/start.json").json()["entities"]:
                self.assertEqual(entity["rows"], 0, entity)

    def test_what_looks_at_a_database_makes_none(self):
        there = os.path.join(self.folder, "backup")
        self.assertEqual(self.command("import", "Genre")[0], 0)
        self.assertEqual(self.command("export", "--dir", there, "Genre")[0], 0)
        if IS_SERVER:
            return  # which says itself that it has no such database
        typo = f"--database.path={self.folder}/typo.db"
        for words, ends in ((("export", "--dir", there, "Genre"), 1), (("migrate", "down"), 1), (("migrate", "status"), 0),
                            (("migrate", "plan"), 0)):
            status, text = run_command(*words, typo)
            self.assertEqual(status, ends, text)
            self.assertIn("there is no database", text)
        self.assertEqual(run_command("migrate", "stauts", typo)[0], 2)
        self.assertFalse(os.path.exists(f"{self.folder}/typo.db"))
        with open(os.path.join(there, "Genre.csv"), encoding="utf-8") as file:
            self.assertEqual(len(file.readlines()), 26)

    def test_a_row_may_refer_to_a_later_one_of_its_file_but_not_to_none(self):
        def last_first(lines):
            lines[1:] = reversed([line for line in lines[1:] if line])
            lines.append("")

        data = self.data_with("Employee.csv", last_first)
        status, text = self.command("import", "--dir", data, "Employee")
        self.assertEqual(status, 0, text)
        self.assertRegex(text, r"Employee +8 inserted")

        path = os.path.join(data, "Employee.csv")
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        column = rows[0].index("ReportsTo")
        rows[2][column] = rows[4][column] = "99"
        with open(path, "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
        status, text = self.command("import", "--dir", data, "Employee")
        self.assertEqual(status, 1, text)
        for line in (3, 5):
            self.assertIn(f"\nEmployee.csv:{line}: ReportsTo: refers to nothing that exists\n", text)
        self.assertRegex(text, r"Employee +REFUSED: 2 bad rows")
        with Store("--import.on_start=false", folder=self.folder) as store:
            self.assertEqual(store.get("/api/v1/employees?reports_to_id=99&total=true").json()["total"], 0)

    def test_a_bad_file_on_start_leaves_the_server_unready_but_up(self):
        data = self.data_with("Genre.csv", lambda lines: lines.insert(3, "x,Noise"))
        with Store(data=data, folder=self.folder, wait=False) as store:
            self.wait_started(store)
            ready = store.get("/readyz")
            self.assertEqual(ready.status, 503)
            self.assertIn("Genre", ready.json()["checks"]["import"])
            self.assertEqual(store.get("/healthz").status, 200)
            self.assertEqual(store.terminate(), 0)
            self.assertIn("refused row", store.log())

    def wait_started(self, store):
        for _ in range(6000):
            if store.get("/startupz").status == 200:
                return
            time.sleep(0.02)
        self.fail("never started")

    def test_export_gives_the_files_back(self):
        self.assertEqual(self.command("import")[0], 0)
        out = os.path.join(self.folder, "out")
        status, text = self.command("export", "--dir", out)
        self.assertEqual(status, 0, text)
        self.assertEqual(sorted(os.listdir(out)), sorted(name for name in os.listdir(DATA) if name.endswith(".csv")))
        # What was exported says the same: importing it changes nothing.
        status, text = self.command("import", "--dir", out)
        self.assertEqual(status, 0, text)
        self.assertNotRegex(text, r"[1-9][0-9 ]* (inserted|updated)")

    def test_an_empty_text_is_not_a_missing_one(self):
        """A store filled with what another has exported says the same, texts that are empty included."""
        with Store(folder=self.folder) as store:
            changes = {"/api/v1/tracks/1": {"composer": ""}, "/api/v1/tracks/2": {"composer": None}, "/api/v1/playlists/1": {"name": ""}}
            for url, change in changes.items():
                self.assertEqual(store.request("PATCH", url, change).status, 200, url)
        out = os.path.join(self.folder, "out")
        self.assertEqual(self.command("export", "--dir", out)[0], 0)
        with open(os.path.join(out, "Playlist.csv"), encoding="utf-8") as file:
            self.assertIn('\n1,""\n', file.read())
        os.mkdir(os.path.join(self.folder, "other"))
        with Store(data=out, folder=os.path.join(self.folder, "other")) as other:
            for url, change in changes.items():
                for field, value in change.items():
                    self.assertEqual(other.get(url).json()[field], value, url)

    def test_an_export_brings_nobody_back(self):
        person = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com"}
        with Store(folder=self.folder) as store:
            left = store.request("POST", "/api/v1/customers", person).json()["id"]
            self.assertEqual(store.request("DELETE", f"/api/v1/customers/{left}").status, 204)
            came = store.request("POST", "/api/v1/customers", person).json()["id"]  # the address is free again
        out = os.path.join(self.folder, "out")
        self.assertEqual(self.command("export", "--dir", out)[0], 0)
        os.mkdir(os.path.join(self.folder, "other"))
        with Store(data=out, folder=os.path.join(self.folder, "other")) as other:
            self.assertEqual(other.get(f"/api/v1/customers/{left}").status, 404)
            self.assertEqual(other.get(f"/api/v1/customers/{came}").json()["email"], "ada@example.com")
            self.assertEqual(other.get("/api/v1/customers?limit=1&total=true").json()["total"], 60)

        path = os.path.join(out, "Customer.csv")
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        rows = [{**rows[0], "CustomerId": left, "Email": "away@example.com"}]
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
        status, text = self.command("import", "--dir", out, "Customer")
        self.assertEqual(status, 1, text)
        self.assertIn(f"Customer.csv:2: CustomerId: is that of customer {left}, which is deleted; restore or purge it first", text)
        with Store("--import.on_start=false", folder=self.folder) as store:
            self.assertEqual(store.get(f"/api/v1/customers/{left}").status, 404, "a file does not bring it back either")
            # Its own address was given away; what the file says was not stored.
            restored = store.request("POST", f"/api/v1/customers/{left}/restore")
            self.assertEqual((restored.status, restored.reason()), (409, "CUSTOMER_EMAIL_TAKEN"), restored)

    def test_unknown_entities_and_folders(self):
        status, text = self.command("import", "Trak")
        self.assertEqual(status, 2, text)
        self.assertIn("did you mean 'Track'?", text)
        self.assertNotEqual(self.command("import", "--dir", "/nowhere")[0], 0)


class ProbeTest(Folder):
    def test_probes_while_starting_and_after(self):
        with Store(folder=self.folder, wait=False) as store:
            self.assertEqual(store.get("/healthz").status, 200)
            seen = set()
            while True:
                started, ready = store.get("/startupz"), store.get("/readyz")
                seen.add((started.status, ready.status))
                if ready.status == 200:
                    break
            self.assertIn((503, 503), seen, "the import takes long enough to be seen")
            self.assertEqual(store.get("/startupz").status, 200)
            checks = ready.json()["checks"]
            self.assertEqual(set(checks.values()), {"ok"}, checks)
            self.assertEqual(set(checks), {"migrations", "import", "database", "accepting"})

    def test_the_second_start_knows_the_files(self):
        with Store(folder=self.folder) as store:
            self.assertEqual(store.terminate(), 0)
        begun = time.monotonic()
        with Store(folder=self.folder) as store:
            self.assertLess(time.monotonic() - begun, 30)
            self.assertEqual(store.get("/api/v1/tracks?limit=1&total=true").json()["total"], 3503)


class EndTest(Folder):
    def test_sigterm_lets_requests_end(self):
        with Store("--app.drain_interval=600ms", folder=self.folder) as store:
            busy = socket.create_connection(("127.0.0.1", store.port), timeout=30)
            busy.sendall(b"POST /api/v1/genres HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"name\"")
            store.process.send_signal(signal.SIGTERM)
            end = time.monotonic() + 10
            while store.get("/readyz").status == 200 and time.monotonic() < end:
                time.sleep(0.01)
            self.assertEqual(store.get("/readyz").status, 503, "unready, and still accepting")
            self.assertEqual(store.get("/healthz").status, 200)
            busy.sendall(b":\"Late\"}     "[:9])
            received = b""
            while part := busy.recv(65536):
                received += part
            self.assertTrue(received.startswith(b"HTTP/1.1 201 "), received)
            self.assertEqual(store.process.wait(60), 0)
            with self.assertRaises(ConnectionError):
                http.client.HTTPConnection("127.0.0.1", store.port, timeout=5).request("GET", "/")
            self.assertIn("stopping", store.log())
        with Store(folder=self.folder) as store:
            self.assertEqual(store.get("/api/v1/genres?name=Late&total=true").json()["total"], 1)

    def test_no_request_fails_while_it_stops(self):
        with Store("--app.drain_interval=300ms", folder=self.folder) as store:
            failures, done = [], threading.Event()

            def client():
                while not done.is_set():
                    connection = http.client.HTTPConnection("127.0.0.1", store.port, timeout=30)
                    try:
                        connection.connect()
                    except ConnectionError:
                        return  # the port is closed: the end
                    try:
                        connection.request("GET", "/api/v1/tracks/1", headers={"Connection": "close"})
                        if connection.getresponse().status != 200:
                            failures.append("status")
                    except ConnectionResetError:
                        pass  # accepted by the kernel, never by the server: the port was closing
                    except http.client.HTTPException as error:
                        failures.append(repr(error))
                    connection.close()

            threads = [threading.Thread(target=client) for _ in range(4)]
            for thread in threads:
                thread.start()
            time.sleep(0.2)
            self.assertEqual(store.terminate(), 0)
            done.set()
            for thread in threads:
                thread.join()
            self.assertEqual(failures, [])

    def test_sigterm_during_the_import(self):
        with Store(folder=self.folder, wait=False) as store:
            self.assertEqual(store.terminate(), 0)
        with Store(folder=self.folder) as store:
            self.assertEqual(store.get("/api/v1/tracks?limit=1&total=true").json()["total"], 3503)

    def test_a_second_signal_ends_at_once(self):
        with Store("--app.drain_interval=60s", folder=self.folder) as store:
            store.process.send_signal(signal.SIGTERM)
            end = time.monotonic() + 10
            while store.get("/readyz").status == 200 and time.monotonic() < end:
                time.sleep(0.01)
            store.process.send_signal(signal.SIGINT)
            self.assertEqual(store.process.wait(10), 128 + signal.SIGINT)

    def test_a_taken_port_is_named(self):
        with Store(folder=self.folder) as store:
            status, text = run_command(f"--http.port={store.port}", "--admin.port=0", *database_of(self.folder, "other").settings,
                                       "--import.on_start=false")
            self.assertEqual(status, 1, text)
            self.assertIn(str(store.port), text)
            self.assertIn("http.port", text)

    def test_an_address_of_somebody_else_is_named(self):
        status, text = self.command("--http.port=0", "--admin.port=0", "--http.address=192.0.2.1")
        self.assertEqual(status, 1, text)
        self.assertIn("--http.address=127.0.0.1", text)

    def test_a_taken_admin_port_ends_the_start_in_order(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            for _ in range(5):
                status, text = self.command("--env=staging", "--database.migrate_on_start=true", "--http.port=0", "--http.threads=4",
                                            f"--admin.port={taken.getsockname()[1]}")
                self.assertEqual(status, 1, text)
                self.assertIn("--admin.port=", text)

class CommandTest(Folder):
    def test_mistakes_name_the_nearest_word_and_end_with_2(self):
        for words, hint in ((["migrat"], "migrate"), (["--http.prot=1"], "http.port"), (["import", "--dryrun"], "--dry-run"),
                            (["--http.port=x"], "http.port"), (["--env=pord"], "prod")):
            status, text = self.command(*words)
            self.assertEqual(status, 2, (words, text))
            self.assertIn(hint, text)

    def test_help_config_version(self):
        status, text = self.command("help")
        self.assertEqual((status, text.startswith("  store ")), (0, True), text)
        status, text = self.command("config", "--http.port=4711")
        self.assertEqual(status, 0, text)
        self.assertIn("4711", text)
        self.assertIn("command line", text)
        self.assertEqual(self.command("version")[0], 0)

    def test_migrations_up_down_up(self):
        status, text = self.command("migrate", "status")
        self.assertEqual((status, "pending" in text), (0, True), text)
        self.assertIn("CREATE TABLE", self.command("migrate", "plan")[1])
        for verb, word in (("up", "applied"), ("down", "undone"), ("up", "applied")):
            status, text = self.command("migrate", verb)
            self.assertEqual((status, word in text), (0, True), text)
        self.assertIn("nothing to apply", self.command("migrate", "up")[1])

    def test_pending_migrations_are_refused_where_they_are_a_step_of_their_own(self):
        status, text = self.command("--database.migrate_on_start=false", "--http.port=0", "--admin.port=0")
        self.assertEqual(status, 1, text)
        self.assertIn("store migrate up", text)


class PagesTest(Folder):
    def test_pages_metrics_and_production(self):
        with Store(folder=self.folder) as store:
            page = store.get("/")
            self.assertEqual((page.status, page.headers["x-content-type-options"]), (200, "nosniff"))
            self.assertIn("default-src 'none'", page.headers["content-security-policy"])
            self.assertEqual(store.get("/docs").status, 200)
            document = store.get("/openapi.yaml")
            self.assertTrue(document.body.startswith(b"openapi:") or b"\nopenapi: " in document.body)
            self.assertEqual(store.get("/metrics").status, 404, "metrics have a listener of their own")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with Store(f"--admin.port={port}", "--app.pages=false", folder=self.folder) as store:
            self.assertEqual(store.get("/").status, 404)
            self.assertEqual(store.get("/api/v1/tracks/1").status, 200)
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
            self.assertIn('http_server_requests_total{method="GET",route="/api/v1/tracks/{id', text)

    def test_the_program_needs_nothing_but_itself(self):
        """From any folder, without configuration files."""
        begun = subprocess.run([BINARY, "version"], cwd=self.folder, capture_output=True, text=True, timeout=60)
        self.assertEqual(begun.returncode, 0, begun.stderr)
        self.assertTrue(os.path.isdir(EXAMPLE))


if __name__ == "__main__":
    unittest.main()
