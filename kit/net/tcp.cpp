// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <utility>

#include "kit/net/detail/socket.hpp"
#include "kit/net/stream.hpp"

namespace kit::net {
namespace {

using namespace std::chrono_literals;
using detail::Address;
using detail::Descriptor;

std::atomic<std::uint64_t> turned_away{0};

IoResult io_failure(bool writing) {
  switch (errno) {
    case EAGAIN:
    case EINTR:
      return {IoStatus::would_block, 0, 0};
    case EPIPE:
      return {IoStatus::closed, 0, 0};
    case ECONNRESET:
      if (writing) return {IoStatus::closed, 0, 0};
      [[fallthrough]];
    default:
      return {IoStatus::failed, 0, errno};
  }
}

class SocketStream final : public Stream {
 public:
  SocketStream(Descriptor socket, std::string peer)
      : socket_(std::move(socket)), peer_(std::move(peer)) {}
  ~SocketStream() override {
    if (loop_ != nullptr) loop_->remove(socket_.number());
  }

  IoResult read(std::span<char> into) override {
    ssize_t count = 0;
    do {
      count = ::recv(socket_.number(), into.data(), into.size(), 0);
    } while (count < 0 && errno == EINTR);
    if (count > 0) return {IoStatus::ok, static_cast<std::size_t>(count), 0};
    if (count == 0) return {IoStatus::closed, 0, 0};
    return io_failure(false);
  }

  IoResult write(std::span<const std::string_view> parts) override {
    if (parts.size() == 1)
      return sent(::send(socket_.number(), parts[0].data(), parts[0].size(), MSG_NOSIGNAL));
    std::array<iovec, 8> vectors;
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = std::min(parts.size(), vectors.size());
    for (std::size_t i = 0; i < message.msg_iovlen; ++i) {
      vectors[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};
    }
    return sent(::sendmsg(socket_.number(), &message, MSG_NOSIGNAL));
  }

  void watch(ReadinessHandler& handler) override {
    if (loop_ != nullptr) loop_->remove(socket_.number());
    loop_ = &Loop::current();
    loop_->add(socket_.number(), handler);
  }

