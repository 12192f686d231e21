// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kitgen/cli/root.hpp"
#include "kitgen/cli/test_command.hpp"

namespace kitgen::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

using NewTest = CommandTest;

TEST_F(NewTest, a_new_project_is_there_whole_or_not_at_all) {
  const auto names = [&] {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder.path())) {
      found.push_back(entry.path().filename());
    }
    std::ranges::sort(found);
    return found;
  };
  for (const char* name : {"Shop", "class", "../x", "kit_"})
    EXPECT_EQ(kitgen({"new", name}).code, 1);
  EXPECT_THAT(names(), IsEmpty());
  // What a killed run left beside it, and inside an empty folder.
  folder.write(".shop.kitgen-new/project/main.cpp", "half");
  ASSERT_EQ(kitgen({"new", "shop"}).code, 0);
  EXPECT_THAT(names(), ElementsAre("shop"));
  folder.write("empty/.kit/stage/0", "half");
  folder.write("empty/.kit/lock", "");
  const Outcome inside = kitgen({"new", "shop", "--dir", "empty"});
  EXPECT_EQ(inside.code, 0) << inside.err;
  auto one = folder.tree("shop");
  EXPECT_EQ(folder.tree("empty"), one);
  // In the folder one stands in.
  fs::create_directories(folder.path("here"));
  directory = "here";
  ASSERT_EQ(kitgen({"new", "shop", "--dir", "."}).code, 0);
  directory = "";
  EXPECT_EQ(folder.tree("here"), one);
  // Links, files and other people's files in the way.
  fs::create_symlink("nowhere", folder.path("link"));
  folder.write("file", "text");
  folder.write("full/file", "text");
  folder.write("half/.kit/journal.json", "{}");
  check_failure({"new", "shop", "--dir", "link"}, "link is there already and is no folder");
  check_failure({"new", "shop", "--dir", "file"}, "file is there already and is no folder");
  check_failure({"new", "shop", "--dir", "full"}, "is not empty");
  check_failure({"new", "shop", "--dir", "half"}, "a run of kitgen was interrupted in half");
  check_failure({"new", "shop", "--dir", "file/below"}, "Not a directory");
  EXPECT_THAT(names(), ElementsAre("empty", "file", "full", "half", "here", "link", "shop"));
}

TEST_F(NewTest, a_project_has_the_migrations_of_the_databases_that_are_wanted) {
  ASSERT_EQ(kitgen({"new", "shop"}).code, 0);
  ASSERT_EQ(kitgen({"new", "small", "--database", "sqlite"}).code, 0);
  ASSERT_EQ(kitgen({"new", "one", "--database", "mysql"}).code, 0);
  check_usage({"new", "x", "--database", "oracle"}, "sqlite, postgresql or mysql, not oracle");
  const std::vector<bool> all = {true, true, true}, alone = {true, false, false},
                          mysql = {true, false, true};
  const auto has = [&](const std::string& name) {
    std::vector<bool> found;
    for (const char* below : {"", "postgresql/", "mysql/"})
      found.push_back(
          folder.has(name + "/migrations/" + below + "0001_create_" + name + ".up.sql"));
    return found;
  };
  EXPECT_EQ(has("shop"), all);
  EXPECT_EQ(has("small"), alone);
  EXPECT_EQ(has("one"), mysql);
}

TEST_F(NewTest, two_new_projects_of_one_name_do_not_meet) {
  folder.write(".shop.kitgen-new/x", "");
  const Root root = Root::open(folder.path(".shop.kitgen-new")).value();
  const auto lock = root.lock(".lock");
  ASSERT_TRUE(lock.ok());
  check_failure({"new", "shop"}, "another kitgen is at work in ");
  EXPECT_TRUE(folder.has(".shop.kitgen-new/x"));
  EXPECT_FALSE(folder.has("shop"));
}

}  // namespace
}  // namespace kitgen::cli
