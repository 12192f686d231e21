# SPDX-License-Identifier: Apache-2.0
"""Why our server reads some requests otherwise than nginx or Node.js does. `pattern` is what such a request has.

A reason for being laxer than another server names the section of the RFC that gives us the right.
"""
import dataclasses
import re

HEAD = rb"(?:(?!\r\n\r\n).)*?"  # stays inside one head
LINE = rb"(?:^|\r\n|abc)[^ :\r\n]* "  # up to the target


@dataclasses.dataclass
class Reason:
    name: str
    how: str  # "stricter", "laxer" or "other": ours than theirs
    peers: tuple
    pattern: bytes
    section: str
    why: str
    statuses: tuple = (400,)  # of our refusal; empty: any


TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
EXTENSIONS = rb"(?:;" + TOKEN + rb"(?:=(?:" + TOKEN + rb"|\"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*\"))?)*"


def malformed_chunks(raw):
    """Whether the first chunked body is none by the grammar of RFC 9112 7.1."""
    found = re.search(rb"(?i)\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n(?:[^\r\n]+\r\n)*\r\n", raw)
    if not found:
        return False
    rest = raw[found.end():]
    while True:
        size = re.match(rb"([0-9A-Fa-f]{1,15})" + EXTENSIONS + rb"\r\n", rest)
        if not size:
            return True
        count, rest = int(size[1], 16), rest[size.end():]
        if count == 0:
            return not re.match(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n]*\r\n)*\r\n", rest)
        if rest[count:count + 2] != b"\r\n":
            return True
        rest = rest[count + 2:]


