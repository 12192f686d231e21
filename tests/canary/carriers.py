# SPDX-License-Identifier: Apache-2.0
"""Everything that can carry a secret to the store: each request has one of its own.

Left out, since it is said by design: path segments (they are `path` of the access log and url.path of spans: no place for a
secret), names of fields and parameters (a refusal names what is wrong), X-Request-Id and tracestate (which are there to be
passed on), the subject of a valid token (`user` of each line), wrong values of settings that are no secrets (a refusal shows them).
"""
import base64
import json

from tokens import packed, token

CUSTOMER = {"first_name": "Ada", "last_name": "Lovelace"}
FIELDS = ("Cookie", "Set-Cookie", "Proxy-Authorization", "X-Auth-Token", "X-Api-Key", "X-Csrf-Token", "X-Amz-Security-Token", "Referer",
          "Baggage", "Idempotency-Key", "If-Match", "If-None-Match", "Sec-WebSocket-Protocol", "X-Forwarded-User", "Authentication-Info")
QUERIES = ("access_token={}", "password={}&limit=1", "name={}", "search={}", "limit={}", "cursor={}", "sort=name&token={}", "id={}", "api_key=%22{}%5C")


class Request:
    def __init__(self, what, method, path, headers=None, body=None, bearer=None):
        self.what, self.method, self.path, self.headers, self.body, self.bearer = what, method, path, headers or {}, body, bearer


def of_tokens(canaries, secret):
    """Those in the place of the token: good, forged and none at all."""
    def signed(what, with_secret, **claims):
        whole = token(with_secret, "ada", note=canaries.new(f"a claim of {what}"), **claims)
        canaries.watch(f"the signature of {what}", whole.rsplit(".", 1)[1])
        return whole

    def new(what):
        return canaries.new(what)

    none = packed(b'{"alg":"none"}') + "." + packed(json.dumps({"sub": "ada", "note": new("a claim of an unsigned token")}).encode()) + "."
    key = "kit_" + new("something like an API key")
    user = base64.b64encode(f"ada:{new('a password of Basic')}".encode()).decode()
    values = [
        ("a good token", "Bearer " + signed("a good token", secret)),
        ("a forged token", "Bearer " + signed("a forged token", "x" * 40)),
        ("an expired token", "Bearer " + signed("an expired token", secret, exp=1_600_000_000)),
        ("a token of nobody", "Bearer " + signed("a token of nobody", secret, sub=None)),
        ("an unsigned token", "Bearer " + none),
        ("an API key", "Bearer " + key),
        ("no token", "Bearer " + new("what is no token")),
        ("three parts", "Bearer " + ".".join(new(f"part {number} of a token") for number in range(3))),
        ("a large token", "Bearer " + new("a large token") * 400),
        ("a Basic password", "Basic " + user),
        ("another scheme", "Digest response=" + new("a Digest response")),
        ("no scheme", new("an Authorization without a scheme")),
    ]
    return [Request(what, "GET", "/api/v1/genres?limit=1", {"Authorization": value}) for what, value in values]


def of_fields(canaries, bearer):
    for field in FIELDS:
        value = f'{field.lower()}="{canaries.new(f"the field {field}")}"; token=x%2F'
        yield Request(field, "GET", "/api/v1/genres?limit=1", {field: value}, bearer=bearer)
        yield Request(field, "POST", "/api/v1/genres", {field: value}, {"name": 7}, bearer)
    for query in QUERIES:
        path = "/api/v1/customers?" + query.format(canaries.new(f"the query {query}"))
        yield Request(query, "GET", path, bearer=bearer)
        yield Request(query, "POST", path, {}, {"first_name": 1}, bearer)


def json_bodies(canaries):
    """(what, bytes): most of them are refused, each for another reason."""
    def new(what):
        return canaries.new(f"a body: {what}")

    def customer(what, **fields):
        return what, json.dumps({**CUSTOMER, **fields}).encode()

    return [
        customer("an unknown field", email="a@example.com", password=new("an unknown field")),
        customer("an object for a text", email={"password": new("an object for a text")}),
        customer("no address", email=new("no address")),
        customer("no number", email="b@example.com", support_rep_id=new("no number")),
        customer("too long", email="c@example.com", company=new("too long") * 10),
        customer("too long an address", email=new("too long an address") * 9 + "@example.com"),
        customer("quotes", email='"\\' + new("quotes") + '\u2028"'),
        ("twice", f'{{"email": "{new("the first of two")}", "email": "{new("the second of two")}"}}'.encode()),
        ("cut", f'{{"first_name": "Ada", "password": "{new("cut")}'.encode()),
        ("a bad escape", f'{{"password": "{new("a bad escape")}\\x"}}'.encode()),
        ("a control character", f'{{"password": "{new("a control character")}\1"}}'.encode()),
        ("no UTF-8", f'{{"password": "{new("no UTF-8")}'.encode() + b'\xff\xfe"}'),
        ("no JSON", new("no JSON").encode()),
        ("a text", f'"{new("a text")}"'.encode()),
        ("a list", f'["{new("a list")}"]'.encode()),
        ("a number", f'{{"support_rep_id": 1e{new("a number")}}}'.encode()),
        ("a comment", f'{{}} // {new("a comment")}'.encode()),
        ("deep", b"[" * 200 + new("deep").encode()),
        ("a name", json.dumps({"first_name": "x", "last_name": new("a name").ljust(40, "x")}).encode()),
    ]


