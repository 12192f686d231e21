// SPDX-License-Identifier: Apache-2.0
#include "kit/record/detail/batch_keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "kit/record/insert.hpp"

namespace kit::record::detail {
namespace {

using db::Parameter;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(BatchKeys, ASelectIsForAsManyKeysAsThereAre) {
  constexpr std::string_view sql = "SELECT a FROM t WHERE a IN (?1)\n ORDER BY b";
  EXPECT_EQ(with_keys(sql, 1), sql);
  EXPECT_EQ(with_keys(sql, 3), "SELECT a FROM t WHERE a IN (?1, ?2, ?3)\n ORDER BY b");
}

TEST(BatchKeys, PairsAreFoundByTheTypesOfIds) {
  constexpr std::string_view columns[] = {"l", "r", "note"};
  const Parameter like[] = {Parameter(std::int64_t{1}), Parameter(std::string_view("x"))};
  EXPECT_EQ(select_pairs(db::Dialect::sqlite, "t", columns, like),
            "SELECT \"l\", \"r\" FROM \"t\" WHERE (\"l\", \"r\") IN "
            "(SELECT value ->> 0, value ->> 1 FROM json_each(?1))");
  EXPECT_EQ(select_pairs(db::Dialect::postgresql, "t", columns, like),
            "SELECT \"l\", \"r\" FROM \"t\" WHERE (\"l\", \"r\") IN "
            "(SELECT CAST(value ->> 0 AS bigint), CAST(value ->> 1 AS uuid) "
            "FROM jsonb_array_elements(?1))");
  EXPECT_EQ(select_pairs(db::Dialect::mysql, "t", columns, like),
            "SELECT \"l\", \"r\" FROM JSON_TABLE(?1, '$[*]' COLUMNS (kit_left bigint PATH '$[0]', "
            "kit_right char(36) CHARACTER SET ascii PATH '$[1]')) AS kit_pairs JOIN \"t\" "
            "ON \"l\" = kit_left AND \"r\" = kit_right");
}

TEST(BatchKeys, AKeyIsThatOfOneRecord) {
  BatchKeys keys(2);
  const auto add = [&](std::size_t record, Parameter left, Parameter right) {
    const Parameter key[] = {left, right};
    return keys.add(record, key);
  };
  EXPECT_TRUE(keys.is_empty());
  EXPECT_TRUE(add(0, std::int64_t{1}, std::string_view("a")));
  EXPECT_TRUE(add(1, std::int64_t{1}, std::string_view("a ")));
  EXPECT_TRUE(add(2, std::int64_t{2}, std::string_view("a")));
  EXPECT_FALSE(add(3, std::int64_t{1}, std::string_view("a")));
  // No row has it.
  EXPECT_TRUE(add(4, nullptr, std::string_view("a")));
  EXPECT_TRUE(add(5, nullptr, std::string_view("a")));
  EXPECT_EQ(keys.json(), R"([[1,"a"],[1,"a "],[2,"a"]])");
  EXPECT_EQ(keys.padded().size(), 8U);
  EXPECT_EQ(std::get<std::int64_t>(keys.padded()[6]), 2);
}

TEST(BatchKeys, TheLargestNumberStaysWhole) {
  BatchKeys keys(1);
  const Parameter key[] = {std::numeric_limits<std::int64_t>::max()};
  EXPECT_TRUE(keys.add(0, key));
  EXPECT_EQ(keys.json(), "[[9223372036854775807]]");
}

TEST(ColumnsOf, AreThoseOfTheInsert) {
  EXPECT_THAT(
      columns_of("\n  INSERT INTO t\n         (id, name,\n          at)\n  VALUES (?1, ?2, ?3)"),
      ElementsAre("id", "name", "at"));
  EXPECT_THAT(columns_of("INSERT INTO t (id) VALUES (?1)"), ElementsAre("id"));
  EXPECT_THAT(columns_of("INSERT INTO t () VALUES ()"), IsEmpty());
}

}  // namespace
}  // namespace kit::record::detail
