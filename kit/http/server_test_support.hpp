// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kit/async/operation.hpp"
#include "kit/http/server.hpp"
#include "kit/testing/memory_network.hpp"

namespace kit::http {

/// Remembers what the server reports.
class Recorder final : public RequestObserver {
 public:
  void on_finished(const Finished& finished) override {
    lines.push_back(std::string(name(finished.request.method)) + " " +
                    std::string(finished.request.route) + " " + std::to_string(finished.status));
    if (finished.error != nullptr) errors.push_back(finished.error->describe());
    last_duration = finished.duration;
    last_request_bytes = finished.request_bytes;
    has_log_context =
        current_log_context != nullptr && finished.request.log_context == current_log_context;
  }
  std::vector<std::string> lines;
  std::vector<std::string> errors;
  Clock::duration last_duration{};
  std::uint64_t last_request_bytes = 0;
  bool has_log_context = false;
};

/// A server with a few routes on a virtual clock, and clients without sockets.
class ServerTest : public ::testing::Test {
 protected:
  ServerTest() { add_routes(); }

  void add_routes();
  /// Starts the server; `options` may be changed before.
  void serve() {
    options.observer = &recorder;
    server = std::make_unique<Server>(router, options);
  }
  std::unique_ptr<testing::MemoryClient> connect(
      const testing::MemoryNetworkOptions& network = {}) {
    if (!server) serve();
    auto client = std::make_unique<testing::MemoryClient>(loop, *server, network);
    run();
    return client;
  }
  /// What happens at once.
  void run() { loop.advance(Clock::duration::zero()); }
  /// Sends `request` on a new connection and returns all that comes within `time`.
  std::string exchange(std::string_view request, Clock::duration time = Clock::duration::zero(),
                       const testing::MemoryNetworkOptions& network = {}) {
    auto client = connect(network);
    client->send(request);
    loop.advance(time);
    last_closed = client->closed();
    return client->take();
  }

  testing::VirtualLoop loop;
  Router router;
  ServerOptions options;
  Recorder recorder;
  int started = 0;
  int finished = 0;
  std::string cancelled_with;
  Clock::duration handler_budget{};
  std::string big = std::string(300'000, 'b');
  std::unique_ptr<Server> server;
  bool last_closed = false;
};

inline bool has(const std::string& text, std::string_view part) {
  return text.find(part) != text.npos;
}

inline std::size_t count_of(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

}  // namespace kit::http
