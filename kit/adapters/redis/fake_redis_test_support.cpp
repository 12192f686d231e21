// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/fake_redis_test_support.hpp"

namespace kit::redis {

void FakeRedis::Peer::read() {
  std::array<char, 65'536> buffer;
  while (stream_ != nullptr) {
    const net::IoResult result = stream_->read(buffer);
    if (result.status == net::IoStatus::would_block) return;
    if (result.status != net::IoStatus::ok) {
      is_closed_ = true;
      return;
    }
    std::string_view input(buffer.data(), result.bytes);
    const std::size_t before = commands.size();
    while (!input.empty()) {
      auto command = parser_.next(input);
      ASSERT_TRUE(command.ok()) << command.error().describe();
      if (*command) take(**command);
    }
    if (commands.size() > before) read_sizes.push_back(commands.size() - before);
  }
}

void FakeRedis::Peer::take(const Reply& command) {
  std::string text;
  for (const Reply& word : command.items()) text += (text.empty() ? "" : " ") + word.bytes();
  if (text.starts_with("HELLO")) return send(owner_.hello);
  commands.push_back(text);
  send(owner_.answer(*this, text));
}

void FakeRedis::Peer::write() {
  while (!unsent_.empty() && stream_ != nullptr) {
    const std::string_view rest = unsent_;
    const net::IoResult result = stream_->write({&rest, 1});
    if (result.status != net::IoStatus::ok) return;
    unsent_.erase(0, result.bytes);
  }
}

class FakeRedis::Connector final : public net::Connector {
 public:
  explicit Connector(FakeRedis& owner) : owner_(owner) {}

  Task<std::unique_ptr<net::Stream>> connect(net::Endpoint endpoint) override {
    ++owner_.connects;
    owner_.connected_at.push_back(Loop::current().now());
    if (owner_.delay > Clock::duration::zero()) co_await sleep_for(owner_.delay);
    if (owner_.refusals > 0) {
      --owner_.refusals;
      co_return Error(Code::unavailable, "refused").with_reason("CONNECTION_REFUSED");
    }
    auto pair = testing::make_memory_pair(owner_.loop_, owner_.network);
    std::string place = endpoint.host + ":" + std::to_string(endpoint.port);
    owner_.peers.push_back(
        std::make_unique<Peer>(owner_, std::move(place), std::move(pair.second)));
    co_return std::move(pair.first);
  }

 private:
  FakeRedis& owner_;
};

std::unique_ptr<net::Connector> FakeRedis::make_connector() {
  return std::make_unique<Connector>(*this);
}

}  // namespace kit::redis
