// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "kit/async/loop.hpp"
#include "kit/http/connection_table.hpp"
#include "kit/http/message.hpp"
#include "kit/http/router.hpp"
#include "kit/net/stream.hpp"

namespace kit::http::detail {

class Exchange;
class ServerState;

using Peer = ConnectionTable::Peer;

/// One client. A state machine driven by readiness and one timer; idle it holds no buffer.
///
/// What is read lands in the server's shared buffer and is served from there; only what has to wait
/// (a head in parts, a body, requests behind one whose handler waits) is copied. Answers gather in
/// the server's shared output and leave in one write per read; what the peer does not take is kept
/// here, and nothing more is read until it is gone.
class Connection final : public ListNode<struct ConnectionTag>,
                         private ReadinessHandler,
                         private Ready {
 public:
  /// `peer`: null for one that is turned away.
  Connection(ServerState& server, std::unique_ptr<net::Stream> stream, Peer* peer);
  ~Connection();

  void start();
  /// Answers with an error before any request, and closes.
  void turn_away(const Error& error);
  /// Closes now when idle, otherwise after the answer.
  void begin_drain();
  /// Closes at once; a handler at work is cancelled. The caller destroys the connection.
  void abandon() { disconnected(); }
  void handler_finished();

  Peer* peer() const { return peer_; }

 private:
  enum class Phase : std::uint8_t { idle, head, body, handling, lingering, closed };

  /// Bytes that the peer has not taken yet.
  struct Piece {
    std::string owned;
    std::string_view rest;
  };

  void on_readiness(Readiness readiness) override;
  void on_ready() override;
  void on_timer();

  // Reading.
  void pump();
  bool may_read() const;
  void read_once();
  void serve_backlog();
  std::size_t feed(std::string_view data);
  std::size_t feed_head(std::string_view data);
  std::size_t feed_body(std::string_view data);
  void head_complete(bool bytes_follow);
  void begin_body(bool bytes_follow, std::size_t most);
  void body_complete();
  void refuse_chunks();
  void check_media_type();
  Clock::time_point body_deadline() const;

  // Answering.
  void call_handler();
  void answer(Result<Response>&& result);
  void answer_error(const Error& error);
  void refuse(int status, std::string_view problem);
  /// `cancel`: the handler is still at work, and ends by itself after being told why.
  void respond(Response&& response, const Error* error, Error* cancel = nullptr);
  void observe(int status, std::size_t bytes, const Error* error);

  // Writing and closing.
  void flush();
  void send(std::string&& owned_body, std::string_view body);
  void keep_unsent(net::IoResult result, std::string&& owned_body, std::string_view body);
  void send_rest();
  void settle();
  void close();
  void disconnected();
  void handler_overdue();
  void let_handler_go(Error why);

  void arm(Clock::time_point deadline);
  void arm_timer();

  ServerState& server_;
  std::unique_ptr<net::Stream> stream_;
  Peer* peer_;
  std::unique_ptr<Exchange> exchange_;
  std::unique_ptr<std::deque<Piece>> unsent_;
  std::string backlog_;  // read, but behind a request that waits
  std::size_t backlog_at_ = 0;
  std::size_t discarded_ = 0;
  Timer timer_;
  Clock::time_point deadline_ = Clock::time_point::max();
  Clock::time_point write_deadline_ = Clock::time_point::max();
  std::uint32_t requests_ = 0;
  Phase phase_ = Phase::idle;
  bool readable_ = false;  // there may be something to read
  bool hung_up_ = false;   // the peer has ended its side
  bool keep_alive_ = true;
  bool closing_ = false;  // once everything is sent
  bool lingers_ = false;  // the peer may still be sending: let it read the answer before the reset
};

}  // namespace kit::http::detail
