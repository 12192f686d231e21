// SPDX-License-Identifier: Apache-2.0
// Sets of migrations that are behind, or not as they were: SQLite's and the servers' by the same
// rules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "kitgen/cli/test_command.hpp"

namespace kitgen::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

namespace fs = std::filesystem;

constexpr const char* price = "      price: {type: int64, optional: true}\n";
constexpr const char* note = "      note: {type: text, optional: true}\n";

/// A set as the tests name it: the folder below migrations/, "" for SQLite's.
struct LaggingMigrations : CommandTest {
  void schema(const std::string& fields, const std::string& rest = "") {
    folder.write("api/shop.yaml", schema_text + fields + rest);
  }
  void generate(std::vector<std::string> words = {}) {
    words.insert(words.begin(), "generate");
    const Outcome outcome = kitgen(std::move(words));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
  }
  bool has(const std::string& path) const { return fs::exists(folder.path(path)); }
  void remove(const std::string& path) { ASSERT_TRUE(fs::remove(folder.path(path))) << path; }
  /// All three, with three migrations each.
  void start() {
    schema("");
    generate({"--add-database=postgresql", "--add-database=mysql"});
    schema(price);
    generate();
    schema(std::string(price) + note);
    generate();
  }
  /// Neither run does anything, and both say why.
  void check_refused(const std::string& message) {
    const auto before = folder.tree();
    for (const auto& words :
         {std::vector<std::string>{"generate", "--check"}, std::vector<std::string>{"generate"}}) {
      check_failure(words, message);
    }
    EXPECT_EQ(folder.tree(), before);
  }
};

struct EverySet : LaggingMigrations, testing::WithParamInterface<const char*> {
  std::string place() const {
    const std::string dialect = GetParam();
    return "migrations/" + (dialect.empty() ? "" : dialect + "/");
  }
  std::string snapshot() const {
    const std::string dialect = GetParam();
    return ".kit/schema." + (dialect.empty() ? "" : dialect + ".") + "json";
  }
};

