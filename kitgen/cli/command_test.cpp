// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kitgen/cli/test_command.hpp"

namespace kitgen::cli {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

TEST_F(CommandTest, help_stands_first_and_wrong_words_get_the_nearest) {
  EXPECT_EQ(kitgen({"help"}).code, 0);
  EXPECT_THAT(kitgen({"--help"}).out, HasSubstr("kitgen new shop"));
  EXPECT_THAT(kitgen({"help", "generate"}).out, HasSubstr("--check"));
  EXPECT_THAT(kitgen({"generate", "--help"}).out, HasSubstr("--check"));
  EXPECT_THAT(kitgen({"version"}).out, HasSubstr("kitgen 0."));
  EXPECT_EQ(kitgen({}).code, 2);
  check_usage({"generat"}, "there is no command 'generat' (did you mean 'generate'?)");
  check_usage({"help", "nwe"}, "there is no command 'nwe' (did you mean 'new'?)");
  check_usage({"generate", "--chekc"}, "there is no option '--chekc' (did you mean '--check'?)");
  check_usage({"generate", "a.yaml", "b.yaml"}, "'b.yaml' is one word too many");
  check_usage({"generate", "--schema"}, "--schema needs a value: --schema api/shop.yaml");
  check_usage({"generate", "--schema="}, "--schema needs a value");
  check_usage({"generate", "--output", "--check"}, "--output needs a value: --output internal");
  check_usage({"generate", "--check=yes"}, "--check takes no value");
  check_usage({"generate", "--output=a", "--output", "b"}, "--output is given twice");
  check_usage({"new", "shop", "--dir"}, "--dir needs a value: --dir /src/shop");
  check_usage({"generate", "a.yaml", "--schema=b.yaml"}, "named twice");
  check_usage({"generate", "--check", "--dry-run"}, "exclude each other");
  check_usage({"migrate"}, "plan, up, down, status, new, renumber, lint");
  check_usage({"migrate", "stats", "--database", "x"}, "did you mean 'status'?");
  check_usage({"migrate", "up"}, "which database?");
  check_usage({"migrate", "up", "--database"}, "--database needs a value: --database shop.db");
  for (const std::string bad : {"0", "abc", "10000", "1.5"}) {
    const std::string wrong =
        "'" + bad + "' is no whole number from 1 to 9999, as in: kitgen migrate ";
    check_usage({"migrate", "down", "--database", "x", "--steps", bad}, wrong + "down 2");
    check_usage({"migrate", "down", bad, "--database", "x"}, wrong + "down 2");
    check_usage({"migrate", "up", "--database", "x", "--to", bad}, wrong + "up --to 2");
  }
  check_usage({"migrate", "down", "2", "--database=x", "--steps=3"}, "given twice: 2 and 3");
  check_usage({"migrate", "status", "2", "--database", "x"}, "'2' is one word too many");
  check_usage({"migrate", "status", "--database", "x", "--to", "1"}, "there is no option '--to'");
  check_usage({"new"}, "needs a name");
}

TEST_F(CommandTest, generates_checks_and_plans) {
  folder.write("api/shop.yaml", schema_text);
  const Outcome plan = kitgen({"generate", "--dry-run"});
  EXPECT_EQ(plan.code, 0);
  EXPECT_THAT(plan.out, HasSubstr("create  internal/biz/item.gen.hpp"));
  EXPECT_FALSE(folder.has("internal"));
  EXPECT_FALSE(folder.has(".kit"));
  check_failure({"generate", "--check"}, "create  migrations/0001_create_shop.up.sql");
  EXPECT_FALSE(folder.has("internal"));

  const Outcome first =
      kitgen({"generate", "--schema=api/shop.yaml", "--output=internal", "--with-gorm", "--all"});
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("shop: 1 entity, "));
  const auto tree = folder.tree();
  EXPECT_TRUE(tree.contains("clients/typescript/shop.gen.ts"));
  EXPECT_TRUE(tree.contains("internal/api/openapi.gen.yaml"));
  EXPECT_EQ(kitgen({"generate", "--check"}).code, 0);
  EXPECT_THAT(kitgen({"generate"}).out, HasSubstr("0 created, 0 rewritten, 0 removed"));
  EXPECT_EQ(folder.tree(), tree);
}