def of_bodies(canaries, bearer):
    kind = {"Content-Type": "application/json"}
    for what, body in json_bodies(canaries):
        yield Request(what, "POST", "/api/v1/customers", kind, body, bearer)
        yield Request(what, "PATCH", "/api/v1/customers/1", kind, body, bearer)
    for what, path, fields in (("a date", "/api/v1/invoices", {"customer_id": 1, "total": "1.00", "invoice_date": None}),
                               ("a decimal", "/api/v1/tracks", {"name": "x", "milliseconds": 1, "media_type_id": 1, "unit_price": None}),
                               ("a reference", "/api/v1/albums", {"title": "x", "artist_id": None}),
                               ("many", "/api/v1/genres/bulk", {"items": [{"name": {"secret": None}}], "create": None}),
                               ("an action", "/api/v1/customers/1/change_email", {"email": None})):
        text = json.dumps(fields).replace("null", json.dumps(canaries.new(f"a body: {what}")))
        yield Request(what, "POST", path, kind, text.encode(), bearer)
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/csv"):
        secret = canaries.new(f"a body of {media_type}")
        body = f'--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n{secret}\r\n--b--\r\n' if "multipart" in media_type else f"password={secret}"
        yield Request(media_type, "POST", "/api/v1/customers", {"Content-Type": media_type}, body.encode(), bearer)
    rows = f"TrackId,Name,AlbumId,MediaTypeId,Milliseconds,UnitPrice\n1,x,{canaries.new('a number of a file')},1,1,1\n2,y,1,1,{canaries.new('another')},z\n"
    for path in ("/api/v1/tracks/import", "/api/v1/tracks/import?dry_run=true"):
        yield Request("a file", "POST", path, {"Content-Type": "text/csv"}, rows.encode(), bearer)


def of_rows(canaries, bearer):
    """Rows that are taken, and then in the way of another: what they are shows in answers of 200 only."""
    name, address = canaries.new("a name that is taken"), canaries.new("an address that is taken") + "@example.com"
    for _ in range(2):
        yield Request("a name that is taken", "POST", "/api/v1/genres", {}, {"name": name}, bearer)
        yield Request("an address that is taken", "POST", "/api/v1/customers", {}, {**CUSTOMER, "email": address}, bearer)
    key = canaries.new("an Idempotency-Key")
    for number in range(2):
        yield Request("an Idempotency-Key", "POST", "/api/v1/genres", {"Idempotency-Key": key}, {"name": f"{canaries.new('a name of it')} {number}"}, bearer)
    yield Request("what is searched for", "GET", f"/api/v1/customers?search={address}&email={address}", bearer=bearer)


def all_requests(canaries, secret):
    bearer = "Bearer " + token(secret, "ada")
    return [*of_tokens(canaries, secret), *of_fields(canaries, bearer), *of_bodies(canaries, bearer), *of_rows(canaries, bearer)]


def malformed(canaries):
    """Bytes that are no request, for a connection of their own."""
    def new(what):
        return canaries.new(f"no request: {what}").encode()

    head = b"GET /api/v1/genres HTTP/1.1\r\nHost: a\r\n"
    return [
        head + b"Authorization Bearer " + new("no colon") + b"\r\n\r\n",
        head + b"Authorization: Bearer " + new("NUL") + b"\0\r\n\r\n",
        head + b"Authorization: Bearer\r\n " + new("folded") + b"\r\n\r\n",
        head + b"Cookie: " + new("too long") * 1200 + b"\r\n\r\n",
        head + b"Authorization : Bearer " + new("a blank") + b"\r\n\r\n",
        head + b"Authorization: Bearer " + new("twice") + b"\r\nAuthorization: Bearer " + new("twice, again") + b"\r\n\r\n",
        head + b"Authorization: Bearer " + new("line feed") + b"\n\n",
        b"GET /api/v1/genres?token=" + new("a blank in the line") + b" x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /api/v1/genres?token=" + new("too long a line") * 500 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://ada:" + new("user information") + b"@a/api/v1/genres HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /api/v1/genres HTTP/1.1\r\nHost: ada:" + new("Host") + b"@a\r\n\r\n",
        b"POST /api/v1/genres HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + new("no chunk") + b"\r\n",
        b"POST /api/v1/genres HTTP/1.1\r\nHost: a\r\nContent-Length: " + new("no length") + b"\r\n\r\n",
        new("no line") + b"\r\n\r\n",
    ]
