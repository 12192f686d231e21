# SPDX-License-Identifier: Apache-2.0
"""Who may do what: roles by operation, fields and rows, and that refusals tell nothing they should not."""
import csv
import io
import os
import unittest

from office_process import Office, run_command

ADMIN, FINANCE = "root admin", "fin finance,auditor"
ANA, BEN = "ana clerk", "ben clerk"          # two clerks, each with clients of their own
BOSS = "boss manager"                         # of ana
AUDITOR, NOBODY, STRANGER = "aud auditor", None, "eve finance"


class AccessTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.office = office = Office()
        boss = office.made(ADMIN, "/people", {"login": "boss", "name": "Boss"})
        cls.ana = office.made(ADMIN, "/people", {"login": "ana", "name": "Ana", "boss_id": boss["id"]})
        cls.ben = office.made(ADMIN, "/people", {"login": "ben", "name": "Ben"})
        cls.number = 0

    @classmethod
    def tearDownClass(cls):
        cls.office.close()

    def client(self, rep, **more):
        type(self).number += 1
        return self.office.made(ADMIN, "/clients", {"name": f"Client {self.number}", "email": f"c{self.number}@example.com",
                                                    "rep_id": rep and rep["id"], "credit": "7777.77", "notes": "hush-hush", **more})

    def refused(self, answer, status, reason, *hidden):
        self.assertEqual((answer.status, answer.reason()), (status, reason), answer)
        for text in ("7777.77", "hush-hush", *hidden):
            self.assertNotIn(text.encode(), answer.body)
        return answer

    def test_roles_by_operation(self):
        mine, folder = self.client(self.ana), self.office.made(NOBODY, "/folders", {"title": "Open to all"})
        self.assertEqual(self.office.ask(NOBODY, "GET", f"/folders/{folder['id']}").status, 200, "no rules, no refusal")
        url = f"/clients/{mine['id']}"
        tag = self.office.made(ADMIN, "/tags", {"name": "vip"})
        body = {"name": "N", "email": "new.matrix@example.com"}
        reads = [("GET", "/clients", None), ("GET", url, None), ("GET", url + "/history", None), ("GET", url + "/papers", None),
                 ("GET", "/clients?fields=name", None)]
        writes = [("POST", "/clients", body), ("PATCH", url, {"name": "M"}), ("PUT", url, body), ("DELETE", url, None),
                  ("POST", url + "/restore", None), ("POST", url + "/purge", None), ("POST", url + "/touch", None),
                  ("PUT", f"{url}/tags/{tag['id']}", None), ("DELETE", f"{url}/tags/{tag['id']}", None)]
        for who, may_read, may_write in ((NOBODY, False, False), (STRANGER, False, False), (AUDITOR, True, False), (BOSS, True, False),
                                         (ANA, True, True), (ADMIN, True, True)):
            for method, path, body in reads:
                with self.subTest(f"{who} {method} {path}"):
                    answer = self.office.ask(who, method, path, body)
                    self.assertEqual(answer.status == 200, may_read, answer)
                    if not may_read:
                        self.refused(answer, 403, "CLIENT_READ_FORBIDDEN", "Client ")
            for method, path, body in writes:
                if may_write:
                    continue
                with self.subTest(f"{who} {method} {path}"):
                    answer = self.refused(self.office.ask(who, method, path, body), 403, "CLIENT_WRITE_FORBIDDEN")
                    # What is there and what is not look the same to whoever may not ask.
                    other = self.office.ask(who, method, path.replace(f"/{mine['id']}", "/999999"), body)
                    self.assertEqual(other.json()["message"], answer.json()["message"])
        self.assertEqual(self.office.ask(ADMIN, "GET", url).json()["version"], 1, "nothing was changed")

    def test_every_write_of_who_may(self):
        mine = self.client(self.ana)
        url, tag = f"/clients/{mine['id']}", self.office.made(ADMIN, "/tags", {"name": "gold"})
        for method, path, body, status in (("PATCH", url, {"name": "M"}, 200), ("PUT", f"{url}/tags/{tag['id']}", None, 204),
                                           ("DELETE", f"{url}/tags/{tag['id']}", None, 204), ("DELETE", url, None, 204),
                                           ("POST", url + "/restore", None, 200), ("DELETE", url, None, 204), ("POST", url + "/purge", None, 204)):
            answer = self.office.ask(ANA, method, path, body)
            self.assertEqual(answer.status, status, (method, path, answer))

    def test_the_targets_rules_hold_for_sub_lists_links_and_expansions(self):
        mine = self.client(self.ana)
        tag = self.office.made(ADMIN, "/tags", {"name": "silver"})
        url = f"/clients/{mine['id']}"
        self.assertEqual(self.office.ask(ANA, "GET", url + "/tags").status, 200)
        self.refused(self.office.ask(AUDITOR, "GET", url + "/tags"), 403, "TAG_READ_FORBIDDEN")
        self.refused(self.office.ask(AUDITOR, "GET", url + "?expand=rep"), 403, "PERSON_READ_FORBIDDEN")
        self.refused(self.office.ask(AUDITOR, "GET", "/clients?expand=rep"), 403, "PERSON_READ_FORBIDDEN")
        self.assertEqual(self.office.ask(ANA, "GET", url + "?expand=rep").json()["rep"]["login"], "ana")
        self.refused(self.office.ask("ana auditor", "GET", f"/people/{self.ana['id']}/clients"), 403, "PERSON_READ_FORBIDDEN")
        self.assertEqual(self.office.ask(NOBODY, "PUT", f"{url}/tags/{tag['id']}").status, 403)
        # Rows of others are left out of what they belong to.
        folder = self.office.made(ADMIN, "/folders", {"title": "Shared"})
        both = [self.client(rep, folder_id=folder["id"]) for rep in (self.ana, self.ben)]
        listed = self.office.ask(ANA, "GET", f"/folders/{folder['id']}/clients?total=true").json()
        self.assertEqual(([item["id"] for item in listed["items"]], listed["total"]), ([both[0]["id"]], 1))
        papers = [self.office.made(NOBODY, "/papers", {"text": "p", "client_id": each["id"]})["id"] for each in both]
        ids = f"{both[0]['id']},{both[1]['id']}"
        seen = self.office.ask(ANA, "GET", f"/papers?expand=client&client_id.in={ids}").json()["items"]
        self.assertEqual([each["id"] for each in seen], papers)
        self.assertEqual(seen[0]["client"]["id"], both[0]["id"])
        self.assertNotIn("credit", seen[0]["client"])
        self.assertIsNone(seen[1]["client"], "a client of another clerk")

    def test_lists_in_answers_keep_the_targets_rules(self):
        folder = self.office.made(ADMIN, "/folders", {"title": "Nested"})
        mine, others = (self.client(rep, folder_id=folder["id"]) for rep in (self.ana, self.ben))
        tag = self.office.made(ADMIN, "/tags", {"name": "nested"})
        for each in (mine, others):
            self.office.made(NOBODY, "/papers", {"text": f"of {each['id']}", "client_id": each["id"], "folder_id": folder["id"]})
            self.assertEqual(self.office.ask(ADMIN, "PUT", f"/clients/{each['id']}/tags/{tag['id']}").status, 204)
        url = f"/folders/{folder['id']}"

        def shown(who, path):
            answer = self.office.ask(who, "GET", f"{url}?expand={path}")
            self.assertEqual(answer.status, 200, answer)
            return answer.json()
        for who, rows in ((ANA, [mine]), (BEN, [others]), (BOSS, [mine]), (ADMIN, [mine, others]), ("zoe clerk", [])):
            clients = shown(who, "clients.papers")["clients"]
            self.assertEqual([each["id"] for each in clients], [each["id"] for each in rows], who)
            self.assertEqual([each["papers"][0]["text"] for each in clients], [f"of {each['id']}" for each in rows])
            self.assertEqual("credit" in str(clients), who == ADMIN, "fields of others are not shown")
            self.assertEqual("notes" in str(clients), bool(rows) and who in (ADMIN, BOSS))
            self.assertNotIn("pin", str(clients))
        # One who is hidden ends a path.
        papers = shown(ANA, "papers.client.tags")["papers"]
        self.assertEqual([each["client"] and each["client"]["id"] for each in papers], [mine["id"], None])
        self.assertEqual([each["name"] for each in papers[0]["client"]["tags"]], ["nested"])
        # Who may not read an entity is refused, on the way and at the end, whether there are rows or not.
        empty = self.office.made(ADMIN, "/folders", {"title": "Empty"})["id"]
        for where in (url, f"/folders/{empty}", "/folders"):
            for who, path, reason in ((STRANGER, "clients", "CLIENT"), (STRANGER, "papers.client.tags", "CLIENT"), (AUDITOR, "clients.tags", "TAG"),
                                      (AUDITOR, "clients.rep", "PERSON"), (AUDITOR, "papers,clients.rep.boss", "PERSON")):
                self.refused(self.office.ask(who, "GET", f"{where}?expand={path}"), 403, f"{reason}_READ_FORBIDDEN", "Client ")
        answer = self.office.ask(ANA, "GET", f"{url}?expand=clients&fields=clients.credit")
        self.refused(answer, 400, "PARAMETERS_INVALID")
        self.assertNotIn("credit,", answer.violations()["fields"])
        self.assertEqual(self.office.ask(ADMIN, "GET", f"{url}?expand=clients&fields=clients.credit").json()["clients"],
                         [{"id": mine["id"], "credit": "7777.77"}, {"id": others["id"], "credit": "7777.77"}])
        # What is deleted is shown by no relation.
        self.assertEqual(self.office.ask(ADMIN, "DELETE", f"/clients/{mine['id']}").status, 204)
        self.assertEqual([each["id"] for each in shown(ADMIN, "clients")["clients"]], [others["id"]])
        self.assertEqual([each["client"] and each["client"]["id"] for each in shown(ADMIN, "papers.client")["papers"]], [None, others["id"]])

    def test_fields_by_role(self):
        mine = self.client(self.ana)
        url = f"/clients/{mine['id']}"
        whole = set(self.office.ask("root admin,finance,manager", "GET", url).json())
        for who, hidden in ((ANA, {"credit", "notes"}), (AUDITOR, {"credit", "notes"}), (FINANCE, {"notes"}), (BOSS, {"credit"}),
                            (ADMIN, set()), ("trusted auditor", set())):
            with self.subTest(who):
                self.assertEqual(whole - set(self.office.ask(who, "GET", url).json()), hidden)
                listed = self.office.ask(who, "GET", f"/clients?email={mine['email']}").json()["items"][0]
                self.assertEqual(whole - set(listed), hidden)
                for name in ("credit", "notes"):
                    for query in (f"?fields={name}", f"?{name}.ne=0", f"?{name}=0", f"?sort={name}"):
                        if name == "notes" and query.startswith("?sort"):
                            continue
                        answer = self.office.ask(who, "GET", "/clients" + query)
                        if name in hidden:
                            self.refused(answer, 400, "PARAMETERS_INVALID")
                        else:
                            self.assertEqual(answer.status, 200, (query, answer))
                found = self.office.ask(who, "GET", "/clients?search=hush").json()["items"]
                self.assertEqual(bool(found), "notes" not in hidden, "hidden fields are not searched")
                changes = self.office.ask(who, "GET", url + "/history").json()["items"][0]["changes"]
                self.assertEqual({"credit", "notes"} - set(changes), hidden)
        tags = {who: self.office.ask(who, "GET", url).headers["etag"] for who in (ANA, ADMIN, BOSS)}
        self.assertEqual(len(set(tags.values())), 3, tags)
        self.assertEqual(self.office.ask(ANA, "GET", url, headers={"If-None-Match": tags[ANA]}).status, 304)
        self.assertEqual(self.office.ask(ANA, "GET", url, headers={"If-None-Match": tags[ADMIN]}).status, 200)
        self.assertEqual(self.office.ask(ANA, "PATCH", url, {"name": "By tag"}, {"If-Match": tags[ANA]}).status, 200)
        self.assertEqual(self.office.ask(ANA, "PATCH", url, {"name": "Stale"}, {"If-Match": tags[ANA]}).status, 412)

    def test_an_answer_is_not_repeated_to_fewer_roles(self):
        url, key = f"/clients/{self.client(self.ana)['id']}", {"Idempotency-Key": "as-before"}
        first = self.office.ask("root admin", "PATCH", url, {"name": "Keyed"}, key)
        self.assertEqual((first.status, first.json()["credit"]), (200, "7777.77"))
        self.assertEqual(self.office.ask("root admin", "PATCH", url, {"name": "Keyed"}, key).body, first.body)
        self.refused(self.office.ask("root clerk", "PATCH", url, {"name": "Keyed"}, key), 422, "IDEMPOTENCY_KEY_REUSED")
        self.refused(self.office.ask("root", "PATCH", url, {"name": "Keyed"}, key), 403, "CLIENT_WRITE_FORBIDDEN")

    def test_fields_that_may_not_be_written(self):
        mine = self.client(self.ana)
        url = f"/clients/{mine['id']}"
        for method, path, body in (("PATCH", url, {"credit": "1.00", "notes": None, "name": "X"}),
                                   ("PUT", url, {"name": "X", "email": mine["email"], "credit": "1.00", "notes": "n"}),
                                   ("POST", "/clients", {"name": "X", "email": "x.forbidden@example.com", "credit": "1.00", "notes": "n"})):
            answer = self.refused(self.office.ask(ANA, method, path, body), 403, "FIELDS_FORBIDDEN")
            self.assertEqual(answer.violations(), {"credit": "is not yours to write", "notes": "is not yours to write"})
        # In a bulk request they are told with all others, each at its place.
        bulk = {"update": [{"id": mine["id"], "patch": {"credit": "1.00"}}],
                "create": [{"name": "X", "email": "no address", "rep_id": self.ana["id"]},
                           {"name": "X", "email": "x.bulk@example.com", "rep_id": self.ana["id"], "notes": "n"}]}
        answer = self.refused(self.office.ask(ANA, "POST", "/clients/bulk", bulk), 400, "FIELDS_INVALID")
        self.assertEqual(set(answer.violations()), {"update[0].patch.credit", "create[0].email", "create[1].notes"}, answer)
        bulk["create"][0]["email"] = "x.address@example.com"
        answer = self.refused(self.office.ask(ANA, "POST", "/clients/bulk", bulk), 403, "FIELDS_FORBIDDEN")
        self.assertEqual(set(answer.violations()), {"update[0].patch.credit", "create[1].notes"}, answer)
        given = {"create": [{"name": "X", "email": "x.given@example.com", "rep_id": self.ben["id"]}]}
        answer = self.refused(self.office.ask(ANA, "POST", "/clients/bulk", given), 403, "CLIENT_ROW_FORBIDDEN")
        self.assertEqual(list(answer.violations()), ["create[0]"], answer)
        # A replacement leaves alone what its author does not see.
        put = self.office.ask(ANA, "PUT", url, {"name": "Put", "email": mine["email"], "rep_id": self.ana["id"]})
        self.assertEqual(put.status, 200, put)
        self.assertNotIn("credit", put.json())
        now = self.office.ask(ADMIN, "GET", url).json()
        self.assertEqual((now["name"], now["credit"], now["notes"]), ("Put", "7777.77", "hush-hush"))
        made = self.office.made(ANA, "/clients", {"name": "Y", "email": "y.made@example.com", "rep_id": self.ana["id"]})
        self.assertNotIn("credit", made)
        self.assertEqual(self.office.ask(ADMIN, "GET", f"/clients/{made['id']}").json()["credit"], "0.00")
        wrong = self.refused(self.office.ask(ANA, "PATCH", url, {"credi": "1"}), 400, "FIELDS_INVALID")
        self.assertNotIn("credit", wrong.violations()["credi"], "no suggestion of what is hidden")

    def test_rows_by_role(self):
        mine, others, nobodys = self.client(self.ana), self.client(self.ben), self.client(None)
        everyone = {mine["id"], others["id"], nobodys["id"]}

        def seen(who, query=""):
            answer = self.office.ask(who, "GET", "/clients?limit=200&total=true" + query)
            self.assertEqual(answer.status, 200, answer)
            items = answer.json()["items"]
            self.assertEqual(answer.json()["total"], len(items), who)
            return {item["id"] for item in items} & everyone
        for who, rows in ((ANA, {mine["id"]}), (BEN, {others["id"]}), (BOSS, {mine["id"]}), ("boss2 manager", set()), ("zoe clerk", set()),
                          (AUDITOR, everyone), (ADMIN, everyone), ("ana clerk,auditor", everyone), ("ben clerk,manager", {others["id"]})):
            with self.subTest(who):
                self.assertEqual(seen(who), rows)
                for row in everyone:
                    answer = self.office.ask(who, "GET", f"/clients/{row}")
                    if row in rows:
                        self.assertEqual(answer.status, 200, answer)
                    else:
                        self.refused(answer, 404, "CLIENT_NOT_FOUND")
                        self.refused(self.office.ask(who, "GET", f"/clients/{row}/history"), 404, "CLIENT_NOT_FOUND")
                        self.refused(self.office.ask(who, "GET", f"/clients/{row}/papers"), 404, "CLIENT_NOT_FOUND")
        # Pages of one's own rows have the length that was asked for.
        for _ in range(4):
            self.client(self.ben)
            self.client(self.ana)
        page = self.office.ask(ANA, "GET", "/clients?limit=2&sort=-name&total=true").json()
        ids = []
        while True:
            ids += [item["id"] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            self.assertEqual(len(page["items"]), 2)
            page = self.office.ask(ANA, "GET", f"/clients?limit=2&sort=-name&cursor={page['next_cursor']}").json()
        self.assertEqual(len(ids), len(set(ids)))
        self.assertEqual(len(ids), self.office.ask(ANA, "GET", "/clients?limit=1&total=true").json()["total"])

    def test_rows_of_others_are_not_changed(self):
        others = self.client(self.ben)
        url = f"/clients/{others['id']}"
        tag = self.office.made(ADMIN, "/tags", {"name": "bronze"})
        for method, path, body in (("PATCH", url, {"name": "Mine now", "rep_id": self.ana["id"]}),
                                   ("PUT", url, {"name": "Mine", "email": "m@example.com", "rep_id": self.ana["id"]}), ("DELETE", url, None),
                                   ("POST", url + "/touch", None), ("PUT", f"{url}/tags/{tag['id']}", None)):
            self.refused(self.office.ask(ANA, method, path, body), 404, "CLIENT_NOT_FOUND", "Client ")
        self.assertEqual(self.office.ask(ADMIN, "GET", url).json(), others)
        self.assertEqual(self.office.ask(BEN, "DELETE", url).status, 204)
        for path in ("/restore", "/purge"):
            self.refused(self.office.ask(ANA, "POST", url + path), 404, "CLIENT_NOT_FOUND")
        self.assertEqual(self.office.ask(BEN, "POST", url + "/restore").status, 200)

    def test_rows_are_neither_given_away_nor_made_for_others(self):
        mine = self.client(self.ana)
        url = f"/clients/{mine['id']}"
        for rep in (self.ben["id"], None):
            self.refused(self.office.ask(ANA, "PATCH", url, {"rep_id": rep}), 403, "CLIENT_ROW_FORBIDDEN")
            self.refused(self.office.ask(ANA, "POST", "/clients", {"name": "G", "email": "given@example.com", "rep_id": rep}), 403,
                         "CLIENT_ROW_FORBIDDEN")
        self.assertEqual(self.office.ask(ADMIN, "GET", url).json(), mine)
        self.assertEqual(self.office.ask(ADMIN, "GET", "/clients?email=given@example.com").json()["items"], [])
        self.assertEqual(len(self.office.ask(ADMIN, "GET", url + "/history").json()["items"]), 1, "no history of what did not happen")

    def test_what_a_unique_value_tells(self):
        """That an e-mail address is taken cannot be hidden from who may write one; whose it is can."""
        others = self.client(self.ben)
        answer = self.office.ask(ANA, "POST", "/clients", {"name": "D", "email": others["email"], "rep_id": self.ana["id"]})
        self.refused(answer, 409, "CLIENT_EMAIL_TAKEN", others["name"])
        self.assertEqual(answer.violations(), {"email": "is taken"})

    def test_who_cannot_say_who_they_are(self):
        self.refused(self.office.ask("liar", "GET", "/clients"), 401, "CALLER_UNKNOWN")
        self.refused(self.office.ask("liar", "GET", "/folders"), 401, "CALLER_UNKNOWN")
        self.assertEqual(self.office.get("/healthz", X_Caller="liar").status, 200, "probes are for everybody")

    def test_the_application_has_the_last_word(self):
        self.refused(self.office.ask("blocked admin", "GET", "/clients"), 403, "CLIENT_READ_FORBIDDEN")
        mine = self.client(self.ana)
        self.assertEqual(self.office.ask("trusted auditor", "GET", f"/clients/{mine['id']}").json()["credit"], "7777.77")

    def test_the_start_page_counts_nothing(self):
        for entity in self.office.get("/start.json").json()["entities"]:
            self.assertIsNone(entity.get("count"), entity)

    def test_an_export_has_what_the_caller_sees(self):
        mine, others = self.client(self.ana), self.client(self.ben)
        many = {"create": [{"name": f"Many {i}", "email": f"many{i}@example.com", "rep_id": self.ana["id"]} for i in range(700)]}
        made = self.office.ask(ADMIN, "POST", "/clients/bulk", many).json()["create"]
        self.addCleanup(self.office.ask, ADMIN, "POST", "/clients/bulk", {"delete": [{"id": each["id"]} for each in made]})

        def rows(who, query=""):
            answer = self.office.ask(who, "GET", "/clients/export?formulas=plain" + query)
            self.assertEqual(answer.status, 200, answer)
            return {row["ClientId"]: row for row in csv.DictReader(io.StringIO(answer.body.decode()))}
        for who, hidden, sees in ((ANA, {"Credit", "Notes"}, {mine["id"]}), (BEN, {"Credit", "Notes"}, {others["id"]}),
                                  (FINANCE, {"Notes"}, {mine["id"], others["id"]}), (BOSS, {"Credit"}, {mine["id"]}),
                                  (ADMIN, set(), {mine["id"], others["id"]}), ("zoe clerk", {"Credit", "Notes"}, set())):
            with self.subTest(who):
                found = rows(who)
                listed = self.office.ask(who, "GET", "/clients?limit=1&total=true").json()["total"]
                self.assertEqual(len(found), listed, "on every page")
                self.assertEqual({each["id"] for each in (mine, others) if str(each["id"]) in found}, sees)
                for row in found.values():
                    self.assertEqual({"ClientId", "Name", "Email", "Credit", "Notes", "RepId"} - set(row), hidden)
        self.assertEqual(rows(ANA, f"&email={mine['email']}")[str(mine["id"])]["Name"], mine["name"])
        self.assertEqual(rows(ANA, f"&email={others['email']}"), {})
        for query in ("?credit=1", "?search=hush&sort=credit"):
            self.refused(self.office.ask(ANA, "GET", "/clients/export" + query), 400, "PARAMETERS_INVALID")
        self.refused(self.office.ask(NOBODY, "GET", "/clients/export?limit=x"), 403, "CLIENT_READ_FORBIDDEN")
        self.assertEqual(self.office.ask(ADMIN, "POST", "/clients/import", b"x", {"Content-Type": "text/csv"}).status, 404)

    def test_history_says_who(self):
        made = self.office.made(ANA, "/clients", {"name": "W", "email": "who@example.com", "rep_id": self.ana["id"]})
        self.assertEqual(self.office.ask(ADMIN, "GET", f"/clients/{made['id']}/history").json()["items"][0]["who"], "ana")
        folder = self.office.made(NOBODY, "/folders", {"title": "Of nobody"})
        self.assertIsNone(self.office.ask(NOBODY, "GET", f"/folders/{folder['id']}/history").json()["items"][0]["who"])


class WithoutIdentityTest(unittest.TestCase):
    def setUp(self):
        os.environ["OFFICE_WITHOUT_IDENTITY"] = "1"
        self.addCleanup(os.environ.pop, "OFFICE_WITHOUT_IDENTITY")

    def test_in_dev_it_says_once_that_nothing_is_enforced(self):
        with Office() as office:
            self.assertEqual(office.ask(None, "GET", "/clients").status, 200)
            self.assertEqual(office.ask(None, "POST", "/tags", {"name": "free"}).status, 201)
            self.assertEqual(office.log().count("access rules of the schema are not enforced"), 1)

    def test_elsewhere_it_does_not_start(self):
        for environment in ("staging", "prod"):
            with self.subTest(environment):
                with self.assertRaises(AssertionError) as stopped:
                    Office(f"--env={environment}")
                self.assertIn("Application::identify", str(stopped.exception))


if __name__ == "__main__":
    unittest.main()