  void shutdown_write() override { ::shutdown(socket_.number(), SHUT_WR); }
  void abort() override {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_.number(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  std::string_view peer() const override { return peer_; }

 private:
  static IoResult sent(ssize_t count) {
    if (count >= 0) return {IoStatus::ok, static_cast<std::size_t>(count), 0};
    return io_failure(true);
  }

  Descriptor socket_;
  Loop* loop_ = nullptr;
  std::string peer_;
};

/// Has the system drop whatever begins a connection. What completes one that has begun passes, and
/// so does everything on those that were made: they inherit the filter.
void drop_beginnings(int listening) {
  constexpr std::uint32_t flags_at = 13;  // in the TCP header, where the filter begins to see
  constexpr std::uint32_t syn = 0x02;
  constexpr std::uint32_t ack = 0x10;
  constexpr std::uint32_t all = 0xffffffff;
  std::array<sock_filter, 5> code{{BPF_STMT(BPF_LD | BPF_B | BPF_ABS, flags_at),
                                   BPF_STMT(BPF_ALU | BPF_AND | BPF_K, syn | ack),
                                   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, syn, 0, 1),
                                   BPF_STMT(BPF_RET | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, all)}};
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  // Where it is not permitted they are accepted until the end, as without it.
  ::setsockopt(listening, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

/// Bytes that the kernel takes of an answer beyond what is on its way.
constexpr int most_unsent = 128 * 1024;

class SocketListener final : public Listener, private ReadinessHandler {
 public:
  SocketListener(Descriptor socket, int port, detail::Owner owner, AcceptHandler& handler)
      : socket_(std::move(socket)),
        port_(port),
        owner_(owner),
        handler_(handler),
        loop_(Loop::current()) {
    retry_.set_action([](void* self) { static_cast<SocketListener*>(self)->accept_all(); }, this);
    reserve();
    // What is accepted inherits them. Without the second the kernel takes megabytes for a client
    // that reads nothing; a Unix socket knows neither.
    const int on = 1;
    ::setsockopt(socket_.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(socket_.number(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most_unsent,
                 sizeof most_unsent);
    loop_.add(socket_.number(), *this);
  }
  ~SocketListener() override { loop_.remove(socket_.number()); }

  int port() const override { return port_; }

  void refuse_new() override {
    if (owner_ != detail::Owner::we) return;
    int family = 0;
    socklen_t size = sizeof family;
    ::getsockopt(socket_.number(), SOL_SOCKET, SO_DOMAIN, &family, &size);
    if (family == AF_UNIX) {
      ::shutdown(socket_.number(), SHUT_RD);  // those who wait are still accepted
    } else {
      drop_beginnings(socket_.number());
    }
  }

  void accept_waiting() override { accept_all(); }

 private:
  void on_readiness(Readiness) override { accept_all(); }

  void reserve() { reserve_ = Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

  /// Edge triggered: until nobody waits any more.
  void accept_all() {
    while (true) {
      Address address{};
      socklen_t length = sizeof address;
      Descriptor accepted(
          ::accept4(socket_.number(), &address.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (accepted.number() < 0) {
        if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;
        if (errno == EAGAIN || errno == EINVAL) return;  // nobody, or never again
        if (errno == EMFILE || errno == ENFILE) {
          // The system says so before it looks whether anybody waits.
          const Shed shed = turn_one_away();
          if (shed == Shed::one) continue;
          if (shed == Shed::nobody) return;
        }
        loop_.start(retry_, loop_.now() + 100ms);  // no edge comes for those who wait already
        return;
      }
      handler_.on_accept(detail::make_socket_stream(std::move(accepted), detail::text_of(address)));
    }
  }

  enum class Shed { one, nobody, impossible };

  /// Gives the reserve up for a moment to turn one connection away.
  Shed turn_one_away() {
    if (reserve_.number() < 0) reserve();
    if (reserve_.number() < 0) return Shed::impossible;
    reserve_.close();
    Descriptor refused(::accept4(socket_.number(), nullptr, nullptr, SOCK_CLOEXEC));
    Shed shed = Shed::one;
    if (refused.number() < 0) {
      shed = errno == EAGAIN || errno == EINVAL ? Shed::nobody : Shed::impossible;
    }
    if (shed == Shed::one) turned_away.fetch_add(1, std::memory_order_relaxed);
    refused.close();
    reserve();
    return shed;
  }

  Descriptor socket_;
  Descriptor reserve_;
  int port_;
  detail::Owner owner_;
  AcceptHandler& handler_;
  Loop& loop_;
  Timer retry_;
};

}  // namespace

namespace detail {

std::string text_of(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = address.any.sa_family;
  if (family != AF_INET && family != AF_INET6) return "unix";
  const bool v6 = family == AF_INET6;
  if (v6 && IN6_IS_ADDR_V4MAPPED(&address.v6.sin6_addr)) {
    return ::inet_ntop(AF_INET, address.v6.sin6_addr.s6_addr + 12, text.data(), text.size());
  }
  const void* bytes = v6 ? static_cast<const void*>(&address.v6.sin6_addr) : &address.v4.sin_addr;
  return ::inet_ntop(family, bytes, text.data(), text.size());
}

socklen_t size_of(const Address& address) {
  switch (address.any.sa_family) {
    case AF_INET:
      return sizeof address.v4;
    case AF_INET6:
      return sizeof address.v6;
    default:
      return sizeof address.path;
  }
}

Address socket_address(const IpAddress& from, int port) {
  Address address{};
  const auto network_port = htons(static_cast<std::uint16_t>(port));
  if (from.is_v6()) {
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = network_port;
    std::ranges::copy(from.bytes(), address.v6.sin6_addr.s6_addr);
  } else {
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = network_port;
    std::memcpy(&address.v4.sin_addr, from.bytes().data(), 4);
  }
  return address;
}

Result<Address> unix_address(const std::string& path) {
  Address address{};
  if (path.empty() || path.size() >= sizeof address.path.sun_path ||
      path.find('\0') != std::string::npos) {
    return Error(Code::invalid_argument, "the path of a socket has 1 to 107 bytes: '" + path + "'")
        .with_reason("BAD_SOCKET_PATH");
  }
  address.path.sun_family = AF_UNIX;
  path.copy(address.path.sun_path, path.size());
  return address;
}

std::unique_ptr<Stream> make_socket_stream(Descriptor socket, std::string peer) {
  return std::make_unique<SocketStream>(std::move(socket), std::move(peer));
}

std::unique_ptr<Listener> make_listener(Descriptor socket, int port, Owner owner,
                                        AcceptHandler& handler) {
  return std::make_unique<SocketListener>(std::move(socket), port, owner, handler);
}

}  // namespace detail

namespace {

Error cannot_listen(const ListenOptions& options, int cause) {
  const char* reason = cause == EADDRINUSE      ? "ADDRESS_IN_USE"
                       : cause == EADDRNOTAVAIL ? "ADDRESS_NOT_AVAILABLE"
                       : cause == EACCES        ? "PORT_NOT_PERMITTED"
                                                : "LISTEN_FAILED";
  return Error(Code::unavailable, "cannot listen on " + options.address + " port " +
                                      std::to_string(options.port) + ": " + std::strerror(cause))
      .with_reason(reason);
}

}  // namespace

Result<std::unique_ptr<Listener>> listen_tcp(const ListenOptions& options, AcceptHandler& handler) {
  if (options.port < 0 || options.port > 65535) {
    return invalid("port", "must be between 0 and 65535");
  }
  const auto parsed = IpAddress::parse(options.address);
  if (!parsed) return invalid("address", "must be a numeric IPv4 or IPv6 address");
  const Address address = detail::socket_address(*parsed, options.port);
  const int family = address.any.sa_family;
  Descriptor socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.number() < 0) return cannot_listen(options, errno);

  const int on = 1;
  ::setsockopt(socket.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (options.reuse_port &&
      ::setsockopt(socket.number(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
    return cannot_listen(options, errno);
  }
  if (::bind(socket.number(), &address.any, detail::size_of(address)) != 0 ||
      ::listen(socket.number(), options.backlog) != 0) {
    return cannot_listen(options, errno);
  }
  Address bound{};
  socklen_t bound_size = sizeof bound;
  if (::getsockname(socket.number(), &bound.any, &bound_size) != 0)
    return cannot_listen(options, errno);
  const int port = ntohs(family == AF_INET ? bound.v4.sin_port : bound.v6.sin6_port);
  return detail::make_listener(std::move(socket), port, detail::Owner::we, handler);
}

std::uint64_t connections_turned_away() {
  return turned_away.load(std::memory_order_relaxed);
}

}  // namespace kit::net
