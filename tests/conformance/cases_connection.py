# SPDX-License-Identifier: Apache-2.0
"""Cases about several requests on a connection, its end, and what answers look like. '|' stands for CR LF; see table.py."""
from table import Parts, alive, case, echo, refused, several, silent

H = "Host: t|"
GET = "GET / HTTP/1.1|" + H + "|"
P = "POST /echo HTTP/1.1|Host: t|Content-Type: text/plain|"


def ask(path, fields=""):
    return f"GET /echo/{path} HTTP/1.1|{H}{fields}|"


# Connection, keep-alive, pipelining (RFC 9112 section 9).
case("Connection: close", "9112 9.6", ask("a", "Connection: close|"), refused(200))
case("Connection: Close in any case", "9110 7.6.1", ask("a", "Connection: CLOSE|"), refused(200))
case("close in a list", "9110 7.6.1", ask("a", "Connection: a, close, b|"), refused(200))
case("close in the second field", "9110 5.3", ask("a", "Connection: a|Connection: close|"), refused(200))
case("a list of empty elements", "9110 5.6.1", ask("a", "Connection: , ,close,|"), refused(200))
case("keep-alive in HTTP/1.1 is said anyway", "9112 9.3", ask("a", "Connection: keep-alive|"), alive(200))
case("close beats keep-alive", "9112 9.3", "GET / HTTP/1.0|Connection: keep-alive, close||", refused(200))
case("'closed' is not close", "9110 7.6.1", ask("a", "Connection: closed|"), alive(200))
case("Proxy-Connection means nothing", "9112 9.3", ask("a", "Proxy-Connection: close|"), alive(200))
case("Keep-Alive means nothing", "9112 9.3", ask("a", "Keep-Alive: timeout=1|"), alive(200))
case("an Upgrade nobody offers is left out", "9110 7.8", ask("a", "Connection: upgrade|Upgrade: foo/2|"), alive(200))
case("two requests in one packet", "9112 9.3.2", ask("1") + ask("2"), several(echo(path=b"/echo/1"), echo(path=b"/echo/2")))
case("ten requests in one packet, in order", "9112 9.3.2", "".join(ask(str(i)) for i in range(10)),
     several(*[echo(path=b"/echo/%d" % i) for i in range(10)]))
case("requests with bodies in one packet", "9112 9.3.2", (P + "Content-Length: 2||ab") + (P + "Transfer-Encoding: chunked||1|c|0||") + ask("x"),
     several(echo(length=2), echo(length=1), echo(path=b"/echo/x")))
case("a slow one is not overtaken", "9112 9.3.2", "GET /slow?a HTTP/1.1|" + H + "|" + ask("b"), several(alive(200, body=b"slow a"), echo(path=b"/echo/b")))
case("a good request, then a bad one", "9112 9.6", ask("1") + "GET / HTTP/1.1\n\n", several(echo(path=b"/echo/1"), refused(400)))
case("nothing is read after a bad request", "9112 9.6", "GET / HTTP/1.1||" + ask("2"), refused(400))
case("nothing is read after close", "9112 9.6", ask("1", "Connection: close|") + ask("2"), refused(200))
case("nothing is read after 413", "9112 9.6", P + "Content-Length: 9999999||" + ask("2"), refused(413))
case("nothing is read after 505", "9112 9.6", "GET / HTTP/3.0|" + H + "|" + ask("2"), refused(505))
case("nothing is read after HTTP/1.0", "9112 9.3", "GET / HTTP/1.0||" + ask("2"), refused(200))
case("a 404 keeps the connection", "9112 9.3", "GET /nothing HTTP/1.1|" + H + "|" + ask("2"), several(alive(404), echo(path=b"/echo/2")))
case("a 500 keeps the connection and tells nothing", "9112 9.3", "GET /fail HTTP/1.1|" + H + "|" + ask("2"), several(alive(500, hides=b"this handler"), echo(path=b"/echo/2")))
case("an empty line between requests", "9112 2.2", ask("1") + "|" + ask("2"), several(echo(path=b"/echo/1"), echo(path=b"/echo/2")))
case("a body longer than said is the next request", "9112 6.3", P + "Content-Length: 2||abXX|", several(echo(length=2), refused(400)))

