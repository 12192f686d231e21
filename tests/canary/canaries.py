# SPDX-License-Identifier: Apache-2.0
"""Secrets that are recognised wherever they turn up, whole or in part, plain or encoded."""
import base64
import secrets
import string

LETTERS = string.ascii_letters + string.digits
SIZE = 24
#: No two secrets have so many characters in a row in common; whoever shows this much of one shows it.
PART = 10
STEP = 3


def parts(text, size=PART):
    return {text[at:at + size] for at in range(0, len(text) - size + 1, STEP)}


def in_base64(text):
    """What stands for `text` wherever it begins within base64, of either alphabet."""
    found = set()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + text.encode())
        inside = encoded[(before * 8 + 5) // 6:len(encoded) - 4].decode()
        found |= parts(inside, 14) | parts(inside.translate(str.maketrans("+/", "-_")), 14)
    return found


class Canaries:
    """Letters and digits only, so that escapes of JSON, SQL, HTML and URLs leave them as they are."""

    def __init__(self):
        self.needles = {}  # what is looked for: what it is a part of

    def __len__(self):
        return len(set(self.needles.values()))

    def new(self, what, size=SIZE):
        text = "".join(secrets.choice(LETTERS) for _ in range(size))
        self.watch(what, text)
        for needle in in_base64(text) | parts(text.encode().hex(), 2 * PART):
            self.needles[needle] = what
        return text

    def watch(self, what, text):
        """Some other text, as it is."""
        for needle in parts(text) | parts(text.lower()):
            self.needles[needle] = what

    def found_in(self, text):
        """{what: how it stood there} of the secrets in `text`."""
        found = {}
        for needle, what in self.needles.items():
            at = text.find(needle)
            if at >= 0:
                found.setdefault(what, text[max(0, at - 120):at + 40])
        return found
