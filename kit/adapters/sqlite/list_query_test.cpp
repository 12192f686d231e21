// SPDX-License-Identifier: Apache-2.0
// The list queries of kit/db against an oracle: rows sorted and filtered in memory.
#include "kit/db/list_query.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>

#include "kit/adapters/sqlite/test_database.hpp"

namespace kit::sqlite {
namespace {

using db::Column;
using db::ColumnType;
using db::ListQuery;
using db::ListTable;
using db::Operator;
using db::Value;

constexpr Column id{"id", "\"id\"", ColumnType::integer, false, true, true};
constexpr Column number{"number", "\"number\"", ColumnType::integer, true, true, true};
constexpr Column size{"size", "\"size\"", ColumnType::real, true, true, true};
constexpr Column name{"name", "\"name\"", ColumnType::text, true, true, true};
constexpr Column fixed{"fixed", "\"fixed\"", ColumnType::text, false, true, true};
constexpr std::array<const Column*, 5> columns = {&id, &number, &size, &name, &fixed};

const ListTable table{"thing", "\"id\", \"fixed\"", 2, &id, "\"deleted_at\" IS NULL"};

struct Thing {
  std::array<Value, 5> values;  // as in `columns`
  const Value& of(const Column* column) const {
    auto place = std::find(columns.begin(), columns.end(), column) - columns.begin();
    return values[static_cast<std::size_t>(place)];
  }
  std::int64_t key() const { return std::get<std::int64_t>(values[0]); }
};

struct Lists : ::testing::Test {
  void SetUp() override {
    ASSERT_TRUE(database
                    .execute("CREATE TABLE thing(id INTEGER PRIMARY KEY, number INTEGER, size REAL,"
                             " name TEXT, fixed TEXT NOT NULL, deleted_at INTEGER) STRICT")
                    .ok());
  }

  std::size_t below(std::size_t bound) { return random() % bound; }

  /// Few different values, so that there are many equal ones, and nulls.
  Thing random_thing(std::int64_t key) {
    Thing thing;
    thing.values[0] = key;
    thing.values[1] = below(4) == 0 ? Value(nullptr) : Value(static_cast<std::int64_t>(below(5)));
    thing.values[2] = below(4) == 0 ? Value(nullptr) : Value(0.1 * static_cast<double>(below(4)));
    thing.values[3] = below(3) == 0 ? Value(nullptr) : Value(std::string(below(3), 'x') + "é");
    thing.values[4] = std::string(1, static_cast<char>('a' + below(3)));
    return thing;
  }

  void insert(const Thing& thing) {
    std::vector<db::Parameter> parameters;
    for (const auto& value : thing.values) parameters.push_back(db::parameter(value));
    auto done = database.run(database->execute(
        "INSERT INTO thing(id, number, size, name, fixed) VALUES(?1,?2,?3,?4,?5)", parameters));
    ASSERT_TRUE(done.ok()) << done.error().describe();
    things.push_back(thing);
  }

  struct Page {
    std::vector<std::int64_t> ids;
    std::optional<std::string> next;
  };
  Page read(const ListQuery& query) {
    Page page;
    auto built = db::build_list(table, query);
    EXPECT_TRUE(built.ok()) << built.error().describe();
    if (!built) return page;
    db::PageReader reader(table, query);
    auto take = [&](const db::Row& row) -> Result<> {
      if (reader.take(row)) page.ids.push_back(row.int64(0));
      return {};
    };
    db::RowSink sink(take);
    auto parameters = built->parameters();
    auto done = database.run(database->query(built->sql, parameters, sink));
    EXPECT_TRUE(done.ok()) << done.error().describe() << "\n" << built->sql;
    page.next = reader.next_cursor();
    return page;
  }

