// SPDX-License-Identifier: Apache-2.0
#include "kit/net/listen.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "kit/net/detail/socket.hpp"

namespace kit::net {
namespace {

using detail::Address;
using detail::Descriptor;

constexpr int first_inherited = 3;
constexpr int most_inherited = 64;
constexpr int backlog = 1024;

Error cannot_listen(const std::string& where, int cause) {
  return Error(Code::unavailable, "cannot listen on " + where + ": " + std::strerror(cause))
      .with_reason(cause == EADDRINUSE ? "ADDRESS_IN_USE" : "LISTEN_FAILED");
}

/// True when somebody answers at the socket file, or may: only a refusal says that nobody does.
bool answers(const Address& address) {
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  return ::connect(probe.number(), &address.any, sizeof address.path) == 0 || errno != ECONNREFUSED;
}

/// Removes a socket file that a process left behind.
Result<> remove_stale(const std::string& path, const Address& address) {
  struct stat about{};
  if (::lstat(path.c_str(), &about) != 0) return {};
  if (!S_ISSOCK(about.st_mode)) {
    return Error(Code::invalid_argument, path + " is there, and is no socket")
        .with_reason("NOT_A_SOCKET");
  }
  if (answers(address)) return cannot_listen("unix:" + path, EADDRINUSE);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return cannot_listen("unix:" + path, errno);
  return {};
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::optional<int> number_in(const char* text) {
  int number = 0;
  const char* const end = text + std::strlen(text);
  const auto parsed = std::from_chars(text, end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

}  // namespace

ListeningSocket::ListeningSocket(int descriptor, std::string address, int port)
    : descriptor_(descriptor), port_(port), address_(std::move(address)) {}

ListeningSocket::~ListeningSocket() {
  ::close(descriptor_);
  if (remove_.empty()) return;
  // Another process may have taken the place.
  struct stat about{};
  if (::lstat(remove_.c_str(), &about) == 0 && about.st_dev == device_ && about.st_ino == inode_) {
    ::unlink(remove_.c_str());
  }
}

Result<std::unique_ptr<ListeningSocket>> ListeningSocket::open_unix(const std::string& path,
                                                                    unsigned mode) {
  const Result<Address> checked = detail::unix_address(path);
  if (!checked) return checked.error().clone();
  const Address& address = *checked;
  const std::string where = "unix:" + path;
  // Of two that find a stale socket at once one must not remove the other's fresh one.
  const Descriptor folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.number() < 0 || ::flock(folder.number(), LOCK_EX) != 0) {
    return cannot_listen(where, errno);
  }
  KIT_TRY(remove_stale(path, address));
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.number() < 0) return cannot_listen(where, errno);
  // Nobody connects before the permissions are what they should be: it does not listen yet.
  if (::bind(socket.number(), &address.any, sizeof address.path) != 0 ||
      ::chmod(path.c_str(), mode) != 0 || ::listen(socket.number(), backlog) != 0) {
    return cannot_listen(where, errno);
  }
  struct stat about{};
  ::lstat(path.c_str(), &about);
  std::unique_ptr<ListeningSocket> made(new ListeningSocket(socket.release(), where, 0));
  made->remove_ = path;
  made->device_ = about.st_dev;
  made->inode_ = about.st_ino;
  return made;
}

Result<std::unique_ptr<ListeningSocket>> ListeningSocket::adopt(int descriptor) {
  Descriptor socket(descriptor);
  const std::string name = "descriptor " + std::to_string(descriptor);
  int listening = 0;
  int type = 0;
  socklen_t size = sizeof listening;
  socklen_t type_size = sizeof type;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 ||
      ::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &type_size) != 0 || listening == 0 ||
      type != SOCK_STREAM) {
    return Error(Code::invalid_argument, name + " is no listening stream socket")
        .with_reason("NOT_A_LISTENER");
  }
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags < 0 || ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) != 0 ||
      ::fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0) {
    return cannot_listen(name, errno);
  }
  Address bound{};
  socklen_t bound_size = sizeof bound;
  if (::getsockname(descriptor, &bound.any, &bound_size) != 0) return cannot_listen(name, errno);
  const int family = bound.any.sa_family;
  std::string address = detail::text_of(bound);
  int port = 0;
  if (family == AF_INET) port = ntohs(bound.v4.sin_port);
  if (family == AF_INET6) port = ntohs(bound.v6.sin6_port);
  if (family == AF_UNIX) {
    bound.path.sun_path[sizeof bound.path.sun_path - 1] = '\0';
    address.append(":").append(bound.path.sun_path);
  }
  return std::unique_ptr<ListeningSocket>(
      new ListeningSocket(socket.release(), std::move(address), port));
}

Result<std::unique_ptr<Listener>> ListeningSocket::serve(AcceptHandler& handler) const {
  Descriptor own(::fcntl(descriptor_, F_DUPFD_CLOEXEC, first_inherited));
  if (own.number() < 0) {
    return Error(Code::resource_exhausted,
                 "cannot listen on " + address_ + ": " + std::strerror(errno));
  }
  const auto owner = remove_.empty() ? detail::Owner::others_too : detail::Owner::we;
  return detail::make_listener(std::move(own), port_, owner, handler);
}

Result<std::vector<InheritedSocket>> inherited_sockets(const char* (*variable)(const char* name)) {
  std::vector<InheritedSocket> sockets;
  const char* const process = variable("LISTEN_PID");
  const char* const count_text = variable("LISTEN_FDS");
  if (process == nullptr || count_text == nullptr) return sockets;
  const auto owner = number_in(process);
  const auto count = number_in(count_text);
  if (!owner || !count || *count < 0 || *count > most_inherited) {
    return Error(Code::invalid_argument,
                 "LISTEN_PID and LISTEN_FDS must be numbers, the latter at most 64")
        .with_reason("BAD_SOCKET_ACTIVATION");
  }
  if (*owner != ::getpid()) return sockets;  // inherited by accident: they are for another process
  const char* const name_list = variable("LISTEN_FDNAMES");
  std::string_view names = name_list != nullptr ? name_list : "";
  for (int i = 0; i < *count; ++i) {
    const int descriptor = first_inherited + i;
    if (::fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0) {
      return Error(Code::invalid_argument, "LISTEN_FDS says " + std::to_string(*count) +
                                               ", but descriptor " + std::to_string(descriptor) +
                                               " is not open")
          .with_reason("BAD_SOCKET_ACTIVATION");
    }
    const std::size_t colon = names.find(':');
    sockets.push_back({descriptor, std::string(names.substr(0, colon))});
    names = colon == std::string_view::npos ? "" : names.substr(colon + 1);
  }
  return sockets;
}

Result<std::vector<InheritedSocket>> inherited_sockets() {
  return inherited_sockets([](const char* name) -> const char* { return std::getenv(name); });
}

}  // namespace kit::net
