// SPDX-License-Identifier: Apache-2.0
// What may stand in the way of a run, and that it is said while nothing is lost.
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "kitgen/cli/test_command.hpp"
#include "kitgen/cli/test_tree.hpp"

namespace kitgen::cli {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int no_privilege = 77;

/// The exit code of `work` in a process of its own, whose rights and mounts may change.
template <class Work>
int in_child(Work work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Mounts of its own for this process: as root, else as the root of a namespace of its own.
bool may_mount() {
  if (::unshare(CLONE_NEWNS) == 0) return true;
  const std::string user = "0 " + std::to_string(::getuid()) + " 1";
  const std::string group = "0 " + std::to_string(::getgid()) + " 1";
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  std::ofstream("/proc/self/setgroups") << "deny";
  std::ofstream("/proc/self/uid_map") << user;
  std::ofstream("/proc/self/gid_map") << group;
  return true;
}

/// A file system of its own on a folder, for this process; false without the right to.
bool mount_memory(const std::string& folder, const std::string& options) {
  return may_mount() && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("tmpfs", folder.c_str(), "tmpfs", 0, options.c_str()) == 0;
}

unsigned mode_of(const std::string& path) {
  struct stat status{};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status.st_mode & 0777U;
}

class HostileTest : public TreeTest {
 protected:
  std::string refusal(std::vector<render::File> files) {
    auto made = make_plan(root, std::move(files), {});
    if (!made) return made.error().message();
    const auto applied = apply(root, *made);
    return applied.ok() ? "" : applied.error().message();
  }
};

TEST_F(HostileTest, what_is_no_file_is_named_and_left_alone) {
  const std::vector<render::File> files = {generated("a.gen.hpp", "1"), generated("b/x.cpp", "1")};
  const auto check = [&](const std::string& message) {
    const std::string said = refusal(files);
    EXPECT_THAT(said, HasSubstr(message));
    EXPECT_FALSE(folder.has("a.gen.hpp")) << said;
    fs::remove_all(folder.path("b"));
  };
  fs::create_directories(folder.path("b/x.cpp"));
  check("b/x.cpp is a folder");
  fs::create_directories(folder.path("b"));
  ASSERT_EQ(::mkfifo(folder.path("b/x.cpp").c_str(), 0600), 0);
  check("b/x.cpp is a named pipe");
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  fs::create_directories(folder.path("b"));
  folder.path("b/x.cpp").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(socket);
  check("b/x.cpp is a socket");
  fs::create_directories(folder.path("b"));
  folder.write("other", "text");
  for (const char* target : {"../other", "nowhere", "x.cpp"}) {  // a file, dangling, a loop
    fs::create_directories(folder.path("b"));
    fs::create_symlink(target, folder.path("b/x.cpp"));
    check("b/x.cpp is a symbolic link");
  }
  EXPECT_EQ(folder.read("other"), "text");
  for (const char* target : {".", "nowhere", "b"}) {
    fs::create_symlink(target, folder.path("b"));
    check("'b' on the way to b/x.cpp is a symbolic link or no folder");
  }
  folder.write("b", "a file");
  check("'b' on the way to b/x.cpp is a symbolic link or no folder");
}

TEST_F(HostileTest, pipes_in_kitgens_own_folder_do_not_hang_it) {
  fs::create_directories(folder.path(".kit/stage"));
  ASSERT_EQ(::mkfifo(folder.path(".kit/lock").c_str(), 0600), 0);
  EXPECT_THAT(root.lock(".kit/lock").error().message(), HasSubstr("is a named pipe"));
  ASSERT_EQ(::mkfifo(folder.path(".kit/manifest.json").c_str(), 0600), 0);
  EXPECT_THAT(refusal({generated("a.gen.hpp", "1")}), HasSubstr("manifest.json is a named pipe"));
  fs::remove(folder.path(".kit/manifest.json"));
  ASSERT_EQ(::mkfifo(folder.path(".kit/stage/0").c_str(), 0600), 0);
  EXPECT_THAT(refusal({generated("a.gen.hpp", "1")}), HasSubstr("nothing was written"));
  EXPECT_TRUE(recover(root).ok());
  EXPECT_EQ(refusal({generated("a.gen.hpp", "1")}), "");
}

TEST_F(HostileTest, permissions_stay_and_new_files_follow_the_umask) {
  generate({generated("a.gen.hpp", "1"), started("run.sh", "1\n"), started("open.sh", "1\n")});
  ASSERT_EQ(::chmod(folder.path("a.gen.hpp").c_str(), 0440), 0);
  ASSERT_EQ(::chmod(folder.path("run.sh").c_str(), 0755), 0);
  ASSERT_EQ(::chmod(folder.path("open.sh").c_str(), 0600), 0);
  folder.write("open.sh", "mine\n1\n");
  const mode_t before = ::umask(027);
  render::File program = generated("deep/er/new.sh", "1");
  program.is_executable = true;
  generate({generated("a.gen.hpp", "2"), started("run.sh", "2\n"), started("open.sh", "1\n2\n"),
            generated("deep/new.hpp", "1"), program});
  ::umask(before);
  EXPECT_EQ(folder.read("a.gen.hpp"), "2");
  EXPECT_EQ(folder.read("open.sh"), "mine\n1\n2\n");
  EXPECT_EQ(mode_of(folder.path("a.gen.hpp")), 0440U);
  EXPECT_EQ(mode_of(folder.path("run.sh")), 0755U);
  EXPECT_EQ(mode_of(folder.path("open.sh")), 0600U);
  EXPECT_EQ(mode_of(folder.path("deep/new.hpp")), 0640U);
  EXPECT_EQ(mode_of(folder.path("deep/er/new.sh")), 0750U);
  EXPECT_EQ(mode_of(folder.path("deep/er")), 0750U);
}

/// Known before the decision, so no half of it is done.
TEST_F(HostileTest, a_folder_that_cannot_be_written_stops_it_before_it_begins) {
  generate({generated("a/1.gen.hpp", "1"), generated("b/2.gen.hpp", "2"), started("b/3.cpp", "3")});
  const auto before = folder.tree();
  const int code = in_child([&] {
    if (::geteuid() == 0) {
      for (const auto& entry : fs::recursive_directory_iterator(folder.path())) {
        if (::lchown(entry.path().c_str(), 65534, 65534) != 0) return no_privilege;
      }
      if (::chown(folder.path().c_str(), 65534, 65534) != 0 || ::setgid(65534) != 0 ||
          ::setuid(65534) != 0) {
        return no_privilege;
      }
    }
    ::chmod(folder.path("b").c_str(), 0555);
    const auto says = [&](const std::vector<render::File>& files) {
      return refusal(files).find("b cannot be written, so b/") != std::string::npos;
    };
    const bool is_said = says({generated("a/1.gen.hpp", "x"), generated("b/2.gen.hpp", "x"),
                               started("b/3.cpp", "3")}) &&
                         says({generated("a/1.gen.hpp", "x")}) &&
                         says({generated("b/new/4.gen.hpp", "4")});
    const bool is_old = folder.tree() == before && root.list(".kit/stage").value().empty();
    ::chmod(folder.path("b").c_str(), 0755);
    return is_said && is_old && refusal({generated("a/1.gen.hpp", "x")}).empty() ? 0 : 1;
  });
  EXPECT_EQ(code, 0);
}

TEST_F(HostileTest, a_mount_point_inside_is_written_through) {
  fs::create_directories(folder.path("internal"));
  const int code = in_child([&] {
    if (!mount_memory(folder.path("internal"), "size=1m")) return no_privilege;
    root = Root::open(folder.path()).value();  // the old one is of the mounts before
    const std::vector<render::File> first = {generated("internal/a.gen.hpp", "1"),
                                             started("internal/b/c.cpp", "1\n")};
    if (!refusal(first).empty() || folder.read("internal/a.gen.hpp") != "1") return 1;
    ::chmod(folder.path("internal/b/c.cpp").c_str(), 0700);
    // Dying after the copy, before the staged file is gone, is finished too.
    const auto die = [](std::string_view step) -> kit::Result<> {
      if (step == "internal/b/c.cpp") return kit::Error(kit::Code::aborted, "killed");
      return {};
    };
    const std::vector<render::File> second = {generated("internal/a.gen.hpp", "2"),
                                              started("internal/b/c.cpp", "2\n")};
    if (apply(root, plan(second), die).ok()) return 2;
    folder.write(".kit/stage/0", "2");
    if (!recover(root).ok()) return 3;
    if (folder.read("internal/a.gen.hpp") != "2" || folder.read("internal/b/c.cpp") != "2\n")
      return 4;
    if (mode_of(folder.path("internal/b/c.cpp")) != 0700U) return 5;
    if (!refusal({}).empty() || folder.has("internal/b")) return 6;
    return fs::is_empty(folder.path("internal")) && !folder.has(".kit/journal.json") ? 0 : 7;
  });
  if (code == no_privilege) GTEST_SKIP() << "needs the right to mount";
  EXPECT_EQ(code, 0);
}

/// As a container does with one file.
TEST_F(HostileTest, a_file_that_is_a_mount_point_stops_it_before_it_begins) {
  generate({generated("a.gen.hpp", "1"), generated("b.gen.hpp", "1")});
  folder.write("other", "1");
  const int code = in_child([&] {
    const std::string file = folder.path("b.gen.hpp");
    if (!may_mount() || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount(folder.path("other").c_str(), file.c_str(), nullptr, MS_BIND, nullptr) != 0) {
      return no_privilege;
    }
    root = Root::open(folder.path()).value();
    const std::string said = refusal({generated("a.gen.hpp", "2"), generated("b.gen.hpp", "2")});
    if (said.find("b.gen.hpp is a mount point") == std::string::npos) return 1;
    return folder.read("a.gen.hpp") == "1" && !folder.has(".kit/journal.json") ? 0 : 2;
  });
  if (code == no_privilege) GTEST_SKIP() << "needs the right to mount";
  EXPECT_EQ(code, 0);
}

TEST_F(HostileTest, an_immutable_file_stops_it_before_it_begins) {
  generate({generated("a.gen.hpp", "1"), generated("b.gen.hpp", "1")});
  const int file = ::open(folder.path("b.gen.hpp").c_str(), O_RDONLY | O_CLOEXEC);
  int flags = 0;
  const bool can_read = ::ioctl(file, FS_IOC_GETFLAGS, &flags) == 0;
  int fixed = flags | FS_IMMUTABLE_FL;
  if (!can_read || ::ioctl(file, FS_IOC_SETFLAGS, &fixed) != 0) {
    ::close(file);
    GTEST_SKIP() << "needs a file system with attributes, and root";
  }
  const std::string said = refusal({generated("a.gen.hpp", "2"), generated("b.gen.hpp", "2")});
  ::ioctl(file, FS_IOC_SETFLAGS, &flags);
  ::close(file);
  EXPECT_THAT(said, HasSubstr("b.gen.hpp is marked as immutable"));
  EXPECT_EQ(folder.read("a.gen.hpp"), "1");
  EXPECT_FALSE(folder.has(".kit/journal.json"));
}

/// What only shows in the middle is said, and finished by the next run.
TEST_F(HostileTest, a_failure_in_the_middle_is_finished_later) {
  generate({generated("a/1.gen.hpp", "1"), generated("b/2.gen.hpp", "1")});
  const auto blocks = [&](std::string_view step) -> kit::Result<> {
    if (step != "c/3.gen.hpp") return {};
    folder.write("c", "a file where the folder has to be");
    return {};
  };
  const auto applied = apply(root,
                             plan({generated("a/1.gen.hpp", "2"), generated("b/2.gen.hpp", "2"),
                                   generated("c/3.gen.hpp", "2")}),
                             blocks);
  ASSERT_FALSE(applied.ok());
  EXPECT_THAT(applied.error().message(), AllOf(HasSubstr("is a symbolic link or no folder"),
                                               HasSubstr("run again, which finishes it")));
  fs::remove(folder.path("c"));
  EXPECT_TRUE(recover(root).value());
  EXPECT_EQ(folder.read("c/3.gen.hpp"), "2");
}

TEST_F(HostileTest, a_full_disk_leaves_the_old_tree) {
  const int code = in_child([&] {
    if (!mount_memory(folder.path(), "size=256k")) return no_privilege;
    auto small = Root::open(folder.path());
    if (!small) return 1;
    const auto run = [&](std::vector<render::File> files) {
      auto made = make_plan(*small, std::move(files), {});
      const auto done = apply(*small, *made);
      return done.ok() ? std::string() : done.error().message();
    };
    if (!run({generated("a.gen.hpp", "1"), generated("b.gen.hpp", "1")}).empty()) return 2;
    const auto before = folder.tree();
    const std::string said =
        run({generated("a.gen.hpp", "2"), generated("b.gen.hpp", std::string(300'000, 'x'))});
    if (said.find("No space left on device; nothing was written") == std::string::npos) return 3;
    if (folder.tree() != before || !small->list(".kit/stage").value().empty()) return 4;
    return run({generated("a.gen.hpp", "2"), generated("b.gen.hpp", "2")}).empty() ? 0 : 5;
  });
  if (code == no_privilege) GTEST_SKIP() << "needs the right to mount";
  EXPECT_EQ(code, 0);
}

TEST_F(HostileTest, a_file_that_changes_meanwhile_is_not_replaced) {
  const std::vector<render::File> first = {generated("1.gen.hpp", "1"), started("2.cpp", "2\n")};
  const std::vector<render::File> second = {generated("1.gen.hpp", "one"), started("2.cpp", "3\n"),
                                            generated("3.gen.hpp", "new")};
  const auto writes_at = [&](std::string_view wanted, const std::string& path) {
    return [this, wanted, path](std::string_view step) -> kit::Result<> {
      if (step == wanted) folder.write(path, "mine");
      return {};
    };
  };
  generate(first);
  // Before the decision: as if it had not run.
  for (const std::string path : {"2.cpp", "3.gen.hpp"}) {
    const Plan made = plan(second);
    const auto applied = apply(root, made, writes_at("make the stage durable", path));
    ASSERT_FALSE(applied.ok());
    EXPECT_THAT(applied.error().message(),
                AllOf(HasSubstr(path + " changed while kitgen was running"),
                      HasSubstr("nothing was written")));
    EXPECT_EQ(folder.read(path), "mine");
    EXPECT_EQ(folder.read("1.gen.hpp"), "1");
    EXPECT_THAT(root.list(".kit/stage").value(), IsEmpty());
    if (path == "2.cpp") folder.write(path, "2\n");
    if (path == "3.gen.hpp") fs::remove(folder.path(path));
  }
  // Right before it is replaced.
  const auto applied = apply(root, plan(second), writes_at("2.cpp", "2.cpp"));
  ASSERT_FALSE(applied.ok());
  EXPECT_THAT(applied.error().message(), HasSubstr("2.cpp changed while kitgen was replacing"));
  EXPECT_EQ(folder.read("2.cpp"), "mine");
  EXPECT_THAT(recover(root).error().message(), HasSubstr("Move your version of the file away"));
  fs::rename(folder.path("2.cpp"), folder.path("saved"));
  ASSERT_TRUE(recover(root).ok());
  EXPECT_EQ(folder.read("2.cpp"), "3\n");
  EXPECT_EQ(folder.read("1.gen.hpp"), "one");
}

/// A journal may come with a clone.
TEST_F(HostileTest, a_foreign_journal_moves_nothing_into_hooks) {
  for (const std::string operation :
       {R"({"path": ".git/hooks/pre-commit", "staged": ".kit/stage/0", "before": "", "after": ""})",
        R"({"path": "a/.git/config", "staged": "", "before": "", "after": ""})",
        R"({"path": "x", "staged": "y", "before": "", "after": ""})",
        R"({"path": "x", "staged": ".kit/stage/../../y", "before": "", "after": ""})",
        R"({"path": "../x", "staged": ".kit/stage/0", "before": "", "after": ""})"}) {
    folder.write(".kit/stage/0", "text");
    folder.write("y", "text");
    folder.write(".kit/journal.json", R"({"version": 1, "operations": [)" + operation + "]}");
    EXPECT_FALSE(recover(root).ok()) << operation;
    EXPECT_FALSE(folder.has(".git"));
    EXPECT_EQ(folder.read("y"), "text");
  }
}

using HostileCommandTest = CommandTest;

TEST_F(HostileCommandTest, two_runs_do_not_meet) {
  folder.write("api/shop.yaml", schema_text);
  const Root root = Root::open(folder.path()).value();
  const auto lock = root.lock(".kit/lock");
  ASSERT_TRUE(lock.ok());
  check_failure({"generate"}, "another kitgen is at work in ");
  EXPECT_FALSE(folder.has("internal"));
}

TEST_F(HostileCommandTest, an_interrupted_run_is_told_and_finished_first) {
  folder.write("api/shop.yaml", schema_text);
  ASSERT_EQ(kitgen({"generate"}).code, 0);
  const auto wanted = folder.tree();
  const Root root = Root::open(folder.path()).value();
  std::vector<render::File> files = {generated("internal/biz/item.gen.hpp", "other")};
  const auto die = [](std::string_view step) -> kit::Result<> {
    if (step == "make durable") return kit::Error(kit::Code::aborted, "killed");
    return {};
  };
  ASSERT_FALSE(apply(root, make_plan(root, files, {}).value(), die).ok());
  for (const char* option : {"--check", "--dry-run", "--diff"}) {
    const auto before = folder.tree();
    check_failure({"generate", option}, "a run of kitgen was interrupted here");
    EXPECT_EQ(folder.tree(), before);
  }
  // Also when the schema cannot be read now.
  folder.write("api/shop.yaml", "kit: 1\nservice: [\n");
  EXPECT_THAT(kitgen({"generate"}).out, HasSubstr("Finished a run that was interrupted."));
  EXPECT_FALSE(folder.has(".kit/journal.json"));
  folder.write("api/shop.yaml", schema_text);
  EXPECT_EQ(kitgen({"generate"}).code, 0);
  EXPECT_EQ(folder.tree(), wanted);
}

}  // namespace
}  // namespace kitgen::cli
