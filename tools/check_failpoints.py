#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that every KIT_FAILPOINT in the sources has a name of its own, in the usual form, and a row in docs/failpoints.md that says
whether it can fail, and that tests name only those that there are.

Usage: check_failpoints.py [folder]      (default: the repository)
"""
import pathlib
import re
import sys

USE = re.compile(r'\bKIT_FAILPOINT(_RESULT)?\(\s*"([^"]*)"')
ROW = re.compile(r"^\| `([^`]+)` \| .+ \| (yes|no) \|$", re.MULTILINE)
NAMED = re.compile(r'"((?:outbox|relay|inbox|sqlite|import|migration|jobs|cache)\.(?:before|after|between)_[a-z_]+)')
FORM = re.compile(r"^[a-z_]+\.[a-z_]+$")


def uses(root):
    """(name, can fail, place) of every failpoint outside tests."""
    for path in sorted((root / "kit").rglob("*.[ch]pp")):
        if path.name.endswith("_test.cpp") or path.name.startswith("failpoint"):
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for match in USE.finditer(line):
                yield match[2], bool(match[1]), f"{path.relative_to(root)}:{number}"


def check(root):
    problems, places = [], {}
    documented = {name: can_fail == "yes" for name, can_fail in ROW.findall((root / "docs" / "failpoints.md").read_text())}
    for name, can_fail, place in uses(root):
        if not FORM.match(name):
            problems.append(f"{place}: '{name}' is not of the form part.before_what")
        if name in places:
            problems.append(f"{place}: '{name}' stands at {places[name]} too")
        if name not in documented:
            problems.append(f"{place}: '{name}' has no row in docs/failpoints.md")
        elif documented[name] != can_fail:
            problems.append(f"{place}: docs/failpoints.md says otherwise whether '{name}' can fail")
        places[name] = place
    problems += [f"docs/failpoints.md: '{name}' is nowhere in the sources" for name in documented if name not in places]
    for path in sorted((root / "tests" / "outbox").rglob("*.py")) + sorted((root / "tests" / "durability").rglob("*.py")):
        for name in NAMED.findall(path.read_text()):
            if name not in places:
                problems.append(f"{path.relative_to(root)}: there is no failpoint '{name}'")
    return problems, len(places)


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[1])
    problems, count = check(root)
    print("\n".join(problems + [f"{'FAIL' if problems else 'PASS'} failpoints: {count} names, {len(problems)} problems"]))
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
