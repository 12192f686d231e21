#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may come in, on two instances over one database: tokens with roles, users that are disabled, API keys."""
import base64
import hashlib
import hmac
import json
import os
import shutil
import tempfile
import time
import unittest

from office_process import HERE, SETTINGS, run_command, store_process

SECRET = "8dQe1xkT0vJm2rYb7uNs5wZa4cHf9gLp"
# A change counts on every instance within a second, which the last line tells; a machine that does something else as well may
# take longer.
LONGEST = 20
AUTH = (f"--auth.secret={SECRET}", "--auth.roles_claim=roles")
slowest = 0.0


def part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def token(subject, roles=("clerk",), issued=None):
    now = int(time.time())
    claims = {"sub": subject, "roles": list(roles), "iat": now if issued is None else issued, "exp": now + 600}
    text = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()) + b"." + part(json.dumps(claims).encode())
    return (text + b"." + part(hmac.new(SECRET.encode(), text, hashlib.sha256).digest())).decode()


class Instances(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.environ["OFFICE_WITHOUT_IDENTITY"] = "1"
        cls.folder = tempfile.mkdtemp(prefix="office-credentials-")
        cls.both = []
        for _ in range(2):
            cls.both.append(store_process.Store(*SETTINGS, *AUTH, data=HERE, folder=cls.folder))

    @classmethod
    def tearDownClass(cls):
        for instance in cls.both:
            instance.close()
        shutil.rmtree(cls.folder, ignore_errors=True)
        os.environ.pop("OFFICE_WITHOUT_IDENTITY", None)

    def command(self, *words):
        status, out = run_command("credentials", *words, *self.both[0].database.settings)
        self.assertEqual(0, status, out)
        return out

    def ask(self, instance, bearer, path="/api/v1/clients?limit=1"):
        return instance.request("GET", path, headers={"Authorization": f"Bearer {bearer}"} if bearer else {})

    def statuses(self, bearer):
        return [self.ask(instance, bearer).status for instance in self.both]

    def assert_soon(self, bearer, status):
        """Every instance answers `status` soon. The command has ended by now."""
        global slowest
        began = time.monotonic()
        while self.statuses(bearer) != [status] * 2:
            self.assertLess(time.monotonic() - began, LONGEST, self.statuses(bearer))
            time.sleep(0.01)
        slowest = max(slowest, time.monotonic() - began)

    def test_roles_come_from_tokens_and_nobody_from_nowhere(self):
        self.assertEqual([200, 200], self.statuses(token("ann")))
        self.assertEqual([403, 403], self.statuses(token("ann", ["stranger"])))
        for instance in self.both:
            answer = self.ask(instance, None)
            self.assertEqual((401, "TOKEN_MISSING", "Bearer"), (answer.status, answer.reason(), answer.headers["www-authenticate"]))
            self.assertEqual(200, self.ask(instance, None, "/healthz").status)

    def test_a_disabled_user_is_refused_everywhere(self):
        ann, bob = token("ann.d"), token("bob")
        self.assertEqual([200, 200], self.statuses(ann))
        self.assertIn("within a second", self.command("disable", "ann.d"))
        self.assert_soon(ann, 401)
        self.assertEqual("TOKEN_REVOKED", self.ask(self.both[1], ann).reason())
        self.assertEqual([200, 200], self.statuses(bob))
        self.command("enable", "ann.d")
        # Those of before stay worthless: whoever has one may be why she was disabled.
        self.assert_soon(token("ann.d", issued=int(time.time()) + 2), 200)
        self.assertEqual([401, 401], self.statuses(ann))

    def test_sessions_that_are_ended(self):
        before = token("eve", issued=int(time.time()) - 5)
        self.assertEqual([200, 200], self.statuses(before))
        self.command("end-sessions", "eve")
        self.assert_soon(before, 401)
        self.assertEqual([200, 200], self.statuses(token("eve", issued=int(time.time()) + 2)))

    def test_an_api_key_lives_until_it_is_revoked(self):
        made = self.command("keys", "create", "robot", "read:orders").splitlines()
        key = next(line for line in made if line.startswith("kit_"))
        # A key has no roles here: it is known, and may not read what takes one.
        self.assertEqual([403, 403], self.statuses(key))
        self.assertEqual([401, 401], self.statuses(key[:-1] + ("A" if key[-1] != "A" else "B")))
        listed = self.command("keys", "list", "robot")
        self.assertIn(key.split("_")[1], listed)
        self.assertNotIn(key.split("_")[2], listed)
        self.assertIn("read:orders", listed)
        self.command("keys", "revoke", key.split("_")[1])
        self.assert_soon(key, 401)
        self.assertIn("revoked", self.command("keys", "list", "robot"))

    def test_mistakes_are_named(self):
        for words, said in ((("disable",), "credentials takes disable"), (("keys", "make", "robot"), "credentials takes disable"),
                            (("keys", "revoke", "0123456789abcdef"), "no API key with this id")):
            status, out = run_command("credentials", *words, *self.both[0].database.settings)
            self.assertNotEqual(0, status, words)
            self.assertIn(said, out)


if __name__ == "__main__":
    done = unittest.main(exit=False)
    print(f"a change counted on both instances after {slowest * 1000:.0f} ms at most")
    raise SystemExit(0 if done.result.wasSuccessful() else 1)
