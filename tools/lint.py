#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy and the coroutine lint over the sources of a build, remembering what was clean.

Usage: lint.py --build build/debug [--changed] [--only regex] [--fast] [--no-tidy] [--no-coroutines]

A file is looked at again when it, a header of the tree it includes, its command or the rules have changed. --changed
takes only files that differ from the last commit.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FAST = False
RULES = ROOT / "tools/coroutine_lint.clang-query"


def sources(build):
    """(file, folder, command) of every C++ source of the tree that the build compiles, and of what the golden cases generate."""
    seen = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        file = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        is_ours = file.is_relative_to(ROOT) and not file.is_relative_to(build.resolve())
        if is_ours or file.match("tests/golden/cases/unit_*.cpp"):
            seen.setdefault(file, (entry["directory"], entry["command"]))
    return seen


def headers(build):
    """File -> the headers of the tree it includes, from ninja's dependency log."""
    output = subprocess.run(["ninja", "-C", str(build), "-t", "deps"], capture_output=True, text=True).stdout
    result = {}
    for block in output.split("\n\n"):
        files = [(build / line.strip()).resolve() for line in block.splitlines()[1:]]
        if files:
            result[files[0]] = [f for f in files[1:] if f.is_relative_to(ROOT)]
    return result


def key(file, command, included, rules):
    digest = hashlib.sha256((command + rules).encode())
    for path in [file, *sorted(included)]:
        digest.update(path.read_bytes() if path.exists() else b"?")
    return digest.hexdigest()


def tidy(build, file):
    unchecked = ["clang-analyzer-*"] if FAST else []
    if re.search(r"_(test|bench|fuzz)\.cpp$|/tests/", file.as_posix()):
        unchecked.append("cppcoreguidelines-avoid-capturing-lambda-coroutines")
    checks = ["--checks=" + ",".join("-" + check for check in unchecked)] if unchecked else []
    command = ["clang-tidy-19", "-p", str(build), "--quiet", *checks, str(file)]
    result = subprocess.run(command, capture_output=True, text=True)
    found = re.findall(r"^.*(?:warning|error): .*$", result.stdout, re.M)
    return [] if result.returncode == 0 else [result.stdout + ("" if found else result.stderr)]


def coroutines(build, file):
    if "co_await" not in file.read_text(errors="replace"):
        return []
    result = subprocess.run(["clang-query-19", "-p", str(build), "-f", str(RULES), str(file)],
                            capture_output=True, text=True)
    # Only what uses a co_await counts; a lambda that captures by reference and is itself awaited is harmless.
    found = re.findall(r'^(.*): note: "root" binds here$', result.stdout, re.M)
    if result.returncode != 0:
        found.append(f"{file}: clang-query failed: {result.stderr[-400:]}")
    return [f"{place}: co_await form that g++ 12 miscompiles; hoist the temporary into a local" for place in found]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/debug")
    parser.add_argument("--changed", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--no-tidy", action="store_true")
    parser.add_argument("--no-coroutines", action="store_true")
    parser.add_argument("--fast", action="store_true", help="without the path-sensitive analyzer: half the time")
    options = parser.parse_args()
    global FAST
    FAST = options.fast
    build = pathlib.Path(options.build)
    files = {f: c for f, c in sources(build).items() if re.search(options.only, f.relative_to(ROOT).as_posix())}
    if options.changed:
        listed = subprocess.run(["git", "ls-files", "-z", "--modified", "--others", "--exclude-standard"], cwd=ROOT,
                                capture_output=True, check=True).stdout.decode().split("\0")
        files = {f: c for f, c in files.items() if f.relative_to(ROOT).as_posix() in listed}
    checks = {} if options.no_tidy else {"tidy": tidy}
    if not options.no_coroutines:
        checks["coroutines"] = coroutines
    rules = {"tidy": (ROOT / ".clang-tidy").read_text() + pathlib.Path(__file__).read_text() + str(FAST),
             "coroutines": RULES.read_text()}
    cache_file = build / "lint-clean.json"
    clean = set(json.loads(cache_file.read_text())) if cache_file.exists() else set()
    included = headers(build)
    jobs = []
    for file, (folder, command) in sorted(files.items()):
        for name, check in checks.items():
            identity = name + key(file, command, included.get(file, []), rules[name])
            if identity not in clean:
                jobs.append((file, name, check, identity))
    problems = 0
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS", os.cpu_count()))) as pool:
        running = {pool.submit(check, build, file): (file, name, identity) for file, name, check, identity in jobs}
        for done, future in enumerate(concurrent.futures.as_completed(running), 1):
            file, name, identity = running[future]
            messages = future.result()
            print(f"[{done}/{len(jobs)}] {name} {file.relative_to(ROOT)}", file=sys.stderr)
            for message in messages:
                print(message.rstrip())
            if messages:
                problems += 1
            else:
                clean.add(identity)
            cache_file.write_text(json.dumps(sorted(clean)))
    print(f"{'FAIL' if problems else 'PASS'} lint: {len(files)} files, {len(jobs)} checked now, "
          f"{problems} with problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
