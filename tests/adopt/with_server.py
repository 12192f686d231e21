#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command with a PostgreSQL or MariaDB server that lives as long as it does, described in TEST_SERVER (what that says stands
in examples/store/tests/database.py).

Usage: with_server.py postgres|mariadb COMMAND...

Exits with what the command exits with.
"""
import json
import os
import subprocess
import sys

import servers

CLIENTS = {
    "postgres": lambda server: {
        "dialect": "postgresql",
        "client": ["psql", "-X", "-q", "-A", "-t", "-F", "\t", "-P", "null=\\N", "-v", "ON_ERROR_STOP=1", "-h", str(server.folder), "-p", str(server.port),
                   "-U", "kit"],
        "environment": {"PGPASSWORD": servers.PASSWORD}},
    "mariadb": lambda server: {
        "dialect": "mysql",
        "client": ["mariadb", "--no-defaults", f"--socket={server.folder}/socket", "-u", "root", "--default-character-set=utf8mb4", "-N", "-B"],
        "environment": {}},
}


def main():
    kind, command = sys.argv[1], sys.argv[2:]
    with {"postgres": servers.Postgres, "mariadb": servers.MariaDb}[kind]() as server:
        described = {**CLIENTS[kind](server), "url": server.url("")}
        return subprocess.run(command, env={**os.environ, "TEST_SERVER": json.dumps(described)}).returncode


if __name__ == "__main__":
    sys.exit(main())
