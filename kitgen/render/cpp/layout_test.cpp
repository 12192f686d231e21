// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/cpp/layout.hpp"

#include <gtest/gtest.h>

namespace kitgen::render {
namespace {

using Strings = std::vector<std::string>;

TEST(Call, BreaksWhereClangFormatDoes) {
  EXPECT_EQ(call(2, "f", Strings{"a", "b"}, ";"), "  f(a, b);");
  const std::string long_name(60, 'x');
  EXPECT_EQ(call(2, "call", Strings{long_name, long_name}, ";"),
            "  call(" + long_name + ",\n       " + long_name + ");");
  EXPECT_EQ(call(0, std::string(50, 'f'), Strings{long_name}, ";"),
            std::string(50, 'f') + "(\n    " + long_name + ");");
  EXPECT_EQ(call(0, "f", Strings{}, ";"), "f();");
}

TEST(Call, FitsExactlyAtTheLimit) {
  const std::string argument(line_width - 4, 'x');
  EXPECT_EQ(call(0, "f", Strings{argument}, ";").find('\n'), std::string::npos);
  EXPECT_NE(call(0, "f", Strings{argument + "x"}, ";").find('\n'), std::string::npos);
}

TEST(Assign, PrefersToBreakAfterTheEqualsSign) {
  const std::string argument(70, 'x');
  EXPECT_EQ(assign(2, "const int number", "function", Strings{argument}),
            "  const int number =\n      function(" + argument + ");");
}

TEST(Rows, MarksWhatWouldBePutInColumns) {
  const Strings four(4, "    \"a\",");
  EXPECT_EQ(rows(four).find("clang-format"), std::string::npos);
  const Strings five(5, "    \"a\",");
  EXPECT_TRUE(rows(five).starts_with("    // clang-format off\n"));
  const Strings wide(5, "    " + std::string(50, 'x') + ",");
  EXPECT_EQ(rows(wide).find("clang-format"), std::string::npos);
}

TEST(Protect, OnlyLinesThatAreTooLong) {
  EXPECT_EQ(protect("short", 2), "short");
  EXPECT_EQ(protect(std::string(101, 'x'), 2),
            "  // clang-format off\n" + std::string(101, 'x') + "\n  // clang-format on");
}

TEST(IncludeLines, AreSortedOnceAndInGroups) {
  EXPECT_EQ(include_lines({"vector", "memory", "vector"}, {"b.hpp", "a.hpp"}),
            "#include <memory>\n#include <vector>\n\n#include \"a.hpp\"\n#include \"b.hpp\"\n");
}

}  // namespace
}  // namespace kitgen::render
