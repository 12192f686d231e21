// SPDX-License-Identifier: Apache-2.0
// The parts of `kitgen dev`; tests/inner_loop has it at work.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "kitgen/cli/dev_database.hpp"
#include "kitgen/cli/dev_files.hpp"
#include "kitgen/cli/dev_process.hpp"
#include "kitgen/cli/dev_server.hpp"
#include "kitgen/cli/dev_steps.hpp"
#include "kitgen/cli/test_folder.hpp"

namespace kitgen::cli {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> changes(FileWatch& watch, FileStamps& seen) {
  FileStamps now = *watch.look();
  std::vector<std::string> paths = differences(seen, now);
  seen = std::move(now);
  return paths;
}

TEST(FileWatch, sees_new_changed_renamed_and_removed_files_and_new_folders) {
  const TestFolder folder;
  folder.write("api/shop.yaml", "a");
  auto watch = FileWatch::open(folder.path());
  ASSERT_TRUE(watch);
  FileStamps seen = *watch->look();
  EXPECT_FALSE(watch->drain());

  folder.write("api/shop.yaml", "b");  // as long as before
  EXPECT_TRUE(watch->drain());
  EXPECT_THAT(changes(*watch, seen), ElementsAre("api/shop.yaml"));

  folder.write("api/.draft", "c");
  std::filesystem::rename(folder.path("api/.draft"), folder.path("api/shop.yaml"));
  EXPECT_TRUE(watch->drain());
  EXPECT_THAT(changes(*watch, seen), ElementsAre("api/shop.yaml"));

  folder.write("internal/new/deep/more.cpp", "");
  EXPECT_TRUE(watch->drain());
  EXPECT_THAT(changes(*watch, seen), ElementsAre("internal/new/deep/more.cpp"));
  // The new folder is watched from now on.
  watch->drain();
  folder.write("internal/new/deep/more.cpp", "x");
  EXPECT_TRUE(watch->drain());
  std::filesystem::remove_all(folder.path("internal"));
  EXPECT_THAT(changes(*watch, seen), ElementsAre("internal/new/deep/more.cpp"));
  EXPECT_THAT(changes(*watch, seen), IsEmpty());
}

TEST(FileWatch, an_overflow_of_the_queue_loses_nothing) {
  const TestFolder folder;
  folder.write("a.cpp", "");
  auto watch = FileWatch::open(folder.path());
  ASSERT_TRUE(watch);
  FileStamps seen = *watch->look();
  // The kernel keeps 16384, and joins those that are alike.
  for (int i = 0; i < 20'000; ++i) folder.write("noise" + std::to_string(i % 2), "");
  folder.write("a.cpp", "x");
  EXPECT_TRUE(watch->drain());
  EXPECT_THAT(changes(*watch, seen), ElementsAre("a.cpp"));
}

TEST(FileWatch, leaves_alone_what_is_no_source) {
  for (const char* name :
       {"a.yaml", "a.yml", "a.cpp", "a.hpp", "0001_x.up.sql", "CMakeLists.txt", "x.cmake"})
    EXPECT_TRUE(is_source_file(name)) << name;
  for (const char* name :
       {"shop.db", "shop.db-wal", ".a.cpp.swp", "a.cpp~", "#a.cpp#", ".#a.cpp", "4913", "x.csv"})
    EXPECT_FALSE(is_source_file(name)) << name;
  for (const char* name :
       {"build", "build-debug", ".git", ".kit", "node_modules", "cmake-build-debug"})
    EXPECT_FALSE(is_source_folder(name)) << name;
  EXPECT_TRUE(is_source_folder("internal"));
}

TEST(Child, ends_with_its_exit_code_or_signal) {
  const auto status = [](const char* script) {
    auto child = Child::start({.command = {"sh", "-c", script}, .folder = "/"});
    EXPECT_TRUE(child);
    return (*child)->wait();
  };
  EXPECT_EQ(status("exit 7"), 7);
  EXPECT_EQ(status("kill -9 $$"), 137);
  auto missing = Child::start({.command = {"no-such-program"}, .folder = "/"});
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message(), HasSubstr("cannot run no-such-program: No such file"));
}

TEST(Child, gets_sockets_under_the_numbers_of_socket_activation) {
  auto one = listen_on("127.0.0.1", 0);
  auto two = listen_on("::1", 0);
  ASSERT_TRUE(one && two);
  const auto child = Child::start(
      {.command = {"sh", "-c",
                   "test $LISTEN_PID = $$ && test $LISTEN_FDS = 2 && test $LISTEN_FDNAMES = "
                   "http:admin && test -S /dev/fd/3 && test -S /dev/fd/4 && ! test -e /dev/fd/5"},
       .folder = "/",
       .sockets = {{two->number(), "http"}, {one->number(), "admin"}}});
  ASSERT_TRUE(child);
  EXPECT_EQ((*child)->wait(), 0);
}

TEST(Child, is_stopped_with_all_its_children_also_when_it_does_not_want_to) {
  auto pipe = make_pipe();
  ASSERT_TRUE(pipe);
  auto child =
      Child::start({.command = {"sh", "-c", "trap '' TERM; sleep 100 & echo; wait; sleep 100"},
                    .folder = "/",
                    .out = pipe->second.number()});
  ASSERT_TRUE(child);
  pipe->second = Descriptor();
  char byte = 0;
  ASSERT_EQ(::read(pipe->first.number(), &byte, 1), 1);  // from here on it does not want to
  EXPECT_EQ((*child)->stop(50ms), 137);
  EXPECT_EQ(::read(pipe->first.number(), &byte, 1), 0);  // nobody holds the other end
}

TEST(ListenOn, says_what_to_do_about_a_port_that_is_taken) {
  auto one = listen_on("127.0.0.1", 0);
  ASSERT_TRUE(one);
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ASSERT_EQ(::getsockname(one->number(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const auto two = listen_on("127.0.0.1", ntohs(address.sin_port));
  ASSERT_FALSE(two);
  EXPECT_THAT(two.error().message(), HasSubstr("kitgen dev --port "));
  EXPECT_FALSE(listen_on("localhost", 0));
}

TEST(DevSteps, read_what_programs_say) {
  const ServerSettings settings = read_settings(
      "# environment: dev\nadmin.address: ::1     # default\nadmin.port: 9090  # base.yaml\n"
      "database.path: my shop.db  # default\nhttp.address: 127.0.0.1  # default\nhttp.port: 80 # "
      "x\n");
  EXPECT_EQ(settings, (ServerSettings{"127.0.0.1", 80, "::1", 9090, "my shop.db"}));
  EXPECT_EQ(application_name("project(x)\nkit_application(music_store\n  SOURCES"), "music_store");
  EXPECT_EQ(application_name("project(x)\n"), "");
  EXPECT_FALSE(is_destructive("-- 0002_x.up.sql\n--   destructive: no\nDROP TABLE x;\n"));
  EXPECT_TRUE(is_destructive(
      "--   destructive: no\n--   destructive: yes, needs --allow-destructive: x\n"));
}

TEST(CopyDatabase, keeps_the_newest_copies) {
  const TestFolder folder;
  EXPECT_FALSE(copy_database(folder.path("none.db"), folder.path("copy.db")));
  for (const char* name : {"shop-1.db", "shop-2.db", "shop-3.db", "other-1.db"})
    folder.write(name, "");
  drop_old_copies(folder.path(), "shop", 2);
  EXPECT_FALSE(folder.has("shop-1.db"));
  EXPECT_TRUE(folder.has("shop-2.db") && folder.has("shop-3.db") && folder.has("other-1.db"));
}

}  // namespace
}  // namespace kitgen::cli
