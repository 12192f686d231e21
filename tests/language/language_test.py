# SPDX-License-Identifier: Apache-2.0
"""What the schema language promises, tried out on a service that uses all of it."""
import os
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../examples/store/tests"))
import store_process  # noqa: E402
from store_process import Store, run_command  # noqa: E402

store_process.EXAMPLE = HERE


def changed(answer, **members):
    body = dict(answer.json())
    body.update(members)
    return body


class Language(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data = tempfile.mkdtemp(prefix="language-test-")
        cls.server = Store(data=cls.data)
        cls.number = 0

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def product(self, **members):
        type(self).number += 1
        body = {"code": f"c{self.number}", "name": "Chair", **members}
        return self.server.request("POST", "/api/v1/products", body)

    def refused(self, **members):
        answer = self.product(**members)
        self.assertEqual(answer.status, 400, answer)
        return answer.violations()

    def listed(self, query):
        answer = self.server.get("/api/v1/products?" + query)
        self.assertEqual(answer.status, 200, answer)
        return [item["id"] for item in answer.json()["items"]]


class Arrays(Language):
    def test_come_back_as_given(self):
        given = {"tags": ["oak", "wide"], "colors": ["red", "blue"], "sizes": [5], "prices": ["1.50", 2],
                 "days": ["2021-01-31"], "flags": [True, False]}
        made = self.product(**given)
        self.assertEqual(made.status, 201, made)
        read = self.server.get(f"/api/v1/products/{made.json()['id']}").json()
        self.assertEqual({name: read[name] for name in given}, {**given, "prices": ["1.50", "2.00"]})

    def test_have_defaults_and_may_be_absent(self):
        made = self.product().json()
        self.assertEqual((made["tags"], made["sizes"], made["colors"]), ([], [1, 2], None))
        patched = self.server.request("PATCH", f"/api/v1/products/{made['id']}", {"colors": [], "sizes": [7]}).json()
        self.assertEqual((patched["colors"], patched["sizes"]), ([], [7]))

    def test_are_checked(self):
        self.assertEqual(self.refused(tags=["a", "b", "c", "d"]), {"tags": "must have at most 3 elements"})
        self.assertEqual(self.product(tags=["a", "b", "c"]).status, 201)
        self.assertEqual(self.refused(tags=["a", "B"]), {"tags": "element 2 must match [a-z]+"})
        self.assertEqual(self.refused(tags=["a", "a"]), {"tags": "must not have an element twice: element 2"})
        self.assertEqual(self.refused(tags=["abcdefghijk"]), {"tags": "element 1 must have at most 10 characters"})
        self.assertEqual(self.refused(sizes=[1, 101]), {"sizes": "element 2 must be at most 100"})
        self.assertEqual(self.refused(sizes=["1"]), {"sizes": "element 1 must be a whole number, is a string"})
        self.assertEqual(self.refused(colors=["red", "pink"]),
                         {"colors": "element 2 must be one of red, green, blue"})
        self.assertEqual(self.refused(tags="a"), {"tags": "must be an array, is a string"})
        self.assertEqual(self.refused(prices=["1.005"], name=None).keys(), {"prices", "name"})

    def test_are_filtered_by_an_element(self):
        one = self.product(tags=["has"], colors=["green"], prices=["7.5"], days=["2020-02-29"], flags=[True]).json()["id"]
        two = self.product(tags=["hass"], flags=[False]).json()["id"]
        for query in ("tags.has=has", "colors.has=green", "prices.has=7.50", "prices.has=7.5", "days.has=2020-02-29"):
            self.assertEqual(self.listed(query), [one], query)
        self.assertIn(two, self.listed("flags.has=false"))
        self.assertNotIn(one, self.listed("days.is_null=true"))
        answer = self.server.get("/api/v1/products?tags=has")
        self.assertEqual(answer.violations(), {"tags": "needs an operator; 'tags' knows: has"})
        self.assertEqual(self.server.get("/api/v1/products?sort=tags").status, 400)


class Computed(Language):
    def test_follow_from_the_row(self):
        made = self.product(price="2.5", stock=3, tags=["a"], packs=7).json()
        self.assertEqual((made["value"], made["title"], made["tag_count"], made["per_piece"]),
                         ("7.500000", made["code"].upper() + ": Chair", 1, "0.3571"))
        patched = self.server.request("PATCH", f"/api/v1/products/{made['id']}", {"stock": 4, "packs": None}).json()
        self.assertEqual((patched["value"], patched["per_piece"]), ("10.000000", None))

    def test_are_not_taken_from_requests(self):
        made = self.product(stock=1, price=1)
        answer = self.server.request("PUT", f"/api/v1/products/{made.json()['id']}", changed(made, title="x", value="5"))
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json()["value"], "1.000000")

    def test_a_row_whose_numbers_do_not_fit_is_refused(self):
        self.assertEqual(self.product(price="999999999999.999999", stock=1).status, 201)
        self.assertEqual(self.refused(price="999999999999.999999", stock=2),
                         {"value": "cannot be computed: a number in it does not fit, or is divided by 0"})
        self.assertEqual(self.refused(price=1, packs=0).keys(), {"per_piece"})

    def test_come_with_mixins_under_their_prefix(self):
        made = self.server.request("POST", "/api/v1/customers",
                                   {"name": "Ada", "balance": "1", "street": "Main", "billing_city": "Oslo"}).json()
        self.assertEqual((made["label"], made["billing_label"]), ("Main, ?", "Oslo"))


