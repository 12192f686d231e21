#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random changes of random schemas on a real server, started for the test.

Usage: server_test.py postgres|mariadb --program build/debug/tests/evolution/kit_evolution [--cases 200] [--seed 1]

Ends with the line of kit_evolution, PASS or FAIL.
"""
import argparse
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "adopt"))
import servers  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["postgres", "mariadb"])
    parser.add_argument("--program", required=True)
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with {"postgres": servers.Postgres, "mariadb": servers.MariaDb}[options.kind]() as server:
        server.load("kit", "SELECT 1;")
        done = subprocess.run([options.program, f"--cases={options.cases}", f"--seed={options.seed}",
                               f"--database={server.url('kit')}"])
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
