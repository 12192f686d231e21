#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a schema of 100 entities costs: the time of `kitgen generate`, and the CPU time its handlers take to compile.

  bench/generate.py --build build/release                  both, against the budgets
  bench/generate.py --build build/release --entities 10 --runs 1

Each generation starts from an empty folder; another one on the same folder must change nothing. Handlers are compiled with
the flags of the example's, without a compiler cache; the CPU time is user + system, as the kernel accounts it.
"""

import argparse
import json
import pathlib
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

EXAMPLE = "examples/store"


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


def generate(kitgen, project, entities):
    """Seconds of one generation into an empty folder."""
    (project / "api").mkdir()
    (project / "api/big.yaml").write_text(schema(entities))
    start = time.monotonic()
    subprocess.run([kitgen, "generate"], cwd=project, check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - start
    subprocess.run([kitgen, "generate", "--check"], cwd=project, check=True, stdout=subprocess.DEVNULL)
    return seconds


def compile_command(build, project, source, target):
    """The command that compiles a handler of the example, for one of this project."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        file = pathlib.Path(entry["directory"], entry["file"])
        if not file.as_posix().endswith("_routes.gen.cpp"):
            continue
        example = next(parent for parent in file.parents if parent.as_posix().endswith(EXAMPLE))
        words = [word for word in shlex.split(entry["command"]) if not word.endswith("/ccache")]
        words = [f"-I{project}" if word == f"-I{example}" else word for word in words]
        words[words.index("-o") + 1] = target
        words[words.index("-c") + 1] = source
        return words
    raise SystemExit(f"FAIL generate: {build}/compile_commands.json has no handler of the example")


def cpu_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def compile_handlers(build, project, sample):
    """CPU seconds of compiling each of `sample` handlers; the best of three: the first warms the file cache, and machines drift."""
    handlers = sorted(project.rglob("*_routes.gen.cpp"))
    chosen = handlers[:: max(1, len(handlers) // sample)][:sample]
    target = str(project / "handler.o")
    return [min(cpu_seconds(compile_command(build, project, str(handler), target)) for _ in range(3)) for handler in chosen]


def measure(build, entities, runs, sample):
    """{figure: value}, and a line about them."""
    kitgen = build / "kitgen/cli/kitgen"
    if not kitgen.exists():
        raise SystemExit(f"FAIL generate: {kitgen} is missing: build it first (make bench does)")
    seconds = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory(prefix="kit-generate-") as folder:
            project = pathlib.Path(folder)
            seconds.append(generate(kitgen, project, entities))
            files = [path for path in project.rglob("*.*") if path.is_file() and ".kit" not in path.parts]
            lines = sum(path.read_bytes().count(b"\n") for path in files)
            if len(seconds) == runs:
                cpu = compile_handlers(build, project, sample)
    figures = {"generate_s": statistics.median(seconds), "handler_compile_cpu_s": max(cpu)}
    text = (f"generate: {entities} entities in {figures['generate_s']:.2f} s (best {min(seconds):.2f}, worst {max(seconds):.2f}), "
            f"{len(files)} files, {lines} lines; {len(cpu)} handlers compile in {min(cpu):.2f} to {max(cpu):.2f} CPU-s each")
    return figures, text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="a release build")
    parser.add_argument("--entities", type=int, default=100)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--sample", type=int, default=5, help="handlers to compile")
    arguments = parser.parse_args()
    _, text = measure(arguments.build.resolve(), arguments.entities, arguments.runs, arguments.sample)
    print(text)


if __name__ == "__main__":
    sys.exit(main())