class Rules(Language):
    def test_what_is_immutable_may_be_given_again_only_as_it_is(self):
        made = self.product()
        path = f"/api/v1/products/{made.json()['id']}"
        for method, body in (("PUT", changed(made)), ("PATCH", {"code": made.json()["code"]})):
            self.assertEqual(self.server.request(method, path, body).status, 200)
        for method, body in (("PUT", changed(made, code="other")), ("PATCH", {"code": "other"})):
            answer = self.server.request(method, path, body)
            self.assertEqual((answer.status, answer.violations()), (400, {"code": "cannot be changed"}))

    def test_what_is_read_only_is_ignored(self):
        made = self.product(sold=5)
        self.assertEqual((made.status, made.json()["sold"]), (201, 0))
        answer = self.server.request("PATCH", f"/api/v1/products/{made.json()['id']}", {"sold": 7, "id": 99})
        self.assertEqual((answer.status, answer.json()["sold"]), (200, 0))

    def test_a_secret_is_never_told(self):
        word = "SECRET-glue-4711"
        made = self.product(secret_recipe=word)
        path = f"/api/v1/products/{made.json()['id']}"
        answers = [made, self.server.get(path), self.server.get("/api/v1/products"),
                   self.server.request("PATCH", path, {"secret_recipe": word + "2"}),
                   self.server.request("PATCH", path, {"secret_recipe": word, "name": "x" * 41}),
                   self.server.get("/api/v1/products?secret_recipe=" + word),
                   self.server.get("/api/v1/products?sort=secret_recipe")]
        self.assertEqual([each.status for each in answers], [201, 200, 200, 200, 400, 400, 400])
        for each in answers:
            self.assertNotIn(word.encode(), each.body)
            self.assertNotIn(b'"secret_recipe":', each.body)
        folder = tempfile.mkdtemp(prefix="language-test-")
        status, text = run_command("export", *self.server.database.settings, "--dir", folder)
        self.assertEqual(status, 0, text)
        exported = ""
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                exported += file.read()
        self.assertIn(made.json()["code"], exported)
        self.assertNotIn(word, exported)
        self.assertNotIn(word, self.server.log())


class Types(Language):
    def customer(self, **members):
        return self.server.request("POST", "/api/v1/customers", {"name": "Ada", "balance": "1.50", **members})

    def violations(self, **members):
        answer = self.customer(**members)
        self.assertEqual(answer.status, 400, answer)
        return answer.violations()

    def test_ids_are_uuids_of_version_7(self):
        made = self.customer().json()
        self.assertEqual(made["id"][14], "7")
        self.assertEqual(self.server.get("/api/v1/customers/" + made["id"]).status, 200)
        self.assertEqual(self.server.get("/api/v1/customers/7").status, 404)

    def test_money(self):
        made = self.customer().json()
        self.assertEqual((made["balance"], made["balance_currency"]), ("1.50", "EUR"))
        self.assertEqual(self.customer(balance="9999999999999999.99").status, 201)
        self.assertIn("balance", self.violations(balance="99999999999999999.99"))
        self.assertIn("balance", self.violations(balance="1.005"))
        self.assertIn("balance_currency", self.violations(balance_currency="eur"))
        self.assertIn("balance_currency", self.violations(balance_currency="EURO"))

    def test_geo(self):
        made = self.customer(home_latitude=90, home_longitude=-180).json()
        self.assertEqual((made["home_latitude"], made["home_longitude"]), (90, -180))
        self.assertIn("home_latitude", self.violations(home_latitude=90.0001, home_longitude=0))
        self.assertIn("home_longitude", self.violations(home_latitude=0, home_longitude=-180.5))

    def test_json(self):
        notes = {"a": [1, 2.5, None], "b": {"c": "d"}}
        self.assertEqual(self.customer(notes=notes).json()["notes"], notes)
        self.assertIsNone(self.customer(notes=None).json()["notes"])

    def test_decimals_of_eighteen_digits(self):
        most = "999999999999.999999"
        made = self.product(price=most).json()
        self.assertEqual(self.server.get(f"/api/v1/products/{made['id']}").json()["price"], most)
        self.assertIn("price", self.refused(price="1000000000000"))
        self.assertIn("price", self.refused(price="-0.000001"))


