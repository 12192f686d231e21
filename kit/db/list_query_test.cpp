// SPDX-License-Identifier: Apache-2.0
#include "kit/db/list_query.hpp"

#include <gtest/gtest.h>

#include <utility>

// What the lists find is tried on the databases themselves; here is what the dialects differ in.
namespace kit::db {
namespace {

constinit const Column id = {.name = "id", .sql = "id", .type = ColumnType::integer};
constinit const Column title = {.name = "title", .sql = "title", .nullable = true};
constinit const Column price = {
    .name = "price", .sql = "price", .type = ColumnType::decimal, .scale = 2};
constinit const Column sizes = {.name = "sizes", .sql = "sizes", .type = ColumnType::integer};
constinit const Column marks = {.name = "marks", .sql = "marks", .type = ColumnType::boolean};
constinit const Column names = {.name = "names", .sql = "names"};
constinit const ListTable boxes = {.from = "boxes", .select = "id, title", .columns = 2, .id = &id};

std::string condition(const Column& column, Operator op, Value value, Dialect dialect) {
  ListQuery query;
  query.filters.push_back({&column, op, {std::move(value)}});
  const Result<BuiltQuery> built = build_count(boxes, query, {}, dialect);
  if (!built) return built.error().message();
  constexpr std::string_view before = "SELECT count(*) FROM boxes WHERE ";
  return built->sql.starts_with(before) ? built->sql.substr(before.size()) : built->sql;
}

TEST(ListDialects, NotEqualFindsNulls) {
  const auto differs = [](Dialect dialect) {
    return condition(title, Operator::ne, std::string("a"), dialect);
  };
  EXPECT_EQ(differs(Dialect::sqlite), "title IS NOT ?1");
  EXPECT_EQ(differs(Dialect::postgresql), "title IS DISTINCT FROM ?1");
  EXPECT_EQ(differs(Dialect::mysql), "title <=> ?1 IS FALSE");
}

TEST(ListDialects, Like) {
  const auto like = [](Dialect dialect) {
    return condition(title, Operator::contains, std::string("a"), dialect);
  };
  EXPECT_EQ(like(Dialect::sqlite), R"(title LIKE ?1 ESCAPE '\')");
  EXPECT_EQ(like(Dialect::postgresql), R"(title ILIKE ?1 ESCAPE '\')");
  EXPECT_EQ(like(Dialect::mysql), R"(LOWER(title) LIKE LOWER(?1) ESCAPE '\')");
}

TEST(ListDialects, ElementsOfArrays) {
  const auto has = [](const Column& column, Value value, Dialect dialect) {
    return condition(column, Operator::has, std::move(value), dialect);
  };
  EXPECT_EQ(has(sizes, std::int64_t{4}, Dialect::sqlite),
            "EXISTS (SELECT 1 FROM json_each(sizes) WHERE value = ?1)");
  EXPECT_EQ(has(sizes, std::int64_t{4}, Dialect::postgresql),
            "sizes @> to_jsonb(CAST(?1 AS bigint))");
  EXPECT_EQ(has(sizes, std::int64_t{4}, Dialect::mysql), "JSON_CONTAINS(sizes, CAST(?1 AS CHAR))");
  EXPECT_EQ(has(marks, std::int64_t{1}, Dialect::postgresql),
            "marks @> to_jsonb(CAST(?1 AS boolean))");
  EXPECT_EQ(has(marks, std::int64_t{1}, Dialect::mysql),
            "JSON_CONTAINS(marks, CASE WHEN ?1 THEN 'true' ELSE 'false' END)");
  EXPECT_EQ(has(names, std::string("a"), Dialect::postgresql),
            "names @> to_jsonb(CAST(?1 AS text))");
  EXPECT_EQ(has(names, std::string("a"), Dialect::mysql), "JSON_CONTAINS(names, JSON_QUOTE(?1))");
}

TEST(ListDialects, NullsComeFirst) {
  ListQuery query;
  query.sort = {{&title, false}};
  const std::string tail = " ORDER BY title NULLS FIRST, id LIMIT 51";
  EXPECT_TRUE(build_list(boxes, query, {}, Dialect::postgresql)->sql.ends_with(tail));
  EXPECT_TRUE(build_list(boxes, query, {}, Dialect::mysql)->sql.ends_with(" title, id LIMIT 51"));
  query.sort = {{&title, true}};
  EXPECT_TRUE(build_list(boxes, query, {}, Dialect::postgresql)
                  ->sql.ends_with(" title DESC NULLS LAST, id DESC LIMIT 51"));
}

TEST(ListDialects, CommonPageSizesArePartOfTheText) {
  ListQuery query;
  for (const std::int64_t limit : {10, 20, 25, 50, 100, 200, 500, 1000}) {
    query.limit = limit;
    const Result<BuiltQuery> built = build_list(boxes, query);
    EXPECT_TRUE(built->sql.ends_with(" LIMIT " + std::to_string(limit + 1))) << built->sql;
    EXPECT_TRUE(built->values.empty());
  }
  for (const std::int64_t limit : {1, 9, 21, 999}) {
    query.limit = limit;
    const Result<BuiltQuery> built = build_list(boxes, query);
    EXPECT_TRUE(built->sql.ends_with(" LIMIT ?1")) << built->sql;
    EXPECT_EQ(built->values, std::vector<Value>{limit + 1});
  }
}

TEST(ListDialects, DecimalsAreScaled) {
  ListQuery query;
  query.filters.push_back({&price, Operator::gte, {std::int64_t{125}}});
  query.filters.push_back({&sizes, Operator::eq, {std::int64_t{3}}});
  const Result<BuiltQuery> built = build_list(boxes, query);
  ASSERT_TRUE(built);
  const std::vector<Parameter> parameters = built->parameters();
  ASSERT_EQ(parameters.size(), 2U);
  const auto* decimal = std::get_if<Scaled>(&parameters[0]);
  ASSERT_NE(decimal, nullptr);
  EXPECT_EQ(decimal->units, 125);
  EXPECT_EQ(decimal->scale, 2);
  EXPECT_EQ(std::get<std::int64_t>(parameters[1]), 3);
}

}  // namespace
}  // namespace kit::db