  TestDatabase database;
  std::mt19937 random{20240607};
  std::vector<Thing> things;
};

int compare(const Value& a, const Value& b) {
  bool a_null = std::holds_alternative<std::nullptr_t>(a);
  bool b_null = std::holds_alternative<std::nullptr_t>(b);
  if (a_null || b_null) return static_cast<int>(b_null) - static_cast<int>(a_null);
  auto order = [](const auto& x, const auto& y) { return x < y ? -1 : static_cast<int>(y < x); };
  if (const auto* text = std::get_if<std::string>(&a))
    return order(*text, std::get<std::string>(b));
  if (const auto* real = std::get_if<double>(&a)) return order(*real, std::get<double>(b));
  return order(std::get<std::int64_t>(a), std::get<std::int64_t>(b));
}

bool before(const std::vector<db::Sort>& keys, const Thing& a, const Thing& b) {
  for (const auto& key : keys) {
    int order = compare(a.of(key.column), b.of(key.column));
    if (order != 0) return key.descending ? order > 0 : order < 0;
  }
  return false;
}

TEST_F(Lists, PagesVisitEachRowOnceInOrderWhileRowsAreInserted) {
  std::int64_t key = 1000;
  for (int i = 0; i < 60; ++i) insert(random_thing(key += 10));
  for (int round = 0; round < 60; ++round) {
    ListQuery query;
    for (std::size_t i = below(4); i > 0; --i) {
      query.sort.push_back({columns[below(columns.size())], below(2) == 0});
    }
    std::set<std::int64_t> at_start;
    std::map<std::int64_t, Thing> all;
    for (const auto& thing : things) at_start.insert(thing.key());
    std::vector<std::int64_t> seen;
    while (true) {
      query.limit = static_cast<std::int64_t>(1 + below(9));
      Page page = read(query);
      EXPECT_LE(page.ids.size(), static_cast<std::size_t>(query.limit));
      seen.insert(seen.end(), page.ids.begin(), page.ids.end());
      if (!page.next) break;
      auto after = db::decode_cursor(table, query, *page.next);
      ASSERT_TRUE(after.ok()) << after.error().describe();
      query.after = std::move(*after);
      if (below(4) == 0 && things.size() < 120) {
        insert(random_thing(static_cast<std::int64_t>(below(100'000)) * 10 + 1 + round % 9));
      }
    }
    for (const auto& thing : things) all.emplace(thing.key(), thing);
    auto keys = db::sort_keys(table, query);
    for (std::size_t i = 1; i < seen.size(); ++i) {
      ASSERT_TRUE(before(keys, all.at(seen[i - 1]), all.at(seen[i])))
          << "round " << round << ": " << seen[i - 1] << " then " << seen[i];
    }
    std::set<std::int64_t> unique(seen.begin(), seen.end());
    EXPECT_TRUE(std::includes(unique.begin(), unique.end(), at_start.begin(), at_start.end()))
        << "round " << round;
  }
}

bool holds(const db::Filter& filter, const Thing& thing) {
  const Value& value = thing.of(filter.column);
  bool null = std::holds_alternative<std::nullptr_t>(value);
  const Value& wanted = filter.values.front();
  if (filter.op == Operator::is_null) return null == (std::get<std::int64_t>(wanted) != 0);
  int order = compare(value, wanted);
  switch (filter.op) {
    case Operator::eq:
      return order == 0;
    case Operator::ne:
      return order != 0;
    case Operator::gt:
      return !null && order > 0;
    case Operator::gte:
      return !null && order >= 0;
    case Operator::lt:
      return !null && order < 0;
    case Operator::lte:
      return !null && order <= 0;
    case Operator::in:
      return !null &&
             std::find(filter.values.begin(), filter.values.end(), value) != filter.values.end();
    default:
      return !null &&
             std::get<std::string>(value).find(std::get<std::string>(wanted)) != std::string::npos;
  }
}

TEST_F(Lists, FiltersLetTheRightRowsThrough) {
  for (std::int64_t key = 1; key <= 80; ++key) insert(random_thing(key));
  constexpr std::array operators = {Operator::eq,  Operator::ne,       Operator::gt,
                                    Operator::gte, Operator::lt,       Operator::lte,
                                    Operator::in,  Operator::contains, Operator::is_null};
  for (int round = 0; round < 200; ++round) {
    ListQuery query;
    query.limit = 1000;
    query.filters.resize(1 + below(2));
    for (auto& filter : query.filters) {
      filter.column = columns[below(columns.size())];
      filter.op = operators[below(operators.size())];
      if (filter.op == Operator::contains) filter.column = &name;
      for (int i = 0; i < (filter.op == Operator::in ? 3 : 1); ++i) {
        do {
          filter.values.push_back(things[below(things.size())].of(filter.column));
          bool null = std::holds_alternative<std::nullptr_t>(filter.values.back());
          bool null_fits = filter.op == Operator::eq || filter.op == Operator::ne;
          if (!null || null_fits) break;
          filter.values.pop_back();
        } while (true);
      }
      if (filter.op == Operator::is_null) {
        filter.values = {Value(static_cast<std::int64_t>(below(2)))};
      }
    }
    std::vector<std::int64_t> wanted;
    for (const auto& thing : things) {
      bool passes = std::all_of(query.filters.begin(), query.filters.end(),
                                [&](const auto& filter) { return holds(filter, thing); });
      if (passes) wanted.push_back(thing.key());
    }
    EXPECT_EQ(read(query).ids, wanted) << db::build_list(table, query)->sql;
    auto count = db::build_count(table, query);
    std::int64_t total = -1;
    auto take = [&](const db::Row& row) -> Result<> {
      total = row.int64(0);
      return {};
    };
    db::RowSink sink(take);
    auto parameters = count->parameters();
    ASSERT_TRUE(database.run(database->query(count->sql, parameters, sink)).ok());
    EXPECT_EQ(total, static_cast<std::int64_t>(wanted.size()));
  }
}

TEST_F(Lists, SearchAndPatternsAreLiteral) {
  for (auto [key, text] : {std::pair(1, "50% off"), std::pair(2, "50 percent"), std::pair(3, "a_b"),
                           std::pair(4, "aXb"), std::pair(5, "back\\slash")}) {
    Thing thing = random_thing(key);
    thing.values[3] = std::string(text);
    insert(thing);
  }
  auto ids = [&](Operator op, std::string text) {
    ListQuery query;
    query.filters = {{&name, op, {Value(std::move(text))}}};
    return read(query).ids;
  };
  using Ids = std::vector<std::int64_t>;
  EXPECT_EQ(ids(Operator::contains, "50%"), (Ids{1}));
  EXPECT_EQ(ids(Operator::contains, "A_B"), (Ids{3}));
  EXPECT_EQ(ids(Operator::contains, "\\"), (Ids{5}));
  EXPECT_EQ(ids(Operator::like, "50*"), (Ids{1, 2}));
  EXPECT_EQ(ids(Operator::like, "*B"), (Ids{3, 4}));
  EXPECT_EQ(ids(Operator::like, "*'; DROP TABLE thing"), (Ids{}));
  ListQuery search;
  search.search = " 50  OFF ";
  search.search_columns = {&name, &fixed};
  EXPECT_EQ(read(search).ids, (Ids{1}));
}

TEST_F(Lists, DeletedRowsAndPageNumbers) {
  for (std::int64_t key = 1; key <= 6; ++key) insert(random_thing(key));
  ASSERT_TRUE(database.execute("UPDATE thing SET deleted_at = 1 WHERE id = 2").ok());
  ListQuery query;
  query.limit = 2;
  query.offset = 2;
  EXPECT_EQ(read(query).ids, (std::vector<std::int64_t>{4, 5}));
  query.include_deleted = true;
  EXPECT_EQ(read(query).ids, (std::vector<std::int64_t>{3, 4}));
}

TEST(ListQueries, WrongValuesAndLimitsAreRefused) {
  auto refused = [](const ListQuery& query) {
    auto built = db::build_list(table, query);
    EXPECT_FALSE(built.ok());
    return built.ok() ? "" : built.error().violations().at(0).field;
  };
  ListQuery query;
  query.filters = {{&number, Operator::gt, {Value(std::string("x"))}}};
  EXPECT_EQ(refused(query), "number");
  query.filters = {{&number, Operator::contains, {Value(std::string("x"))}}};
  EXPECT_EQ(refused(query), "number");
  query.filters = {{&number, Operator::in, {}}};
  EXPECT_EQ(refused(query), "number");
  query.filters = {{&number, Operator::in, std::vector<Value>(201, std::int64_t{1})}};
  EXPECT_EQ(refused(query), "number");
  query.filters[0].values.pop_back();
  EXPECT_TRUE(db::build_list(table, query).ok());
  query.filters = {33, {&number, Operator::eq, {Value(std::int64_t{1})}}};
  EXPECT_EQ(refused(query), "filter");
  query = {};
  query.limit = 1001;
  EXPECT_EQ(refused(query), "limit");
  query.limit = 0;
  EXPECT_EQ(refused(query), "limit");
  query = {};
  query.sort.assign(9, {&number, false});
  EXPECT_EQ(refused(query), "sort");
  query = {};
  query.search = "x";
  EXPECT_EQ(refused(query), "search");
}

TEST(ListQueries, TextDependsOnTheShapeOnly) {
  auto text = [](std::int64_t value) {
    ListQuery query;
    query.filters = {{&number, Operator::gt, {Value(value)}}};
    query.sort = {{&fixed, true}};
    query.after = {Value(std::to_string(value)), Value(value)};
    return db::build_list(table, query)->sql;
  };
  EXPECT_EQ(text(1), text(2));
}

TEST(ListQueries, CursorsHoldForTheirQueryOnly) {
  ListQuery query;
  query.sort = {{&size, true}, {&name, false}};
  std::vector<Value> values = {Value(0.1 + 0.2), Value(nullptr), Value(std::int64_t{7})};
  auto cursor = db::encode_cursor(table, query, values);
  auto decoded = db::decode_cursor(table, query, cursor);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, values);
  auto refused = [&](const ListQuery& other, std::string_view text) {
    auto result = db::decode_cursor(table, other, text);
    return !result.ok() && result.error().code() == Code::invalid_argument &&
           result.error().violations().at(0).field == "cursor";
  };
  ListQuery other = query;
  other.sort[0].descending = false;
  EXPECT_TRUE(refused(other, cursor));
  other = query;
  other.filters = {{&number, Operator::eq, {Value(std::int64_t{1})}}};
  EXPECT_TRUE(refused(other, cursor));
  other = query;
  other.include_deleted = true;
  EXPECT_TRUE(refused(other, cursor));
  for (const char* text : {"", "x", "!!", "bnVsbA", "W10", "WzFd", "eyJhIjoxfQ"}) {
    EXPECT_TRUE(refused(query, text)) << text;
  }
  EXPECT_TRUE(refused(query, cursor.substr(0, cursor.size() - 2)));
  EXPECT_TRUE(refused(query, std::string(20'000, 'A')));
  std::mt19937 random(7);
  for (int i = 0; i < 2'000; ++i) {
    std::string changed = cursor;
    changed[random() % changed.size()] = "ABCxyz019-_"[random() % 11];
    auto result = db::decode_cursor(table, query, changed);
    if (result.ok()) {
      EXPECT_EQ(result->size(), 3u);
    }
  }
}

TEST(ListArrays, HaveTheirElements) {
  constexpr Column tags{"tags", "\"tags\"", ColumnType::text, true, true, false};
  constexpr Column sizes{"sizes", "\"sizes\"", ColumnType::integer, false, true, false};
  const ListTable boxes{"box", "\"id\"", 1, &id, {}};
  TestDatabase database;
  ASSERT_TRUE(
      database.execute("CREATE TABLE box(id INTEGER PRIMARY KEY, tags TEXT, sizes TEXT NOT NULL)")
          .ok());
  ASSERT_TRUE(database
                  .execute("INSERT INTO box VALUES(1, '[\"red\",\"1\"]', '[1,2]'),"
                           " (2, NULL, '[]'), (3, '[\"redder\"]', '[10]')")
                  .ok());
  const auto found = [&](const db::Filter& filter) {
    ListQuery query;
    query.filters = {filter};
    auto built = db::build_list(boxes, query);
    EXPECT_TRUE(built.ok());
    std::vector<std::int64_t> ids;
    auto take = [&](const db::Row& row) -> Result<> {
      ids.push_back(row.int64(0));
      return {};
    };
    db::RowSink sink(take);
    auto parameters = built->parameters();
    EXPECT_TRUE(database.run(database->query(built->sql, parameters, sink)).ok()) << built->sql;
    return ids;
  };
  using Ids = std::vector<std::int64_t>;
  EXPECT_EQ(found({&tags, Operator::has, {Value(std::string("red"))}}), Ids{1});
  EXPECT_EQ(found({&tags, Operator::has, {Value(std::string("1"))}}), Ids{1});
  EXPECT_EQ(found({&tags, Operator::has, {Value(std::string("'"))}}), Ids{});
  EXPECT_EQ(found({&sizes, Operator::has, {Value(std::int64_t{1})}}), Ids{1});
  EXPECT_EQ(found({&tags, Operator::is_null, {Value(std::int64_t{1})}}), Ids{2});
  ListQuery wrong;
  wrong.filters = {{&tags, Operator::has, {Value(std::int64_t{1})}}};
  EXPECT_FALSE(db::build_list(boxes, wrong).ok());
  wrong.filters = {{&tags, Operator::has, {Value(nullptr)}}};
  EXPECT_FALSE(db::build_list(boxes, wrong).ok());
}

}  // namespace
}  // namespace kit::sqlite
