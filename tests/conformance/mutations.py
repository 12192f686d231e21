# SPDX-License-Identifier: Apache-2.0
"""A deterministic mutator: from valid requests to such that two servers could read differently."""
import random
import re

TEXT = b"Content-Type: text/plain\r\n"
CORPUS = [
    b"GET /echo/a HTTP/1.1\r\nHost: t\r\nX-Test: v\r\n\r\n",
    b"GET /echo/a?x=1&y=%20 HTTP/1.1\r\nHost: t:80\r\nAccept: */*\r\nUser-Agent: m/1 (a; b)\r\n\r\n",
    b"GET http://t/echo/a HTTP/1.1\r\nHost: t\r\n\r\n",
    b"GET /echo/old HTTP/1.0\r\nHost: t\r\nConnection: keep-alive\r\n\r\n",
    b"POST /echo/b HTTP/1.1\r\nHost: t\r\n" + TEXT + b"Content-Length: 5\r\n\r\nhello",
    b"PUT /echo/b HTTP/1.1\r\nHost: t\r\n" + TEXT + b"X-Test: a, b\r\nContent-Length: 16\r\n\r\n0123456789abcdef",
    b"POST /echo/c HTTP/1.1\r\nHost: t\r\n" + TEXT + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"POST /echo/c HTTP/1.1\r\nHost: t\r\n" + TEXT + b"Transfer-Encoding: chunked\r\n\r\n3;n=v\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
    b"PUT /echo/c HTTP/1.1\r\nHost: t\r\n" + TEXT + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Trailer: t\r\n\r\n",
    b"DELETE /echo/d HTTP/1.1\r\nHost: t\r\nConnection: keep-alive\r\n\r\n",
    b"POST /echo/e HTTP/1.1\r\nHost: t\r\n" + TEXT + b"Content-Length: 3\r\n\r\nabcGET /echo/f HTTP/1.1\r\nHost: t\r\n\r\n",
]
NEXT = b"GET /echo/next HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"

LENGTHS = [b"+5", b"-5", b"005", b"5, 5", b"5,5", b"5 5", b"0x5", b"5.0", b"5a", b"", b"18446744073709551621", b"4", b"6", b"\t5", b"5\x00"]
CODINGS = [b"Chunked", b"CHUNKED", b"gzip, chunked", b"chunked, chunked", b"chunked, identity", b"identity", b"xchunked", b"chunked;q=1",
           b"chunked,", b",chunked", b"\x0bchunked", b"chunked\x00", b"'chunked'", b"\tchunked", b""]
