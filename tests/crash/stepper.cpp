// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/stepper.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace kit::crash {
namespace {

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(2);
}

constexpr auto changing_calls = std::to_array<std::uint64_t>({
    SYS_pwrite64,  SYS_pwritev,   SYS_pwritev2,        SYS_renameat2,
    SYS_unlinkat,  SYS_mkdirat,   SYS_linkat,          SYS_symlinkat,
    SYS_truncate,  SYS_ftruncate, SYS_fallocate,       SYS_fchmod,
    SYS_fchmodat,  SYS_fchown,    SYS_fchownat,        SYS_fsync,
    SYS_fdatasync, SYS_sync,      SYS_syncfs,          SYS_sync_file_range,
    SYS_utimensat, SYS_msync,     SYS_copy_file_range, SYS_sendfile,
#ifdef SYS_renameat
    SYS_renameat,
#endif
#ifdef SYS_rename  // the older calls, which newer machines do not have
    SYS_rename,    SYS_unlink,    SYS_rmdir,           SYS_mkdir,
    SYS_creat,     SYS_link,      SYS_symlink,         SYS_chmod,
    SYS_chown,
#endif
});

bool changes_files(std::uint64_t number, const std::uint64_t* arguments) {
  if (number == SYS_write || number == SYS_writev) return arguments[0] > 2;
  if (number == SYS_openat) return (arguments[2] & (O_CREAT | O_TRUNC)) != 0;
#ifdef SYS_open
  if (number == SYS_open) return (arguments[1] & (O_CREAT | O_TRUNC)) != 0;
#endif
  return std::ranges::find(changing_calls, number) != changing_calls.end();
}

/// A child process; what it prints goes into a file in memory.
class Child {
 public:
  Child(const std::vector<std::string>& words, const std::string& folder, bool is_traced)
      : output_(::memfd_create("output", MFD_CLOEXEC)) {
    std::vector<std::string> copies = words;
    std::vector<char*> pointers;
    for (std::string& word : copies) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ < 0 || output_ < 0) die("fork");
    if (pid_ > 0) return;
    if (is_traced && ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(126);
    if (::chdir(folder.c_str()) != 0) ::_exit(126);
    // The leak checker cannot work in a traced process.
    ::setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
    ::dup2(output_, 1);
    ::dup2(output_, 2);
    if (is_traced) ::raise(SIGSTOP);
    ::execv(pointers[0], pointers.data());
    ::_exit(127);
  }
  ~Child() { ::close(output_); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  std::string output() const {
    std::string text;
    std::array<char, 4096> piece{};
    for (;;) {
      const ssize_t got =
          ::pread(output_, piece.data(), piece.size(), static_cast<off_t>(text.size()));
      if (got <= 0) return text;
      text.append(piece.data(), static_cast<std::size_t>(got));
    }
  }

 private:
  int output_;
  pid_t pid_ = -1;
};

int exit_code(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Whether the thread stands before a call that changes files.
bool stands_before_change(pid_t thread) {
  __ptrace_syscall_info info{};
  const auto size = static_cast<std::uintptr_t>(sizeof info);
  if (::ptrace(PTRACE_GET_SYSCALL_INFO, thread, size, &info) < 0) {
    return false;
  }
  return info.op == PTRACE_SYSCALL_INFO_ENTRY &&
         changes_files(info.entry.nr, reinterpret_cast<const std::uint64_t*>(info.entry.args));
}

void go_on(pid_t thread, int signal) {
  const auto number = static_cast<std::uintptr_t>(signal);
  // A thread that died meanwhile is reported by the next wait.
  if (::ptrace(PTRACE_SYSCALL, thread, nullptr, number) != 0 && errno != ESRCH) {
    die("ptrace");
  }
}

/// The signal to hand on to a stopped thread; stops of the tracing itself have none.
int signal_to_pass(int status) {
  const int signal = WSTOPSIG(status);
  const bool is_event = status >> 16 != 0;
  return is_event || signal == SIGSTOP || signal == SIGTRAP ? 0 : signal;
}

}  // namespace

Ran run(const std::vector<std::string>& words, const std::string& folder) {
  const Child child(words, folder, false);
  int status = 0;
  if (::waitpid(child.pid(), &status, 0) != child.pid()) die("waitpid");
  return {exit_code(status), false, 0, child.output()};
}

Ran run_until(const std::vector<std::string>& words, const std::string& folder,
              std::optional<std::size_t> before) {
  const Child child(words, folder, true);
  int status = 0;
  if (::waitpid(child.pid(), &status, 0) != child.pid() || !WIFSTOPPED(status)) {
    die("a traced process did not start; this test needs ptrace");
  }
  constexpr std::uintptr_t options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL |
                                     PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                                     PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC;
  if (::ptrace(PTRACE_SETOPTIONS, child.pid(), nullptr, options) != 0) {
    die("ptrace");
  }
  Ran ran;
  go_on(child.pid(), 0);
  for (;;) {
    const pid_t thread = ::waitpid(-1, &status, __WALL);
    if (thread < 0 && errno == EINTR) continue;
    if (thread < 0) die("waitpid");
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      if (thread != child.pid()) continue;
      ran.code = exit_code(status);
      ran.output = child.output();
      return ran;
    }
    if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
      go_on(thread, signal_to_pass(status));
      continue;
    }
    if (!ran.is_killed && stands_before_change(thread)) {
      if (ran.changes == before) {
        // The call that it stands before is not made any more.
        ran.is_killed = true;
        ::kill(child.pid(), SIGKILL);
        continue;
      }
      ++ran.changes;
    }
    go_on(thread, 0);
  }
}

}  // namespace kit::crash
