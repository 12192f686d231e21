#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Migrations that are killed before and after each of their calls, on SQLite, PostgreSQL and MariaDB (make crash-migrate).

    tests/databases/crash_migrate.py --build build/release [--short]

After each kill the schema is the old or the new one, or the journal says how much of a step is there; whoever comes next brings it to
its end or back, without anybody's help. Runners at once: each step is applied once. Ends with one line, PASS or FAIL.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
TESTS = "--gtest_filter=*Migrations*Kill*:*Migrations*Runners*:*Migrations*Build*"


def kills(build, kind, every):
    """How many kills one database went through; fails with what its tests said."""
    name = {"sqlite": "sqlite", "postgres": "postgres", "mariadb": "mysql"}[kind]
    program = build / "tests" / "databases" / f"kit_databases_{name}_test"
    if not program.exists():
        raise SystemExit(f"FAIL crash-migrate: {program} is not built")
    command = [str(program), TESTS] if kind == "sqlite" else [sys.executable, "-B", str(HERE / "run.py"), kind, str(program), TESTS]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, "KIT_TEST_KILL_EVERY": str(every)})
    if done.returncode:
        raise SystemExit(f"{done.stdout[-4000:]}\nFAIL crash-migrate: {kind}")
    counts = [int(number) for number in re.findall(r"(?:killed at|undone after) (\d+) ", done.stdout)]
    print(f"{kind}: {sum(counts)} kills", flush=True)
    return sum(counts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--short", action="store_true", help="every fifth place only")
    options = parser.parse_args()
    start = time.monotonic()
    counts = {kind: kills(options.build.resolve(), kind, 5 if options.short else 1) for kind in ("sqlite", "postgres", "mariadb")}
    enough = options.short or min(counts.values()) >= 60
    print(f"{'PASS' if enough else 'FAIL'} crash-migrate: " + ", ".join(f"{count} kills on {kind}" for kind, count in counts.items()) +
          f", always the old or the new schema, 0 steps by hand, runners at once apply each step once, {time.monotonic() - start:.0f} s")
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
