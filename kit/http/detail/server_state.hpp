// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kit/async/intrusive_list.hpp"
#include "kit/async/operation.hpp"
#include "kit/http/detail/connection.hpp"
#include "kit/http/detail/exchange.hpp"
#include "kit/http/detail/response_writer.hpp"
#include "kit/http/server.hpp"

namespace kit::http::detail {

/// Ends when a server has no connection left, or at the limit.
class DrainWait final : public Operation<void> {
 public:
  DrainWait(ServerState& server, Clock::duration limit) : server_(server), limit_(limit) {}
  ~DrainWait();
  void server_is_empty() { succeed(); }

 private:
  void start() override;
  void detach() override;

  ServerState& server_;
  Clock::duration limit_;
  Timer timer_;
};

/// What the connections of a server share.
class ServerState {
 public:
  ServerState(const Router& shared_router, ServerOptions given);
  ~ServerState();

  void accept(std::unique_ptr<net::Stream> stream);
  /// Destroys a closed connection.
  void remove(ServerConnection& connection);
  /// `successor` takes the place of `connection`, which is destroyed, and starts.
  template <class Successor>
  void replace(ServerConnection& connection, std::unique_ptr<Successor> successor) {
    Successor& next = *successor.release();
    connections_.push_back(next);
    connection.take_peer();
    delete &connection;
    next.start();
  }
  std::size_t connection_count() const { return count_; }

  std::unique_ptr<Exchange> acquire();
  void release(std::unique_ptr<Exchange> exchange);
  /// Lets a handler end after its connection.
  void adopt(std::unique_ptr<Exchange> exchange);
  void orphan_finished(Exchange& exchange);

  void begin_drain();
  void close_all();

  /// Somebody wants to know how long requests take.
  bool is_timed() const {
    return options.observer != nullptr || options.tracer != nullptr || options.guard != nullptr;
  }
  void hit(Limit limit) { table_->limit_counts().hit(limit); }

  Loop& loop() const { return *loop_; }
  /// The time of the event that is served right now.
  Clock::time_point now() const { return now_; }
  /// What every event begins with.
  void begin_event() { now_ = loop_->now(); }

  const Router& router;
  const ServerOptions options;
  const Limits& limits;
  bool draining = false;
  bool closes_after_answers = false;
  DrainWait* drain_wait = nullptr;
  /// What is read, and what the connection that is served right now has to say; both hold nothing
  /// between events.
  std::vector<char> input;
  std::string output;
  DateLine date;
  const DefaultHeaders default_headers;

 private:
  void turn_away(std::unique_ptr<net::Stream> stream);

  const std::shared_ptr<ConnectionTable> table_;
  Loop* loop_ = nullptr;  // of the first connection
  Clock::time_point now_{};
  std::size_t count_ = 0;  // without those that are being refused
  std::size_t refused_count_ = 0;
  std::vector<std::unique_ptr<Exchange>> orphans_;
  std::vector<std::unique_ptr<Exchange>> free_;
  IntrusiveList<ServerConnection, ConnectionTag> connections_;
};

}  // namespace kit::http::detail
