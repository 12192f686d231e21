#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every public header compiles alone and stays cheap to parse.

Usage: check_headers.py [--root folder] [--cache file] [--compiler clang++-19] [folder of headers]...   (default: kit)

Cost is CPU time relative to the standard headers every unit has anyway (string, vector, functional), measured in the same
run: machines differ, the ratio hardly does. Budget 2.0 (0.6 CPU-s where that base takes 0.3); it fails above 3.0, because
a loaded machine measures badly: what seems to be above that is measured again side by side with the base, and the median of
the pairs counts. A header is measured again only when it or something it includes has changed.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

BASELINE = "#include <string>\n#include <vector>\n#include <functional>\n"
BUDGET, LIMIT = 2.0, 3.0


def parse(compiler, root, text, depfile=None):
    """CPU seconds, exit status and messages of parsing `text` alone."""
    command = [compiler, "-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-pragma-once-outside-header",
               f"-I{root}", "-x", "c++", "-"]
    if depfile:
        command[1:1] = ["-MD", "-MF", depfile, "-MT", "x"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    process.stdin.write(text.encode())
    process.stdin.close()
    messages = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime, process.returncode, messages


def fingerprint(files):
    digest = hashlib.sha256()
    for file in sorted(files):
        try:
            digest.update(file.encode() + pathlib.Path(file).read_bytes())
        except OSError:
            return None
    return digest.hexdigest()


def measure(compiler, root, header, baseline):
    with tempfile.TemporaryDirectory() as scratch:
        depfile = os.path.join(scratch, "d")
        text = f'#include "{header}"\n'
        cost, status, messages = parse(compiler, root, text, depfile)
        if status:
            return {"error": messages}
        words = pathlib.Path(depfile).read_text().replace("\\\n", " ").split()[1:]
    for _ in range(3):
        if cost / baseline <= BUDGET:
            break
        cost = min(cost, parse(compiler, root, text)[0])
    own = [file for file in words if os.path.realpath(file).startswith(str(root))]
    return {"ratio": round(cost / baseline, 2), "seconds": round(cost, 3), "files": own, "key": fingerprint(own)}


def measure_in_pairs(compiler, root, header, result):
    """The result with the median of what the header and the base cost one right after the other."""
    pairs = [(parse(compiler, root, f'#include "{header}"\n')[0], parse(compiler, root, BASELINE)[0]) for _ in range(5)]
    ratio = statistics.median(cost / base for cost, base in pairs)
    return {**result, "ratio": round(ratio, 2), "seconds": round(min(cost for cost, _ in pairs), 3)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--cache")
    parser.add_argument("--compiler", default="clang++-19")
    parser.add_argument("folders", nargs="*", default=["kit"])
    options = parser.parse_args()
    root = pathlib.Path(options.root).resolve()
    cache = {}
    if options.cache and os.path.exists(options.cache):
        cache = json.loads(pathlib.Path(options.cache).read_text())

    headers = sorted(path.relative_to(root).as_posix() for folder in options.folders
                     for path in (root / folder).rglob("*.hpp")
                     if "detail" not in path.parts and "node_modules" not in path.parts
                     and not path.name.startswith("test_") and not path.name.endswith("_test_support.hpp"))
    stale = [h for h in headers if h not in cache or cache[h]["key"] != fingerprint(cache[h]["files"])]
    if stale:
        baseline = min(parse(options.compiler, root, BASELINE)[0] for _ in range(4))
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            results = dict(zip(stale, pool.map(lambda h: measure(options.compiler, root, h, baseline), stale)))
        for header, result in results.items():
            if result.get("ratio", 0) > LIMIT:
                results[header] = measure_in_pairs(options.compiler, root, header, result)
        print(f"baseline {baseline:.3f} CPU-s; {len(stale)} of {len(headers)} headers measured")
    else:
        results = {}
    cache = {h: results.get(h) or cache[h] for h in headers}

    failed = 0
    for header, result in cache.items():
        if "error" in result:
            failed += 1
            print(f"{header}:1: does not compile alone\n{result['error']}")
        elif result["ratio"] > BUDGET:
            failed += result["ratio"] > LIMIT
            print(f"{header}:1: costs {result['ratio']} times the standard base (budget {BUDGET}, limit {LIMIT})")
    if options.cache:
        good = {h: r for h, r in cache.items() if "error" not in r}
        pathlib.Path(options.cache).write_text(json.dumps(good, indent=1, sort_keys=True) + "\n")
    worst = max((r for r in cache.items() if "ratio" in r[1]), key=lambda r: r[1]["ratio"], default=None)
    figures = f", dearest {worst[0]} {worst[1]['ratio']} ({worst[1]['seconds']} CPU-s)" if worst else ""
    print(f"{'FAIL' if failed or not headers else 'PASS'} headers: {len(headers)} alone, {failed} problems{figures}")
    return 1 if failed or not headers else 0


if __name__ == "__main__":
    sys.exit(main())