# Packets (RFC 9112 section 2.2: where they are cut means nothing).
case("a request byte by byte", "9112 2.2", Parts(*(P + "Content-Length: 3||abc")), echo(length=3))
case("chunks byte by byte", "9112 7.1", Parts(*(P + "Transfer-Encoding: chunked||3;x=y|abc|0|T: v||")), echo(length=3))
case("a cut between CR and LF", "9112 2.2", Parts("GET / HTTP/1.1\r", "\nHost: t\r", "\n\r", "\n"), alive(200))
case("a cut inside a chunk size", "9112 7.1", Parts(P + "Transfer-Encoding: chunked||1", "0|0123456789abcdef|0||"), echo(length=16))

# The end of a connection (RFC 9112 sections 8 and 9.5).
case("a half-close after the request", "9112 9.6", Parts(GET, end=True), [several(alive(200, probe=False), silent()), refused(200), silent()])
case("a half-close inside the head", "9112 8", Parts("GET / HT", end=True), [silent(), refused(400, 408)])
case("a half-close inside the body", "9112 8", Parts(P + "Content-Length: 9||abc", end=True), [silent(), refused(400, 408)])
case("a half-close inside chunks", "9112 8", Parts(P + "Transfer-Encoding: chunked||3|ab", end=True), [silent(), refused(400, 408)])
case("a half-close at once", "9112 9.5", Parts("", end=True), silent())
case("an empty connection times out", "9112 9.5", "", silent())
case("an idle connection times out", "9112 9.5", GET, several(alive(200, probe=False), silent()))
case("an empty line alone times out", "9112 9.5", "|", [silent(), refused(408)])

# Expect (RFC 9110 section 10.1.1).
case("100-continue", "9110 10.1.1", Parts(P + "Expect: 100-continue|Content-Length: 2||", "ab", waits=True), several(alive(100, probe=False), echo(length=2)))
case("100-Continue in any case", "9110 10.1.1", Parts(P + "Expect: 100-Continue|Content-Length: 2||", "ab", waits=True), several(alive(100, probe=False), echo(length=2)))
case("100-continue with chunks", "9110 10.1.1", Parts(P + "Expect: 100-continue|Transfer-Encoding: chunked||", "1|a|0||", waits=True),
     several(alive(100, probe=False), echo(length=1)))
case("100-continue whose body is there already", "9110 10.1.1", P + "Expect: 100-continue|Content-Length: 2||ab", [echo(length=2), several(alive(100, probe=False), echo(length=2))])
case("100-continue without a body", "9110 10.1.1", P + "Expect: 100-continue|Content-Length: 0||", echo(length=0))
case("100-continue in HTTP/1.0 is left out", "9110 10.1.1", "POST /echo HTTP/1.0|Content-Type: text/plain|Expect: 100-continue|Content-Length: 2||ab", refused(200))
case("100-continue of a body that is too large", "9110 10.1.1", P + "Expect: 100-continue|Content-Length: 9999999||", refused(413))
case("100-continue of nothing there", "9110 10.1.1", "POST /nothing HTTP/1.1|Host: t|Content-Type: text/plain|Expect: 100-continue|Content-Length: 2||", [refused(404), alive(404)])
case("100-continue of the wrong media type", "9110 10.1.1", "POST /echo HTTP/1.1|Host: t|Expect: 100-continue|Content-Length: 2||", [refused(415)])
case("an unknown expectation", "9110 10.1.1", P + "Expect: coffee|Content-Length: 2||ab", refused(417))

# Answers (RFC 9110 sections 8.6, 15; RFC 9112 section 6).
case("204 has no body and no length", "9110 15.3.5", "GET /status/204 HTTP/1.1|" + H + "|", alive(204, lacks=[b"content-length", b"transfer-encoding"]))
case("304 has no body", "9110 15.4.5", "GET /status/304 HTTP/1.1|" + H + "|", alive(304, fields={b"etag": b'"1"'}))
case("HEAD of a 204", "9110 15.3.5", "HEAD /status/204 HTTP/1.1|" + H + "|", alive(204, method=b"HEAD"))
case("a large answer is whole", "9112 6.3", "GET /big HTTP/1.1|" + H + "|", alive(200, body=b"b" * 1048576))
case("large answers in one packet", "9112 9.3.2", ("GET /big HTTP/1.1|" + H + "|") * 3 + ask("x"),
     several(*[alive(200, body=b"b" * 1048576)] * 3, echo(path=b"/echo/x")))
