// SPDX-License-Identifier: Apache-2.0
// How a program's own start treats migrations: as `migrate up` does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "kit/adapters/sqlite/test_database.hpp"
#include "kit/app/application.hpp"
#include "kit/app/serve.hpp"

namespace kit::app {
namespace {

using testing::HasSubstr;

struct MigrateOnStart : testing::Test {
  MigrateOnStart() {
    settings.database.sqlite.path = database.path();
    application.name = "shop";
    set(1);
  }
  /// The program knows so many of the steps.
  void set(std::size_t count) { application.migrations = std::span(steps).first(count); }
  /// "" or why the program does not start.
  std::string start() {
    auto task = open_database(application, settings);
    auto opened = database.run(std::move(task));
    return opened.ok() ? "" : opened.error().message();
  }

  sqlite::TestDatabase database;
  std::array<db::Migration, 2> steps = {
      db::Migration{1, "start", "CREATE TABLE customer(id INTEGER PRIMARY KEY, phone TEXT);",
                    "DROP TABLE customer;", "0001_start.up.sql", "0001_start.down.sql"},
      db::Migration{2, "less", "ALTER TABLE customer DROP COLUMN phone;",
                    "ALTER TABLE customer ADD COLUMN phone TEXT;", "0002_less.up.sql",
                    "0002_less.down.sql"}};
  Application application;
  Settings settings;
};

TEST_F(MigrateOnStart, a_step_that_loses_data_ends_the_start) {
  EXPECT_EQ(start(), "");
  ASSERT_TRUE(database.execute("INSERT INTO customer VALUES (1, '030')").ok());
  set(2);
  const std::string refusal = start();
  EXPECT_THAT(refusal, HasSubstr("0002_less.up.sql would lose data: the column phone of customer"));
  EXPECT_THAT(refusal, HasSubstr("--allow-destructive"));
  EXPECT_EQ(database.text("SELECT phone FROM customer"), "030");
  EXPECT_EQ(database.text("SELECT max(number) FROM kit_migrations"), "1");
}

TEST_F(MigrateOnStart, goes_through_when_the_setting_allows_it) {
  EXPECT_EQ(start(), "");
  set(2);
  settings.allow_destructive = true;
  EXPECT_EQ(start(), "");
  EXPECT_EQ(database.text("SELECT max(number) FROM kit_migrations"), "2");
}

TEST_F(MigrateOnStart, a_new_database_has_nothing_to_lose) {
  set(2);
  EXPECT_EQ(start(), "");
  EXPECT_EQ(database.text("SELECT max(number) FROM kit_migrations"), "2");
}

TEST_F(MigrateOnStart, without_the_setting_pending_steps_end_the_start) {
  settings.migrate_on_start = false;
  EXPECT_THAT(start(), HasSubstr("1 migrations of"));
}

}  // namespace
}  // namespace kit::app
