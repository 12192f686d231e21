#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The checks on bad input: each must find what it is there for, and nothing in good input."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
sys.dont_write_bytecode = True
import check_failpoints  # noqa: E402
import check_layers  # noqa: E402
import check_snippets  # noqa: E402
import check_text  # noqa: E402

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"


class Tree(unittest.TestCase):
    """A scratch repository with the files a case names."""

    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.root = pathlib.Path(self.scratch.name)
        subprocess.run(["git", "init", "-q", str(self.root)], check=True)

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())


class Layers(Tree):
    RULES = """root: kit .
line: kitgen/model
line: testing
line: high adapters/x
line: low other
uses: kitgen/model: low
tests: testing
vendor: lib/ other
vendor: gtest/ tests
"""

    def problems(self, path, *includes):
        self.write("layers.txt", self.RULES)
        for header in ("kit/low/a.hpp", "kit/low/detail/p.hpp", "kit/high/b.hpp", "kit/other/c.hpp", "kit/testing/t.hpp",
                       "kit/adapters/x/d.hpp", "kitgen/model/m.hpp"):
            self.write(header, SPDX + "#pragma once\n")
        self.write(path, "".join(f"#include {include}\n" for include in includes))
        return check_layers.Layers(self.root).check()[0]

    def expect(self, path, include, wanted):
        found = self.problems(path, include)
        if wanted is None:
            self.assertEqual(found, [])
        else:
            self.assertEqual(len(found), 1, found)
            self.assertIn(wanted, found[0])
            self.assertIn(f"{path}:1: includes", found[0])

    def test_directions(self):
        self.expect("kit/high/x.cpp", '"kit/low/a.hpp"', None)
        self.expect("kit/adapters/x/x.cpp", '"kit/low/a.hpp"', None)
        self.expect("kit/low/x.cpp", '"kit/high/b.hpp"', "'high' is not below module 'low'")

    def test_neighbours(self):
        self.expect("kit/low/x.hpp", '"kit/other/c.hpp"', "'other' is not below")

    def test_neighbour_adapter(self):
        self.expect("kit/high/x.cpp", '"kit/adapters/x/d.hpp"', "is not below")

    def test_uses(self):
        self.expect("kitgen/model/x.cpp", '"kit/low/a.hpp"', None)

    def test_uses_only(self):
        self.expect("kitgen/model/x.cpp", '"kit/high/b.hpp"', "may include only: low")

    def test_private_headers(self):
        self.expect("kit/low/x.cpp", '"kit/low/detail/p.hpp"', None)

    def test_private_headers_of_others(self):
        self.expect("kit/high/x.cpp", '"kit/low/detail/p.hpp"', "private header of module 'low'")

    def test_testing(self):
        self.expect("kit/low/x_test.cpp", '"kit/testing/t.hpp"', None)

    def test_testing_in_product(self):
        self.expect("kit/low/x.cpp", '"kit/testing/t.hpp"', "only tests may include")

    def test_vendors(self):
        self.expect("kit/other/x.cpp", "<lib/a.h>", None)

    def test_vendor_elsewhere(self):
        self.expect("kit/low/x.cpp", "<lib/a.h>", "only these may include: other")

    def test_vendor_in_public_header(self):
        self.expect("kit/other/x.hpp", "<lib/a.h>", "in a public header")

    def test_vendor_in_private_header(self):
        self.expect("kit/other/detail/x.hpp", "<lib/a.h>", None)

    def test_vendor_undeclared(self):
        self.expect("kit/low/x.cpp", "<boost/asio.hpp>", "does not declare")

    def test_test_library(self):
        self.expect("kit/low/x_test.cpp", "<gtest/gtest.h>", None)

    def test_test_library_in_product(self):
        self.expect("kit/low/x.cpp", "<gtest/gtest.h>", "only these may include: tests")

    def test_platform(self):
        self.assertEqual(self.problems("kit/low/x.cpp", "<sys/epoll.h>", "<unistd.h>", "<string>"), [])

    def test_folder_without_a_line(self):
        self.assertIn("no line of layers.txt names", self.problems("kit/stray/x.cpp")[0])

    def test_relative(self):
        self.expect("kit/low/x.cpp", '"a.hpp"', "not a path from the root")

    def test_service(self):
        self.write("layers.txt", "root: internal\nline: main\nline: api data\nline: service\nline: biz\n")
        self.write("internal/biz/u.hpp", "#include <string>\n")
        self.write("internal/api/r.cpp", '#include "internal/biz/u.hpp"\n#include "kit/http/router.hpp"\n')
        self.write("internal/data/d.cpp", '#include "internal/api/r.hpp"\n')
        self.write("main.cpp", '#include "internal/data/d.hpp"\n#include "kit/json/detail/x.hpp"\n')
        found = check_layers.Layers(self.root).check()[0]
        self.assertEqual(len(found), 2, found)
        self.assertIn("'api' is not below module 'data'", found[0])
        self.assertIn("private header of kit", found[1])

    def test_rules_are_checked(self):
        for rules, wanted in (("lines: a\n", "unknown word"), ("line: a\nline: a\n", "listed twice"),
                              ("line: a\nvendor: x/ b\n", "'b' is on no line")):
            self.write("layers.txt", rules)
            with self.assertRaisesRegex(SystemExit, wanted):
                check_layers.Layers(self.root)


