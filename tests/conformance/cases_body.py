# SPDX-License-Identifier: Apache-2.0
"""Cases about where a body ends, which is where smuggling begins. In every request '|' stands for CR LF; see table.py."""
from table import alive, case, echo, refused

P = "POST /echo HTTP/1.1|Host: t|Content-Type: text/plain|"
TE = P + "Transfer-Encoding: chunked||"
SMUGGLED = "GET /echo/smuggled HTTP/1.1|Host: t||"

# Content-Length (RFC 9110 section 8.6, RFC 9112 section 6.3).
case("a body", "9112 6.3", P + "Content-Length: 5||hello", echo(length=5, body=b"hello"))
case("an empty body", "9112 6.3", P + "Content-Length: 0||", echo(length=0))
case("no length is no body", "9112 6.3", P + "|", echo(length=0))
case("a GET with a body", "9110 9.3.1", "GET /echo HTTP/1.1|Host: t|Content-Type: text/plain|Content-Length: 2||ab", echo(length=2))
case("leading zeros are digits", "9110 8.6", P + "Content-Length: 005||hello", [echo(length=5), refused(400)])
case("every byte there is", "9112 6.3", P + "Content-Length: 256||" + "".join(map(chr, range(256))).replace("|", "!"),
     echo(length=256))
for value in ("", "-1", "+5", "5 5", "5,", "5,5", "5, 5", "5;5", "0x5", "5a", "a", "5.0", "1e1", "\"5\"", "\xb2", "5\t5",
              "9223372036854775808", "18446744073709551616", "18446744073709551621", "99999999999999999999999999999999"):
    case(f"Content-Length {value!r}", "9112 6.3", P + f"Content-Length: {value}||hello", refused(400))
case("Content-Length twice, different", "9112 6.3", P + "Content-Length: 5|Content-Length: 6||hello", refused(400))
case("Content-Length twice, equal", "9112 6.3", P + "Content-Length: 5|Content-Length: 5||hello", refused(400))
case("Content-Length twice, in two cases", "9112 6.3", P + "Content-Length: 5|CONTENT-LENGTH: 5||hello", refused(400))
case("a blank before the colon of Content-Length", "9112 5.1", P + "Content-Length : 5||hello", refused(400))
case("a folded Content-Length", "9112 5.2", P + "Content-Length:| 5||hello", refused(400))
case("a Content-Length far past the limit", "9110 15.5.14", P + "Content-Length: 999999999999999999||hello", refused(413))
case("a body at its limit", "9110 15.5.14", P + "Content-Length: 1048576||" + "a" * 1048576, echo(length=1048576))
case("a body past its limit", "9110 15.5.14", P + "Content-Length: 1048577||" + "a" * 1048577, refused(413))
case("a body that never comes", "9110 15.5.9", P + "Content-Length: 5||hel", refused(408))
case("a head that never ends", "9110 15.5.9", P + "Content-Len", refused(408))
case("a media type that nobody takes", "9110 15.5.16", "POST /echo HTTP/1.1|Host: t|Content-Type: a/b|Content-Length: 2||ab", alive(415))
case("a body where none is taken", "9110 15.5.16", "DELETE / HTTP/1.1|Host: t|Content-Length: 2||ab", alive(405))
case("a compressed body", "9110 8.4", P + "Content-Encoding: gzip|Content-Length: 2||ab", alive(415))

# Transfer-Encoding (RFC 9112 section 6.1).
case("chunks", "9112 7.1", TE + "5|hello|0||", echo(length=5, body=b"hello"))
case("chunks are joined", "9112 7.1", TE + "3|hel|2|lo|0||", echo(length=5, body=b"hello"))
case("no chunk", "9112 7.1", TE + "0||", echo(length=0))
case("the coding in capitals", "9112 7", P + "Transfer-Encoding: CHUNKED||1|a|0||", echo(length=1))
case("the field in capitals", "9110 5.1", P + "TRANSFER-ENCODING: chunked||1|a|0||", echo(length=1))
for value in ("", "identity", "gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "chunked,", ",chunked", "chunked;a=b",
              "xchunked", "chunkedx", "chunk", "\"chunked\"", "'chunked'", "chunked chunked", "chunked, identity", "identity, chunked",
              "\x0bchunked", "chunked\x0b", "\x0cchunked", "chunked\x00", "\xa0chunked", "c\thunked", "cow", "deflate", "trailers"):
    case(f"Transfer-Encoding {value!r}", "9112 6.1", P + f"Transfer-Encoding: {value}||1|a|0||", refused(400, 501))
