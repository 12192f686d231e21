// SPDX-License-Identifier: Apache-2.0
// What the database refuses has the same code, reason and columns everywhere.
#include "suite.hpp"

namespace kit::tests {
namespace {

class ErrorTest : public DatabaseTest {
 protected:
  void SetUp() override {
    set_up("CREATE TABLE parent (id INTEGER PRIMARY KEY)" + backend().table_end());
    set_up(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parent (id), "
        "label " +
        backend().text(5) + " NOT NULL, country " + plain_text() + ", n INTEGER CHECK (n > 0))" +
        backend().table_end());
    set_up("CREATE UNIQUE INDEX child_label ON child (label, country)");
    set_up("INSERT INTO parent (id) VALUES (1)");
    set_up("INSERT INTO child (id, label, country, n) VALUES (1, 'a', 'x', 1)");
  }
  std::string plain_text() {
    std::string type = backend().text(20);
    return type.substr(0, type.find(" CHECK"));
  }
};

TEST_F(ErrorTest, AStatementThatFailsWheneverItRunsSaysSoEachTime) {
  for (int i = 0; i < 8; ++i) {  // more often than there are connections
    EXPECT_EQ(error_of("INSERT INTO parent (id) VALUES (1)").reason(), "UNIQUE_VIOLATION");
  }
}

TEST_F(ErrorTest, UniqueNamesTheColumns) {
  const Error error = error_of("INSERT INTO child (id, label, country) VALUES (2, 'a', 'x')");
  EXPECT_EQ(error.code(), Code::already_exists) << error.describe();
  EXPECT_EQ(error.reason(), "UNIQUE_VIOLATION");
  ASSERT_EQ(error.violations().size(), 2u) << error.describe();
  EXPECT_EQ(error.violations()[0].field, "label");
  EXPECT_EQ(error.violations()[1].field, "country");
  const Error key = error_of("INSERT INTO child (id, label) VALUES (1, 'b')");
  EXPECT_EQ(key.reason(), "UNIQUE_VIOLATION");
  ASSERT_EQ(key.violations().size(), 1u) << key.describe();
  EXPECT_EQ(key.violations()[0].field, "id");
}

TEST_F(ErrorTest, ForeignKeys) {
  Error error = error_of("INSERT INTO child (id, label, parent_id) VALUES (2, 'b', 99)");
  EXPECT_EQ(error.code(), Code::failed_precondition) << error.describe();
  EXPECT_EQ(error.reason(), "FOREIGN_KEY_VIOLATION");
  set_up("UPDATE child SET parent_id = 1");
  error = error_of("DELETE FROM parent");
  EXPECT_EQ(error.reason(), "FOREIGN_KEY_VIOLATION") << error.describe();
}

TEST_F(ErrorTest, AStatementWhoseFirstRunFailsRunsAgain) {
  const std::string sql = "INSERT INTO child (id, label, parent_id) VALUES (?1, ?2, ?3)";
  auto in_one = [](db::Database& database, std::string text, std::int64_t parent) -> Task<> {
    const Parameters row{parent + 1, std::string_view("b"), parent};
    const std::unique_ptr<db::Transaction> transaction = co_await database.begin();
    co_await transaction->execute(text, row);
    co_await transaction->commit();
  };
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(error_of(sql, {std::int64_t{9}, std::string_view("z"), std::int64_t{99}}).reason(),
              "FOREIGN_KEY_VIOLATION");
    const auto refused = run(in_one(database(), sql, 99));
    EXPECT_EQ(refused.error().reason(), "FOREIGN_KEY_VIOLATION") << refused.error().describe();
  }
  const auto kept = run(in_one(database(), sql, 1));
  EXPECT_TRUE(kept.ok()) << kept.error().describe();
}

TEST_F(ErrorTest, AServerNamesTheColumnOfABrokenReference) {
  const Error error = error_of("INSERT INTO child (id, label, parent_id) VALUES (2, 'b', 99)");
  if (database().dialect() == db::Dialect::sqlite) return;  // which knows only that one is broken
  ASSERT_EQ(error.violations().size(), 1u) << error.describe();
  EXPECT_EQ(error.violations()[0].field, "parent_id");
}

TEST_F(ErrorTest, ChecksAndRequiredColumns) {
  Error error = error_of("INSERT INTO child (id, label, n) VALUES (2, 'b', 0)");
  EXPECT_EQ(error.code(), Code::failed_precondition) << error.describe();
  EXPECT_EQ(error.reason(), "CHECK_VIOLATION");
  error = error_of("INSERT INTO child (id) VALUES (2)");
  EXPECT_EQ(error.reason(), "NOT_NULL_VIOLATION") << error.describe();
  ASSERT_EQ(error.violations().size(), 1u);
  EXPECT_EQ(error.violations()[0].field, "label");
}

TEST_F(ErrorTest, ATextIsAtMostAsLongAsItsColumn) {
  Parameters fits{
      std::string_view("\xF0\x9F\x8E\xB8"
                       "bcde")};
  EXPECT_EQ(error_of("UPDATE child SET label = ?1", fits).code(), Code::ok);
  Parameters longer{std::string_view("abcdef")};
  const Error error = error_of("UPDATE child SET label = ?1", longer);
  EXPECT_THAT(error.reason(), ::testing::AnyOf("CHECK_VIOLATION", "VALUE_TOO_LONG"))
      << error.describe();
}

TEST_F(ErrorTest, AMistakeInAStatementIsTheProgramsOwn) {
  EXPECT_EQ(error_of("SELEC 1").code(), Code::internal);
  EXPECT_EQ(error_of("SELECT 1 FROM missing").code(), Code::internal);
  Parameters one{std::int64_t{1}};
  EXPECT_EQ(error_of("SELECT 1 FROM missing WHERE a = ?1", one).code(), Code::internal);
  EXPECT_EQ(read("SELECT 1"), "1");
}

TEST_F(ErrorTest, NoErrorTellsAValue) {
  Parameters secret{std::string_view("hush")};
  ASSERT_EQ(error_of("UPDATE child SET label = ?1", secret).code(), Code::ok);
  const Error error =
      error_of("INSERT INTO child (id, label, country) VALUES (2, ?1, 'x')", secret);
  EXPECT_EQ(error.reason(), "UNIQUE_VIOLATION");
  EXPECT_THAT(error.describe(), ::testing::Not(::testing::HasSubstr("hush")));
}

}  // namespace
}  // namespace kit::tests
