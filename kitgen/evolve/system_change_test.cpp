// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "kitgen/evolve/difference.hpp"
#include "kitgen/evolve/mysql.hpp"
#include "kitgen/evolve/plan.hpp"
#include "kitgen/evolve/postgres.hpp"
#include "kitgen/evolve/sqlite.hpp"

namespace kitgen::evolve {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A database that SQL runs on.
class Database {
 public:
  Database() { sqlite3_open(":memory:", &handle_); }
  ~Database() { sqlite3_close(handle_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void run(const std::string& sql) {
    char* message = nullptr;
    sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, &message);
    EXPECT_EQ(message, nullptr) << message << "\n" << sql;
    sqlite3_free(message);
  }
  /// All rows, a line each.
  std::string rows(const std::string& sql) {
    std::string text;
    sqlite3_exec(
        handle_, sql.c_str(),
        [](void* out, int columns, char** values, char**) {
          auto& line = *static_cast<std::string*>(out);
          for (int i = 0; i < columns; ++i) {
            line += (i == 0 ? "" : " ") + std::string(values[i] == nullptr ? "-" : values[i]);
          }
          line += '\n';
          return 0;
        },
        &text, nullptr);
    return text;
  }
  std::string schema() {
    return rows(
               "SELECT name, cid, type, \"notnull\", dflt_value, pk FROM "
               "pragma_table_info('kit_outbox')") +
           rows(
               "SELECT name, replace(sql, '\"', '') FROM sqlite_schema WHERE type = 'index' ORDER "
               "BY name");
  }

 private:
  sqlite3* handle_ = nullptr;
};

Catalogue with(std::vector<std::string> forms) {
  Catalogue catalogue;
  catalogue.system = std::move(forms);
  return catalogue;
}

Plan change_of_outbox() {
  const Catalogue before = with({"kit_outbox"});
  const Catalogue after = with({"kit_outbox_v2"});
  return plan(before, after, difference(before, after));
}

TEST(SystemChange, LosesNoEventAndGivesEachItsOwnId) {
  Database database, fresh;
  database.run(std::string(find_system_table("kit_outbox")->sqlite));
  database.run(
      "INSERT INTO kit_outbox (type, payload, created_at, published_at) VALUES ('a', '{}', 1, "
      "NULL),"
      " ('b', '[1]', 2, 5), ('c', '{}', 3, NULL); DELETE FROM kit_outbox WHERE type = 'a'");
  const Plan change = change_of_outbox();
  EXPECT_EQ(change.name, "change_kit_outbox");
  EXPECT_TRUE(change.destructive.empty());
  database.run(sqlite_up(change, "api/shop.yaml"));
  fresh.run(std::string(find_system_table("kit_outbox_v2")->sqlite));
  EXPECT_EQ(database.schema(), fresh.schema());
  EXPECT_EQ(
      database.rows("SELECT id, type, payload, created_at, state, published_at FROM kit_outbox"),
      "2 b [1] 2 1 5\n3 c {} 3 0 -\n");
  EXPECT_EQ(database.rows("SELECT count(DISTINCT event_id), min(length(event_id)) FROM kit_outbox"),
            "2 32\n");
  // A program of before goes on meanwhile, behind what was there.
  database.run("INSERT INTO kit_outbox (type, payload, created_at) VALUES ('d', '{}', 4)");
  EXPECT_EQ(database.rows("SELECT id, state, attempts FROM kit_outbox WHERE type = 'd'"),
            "4 0 0\n");
}

TEST(SystemChange, GoesBackWithWhatGoesOutside) {
  Database database, old;
  database.run(std::string(find_system_table("kit_outbox_v2")->sqlite));
  database.run(
      "INSERT INTO kit_outbox (type, payload, created_at, destination) VALUES ('a', '{}', 1, ''),"
      " ('a', '{}', 1, 'welcome')");
  const Plan change = change_of_outbox();
  EXPECT_THAT(change.irreversible, ElementsAre(HasSubstr("is forgotten")));
  database.run(sqlite_down(change, "api/shop.yaml"));
  old.run(std::string(find_system_table("kit_outbox")->sqlite));
  EXPECT_EQ(database.schema(), old.schema());
  EXPECT_EQ(database.rows("SELECT id, type FROM kit_outbox"), "1 a\n");
}

TEST(SystemChange, IsNoDropAndNoCreation) {
  for (const std::string& script : {postgres_up(change_of_outbox(), "api/shop.yaml"),
                                    mysql_up(change_of_outbox(), "api/shop.yaml")}) {
    EXPECT_THAT(script, HasSubstr("ALTER TABLE kit_outbox\n  ADD COLUMN event_id"));
    EXPECT_THAT(script, testing::Not(HasSubstr("TABLE kit_outbox (")));
    EXPECT_THAT(script, testing::Not(HasSubstr("DROP TABLE")));
  }
}

TEST(SystemChange, EventsThatWereSwitchedOffBeforeItAreDroppedAsTheyWere) {
  const Catalogue before = with({"kit_outbox"});
  const Plan dropped = plan(before, {}, difference(before, {}));
  EXPECT_THAT(sqlite_up(dropped, "a"), HasSubstr("DROP TABLE kit_outbox;"));
  EXPECT_THAT(sqlite_down(dropped, "a"), testing::Not(HasSubstr("lease")));
  const Catalogue now = with({"kit_inbox", "kit_outbox_v2"});
  const Plan later = plan(now, {}, difference(now, {}));
  EXPECT_THAT(sqlite_up(later, "a"), HasSubstr("DROP TABLE kit_outbox;\nDROP TABLE kit_inbox;"));
}

}  // namespace
}  // namespace kitgen::evolve
