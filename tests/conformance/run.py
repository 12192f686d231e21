#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make conformance: the cases, the mutated requests, and the test that both can fail; one closing line.

    tests/conformance/run.py --server .../kit_conformance_server [--count 600] [--seed 1] [--short]
"""
import argparse
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def run(script, *options):
    """(passed, closing line) of a script; its other lines are shown."""
    result = subprocess.run([sys.executable, "-B", HERE / script, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = result.stdout.splitlines()
    print("\n".join(lines[:-1]))
    if result.returncode != 0 and not lines:
        print(result.stderr[-3000:])
    return result.returncode == 0, lines[-1] if lines else f"FAIL conformance {script}: ended with {result.returncode}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True)
    parser.add_argument("--count", default="600")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    server = f"--server={options.server}"
    count = "300" if options.short else options.count
    runs = [run("http1.py", server), run("differential.py", server, f"--count={count}", f"--seed={options.seed}")]
    runs.append(run("http2.py", server))
    if not options.short:
        able_to_fail = subprocess.run([sys.executable, "-B", HERE / "self_test.py", server], capture_output=True, text=True)
        runs.append((able_to_fail.returncode == 0, "PASS conformance self_test: defects are found" if able_to_fail.returncode == 0
                     else "FAIL conformance self_test: a defect was not found\n" + able_to_fail.stderr))
    passed = all(good for good, _ in runs)
    figures = "; ".join(re.sub(r"^(PASS|FAIL) conformance ", "", line) for good, line in runs if passed or not good)
    print(f"{'PASS' if passed else 'FAIL'} conformance: {figures}")
    return not passed


if __name__ == "__main__":
    sys.exit(main())
