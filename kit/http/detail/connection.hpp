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
#include "kit/http/detail/exchange.hpp"
#include "kit/http/detail/response_writer.hpp"
#include "kit/http/detail/server_connection.hpp"
#include "kit/http/message.hpp"
#include "kit/http/router.hpp"
#include "kit/net/stream.hpp"

namespace kit::http::detail {

class ServerState;

/// One client that speaks HTTP/1.1. A state machine driven by readiness and one timer; idle it
/// holds no buffer.
///
/// What is read lands in the server's shared buffer and is served from there; only what has to wait
/// (a head in parts, a body, requests behind one whose handler waits) is copied. Answers gather in
/// the server's shared output and leave in one write per read; what the peer does not take is kept
/// here, and nothing more is read until it is gone. A streamed answer is fetched piece by piece,
/// the next one when the peer has taken the one before.
class Connection final : public ServerConnection, private ReadinessHandler, private Ready {
 public:
  Connection(ServerState& server, std::unique_ptr<net::Stream> stream, Peer* peer);
  ~Connection() override;

  void start();
  /// Answers with an error before any request, and closes.
  void turn_away(const Error& error);
  void begin_drain() override;
  void abandon() override { disconnected(); }
  void exchange_ready(Exchange& exchange) override;
  void body_wanted(Exchange& exchange, std::size_t bytes) override;

 private:
  enum class Phase : std::uint8_t {
    idle,
    head,
    body,
    handling,
    sending,  // a streamed answer
    upgrading,
    lingering,
    closed
  };

  /// How the end of a streamed answer shows.
  enum class Framing : std::uint8_t { chunked, sized, until_close };

  static constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";

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
  bool learn_protocol(std::string_view data);
  void serve_backlog();
  std::size_t feed(std::string_view data);
  std::size_t feed_head(std::string_view data);
  std::size_t feed_body(std::string_view data);
  void head_complete(bool bytes_follow);
  void begin_body(bool bytes_follow);
  void body_complete();
  void refuse_chunks();
  void hit_chunk_limit();

  // A body that its handler reads while it arrives.
  void open_body();
  std::size_t feed_open_body(std::string_view data);
  void close_open_body();
  void fail_open_body(int status, std::string_view problem);
  void arm_open_body();

  // Answering.
  void call_handler();
  void answer();
  void answer_error(const Error& error);
  void refuse(int status, std::string_view problem);
  /// `cancel`: the handler is still at work, and ends by itself after being told why.
  void respond(Response&& response, const Error* error, Error* cancel = nullptr);
  void observe(int status, std::uint64_t bytes, const Error* error) {
    exchange_->observe(status, bytes, error);
  }
  ResponseOptions response_options();
  void end_exchange(int status, std::size_t bytes, const Error* error, Error* cancel);
  void await_next();
  Clock::duration idle_time() const;

  // Answers that come in pieces, and other protocols: HTTP/2 before the first request, and those
  // that an answer 101 changes to.
  void respond_in_pieces(Response&& response);
  void fetch_pieces();
  void take_piece();
  void put_piece(std::string_view piece);
  void end_stream();
  void stream_failed(const Error& why);
  void begin_upgrade(Response&& response);
  void hand_over();

  // Writing and closing.
  void flush();
  void send(std::string&& owned_body, std::string_view body);
  void keep_unsent(net::IoResult result, std::string&& owned_body, std::string_view body);
  void await_writable();
  void send_rest();
  void settle();
  void close();
  void disconnected();
  void overdue(int status, std::string_view problem);
  void let_handler_go(Error why);

  void arm(Clock::time_point deadline);
  void arm_timer();

  ServerState& server_;
  std::unique_ptr<net::Stream> stream_;
  std::unique_ptr<Exchange> exchange_;
  std::unique_ptr<Upgrade> upgrade_;
  std::unique_ptr<std::deque<Piece>> unsent_;
  std::string backlog_;  // read, but behind a request that waits
  std::size_t backlog_at_ = 0;
  std::size_t discarded_ = 0;
  Timer timer_;
  Clock::time_point deadline_ = Clock::time_point::max();
  Clock::time_point write_deadline_ = Clock::time_point::max();
  Clock::time_point write_started_{};
  Clock::time_point last_written_{};
  std::uint64_t written_ = 0;  // since `write_started_`
  std::uint32_t requests_ = 0;
  Phase phase_ = Phase::idle;
  bool readable_ = false;        // there may be something to read
  bool hung_up_ = false;         // the peer has ended its side
  bool protocol_known_ = false;  // the first bytes are HTTP/1.1
  bool keep_alive_ = true;
  bool closing_ = false;      // once everything is sent
  bool body_open_ = false;    // the handler reads the rest of the body
  bool piece_begun_ = false;  // a chunk was sent whose line end is still owed
  Framing framing_ = Framing::chunked;
  bool breaks_ = false;   // at its end: nothing else says that the answer is not whole
  bool lingers_ = false;  // the peer may still be sending: let it read the answer before the reset
};

}  // namespace kit::http::detail
