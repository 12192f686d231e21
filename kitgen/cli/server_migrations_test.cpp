// SPDX-License-Identifier: Apache-2.0
// Migrations for servers beside those for SQLite.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kit/db/migrations.hpp"
#include "kitgen/cli/test_command.hpp"

namespace kitgen::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

struct ServerMigrationsTest : CommandTest {
  void SetUp() override { schema(""); }
  void schema(const std::string& fields, const std::string& rest = "") {
    folder.write("api/shop.yaml", schema_text + fields + rest);
  }
  void generate(std::vector<std::string> words = {}) {
    words.insert(words.begin(), "generate");
    const Outcome outcome = kitgen(std::move(words));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
  }
  bool has(const std::string& path) const {
    return std::filesystem::exists(folder.path("migrations/" + path));
  }
};

TEST_F(ServerMigrationsTest, nobody_gets_them_unasked) {
  generate();
  EXPECT_TRUE(has("0001_create_shop.up.sql"));
  EXPECT_FALSE(has("postgresql"));
  EXPECT_FALSE(has("mysql"));
}

TEST_F(ServerMigrationsTest, one_that_comes_later_begins_with_the_schema_as_it_is) {
  generate();
  schema("      price: {type: int64, optional: true}\n");
  generate({"--add-database=postgresql"});
  EXPECT_TRUE(has("0002_add_price_to_items.up.sql"));
  EXPECT_THAT(folder.read("migrations/postgresql/0001_create_shop.up.sql"),
              HasSubstr("  price      bigint,"));
  EXPECT_FALSE(has("postgresql/0002_add_price_to_items.up.sql"));
  // It stays one of the project's from then on.
  schema("      price: {type: int64, optional: true}\n      note: {type: text, optional: true}\n");
  generate();
  EXPECT_TRUE(has("0003_add_note_to_items.up.sql"));
  EXPECT_THAT(folder.read("migrations/postgresql/0002_add_note_to_items.up.sql"),
              HasSubstr("ADD COLUMN note text COLLATE \"C\""));
  EXPECT_FALSE(has("mysql"));
  EXPECT_EQ(kitgen({"generate", "--check"}).code, 0);
}

TEST_F(ServerMigrationsTest, only_postgresql_builds_indexes_apart) {
  generate({"--add-database=postgresql", "--add-database=mysql"});
  schema("", "    indexes:\n      - {fields: [name]}\n");
  generate();
  const std::string apart = folder.read("migrations/postgresql/0002_index_items.up.sql");
  EXPECT_THAT(apart, HasSubstr("-- kit:no-transaction"));
  EXPECT_THAT(apart, HasSubstr("CREATE INDEX CONCURRENTLY ix_items_name ON items (name);"));
  EXPECT_THAT(folder.read("migrations/postgresql/0002_index_items.down.sql"),
              HasSubstr("DROP INDEX CONCURRENTLY IF EXISTS ix_items_name;"));
  EXPECT_THAT(folder.read("migrations/mysql/0002_index_items.up.sql"),
              HasSubstr("ADD INDEX ix_items_name (name)"));
  EXPECT_THAT(folder.read("migrations/0002_index_items.up.sql"), Not(HasSubstr("CONCURRENTLY")));
}

TEST_F(ServerMigrationsTest, unknown_databases_are_refused) {
  check_usage({"generate", "--add-database=oracle"}, "--add-database takes postgresql or mysql");
}

TEST(ServerMigrations, a_database_takes_its_own) {
  const std::vector<kit::db::MigrationFile> files = {
      {"0001_create.up.sql", "SELECT 1;"},
      {"0002_more.up.sql", "SELECT 2;"},
      {"migrations/postgresql/0001_create.up.sql", "SELECT 3;"}};
  const auto all = kit::db::read_migrations(files);
  ASSERT_TRUE(all.ok()) << all.error().message();
  EXPECT_EQ(kit::db::migrations_for(kit::db::Dialect::sqlite, *all).size(), 2U);
  EXPECT_TRUE(kit::db::migrations_for(kit::db::Dialect::mysql, *all).empty());
  const auto own = kit::db::migrations_for(kit::db::Dialect::postgresql, *all);
  ASSERT_EQ(own.size(), 1U);
  EXPECT_EQ(own.front().up, "SELECT 3;");
}

TEST(ServerMigrations, each_history_is_counted_by_itself) {
  const std::vector<kit::db::MigrationFile> files = {{"0001_create.up.sql", "SELECT 1;"},
                                                     {"mysql/0002_more.up.sql", "SELECT 3;"}};
  const auto all = kit::db::read_migrations(files);
  ASSERT_FALSE(all.ok());
  EXPECT_THAT(all.error().message(), HasSubstr("number 1 is missing"));
}

}  // namespace
}  // namespace kitgen::cli