case("a handler cannot split an answer", "9110 17.5", "GET /splitting HTTP/1.1|" + H + "|", alive(200, lacks=[b"set-cookie"]))
case("no Server field tells a version", "9110 10.2.4", GET, alive(200, lacks=[b"server"]))
case("a refusal is an answer of its own", "9110 15.5", "BAD|", refused(400, fields={b"content-type": b"application/json"}))
case("a refusal shows nothing of the request", "9110 17.11", "GET /<script> HTTP/1.1|" + H + "|", refused(400, hides=b"<script>"))

# Bodies that come in pieces, both ways (RFC 9112 sections 6.3, 7.1).
C = "POST /count HTTP/1.1|Host: t|Content-Type: text/plain|"
case("a streamed answer has chunks", "9112 7.1", "GET /stream?20 HTTP/1.1|" + H + "|",
     alive(200, body=b"0123456789" * 20, fields={b"transfer-encoding": b"chunked"}, lacks=[b"content-length"]))
case("a streamed answer of nothing", "9112 7.1", "GET /stream?0 HTTP/1.1|" + H + "|", alive(200, body=b""))
case("a streamed answer to HTTP/1.0 ends with the connection", "9112 6.1", "GET /stream?20 HTTP/1.0||",
     refused(200, body=b"0123456789" * 20, lacks=[b"transfer-encoding", b"content-length"]))
case("a streamed answer to HTTP/1.0 that asks to keep", "9112 6.1", "GET /stream?20 HTTP/1.0|Connection: keep-alive||",
     refused(200, body=b"0123456789" * 20, lacks=[b"transfer-encoding", b"content-length"]))
case("HEAD of a streamed answer", "9110 9.3.2", "HEAD /stream?20 HTTP/1.1|" + H + "|", alive(200, method=b"HEAD"))
case("streamed answers in one packet", "9112 9.3.2", ("GET /stream?9 HTTP/1.1|" + H + "|") * 3 + ask("x"),
     several(*[alive(200, body=b"0123456789" * 9)] * 3, echo(path=b"/echo/x")))
case("a streamed body with a length", "9112 6.3", C + "Content-Length: 5||hello", alive(200, body=b"counted 5"))
case("a streamed body in chunks", "9112 7.1", C + "Transfer-Encoding: chunked||5|hello|3|abc|0|T: x||", alive(200, body=b"counted 8"))
case("a streamed body in chunks, byte by byte", "9112 7.1", Parts(*(C + "Transfer-Encoding: chunked||5|hello|3|abc|0|T: x||")), alive(200, body=b"counted 8"))
case("a streamed body of nothing", "9112 6.3", C + "Content-Length: 0||", alive(200, body=b"counted 0"))
case("a streamed body, then the next request", "9112 9.3.2", C + "Content-Length: 5||hello" + ask("x"), several(alive(200, body=b"counted 5"), echo(path=b"/echo/x")))
case("a streamed body with a malformed chunk", "9112 7.1", C + "Transfer-Encoding: chunked||5|helloX|", refused(400))
case("a streamed body past the limit", "9110 15.5.14", C + "Content-Length: 1048577||", refused(413))
case("streamed chunks past the limit", "9110 15.5.14", C + "Transfer-Encoding: chunked||100000|" + "a" * 0x100000 + "|1|", refused(413))
case("a streamed body of the wrong type", "9110 15.5.16", "POST /count HTTP/1.1|Host: t|Content-Length: 2||ab", alive(415))
case("a streamed body that never comes", "9110 15.5.9", C + "Content-Length: 5||hel", refused(408))
case("100-continue of a streamed body", "9110 10.1.1", Parts(C + "Expect: 100-continue|Content-Length: 2||", "ab", waits=True),
     several(alive(100, probe=False), alive(200, body=b"counted 2")))
case("a half-close inside a streamed body", "9112 8", Parts(C + "Content-Length: 9||abc", end=True), [silent(), refused(400, 408)])
