// SPDX-License-Identifier: Apache-2.0
// Rows in bulk are the rows that single statements would have stored.
#include <functional>

#include "suite.hpp"

namespace kit::tests {
namespace {

using namespace std::chrono_literals;
using Columns = std::vector<std::string_view>;

class InsertRowsTest : public DatabaseTest {
 protected:
  void SetUp() override {
    set_up("CREATE TABLE kinds (" + backend().kinds() + ")" + backend().table_end());
    make_counter();
  }
};

using Fill = std::function<Result<>(std::int64_t number, std::vector<db::Parameter>& row)>;

/// Stores so many rows, numbered from 1.
Task<std::int64_t> store(db::Transaction& transaction, std::string_view table, Columns columns,
                         std::int64_t rows, Fill fill) {
  std::int64_t number = 0;
  auto hand_out = [&](std::vector<db::Parameter>& row) -> Result<bool> {
    if (++number > rows) return false;
    KIT_TRY(fill(number, row));
    return true;
  };
  db::RowSource source(hand_out);
  Task<std::int64_t> storing = transaction.insert_rows(table, columns, source);
  co_return co_await std::move(storing);
}

Result<> count(std::int64_t number, std::vector<db::Parameter>& row) {
  row.emplace_back(number);
  row.emplace_back(number * 2);
  return {};
}

struct Kinds {
  std::string label;
  std::string data;
  Result<> operator()(std::int64_t number, std::vector<db::Parameter>& row) {
    using Limits = std::numeric_limits<std::int64_t>;
    label = number % 3 == 0 ? "\t\\N\n\"é,\\." : std::string(static_cast<std::size_t>(number), 'x');
    data = std::string("\0\xff\n\\", 4) + std::to_string(number);
    row.emplace_back(number);
    row.emplace_back(number % 2 == 0 ? Limits::max() - number : Limits::min() + number);
    row.emplace_back(-number);
    row.emplace_back(std::int64_t{number % 2});
    row.emplace_back(db::Scaled{number % 2 == 0 ? -number * 1'234'567 : number, 4});
    row.emplace_back(1'700'000'000'123'456 + number);
    row.emplace_back(19'000 + number);
    row.emplace_back(3'600'000'000 + number);
    row.emplace_back(std::string_view("0189f7c4-2d5b-7cc3-8a0e-5a1b2c3d4e5f"));
    row.emplace_back(std::string_view("{\"a\": [1, \"\\\"\"]}"));
    row.emplace_back(std::string_view(label));
    row.emplace_back(db::Blob{data});
    row.emplace_back(static_cast<double>(number) / 3);
    if (number % 5 == 0) std::fill(row.begin() + 1, row.end(), db::Parameter(nullptr));
    return {};
  }
};

const Columns kinds_columns = {"id",    "i64", "i32", "flag",  "amount", "at",   "day",
                               "clock", "uid", "doc", "label", "data",   "ratio"};

Task<> store_both_ways(db::Database& database, std::int64_t rows) {
  auto transaction = co_await database.begin();
  Task<std::int64_t> storing = store(*transaction, "kinds", kinds_columns, rows, Kinds());
  const std::int64_t stored = co_await std::move(storing);
  EXPECT_EQ(stored, rows);
  Kinds kinds;
  for (std::int64_t number = 1; number <= rows; ++number) {
    Parameters row;
    co_await kinds(number, row);
    row[0] = number + 1'000;
    co_await change(*transaction,
                    "INSERT INTO kinds (id, i64, i32, flag, amount, at, day, clock, uid, doc, "
                    "label, data, ratio) VALUES "
                    "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
                    row);
  }
  co_await transaction->commit();
}

TEST_F(InsertRowsTest, AllKindsOfValues) {
  const auto done = run(store_both_ways(database(), 150));
  ASSERT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(read("SELECT count(*) FROM kinds"), "300");
  for (const char* column : {"i64", "i32", "flag", "amount", "at", "day", "clock", "uid", "doc",
                             "label", "data", "ratio"}) {
    const std::string name = column;
    EXPECT_EQ(
        read("SELECT count(*) FROM kinds a JOIN kinds b ON b.id = a.id + 1000 WHERE a." + name +
             " = b." + name + " OR (a." + name + " IS NULL AND b." + name + " IS NULL)"),
        "150")
        << name;
  }
}

/// Many rows have more parameters than a statement may have.
TEST_F(InsertRowsTest, ManyColumns) {
  constexpr std::size_t columns_of_table = 80;
  std::vector<std::string> names;
  std::string definition = "CREATE TABLE wide (";
  for (std::size_t i = 0; i < columns_of_table; ++i) {
    names.push_back("c" + std::to_string(i));
    definition += (i == 0 ? "" : ", ") + names.back() + " INTEGER";
  }
  set_up(definition + ")" + backend().table_end());
  const auto storing = [&]() -> Task<> {
    auto transaction = co_await database().begin();
    const Columns columns(names.begin(), names.end());
    auto fill = [](std::int64_t number, std::vector<db::Parameter>& row) -> Result<> {
      row.assign(columns_of_table, db::Parameter(number));
      return {};
    };
    Task<std::int64_t> many = store(*transaction, "wide", columns, 200, fill);
    EXPECT_EQ(co_await std::move(many), 200);
    co_await transaction->commit();
  };
  const auto done = run(storing());
  ASSERT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(read("SELECT sum(c79) FROM wide"), "20100");
}

Task<> store_many(db::Database& database) {
  auto transaction = co_await database.begin_bulk();
  const Columns columns{"id", "n"};
  Task<std::int64_t> none = store(*transaction, "t", columns, 0, count);
  EXPECT_EQ(co_await std::move(none), 0);
  Task<std::int64_t> many = store(*transaction, "t", columns, 20'003, count);
  EXPECT_EQ(co_await std::move(many), 20'003);
  EXPECT_EQ(co_await text(*transaction, "SELECT sum(n) FROM t"), std::to_string(20'003LL * 20'004));
  auto nested = co_await transaction->begin_nested();
  auto more = [](std::int64_t number, std::vector<db::Parameter>& row) {
    return count(number + 100'000, row);
  };
  Task<std::int64_t> dropped = store(*nested, "t", columns, 100, more);
  EXPECT_EQ(co_await std::move(dropped), 100);
  nested.reset();
  Task<std::int64_t> again = store(*transaction, "t", columns, 1, more);
  EXPECT_EQ(co_await std::move(again), 1);
  co_await transaction->commit();
}

TEST_F(InsertRowsTest, ManyNoneAndInsideOneAnother) {
  const auto done = run(store_many(database()));
  ASSERT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(read("SELECT count(*) FROM t"), "20004");
}

Task<> store_in_vain(db::Database& database, std::string_view table, Columns columns,
                     std::int64_t rows, Fill fill) {
  auto transaction = co_await database.begin();
  Task<std::int64_t> storing =
      store(*transaction, table, std::move(columns), rows, std::move(fill));
  co_await std::move(storing);
  co_await transaction->commit();
}

TEST_F(InsertRowsTest, WhatFailsKeepsNothing) {
  const Columns columns{"id", "n"};
  auto twice = [](std::int64_t number, std::vector<db::Parameter>& row) {
    return count(number % 5'000, row);
  };
  const auto taken = run(store_in_vain(database(), "t", columns, 9'000, twice));
  EXPECT_EQ(taken.error().reason(), "UNIQUE_VIOLATION") << taken.error().describe();
  auto breaks = [](std::int64_t number, std::vector<db::Parameter>& row) -> Result<> {
    if (number == 7'000) return Error(Code::data_loss, "the file ends");
    return count(number, row);
  };
  const auto broken = run(store_in_vain(database(), "t", columns, 9'000, breaks));
  EXPECT_EQ(broken.error().message(), "the file ends") << broken.error().describe();
  auto short_row = [](std::int64_t number, std::vector<db::Parameter>& row) -> Result<> {
    row.emplace_back(number);
    return {};
  };
  EXPECT_EQ(run(store_in_vain(database(), "t", columns, 1, short_row)).error().code(),
            Code::internal);
  EXPECT_FALSE(run(store_in_vain(database(), "missing", columns, 1, count)).ok());
  EXPECT_FALSE(run(store_in_vain(database(), "t\" (id) SELECT 1 --", columns, 1, count)).ok());
  EXPECT_EQ(read("SELECT count(*) FROM t"), "0");
  EXPECT_TRUE(run(store_in_vain(database(), "t", columns, 10, count)).ok());
  EXPECT_EQ(read("SELECT count(*) FROM t"), "10");
}

TEST_F(InsertRowsTest, ADeadlineEndsIt) {
  const Columns columns{"id", "n"};
  const auto ended =
      run(with_deadline(50ms, store_in_vain(database(), "t", columns, 50'000'000, count)));
  EXPECT_EQ(ended.error().code(), Code::deadline_exceeded) << ended.error().describe();
  EXPECT_EQ(read("SELECT count(*) FROM t"), "0");
}

}  // namespace
}  // namespace kit::tests