HOSTS = [b"", b"t,u", b"a@t", b"t/x", b"t u", b"[::1]", b"t:", b"t:x", b"t:99999", b"T", b"t.", b"%74", b"\xe4"]
VERSIONS = [b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.10", b"http/1.1", b"HTTP/1", b"HTTP/1.1 ", b"HTTP/01.1", b"XTTP/1.1", b""]
METHODS = [b"get", b"BREW", b"G@T", b"", b"GET\t", b"POST", b"PATCH", b"OPTIONS", b"M-SEARCH", b"GE\x00T", b" GET", b"CONNECT", b"TRACE"]
TARGETS = [b"/echo/%2541", b"/echo/%", b"/echo/%zz", b"/echo/%00", b"echo", b"*", b"/echo/\xe4", b"/echo/a b", b"/echo/a#b", b"//echo", b"/echo/../echo/x",
           b"http://t/echo/x", b"http://u/echo/x", b"https://t/echo/x", b"/echo/\\", b"/echo/\x01", b"/echo?a=\"b\"", b"", b"ftp://t/", b"t:80"]
SIZES = [b"0x5", b"05", b"5 ", b" 5", b"+5", b"-5", b"5;a", b"5;a=\"x\"", b"5\t;a", b"4", b"6", b"", b"g", b"ffffffffffffffff5", b"5\n", b"5\r", b"5;\nx"]
ENDS = [b"\n", b"\r", b"\r\r\n", b"\n\r", b"", b"\r\n\r\n", b"\x00\r\n"]
FIELDS = [b"X_Y: z", b": z", b"NoColon", b"X Y: z", b"X(Y): z", b"X\xe4: z", b"X: \x01", b"X: \x7f", b"X: \xff", b" X: z", b"\tX: z", b"X:", b"Content-Length: 0",
          b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", b"Transfer-Encoding : chunked", b"Content-Length : 5",
          b"Connection: close", b"Host: u", b"X: a\r\n b", b"X: a\r\n\tb", b"Expect: coffee", b"Upgrade: h2c", b"Content_Length: 5", b"X\x00: a", b"Content-Encoding: gzip"]


def in_head(rng, raw, pattern, replacement):
    """Replaces one match of `pattern`, by chance which."""
    found = list(re.finditer(pattern, raw))
    if not found:
        return None
    match = rng.choice(found)
    new = replacement(match) if callable(replacement) else replacement
    return raw[:match.start()] + new + raw[match.end():]


def byte_at(rng, raw):
    at = rng.randrange(len(raw))
    how = rng.choice("delete double insert flip".split())
    odd = bytes([rng.choice([0, 1, 9, 10, 11, 12, 13, 32, 34, 44, 58, 59, 92, 127, 128, 255])])
    return {"delete": raw[:at] + raw[at + 1:], "double": raw[:at] + raw[at:at + 1] + raw[at:], "insert": raw[:at] + odd + raw[at:],
            "flip": raw[:at] + odd + raw[at + 1:]}[how]


def swap_case(match):
    return match[0].swapcase()


FIELD_NAME = rb"(?<=\r\n)[A-Za-z-]+(?=:)"
MUTATORS = {
    "name case": lambda rng, raw: in_head(rng, raw, FIELD_NAME, swap_case),
    "blanks around a value": lambda rng, raw: in_head(rng, raw, rb"(?<=[a-z]): (?=[^\r]*\r)", b":" + rng.choice([b"", b"  ", b"\t", b" \t "])),
    "blank before a colon": lambda rng, raw: in_head(rng, raw, rb"(?<=[a-z]): ", rng.choice([b" : ", b"\t: "])),
    "field twice": lambda rng, raw: in_head(rng, raw, rb"(?<=\r\n)[A-Za-z-]+: [^\r]*\r\n", lambda match: match[0] * 2),
    "Content-Length": lambda rng, raw: in_head(rng, raw, rb"(?<=Content-Length: )[0-9]+", rng.choice(LENGTHS)),
    "Transfer-Encoding": lambda rng, raw: in_head(rng, raw, rb"(?<=Transfer-Encoding: )chunked", rng.choice(CODINGS)),
    "Host": lambda rng, raw: in_head(rng, raw, rb"(?<=Host: )[^\r]+", rng.choice(HOSTS)),
    "version": lambda rng, raw: in_head(rng, raw, rb"HTTP/1\.[01]", rng.choice(VERSIONS)),
    "method": lambda rng, raw: in_head(rng, raw, rb"^[A-Z]+", rng.choice(METHODS)),
    "target": lambda rng, raw: in_head(rng, raw, rb"(?<= )[^ ]+(?= HTTP)", rng.choice(TARGETS)),
    "chunk size": lambda rng, raw: in_head(rng, raw, rb"(?<=\r\n\r\n)[0-9A-F]+(?=[;\r])", rng.choice(SIZES)) if b"chunked" in raw else None,
    "end of a line": lambda rng, raw: in_head(rng, raw, rb"\r\n", rng.choice(ENDS)),
    "a field more": lambda rng, raw: in_head(rng, raw, rb"(?<=HTTP/1\.1\r\n)", rng.choice(FIELDS) + b"\r\n"),
    "folded": lambda rng, raw: in_head(rng, raw, rb"(?<=[a-z]): ", rng.choice([b":\r\n ", b":\r\n\t"])),
    "a byte": byte_at,
}


def mutated(count, seed):
    """`count` different requests, as (what was done, bytes)."""
    rng = random.Random(seed)
    seen, out = set(CORPUS), []
    while len(out) < count:
        raw, names = rng.choice(CORPUS), []
        for _ in range(rng.choice((1, 1, 1, 2))):
            name = rng.choice(list(MUTATORS))
            new = MUTATORS[name](rng, raw)
            if new is not None:
                raw = new
                names.append(name)
        if names and raw not in seen:
            seen.add(raw)
            out.append((" + ".join(names), raw))
    return out
