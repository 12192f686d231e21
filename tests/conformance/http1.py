#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every case of the table against a server.

    tests/conformance/http1.py --server build/debug/tests/conformance/kit_conformance_server [--only REGEX] [--fault NAME]

Ends with one line, PASS or FAIL.
"""
import argparse
import concurrent.futures
import re
import sys
import time

import table
import wire

sys.dont_write_bytecode = True
import cases_body  # noqa: E402,F401
import cases_connection  # noqa: E402,F401
import cases_head  # noqa: E402,F401

PROBE = b"GET /echo/probe HTTP/1.1\r\nHost: probe\r\n\r\n"
TIMEOUTS = ("--header-timeout-ms=600", "--body-timeout-ms=600", "--idle-timeout-ms=900")


def send(connection, parts):
    """The bytes of a case; what came before the second part, when it waits for that."""
    first = []
    for number, part in enumerate(parts.parts):
        if number == 1 and parts.waits:
            first.append(connection.answer())
        connection.send(table.to_bytes(part))
    if parts.end:
        connection.half_close()
    return first


def problem_of(answer, expected):
    """What is wrong with one answer; None when nothing is."""
    if answer.status not in expected.statuses:
        return f"status {answer.status}, expected {' or '.join(map(str, expected.statuses))}"
    for name, value in expected.fields.items():
        if answer.one(name) != value:
            return f"{name.decode()} is {answer.one(name)!r}, expected {value!r}"
    for name in expected.lacks:
        if answer.all(name):
            return f"has a field {name.decode()}"
    if expected.body is not None and answer.body != expected.body:
        return f"body {answer.body[:60]!r} of {len(answer.body)} bytes"
    if expected.hides is not None and expected.hides in answer.body:
        return f"shows {expected.hides!r}"
    for name, value in (expected.echo or {}).items():
        if answer.echo().get(name) != value:
            return f"the server saw {name} {answer.echo().get(name)!r}, expected {value!r}"
    said = b"close" in (answer.one(b"connection") or b"").lower()
    if said != expected.closes and answer.status >= 200:
        return "says Connection: close" if said else "does not say Connection: close (RFC 9112 9.6)"
    return None


def check(port, case, choice):
    """What is wrong when `choice` is what must come back; None when nothing is."""
    with wire.Connection(port) as connection:
        before = send(connection, case.parts)
        for expected in choice:
            answer = before.pop(0) if before else connection.answer(expected.method) if expected.statuses else None
            if answer is None and expected.statuses:
                return f"no answer, {'closed' if connection.closed else 'open'}"
            found = problem_of(answer, expected) if answer else None
            if found:
                return found
        if choice[-1].closes:
            if connection.ends():
                return None
            return f"came after the last answer: {connection.data[:80]!r}" if connection.data else "the connection stays open"
        if not choice[-1].probe or case.parts.end:
            return None
        connection.send(PROBE)
        answer = connection.answer()
        if answer is None or answer.status != 200 or answer.echo()["path"] != b"/echo/probe":
            return f"the next request was answered {answer and (answer.status, answer.body[:60])!r}"
        return f"more came: {connection.data[:80]!r}" if connection.data else None


def run(port, case):
    problems = []
    for choice in case.choices:
        try:
            found = check(port, case, choice)
        except (wire.Malformed, OSError, KeyError, ValueError) as failure:
            found = f"{type(failure).__name__}: {failure}"
        if found is None:
            return None
        problems.append(found)
    return f"{case.name} (RFC {case.section}): {'; or '.join(problems)}"


def run_all(server, cases):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        failures = [failure for failure in pool.map(lambda case: run(server.port, case), cases) if failure]
    server.expect_alive()
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--fault", default="")
    options = parser.parse_args()
    cases = [case for case in table.CASES if re.search(options.only, case.name)]
    started = time.monotonic()
    with wire.Server(options.server, *TIMEOUTS, f"--fault={options.fault}") as server:
        failures = run_all(server, cases)
    for failure in failures:
        print(failure)
    verdict = "FAIL" if failures or not cases else "PASS"
    print(f"{verdict} conformance http1: {len(cases)} cases, {len(failures)} failed, {time.monotonic() - started:.1f} s")
    return verdict == "FAIL"


if __name__ == "__main__":
    sys.exit(main())
