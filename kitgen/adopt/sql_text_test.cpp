// SPDX-License-Identifier: Apache-2.0
#include "kitgen/adopt/detail/sql_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kitgen::adopt {
namespace {

using testing::ElementsAre;

/// The conditions as "column test values".
std::string read(std::string_view sql) {
  const auto conditions = conditions_of(sql);
  if (!conditions) return "?";
  static constexpr const char* tests[] = {"null", "some", "in", "<", "<=", ">", ">="};
  std::string text;
  for (const Condition& each : *conditions) {
    text += (text.empty() ? "" : "; ") + std::string(each.of_length ? "#" : "") + each.column +
            " " + tests[static_cast<int>(each.test)];
    for (const std::string& value : each.values) text += " " + value;
  }
  return text;
}

TEST(SqlText, ConditionsAsSqliteKeepsThem) {
  EXPECT_EQ(read("x in ('a', 'b''c')"), "x in a b'c");
  EXPECT_EQ(read("[my x] >= 0 AND \"y\" < 5.5"), "my x >= 0; y < 5.5");
  EXPECT_EQ(read("(length(x) > 2)"), "#x > 2");
  EXPECT_EQ(read("x IS NOT NULL and y is null"), "x some; y null");
  EXPECT_EQ(read("x is null or x between 1 and -3"), "x >= 1; x <= -3");
}

TEST(SqlText, ConditionsAsPostgresWritesThem) {
  EXPECT_EQ(read("((amount >= (0)::numeric) AND (amount <= (5000)::numeric))"),
            "amount >= 0; amount <= 5000");
  EXPECT_EQ(read("((rating)::text = ANY ((ARRAY['G'::character varying, 'PG-13'::character "
                 "varying])::text[]))"),
            "rating in G PG-13");
  EXPECT_EQ(read("(status = ANY (ARRAY['a'::text, 'b'::text]))"), "status in a b");
  EXPECT_EQ(read("(char_length((name)::text) >= 3)"), "#name >= 3");
  EXPECT_EQ(read("(deleted_at IS NULL)"), "deleted_at null");
  EXPECT_EQ(read("active"), "active in true");
  EXPECT_EQ(read("(NOT active)"), "active in false");
  EXPECT_EQ(read("((status)::text = 'open'::text)"), "status in open");
}

TEST(SqlText, ConditionsAsMariaDbWritesThem) {
  EXPECT_EQ(read("`method` in (_utf8mb4'cash',_utf8mb4'card')"), "method in cash card");
  EXPECT_EQ(read("`price` >= 0 and `price` < 100"), "price >= 0; price < 100");
}

TEST(SqlText, WhatIsNotUnderstoodIsNothing) {
  for (const char* sql : {"", "x", "x > y AND", "x > y", "x like 'a%'", "x = 1 or y = 2",
                          "x in (select 1)", "'x", "(x > 1", "x > 1)", "x is null or y > 1",
                          "lower(x) = 'a'", "x <> 3", "/* x > 1", "x = any (y)", "not x > 1"}) {
    if (std::string_view(sql) == "x") continue;  // a boolean
    EXPECT_EQ(read(sql), "?") << sql;
  }
  EXPECT_EQ(read(std::string(10'000, '(') + "x > 1" + std::string(10'000, ')')), "?");
}

TEST(SqlText, Defaults) {
  const auto shown = [](std::string_view sql) {
    const Default value = default_of(sql);
    static constexpr const char* kinds[] = {"null", "text", "number", "boolean", "now", "other"};
    return std::string(kinds[static_cast<int>(value.kind)]) + " " + value.value;
  };
  EXPECT_EQ(shown("'it''s'::character varying"), "text it's");
  EXPECT_EQ(shown("(-1.5)"), "number -1.5");
  EXPECT_EQ(shown("NULL::timestamp without time zone"), "null ");
  EXPECT_EQ(shown("TRUE"), "boolean true");
  EXPECT_EQ(shown("b'101'"), "number 5");
  EXPECT_EQ(shown("b'12'"), "other ");
  for (const char* now : {"now()", "CURRENT_TIMESTAMP", "current_timestamp(6)", "CURRENT_DATE",
                          "datetime('now')", "(CURRENT_TIMESTAMP)"})
    EXPECT_EQ(shown(now), "now ") << now;
  for (const char* other : {"nextval('x'::regclass)", "uuid()", "now() + interval '1 day'", "a b"})
    EXPECT_EQ(shown(other), "other ") << other;
}

TEST(SqlText, ChecksAndConditionsOfStatements) {
  EXPECT_THAT(checks_of("CREATE TABLE t (a INT CHECK (a > 0), b TEXT DEFAULT 'CHECK (x)', "
                        "CHECK ((a) < (5)) -- CHECK (c)\n)"),
              ElementsAre("a > 0", "(a) < (5)"));
  EXPECT_EQ(where_of("CREATE INDEX i ON t (coalesce(a, 'where')) WHERE a IS NULL"), "a IS NULL");
  EXPECT_EQ(where_of("CREATE INDEX \"where\" ON t (a)"), "");
}

}  // namespace
}  // namespace kitgen::adopt
