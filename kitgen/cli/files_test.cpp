// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "kitgen/cli/diff.hpp"
#include "kitgen/cli/manifest.hpp"
#include "kitgen/cli/root.hpp"
#include "kitgen/cli/test_folder.hpp"

namespace kitgen::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Root, writes_reads_renames_and_removes_below_itself) {
  const TestFolder folder;
  auto root = Root::open(folder.path());
  ASSERT_TRUE(root.ok());
  ASSERT_TRUE(root->write("a/b/c.txt", "text", false).ok());
  struct stat status{};
  ASSERT_EQ(::stat(folder.path("a/b/c.txt").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0644U);
  ASSERT_TRUE(root->write("a/run.sh", "", true).ok());
  ASSERT_EQ(::stat(folder.path("a/run.sh").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0755U);
  EXPECT_EQ(root->read("a/b/c.txt").value(), "text");
  EXPECT_EQ(root->read("a/b/missing").value(), std::nullopt);
  EXPECT_EQ(root->read("no/such/folder").value(), std::nullopt);
  EXPECT_THAT(root->list("a").value(), ElementsAre("b", "run.sh"));
  ASSERT_TRUE(root->rename("a/b/c.txt", "d/e.txt").ok());
  EXPECT_EQ(folder.read("d/e.txt"), "text");
  ASSERT_TRUE(root->remove("d/e.txt").ok());
  EXPECT_FALSE(folder.has("d"));
  EXPECT_TRUE(root->remove("d/e.txt").ok());
  EXPECT_TRUE(root->sync().ok());
}

TEST(Root, nothing_outside_is_reachable) {
  const TestFolder outside;
  outside.write("secret", "x");
  const TestFolder folder;
  auto root = Root::open(folder.path());
  ASSERT_TRUE(root.ok());
  std::filesystem::create_directory_symlink(outside.path(), folder.path("link"));
  std::filesystem::create_symlink(outside.path("secret"), folder.path("file"));
  for (const std::string path : {"../secret", "a/../../secret", "/etc/passwd", "a//b", "", "./x",
                                 "link/secret", "link/new"}) {
    EXPECT_FALSE(root->write(path, "y", false).ok()) << path;
    EXPECT_FALSE(root->read(path).ok()) << path;
    EXPECT_FALSE(root->remove(path).ok()) << path;
  }
  EXPECT_THAT(root->read("file").error().message(), HasSubstr("symbolic link"));
  EXPECT_FALSE(root->write("file", "y", false).ok());
  EXPECT_EQ(outside.read("secret"), "x");
  EXPECT_FALSE(outside.has("new"));
}

TEST(Root, command_line_paths_stay_inside) {
  const TestFolder outside;
  const TestFolder folder;
  std::filesystem::create_directory_symlink(outside.path(), folder.path("link"));
  auto root = Root::open(folder.path());
  ASSERT_TRUE(root.ok());
  EXPECT_EQ(root->relative(folder.path("internal")).value(), "internal");
  EXPECT_EQ(root->relative(folder.path("a/../internal/")).value(), "internal");
  EXPECT_EQ(root->relative(folder.path()).value(), "");
  for (const std::string& path : {folder.path("../x"), folder.path("link"), folder.path("link/x"),
                                  std::string("/"), std::string("/tmp"), folder.path() + "x"}) {
    EXPECT_FALSE(root->relative(path).ok()) << path;
  }
}

TEST(Root, refuses_the_root_and_home_directories) {
  EXPECT_THAT(Root::open("/").error().message(), HasSubstr("root directory"));
  const TestFolder home;
  const std::string before = std::getenv("HOME") == nullptr ? "" : std::getenv("HOME");
  ::setenv("HOME", home.path().c_str(), 1);
  EXPECT_THAT(Root::open(home.path()).error().message(), HasSubstr("home directory"));
  ::setenv("HOME", before.c_str(), 1);
  EXPECT_EQ(Root::open(home.path("missing")).error().code(), kit::Code::not_found);
}

TEST(Root, only_one_run_at_a_time) {
  const TestFolder folder;
  auto root = Root::open(folder.path());
  ASSERT_TRUE(root.ok());
  {
    auto first = root->lock(".kit/lock");
    ASSERT_TRUE(first.ok());
    auto second = root->lock(".kit/lock");
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code(), kit::Code::aborted);
  }
  EXPECT_TRUE(root->lock(".kit/lock").ok());
}

TEST(Diff, shows_changes_with_their_surroundings) {
  EXPECT_EQ(unified_diff("a\n", "a\n", 20), "");
  EXPECT_EQ(unified_diff("a\nb\nc\n", "a\nB\nc\n", 20), "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n");
  EXPECT_EQ(unified_diff("", "a\n", 20), "@@ -0,0 +1,1 @@\n+a\n");
  EXPECT_EQ(unified_diff("a\n", "", 20), "@@ -1,1 +0,0 @@\n-a\n");
  EXPECT_EQ(unified_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n5\n6\n7\n8\nX\n", 20),
            "@@ -6,4 +6,4 @@\n 6\n 7\n 8\n-9\n+X\n");
  EXPECT_EQ(unified_diff("a", "a\n", 20),
            "@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n");
}

TEST(Diff, far_changes_are_hunks_of_their_own) {
  std::string before;
  std::string after;
  for (int i = 1; i <= 30; ++i) {
    before += std::to_string(i) + "\n";
    after += (i == 2 || i == 28 ? "x" : std::to_string(i)) + "\n";
  }
  EXPECT_EQ(unified_diff(before, after, 40),
            "@@ -1,5 +1,5 @@\n 1\n-2\n+x\n 3\n 4\n 5\n"
            "@@ -25,6 +25,6 @@\n 25\n 26\n 27\n-28\n+x\n 29\n 30\n");
}

TEST(Diff, is_cut_and_survives_large_texts) {
  std::string before;
  std::string after;
  for (int i = 0; i < 5000; ++i) {
    before += "a" + std::to_string(i) + "\n";
    after += "b" + std::to_string(i) + "\n";
  }
  const std::string diff = unified_diff(before, after, 3);
  EXPECT_EQ(diff, "@@ -1,5000 +1,5000 @@\n-a0\n-a1\n... 9998 more lines\n");
}

TEST(Manifest, survives_writing_and_reading) {
  Manifest manifest;
  manifest.files["b/x.gen.hpp"] = {"12", Keeping::generated};
  manifest.files["a \"q\".cpp"] = {"34", Keeping::started};
  manifest.files["migrations/0001_a.up.sql"] = {"56", Keeping::migration};
  const std::string text = manifest.to_text();
  auto again = Manifest::parse(text);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->to_text(), text);
  EXPECT_EQ(again->files.at("a \"q\".cpp").keeping, Keeping::started);
}

TEST(Manifest, tells_a_broken_one) {
  for (const char* text : {"", "{", "[]", "{\"files\": []}", "{\"files\": {\"a\": {}}}",
                           "{\"files\": {\"a\": {\"sha256\": \"1\", \"kept\": \"x\"}}}"}) {
    auto parsed = Manifest::parse(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().code(), kit::Code::data_loss);
    EXPECT_THAT(parsed.error().message(), HasSubstr(".kit/manifest.json: "));
  }
}

}  // namespace
}  // namespace kitgen::cli
