#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times `kitgen generate` on a schema of 100 entities.

Usage: generate_100.py [--kitgen PROGRAM] [--entities 100] [--runs 5] [--budget SECONDS]

Each run starts from an empty folder. Prints the median, the files and the lines; with --budget it fails when the median
is over it. A second run on the same folder must change nothing.
"""

import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def schema(entities):
    text = ["kit: 1", "service: big", "enums:", "  Level: [low, middle, high]", "entities:"]
    for number in range(entities):
        text += [
            f"  Thing{number}:",
            f"    doc: Number {number} of many.",
            "    fields:",
            "      name:     {type: string, max: 120}",
            "      email:    {type: string, format: email, max: 60, unique: true}",
            "      note:     {type: text, max: 2000, optional: true}",
            "      price:    {type: decimal(10,2), min: 0, default: 0}",
            "      quantity: {type: int32, min: 0, default: 1}",
            "      ready:    {type: bool, default: false}",
            "      level:    {type: Level, default: low}",
            "      day:      {type: date, optional: true}",
            "      seen_at:  {type: timestamp, optional: true}",
        ]
        if number:
            text.append(f"    belongs_to: {{parent: {{entity: Thing{number // 2}, optional: true, on_delete: set_null}}}}")
        text += [
            "    keep: {soft_delete: true, version: true}",
            "    list: {filter: [name, price, level, day], sort: [name, price], search: [name, email]}",
        ]
    return "\n".join(text) + "\n"


def find_kitgen():
    found = sorted(ROOT.glob("build/release/**/kitgen"), key=lambda path: path.stat().st_mtime)
    found = [path for path in found if path.is_file()]
    if not found:
        sys.exit("no build/release/**/kitgen; build it or name it with --kitgen")
    return found[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kitgen", type=pathlib.Path)
    parser.add_argument("--entities", type=int, default=100)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--budget", type=float)
    arguments = parser.parse_args()
    kitgen = (arguments.kitgen or find_kitgen()).resolve()

    seconds = []
    for _ in range(arguments.runs):
        with tempfile.TemporaryDirectory() as folder:
            project = pathlib.Path(folder)
            (project / "api").mkdir()
            (project / "api/big.yaml").write_text(schema(arguments.entities))
            start = time.monotonic()
            subprocess.run([kitgen, "generate"], cwd=project, check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.monotonic() - start)
            subprocess.run([kitgen, "generate", "--check"], cwd=project, check=True, stdout=subprocess.DEVNULL)
            files = [path for path in project.rglob("*.*") if path.is_file() and ".kit" not in path.parts]
            lines = sum(path.read_bytes().count(b"\n") for path in files)
    median = statistics.median(seconds)
    over = arguments.budget is not None and median > arguments.budget
    print(
        f"{'FAIL' if over else 'PASS'} generate_100: {arguments.entities} entities in {median:.2f} s "
        f"(best {min(seconds):.2f}, worst {max(seconds):.2f}), {len(files)} files, {lines} lines"
    )
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
