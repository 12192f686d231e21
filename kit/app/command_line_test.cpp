// SPDX-License-Identifier: Apache-2.0
#include "kit/app/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kit::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

Result<CommandLine> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "store");
  return parse_command_line(static_cast<int>(words.size()), words.data());
}

std::string failure(std::vector<const char*> words) {
  auto parsed = parse(std::move(words));
  return parsed ? "parsed" : parsed.error().message();
}

TEST(CommandLine, ServesWithoutWords) {
  const CommandLine line = *parse({});
  EXPECT_EQ(line.command, "serve");
  EXPECT_EQ(line.config_folder, "config");
  EXPECT_FALSE(line.config_folder_given);
}

TEST(CommandLine, TakesSettingsInBothForms) {
  const CommandLine line = *parse({"--http.port=9000", "--database.path", "x.db"});
  EXPECT_THAT(line.settings, ElementsAre(Pair("http.port", "9000"), Pair("database.path", "x.db")));
}

TEST(CommandLine, TakesOptionsAndArguments) {
  const CommandLine line =
      *parse({"import", "--dir", "data", "Artist", "--dry-run", "Album", "--env=prod"});
  EXPECT_EQ(line.command, "import");
  EXPECT_EQ(line.folder, "data");
  EXPECT_TRUE(line.dry_run);
  EXPECT_EQ(line.environment, "prod");
  EXPECT_THAT(line.arguments, ElementsAre("Artist", "Album"));
}

TEST(CommandLine, NamesTheNearestWord) {
  EXPECT_EQ(failure({"migrat"}), "there is no command 'migrat' (did you mean 'migrate'?)");
  EXPECT_EQ(failure({"import", "--dryrun"}),
            "there is no option '--dryrun' (did you mean '--dry-run'?)");
  EXPECT_THAT(failure({"--http.port"}), HasSubstr("needs a value"));
  EXPECT_THAT(failure({"serve", "--dry-run"}), HasSubstr("serve has no option --dry-run"));
  EXPECT_TRUE(parse({"migrate", "up", "--allow-destructive"})->allow_destructive);
  EXPECT_FALSE(parse({"migrate", "up"})->allow_destructive);
  EXPECT_THAT(failure({"serve", "--allow-destructive"}), HasSubstr("serve has no option"));
  EXPECT_THAT(failure({"serve", "now"}), HasSubstr("does not take 'now'"));
  EXPECT_THAT(failure({"-x"}), HasSubstr("there is no option '-x'"));
}

TEST(CommandLine, HelpBeginsWithExamples) {
  EXPECT_TRUE(parse({"import", "--help"})->help);
  EXPECT_TRUE(parse({"import", "--help"})->command_given);
  EXPECT_FALSE(parse({"--help"})->command_given);
  EXPECT_TRUE(help_text("store", "import").starts_with("  store import "));
  EXPECT_THAT(help_text("store", "import"), HasSubstr("\n  --dry-run "));
  EXPECT_THAT(help_text("store", "migrate"), HasSubstr("\n  --allow-destructive "));
  EXPECT_THAT(help_text("store", "export"), HasSubstr("\n  --dir DIR "));
  EXPECT_TRUE(help_text("store", "").starts_with("  store  "));
  for (const char* command : {"serve", "migrate", "import", "export", "db", "config", "version"}) {
    EXPECT_THAT(help_text("store", ""), HasSubstr(command));
  }
}

}  // namespace
}  // namespace kit::app
