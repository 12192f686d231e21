#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds a source tree to its layers.txt: who may include whom, and who may include which outside library.

Usage: check_layers.py [folder with a layers.txt]...      (default: the repository)

Works on kit itself and on a generated service. Rules: a module includes only modules on lower lines; nothing includes
another module's detail/; a header outside detail/ includes no outside library; every outside library is declared.
"""

import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
TEST = re.compile(r"_(test|bench|fuzz)(_support)?\.[ch]pp$|(^|/)test_[a-z0-9_]+\.[ch]pp$")
RAW_STRING = re.compile(r'R"([^()\\ ]{0,16})\(.*?\)\1"', re.S)  # templates of code may contain includes
# Headers of C, POSIX and Linux: part of the platform, not of a library.
PLATFORM = re.compile(
    r"^(sys|netinet|arpa|linux|asm|net)/[a-z0-9_./]+\.h$"
    r"|^(aio|assert|cpuid|ctype|cxxabi|dirent|dlfcn|endian|errno|execinfo|fcntl|fenv|float|getopt|ifaddrs|[a-z]mmintrin|"
    r"inttypes|limits|link|locale|malloc|math|netdb|poll|pthread|pwd|sched|semaphore|setjmp|signal|spawn|stdalign|"
    r"stdarg|stddef|stdint|stdio|stdlib|string|strings|sysexits|syslog|termios|time|ucontext|unistd|valgrind)\.h$"
    r"|^sanitizer/[a-z_]+\.h$|^valgrind/[a-z_]+\.h$"
)


class Layers:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder).resolve()
        self.level = {}  # module -> number of its line, the lowest is 0
        self.folders = {}  # folder relative to self.folder -> module
        self.uses = {}
        self.tests_only = set()
        self.vendors = []  # (prefix, set of modules)
        roots, lines = ["."], []
        for number, text in enumerate((self.folder / "layers.txt").read_text().splitlines(), 1):
            text = text.split("#")[0].strip()
            if not text:
                continue
            key, _, rest = text.partition(":")
            words = rest.replace(":", " ").split()
            if key == "root":
                roots = words
            elif key == "line":
                lines.append(words)
            elif key == "uses":
                self.uses[words[0]] = set(words[1:])
            elif key == "tests":
                self.tests_only.update(words)
            elif key == "vendor":
                self.vendors.append((words[0], set(words[1:])))
            else:
                raise SystemExit(f"{self.folder}/layers.txt:{number}: unknown word '{key}'")
        for level, modules in enumerate(reversed(lines)):
            for module in modules:
                if module in self.level:
                    raise SystemExit(f"{self.folder}/layers.txt: module '{module}' is listed twice")
                self.level[module] = level
                self.folders[self.place(module, roots)] = module
        named = set(self.tests_only).union(*self.uses.values(), self.uses)
        named = named.union(*(modules for _, modules in self.vendors)) - {"tests"}
        for module in sorted(named - set(self.level)):
            raise SystemExit(f"{self.folder}/layers.txt: '{module}' is on no line")

    def place(self, module, roots):
        if module == "main":  # the files beside layers.txt
            return ""
        for root in roots:
            if (self.folder / root / module).is_dir():
                return (pathlib.PurePosixPath(root) / module).as_posix()
        return (pathlib.PurePosixPath(roots[0]) / module).as_posix()

    def module_of(self, path):
        """The module of a file given by its path from the folder, or None."""
        parts = path.split("/")[:-1]
        for length in range(len(parts), -1, -1):
            folder = "/".join(parts[:length])
            if folder in self.folders and (folder or not parts):
                return self.folders[folder]
        return None

    def problem(self, path, module, quote, target):
        """Why `path`, a file of `module`, may not include `target`; None when it may."""
        is_test = bool(TEST.search(path))
        other = self.module_of(target) if "/" in target or quote == '"' else None
        if quote == "<" and other is None:
            return self.vendor_problem(path, module, target, is_test)
        if other is None:
            if target.startswith(("kit/", "kit_embed/")):  # a service that uses kit, or a generated file
                return "a private header of kit" if "/detail/" in target else None
            if not (self.folder / target).exists():
                return "not a path from the root of the tree, and no module's header"
            return None
        if "/detail/" in target and other != module:
            return f"a private header of module '{other}'"
        if other == module or (is_test and other in self.tests_only):
            return None
        if other in self.tests_only and module not in self.tests_only:
            return f"only tests may include module '{other}'"
        if self.level[other] >= self.level[module]:
            return f"module '{other}' is not below module '{module}'"
        if module in self.uses and other not in self.uses[module] and not is_test:
            return f"module '{module}' may include only: {' '.join(sorted(self.uses[module]))}"
        return None

    def vendor_problem(self, path, module, target, is_test):
        if "." not in target and "/" not in target or PLATFORM.match(target):
            return None
        allowed = set()
        for prefix, modules in self.vendors:
            if target.startswith(prefix):
                allowed |= modules
        if not allowed:
            return "an outside library that layers.txt does not declare"
        if module not in allowed and not is_test:
            return f"an outside library that only these may include: {' '.join(sorted(allowed))}"
        if path.endswith(".hpp") and "/detail/" not in path and not path.startswith("kitgen/"):
            if module not in self.tests_only and not is_test:
                return "an outside library in a public header"
        return None

    def check(self):
        problems, files = [], 0
        sources = set()
        for folder in {folder.split("/")[0] for folder in self.folders}:  # kit, kitgen, internal
            place = self.folder / folder
            sources.update(place.rglob("*.[ch]pp") if folder else place.glob("*.[ch]pp"))
        for source in sorted(sources):
            path = source.relative_to(self.folder).as_posix()
            module = self.module_of(path)
            if module is None:
                problems.append(f"{source}:1: is in a folder that no line of layers.txt names")
                continue
            files += 1
            code = RAW_STRING.sub(lambda match: "\n" * match[0].count("\n"), source.read_text(errors="replace"))
            for number, text in enumerate(code.splitlines(), 1):
                match = INCLUDE.match(text)
                if match:
                    problem = self.problem(path, module, *match.groups())
                    if problem:
                        problems.append(f"{source}:{number}: includes {match[2]}: {problem}")
        return problems, files


def main(arguments):
    folders = arguments or [pathlib.Path(__file__).resolve().parent.parent]
    status = 0
    for folder in folders:
        problems, files = Layers(folder).check()
        print("\n".join(problems), end="\n" if problems else "")
        if files == 0:
            problems = [f"{folder}: no file of any module found"]
            print(problems[0])
        print(f"{'FAIL' if problems else 'PASS'} layers: {files} files, {len(problems)} problems in {folder}")
        status |= bool(problems)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