class Text(Tree):
    def problems(self, path, text):
        self.write(path, text)
        problems = []
        check_text.check_file(self.root, path, problems)
        return problems

    def expect(self, path, text, wanted):
        found = self.problems(path, text)
        self.assertEqual(len(found), 1, found)
        self.assertIn(wanted, found[0])

    def test_good(self):
        self.assertEqual(self.problems("a.hpp", SPDX + "#pragma once\n"), [])
        self.assertEqual(self.problems("b.gen.cpp", "// Generated by kitgen from api/store.yaml:3.\n"), [])
        self.assertEqual(self.problems("a.py", "#!/usr/bin/env python3\n# SPDX-License-Identifier: Apache-2.0\n"), [])

    def test_spdx(self):
        self.expect("a.cpp", "int x;\n", "no SPDX")
        self.expect("CMakeLists.txt", "project(x)\n", "no SPDX")
        self.expect("a.gen.cpp", "int x;\n", "names its generator")

    def test_pragma(self):
        self.expect("a.hpp", SPDX, "#pragma once")

    def test_banned(self):
        for path, text in (
                ("a.cpp", "// TO" + "DO: later"), ("a.md", "FIX" + "ME"), ("a.cpp", "std::" + "regex r;"),
                ("a_test.cpp", "std::this_thread::" + "sleep_for(1s);"), ("a.md", "see /wo" + "rk/main"),
                ("a.sh", "cd /ho" + "me/joe/x"), ("a.md", "by Clau" + "de"), ("a.cpp", "using namespace " + "std;"),
                ("a.yaml", "artifact" + "ory"), ("a.md", "<<<<" + "<<< ours")):
            header = SPDX.replace("//", "#") if path.endswith(".sh") else SPDX if path.endswith("pp") else ""
            with self.subTest(text):
                self.assertEqual(len(self.problems(path, header + text + "\n")), 1)

    def test_banned_only_where_it_matters(self):
        self.assertEqual(self.problems("a_test.cpp", SPDX + "co_await sleep_for(1ms);\n"), [])
        poll = "std::this_thread::" + "sleep_for(1ms);  // polls until the child has ended\n"
        self.assertEqual(self.problems("a_test.cpp", SPDX + poll), [])
        self.assertEqual(self.problems("examples/shop/internal/biz/item.cpp", "int x;\n"), [])

    def test_length(self):
        self.expect("a.cpp", SPDX + "\n" * 700, "at most 700")
        self.assertEqual(self.problems("a.cpp", SPDX + "\n" * 699), [])

    def test_size(self):
        self.expect("a.bin", b"\0" * (256 * 1024 + 1), "do not belong")
        self.assertEqual(self.problems("a.bin", b"\0" * (256 * 1024)), [])

    def test_white_space(self):
        self.expect("a.cpp", SPDX + "int x; \n", "white space")
        self.expect("a.cpp", SPDX + "int x;", "no newline")
        self.expect("a.md", b"\xff\n", "UTF-8")

    def test_links(self):
        self.write("b.md", "# A heading, or two\n")
        self.expect("a.md", "[x](gone.md)\n", "no such file")
        self.expect("a.md", "[x](b.md#other)\n", "no such heading")
        good = "[x](b.md) [y](b.md#a-heading-or-two) [z](https://example.org) `[n](gone)`\n```\n[m](gone)\n```\n"
        self.assertEqual(self.problems("a.md", good), [])

    def test_lock_file(self):
        self.expect("package-lock.json", '{"res' + 'olved": "https://x/y.tgz"}\n', "mirror")

    def test_ignored_files_are_left_alone(self):
        self.write(".gitignore", "/build/\n")
        self.write("build/x.cpp", "int x;\n")
        self.write("x.cpp", SPDX)
        self.assertEqual(check_text.tracked(self.root), [".gitignore", "x.cpp"])


