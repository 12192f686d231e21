# SPDX-License-Identifier: Apache-2.0
"""The form of a case: a name, a section of an RFC, the bytes to send, and what must come back.

In what is sent '|' stands for CR LF; characters are bytes (Latin-1). `Parts` are sent one after the other. A list of
expectations says that the RFC allows any of them. Every answer is held to what wire.py demands of all answers besides.
"""
import dataclasses

CASES = []


@dataclasses.dataclass
class Parts:
    """Sent one by one; `end` half-closes afterwards, `waits` waits for an answer before the second part."""
    parts: tuple
    end: bool = False
    waits: bool = False

    def __init__(self, *parts, end=False, waits=False):
        self.parts, self.end, self.waits = parts, end, waits


@dataclasses.dataclass
class Expectation:
    """Of one answer, or of silence (no status)."""
    statuses: tuple
    closes: bool = False
    method: bytes = b"GET"
    body: bytes | None = None
    fields: dict = dataclasses.field(default_factory=dict)
    lacks: list = dataclasses.field(default_factory=list)
    hides: bytes | None = None
    echo: dict | None = None
    probe: bool = True


@dataclasses.dataclass
class Case:
    name: str
    section: str
    parts: Parts
    choices: list  # of lists of Expectation: one list is what may come back


def alive(*statuses, **more):
    """An answer, after which the connection serves the next request."""
    return [Expectation(statuses, **more)]


def refused(*statuses, **more):
    """An answer that says `Connection: close`, then the end, and nothing between."""
    return [Expectation(statuses, closes=True, **more)]


def silent():
    """The connection is closed without an answer."""
    return [Expectation((), closes=True)]


def echo(**what):
    """200 from the echo route, which saw `what`; the connection goes on."""
    return [Expectation((200,), echo=what)]


def several(*answers):
    """One after the other."""
    return [expectation for answer in answers for expectation in answer]


def to_bytes(raw):
    return raw.replace("|", "\r\n").encode("latin-1")


def case(name, section, raw, expected):
    parts = raw if isinstance(raw, Parts) else Parts(raw)
    is_choice = isinstance(expected[0], list)
    CASES.append(Case(name, section, parts, expected if is_choice else [expected]))