TEST_F(CommandTest, the_same_schema_gives_the_same_bytes_from_anywhere) {
  folder.write("one/api/shop.yaml", schema_text);
  folder.write("two/api/shop.yaml", schema_text);
  EXPECT_EQ(kitgen({"generate", "one/api/shop.yaml"}).code, 0);
  directory = "two";
  EXPECT_EQ(kitgen({"generate"}).code, 0);
  directory = "";
  for (const auto& [path, text] : folder.tree()) {
    if (path.starts_with("one/")) {
      EXPECT_EQ(folder.read("two/" + path.substr(4)), text) << path;
    }
  }
  EXPECT_EQ(folder.read("one/.kit/manifest.json"), folder.read("two/.kit/manifest.json"));
  EXPECT_EQ(kitgen({"generate", "--project", "two", "--check"}).code, 0);
}

TEST_F(CommandTest, a_bad_schema_writes_nothing) {
  folder.write("api/shop.yaml",
               "kit: 1\nservice: shop\nentities:\n  Item:\n    fields:\n"
               "      name: {type: strng}\n      size: {type: intt32}\n");
  const Outcome outcome = kitgen({"generate"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("api/shop.yaml:6:"));
  EXPECT_THAT(outcome.err, HasSubstr("api/shop.yaml:7:"));
  EXPECT_EQ(folder.tree().size(), 1U);
  EXPECT_FALSE(folder.has(".kit"));
}

TEST_F(CommandTest, an_edited_generated_file_stops_everything) {
  folder.write("api/shop.yaml", schema_text);
  ASSERT_EQ(kitgen({"generate"}).code, 0);
  folder.write("internal/biz/item.gen.hpp", folder.read("internal/biz/item.gen.hpp") + "// mine\n");
  std::filesystem::remove(folder.path("internal/biz/item.gen.cpp"));
  const auto before = folder.tree();
  const Outcome outcome = kitgen({"generate"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("internal/biz/item.gen.hpp: edited by hand"));
  EXPECT_THAT(outcome.err, HasSubstr("+// mine\n"));
  EXPECT_THAT(outcome.err, HasSubstr("Nothing was written"));
  EXPECT_EQ(folder.tree(), before);
  EXPECT_EQ(kitgen({"generate", "--discard-edits"}).code, 0);
  EXPECT_THAT(folder.read("internal/biz/item.gen.hpp"), Not(HasSubstr("// mine")));
}

TEST_F(CommandTest, a_changed_schema_is_a_new_migration) {
  folder.write("api/shop.yaml", schema_text);
  ASSERT_EQ(kitgen({"generate"}).code, 0);
  const std::string first = folder.read("migrations/0001_create_shop.up.sql");
  const std::string changed = std::string(schema_text) + "      size: {type: int32, backfill: 3}\n";
  folder.write("api/shop.yaml", changed);
  const auto before = folder.tree();
  check_failure({"generate", "--check"}, "create  migrations/0002_add_size_to_items.up.sql");
  const Outcome shown = kitgen({"generate", "--dry-run"});
  EXPECT_EQ(shown.code, 0);
  EXPECT_THAT(shown.out, HasSubstr("CREATE TABLE kit_new_items"));
  EXPECT_EQ(folder.tree(), before);
  ASSERT_EQ(kitgen({"generate"}).code, 0);
  EXPECT_EQ(folder.read("migrations/0001_create_shop.up.sql"), first);
  EXPECT_THAT(folder.read("migrations/0002_add_size_to_items.up.sql"), HasSubstr("items: size is"));
  EXPECT_EQ(kitgen({"generate", "--check"}).code, 0);
  EXPECT_EQ(kitgen({"migrate", "up", "--database=x.db"}).code, 0);
  // A migration by hand takes a number; the next one of kitgen the one behind it.
  folder.write("migrations/0003_mine.up.sql", "CREATE TABLE mine (x INTEGER);\n");
  folder.write("migrations/0003_mine.down.sql", "DROP TABLE mine;\n");
  folder.write("api/shop.yaml", changed + "      note: {type: string, optional: true}\n");
  ASSERT_EQ(kitgen({"generate", "--name", "say_more"}).code, 0);
  EXPECT_TRUE(folder.has("migrations/0004_say_more.up.sql"));
  EXPECT_EQ(kitgen({"migrate", "up", "--database=x.db"}).code, 0);
  EXPECT_EQ(kitgen({"migrate", "down", "4", "--database=x.db"}).code, 0);
  EXPECT_EQ(kitgen({"generate", "--recreate-migrations"}).code, 0);
  EXPECT_THAT(folder.read("migrations/0001_create_shop.up.sql"), HasSubstr("note"));
  EXPECT_FALSE(folder.has("migrations/0002_add_size_to_items.up.sql"));
  EXPECT_FALSE(folder.has("migrations/0004_say_more.up.sql"));
}

TEST_F(CommandTest, what_a_change_loses_or_leaves_open_is_refused) {
  folder.write("api/shop.yaml", std::string(schema_text) + "      size: {type: int32}\n");
  ASSERT_EQ(kitgen({"generate"}).code, 0);
  const auto before = folder.tree();
  folder.write("api/shop.yaml", schema_text);
  const std::string changed = folder.read("api/shop.yaml");
  check_failure({"generate"}, "items.size is dropped with what it holds");
  check_failure({"generate"}, "--allow-destructive");
  check_failure({"generate", "--check"}, "items.size is dropped");
  folder.write("api/shop.yaml", std::string(schema_text) + "      width: {type: int32}\n");
  check_failure({"generate"}, "api/shop.yaml:7:7: error: was items.size renamed to width");
  check_failure({"generate"}, "renamed_from: size");
  check_usage({"generate", "--rename", "items.size"}, "--rename takes both names");
  check_usage({"generate", "--name", "Say More"}, "--name takes lower-case words");
  check_usage({"generate", "--drop"}, "--drop needs a value");
  EXPECT_EQ(folder.tree().size(), before.size());
  EXPECT_EQ(kitgen({"generate", "--rename", "items.size=width"}).code, 0);
  EXPECT_THAT(folder.read("migrations/0002_rename_width_in_items.up.sql"),
              HasSubstr("ALTER TABLE items RENAME COLUMN size TO width;"));
}

TEST_F(CommandTest, a_project_from_before_snapshots_is_adopted_when_nothing_changed) {
  folder.write("api/shop.yaml", schema_text);
  ASSERT_EQ(kitgen({"generate"}).code, 0);
  const std::string snapshot = folder.read(".kit/schema.json");
  std::filesystem::remove(folder.path(".kit/schema.json"));
  check_failure({"generate", "--check"}, "create  .kit/schema.json");
  // Its migration may have been edited since.
  folder.write("migrations/0001_create_shop.up.sql",
               folder.read("migrations/0001_create_shop.up.sql") + "CREATE TABLE mine (x);\n");
  ASSERT_EQ(kitgen({"generate"}).code, 0);
  EXPECT_EQ(folder.read(".kit/schema.json"), snapshot);
  std::filesystem::remove(folder.path(".kit/schema.json"));
  folder.write("api/shop.yaml", std::string(schema_text) + "      size: {type: int32}\n");
  const auto before = folder.tree();
  for (const char* part : {"There is no .kit/schema.json", "run kitgen generate, which",
                           "kitgen generate --recreate-migrations", "(shop.db, with shop.db-wal"}) {
    check_failure({"generate"}, part);
  }
  EXPECT_EQ(folder.tree(), before);
}

TEST_F(CommandTest, two_migrations_of_one_number_stop_it_and_say_what_to_do) {
  folder.write("api/shop.yaml", schema_text);
  ASSERT_EQ(kitgen({"generate"}).code, 0);
  folder.write("migrations/0001_theirs.up.sql", "SELECT 1;\n");
  const auto before = folder.tree();
  check_failure({"generate"}, "two of one number, 0001_create_shop.up.sql and 0001_theirs.up.sql");
  check_failure({"generate"}, "kitgen migrate renumber 0001_theirs");
  EXPECT_EQ(folder.tree(), before);
  ASSERT_EQ(kitgen({"migrate", "renumber", "0001_theirs"}).code, 0);
  EXPECT_EQ(kitgen({"generate"}).code, 0);
}

TEST_F(CommandTest, a_snapshot_that_fits_nothing_is_refused) {
  folder.write("api/shop.yaml", schema_text);
  ASSERT_EQ(kitgen({"generate"}).code, 0);
  const std::string snapshot = folder.read(".kit/schema.json");
  folder.write(".kit/schema.json", "<<<<<<< ours\n" + snapshot);
  check_failure({"generate"}, ".kit/schema.json: it holds marks of a merge");
  const std::size_t at = snapshot.find("\"migration\": 1");
  folder.write(".kit/schema.json", std::string(snapshot).replace(at, 14, "\"migration\": 7"));
  check_failure({"generate"}, "is that of migration 7, but migrations/ ends with number 1");
}

TEST_F(CommandTest, status_shows_what_was_edited) {
  folder.write("api/shop.yaml", schema_text);
  ASSERT_EQ(kitgen({"generate"}).code, 0);
  ASSERT_EQ(kitgen({"migrate", "up", "--database=x.db"}).code, 0);
  folder.write("api/shop.yaml", std::string(schema_text) + "      size: {type: int32}\n");
  ASSERT_EQ(kitgen({"generate", "--recreate-migrations"}).code, 0);
  folder.write("migrations/0002_more.up.sql", "CREATE TABLE more (id INTEGER);\n");
  const Outcome status = kitgen({"migrate", "status", "--database=x.db"});
  EXPECT_EQ(status.code, 1);
  EXPECT_THAT(status.out, MatchesRegex("  0001 create_shop  applied .*, edited since\n"
                                       "  0002 more  waits\n"));
  EXPECT_THAT(status.err, HasSubstr("0001_create_shop.up.sql was changed after it was applied"));
  EXPECT_THAT(status.err, HasSubstr("can be removed instead"));
  check_failure({"migrate", "up", "--database=x.db"}, "was changed after it was applied");
  // A database that is ahead of the folder is shown too.
  folder.write("api/shop.yaml", schema_text);
  ASSERT_EQ(kitgen({"generate", "--recreate-migrations"}).code, 0);
  ASSERT_EQ(kitgen({"migrate", "up", "--database=x.db"}).code, 0);
  std::filesystem::remove(folder.path("migrations/0002_more.up.sql"));
  const Outcome ahead = kitgen({"migrate", "status", "--database=x.db"});
  EXPECT_EQ(ahead.code, 1);
  EXPECT_THAT(ahead.out, HasSubstr("  0002 more  applied "));
  EXPECT_THAT(ahead.err, HasSubstr("2_more, which this program does not know"));
}

TEST_F(CommandTest, output_stays_inside_the_project) {
  const TestFolder outside;
  folder.write("project/api/shop.yaml", schema_text);
  folder.write("other/x", "");
  directory = "project";
  std::filesystem::create_directory_symlink(outside.path(), folder.path("project/link"));
  std::filesystem::create_directory_symlink("config", folder.path("project/inner"));
  for (const std::string output :
       {"../other", "..", "/", "/tmp", "link", "link/below", "internal/../../other", "."}) {
    check_failure({"generate", "--output", output}, "--output " + output);
  }
  for (const std::string output : {"migrations", "api", ".kit", ".git/hooks", "config/x"}) {
    check_failure({"generate", "--output=" + output}, "is not a folder for generated code");
  }
  EXPECT_FALSE(folder.has("project/internal"));
  EXPECT_FALSE(folder.has("project/.kit"));
  EXPECT_TRUE(std::filesystem::is_empty(outside.path()));
  // A link inside that the layers would be written through.
  std::filesystem::create_directory_symlink(folder.path("other"), folder.path("project/internal"));
  check_failure({"generate"}, "is a symbolic link");
  std::filesystem::remove(folder.path("project/internal"));
  EXPECT_EQ(kitgen({"generate", "--output", "src/gen"}).code, 0);
  EXPECT_TRUE(folder.has("project/src/gen/biz/item.gen.hpp"));
}

TEST_F(CommandTest, finds_the_only_schema) {
  check_failure({"generate"}, "there is no api/*.yaml here");
  folder.write("api/a.yaml", schema_text);
  folder.write("api/b.yaml", schema_text);
  check_failure({"generate"}, "more than one schema here (api/a.yaml, api/b.yaml)");
  check_failure({"generate", "api/c.yaml"}, "api/c.yaml");
}

TEST_F(CommandTest, starts_a_project) {
  const Outcome outcome = kitgen({"new", "music_store"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("cd music_store"));
  EXPECT_THAT(outcome.out, HasSubstr("edit api/music_store.yaml, then make run again"));
  for (const char* file :
       {"main.cpp", "CMakeLists.txt", "Makefile", "layers.txt", ".gitignore",
        "api/music_store.yaml", "config/base.yaml", "config/prod.yaml", "internal/biz/item.gen.hpp",
        "migrations/0001_create_music_store.up.sql", ".kit/manifest.json"}) {
    EXPECT_TRUE(folder.has(std::string("music_store/") + file)) << file;
  }
  EXPECT_EQ(kitgen({"generate", "--project", "music_store", "--check"}).code, 0);
  check_failure({"new", "music_store"}, "is not empty");
  std::filesystem::create_directory(folder.path("empty"));
  EXPECT_EQ(kitgen({"new", "shop", "--dir", "empty"}).code, 0);
  check_failure({"new", "Music"}, "how about music?");
  check_failure({"new", "music-store"}, "how about music_store?");
  check_failure({"new", "class"}, "reserved word");
  check_failure({"new", "std"}, "cannot be a project's name");
  for (const char* target : {"help", "install", "clean", "test", "package_source", "edit_cache",
                             "rebuild_cache", "list_install_components"})
    check_failure({"new", target}, "it is a target that every CMake build has");
  for (const char* own : {"kitgen", "kit_rest", "kit_"})
    check_failure({"new", own}, "'" + std::string(own) + "' cannot be a project's name");
  check_failure({"new", "api"}, "it is a name the generated C++ needs");
  EXPECT_FALSE(folder.has("test"));
  check_failure({"new", "../x"}, "cannot be a project's name");
}

TEST_F(CommandTest, migrates_up_and_down) {
  folder.write("api/shop.yaml", schema_text);
  ASSERT_EQ(kitgen({"generate"}).code, 0);
  check_failure({"migrate", "status", "--database", "x.db"}, "there is no database x.db");
  EXPECT_THAT(kitgen({"migrate", "plan", "--database", "x.db"}).out,
              HasSubstr("CREATE TABLE items"));
  EXPECT_FALSE(folder.has("x.db"));
  EXPECT_THAT(kitgen({"migrate", "up", "--database", "x.db"}).out, HasSubstr("0001 create_shop"));
  EXPECT_THAT(kitgen({"migrate", "up", "--database", "x.db"}).out, HasSubstr("Nothing to do"));
  EXPECT_THAT(kitgen({"migrate", "status", "--database=x.db"}).out, HasSubstr("up to date"));
  EXPECT_THAT(kitgen({"migrate", "plan", "--database=x.db"}).out, HasSubstr("Nothing to do"));
  EXPECT_THAT(kitgen({"migrate", "down", "--database=x.db"}).out, HasSubstr("undone: create_shop"));
  EXPECT_THAT(kitgen({"migrate", "down", "--database=x.db"}).out, HasSubstr("Nothing to undo"));
  EXPECT_THAT(kitgen({"migrate", "status", "--database=x.db"}).out, HasSubstr("1 to apply"));
  check_failure({"migrate", "up", "--database=x.db", "--migrations=none"}, "none");
}

TEST_F(CommandTest, migrates_by_numbers) {
  folder.write("api/shop.yaml", schema_text);
  ASSERT_EQ(kitgen({"generate"}).code, 0);
  check_failure({"migrate", "up", "--database=x.db", "--to", "5"},
                "there is no migration 5; the last one is number 1");
  EXPECT_FALSE(folder.has("x.db"));
  for (const std::string number : {"2", "3"}) {
    folder.write("migrations/000" + number + "_more.up.sql", "CREATE TABLE t" + number + " (x);\n");
    folder.write("migrations/000" + number + "_more.down.sql", "DROP TABLE t" + number + ";\n");
  }
  EXPECT_EQ(kitgen({"migrate", "up", "--database=x.db", "--to", "3"}).code, 0);
  const Outcome down = kitgen({"migrate", "down", "2", "--database=x.db"});
  EXPECT_EQ(down.code, 0) << down.err;
  EXPECT_EQ(down.out, "  undone: more\n  undone: more\n");
  EXPECT_EQ(kitgen({"migrate", "up", "--database=x.db"}).code, 0);
  EXPECT_EQ(kitgen({"migrate", "down", "--database=x.db", "--steps", "3"}).out,
            "  undone: more\n  undone: more\n  undone: create_shop\n");
}

TEST_F(CommandTest, import_runs_the_projects_own_program) {
  check_failure({"import"}, "this is no project");
  folder.write("api/shop.yaml", schema_text);
  check_failure({"import"}, "is not built yet (looked for build/*/shop)");
  check_failure({"export", "--binary=/nonexistent"}, "cannot run /nonexistent");
  check_usage({"import", "--binary"}, "needs the path");
  EXPECT_THAT(kitgen({"import", "--help"}).out, HasSubstr("kitgen import --dir data"));
  folder.write("build/release/shop", "#!/bin/sh\necho \"$@\" > called\n");
  std::filesystem::permissions(folder.path("build/release/shop"),
                               std::filesystem::perms::owner_all);
  const pid_t child = ::fork();
  if (child == 0) {
    std::filesystem::current_path(folder.path());
    ::_exit(run_project({"import", "", {"--dry-run"}}));
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(folder.read("called"), "import --dry-run\n");
}

}  // namespace
}  // namespace kitgen::cli