case("blanks around the coding", "9110 5.5", P + "Transfer-Encoding: \t chunked \t||1|a|0||", echo(length=1))
case("Transfer-Encoding twice", "9112 6.1", P + "Transfer-Encoding: chunked|Transfer-Encoding: chunked||1|a|0||", refused(400))
case("Transfer-Encoding twice, the last one unknown", "9112 6.1", P + "Transfer-Encoding: chunked|Transfer-Encoding: cow||1|a|0||", refused(400, 501))
case("Transfer-Encoding twice, the first one unknown", "9112 6.1", P + "Transfer-Encoding: cow|Transfer-Encoding: chunked||1|a|0||", refused(400, 501))
case("Transfer-Encoding in HTTP/1.0", "9112 6.1", "POST /echo HTTP/1.0|Host: t|Content-Type: text/plain|Transfer-Encoding: chunked||1|a|0||", refused(400))
case("a blank before the colon of Transfer-Encoding", "9112 5.1", P + "Transfer-Encoding : chunked||1|a|0||", refused(400))
case("a folded Transfer-Encoding", "9112 5.2", P + "Transfer-Encoding:| chunked||1|a|0||", refused(400))
case("Transfer_Encoding is not Transfer-Encoding", "9110 5.1", P + "Transfer_Encoding: chunked|Content-Length: 2||ab", echo(length=2))
case("Transfer-Encoding behind a bare LF", "9112 2.2", P + "X: a\nTransfer-Encoding: chunked||1|a|0||", refused(400))
case("Transfer-Encoding behind a bare CR", "9112 2.2", P + "X: a\rTransfer-Encoding: chunked||1|a|0||", refused(400))
case("Transfer-Encoding behind a NUL", "9110 5.5", P + "Transfer-Encoding\0: chunked||1|a|0||", refused(400))

# Chunks (RFC 9112 section 7.1).
case("a size in capitals", "9112 7.1", TE + "A|0123456789|0||", echo(length=10))
case("a size in small letters", "9112 7.1", TE + "a|0123456789|0||", echo(length=10))
case("a size with leading zeros", "9112 7.1", TE + "00005|hello|0||", echo(length=5))
case("a last chunk of several zeros", "9112 7.1", TE + "5|hello|000||", echo(length=5))
for size in ("", " 5", "5 ", "5\t", "0x5", "-5", "+5", "5h", "g", "5_0", "5.0", "5,", "\xff", "\0005"):
    case(f"a chunk size {size!r}", "9112 7.1", TE + f"{size}|hello|0||", refused(400))
for size in ("10000000000000000", "ffffffffffffffff0", "100000000000000005", "f" * 40, "0" * 40 + "5"):
    case(f"a chunk size that overflows: {size[:20]}", "9112 7.1", TE + f"{size}|hello|0||", refused(400))
case("a chunk size of 2^63", "9112 7.1", TE + "8000000000000000|hello|0||", refused(400, 413))
case("a chunk larger than the limit", "9110 15.5.14", TE + "100001|", refused(413))
case("chunks larger than the limit together", "9110 15.5.14", TE + "100000|" + "a" * 0x100000 + "|1|", refused(413))
case("chunks at the limit together", "9110 15.5.14", TE + "80000|" + "a" * 0x80000 + "|80000|" + "b" * 0x80000 + "|0||", echo(length=0x100000))
case("bare LF after a size", "9112 7.1", TE + "5\nhello|0||", refused(400))
case("bare LF after the data", "9112 7.1", TE + "5|hello\n0||", refused(400))
case("bare CR after a size", "9112 7.1", TE + "5\rhello|0||", refused(400))
case("CR CR LF after a size", "9112 7.1", TE + "5\r|hello|0||", refused(400))
case("bare LF after the last size", "9112 7.1", TE + "5|hello|0\n\n", refused(400))
case("bare LF at the end", "9112 7.1", TE + "5|hello|0|\n", refused(400))
case("data longer than its size", "9112 7.1", TE + "4|hello|0||", refused(400))
case("data shorter than its size", "9112 7.1", TE + "6|hello|0||", refused(400))
case("no CR LF after the data", "9112 7.1", TE + "5|hello0||", refused(400))
case("an extension is left out", "9112 7.1.1", TE + "5;a=b|hello|0;c||", echo(length=5))
case("an extension with quotes", "9112 7.1.1", TE + "5;a=\"b c\"|hello|0||", echo(length=5))
case("bare LF in an extension", "9112 7.1.1", TE + "5;a\nb|hello|0||", refused(400))
case("bare CR in an extension", "9112 7.1.1", TE + "5;a\rb|hello|0||", refused(400))
case("NUL in an extension", "9112 7.1.1", TE + "5;a\0b|hello|0||", refused(400))
case("a size line in an extension with bare LF", "9112 7.1.1", TE + "2;\nxx|4c|0||" + SMUGGLED, refused(400))
case("extensions past their limit", "9112 7.1.1", TE + "5;" + "a" * 20000 + "|hello|0||", refused(400, 431))
case("a blank before an extension", "9112 7.1.1", TE + "5 ;a=b|hello|0||", refused(400))
case("trailers are left out", "9112 7.1.2", TE + "5|hello|0|X-Test: a||", echo(length=5, test=None))
case("a trailer that would frame", "9110 6.5.1", TE + "5|hello|0|Content-Length: 9|Transfer-Encoding: x||", [echo(length=5), refused(400)])
case("a trailer without a colon", "9112 7.1.2", TE + "5|hello|0|X||", refused(400))
case("a trailer with a blank before the colon", "9112 5.1", TE + "5|hello|0|X : a||", refused(400))
case("a folded trailer", "9112 5.2", TE + "5|hello|0|X: a| b||", refused(400))
case("bare LF in a trailer", "9112 2.2", TE + "5|hello|0|X: a\nY: b||", refused(400))
case("NUL in a trailer", "9110 5.5", TE + "5|hello|0|X: a\0||", refused(400))
case("100 trailers", "9112 7.1.2", TE + "0|" + "X: a|" * 100 + "|", echo(length=0))
case("101 trailers", "9112 7.1.2", TE + "0|" + "X: a|" * 101 + "|", refused(431))
case("trailers past their limit", "9112 7.1.2", TE + "0|X: " + "a" * 40000 + "||", refused(431))
case("chunks that never end", "9110 15.5.9", TE + "5|hel", refused(408))
case("a body of no chunk at all", "9110 15.5.9", TE, refused(408))

