#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long a person waits: from saving one more field in the schema of the music store to the first answer that has it,
through `kitgen dev`; how long 100 entities take to generate, and to build from nothing without a cache.

Usage: run.py --build build/release [--rounds=5] [--short]     (short: no project of 100 entities, no budgets)
"""
import argparse
import os
import pathlib
import secrets
import shutil
import statistics
import subprocess
import sys
import time

from project import ROOT, Dev, Project, run

sys.path.insert(0, str(ROOT / "bench"))
import generate  # noqa: E402

LOOP_S, GENERATE_S, COLD_S = 10.0, 1.0, 480.0


def one_change(project, dev, name):
    """Seconds from the save to the first 200 that shows the new field."""
    mark = dev.mark()
    project.add_field("Customer", f"{name}: {{type: string, max: 40, optional: true}}")
    saved = time.monotonic()
    while True:
        status, text = dev.request("/api/v1/customers")
        if status == 200 and f'"{name}"' in text:
            return time.monotonic() - saved
        if "kitgen dev: the server before this change still runs" in dev.text(mark):
            sys.exit(f"FAIL inner-loop: {dev.text(mark)}")
        if time.monotonic() - saved > 300:
            sys.exit(f"FAIL inner-loop: {name} was never served\n{dev.text(mark)}")
        time.sleep(0.01)


def inner_loop(project, rounds):
    with Dev(project, "--port", "0") as dev:
        dev.wait_served()
        status, text = dev.request("/api/v1/customers", {"first_name": "A", "last_name": "B", "email": "a@b.example"})
        if status != 201:
            sys.exit(f"FAIL inner-loop: {text}")
        # Names nobody had before: a compiler cache knows what an earlier run made.
        times = [one_change(project, dev, f"extra_{secrets.token_hex(4)}") for _ in range(rounds)]
        print("".join(line for line in dev.text().splitlines(True) if line.startswith(("  build", "  total"))), file=sys.stderr)
    return times


def big_project(project, entities):
    """Seconds to generate, and to build from nothing."""
    folder = project.work / "big"
    run(["kitgen", "new", "big", "--dir", folder], env=project.environment)
    for part in ("internal", "migrations", "clients", ".kit"):
        shutil.rmtree(folder / part, ignore_errors=True)
    (folder / "api/big.yaml").write_text(generate.schema(entities))
    generated = time.monotonic()
    run(["kitgen", "generate"], cwd=folder, env=project.environment)
    generated = time.monotonic() - generated
    environment = {**project.environment, "CCACHE_DISABLE": "1"}
    built = time.monotonic()
    run(["make", "build", f"KITGEN={project.work}/prefix/bin/kitgen"], cwd=folder, env=environment)
    return generated, time.monotonic() - built


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--compiler", default=os.environ.get("CXX", "clang++-19"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--entities", type=int, default=100)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    project = Project(options.build / "inner_loop", options.build, options.compiler)
    times = inner_loop(project, options.rounds)
    median = statistics.median(times)
    figures = f"a field more is served after {median:.1f} s (best {min(times):.1f}, worst {max(times):.1f} of {len(times)})"
    if options.short:
        print(f"PASS inner-loop: {figures}")
        return 0
    generated, cold = big_project(project, options.entities)
    figures += f", {options.entities} entities generate in {generated:.2f} s and build in {cold:.0f} s on {os.cpu_count()} cores"
    good = median <= LOOP_S and generated <= GENERATE_S and cold <= COLD_S
    print(f"{'PASS' if good else 'FAIL'} inner-loop: {figures} (at most {LOOP_S:.0f}, {GENERATE_S:.0f} and {COLD_S:.0f} s)")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
