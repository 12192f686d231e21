#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks on the text of every tracked file: SPDX line, banned words, length, size, white space, links.

Usage: check_text.py [folder]      (default: the repository)
"""

import pathlib
import re
import subprocess
import sys

MAX_BLOB = 256 * 1024
MAX_LINES = 700
CODE = (".hpp", ".cpp")
SCRIPTS = (".py", ".sh", ".cmake", "CMakeLists.txt", "Makefile", ".ci/run")
# Data that came from elsewhere, and inputs that are wrong on purpose.
FOREIGN = re.compile(r"(^|/)(data|corpus|golden|baselines|node_modules)/|\.csv$|^LICENSE$|package-lock\.json$")

# Started by kitgen in a project that chooses its own licence.
STARTED = re.compile(r"^(examples/[^/]+/(main\.cpp$|internal/|\.kit/pristine/)|tests/(office|language|warm)/(internal|\.kit/pristine)/)")


def word(*parts):
    """A banned word, spelled so that this file does not contain it."""
    return "".join(parts)


WAITING = "tests wait for events or use the virtual clock; a bounded poll says so: // polls ..."
# (what, pattern, files it applies to, why)
BANNED = [
    (r"\b(" + "|".join((word("TO", "DO"), word("FIX", "ME"), word("XX", "X"), word("HA", "CK"))) + r")\b",
     r".", "unfinished work belongs in the issue tracker"),
    (word("std::", "regex"), r"\.(hpp|cpp)$", "crashes on long subjects; use re2 or a hand-written scanner"),
    (r"\b(this_thread::" + word("sleep", "_(for|until)") + "|" + word("u", "sleep") + r"\()",
     r"_test\.cpp$|^tests/.*\.cpp$", WAITING),
    (r"#include <(iostream|regex)>", r"\.hpp$", "a heavy header in a header"),
    (r"\busing namespace std;", r"\.(hpp|cpp)$", "names stay qualified"),
    (r"(?<![\w.])/(" + word("wo", "rk") + "|" + word("ho", "me/[a-z]+") + "|" + word("ro", "ot") + r")/", r".",
     "a path of one machine"),
    (r"(?i)\b(" + "|".join((word("clau", "de"), word("chat", "gpt"), word("co", "pilot"), word("anth", "ropic"),
                            word("open", "ai"), word("code", "x"))) + r")\b", r".", "tools are not authors"),
    (r"(?i)\b(" + word("ll", "m") + "|" + word("sub", "-?agents?") + "|" + word("coding ", "agent") + r")\b", r".",
     "tools are not authors"),
    (r'"resolved"\s*:|' + word("artifact", "[-.]registry") + "|" + word("artifact", "ory"), r".",
     "a package mirror of one machine"),
    (r"^(<<<<<<<|>>>>>>>) ", r".", "a merge conflict"),
]


def tracked(folder):
    """Paths of all files git knows or would add."""
    output = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=folder, check=True, capture_output=True).stdout
    paths = [path for path in output.decode().split("\0") if path]
    return sorted(path for path in set(paths) if (folder / path).is_file())


def slug(heading):
    """GitHub's anchor of a heading."""
    text = re.sub(r"[`*_]|\[|\]\([^)]*\)", "", heading.strip().lower())
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(text):
    return {slug(match[1]) for match in re.finditer(r"^#+\s+(.*)$", text, re.M)}


def check_links(folder, path, text, say):
    prose = re.sub(r"```.*?```", lambda m: "\n" * m[0].count("\n"), text, flags=re.S)
    for number, line in enumerate(prose.splitlines(), 1):
        for match in re.finditer(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line)):
            target, _, anchor = match[1].partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            file = (folder / path).parent / target if target else folder / path
            if not file.exists():
                say(number, f"link to {match[1]}: no such file")
            elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text()):
                say(number, f"link to {match[1]}: no such heading")


def check_file(folder, path, problems):
    def say(line, text):
        problems.append(f"{path}:{line}: {text}")

    file = folder / path
    size = file.stat().st_size
    if size > MAX_BLOB:
        say(1, f"{size} bytes; files over {MAX_BLOB} do not belong in the repository")
        return
    data = file.read_bytes()
    if FOREIGN.search(path) or b"\0" in data:
        if path.endswith("package-lock.json") and b'"resolved"' in data:
            say(1, "names a package mirror; npm has omit-lockfile-registry-resolved=true")
        return
    text = data.decode(errors="replace")
    lines = text.splitlines()
    if "\ufffd" in text:
        say(1, "is not UTF-8")
    if text and not text.endswith("\n"):
        say(len(lines), "no newline at the end")
    generated = ".gen." in path
    if path.endswith(CODE + SCRIPTS):
        if generated:
            if not any("kitgen" in line for line in lines[:2]):
                say(1, "a generated file names its generator in its first line")
        elif STARTED.search(path):
            pass
        elif not any("SPDX-License-Identifier: Apache-2.0" in line for line in lines[:2]):
            say(1, "no SPDX line")
        if len(lines) > MAX_LINES and not generated:
            say(MAX_LINES, f"{len(lines)} lines; a file has at most {MAX_LINES}")
    if path.endswith(".hpp") and "#pragma once" not in text:
        say(1, "no #pragma once")
    patterns = [(re.compile(p), why) for p, files, why in BANNED if re.search(files, path)]
    for number, line in enumerate(lines, 1):
        if line != line.rstrip() and not path.endswith(".md"):
            say(number, "white space at the end of the line")
        for pattern, why in patterns:
            match = pattern.search(line)
            if match and not (why == WAITING and "// polls" in line):
                say(number, f"'{match[0]}': {why}")
    if path.endswith(".md"):
        check_links(folder, path, text, say)


def main(arguments):
    folder = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).parent.parent).resolve()
    problems = []
    paths = tracked(folder)
    for path in paths:
        check_file(folder, path, problems)
    print("\n".join(problems), end="\n" if problems else "")
    print(f"{'FAIL' if problems or not paths else 'PASS'} text: {len(paths)} files, {len(problems)} problems")
    return 1 if problems or not paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
