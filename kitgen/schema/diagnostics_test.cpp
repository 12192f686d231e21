// SPDX-License-Identifier: Apache-2.0
#include "kitgen/schema/diagnostics.hpp"

#include <gtest/gtest.h>

namespace kitgen::schema {
namespace {

TEST(Diagnostics, ArePrintedWithLineCaretAndSuggestion) {
  const Source source("api/store.yaml", "one\nname: {type: strng}\n");
  Diagnostics diagnostics(source);
  diagnostics.error({"strng", {2, 14}, 5, false}, "unknown type 'strng'", "did you mean 'string'?");
  EXPECT_EQ(to_string(diagnostics.take()),
            "api/store.yaml:2:14: error: unknown type 'strng'\n"
            "     2 | name: {type: strng}\n"
            "       |              ^~~~~\n"
            "       = did you mean 'string'?\n"
            "1 error\n");
}

TEST(Diagnostics, AreSortedAndToldOnce) {
  const Source source("s", "a\nb\n");
  Diagnostics diagnostics(source);
  diagnostics.warning({"b", {2, 1}, 1, false}, "w");
  diagnostics.error({"b", {2, 1}, 1, false}, "e");
  diagnostics.error({"a", {1, 1}, 1, false}, "z");
  diagnostics.error({"a", {1, 1}, 1, false}, "z");
  const std::vector<Diagnostic> all = diagnostics.take();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].message, "z");
  EXPECT_EQ(all[1].message, "e");
  EXPECT_EQ(all[2].severity, Severity::warning);
  EXPECT_TRUE(to_string(all).ends_with("2 errors, 1 warning\n"));
}

TEST(Diagnostics, QuoteSafely) {
  EXPECT_EQ(in_quotes("a\x1B[2Jb"), "'a\uFFFD[2Jb'");
  EXPECT_EQ(in_quotes("a\xE2\x80\xAE"
                      "b"),
            "'a\uFFFDb'");
  EXPECT_EQ(in_quotes("a\xFF"
                      "b"),
            "'a\uFFFDb'");
  EXPECT_EQ(in_quotes(std::string(61, 'x')), "'" + std::string(60, 'x') + "...'");
}

TEST(Diagnostics, NothingIsSuggestedForNothingNear) {
  const Source source("s", "");
  const Diagnostics diagnostics(source);
  EXPECT_EQ(diagnostics.did_you_mean("emial", std::vector<std::string>{"email", "name"}),
            "did you mean 'email'?");
  EXPECT_EQ(diagnostics.did_you_mean("zzzzzz", std::vector<std::string>{"email", "name"}), "");
  EXPECT_EQ(diagnostics.did_you_mean(std::string(1000, 'e'), std::vector<std::string>{"email"}),
            "");
}

}  // namespace
}  // namespace kitgen::schema
