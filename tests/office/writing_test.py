# SPDX-License-Identifier: Apache-2.0
"""Conditions of actions, rules of their inputs, changes that are none, and what is asked before anything is read."""
import unittest

from office_process import Office

ADMIN, AUDITOR, NOBODY = "root admin", "aud auditor", None


class WritingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.office = Office()
        cls.number = 0

    @classmethod
    def tearDownClass(cls):
        cls.office.close()

    def client(self, **more):
        type(self).number += 1
        return self.office.made(ADMIN, "/clients", {"name": f"Client {self.number}", "email": f"w{self.number}@example.com", **more})

    def ask(self, method, path, body=None, headers=None, status=None, who=ADMIN):
        answer = self.office.ask(who, method, path, body, headers)
        if status is not None:
            self.assertEqual(answer.status, status, (method, path, answer))
        return answer

    def history(self, url):
        return self.ask("GET", url + "/history", status=200).json()["items"]

    def test_an_action_takes_if_match(self):
        made = self.client()
        url = f"/clients/{made['id']}"
        tag = self.ask("GET", url).headers["etag"]
        body = {"name": "First", "email": "first@example.com"}
        first = self.ask("POST", url + "/reword", body, {"If-Match": tag}, 200)
        self.assertEqual((first.json()["name"], first.json()["version"]), ("First", 2))
        for stale in (tag, '"1"', '"3"', '"02"', '"2-zz"', 'W/"2"', '"x"'):
            answer = self.ask("POST", url + "/reword", {"name": "Never", "email": "never@example.com"}, {"If-Match": stale}, 412)
            self.assertEqual(answer.reason(), "VERSION_MISMATCH")
        self.assertEqual(self.ask("GET", url).json(), first.json(), "nothing was changed")
        self.assertEqual(len(self.history(url)), 2)
        self.ask("POST", url + "/reword", body | {"name": "Star"}, {"If-Match": "*"}, 200)
        self.ask("POST", url + "/reword", body | {"name": "None"}, None, 200)
        self.ask("POST", url + "/reword", body | {"name": "Tagged"}, {"If-Match": '"4"'}, 200)
        self.assertEqual([each["version"] for each in self.history(url)], [5, 4, 3, 2, 1])
        for bad in ("5", '"5", "6"', ""):
            self.assertEqual(self.ask("POST", url + "/reword", body, {"If-Match": bad}, 400).reason(), "IF_MATCH_INVALID")
        known = {"If-None-Match": self.ask("GET", url).headers["etag"]}
        self.assertEqual(self.ask("POST", url + "/reword", body, known, 412).reason(), "VERSION_KNOWN")
        self.ask("POST", url + "/reword", body, {"If-Unmodified-Since": "Sun, 06 Nov 1994 08:49:37 GMT"}, 400)
        for match in ('"1"', "*"):
            self.ask("POST", "/clients/999999/reword", body, {"If-Match": match}, 404)

    def test_if_match_with_a_key_is_one_request(self):
        url = f"/clients/{self.client()['id']}"
        body, key = {"name": "Keyed", "email": "keyed@example.com"}, {"Idempotency-Key": "with-a-version", "If-Match": '"1"'}
        first = self.ask("POST", url + "/reword", body, key, 200)
        again = self.ask("POST", url + "/reword", body, key, 200)
        self.assertEqual((again.body, again.headers["idempotency-replayed"]), (first.body, "true"))
        stale = {"Idempotency-Key": "with-an-old-version", "If-Match": '"1"'}
        self.ask("POST", url + "/reword", body, stale, 412)
        self.ask("POST", url + "/reword", body, stale, 412)
        self.assertEqual(self.ask("GET", url).json()["version"], 2)

    def test_a_stale_version_tells_nothing_of_others_rows(self):
        others = self.client()
        for match in ('"1"', '"9"', None):
            answer = self.ask("POST", f"/clients/{others['id']}/reword", {"name": "Mine", "email": "mine@example.com"},
                              match and {"If-Match": match}, 404, "zoe clerk")
            self.assertEqual(answer.reason(), "CLIENT_NOT_FOUND")

    def test_inputs_have_the_rules_of_their_fields(self):
        """The stub checks nothing: what reaches it is good already."""
        url = f"/clients/{self.client()['id']}"
        answer = self.ask("POST", url + "/reword", {"name": "x" * 81, "email": "no address", "credit": "-0.01"}, status=400)
        self.assertEqual(set(answer.violations()), {"name", "email", "credit"}, answer)
        self.assertEqual(answer.reason(), "FIELDS_INVALID")
        for body, field in (({"name": "x" * 81, "email": "a@example.com"}, "name"), ({"name": "x", "email": "b" * 80 + "@example.com"}, "email"),
                            ({"name": "x", "email": "a@example.com", "credit": "-1.00"}, "credit"), ({"name": "x"}, "email")):
            self.assertEqual(list(self.ask("POST", url + "/reword", body, status=400).violations()), [field])
        self.assertEqual(self.ask("GET", url).json()["version"], 1)
        self.ask("POST", url + "/reword", {"name": "x" * 80, "email": "at.the.limit@example.com", "credit": "0.00"}, status=200)

    def test_what_changes_nothing_is_no_version(self):
        made = self.client(credit="1.50")
        url = f"/clients/{made['id']}"
        same = {"name": made["name"], "credit": "1.50"}
        before = self.ask("GET", url)
        for method, body in (("PATCH", same), ("PATCH", {}), ("PUT", {"name": made["name"], "email": made["email"], "credit": "1.5"})):
            for match in (None, before.headers["etag"], "*"):
                answer = self.ask(method, url, body, match and {"If-Match": match}, 200)
                self.assertEqual((answer.body, answer.headers["etag"]), (before.body, before.headers["etag"]))
        self.ask("PATCH", url, same, {"If-Match": '"2"'}, 412)
        self.ask("PATCH", url, {"name": "x" * 81}, None, 400)
        self.assertEqual(len(self.history(url)), 1)
        bulk = self.ask("POST", "/clients/bulk", {"update": [{"id": made["id"], "version": 1, "patch": same},
                                                            {"id": made["id"], "version": 1, "patch": {"name": "Changed"}}]}, status=200)
        self.assertEqual([each["version"] for each in bulk.json()["update"]], [1, 2])
        key = {"Idempotency-Key": "changes-nothing"}
        first = self.ask("PATCH", url, {"name": "Changed"}, key, 200)
        self.assertEqual(self.ask("PATCH", url, {"name": "Changed"}, key, 200).body, first.body)
        self.assertEqual(len(self.history(url)), 2)

    def test_history_hides_links_to_what_may_not_be_read(self):
        url, tag = f"/clients/{self.client()['id']}", self.office.made(ADMIN, "/tags", {"name": "secret"})
        self.ask("PUT", f"{url}/tags/{tag['id']}", status=204)
        self.ask("DELETE", f"{url}/tags/{tag['id']}", status=204)
        self.assertEqual([each["changes"] for each in self.history(url)[:2]], [{"tags": [tag["id"], None]}, {"tags": [None, tag["id"]]}])
        self.ask("GET", url + "/tags", status=403, who=AUDITOR)
        seen = self.ask("GET", url + "/history", status=200, who=AUDITOR).json()["items"]
        self.assertEqual([(each["operation"], each["changes"]) for each in seen[:2]], [("unlink", {}), ("link", {})])

    def test_who_may_is_asked_before_anything_is_read(self):
        url = f"/clients/{self.client()['id']}"
        for who, status in ((NOBODY, 403), ("liar", 401)):
            for method, path, body in (("GET", "/clients?limit=x", None), ("GET", url + "?fields=nothing", None), ("GET", "/clients/0", None),
                                       ("GET", url + "/history?at=never", None), ("GET", url + "/papers?limit=x", None),
                                       ("GET", url + "/tags?limit=x", None), ("POST", "/clients", "{"), ("POST", "/clients?x=1", {}),
                                       ("POST", "/clients/bulk", {}), ("POST", "/clients/bulk", "{"), ("PUT", url, "["), ("PATCH", url, "null"),
                                       ("PATCH", url, {"unknown": 1}), ("DELETE", url + "?x=1", None), ("POST", url + "/restore", {"x": 1}),
                                       ("POST", url + "/purge", {"x": 1}), ("POST", url + "/touch", {"x": 1}), ("POST", url + "/reword", {}),
                                       ("PUT", url + "/tags/0", None), ("DELETE", url + "/tags/0", None)):
                with self.subTest(f"{who} {method} {path}"):
                    for headers in (None, {"If-Match": "nonsense"}, {"Idempotency-Key": '"broken'}):
                        self.assertEqual(self.ask(method, path, body, headers, who=who).status, status)
        # What it belongs to may be read, what is in it may not.
        self.assertEqual(self.ask("GET", url + "/tags?limit=x", who=AUDITOR).reason(), "TAG_READ_FORBIDDEN")
        self.assertEqual(self.ask("PUT", "/clients/0/tags/0", who="cam admin").status, 404)

    def test_bodies_are_utf8(self):
        url = f"/clients/{self.client()['id']}"
        for charset in ("utf-8", "UTF-8", '"utf-8"', '"Utf-8"'):
            for kind in ("application/json", "application/merge-patch+json"):
                self.ask("PATCH", url, {"name": "C"}, {"Content-Type": f"{kind}; charset={charset}"}, 200)
        for charset in ("iso-8859-1", "utf-16", "utf8", '"utf-8', "utf-8; charset=utf-8"):
            answer = self.ask("PATCH", url, {"name": "C"}, {"Content-Type": f"application/json; charset={charset}"}, 415)
            self.assertEqual(answer.reason(), "CHARSET_NOT_SUPPORTED")
        self.ask("PATCH", url, {"name": "C"}, {"Content-Type": "application/json; charset=x"}, 403, NOBODY)

    def test_a_purge_empties_stored_answers(self):
        def keyed(method, path, body, name):
            return self.ask(method, path, body, {"Idempotency-Key": f"purged-{name}"})
        made = {"name": "Purge me whole", "email": "purge.me@example.com"}
        stays = {"name": "I stay", "email": "i.stay@example.com"}
        first = keyed("POST", "/clients", made, "create")
        row = first.json()["id"]
        url = f"/clients/{row}"
        other = keyed("POST", "/clients", stays, "other")
        requests = [("POST", "/clients", made, "create"), ("PATCH", url, {"name": "Purge me too"}, "patch"),
                    ("POST", url + "/reword", {"name": "Purge me again", "email": "purge.me2@example.com"}, "action"),
                    ("POST", "/clients/bulk", {"update": [{"id": row, "patch": {"name": "Purge me in bulk"}}]}, "bulk")]
        answers = [keyed(*request) for request in requests]
        self.assertTrue(all(answer.status < 300 for answer in answers), answers)
        self.ask("DELETE", url, status=204)
        answers.append(keyed("POST", url + "/restore", {}, "restore"))
        requests.append(("POST", url + "/restore", {}, "restore"))
        self.ask("DELETE", url, status=204)
        for request, answer in zip(requests, answers):
            self.assertEqual(keyed(*request).body, answer.body, "as long as it is there")
        self.ask("POST", url + "/purge", status=204)
        for request, answer in zip(requests, answers):
            with self.subTest(request[3]):
                again = keyed(*request)
                self.assertEqual((again.status, again.body), (answer.status, b""))
                self.assertEqual(again.headers["idempotency-replayed"], "true")
        self.assertEqual(keyed("POST", "/clients", stays, "other").body, other.body, "others keep theirs")
        self.ask("GET", url, status=404)
        stored = f"SELECT count(*) FROM kit_idempotency_keys WHERE {self.office.database.as_text('body')} LIKE '%{{}}%'"
        self.assertEqual(self.office.database.rows(stored.format("urge me")), [(0,)])
        self.assertEqual(self.office.database.rows(stored.format("I stay")), [(1,)])


if __name__ == "__main__":
    unittest.main()
