// SPDX-License-Identifier: Apache-2.0
#include "kit/app/detail/database_settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "kit/app/database.hpp"

namespace kit::app {
namespace {

using testing::HasSubstr;
using testing::Not;

using Given = std::vector<std::pair<std::string, std::string>>;

Result<LoadedSettings> load(Given given, std::vector<std::string> variables = {}) {
  CommandLine line;
  line.config_folder = "/nowhere/at/all";
  line.settings = std::move(given);
  return load_settings(line, "store", std::move(variables));
}

std::string problem_of(Given given) {
  const auto loaded = load(std::move(given));
  return loaded ? std::string() : loaded.error().message();
}

TEST(DatabaseSettings, AUrlSaysWhichDatabaseItIs) {
  EXPECT_FALSE(load({})->settings.database.is_server());
  const auto file = load({{"database.url", "sqlite:/tmp/a.db"}, {"database.path", "b.db"}});
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_EQ(file->settings.database.sqlite.path, "/tmp/a.db");
  EXPECT_EQ(file->settings.database.shown(), "/tmp/a.db");
  EXPECT_FALSE(file->settings.database.is_server());
  for (const std::string scheme : {"postgresql", "postgres", "mysql", "mariadb"}) {
    const auto server = load({}, {"KIT_DATABASE_URL=" + scheme + "://host/name"});
    ASSERT_TRUE(server) << server.error().message();
    EXPECT_TRUE(server->settings.database.is_server());
  }
}

TEST(DatabaseSettings, RefusesWhatIsNoUrlOfADatabase) {
  for (const std::string url : {"oracle://u:hush@host/x", "store.db", "postgresql:/hush", "://"}) {
    EXPECT_THAT(problem_of({{"database.url", url}}),
                testing::AllOf(HasSubstr("database.url"), HasSubstr("sqlite:PATH"),
                               Not(HasSubstr("hush"))));
  }
  EXPECT_THAT(problem_of({{"database.url", "sqlite:"}}), HasSubstr("needs the path of a file"));
  EXPECT_THAT(problem_of({{"database.replica_url", "mysql://a/b"}}),
              HasSubstr("database.replica_url"));
  EXPECT_THAT(
      problem_of({{"database.url", "mysql://a/b"}, {"database.replica_url", "postgresql://a/b"}}),
      HasSubstr("database.replica_url"));
  EXPECT_EQ(problem_of({{"database.url", "mysql://a/b"}, {"database.replica_url", "mysql://c/b"}}),
            "");
}

TEST(DatabaseSettings, PasswordsAreNeverShown) {
  const auto shown = [](const std::string& url) {
    const auto loaded = load({{"database.url", url}});
    EXPECT_TRUE(loaded) << url;
    EXPECT_THAT(loaded->dump, testing::AllOf(HasSubstr("***"), Not(HasSubstr("hush"))));
    std::ostringstream shown;
    for (const auto& [key, value] : loaded->values) shown << key << value;
    EXPECT_THAT(shown.str(), Not(HasSubstr("hush")));
    return loaded->settings.database.shown();
  };
  EXPECT_EQ(shown("postgresql://kit:hush@db1:5432,db2/shop?sslmode=require"),
            "postgresql://db1:5432,db2/shop");
  EXPECT_EQ(shown("mysql://kit:hu@sh/hush@db/shop"), "mysql://db/shop");
  EXPECT_EQ(shown("postgresql://kit:a?hush@db/shop"), "postgresql://...");
  EXPECT_EQ(shown("postgresql://db/shop?password=a@hush"), "postgresql://...");
  EXPECT_EQ(shown("postgresql:///shop?password=hush"), "postgresql:///shop");
}

struct UrlFile : testing::Test {
  UrlFile() : path(testing::TempDir() + "kit-database-url") {}
  ~UrlFile() override { std::filesystem::remove(path); }
  void write(const std::string& text) { std::ofstream(path) << text; }
  std::string path;
};

TEST_F(UrlFile, HoldsTheUrl) {
  write("postgresql://kit:hush@db/shop\n");
  const auto loaded = load({{"database.url_file", path}});
  ASSERT_TRUE(loaded) << loaded.error().message();
  EXPECT_EQ(loaded->settings.database.url.reveal(), "postgresql://kit:hush@db/shop");
  EXPECT_THAT(loaded->dump, Not(HasSubstr("hush")));
}

TEST_F(UrlFile, IsReadableAndSaysNothingElse) {
  EXPECT_THAT(problem_of({{"database.url_file", path}}), HasSubstr("can't read " + path));
  for (const std::string& text :
       {std::string("hush"), std::string(16 * 1024 + 1, 'h'), std::string("\n")}) {
    write(text);
    EXPECT_THAT(problem_of({{"database.url_file", path}}),
                testing::AllOf(HasSubstr("database.url_file"), Not(HasSubstr("hush"))));
  }
  write("mysql://" + std::string(16 * 1024 - 8, 'h'));
  EXPECT_EQ(problem_of({{"database.url_file", path}}), "");
  EXPECT_THAT(problem_of({{"database.url_file", path}, {"database.url", "mysql://a/b"}}),
              HasSubstr("give one of them"));
}

TEST(DatabaseSettings, AFileIsOpenedByItsUrl) {
  const std::string path = testing::TempDir() + "kit-opened.db";
  const auto loaded = load({{"database.url", "sqlite:" + path}});
  ASSERT_TRUE(loaded);
  const auto opened = open_by_url(loaded->settings.database);
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ((*opened)->database().dialect(), db::Dialect::sqlite);
  EXPECT_TRUE((*opened)->health());
  std::filesystem::remove(path);
}

TEST(DatabaseSettings, AServerThatIsNotThereOrNotBuiltInIsSaid) {
  Settings::Database settings;
  settings.url = Secret<std::string>("postgresql://kit:hush@127.0.0.1:1/shop?sslmode=disable");
  const auto opened = open_by_url(settings);
  ASSERT_FALSE(opened);
#ifdef KIT_HAS_POSTGRES
  EXPECT_EQ(opened.error().code(), Code::unavailable);
  EXPECT_THAT(opened.error().message(), HasSubstr("127.0.0.1:1/shop"));
#else
  EXPECT_THAT(opened.error().message(), HasSubstr("libpq-dev"));
#endif
  EXPECT_THAT(opened.error().message(), Not(HasSubstr("hush")));
}

}  // namespace
}  // namespace kit::app
