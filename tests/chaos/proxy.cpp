// SPDX-License-Identifier: Apache-2.0
#include "tests/chaos/proxy.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kit/async/operation.hpp"
#include "kit/base/assert.hpp"
#include "kit/net/async_stream.hpp"
#include "kit/net/connect.hpp"

namespace kit::tests {
namespace {

using std::chrono::milliseconds;

/// How often a connection that is held looks whether it still is.
constexpr milliseconds hold_interval{5};
/// Between two bytes that arrive one by one: the reader has taken the first when the second comes.
constexpr std::chrono::microseconds trickle_interval{100};

struct FaultName {
  std::string_view name;
  Fault fault;
};
constexpr FaultName fault_names[] = {
    {"pass", Fault::pass},       {"delay", Fault::delay},       {"blackhole", Fault::blackhole},
    {"corrupt", Fault::corrupt}, {"reset", Fault::reset},       {"trickle", Fault::trickle},
    {"cut", Fault::cut},         {"throttle", Fault::throttle}, {"refuse", Fault::refuse},
};

}  // namespace

std::optional<Fault> parse_fault(std::string_view name) {
  for (const FaultName& one : fault_names) {
    if (one.name == name) return one.fault;
  }
  return std::nullopt;
}

/// A connection of the client and the one to the server that belongs to it.
struct ChaosProxy::Pair {
  explicit Pair(std::unique_ptr<net::Stream> stream) : client(std::move(stream)) {}

  net::AsyncStream client;
  std::optional<net::AsyncStream> server;
  std::uint64_t from_server = 0;
  TaskGroup pumps{"pumps"};

  /// Both sides read an error instead of an end.
  void break_off() {
    client.stream().abort();
    if (server) server->stream().abort();
    pumps.cancel();
  }
};

ChaosProxy::ChaosProxy(std::string host, int port)
    : host_(std::move(host)), target_(port), connector_(net::make_connector(resolver_, nullptr)) {
  tasks_.emplace("chaos proxy");
  listen();
}

ChaosProxy::~ChaosProxy() {
  listener_.reset();
  tasks_.reset();
}

void ChaosProxy::listen() {
  net::ListenOptions options;
  options.port = port_;
  auto listener = net::listen_tcp(options, *this);
  KIT_ASSERT(listener, listener.error().message().c_str());
  listener_ = std::move(*listener);
  port_ = listener_->port();
}

void ChaosProxy::set(Fault fault, std::uint64_t amount) {
  fault_ = fault;
  amount_ = amount;
  if (fault == Fault::reset || fault == Fault::refuse) break_all();
  if (fault == Fault::refuse) {
    listener_.reset();
  } else if (!listener_) {
    listen();
  }
}

void ChaosProxy::break_all() {
  for (Pair* pair : open_) pair->break_off();
}

void ChaosProxy::on_accept(std::unique_ptr<net::Stream> stream) {
  if (fault_ == Fault::reset) {
    stream->abort();
    return;
  }
  tasks_->spawn(serve(std::make_unique<Pair>(std::move(stream))));
}

Task<> ChaosProxy::serve(std::unique_ptr<Pair> pair) {
  struct Registered {
    std::set<Pair*>& all;
    Pair* pair;
    Registered(std::set<Pair*>& open, Pair* one) : all(open), pair(one) { all.insert(pair); }
    ~Registered() { all.erase(pair); }
  } registered(open_, pair.get());

  co_await while_held();
  net::Endpoint endpoint;
  endpoint.host = host_;
  endpoint.port = target_;
  Task<std::unique_ptr<net::Stream>> connecting = connector_->connect(std::move(endpoint));
  Result<std::unique_ptr<net::Stream>> server = co_await as_result(std::move(connecting));
  if (!server || fault_ == Fault::reset || fault_ == Fault::refuse) {
    pair->client.stream().abort();
    co_return;  // the server is away: so is the proxy
  }
  pair->server.emplace(std::move(*server));
  pair->pumps.spawn(pump(*pair, true));
  pair->pumps.spawn(pump(*pair, false));
  Task<> joining = pair->pumps.join();
  const Result<> ended = co_await as_result(std::move(joining));
  if (!ended) pair->break_off();  // one side broke, so the other one does
}

Task<> ChaosProxy::pump(Pair& pair, bool from_server) {
  net::AsyncStream& from = from_server ? *pair.server : pair.client;
  net::AsyncStream& to = from_server ? pair.client : *pair.server;
  std::array<char, 16'384> buffer;
  for (;;) {
    co_await while_held();
    const std::size_t count = co_await from.read(buffer);
    co_await while_held();
    if (count == 0) {
      to.shutdown_write();
      co_return;
    }
    if (fault_ == Fault::corrupt && ++parts_ % std::max<std::uint64_t>(amount_, 1) == 0) {
      const std::uint64_t bit = random_() % (count * 8);
      buffer[bit / 8] = static_cast<char>(buffer[bit / 8] ^ (1 << (bit % 8)));
    }
    co_await forward(pair, from_server, std::string_view(buffer.data(), count));
  }
}

Task<> ChaosProxy::forward(Pair& pair, bool from_server, std::string_view bytes) {
  net::AsyncStream& to = from_server ? pair.client : *pair.server;
  if (fault_ == Fault::delay) co_await sleep_for(milliseconds(amount_));
  if (fault_ == Fault::throttle) {
    co_await sleep_for(
        std::chrono::microseconds(1'000'000 * bytes.size() / std::max<std::uint64_t>(amount_, 1)));
  }
  if (fault_ == Fault::trickle) {
    const std::size_t single = std::min(bytes.size(), trickled_bytes);
    for (std::size_t i = 0; i < single; ++i) {
      co_await to.write(bytes.substr(i, 1));
      co_await sleep_for(trickle_interval);
    }
    bytes.remove_prefix(single);
  }
  if (from_server) {
    if (fault_ == Fault::cut && pair.from_server + bytes.size() > amount_) {
      const std::uint64_t left = amount_ - std::min(amount_, pair.from_server);
      co_await to.write(bytes.substr(0, static_cast<std::size_t>(left)));
      co_await Error(Code::unavailable, "cut");
    }
    pair.from_server += bytes.size();
  }
  if (!bytes.empty()) co_await to.write(bytes);
}

Task<> ChaosProxy::while_held() {
  while (fault_ == Fault::blackhole) co_await sleep_for(hold_interval);
}

}  // namespace kit::tests
