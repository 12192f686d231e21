# SPDX-License-Identifier: Apache-2.0
"""What clients get wrong, one case each with the answer they must get; then a few thousand requests nobody thought of, none
of which may fail the server."""
import json
import os
import random
import re
import unittest

from store_process import Store

TRACK = {"name": "Loop", "milliseconds": 1000, "unit_price": "1.25", "media_type_id": 1}
SEED = int(os.environ.get("SEED", "20261123"))
COUNT = int(os.environ.get("REQUESTS", "3000"))


def status_of(received):
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", received)
    return int(found.group(1)) if found else None


class BadInputTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.store = Store("--http.header_timeout=700ms")

    @classmethod
    def tearDownClass(cls):
        cls.store.close()

    def assert_error(self, answer, status, reason=None):
        self.assertEqual(answer.status, status, answer)
        body = answer.json()
        self.assertEqual(sorted(set(body) & {"code", "message", "status", "details"}), ["code", "details", "message", "status"])
        self.assertEqual(answer.headers["content-type"], "application/json")
        if reason:
            self.assertEqual(answer.reason(), reason, answer)

    def test_malformed_requests_end_the_connection(self):
        for request in (b"GET /\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n",
                        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
                        b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n"):
            with self.subTest(request):
                received = self.store.raw(request)  # comes back only when the server has closed
                self.assertEqual(status_of(received), 400, received)

    def test_too_large(self):
        long_field = b"x" * 9000
        for status, request in (
                (414, b"GET /" + long_field + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
                (431, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + long_field * 2 + b"\r\n\r\n"),
                (431, b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 101 + b"\r\n"),
                (413, b"POST /api/v1/tracks HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1048577\r\n\r\n")):
            with self.subTest(status):
                self.assertEqual(status_of(self.store.raw(request)), status)
        body = json.dumps({**TRACK, "name": "x" * 10}).encode()
        fits = body[:-1] + b" " * (1048576 - len(body)) + b"}"
        self.assertEqual(self.store.request("POST", "/api/v1/tracks", fits, {"Content-Type": "application/json"}).status, 201)

    def test_slow_header(self):
        received = self.store.raw(b"GET / HTTP/1.1\r\nHost: a\r\nX-")
        self.assertEqual(status_of(received), 408, received)

    def test_routes_and_methods(self):
        self.assert_error(self.store.get("/api/v1/nothing"), 404)
        self.assert_error(self.store.get("/api/v1/tracks/"), 404)
        self.assert_error(self.store.get("/api/v1/tracks/99999999"), 404, "TRACK_NOT_FOUND")
        for path in ("/api/v1/tracks/abc", "/api/v1/tracks/1.5", "/api/v1/tracks/99999999999999999999", "/api/v1/tracks/%00"):
            self.assertIn(self.store.get(path).status, (400, 404), path)
        wrong = self.store.request("DELETE", "/api/v1/tracks")
        self.assert_error(wrong, 405)
        self.assertEqual({method.strip() for method in wrong.headers["allow"].split(",")} & {"GET", "POST", "DELETE"}, {"GET", "POST"})
        self.assertEqual(self.store.request("HEAD", "/api/v1/tracks/1").body, b"")
        self.assertEqual(self.store.request("OPTIONS", "/api/v1/tracks").status, 204)
        self.assertEqual(self.store.request("TRACE", "/").status, 405)

    def test_media_types(self):
        for kind in ("text/plain", "application/xml", "application/jsonp", "multipart/form-data; boundary=x"):
            answer = self.store.request("POST", "/api/v1/tracks", b"{}", {"Content-Type": kind})
            self.assert_error(answer, 415)

    def test_bodies_that_are_no_json(self):
        for body in (b"", b"{", b"[]", b"null", b"{\"name\":}", b"{\"name\":\"\xff\"}", b"{\"name\":\"a\",\"name\":\"b\"}",
                     b"[" * 100 + b"]" * 100, b"{} {}", b"{\"name\":\"\\ud800\"}", b"\xef\xbb\xbf{}", b"{'name': 1}", b"NaN"):
            with self.subTest(body):
                answer = self.store.request("POST", "/api/v1/tracks", body, {"Content-Type": "application/json"})
                self.assert_error(answer, 400, "BODY_INVALID")

    def test_one_violation_for_each_bad_field(self):
        answer = self.store.request("POST", "/api/v1/tracks", {
            "name": "x" * 201, "milliseconds": 0, "unit_price": "-1", "bytes": "many", "media_type_id": None, "colour": "red"})
        self.assert_error(answer, 400, "FIELDS_INVALID")
        self.assertEqual(set(answer.violations()), {"name", "milliseconds", "unit_price", "bytes", "media_type_id", "colour"}, answer)
        missing = self.store.request("POST", "/api/v1/tracks", {})
        self.assertEqual(set(missing.violations()), {"name", "milliseconds", "unit_price", "media_type_id"})
        for price in ("1.234", "123456789.00", "1e3", True, "", " 1", "١"):
            answer = self.store.request("POST", "/api/v1/tracks", {**TRACK, "unit_price": price})
            self.assertEqual((answer.status, list(answer.violations())), (400, ["unit_price"]), (price, answer))
        exact = self.store.request("POST", "/api/v1/tracks", b'{"name":"x","milliseconds":1,"media_type_id":1,"unit_price":90071992.55}',
                                   {"Content-Type": "application/json"})
        self.assertEqual(exact.json()["unit_price"], "90071992.55", "digits as sent, not through a binary float")
        # What only the server sets may be sent back, and is not taken.
        made = self.store.request("POST", "/api/v1/tracks", {**TRACK, "id": 1, "version": 7, "created_at": "2001-01-01T00:00:00Z"})
        self.assertEqual((made.status, made.json()["version"]), (201, 1), made)
        self.assertGreater(made.json()["id"], 3503)
        self.assertFalse(made.json()["created_at"].startswith("2001"))

    def test_unknown_query_parameters_name_the_known_ones(self):
        answer = self.store.get("/api/v1/tracks?gener_id=1&limit=0&sort=price&total=maybe&expand=artist")
        self.assert_error(answer, 400, "PARAMETERS_INVALID")
        violations = answer.violations()
        self.assertEqual(set(violations), {"gener_id", "limit", "sort", "total", "expand"}, answer)
        for known in ("genre_id", "sort", "limit", "cursor", "page", "expand", "search"):
            self.assertIn(known, violations["gener_id"])
        for query in ("genre_id=x", "milliseconds.gte=1.5", "limit=201", "limit=1&limit=2", "name.regex=x", "%zz=1", "id.in=",
                      "genre_id=1%00", "sort=name,name", "cursor=" + "A" * 3000):
            self.assert_error(self.store.get("/api/v1/tracks?" + query), 400, "PARAMETERS_INVALID")
        self.assert_error(self.store.get("/api/v1/tracks?" + "&".join(f"p{n}=1" for n in range(257))), 400)

    def test_constraints(self):
        customer = {"first_name": "A", "last_name": "B", "email": "luisg@embraer.com.br"}
        self.assert_error(self.store.request("POST", "/api/v1/customers", customer), 409, "CUSTOMER_EMAIL_TAKEN")
        self.assert_error(self.store.request("POST", "/api/v1/genres", {"name": "Rock"}), 409, "GENRE_NAME_TAKEN")
        nobody = self.store.request("POST", "/api/v1/albums", {"title": "x", "artist_id": 99999999})
        self.assertIn(nobody.status, (400, 409))
        self.assertEqual(nobody.reason(), "ALBUM_ARTIST_NOT_FOUND", nobody)
        self.assert_error(self.store.request("DELETE", "/api/v1/media_types/1"), 409, "MEDIA_TYPE_IN_USE")
        self.assertEqual(self.store.get("/api/v1/media_types/1").status, 200)

    def test_if_match_that_is_none(self):
        for tag in ("1", "\"x", "W/\"1\"", "\"999999\""):
            answer = self.store.request("PATCH", "/api/v1/tracks/1", {"composer": "x"}, {"If-Match": tag})
            self.assertIn(answer.status, (400, 412), (tag, answer))


class HostileTest(unittest.TestCase):
    def test_what_nobody_thought_of(self):
        """Deterministic: SEED and REQUESTS choose another run."""
        generator = Hostile(SEED)
        # Short limits: requests that never end are part of it.
        with Store("--http.header_timeout=250ms", "--http.body_timeout=250ms", "--http.idle_timeout=250ms", "--log.level=warn") as store:
            seen = {}
            for number in range(COUNT):
                request = generator.request()
                received = store.raw(request)
                status = status_of(received)
                self.assertIsNotNone(status, f"SEED={SEED} request {number}: {request!r} got {received!r}")
                self.assertLess(status, 500, f"SEED={SEED} request {number}: {request!r} got {received!r}")
                seen[status] = seen.get(status, 0) + 1
                if status >= 400 and b"application/json" in received:
                    json.JSONDecoder().raw_decode(received.split(b"\r\n\r\n", 1)[1].decode() or "{}")
            self.assertTrue({200, 201, 204, 400, 404, 405, 409, 412, 415} <= set(seen), seen)
            self.assertEqual(store.get("/healthz").status, 200)
            self.assertEqual(store.database.problems(), [])
            self.assertNotIn('"level":"error"', store.log())


class Hostile:
    """Requests that begin well and go wrong somewhere."""

    PLURALS = ["tracks", "albums", "customers", "invoices", "employees", "playlists", "genres", "invoice_lines"]
    FIELDS = ["name", "title", "email", "milliseconds", "unit_price", "total", "artist_id", "media_type_id", "album_id", "quantity",
              "invoice_date", "first_name", "reports_to_id", "id", "version", "__proto__", ""]
    PARAMETERS = ["limit", "page", "sort", "cursor", "search", "expand", "total", "name.like", "genre_id", "milliseconds.gte", "id.in",
                  "created_at.lt", "unit_price.ne", "email", "status.in", "x"]

    def __init__(self, seed):
        self.random = random.Random(seed)

    def text(self):
        pick = self.random.randrange(9)
        if pick == 0:
            return "".join(chr(self.random.choice([0, 9, 10, 13, 34, 39, 92, 0x202E, 0xFFFF, 0x1F600, 0x301])) for _ in range(5))
        if pick == 1:
            return "x" * self.random.choice([1, 39, 40, 41, 120, 200, 201, 5000])
        return self.random.choice(["", "a@b.c", "' OR 1=1 --", "%", "_%_", "1; DROP TABLE tracks", "../../etc/passwd", "name", "-name",
                                   "2024-02-30T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "0.99", "-0.00",
                                   "99999999.99", "1e400", "NaN", "null", "true", "1,2,3", "paid", "\ud800"])

    def number(self):
        return self.random.choice([0, 1, -1, 1666, 2**31 - 1, 2**31, -2**31, 2**53, 2**63 - 1, 2**63, -2**63, 10**30, 1.5, 1e308, -0.0])

    def value(self, depth=0):
        pick = self.random.randrange(8)
        if pick < 3:
            return self.text()
        if pick < 6:
            return self.number()
        if depth > 3:
            return None
        if pick == 6:
            return [self.value(depth + 1) for _ in range(self.random.randrange(4))]
        return {self.random.choice(self.FIELDS): self.value(depth + 1) for _ in range(self.random.randrange(4))}

    def body(self):
        fields = {self.random.choice(self.FIELDS): self.value() for _ in range(self.random.randrange(8))}
        if self.random.random() < 0.5:
            fields = {**TRACK, **fields}
        data = json.dumps(fields).encode("utf-8", "surrogatepass")
        return self.damaged(data) if self.random.random() < 0.2 else data

    def damaged(self, data):
        data = bytearray(data or b"x")
        for _ in range(self.random.randrange(1, 4)):
            at = self.random.randrange(len(data))
            if self.random.random() < 0.5:
                data[at] = self.random.randrange(256)
            else:
                del data[at:at + self.random.randrange(1, 4)]
                data = data or bytearray(b"x")
        return bytes(data)

    def encoded(self, text):
        out = []
        for byte in text.encode("utf-8", "surrogatepass"):
            plain = chr(byte).isalnum() and byte < 128 and self.random.random() < 0.9
            out.append(chr(byte) if plain else f"%{byte:02x}")
        return "".join(out)

    def target(self):
        path = "/api/v1/" + self.random.choice(self.PLURALS)
        pick = self.random.random()
        if pick < 0.5:
            path += "/" + str(self.random.choice([1, 2, 7, 0, -1, 10**19, "x", "%2e%2e", "1/tracks", "1/tracks/2", "1/refund",
                                                   "1/change_email", "1/lines", ""]))
        if self.random.random() < 0.5:
            parameters = [f"{self.random.choice(self.PARAMETERS)}={self.encoded(self.text() if self.random.random() < .6 else str(self.number()))}"
                          for _ in range(self.random.randrange(1, 5))]
            path += "?" + "&".join(parameters)
        return path[:7000]

    def request(self):
        method = self.random.choice(["GET", "GET", "GET", "POST", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"])
        headers = ["Host: 127.0.0.1", "Connection: close"]
        body = b""
        if method in ("POST", "PUT", "PATCH"):
            body = self.body()
            headers.append("Content-Type: " + self.random.choice(["application/json"] * 6 + ["text/plain", "application/merge-patch+json", ""]))
            if self.random.random() < 0.3:
                headers.append("Transfer-Encoding: chunked")
                body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
            else:
                headers.append(f"Content-Length: {len(body)}")
        if self.random.random() < 0.2:
            headers.append(self.random.choice(["If-Match: \"1\"", "If-Match: *", "If-None-Match: \"1\"", "Expect: 100-continue", "Expect: x",
                                               "X-Request-Id: " + "y" * 300, "Traceparent: 00-x-y-z", "Accept: nothing/else", "Range: bytes=0-1"]))
        head = f"{method} {self.target()} HTTP/1.1\r\n" + "\r\n".join(headers) + "\r\n\r\n"
        data = head.encode("utf-8", "surrogatepass")
        if self.random.random() < 0.1:
            data = self.damaged(data)
        return data + body


if __name__ == "__main__":
    unittest.main()