class Headers(Tree):
    def run_check(self, *arguments):
        return subprocess.run([sys.executable, str(ROOT / "tools/check_headers.py"), "--root", str(self.root), *arguments],
                              capture_output=True, text=True)

    def test_header_that_needs_another(self):
        self.write("kit/a.hpp", "#pragma once\nstd::string name();\n")
        result = self.run_check()
        self.assertEqual(result.returncode, 1)
        self.assertIn("kit/a.hpp:1: does not compile alone", result.stdout)

    def test_dear_header(self):
        # Work for the compiler that costs about the same whatever the machine, just below its limit of steps.
        burn = "consteval long burn%d() { long sum = 0; for (long i = 0; i < 300000; ++i) sum += i; return sum; }\n"
        dear = "#include <regex>\n" + "".join(burn % i + f"static_assert(burn{i}() > 0);\n" for i in range(16))
        self.write("kit/a.hpp", "#pragma once\n" + dear)
        self.write("kit/b.hpp", "#pragma once\n#include <string>\n")
        result = self.run_check()
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("kit/a.hpp:1: costs", result.stdout)
        self.assertNotIn("kit/b.hpp:1:", result.stdout)

    def test_remembers_until_something_changes(self):
        self.write("kit/a.hpp", '#pragma once\n#include "kit/b.hpp"\n')
        self.write("kit/b.hpp", "#pragma once\n#include <string>\n")
        cache = str(self.root / "cache.json")
        self.assertIn("2 of 2 headers measured", self.run_check("--cache", cache).stdout)
        self.assertNotIn("measured", self.run_check("--cache", cache).stdout)
        self.write("kit/b.hpp", "#pragma once\n#include <string>\nint x();\n")
        self.assertIn("2 of 2 headers measured", self.run_check("--cache", cache).stdout)

    def test_nothing_to_check_is_a_failure(self):
        self.assertEqual(self.run_check().returncode, 1)


class Format(Tree):
    def test_format(self):
        (self.root / ".clang-format").write_text((ROOT / ".clang-format").read_text())
        self.write("a.cpp", "int  x ;\n")
        script = [str(ROOT / "tools/format.sh"), str(self.root)]
        result = subprocess.run(script, capture_output=True, text=True)
        self.assertEqual(result.returncode, 1)
        self.assertIn("FAIL format", result.stdout)
        self.write("a.cpp", "int x;\n")
        self.assertEqual(subprocess.run(script, capture_output=True).returncode, 0)


