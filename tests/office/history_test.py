# SPDX-License-Identifier: Apache-2.0
"""Soft deletes with parents, and what the removal of a row does to the rows around it and their history."""
import random
import unittest

from office_process import Office

ADMIN = "root admin"


class HistoryTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.office = Office()
        cls.number = 0

    @classmethod
    def tearDownClass(cls):
        cls.office.close()

    def make(self, path, **body):
        return self.office.made(ADMIN, path, body)

    def client(self, **more):
        type(self).number += 1
        return self.make("/clients", name=f"Client {self.number}", email=f"h{self.number}@example.com", **more)

    def ask(self, method, path, body=None, status=None):
        answer = self.office.ask(ADMIN, method, path, body)
        if status is not None:
            self.assertEqual(answer.status, status, (method, path, answer))
        return answer

    def history(self, path):
        return self.ask("GET", path + "/history", status=200).json()["items"]

    def test_nothing_comes_back_without_what_it_belongs_to(self):
        folder = self.make("/folders", title="Goes")
        client = self.client(folder_id=folder["id"])
        url = f"/clients/{client['id']}"
        self.ask("DELETE", url, status=204)
        self.ask("DELETE", f"/folders/{folder['id']}", status=204)
        refused = self.ask("POST", url + "/restore", status=409)
        self.assertEqual(refused.reason(), "CLIENT_FOLDER_NOT_FOUND")
        self.assertIn("folder_id", refused.violations())
        self.assertEqual([each["operation"] for each in self.history(url)], ["delete", "create"])
        self.ask("POST", f"/folders/{folder['id']}/restore", status=200)
        self.assertEqual(self.ask("POST", url + "/restore", status=200).json()["folder_id"], folder["id"])

    def test_what_goes_with_a_purged_row(self):
        """Papers go with their client, and stamps lose their paper: with versions, times and history."""
        client = self.client()
        papers = [self.make("/papers", text="p", client_id=client["id"]) for _ in range(3)]
        other = self.make("/papers", text="stays", client_id=self.client()["id"])
        stamps = [self.make("/stamps", mark="s", paper_id=each["id"]) for each in (*papers, other)]
        url = f"/clients/{client['id']}"
        self.ask("DELETE", url, status=204)
        self.assertEqual(self.ask("GET", f"/papers/{papers[0]['id']}", status=200).json()["version"], 1)
        self.ask("POST", url + "/purge", status=204)
        for paper in papers:
            path = f"/papers/{paper['id']}"
            self.ask("GET", path, status=404)
            self.assertEqual([(each["operation"], each["version"]) for each in self.history(path)], [("delete", 1), ("create", 1)])
        for stamp, paper in zip(stamps, papers):
            now = self.ask("GET", f"/stamps/{stamp['id']}", status=200).json()
            self.assertEqual((now["paper_id"], now["version"]), (None, 2))
            self.assertGreater(now["updated_at"], stamp["updated_at"])
            last = self.history(f"/stamps/{stamp['id']}")[0]
            self.assertEqual((last["operation"], last["changes"], last["who"]), ("update", {"paper_id": [paper["id"], None]}, "root"))
            self.assertEqual((last["version"], last["at"]), (2, now["updated_at"]))
        self.assertEqual(self.ask("GET", f"/stamps/{stamps[3]['id']}", status=200).json(), stamps[3])
        self.assertEqual(len(self.history(f"/papers/{other['id']}")), 1)

    def test_a_purged_folder_is_taken_out_of_papers(self):
        folder = self.make("/folders", title="Purged")
        paper = self.make("/papers", text="in it", client_id=self.client()["id"], folder_id=folder["id"])
        self.ask("DELETE", f"/folders/{folder['id']}", status=204)
        self.assertEqual(self.ask("GET", f"/papers/{paper['id']}").json()["folder_id"], folder["id"], "it may come back")
        self.ask("POST", f"/folders/{folder['id']}/purge", status=204)
        now = self.ask("GET", f"/papers/{paper['id']}").json()
        self.assertEqual((now["folder_id"], now["version"]), (None, 2))
        self.assertEqual(self.history(f"/papers/{paper['id']}")[0]["changes"], {"folder_id": [folder["id"], None]})

    def test_secrets_are_not_remembered(self):
        client = self.client(pin="1234")
        url = f"/clients/{client['id']}"
        self.assertNotIn("pin", client)
        self.ask("PATCH", url, {"pin": "5678"}, status=200)
        self.ask("PATCH", url, {"pin": "5678", "name": "Same pin"}, status=200)
        answer = self.ask("GET", url + "/history", status=200)
        self.assertEqual([each["changes"].get("pin") for each in answer.json()["items"]], [None, "changed", "changed"])
        for secret in (b"1234", b"5678"):
            self.assertNotIn(secret, answer.body)
        self.assertIn("fields", self.ask("GET", url + "?fields=pin", status=400).violations())

    def test_replaying_gives_every_row(self):
        """Random changes of a small office; each row is what its history says, and so is which rows there are."""
        dice = random.Random(7)
        people, papers, stamps, clients = [], [], [], []
        for step in range(250):
            what = dice.randrange(10)
            if what == 0:
                people.append(self.make("/people", login=f"l{step}", name="P", boss_id=dice.choice([None, *people]))["id"])
            elif what in (1, 2):
                clients.append(self.client(rep_id=dice.choice([None, *people]))["id"])
            elif what in (3, 4) and clients:
                answer = self.ask("POST", "/papers", {"text": f"t{step}", "client_id": dice.choice(clients)})
                papers += [answer.json()["id"]] if answer.status == 201 else []
            elif what == 5 and papers:
                answer = self.ask("POST", "/stamps", {"mark": "m", "paper_id": dice.choice(papers)})
                stamps += [answer.json()["id"]] if answer.status == 201 else []
            elif what == 6 and clients:
                self.ask("PATCH", f"/clients/{dice.choice(clients)}",
                         {dice.choice(["name", "notes"]): f"é{step}", "credit": f"{step}.50", "rep_id": dice.choice([None, *people])})
            elif what == 7 and clients:
                url = f"/clients/{dice.choice(clients)}"
                self.ask("DELETE", url)
                self.ask("POST", url + dice.choice(["/restore", "/purge", "/restore"]))
            elif what == 8 and papers:
                self.ask("DELETE", f"/papers/{dice.choice(papers)}")
            elif people:
                person = dice.choice(people)
                if self.ask("DELETE", f"/people/{person}").status == 204:
                    people.remove(person)
        checked = 0
        for plural, ids in (("papers", papers), ("stamps", stamps), ("clients", clients), ("people", people)):
            for row in ids:
                checked += self.check_replay(f"/{plural}/{row}", row)
        self.assertGreater(checked, 50)

    def check_replay(self, path, row_id):
        answer = self.office.ask("root admin,manager", "GET", path)
        entries = self.office.ask("root admin,manager", "GET", path + "/history?limit=200").json()["items"]
        row, there = {"id": row_id}, False
        for entry in reversed(entries):
            there = entry["operation"] not in ("delete", "purge")
            if entry["operation"] == "purge":
                row = {"id": row_id}
            for name, pair in entry["changes"].items():
                self.assertEqual(row.get(name), pair[0], (path, entry))
                row[name] = pair[1]
            row["version"], row["updated_at"] = entry["version"], entry["at"]
        self.assertEqual(answer.status, 200 if there else 404, (path, entries))
        if not there:
            return 0
        current = answer.json()
        self.assertEqual({name: row.get(name) for name in current}, current, path)
        return 1


if __name__ == "__main__":
    unittest.main()