# Smuggling: every one of these must end the connection, or be read in one way only.
case("CL.TE", "9112 6.1", P + "Content-Length: 6|Transfer-Encoding: chunked||0||G", refused(400))
case("CL.TE with a request inside", "9112 6.1", P + f"Content-Length: {5 + len(SMUGGLED) + 3}|Transfer-Encoding: chunked||0||" + SMUGGLED, refused(400))
case("TE.CL", "9112 6.1", P + "Transfer-Encoding: chunked|Content-Length: 4||5c|" + SMUGGLED + "|0||", refused(400))
case("TE.TE with a second coding", "9112 6.1", P + "Transfer-Encoding: chunked|Transfer-encoding: cow|Content-Length: 4||0||", refused(400, 501))
case("TE.TE with a blank before the colon", "9112 5.1", P + "Transfer-Encoding : chunked|Content-Length: 4||0||", refused(400))
case("TE.TE with a folded line", "9112 5.2", P + "Transfer-Encoding:|\tchunked|Content-Length: 4||0||", refused(400))
case("TE.TE with a vertical tab", "9112 6.1", P + "Transfer-Encoding: \x0bchunked|Content-Length: 4||0||", refused(400, 501))
case("a zero length with a coding", "9112 6.1", P + "Content-Length: 0|Transfer-Encoding: chunked||0||", refused(400))
case("CL.0: a body is read where no route takes one", "9112 9.3", f"POST /nothing HTTP/1.1|Host: t|Content-Type: text/plain|Content-Length: {len(SMUGGLED) + 3}||" + SMUGGLED,
     alive(404))
case("CL.0: a body of HEAD is read", "9110 9.3.2", f"HEAD / HTTP/1.1|Host: t|Content-Length: {len(SMUGGLED) + 3}||" + SMUGGLED, alive(415, method=b"HEAD"))
case("CL.0: a body of OPTIONS is read", "9110 9.3.7", f"OPTIONS /echo HTTP/1.1|Host: t|Content-Length: {len(SMUGGLED) + 3}||" + SMUGGLED, alive(204))
case("CL.0: a body of TRACE is read", "9110 9.3.8", f"TRACE / HTTP/1.1|Host: t|Content-Length: {len(SMUGGLED) + 3}||" + SMUGGLED, alive(405))
case("CL.0: a body of CONNECT is read", "9110 9.3.6", f"CONNECT t:80 HTTP/1.1|Host: t:80|Content-Length: {len(SMUGGLED) + 3}||" + SMUGGLED, [alive(405), refused(405, 400)])
case("a request in a header value", "9110 5.5", "GET /echo HTTP/1.1|Host: t|X-Test: a GET /smuggled HTTP/1.1||", echo(test=b"a GET /smuggled HTTP/1.1"))
case("a request behind a bare CR LF CR", "9112 2.2", "GET /echo HTTP/1.1|Host: t|X: a\r\n\rGET /echo/smuggled HTTP/1.1|Host: t||", refused(400))
case("two lengths in one line", "9112 5", P + "Content-Length: 5 Content-Length: 0||hello", refused(400))
case("a length in the request line", "9112 3", "POST /echo HTTP/1.1 Content-Length: 5|Host: t||hello", refused(400))
case("a chunked request in HTTP/1.0 that keeps", "9112 6.1", "POST /echo HTTP/1.0|Connection: keep-alive|Content-Type: text/plain|Transfer-Encoding: chunked||0||" + SMUGGLED, refused(400))
