#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A test program with a real Redis around it, which is killed, stopped and started when the program says so.

Usage: run.py single|tls|password|sentinel|cluster PROGRAM [gtest's own arguments]

Exits with what the program exits with.
"""
import os
import pathlib
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import redis_servers  # noqa: E402

KINDS = {
    "single": redis_servers.Redis,
    "tls": lambda: redis_servers.Redis(tls=True, password=redis_servers.PASSWORD),
    "password": lambda: redis_servers.Redis(password=redis_servers.PASSWORD),
    "sentinel": redis_servers.Sentinels,
    "cluster": redis_servers.Cluster,
}


class Control:
    """What the program asks for: `kill`, `start`, `pause`, `go_on`. Of a group it is the primary that is meant."""

    def __init__(self, servers):
        self.servers = servers
        self.victim = None

    def server(self):
        if isinstance(self.servers, redis_servers.Redis):
            return self.servers
        if isinstance(self.servers, redis_servers.Sentinels):
            return self.servers.primary()
        return self.servers.primary_of("key")

    def do(self, word):
        if word in ("kill", "pause"):
            self.victim = self.server()
        {"kill": lambda: self.victim.kill(), "start": lambda: self.victim.start_again(), "pause": lambda: self.victim.pause(),
         "go_on": lambda: self.victim.go_on()}[word]()

    def serve(self, lines, answers):
        """Until the program ends."""
        with os.fdopen(lines) as asked:
            for line in asked:
                try:
                    self.do(line.strip())
                    os.write(answers, b"+")
                except (SystemExit, KeyError) as problem:
                    print(f"{line.strip()}: {problem}", file=sys.stderr)
                    os.write(answers, b"-")


def main():
    kind, program, *rest = sys.argv[1:]
    with KINDS[kind]() as servers:
        asked_read, asked_write = os.pipe()
        answer_read, answer_write = os.pipe()
        environment = {**os.environ, "KIT_TEST_DSN": servers.url(), "KIT_TEST_CONTROL_TO": str(asked_write), "KIT_TEST_CONTROL_FROM": str(answer_read)}
        if isinstance(servers, redis_servers.Redis):
            environment["KIT_TEST_SOCKET_DSN"] = servers.socket_url()
        process = subprocess.Popen([program, *rest], env=environment, pass_fds=(asked_write, answer_read))
        os.close(asked_write)
        os.close(answer_read)
        threading.Thread(target=Control(servers).serve, args=(asked_read, answer_write), daemon=True).start()
        return process.wait()


if __name__ == "__main__":
    sys.exit(main())