class Coroutines(Tree):
    PRELUDE = """#include <coroutine>
struct Awaitable {
  bool await_ready() const { return true; }
  void await_suspend(std::coroutine_handle<>) const {}
  int await_resume() const { return 1; }
};
struct Task {
  struct promise_type {
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
};
struct Pair { int a; int b; };
Awaitable call(Pair);
template <class F> Awaitable run(F);
"""

    def found(self, body):
        self.write("a.cpp", self.PRELUDE + f"Task f(int n) {{\n{body}\n}}\n")
        result = subprocess.run(
            ["clang-query-19", "-f", str(ROOT / "tools/coroutine_lint.clang-query"), str(self.root / "a.cpp"), "--",
             "-std=c++23"], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        return "binds here" in result.stdout

    @unittest.skipUnless(any(os.access(os.path.join(p, "clang-query-19"), os.X_OK) for p in os.get_exec_path()),
                         "clang-query-19 belongs to `make lint`")
    def test_forms(self):
        self.assertTrue(self.found("co_await run([n] { return n; });"))
        self.assertTrue(self.found("co_await call({1, n});"))
        self.assertTrue(self.found("Pair p{co_await call(Pair(1, 2)), 2}; (void)p;"))
        self.assertFalse(self.found("auto job = [n] { return n; }; co_await run(job);"))
        self.assertFalse(self.found("Pair p{1, n}; co_await call(p);"))


class Snippets(Tree):
    SOURCE = SPDX + """int f() {
  // snippet: one
  int a = 1;
  // snippet: inner
  if (a) return a;
  // end snippet: inner
    a = 2;
  // end snippet: one
}
// snippet: open
"""
    MARK = "<!-- snippet: docs/guide/snippets/a.cpp#{} -->\n"

    def problems(self, guide, update=False):
        self.write("docs/guide/snippets/a.cpp", self.SOURCE)
        self.write("docs/guide/a.md", guide)
        return check_snippets.check(self.root, update)[0]

    def refused(self, guide, wanted):
        found = self.problems(guide)
        self.assertTrue(any(wanted in problem for problem in found), (guide, found))

    def test_equal(self):
        block = "```cpp\nint a = 1;\nif (a) return a;\n  a = 2;\n```\n"
        self.assertEqual(self.problems("# A\n" + self.MARK.format("one") + block + "```sh\nls\n```\n"), [])

    def test_refused(self):
        block = "```cpp\nif (a) return a;\n```\n"
        self.assertEqual(self.problems(self.MARK.format("inner") + block), [])
        self.refused(self.MARK.format("inner") + block.replace("a)", "b)"), "a.md:2: differs")
        self.refused(block, "without a source")
        self.refused(self.MARK.format("inner") + "\n" + block, "on the line before")
        self.refused("<!-- snippet docs/guide/snippets/a.cpp -->\n" + block, "a snippet mark is")
        self.refused(self.MARK.format("none") + block, "no region 'none'")
        self.refused(self.MARK.format("open") + block, "begin once and end once")
        self.refused(self.MARK.format("inner").replace("a.cpp", "b.cpp") + block, "no such file")
        self.refused(self.MARK.format("inner").replace("docs/guide", "../.." ) + block, "no such file")
        self.refused(self.MARK.format("inner") + block[:-4], "does not end")

    def test_update(self):
        guide = "before\n" + self.MARK.format("inner") + "```cpp\nold\nlines\n```\nafter\n"
        self.assertEqual(self.problems(guide, update=True), [])
        text = (self.root / "docs/guide/a.md").read_text()
        self.assertEqual(text, guide.replace("old\nlines", "if (a) return a;"))


class Failpoints(Tree):
    ROW = "| `outbox.before_add` | an event is about to be stored | yes |\n"

    def expect(self, code, documented, wanted, test=""):
        self.write("kit/outbox/event.cpp", code)
        self.write("docs/failpoints.md", documented)
        self.write("tests/outbox/crash.py", test)
        found = check_failpoints.check(self.root)[0]
        self.assertEqual(len(found), bool(wanted), found)
        self.assertIn(wanted, "".join(found))

    def test_each_has_a_row_and_a_name_of_its_own(self):
        use = 'co_await KIT_FAILPOINT_RESULT("outbox.before_add");\n'
        self.expect(use, self.ROW, "", '"outbox.before_add"')
        self.expect(use, "", "no row")
        self.expect("", self.ROW, "nowhere in the sources")
        self.expect(use + use, self.ROW, "event.cpp:2: 'outbox.before_add' stands at kit/outbox/event.cpp:1 too")
        self.expect('KIT_FAILPOINT("outbox.before_add");\n', self.ROW, "says otherwise")
        self.expect('KIT_FAILPOINT("Outbox");\n' + use, self.ROW + self.ROW.replace("outbox.before_add", "Outbox").replace("yes", "no"),
                    "not of the form")
        self.expect(use, self.ROW, "there is no failpoint 'outbox.before_ad'", '"outbox.before_ad"')


if __name__ == "__main__":
    unittest.main()
