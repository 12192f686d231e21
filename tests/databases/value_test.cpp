// SPDX-License-Identifier: Apache-2.0
// Every form of a parameter comes back as it was, at its limits.
#include <limits>

#include "suite.hpp"

namespace kit::tests {
namespace {

using Limits = std::numeric_limits<std::int64_t>;

/// From year 1 to the end of 9999, as PostgreSQL and MariaDB have them.
constexpr std::int64_t first_microsecond = -62'135'596'800'000'000;
constexpr std::int64_t last_microsecond = 253'402'300'799'999'999;
constexpr std::int64_t first_day = -719'162;
constexpr std::int64_t last_day = 2'932'896;

class ValueTest : public DatabaseTest {
 protected:
  void SetUp() override {
    set_up("CREATE TABLE kinds (" + backend().kinds() + ")" + backend().table_end());
  }

  /// What a column gives back of a value, read by `how`.
  template <class T, class F>
  T round_trip(const std::string& column, db::Parameter value, F how) {
    set_up("DELETE FROM kinds");
    Parameters parameters{value};
    const auto stored =
        run(change(database(), "INSERT INTO kinds (" + column + ") VALUES (?1)", parameters));
    EXPECT_TRUE(stored.ok()) << column << ": " << stored.error().describe();
    T out{};
    int rows = 0;
    auto read = [&](const db::Row& row) -> Result<> {
      ++rows;
      EXPECT_FALSE(row.is_null(0)) << column;
      out = how(row);
      return {};
    };
    db::RowSink sink(read);
    const std::string sql = "SELECT " + column + " FROM kinds";
    const auto done = run(database().query(sql, {}, sink));
    EXPECT_TRUE(done.ok()) << column << ": " << done.error().describe();
    EXPECT_EQ(rows, 1) << column;
    return out;
  }
  std::int64_t number(const std::string& column, std::int64_t value) {
    return round_trip<std::int64_t>(column, value, [](const db::Row& row) { return row.int64(0); });
  }
  std::string bytes(const std::string& column, db::Parameter value) {
    return round_trip<std::string>(column, value,
                                   [](const db::Row& row) { return std::string(row.text(0)); });
  }
};

TEST_F(ValueTest, WholeNumbers) {
  for (const std::int64_t value :
       {Limits::min(), Limits::max(), std::int64_t{0}, std::int64_t{-1}}) {
    EXPECT_EQ(number("i64", value), value);
  }
  for (const std::int64_t value : {-2'147'483'648LL, 2'147'483'647LL}) {
    EXPECT_EQ(number("i32", value), value);
  }
  EXPECT_EQ(number("flag", 0), 0);
  EXPECT_EQ(number("flag", 1), 1);
}

TEST_F(ValueTest, Decimals) {
  for (const std::int64_t units :
       {999'999'999'999'999'999LL, -999'999'999'999'999'999LL, 0LL, 1LL, -1LL, 10'000LL}) {
    EXPECT_EQ(round_trip<std::int64_t>("amount", db::Scaled{units, 4},
                                       [](const db::Row& row) { return row.scaled(0, 4); }),
              units);
  }
}

TEST_F(ValueTest, Times) {
  for (const std::int64_t value : {first_microsecond, last_microsecond, std::int64_t{0},
                                   std::int64_t{-1}, std::int64_t{1'700'000'000'123'456}}) {
    EXPECT_EQ(number("at", value), value);
  }
  for (const std::int64_t value : {first_day, last_day, std::int64_t{0}, std::int64_t{-1}}) {
    EXPECT_EQ(number("day", value), value);
  }
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{86'399'999'999}}) {
    EXPECT_EQ(number("clock", value), value);
  }
}

TEST_F(ValueTest, RealNumbers) {
  for (const double value : {0.0, -0.1, 1e308, 5e-324, 0.1 + 0.2, -1.0 / 3.0}) {
    EXPECT_EQ(round_trip<double>("ratio", value, [](const db::Row& row) { return row.real(0); }),
              value);
  }
}

TEST_F(ValueTest, Texts) {
  const std::string large(1024 * 1024, 'x');
  for (const std::string& value :
       {std::string(), std::string("a'b\"c\\d;--"),
        std::string("\xF0\x9F\x8E\xB8 \xE2\x82\xAC \xC3\xA4"), std::string("line\nline\ttab \x01"),
        std::string("?1 $1 :a %s"), large}) {
    EXPECT_EQ(bytes("label", std::string_view(value)), value);
  }
  EXPECT_EQ(bytes("uid", std::string_view("0190b9c0-7b2a-7cc3-9d6e-0123456789ab")),
            "0190b9c0-7b2a-7cc3-9d6e-0123456789ab");
  // Blanks in JSON are the database's business.
  std::string doc = bytes("doc", std::string_view(R"({"a":[1,"\u00e4",null,1.50]})"));
  std::erase(doc, ' ');
  EXPECT_THAT(doc, ::testing::AnyOf(R"({"a":[1,"\u00e4",null,1.50]})",
                                    "{\"a\":[1,\"\xC3\xA4\",null,1.50]}"));
}

TEST_F(ValueTest, Bytes) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  const std::string zeros(3, '\0');
  EXPECT_EQ(bytes("data", db::Blob{all}), all);
  EXPECT_EQ(bytes("data", db::Blob{zeros}), zeros);
  EXPECT_EQ(bytes("data", db::Blob{}), "");
}

TEST_F(ValueTest, NullIsNotTheEmptyText) {
  set_up("INSERT INTO kinds (label) VALUES (NULL)");
  EXPECT_EQ(read("SELECT label FROM kinds"), "null");
  set_up("DELETE FROM kinds");
  Parameters parameters{nullptr, std::string_view("")};
  EXPECT_TRUE(
      run(change(database(), "INSERT INTO kinds (data, label) VALUES (?1, ?2)", parameters)).ok());
  EXPECT_EQ(read("SELECT label FROM kinds WHERE data IS NULL"), "");
  EXPECT_EQ(read("SELECT count(*) FROM kinds WHERE label IS NOT NULL"), "1");
  for (const std::string column :
       {"i64", "i32", "flag", "amount", "at", "day", "clock", "uid", "doc", "data", "ratio"}) {
    Parameters none{nullptr};
    EXPECT_TRUE(run(change(database(), "UPDATE kinds SET " + column + " = ?1", none)).ok())
        << column;
    EXPECT_EQ(read("SELECT " + column + " FROM kinds"), "null") << column;
  }
}

TEST_F(ValueTest, SumsAndCountsAreNumbers) {
  for (const std::int64_t units : {10'000LL, 25'050LL}) {
    Parameters parameters{units / 10'000, db::Scaled{units, 4}};
    ASSERT_TRUE(
        run(change(database(), "INSERT INTO kinds (i64, amount) VALUES (?1, ?2)", parameters))
            .ok());
  }
  std::int64_t count = 0, sum = 0, amount = 0;
  auto read_row = [&](const db::Row& row) -> Result<> {
    count = row.int64(0);
    sum = row.int64(1);
    amount = row.scaled(2, 4);
    return {};
  };
  db::RowSink sink(read_row);
  ASSERT_TRUE(
      run(database().query("SELECT count(*), sum(i64), sum(amount) FROM kinds", {}, sink)).ok());
  EXPECT_EQ(count, 2);
  EXPECT_EQ(sum, 3);
  EXPECT_EQ(amount, 35'050);
}

TEST_F(ValueTest, TextsSortByTheirBytes) {
  for (const std::string_view label : {"b", "B", "a", "\xC3\xA4", "Z", "A"}) {
    Parameters parameters{label};
    ASSERT_TRUE(run(change(database(), "INSERT INTO kinds (label) VALUES (?1)", parameters)).ok());
  }
  EXPECT_EQ(read("SELECT label FROM kinds ORDER BY label"), "A,B,Z,a,b,\xC3\xA4");
}

}  // namespace
}  // namespace kit::tests
