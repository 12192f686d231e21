#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""That secrets are recognised in every form, and nothing else is."""
import base64
import json
import pathlib
import sys
import unittest
import urllib.parse

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from canaries import Canaries  # noqa: E402


class Recognised(unittest.TestCase):
    def setUp(self):
        self.canaries = Canaries()
        self.secret = self.canaries.new("it")

    def test_in_every_form(self):
        secret, raw = self.secret, self.secret.encode()
        url = base64.urlsafe_b64encode
        forms = [secret, secret.lower(), secret[:12], secret[-12:], secret[6:18], f'"\\{secret}', json.dumps('"' + secret), urllib.parse.quote("/" + secret),
                 raw.hex(), *(base64.b64encode(b"ada:"[:before] + raw).decode() for before in range(4)),
                 *(url(b"~\xff\xfe~"[:before] + raw).decode() for before in range(4)),
                 base64.b64encode(json.dumps({"note": secret}).encode()).decode().rstrip("=")]
        for form in forms:
            self.assertEqual(["it"], list(self.canaries.found_in(f"before {form} behind")), form)

    def test_nothing_else(self):
        other = Canaries()
        text = " ".join(other.new(f"another {number}") for number in range(500)) + self.secret[:9] + " " + self.secret[-9:]
        self.assertEqual({}, self.canaries.found_in(text + base64.b64encode(text.encode()).decode()))

    def test_a_text_as_it_is(self):
        self.canaries.watch("a signature", "Zm9vYmFyYmF6cXV4-_abcdefghijk")
        self.assertEqual(["a signature"], list(self.canaries.found_in("x.YmFyYmF6cXV4-_abcdef")))


if __name__ == "__main__":
    unittest.main()
