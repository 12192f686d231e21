#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The conformance suite of the port to databases on a real server, which it starts, and kills when the suite says so.

Usage: run.py postgres|pgbouncer|mariadb PROGRAM [--prepared off] [gtest's own arguments]

Exits with what the program exits with.
"""
import argparse
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "adopt"))
import servers  # noqa: E402


def kill(server):
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()


def start(server):
    """The old server's processes may need a moment to see that it is gone."""
    end = time.monotonic() + 60
    while True:
        try:
            return server.start(server.command)
        except SystemExit:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)  # polls


def serve_control(server, lines, answers):
    """Does what the program asks for until it ends."""
    with os.fdopen(lines) as asked:
        for line in asked:
            try:
                {"kill": kill, "start": start}[line.strip()](server)
                os.write(answers, b"+")
            except (SystemExit, KeyError) as problem:
                print(f"{line.strip()}: {problem}", file=sys.stderr)
                os.write(answers, b"-")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["postgres", "pgbouncer", "mariadb"])
    parser.add_argument("program")
    parser.add_argument("--prepared", default="on")
    options, rest = parser.parse_known_args()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(servers.MariaDb() if options.kind == "mariadb" else servers.Postgres())
        server.load("conformance", "SELECT 1;")
        direct = url = server.url("conformance")
        if options.kind == "pgbouncer":
            options.prepared = "off"
            url = stack.enter_context(servers.PgBouncer(server)).url("conformance")
        asked_read, asked_write = os.pipe()
        answer_read, answer_write = os.pipe()
        environment = {**os.environ, "KIT_TEST_DSN": url, "KIT_TEST_DIRECT_DSN": direct, "KIT_TEST_PREPARED": options.prepared,
                       "KIT_TEST_CA": str(server.folder / "ca.pem"), "KIT_TEST_CONTROL_TO": str(asked_write), "KIT_TEST_CONTROL_FROM": str(answer_read)}
        program = subprocess.Popen([options.program, *rest], env=environment, pass_fds=(asked_write, answer_read))
        os.close(asked_write)
        os.close(answer_read)
        threading.Thread(target=serve_control, args=(server, asked_read, answer_write), daemon=True).start()
        return program.wait()


if __name__ == "__main__":
    sys.exit(main())
