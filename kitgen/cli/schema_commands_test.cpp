// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "kitgen/cli/command.hpp"
#include "kitgen/cli/test_folder.hpp"

namespace kitgen::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

struct SchemaCommandsTest : testing::Test {
  struct Outcome {
    int code = -1;
    std::string out;
    std::string err;
  };
  Outcome kitgen(std::vector<std::string> words) {
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(folder.path());
    words.insert(words.begin(), "kitgen");
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Outcome outcome;
    outcome.code = run(static_cast<int>(words.size()), pointers.data());
    outcome.out = testing::internal::GetCapturedStdout();
    outcome.err = testing::internal::GetCapturedStderr();
    std::filesystem::current_path(before);
    return outcome;
  }
  void check_usage(std::vector<std::string> words, const std::string& message) {
    const Outcome outcome = kitgen(std::move(words));
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, HasSubstr(message));
    EXPECT_EQ(outcome.out, "");
  }
  void check_failure(std::vector<std::string> words, const std::string& message) {
    const Outcome outcome = kitgen(std::move(words));
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr(message));
  }
  void make_database(const char* sql) const {
    sqlite3* opened = nullptr;
    ASSERT_EQ(sqlite3_open(folder.path("old.db").c_str(), &opened), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(opened, sql, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(opened);
  }

  TestFolder folder;
};

TEST_F(SchemaCommandsTest, Usage) {
  check_usage({"schema"}, "schema needs one of: from-db, fmt, json-schema");
  check_usage({"schema", "fromdb"}, "there is no 'schema fromdb' (did you mean 'from-db'?)");
  check_usage({"schema", "from-db"}, "which database? --database shop.db");
  check_usage({"schema", "from-db", "--database", "a.db", "--service", "My Shop"},
              "--service must be");
  check_usage({"schema", "fmt", "--chek"}, "there is no option '--chek' (did you mean '--check'?)");
  for (const char* verb : {"from-db", "fmt", "json-schema"}) {
    const Outcome help = kitgen({"help", "schema", verb});
    EXPECT_EQ(help.code, 0);
    EXPECT_THAT(help.out, HasSubstr(std::string("kitgen schema ") + verb));
    EXPECT_EQ(kitgen({"schema", verb, "--help"}).out, help.out);
  }
  EXPECT_THAT(kitgen({"help", "schema"}).out, HasSubstr("json-schema"));
}

TEST_F(SchemaCommandsTest, AnOldDatabaseBecomesAProject) {
  make_database("CREATE TABLE artists (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL UNIQUE);");
  EXPECT_EQ(kitgen({"new", "shop", "--dir", "shop"}).code, 0);
  check_failure({"schema", "from-db", "--database", "old.db", "--output", "shop/api/shop.yaml"},
                "shop/api/shop.yaml is there already");
  std::filesystem::remove(folder.path("shop/api/shop.yaml"));
  const Outcome made = kitgen(
      {"schema", "from-db", "--database=old.db", "--output=shop/api/shop.yaml", "--service=shop"});
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_THAT(made.err,
              HasSubstr("Wrote shop/api/shop.yaml: 1 entity, 1 field, 0 relations; 0 notes."));
  EXPECT_THAT(made.err, HasSubstr("Next: kitgen generate --project /"));
  const Outcome plain = kitgen({"schema", "from-db", "--database=old.db", "--output=plain.yaml"});
  EXPECT_EQ(plain.code, 0) << plain.err;
  EXPECT_THAT(plain.err, HasSubstr("Next: kitgen new shop, put this file into the place of"));
  EXPECT_EQ(kitgen({"schema", "fmt", "--check", "shop/api/shop.yaml"}).code, 0);
  EXPECT_EQ(kitgen({"generate", "--project", "shop", "--recreate-migrations"}).code, 0);
  EXPECT_TRUE(folder.has("shop/internal/biz/artist.gen.hpp"));
  EXPECT_TRUE(folder.has("shop/.kit/schema.json"));
  const Outcome printed = kitgen({"schema", "from-db", "--database", "old.db"});
  EXPECT_THAT(printed.out, HasSubstr("service: old\n"));
  check_failure({"schema", "from-db", "--database", "none.db"}, "there is no database none.db");
  check_failure({"schema", "from-db", "--database", "old.db", "--output", "no/such/x.yaml"},
                "there is no folder");
  check_failure({"schema", "from-db", "--database", "old.db", "--tables", "artists,genres"},
                "the database has no table 'genres'");
}

TEST_F(SchemaCommandsTest, Formats) {
  check_failure({"schema", "fmt"}, "there is no api/*.yaml here");
  folder.write("api/shop.yaml", "kit:   1   # one\nservice: shop\n");
  check_failure({"schema", "fmt", "--check"}, "is not in the usual layout: kitgen schema fmt");
  EXPECT_EQ(folder.read("api/shop.yaml"), "kit:   1   # one\nservice: shop\n");
  EXPECT_EQ(kitgen({"schema", "fmt"}).out, "  laid out api/shop.yaml\n");
  EXPECT_EQ(folder.read("api/shop.yaml"), "kit: 1  # one\nservice: shop\n");
  EXPECT_EQ(kitgen({"schema", "fmt", "--check"}).code, 0);
  EXPECT_EQ(kitgen({"schema", "fmt"}).out, "");
  folder.write("real.yaml", "kit:   1\n");
  std::filesystem::permissions(folder.path("real.yaml"), std::filesystem::perms::owner_all);
  std::filesystem::create_symlink("real.yaml", folder.path("link.yaml"));
  EXPECT_EQ(kitgen({"schema", "fmt", "link.yaml"}).code, 0);
  EXPECT_TRUE(std::filesystem::is_symlink(folder.path("link.yaml")));
  EXPECT_EQ(folder.read("real.yaml"), "kit: 1\n");
  EXPECT_EQ(std::filesystem::status(folder.path("real.yaml")).permissions(),
            std::filesystem::perms::owner_all);
  folder.write("broken.yaml", "kit: [1\n");
  check_failure({"schema", "fmt", "broken.yaml"}, "broken.yaml:");
  EXPECT_EQ(folder.read("broken.yaml"), "kit: [1\n");
  check_failure({"schema", "fmt", "none.yaml"}, "none.yaml");
}

TEST_F(SchemaCommandsTest, LineEndsAndByteOrderMarkStay) {
  const auto check = [&](const std::string& text, const std::string& wanted) {
    folder.write("x.yaml", text);
    EXPECT_EQ(kitgen({"schema", "fmt", "x.yaml"}).code, 0);
    EXPECT_EQ(folder.read("x.yaml"), wanted);
    EXPECT_EQ(kitgen({"schema", "fmt", "--check", "x.yaml"}).code, 0);
  };
  const std::string bom = "\xEF\xBB\xBF";
  check("kit:   1\r\nservice: shop\r\n", "kit: 1\r\nservice: shop\r\n");
  check(bom + "kit:   1\nservice: shop\n", bom + "kit: 1\nservice: shop\n");
  check(bom + "kit: 1\r\nenums:\r\n   A:   [b]\r\ndoc: |\r\n   x\r\n\r\n   y\r\n",
        bom + "kit: 1\r\n\r\nenums:\r\n  A: [b]\r\n\r\ndoc: |\r\n  x\r\n\r\n  y\r\n");
  // A mixture takes those of most lines.
  check("kit: 1\r\nservice: shop\r\ndoc: x\n", "kit: 1\r\nservice: shop\r\ndoc: x\r\n");
}

TEST_F(SchemaCommandsTest, WhatNewWritesIsLaidOutAsFmtDoes) {
  EXPECT_EQ(kitgen({"new", "shop"}).code, 0);
  EXPECT_EQ(kitgen({"schema", "fmt", "--check", "shop/api/shop.yaml"}).code, 0);
  EXPECT_EQ(folder.read("shop/.kit/language.json"), kitgen({"schema", "json-schema"}).out);
}

}  // namespace
}  // namespace kitgen::cli
