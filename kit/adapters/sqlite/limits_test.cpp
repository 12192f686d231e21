// SPDX-License-Identifier: Apache-2.0
// SQLite's own limits, at each and past it.
#include "kit/adapters/sqlite/test_database.hpp"

namespace kit::sqlite {
namespace {

struct Limits : ::testing::Test {
  bool takes(const std::string& sql, std::vector<db::Parameter> parameters = {}) {
    auto read = [](const db::Row&) -> Result<> { return {}; };
    db::RowSink sink(read);
    return database.run(database->query(sql, parameters, sink)).ok();
  }
  static std::string joined(const std::string& part, int count, const std::string& between) {
    std::string text = part;
    for (int i = 1; i < count; ++i) text += between + part;
    return text;
  }

  TestDatabase database;
};

TEST_F(Limits, LengthOfAValue) {
  EXPECT_TRUE(takes("SELECT length(zeroblob(64 * 1024 * 1024))"));
  EXPECT_FALSE(takes("SELECT length(zeroblob(64 * 1024 * 1024 + 1))"));
  const std::string large(64 * 1024 * 1024, 'x');
  EXPECT_TRUE(takes("SELECT length(?1)", {db::Parameter(std::string_view(large))}));
  const std::string larger = large + "x";
  EXPECT_FALSE(takes("SELECT length(?1)", {db::Parameter(std::string_view(larger))}));
}

TEST_F(Limits, LengthOfAStatement) {
  const std::string start = "SELECT 1 --";
  EXPECT_TRUE(takes(start + std::string(1024 * 1024 - start.size(), 'x')));
  EXPECT_FALSE(takes(start + std::string(1024 * 1024 + 1 - start.size(), 'x')));
}

TEST_F(Limits, Columns) {
  EXPECT_TRUE(takes("SELECT " + joined("1", 500, ", ")));
  EXPECT_FALSE(takes("SELECT " + joined("1", 501, ", ")));
}

TEST_F(Limits, DepthOfAnExpression) {
  EXPECT_TRUE(takes("SELECT " + joined("1", 200, " + ")));
  EXPECT_FALSE(takes("SELECT " + joined("1", 202, " + ")));
}

TEST_F(Limits, PartsOfACompound) {
  EXPECT_TRUE(takes(joined("SELECT 1", 50, " UNION ")));
  EXPECT_FALSE(takes(joined("SELECT 1", 51, " UNION ")));
}

TEST_F(Limits, ArgumentsOfAFunction) {
  EXPECT_TRUE(takes("SELECT max(" + joined("1", 32, ", ") + ")"));
  EXPECT_FALSE(takes("SELECT max(" + joined("1", 33, ", ") + ")"));
}

TEST_F(Limits, NothingIsAttached) {
  EXPECT_FALSE(takes("ATTACH ':memory:' AS other"));
}

TEST_F(Limits, LengthOfAPattern) {
  EXPECT_TRUE(takes("SELECT 'a' LIKE '" + std::string(1000, 'x') + "'"));
  EXPECT_FALSE(takes("SELECT 'a' LIKE '" + std::string(1001, 'x') + "'"));
}

TEST_F(Limits, Parameters) {
  std::vector<db::Parameter> parameters(4000, db::Parameter(std::int64_t{1}));
  EXPECT_TRUE(takes("SELECT ?4000", parameters));
  parameters.emplace_back(std::int64_t{1});
  EXPECT_FALSE(takes("SELECT ?4001", parameters));
}

TEST_F(Limits, DepthOfTriggers) {
  ASSERT_TRUE(database.execute("CREATE TABLE t(n INTEGER)").ok());
  ASSERT_TRUE(database
                  .execute("CREATE TABLE chain(n INTEGER PRIMARY KEY, next INTEGER REFERENCES "
                           "chain(n) ON DELETE CASCADE)")
                  .ok());
  const auto chain_of = [this](int length) {
    return database.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE "
        "i < " +
        std::to_string(length) + ") INSERT INTO chain SELECT i, nullif(i - 1, 0) FROM n");
  };
  ASSERT_TRUE(chain_of(32).ok());
  EXPECT_TRUE(database.execute("DELETE FROM chain WHERE n = 1").ok());
  ASSERT_TRUE(chain_of(40).ok());
  EXPECT_FALSE(database.execute("DELETE FROM chain WHERE n = 1").ok());
  EXPECT_EQ(database.text("SELECT count(*) FROM chain"), "40") << "nothing of it is left";
}

}  // namespace
}  // namespace kit::sqlite
