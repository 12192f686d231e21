#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The checks on servers with a defect: each must find it, and nothing in the server without one.

    tests/conformance/self_test.py --server .../kit_conformance_server
"""
import argparse
import re
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
import mutations  # noqa: E402
import reasons  # noqa: E402
import wire  # noqa: E402

SERVER = None


def run(script, *options):
    path = __file__.rsplit("/", 1)[0] + "/" + script
    return subprocess.run([sys.executable, "-B", path, "--server", SERVER, *options], capture_output=True, text=True)


class Defects(unittest.TestCase):
    def expect_found(self, fault, *wanted):
        result = run("http1.py", f"--fault={fault}")
        self.assertEqual(result.returncode, 1, result.stdout)
        for text in wanted:
            self.assertIn(text, result.stdout)
        self.assertIn("FAIL conformance http1:", result.stdout.splitlines()[-1])

    def test_nul_is_taken_for_a_blank(self):
        self.expect_found("nul", "byte 0 in a value", "NUL in a trailer")

    def test_folded_lines_are_joined(self):
        self.expect_found("fold", "a folded value (RFC 9112 5.2)", "a folded trailer")

    def test_wrong_lengths(self):
        self.expect_found("length", "plain GET")

    def test_no_case_is_no_pass(self):
        self.assertEqual(run("http1.py", "--only=no such case").returncode, 1)


class Differences(unittest.TestCase):
    def test_laxer_than_others(self):
        # A folded line is refused by Node.js: a server that takes it is laxer, and there is no reason for that.
        result = run("differential.py", "--count=400", "--fault=fold")
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("UNEXPLAINED laxer", result.stdout)

    def test_reasons_are_no_blank_cheque(self):
        # A valid request that was refused, or one that others refuse, must not be explained away. What remains: absolute forms
        # (their host may differ from Host), chunk extensions, HTTP/1.0 and a method behind other bytes are what some reason is about.
        for raw in mutations.CORPUS:
            if re.search(rb"http://|;n=v|HTTP/1.0|abcGET", raw):
                continue
            for how in ("stricter", "laxer", "other"):
                for peer in ("nginx", "node"):
                    found = reasons.find(how, peer, raw, 400)
                    self.assertIsNone(found, raw)


class Answers(unittest.TestCase):
    """The strict reader of answers."""
    HEAD = b"HTTP/1.1 200 OK\r\nDate: Tue, 01 Jan 2030 00:00:00 GMT\r\n"

    def test_good(self):
        self.assertEqual(wire.read_answer(self.HEAD + b"Content-Length: 2\r\n\r\nabX")[0].body, b"ab")
        self.assertEqual(wire.read_answer(self.HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n")[0].body, b"a")
        self.assertIsNone(wire.read_answer(self.HEAD + b"Content-Length: 2\r\n\r\na"))

    def test_bad(self):
        for text in (b"HTTP/1.1 200\r\n\r\n", self.HEAD + b"X : a\r\n\r\n", self.HEAD + b"X: a\nY: b\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                     self.HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", self.HEAD + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
                     self.HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\naX0\r\n\r\n", b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"):
            with self.assertRaises(wire.Malformed, msg=text):
                wire.read_answer(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    options, rest = parser.parse_known_args()
    SERVER = options.server
    unittest.main(argv=[sys.argv[0], *rest])
