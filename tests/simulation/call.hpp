// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "kit/async/operation.hpp"
#include "kit/http/client/client.hpp"
#include "kit/net/connector.hpp"
#include "kit/testing/memory_network.hpp"
#include "tests/simulation/chance.hpp"
#include "tests/simulation/client.hpp"

namespace simulation {

/// One call, and what has to come of it.
struct Call {
  std::string id;
  std::chrono::milliseconds delay{0};
  kit::http::Method method = kit::http::Method::get;
  std::string target;
  std::size_t size = 0;     // of the body that is sent
  bool sends = false;       // a body
  bool in_pieces = false;   // that is streamed
  bool states_size = true;  // likewise
  kit::http::SendOptions options;
  std::chrono::milliseconds patience{0};  // a deadline of the caller
  std::chrono::milliseconds cancel_after{0};
  std::chrono::milliseconds drop_after{0};  // without a word
  std::size_t reads_only = 0;               // so much of a streamed answer; 0: all

  int status = 200;
  std::string body;
  bool breaks = false;  // its answer must not look whole
  bool may_be_busy = false;

  bool once() const { return method == kit::http::Method::post && !options.idempotent; }
  bool impatient() const {
    return patience > std::chrono::milliseconds(0) || cancel_after > std::chrono::milliseconds(0) ||
           drop_after > std::chrono::milliseconds(0) || reads_only > 0;
  }
};

/// A body in pieces that come when they come.
class Pieces final : public kit::http::BodyReader {
 public:
  Pieces(std::uint64_t seed, std::size_t size, bool states_size)
      : chance_(seed), all_(pattern(size)), states_size_(states_size) {}

  kit::Task<std::string_view> read() override {
    if (chance_.once_in(4)) {
      kit::Sleep pause(chance_.up_to(std::chrono::milliseconds(30)));
      co_await pause;
    }
    const std::size_t most = std::max<std::size_t>(all_.size() / 4, 1);
    piece_ = all_.substr(at_, chance_.between(1, most));
    at_ += piece_.size();
    co_return std::string_view(piece_);
  }
  std::optional<std::uint64_t> size() const override {
    return states_size_ ? std::optional<std::uint64_t>(all_.size()) : std::nullopt;
  }

 private:
  Chance chance_;
  std::string all_, piece_;
  std::size_t at_ = 0;
  bool states_size_;
};

/// Connects to the server, or not.
class Network final : public kit::net::Connector {
 public:
  Network(kit::testing::VirtualLoop& loop, std::uint64_t seed, bool troubled)
      : loop_(loop), chance_(seed), troubled_(troubled) {}

  kit::Task<std::unique_ptr<kit::net::Stream>> connect(kit::net::Endpoint) override {
    kit::Sleep way(
        chance_.up_to(troubled_ ? std::chrono::milliseconds(3000) : std::chrono::milliseconds(50)));
    co_await way;
    if (troubled_ && chance_.once_in(8)) {
      co_return kit::Error(kit::Code::unavailable, "refused").with_reason("CONNECTION_REFUSED");
    }
    kit::testing::MemoryNetworkOptions options;
    options.seed = chance_.seed();
    if (chance_.once_in(2)) options.most_moved = chance_.between(1, 3000);
    if (chance_.once_in(2))
      options.most_delay = chance_.up_to(troubled_ ? std::chrono::milliseconds(2000)
                                                   : std::chrono::milliseconds(20));
    if (troubled_ && chance_.once_in(3)) options.breaks_after = chance_.between(1, 20'000);
    auto pair = kit::testing::make_memory_pair(loop_, options);
    server->on_accept(std::move(pair.first));
    co_return std::move(pair.second);
  }

  kit::net::AcceptHandler* server = nullptr;

 private:
  kit::testing::VirtualLoop& loop_;
  Chance chance_;
  bool troubled_;
};

}  // namespace simulation
