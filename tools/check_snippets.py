#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that the code in docs/guide/*.md is what the compiled and tested sources say.

A block of a guide names where it is cut from, on the line before it:

    <!-- snippet: docs/guide/snippets/async.cpp#first-of -->
    ```cpp
    ...
    ```

and the source marks the region, which is shown without its common indentation and without the marks in it:

    // snippet: first-of
    ...
    // end snippet: first-of

A C++ block that names no source is a mistake: nobody would notice when it stops compiling.
Usage: check_snippets.py [folder]      (default: the repository; UPDATE_SNIPPETS=1 rewrites the guides)
"""

import os
import pathlib
import re
import sys
import textwrap

MARK = re.compile(r"^<!-- snippet: (?P<path>[^#\s]+)#(?P<region>[a-z0-9-]+) -->$")
ANY_MARK = re.compile(r"^\s*<!--\s*snippet\b")
REGION = re.compile(r"^\s*(//|#|--) (end )?snippet: [a-z0-9-]+$")
FENCE = re.compile(r"^```(?P<language>[a-z+]*)$")


class Problem(Exception):
    """What is wrong with one block; the message is for people."""


def region(source, name):
    """The lines of a region of a source text."""
    begins, ends = [], []
    lines = source.splitlines()
    for number, line in enumerate(lines):
        if REGION.match(line) and line.split()[-1] == name:
            (ends if " end snippet: " in " " + line.strip() else begins).append(number)
    if not begins:
        raise Problem(f"the source has no region '{name}'")
    if len(begins) > 1 or len(ends) != 1 or ends[0] < begins[0]:
        raise Problem(f"region '{name}' must begin once and end once after that")
    inner = [line for line in lines[begins[0] + 1:ends[0]] if not REGION.match(line)]
    text = textwrap.dedent("\n".join(inner)).strip("\n")
    if not text:
        raise Problem(f"region '{name}' is empty")
    return text.split("\n")


def wanted(folder, mark):
    source = folder / mark["path"]
    if not source.resolve().is_relative_to(folder.resolve()) or not source.is_file():
        raise Problem(f"{mark['path']}: no such file")
    return region(source.read_text(), mark["region"])


def check_guide(folder, path, update, say):
    """Reports what is wrong in one guide; returns its text with every block as its source has it."""
    lines = path.read_text().split("\n")
    out = []
    index = 0
    while index < len(lines):
        line = lines[index]
        out.append(line)
        index += 1
        if ANY_MARK.match(line) and not (MARK.match(line) and index < len(lines) and FENCE.match(lines[index])):
            say(index, "a snippet mark is `<!-- snippet: path#region -->`, on the line before its block")
        fence = FENCE.match(line)
        if not fence:
            continue
        begin = index
        while index < len(lines) and lines[index] != "```":
            index += 1
        if index == len(lines):
            say(begin, "the block does not end")
        block = lines[begin:index]
        mark = MARK.match(lines[begin - 2]) if begin >= 2 else None
        if mark:
            try:
                cut = wanted(folder, mark)
                if cut != block and not update:
                    say(begin, f"differs from {mark['path']}#{mark['region']}; UPDATE_SNIPPETS=1 rewrites it")
                block = cut
            except Problem as problem:
                say(begin, str(problem))
        elif fence["language"] in ("cpp", "c++"):
            say(begin, "a C++ block without a source: put `<!-- snippet: path#region -->` before it")
        out.extend(block)
        if index < len(lines):
            out.append(lines[index])
            index += 1
    return "\n".join(out)


def check(folder, update=False):
    """All problems of the guides of a tree, and the number of guides."""
    problems = []
    guides = sorted((folder / "docs" / "guide").glob("*.md"))
    for guide in guides:
        name = guide.relative_to(folder)
        text = check_guide(folder, guide, update, lambda line, what: problems.append(f"{name}:{line}: {what}"))
        if update and text != guide.read_text():
            guide.write_text(text)
    return problems, len(guides)


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    problems, guides = check(folder, update=os.environ.get("UPDATE_SNIPPETS") == "1")
    print("\n".join(problems) or f"ok: {guides} guides")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