BOTH = ("nginx", "node")
REASONS = [
    # A line ends with CR LF and with nothing else: two parties that disagree about it disagree about every field.
    Reason("line ends", "stricter", BOTH, rb"(?<!\r)\n|\r(?!\n)", "9112 2.2", "a bare LF or CR ends nothing here"),
    Reason("control characters", "stricter", BOTH, rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "9110 5.5", "a control character is refused wherever it is"),
    Reason("folded", "stricter", BOTH, rb"\r\n[ \t]", "9112 5.2", "a folded line is refused, in trailers too"),
    Reason("blank lines", "stricter", BOTH, rb"^\r\n\r\n|\r\n\r\n\r\n\r\n", "9112 2.2", "one empty line before a request is left out, not more"),
    Reason("several Hosts", "stricter", BOTH, rb"(?i)\r\nhost:" + HEAD + rb"\r\nhost:", "9112 3.2", "a second Host is refused, an equal one too"),
    Reason("malformed Host", "stricter", BOTH, rb"(?i)\r\nhost:[ \t]*+(\r|:|[^\r]*[,@/%\\\"#;\x80-\xff]|[^\r]*[^ \t\r][ \t]+[^ \t\r]|[^\r]*:([^\r]*[^0-9\r ]|[0-9]{5,}|[^\r]*:))", "9112 3.2",
           "a Host that is no host and port is refused"),
    Reason("characters of a target", "stricter", BOTH, LINE + rb"[^ \r\n]*[#\"\\<>\x80-\xff]", "9112 3.2", "what a URI must percent-encode is refused, not repaired"),
    Reason("percent-encoding", "stricter", BOTH, LINE + rb"[^ \r\n]*%(?![0-9A-Fa-f]{2})|%00", "3986 2.1", "a percent sign begins two hex digits, and no NUL"),
    Reason("blanks in a request line", "stricter", BOTH, LINE + rb"[^ \r\n]* [^\r\n]* HTTP/|HTTP/[0-9.]+[ \t]+\r|^[ \t]|(?:^|\r\n|abc)[^ :\r\n]*\t|" + LINE + rb" ", "9112 3",
           "exactly one blank stands between method, target and version"),
    Reason("versions", "stricter", BOTH, LINE + rb"[^ \r\n]*( (?!HTTP/1\.[01]\r)[^\r\n]*)?\r", "9110 2.5", "HTTP/1.1 and HTTP/1.0 are spoken, spelt like this", (400, 505)),
    Reason("forms of a target", "stricter", BOTH, LINE + rb"(?!/|\*|https?://)", "9112 3.2", "a target begins with a slash, or is http or https"),
    Reason("the asterisk", "stricter", BOTH, LINE + rb"\*", "9112 3.2.4", "the asterisk belongs to OPTIONS"),
    Reason("the authority", "stricter", BOTH, rb"(?:^|\r\n|abc)CONNECT ", "9112 3.2.3", "the target of CONNECT is host and port; whatever else is no request"),
    Reason("two hosts in one request", "stricter", BOTH, LINE + rb"https?://", "9112 3.2.2", "the authority of the target and the Host must be the same"),
    Reason("expectations", "stricter", BOTH, rb"(?i)\r\nexpect:", "9110 10.1.1", "an expectation that nobody knows is not met", (417,)),
    Reason("codings", "stricter", BOTH, rb"(?i)\r\ntransfer-encoding:[ \t]*+(?!chunked\r)", "9112 6.1", "the one coding is 'chunked', alone and once"),
    Reason("coding and length", "stricter", BOTH, rb"(?i)transfer-encoding:" + HEAD + rb"content-length:|content-length:" + HEAD + rb"transfer-encoding:", "9112 6.1",
           "both together are an attack or a mistake"),
    Reason("coding twice", "stricter", BOTH, rb"(?i)transfer-encoding:" + HEAD + rb"transfer-encoding:", "9112 6.1", "chunked is applied once"),
    Reason("coding in HTTP/1.0", "stricter", BOTH, rb"(?i)HTTP/1\.0" + HEAD + rb"transfer-encoding:", "9112 6.1", "HTTP/1.0 has no codings"),
    Reason("lengths", "stricter", BOTH, rb"(?i)content-length:[ \t]*+(?![0-9]+[ \t]*\r)|content-length:" + HEAD + rb"content-length:", "9112 6.3",
           "a length is digits, once, equal ones too"),
    Reason("chunk sizes", "stricter", BOTH, rb"\r\n[0-9A-Fa-f]*[ \t]+;|\r\n[0-9A-Fa-f]+[ \t]+\r|\r\n[ \t+]+[0-9A-Fa-f]+\r|\r\n[0-9A-Fa-f]{16,}[;\r]", "9112 7.1",
           "a size is at most 15 hex digits, with no blank around it"),
    Reason("chunks", "stricter", BOTH, malformed_chunks, "9112 7.1", "data ends where its size says, with CR LF; extensions follow their grammar; a trailer is a field"),
    Reason("names", "stricter", BOTH, rb"\r\n[^:\r\n]*[^!#$%&'*+.^_`|~0-9A-Za-z:\r\n-][^:\r\n]*:|\r\n:|HTTP/1\.[01]\r\n(?:[^\r\n]+\r\n)*?[^:\r\n]+\r\n", "9112 5.1", "a field is a token, a colon and a value"),
    Reason("close and keep-alive", "stricter", ("nginx",), rb"(?i)connection:" + HEAD + rb"connection:", "9112 9.3", "close beats keep-alive", (0,)),
    Reason("options of Connection", "stricter", ("nginx",), rb"(?i)HTTP/1\.0" + HEAD + rb"connection:[^\r]*keep-alive", "9110 7.6.1",
           "an option is a whole token; nginx finds 'keep-alive' inside others", (0,)),
    # Where we are laxer.
    Reason("a tab is a blank", "laxer", ("nginx",), rb"(?i):[ ]*\t", "9110 5.6.3", "optional white space is blanks and tabs; nginx refuses tabs in fields it reads itself", ()),
    Reason("other methods", "laxer", BOTH, rb"(?:^|\r\n|abc)(?!(?:GET|POST|PUT|DELETE|OPTIONS) )[!#$%&'*+.^_`|~0-9A-Za-z-]+ |[^ \r\n](GET|POST|PUT) ", "9110 9.1",
           "a method is any token: 405 says that this one is not known, and the framing of the request is known", ()),
    Reason("nothing lost before an error", "laxer", ("node in pieces",), rb"", "9112 9.3.2",
           "requests before a malformed one are answered; Node.js drops their answers when they came in one packet", ()),
]


def find(how, peer, raw, status):
    for reason in REASONS:
        if reason.how == how and peer in reason.peers and (not reason.statuses or status in reason.statuses):
            if reason.pattern(raw) if callable(reason.pattern) else re.search(reason.pattern, raw, re.S):
                return reason
    return None