TEST_P(EverySet, is_whole_when_nothing_happened) {
  start();
  const Outcome outcome = kitgen({"generate", "--check"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, Not(HasSubstr("migrations")));
}

TEST_P(EverySet, misses_its_last_step) {
  start();
  remove(place() + "0003_add_note_to_items.up.sql");
  remove(place() + "0003_add_note_to_items.down.sql");
  check_refused(snapshot() + " is that of migration 3, but " + place() + " ends with number 2");
}

TEST_P(EverySet, misses_a_step_in_between) {
  start();
  remove(place() + "0002_add_price_to_items.up.sql");
  check_refused(place() + " has no number 2");
  remove(place() + "0002_add_price_to_items.down.sql");
  check_refused(place() + " has no number 2 (a file that ends with .up.sql), but goes on to 3");
}

TEST_P(EverySet, misses_the_last_file_alone) {
  start();
  remove(place() + "0003_add_note_to_items.up.sql");
  check_refused(place() + " has no number 3");
}

TEST_P(EverySet, misses_everything) {
  start();
  for (const char* name :
       {"0001_create_shop", "0002_add_price_to_items", "0003_add_note_to_items"}) {
    remove(place() + name + ".up.sql");
    remove(place() + name + ".down.sql");
  }
  check_refused(snapshot() + " is that of migration 3, but " + place() + " has none");
}

TEST_P(EverySet, has_two_of_one_number) {
  start();
  folder.write(place() + "0003_theirs.up.sql", "SELECT 1;\n");
  check_refused(place() + " has two of one number, 0003_add_note_to_items.up.sql and 0003_theirs");
  const std::string dialect = GetParam();
  const std::string step = (dialect.empty() ? "" : place()) + "0003_theirs";
  check_failure({"generate"}, "kitgen migrate renumber " + step + "\n");
  ASSERT_EQ(kitgen({"migrate", "renumber", step}).code, 0);
  generate();
}

TEST_P(EverySet, was_edited_and_that_is_said) {
  start();
  const std::string path = place() + "0002_add_price_to_items.up.sql";
  const std::string text = folder.read(path);
  folder.write(path, "-- Another comment is no edit.\n\n" + text);
  EXPECT_THAT(kitgen({"generate", "--check"}).out, Not(HasSubstr(path)));
  folder.write(path, text + "DELETE FROM items;\n");
  for (int turn = 0; turn < 2; ++turn) {
    // It may be edited until it ran: no failure, and it stays.
    const Outcome outcome = kitgen({"generate", "--check"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("look    " + path + ": edited since kitgen wrote it."));
    generate();
  }
  EXPECT_EQ(folder.read(path), text + "DELETE FROM items;\n");
}

TEST_P(EverySet, lost_a_way_back_and_that_is_said) {
  start();
  const std::string stem = place() + "0002_add_price_to_items";
  remove(stem + ".down.sql");
  for (int turn = 0; turn < 2; ++turn) {
    EXPECT_THAT(kitgen({"generate", "--check"}).out, HasSubstr(stem + ".down.sql: lost"));
    generate();
  }
  folder.write(stem + ".up.sql", "-- kit:allow no-down\n" + folder.read(stem + ".up.sql"));
  EXPECT_THAT(kitgen({"generate", "--check"}).out, Not(HasSubstr(stem)));
}

TEST_P(EverySet, has_a_snapshot_that_a_merge_left_half_done) {
  start();
  const std::string text = folder.read(snapshot());
  folder.write(snapshot(), "<<<<<<< ours\n" + text);
  check_refused(snapshot() + ": it holds marks of a merge (<<<<<<<)");
  folder.write(snapshot(), text.substr(0, text.size() / 2));
  check_refused(snapshot() + ": ");
}

INSTANTIATE_TEST_SUITE_P(Sets, EverySet, testing::Values("", "postgresql", "mysql"),
                         [](const auto& param) {
                           const std::string name = param.param;
                           return name.empty() ? std::string("sqlite") : name;
                         });

struct ServerSet : EverySet {};

TEST_P(ServerSet, that_is_behind_gets_the_missing_step) {
  // A branch adds the database; another one, which knows SQLite's set alone, adds a field.
  schema("");
  generate({std::string("--add-database=") + GetParam()});
  const auto early = folder.read(snapshot());
  const auto first = folder.read(place() + "0001_create_shop.up.sql");
  schema(price);
  generate();
  // Merged: SQLite's step and snapshot of the one, the server's set of the other.
  remove(place() + "0002_add_price_to_items.up.sql");
  remove(place() + "0002_add_price_to_items.down.sql");
  folder.write(snapshot(), early);
  check_failure({"generate", "--check"}, "create  " + place() + "0002_add_price_to_items.up.sql");
  generate();
  EXPECT_THAT(folder.read(place() + "0002_add_price_to_items.up.sql"), HasSubstr("price"));
  EXPECT_EQ(folder.read(place() + "0001_create_shop.up.sql"), first);
  EXPECT_FALSE(has("migrations/0003_add_price_to_items.up.sql"));
  EXPECT_EQ(folder.read(snapshot()), folder.read(".kit/schema.json"));
  EXPECT_EQ(kitgen({"generate", "--check"}).code, 0);
}

TEST_P(ServerSet, that_is_behind_by_more_gets_all_of_it_with_the_next_change) {
  schema("");
  generate({std::string("--add-database=") + GetParam()});
  const auto early = folder.read(snapshot());
  schema(price);
  generate();
  remove(place() + "0002_add_price_to_items.up.sql");
  remove(place() + "0002_add_price_to_items.down.sql");
  folder.write(snapshot(), early);
  schema(std::string(price) + note);
  generate({"--name=both"});
  EXPECT_THAT(folder.read("migrations/0003_both.up.sql"), Not(HasSubstr("price")));
  const std::string text = folder.read(place() + "0002_both.up.sql");
  EXPECT_THAT(text, HasSubstr("price"));
  EXPECT_THAT(text, HasSubstr("note"));
  EXPECT_EQ(kitgen({"generate", "--check"}).code, 0);
}

TEST_P(ServerSet, that_is_behind_asks_and_refuses_as_any_other) {
  schema("      size: {type: int32}\n");
  generate({std::string("--add-database=") + GetParam()});
  const auto early = folder.read(snapshot());
  schema("      width: {type: int32}\n");
  generate({"--rename=items.size=width"});
  const std::string step = place() + "0002_rename_width_in_items";
  const std::string renamed = folder.read(step + ".up.sql");
  remove(step + ".up.sql");
  remove(step + ".down.sql");
  folder.write(snapshot(), early);
  check_refused("was items.size renamed to width, or is it gone?");
  check_refused(place() + " is behind the schema.");
  // Gone, and another one that all rows need: refused for its loss, then for what rows lack.
  check_failure({"generate", "--drop=items.size"}, "width");
  // SQLite's set has no use for the answer, this one has: no slip.
  generate({"--rename=items.size=width"});
  EXPECT_EQ(folder.read(step + ".up.sql"), renamed);
  check_failure({"generate", "--rename=items.size=width"}, "nothing of these names is gone");
}

TEST_P(ServerSet, that_is_behind_loses_nothing_unasked) {
  schema(price);
  generate({std::string("--add-database=") + GetParam()});
  const auto early = folder.read(snapshot());
  schema("");
  generate({"--allow-destructive"});
  remove(place() + "0002_drop_price_from_items.up.sql");
  remove(place() + "0002_drop_price_from_items.down.sql");
  folder.write(snapshot(), early);
  check_refused("The change of the schema loses data:");
  generate({"--allow-destructive"});
  EXPECT_THAT(folder.read(place() + "0002_drop_price_from_items.up.sql"), HasSubstr("DROP"));
}

TEST_P(ServerSet, from_before_it_had_a_snapshot_gets_one) {
  start();
  const std::string text = folder.read(snapshot());
  remove(snapshot());
  check_failure({"generate", "--check"}, "create  " + snapshot());
  generate();
  EXPECT_EQ(folder.read(snapshot()), text);
  remove(snapshot());
  schema(std::string(price) + note + "      size: {type: int32, optional: true}\n");
  generate();
  EXPECT_THAT(folder.read(place() + "0004_add_size_to_items.up.sql"), Not(HasSubstr("note")));
}

TEST_P(ServerSet, of_which_nobody_knows_what_it_leads_to_is_refused) {
  start();
  fs::remove_all(folder.path(".kit"));
  for (const auto& entry : fs::directory_iterator(folder.path("migrations"))) {
    const std::string name = entry.path().filename();
    if (entry.is_regular_file() || name != GetParam()) fs::remove_all(entry.path());
  }
  check_failure({"generate"}, "There is no " + snapshot() + ", and " + place());
}

TEST_P(ServerSet, that_a_project_is_done_with_goes_with_its_snapshot) {
  start();
  fs::remove_all(folder.path(place()));
  check_refused("Without this kind of database from now on: remove " + snapshot() + " too.");
  remove(snapshot());
  generate();
  EXPECT_FALSE(has(place()));
  EXPECT_EQ(kitgen({"generate", "--check"}).code, 0);
}

TEST_P(ServerSet, begins_anew_with_all_others) {
  start();
  generate({"--recreate-migrations"});
  EXPECT_TRUE(has(place() + "0001_create_shop.up.sql"));
  EXPECT_FALSE(has(place() + "0002_add_price_to_items.up.sql"));
  EXPECT_EQ(folder.read(snapshot()), folder.read(".kit/schema.json"));
  EXPECT_EQ(kitgen({"generate", "--check"}).code, 0);
  schema(price);
  generate({"--allow-destructive"});
  EXPECT_TRUE(has(place() + "0002_drop_note_from_items.up.sql"));
}

TEST_P(ServerSet, goes_on_behind_a_step_of_a_person) {
  start();
  folder.write(place() + "0004_mine.up.sql", "SELECT 1;\n");
  generate();
  EXPECT_EQ(kitgen({"generate", "--check"}).code, 0);
  schema(price);
  generate({"--allow-destructive"});
  EXPECT_TRUE(has(place() + "0005_drop_note_from_items.up.sql"));
  EXPECT_TRUE(has("migrations/0004_drop_note_from_items.up.sql"));
  EXPECT_THAT(folder.read(snapshot()), HasSubstr("\"migration\": 5"));
}

INSTANTIATE_TEST_SUITE_P(Sets, ServerSet, testing::Values("postgresql", "mysql"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace kitgen::cli
