// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "kit/async/context.hpp"
#include "kit/async/task.hpp"
#include "kit/http/detail/server_connection.hpp"
#include "kit/http/message.hpp"
#include "kit/net/async_stream.hpp"

namespace kit::http::detail {

class ServerState;

/// A connection that speaks another protocol after an answer 101. It keeps the request it came
/// from, whose views the protocol's task may use.
class UpgradedConnection final : public ServerConnection, private Ready {
 public:
  struct Start {
    std::unique_ptr<net::Stream> stream;
    std::string arrived;  ///< What the client sent behind its request.
    std::string unsent;   ///< The end of our answer.
    std::unique_ptr<Exchange> exchange;
    std::unique_ptr<Upgrade> upgrade;
  };
  UpgradedConnection(ServerState& server, Peer* peer, Start start);
  ~UpgradedConnection() override;

  void start();
  void begin_drain() override;
  void abandon() override {}
  void exchange_ready(Exchange&) override {}
  void body_wanted(Exchange&, std::size_t) override {}

 private:
  void on_ready() override;
  Task<> serve();
  Task<> send_unsent();

  ServerState& server_;
  std::unique_ptr<Exchange> exchange_;
  net::AsyncStream stream_;
  std::string unsent_;
  std::unique_ptr<Upgrade> upgrade_;
  Context context_{Context::Detached{}};
  std::optional<Task<>> task_;  // last: it uses all of the others
};

}  // namespace kit::http::detail
