#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random changes of random schemas with rows in them, on SQLite, PostgreSQL and MariaDB (make evolution).

    tests/evolution/run.py --build build/release [--cases 2000] [--seed 1] [--short]

On servers a quarter of the cases: each takes a database of its own. Ends with one line, PASS or FAIL.
"""
import argparse
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def run(kind, command):
    """The figures of the line that a run ends with."""
    print(f"{kind}:", flush=True)
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    print(done.stdout, end="", flush=True)
    last = (done.stdout.strip().splitlines() or ["nothing was said"])[-1]
    if done.returncode or not last.startswith("PASS "):
        print(f"FAIL evolution: {kind}: {last}")
        raise SystemExit(1)
    return last.removeprefix("PASS evolution: ")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--short", action="store_true", help="60 cases each")
    options = parser.parse_args()
    cases = 60 if options.short else options.cases
    program = options.build.resolve() / "tests" / "evolution" / "kit_evolution"
    kitgen = options.build.resolve() / "kitgen" / "cli" / "kitgen"
    figures = {"SQLite": run("SQLite", [program, f"--cases={cases}", f"--seed={options.seed}", f"--kitgen={kitgen}"])}
    for name, kind in (("PostgreSQL", "postgres"), ("MariaDB", "mariadb")):
        figures[name] = run(name, [sys.executable, "-B", HERE / "server_test.py", kind, "--program", program,
                                   "--cases", cases if options.short else max(60, cases // 4), "--seed", options.seed])
    print("PASS evolution: " + " | ".join(f"{name}: {said}" for name, said in figures.items()))


if __name__ == "__main__":
    main()
