// SPDX-License-Identifier: Apache-2.0
#include "kit/net/connect.hpp"

#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <optional>
#include <utility>

#include "kit/async/operation.hpp"
#include "kit/net/detail/socket.hpp"

namespace kit::net {
namespace {

using detail::Address;
using detail::Descriptor;

struct Cause {
  const char* reason;
  std::string text;
};

Cause cause_of(int number) {
  const char* reason = "CONNECT_FAILED";
  if (number == ECONNREFUSED) reason = "CONNECTION_REFUSED";
  if (number == EHOSTUNREACH || number == ENETUNREACH) reason = "HOST_UNREACHABLE";
  if (number == ETIMEDOUT) reason = "CONNECT_TIMEOUT";
  return {reason, std::strerror(number)};
}

std::string place(const std::string& host, int port) {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

Error cannot_connect(const std::string& where, const Cause& cause) {
  return Error(Code::unavailable, "cannot connect to " + where + ": " + cause.text)
      .with_reason(cause.reason);
}

/// Happy eyeballs: one address after the other, each with a head start before the next, until one
/// answers. A refusal starts the next at once.
class Race final : public Operation<std::unique_ptr<Stream>> {
 public:
  struct Plan {
    std::string where;
    Addresses addresses;
    int port = 0;
    Clock::duration stagger{};
    Clock::time_point end;
  };
  explicit Race(Plan plan) : plan_(std::move(plan)), last_{"CONNECT_FAILED", "no address"} {
    next_.set_action([](void* self) { static_cast<Race*>(self)->start_next(); }, this);
    end_.set_action([](void* self) { static_cast<Race*>(self)->time_out(); }, this);
  }
  ~Race() { detach(); }

 private:
  struct Attempt final : ReadinessHandler {
    Attempt(Race& in, Descriptor from, const IpAddress& to)
        : race(in), socket(std::move(from)), address(to) {}
    void on_readiness(Readiness) override { race.ready(*this); }
    Race& race;
    Descriptor socket;
    IpAddress address;
  };

  void start() override {
    loop_ = &Loop::current();
    loop_->start(end_, plan_.end);
    start_next();
  }

  void detach() override {
    next_.stop();
    end_.stop();
    for (const auto& attempt : attempts_) loop_->remove(attempt->socket.number());
    attempts_.clear();
  }

  void start_next() {
    while (!done() && tried_ < plan_.addresses.size()) {
      if (!attempt(plan_.addresses[tried_++])) continue;
      if (tried_ < plan_.addresses.size()) {
        loop_->start(next_, loop_->now() + plan_.stagger);
      }
      return;
    }
    if (!done() && attempts_.empty()) give_up();
  }

  /// False when the address failed at once.
  bool attempt(const IpAddress& to) {
    const Address address = detail::socket_address(to, plan_.port);
    Descriptor socket(
        ::socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (socket.number() < 0) return fell(errno);
    const int on = 1;
    ::setsockopt(socket.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const int connected = ::connect(socket.number(), &address.any, detail::size_of(address));
    if (connected != 0 && errno != EINPROGRESS) return fell(errno);
    auto& added = *attempts_.emplace_back(std::make_unique<Attempt>(*this, std::move(socket), to));
    loop_->add(added.socket.number(), added);
    return true;
  }

  bool fell(int number) {
    last_ = cause_of(number);
    return false;
  }

  void ready(Attempt& attempt) {
    int problem = 0;
    socklen_t size = sizeof problem;
    if (::getsockopt(attempt.socket.number(), SOL_SOCKET, SO_ERROR, &problem, &size) != 0) {
      problem = errno;
    }
    Address other{};
    socklen_t other_size = sizeof other;
    if (problem == 0 && ::getpeername(attempt.socket.number(), &other.any, &other_size) != 0) {
      if (errno == ENOTCONN) return;  // a new socket is told of before it has begun
      problem = errno;
    }
    loop_->remove(attempt.socket.number());
    const auto own = std::ranges::find_if(
        attempts_, [&attempt](const auto& one) { return one.get() == &attempt; });
    Descriptor socket = std::move((*own)->socket);
    const std::string peer = attempt.address.unmapped().text();
    attempts_.erase(own);
    if (problem == 0) {
      detach();
      return succeed(detail::make_socket_stream(std::move(socket), peer));
    }
    fell(problem);
    start_next();
  }

  void time_out() {
    last_ = {"CONNECT_TIMEOUT", "no answer in time"};
    give_up();
  }

  void give_up() {
    detach();
    fail(cannot_connect(plan_.where, last_));
  }

  Plan plan_;
  Loop* loop_ = nullptr;  // a task may be dropped when it does not run any more
  std::size_t tried_ = 0;
  std::deque<std::unique_ptr<Attempt>> attempts_;
  Timer next_, end_;
  Cause last_;
};

/// The addresses of `host` before `end`. The deadline of the task itself stays what it is.
Task<Addresses> look_up(std::string host, int port, Resolver& resolver, Clock::time_point end) {
  const auto left = end - Loop::current().now();
  const bool own_deadline = Context::current_deadline() > end;
  Task<Addresses> asking = with_deadline(left, resolver.resolve(host));
  Result<Addresses> found = co_await as_result(std::move(asking));
  if (found.ok()) co_return found;
  Error why = std::move(found).error();
  if (why.code() == Code::deadline_exceeded && own_deadline) {
    co_return cannot_connect(place(host, port),
                             {"CONNECT_TIMEOUT", "its address was not found in time"});
  }
  if (why.code() != Code::unavailable) co_return why;
  std::string reason = why.reason();
  std::string text = "cannot connect to " + place(host, port) + ": " + why.message();
  co_return Error(Code::unavailable, std::move(text))
      .with_reason(std::move(reason))
      .with_cause(std::move(why));
}

class SocketConnector final : public Connector {
 public:
  SocketConnector(Resolver& resolver, std::shared_ptr<TlsStore> tls, ConnectorOptions options)
      : resolver_(resolver), tls_(std::move(tls)), options_(std::move(options)) {}

  Task<std::unique_ptr<Stream>> connect(Endpoint endpoint) override {
    constexpr std::string_view unix_scheme = "unix:";
    const bool is_unix = endpoint.host.starts_with(unix_scheme);
    ConnectOptions how;
    how.timeout = options_.timeout;
    if (options_.filter) how.filter = &options_.filter;
    std::unique_ptr<Stream> stream;
    if (is_unix) {
      stream = co_await connect_unix(endpoint.host.substr(unix_scheme.size()));
    } else {
      stream = co_await connect_tcp(endpoint.host, endpoint.port, resolver_, how);
    }
    if (!endpoint.tls) co_return stream;
    if (!tls_) co_return Error(Code::failed_precondition, "no TLS context for " + endpoint.host);
    TlsTarget target;
    target.host = is_unix ? "localhost" : endpoint.host;
    target.port = endpoint.port;
    target.application_protocols = std::move(endpoint.application_protocols);
    target.handshake_timeout = options_.tls_timeout;
    Task<std::unique_ptr<Stream>> starting =
        start_tls(std::move(stream), tls_->current(), std::move(target));
    auto encrypted = co_await std::move(starting);
    co_return encrypted;
  }

 private:
  Resolver& resolver_;
  std::shared_ptr<TlsStore> tls_;
  ConnectorOptions options_;
};

}  // namespace

Addresses interleave(const Addresses& addresses) {
  Addresses ordered, first, second;
  for (const IpAddress& address : addresses) {
    const bool same = address.is_v6() == addresses.front().is_v6();
    (same ? first : second).push_back(address);
  }
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) ordered.push_back(first[i]);
    if (i < second.size()) ordered.push_back(second[i]);
  }
  return ordered;
}

Task<std::unique_ptr<Stream>> connect_tcp(std::string host, int port, Resolver& resolver,
                                          ConnectOptions options) {
  if (port < 1 || port > 65535) co_return invalid("port", "must be between 1 and 65535");
  const auto end = Loop::current().now() + options.timeout;
  Addresses found = co_await look_up(host, port, resolver, end);
  if (options.filter != nullptr) {
    std::erase_if(found,
                  [&](const IpAddress& address) { return !(*options.filter)(address.unmapped()); });
    if (found.empty()) {
      co_return Error(Code::permission_denied,
                      "cannot connect to " + place(host, port) + ": its address is not allowed")
          .with_reason("ADDRESS_REFUSED");
    }
  }
  Race::Plan plan;
  plan.where = place(host, port);
  plan.addresses = interleave(found);
  plan.port = port;
  plan.stagger = options.stagger;
  plan.end = end;
  Race race(std::move(plan));
  auto stream = co_await race;
  co_return stream;
}

Task<std::unique_ptr<Stream>> connect_unix(std::string path) {
  const Address address = co_await detail::unix_address(path);
  const std::string where = "unix:" + path;
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // Answered at once: connected, or EAGAIN when too many wait to be accepted.
  if (socket.number() < 0 || ::connect(socket.number(), &address.any, sizeof address.path) != 0) {
    Cause cause = cause_of(errno);
    if (errno == ENOENT) cause.reason = "SOCKET_NOT_FOUND";
    if (errno == EAGAIN) cause = {"CONNECTION_REFUSED", "too many wait to be accepted"};
    co_return cannot_connect(where, cause);
  }
  auto stream = detail::make_socket_stream(std::move(socket), "unix");
  co_return stream;
}

Task<std::unique_ptr<Stream>> connect_tls(std::string host, int port, Resolver& resolver,
                                          std::shared_ptr<const TlsContext> context,
                                          std::vector<std::string> application_protocols,
                                          ConnectOptions options) {
  auto plain = co_await connect_tcp(host, port, resolver, options);
  TlsTarget target;
  target.host = std::move(host);
  target.port = port;
  target.application_protocols = std::move(application_protocols);
  Task<std::unique_ptr<Stream>> starting =
      start_tls(std::move(plain), std::move(context), std::move(target));
  auto stream = co_await std::move(starting);
  co_return stream;
}

std::unique_ptr<Connector> make_connector(Resolver& resolver, std::shared_ptr<TlsStore> tls,
                                          ConnectorOptions options) {
  return std::make_unique<SocketConnector>(resolver, std::move(tls), std::move(options));
}

}  // namespace kit::net
