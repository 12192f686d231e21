// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/dev_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>

namespace kitgen::cli {
namespace {

using kit::Code;
using kit::Error;
using kit::Result;

constexpr int first_socket = 3;  // where socket activation begins
constexpr std::chrono::milliseconds stop_limit{5'000};

/// The environment of the child, made before the fork; LISTEN_PID is filled in behind it.
struct Environment {
  std::vector<std::string> texts;
  std::vector<char*> pointers;
  char* pid = nullptr;
};

void make_environment(const ChildOptions& options, Environment& made) {
  for (char** each = environ; *each != nullptr; ++each) {
    if (std::strncmp(*each, "LISTEN_", 7) != 0) made.texts.emplace_back(*each);
  }
  if (!options.sockets.empty()) {
    std::string names;
    for (const auto& socket : options.sockets) names += (names.empty() ? "" : ":") + socket.second;
    made.texts.push_back("LISTEN_FDS=" + std::to_string(options.sockets.size()));
    made.texts.push_back("LISTEN_FDNAMES=" + names);
    made.texts.push_back("LISTEN_PID=" + std::string(16, '\0'));
  }
  for (std::string& text : made.texts) made.pointers.push_back(text.data());
  if (!options.sockets.empty()) made.pid = made.pointers.back() + std::strlen("LISTEN_PID=");
  made.pointers.push_back(nullptr);
}

bool place_sockets(const ChildOptions& options) {
  const int count = static_cast<int>(options.sockets.size());
  // First out of each other's way.
  std::vector<int> high;
  for (const auto& socket : options.sockets)
    high.push_back(::fcntl(socket.first, F_DUPFD, first_socket + count));
  for (int i = 0; i < count; ++i) {
    if (::dup2(high[static_cast<std::size_t>(i)], first_socket + i) < 0) return false;
    ::close(high[static_cast<std::size_t>(i)]);
  }
  return true;
}

/// Between fork and exec. This process has one thread at that time.
[[noreturn]] void become(const ChildOptions& options, char* const* words, Environment& environment,
                         pid_t parent, int report) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // The report keeps clear of the sockets' numbers.
  const int kept = ::fcntl(report, F_DUPFD_CLOEXEC, 100);
  bool good = kept >= 0 && ::chdir(options.folder.c_str()) == 0;
  const int empty = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  good = good && empty >= 0 && ::dup2(empty, STDIN_FILENO) >= 0;
  good = good && (options.out < 0 || ::dup2(options.out, STDOUT_FILENO) >= 0);
  good = good && (options.err < 0 || ::dup2(options.err, STDERR_FILENO) >= 0);
  good = good && place_sockets(options);
  if (environment.pid != nullptr) {
    char* const end = std::to_chars(environment.pid, environment.pid + 15, ::getpid()).ptr;
    *end = '\0';
  }
  if (good) ::execvpe(words[0], words, environment.pointers.data());
  const int why = errno;
  if (::write(kept, &why, sizeof why) < 0) ::_exit(126);
  ::_exit(127);
}

}  // namespace

Error system_error(const std::string& what) {
  return Error(Code::unavailable, what + ": " + std::strerror(errno));
}

Result<std::pair<Descriptor, Descriptor>> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("cannot make a pipe");
  return std::pair(Descriptor(ends[0]), Descriptor(ends[1]));
}

Result<std::unique_ptr<Child>> Child::start(const ChildOptions& options) {
  auto report = make_pipe();
  if (!report) return std::move(report).error();
  std::vector<std::string> texts = options.command;
  std::vector<char*> words;
  for (std::string& text : texts) words.push_back(text.data());
  words.push_back(nullptr);
  Environment environment;
  make_environment(options, environment);
  const pid_t parent = ::getpid();
  const pid_t id = ::fork();
  if (id < 0) return system_error("cannot start " + options.command.front());
  if (id == 0) become(options, words.data(), environment, parent, report->second.number());
  ::setpgid(id, id);  // whoever is first
  Descriptor ended(static_cast<int>(::syscall(SYS_pidfd_open, id, 0)));
  std::unique_ptr<Child> child(new Child(id, std::move(ended)));
  if (!child->ended_) return system_error("cannot watch " + options.command.front());
  report->second = Descriptor();
  int why = 0;
  if (::read(report->first.number(), &why, sizeof why) == sizeof why) {
    child->wait();
    errno = why;
    Error error = system_error("cannot run " + options.command.front());
    return Error(Code::not_found, error.message());
  }
  return child;
}

Child::~Child() {
  if (!status()) stop(stop_limit);
}

std::optional<int> Child::status() {
  if (status_) return status_;
  int raw = 0;
  if (::waitpid(id_, &raw, WNOHANG) != id_) return std::nullopt;
  status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
  return status_;
}

int Child::wait() {
  while (!status()) {
    pollfd one{ended_.number(), POLLIN, 0};
    ::poll(&one, 1, ended_ ? -1 : 10);
  }
  return *status_;
}

int Child::stop(std::chrono::milliseconds limit) {
  if (status()) return *status_;
  ::kill(-id_, SIGTERM);
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!status()) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      ::kill(-id_, SIGKILL);
      return wait();
    }
    pollfd one{ended_.number(), POLLIN, 0};
    ::poll(&one, 1, static_cast<int>(left.count()));
  }
  return *status_;
}

}  // namespace kitgen::cli