class Links(Language):
    def setUp(self):
        made = self.server.request("POST", "/api/v1/customers", {"name": "Ada", "balance": 1}).json()
        self.path = f"/api/v1/customers/{made['id']}/products"
        self.customer = made["id"]

    def test_have_fields_that_lists_show(self):
        one, two = self.product().json()["id"], self.product().json()["id"]
        for each, body in ((one, {"position": 2, "note": "x", "share": "1.5"}), (two, {"position": 1})):
            answer = self.server.request("PUT", f"{self.path}/{each}", body)
            self.assertEqual(answer.status, 204, answer)
        items = {item["id"]: item["link"] for item in self.server.get(self.path).json()["items"]}
        self.assertEqual(items, {one: {"position": 2, "note": "x", "since": "2020-01-01", "share": "1.50"},
                                 two: {"position": 1, "note": None, "since": "2020-01-01", "share": "0.00"}})
        self.server.request("PUT", f"{self.path}/{one}", {"position": 5})
        items = {item["id"]: item["link"] for item in self.server.get(self.path).json()["items"]}
        self.assertEqual((items[one]["position"], items[one]["note"]), (5, None))
        self.assertNotIn("link", self.server.get(f"/api/v1/products/{one}").json())
        self.assertNotIn("link", self.server.get("/api/v1/products").json()["items"][0])
        self.assertEqual(self.server.request("DELETE", f"{self.path}/{one}").status, 204)
        self.assertEqual([item["id"] for item in self.server.get(self.path).json()["items"]], [two])

    def test_are_checked(self):
        one = self.product().json()["id"]
        for body, fields in ((None, {"position"}), ({}, {"position"}), ({"position": 0}, {"position"}),
                             ({"position": 1, "note": "x" * 21, "x": 1}, {"x", "note"}),
                             ({"position": 1, "share": "1.555"}, {"share"})):
            answer = self.server.request("PUT", f"{self.path}/{one}", body)
            self.assertEqual((answer.status, set(answer.violations())), (400, fields), answer)
        self.assertEqual(self.server.get(self.path).json()["items"], [])
        self.assertEqual(self.server.request("PUT", f"{self.path}/999999", {"position": 1}).status, 404)

    def test_are_imported_and_exported(self):
        one = self.product().json()["id"]
        folder = tempfile.mkdtemp(prefix="language-test-")
        file = os.path.join(folder, "Liking.csv")
        with open(file, "w", encoding="utf-8") as out:
            out.write(f"Customer,Product,Position,Share\n{self.customer},{one},3,2.25\n")
        status, text = run_command("import", *self.server.database.settings, "--dir", folder)
        self.assertEqual(status, 0, text)
        self.assertEqual(self.server.get(self.path).json()["items"][0]["link"]["share"], "2.25")
        status, text = run_command("export", *self.server.database.settings, "--dir", folder + "/out")
        self.assertEqual(status, 0, text)
        with open(os.path.join(folder, "out", "Liking.csv"), encoding="utf-8") as exported:
            self.assertIn(f"{self.customer},{one},3,2.25", exported.read())


class Actions(Language):
    def test_of_one_and_of_all_have_their_paths(self):
        made = self.product().json()
        stub = self.server.request("POST", f"/api/v1/products/{made['id']}/restock", {"pieces": 1})
        self.assertEqual((stub.status, stub.json()["status"]), (501, "UNIMPLEMENTED"), stub)
        answer = self.server.request("POST", f"/api/v1/products/{made['id']}/restock", {"pieces": 0, "notes": ["a", "b", "c"]})
        self.assertEqual(answer.violations().keys(), {"pieces", "notes"})
        stub = self.server.request("POST", "/api/v1/products/merge", {"ids": [made["id"]]})
        self.assertEqual(stub.status, 501, stub)
        answer = self.server.request("POST", "/api/v1/products/merge", {"ids": ["x"], "owner": "y", "keep": "pink"})
        self.assertEqual(answer.violations(), {
            "ids": "element 1 must be a whole number, is a string", "owner": "must be a UUID",
            "keep": "must be one of red, green, blue"})
        self.assertEqual(self.server.request("POST", "/api/v1/products/names", {"x": 1}).status, 400)


if __name__ == "__main__":
    unittest.main()
