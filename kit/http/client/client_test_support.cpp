// SPDX-License-Identifier: Apache-2.0
#include "kit/http/client/client_test_support.hpp"

namespace kit::http {

/// A stream that can be told to fail.
class TestConnector::Wire final : public net::Stream {
 public:
  Wire(const TestConnector& connector, std::unique_ptr<net::Stream> stream)
      : connector_(connector), protocol_(connector.protocol), stream_(std::move(stream)) {}

  net::IoResult read(std::span<char> into) override { return stream_->read(into); }
  net::IoResult write(std::span<const std::string_view> parts) override {
    if (connector_.writes_fail) return {net::IoStatus::closed, 0, 0};
    return stream_->write(parts);
  }
  void watch(ReadinessHandler& handler) override { stream_->watch(handler); }
  void shutdown_write() override { stream_->shutdown_write(); }
  void abort() override { stream_->abort(); }
  std::string_view peer() const override { return stream_->peer(); }
  std::string_view application_protocol() const override { return protocol_; }

 private:
  const TestConnector& connector_;
  std::string protocol_;
  std::unique_ptr<net::Stream> stream_;
};

Task<std::unique_ptr<net::Stream>> TestConnector::connect(net::Endpoint endpoint) {
  endpoints.push_back(std::move(endpoint));
  if (delay > Clock::duration::zero()) co_await sleep_for(delay);
  if (refusals > 0) {
    --refusals;
    co_return refusal.clone();
  }
  if (server != nullptr) {
    auto pair = testing::make_memory_pair(loop_, network);
    server->on_accept(std::move(pair.first));
    co_return std::make_unique<Wire>(*this, std::move(pair.second));
  }
  net::AcceptHandler& self = *this;
  peers.push_back(std::make_unique<testing::MemoryClient>(loop_, self, network));
  peers.back()->pause_reading(!peers_read);
  while (!accepted_) co_await sleep_for(Clock::duration::zero());
  co_return std::make_unique<Wire>(*this, std::move(accepted_));
}

}  // namespace kit::http
