// SPDX-License-Identifier: Apache-2.0
#include "kit/log/sink.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "kit/log/detail/backend.hpp"

namespace kit::log {
namespace {

class FdSink final : public Sink {
 public:
  FdSink(int fd, bool owned) : fd_(fd), owned_(owned) {}
  FdSink(const FdSink&) = delete;
  FdSink& operator=(const FdSink&) = delete;
  ~FdSink() override {
    if (owned_) ::close(fd_);
  }

  bool write(std::string_view lines) override {
    while (!lines.empty()) {
      ssize_t written = ::write(fd_, lines.data(), lines.size());
      if (written > 0) {
        lines.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno == EAGAIN) {
        // A terminal or pipe that somebody made non-blocking: wait, but not for a reader that is
        // gone for good.
        pollfd waited{fd_, POLLOUT, 0};
        if (::poll(&waited, 1, 1000) == 0) return false;
      } else if (errno != EINTR) {
        return false;
      }
    }
    return true;
  }

  bool is_terminal() const override { return ::isatty(fd_) == 1; }

 private:
  int fd_;
  bool owned_;
};

struct CrashSignal {
  int number;
  struct sigaction before;
};
std::array<CrashSignal, 5> crash_signals = {
    {{SIGABRT, {}}, {SIGSEGV, {}}, {SIGBUS, {}}, {SIGFPE, {}}, {SIGILL, {}}}};

void on_crash(int signal) {
  const int saved_errno = errno;
  // What was there before takes over: the next crash, of this or another thread, goes straight to
  // it.
  for (CrashSignal& crash : crash_signals) ::sigaction(crash.number, &crash.before, nullptr);
  detail::Backend::instance().flush_from_signal();
  errno = saved_errno;
  // A faulting instruction faults again on return; this is for signals that were sent.
  ::raise(signal);
}

}  // namespace

std::shared_ptr<Sink> fd_sink(int fd) {
  return std::make_shared<FdSink>(fd, false);
}

Result<std::shared_ptr<Sink>> file_sink(const std::string& path) {
  int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  if (fd < 0) {
    std::array<char, 128> buffer;
    return Error(Code::failed_precondition, "cannot open the log file '" + path + "': " +
                                                ::strerror_r(errno, buffer.data(), buffer.size()));
  }
  return std::shared_ptr<Sink>(std::make_shared<FdSink>(fd, true));
}

void configure(const Options& options) {
  detail::Backend::instance().configure(options);
}
void flush() {
  detail::Backend::instance().flush();
}
std::uint64_t lost_lines() {
  return detail::Backend::instance().lost_lines();
}

void flush_on_crash() {
  static const bool installed = [] {
    detail::Backend::instance();  // a signal handler must not be the one to make it
    struct sigaction action{};
    action.sa_handler = on_crash;
    sigemptyset(&action.sa_mask);
    for (CrashSignal& crash : crash_signals) ::sigaction(crash.number, &action, &crash.before);
    return true;
  }();
  static_cast<void>(installed);
}

}  // namespace kit::log
