// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kit/async/loop.hpp"
#include "kit/http/detail/http2_fields.hpp"
#include "kit/http/detail/http2_meter.hpp"
#include "kit/http/detail/http2_stream.hpp"
#include "kit/http/detail/server_connection.hpp"
#include "kit/http/message.hpp"
#include "kit/net/stream.hpp"

namespace kit::http::detail {

class ServerState;

/// One client that speaks HTTP/2. Frames, HPACK and flow control are nghttp2's; requests, limits
/// and deadlines are ours: each stream drives an `Exchange` as an HTTP/1.1 connection does.
///
/// What is read is fed to the session, whose callbacks begin and end requests; what the session has
/// to say gathers in the server's shared output and leaves in as few writes as possible at the end
/// of each event. While the peer does not take it nothing is read: whatever it provokes is bounded
/// by one read. A body's window opens as its handler takes bytes; an answer is put into frames only
/// as the peer's windows allow.
class Http2Connection final : public ServerConnection, private ReadinessHandler, private Ready {
 public:
  /// `arrived`: what the client sent so far, from its preface on.
  Http2Connection(ServerState& server, Peer* peer, std::unique_ptr<net::Stream> stream,
                  std::string arrived);
  ~Http2Connection() override;

  void start();
  void begin_drain() override;
  void abandon() override { disconnected(); }
  void exchange_ready(Exchange& exchange) override;
  void body_wanted(Exchange& exchange, std::size_t bytes) override;

 private:
  enum class Phase : std::uint8_t { open, lingering, closed };
  friend struct Http2Callbacks;

  void on_readiness(Readiness readiness) override;
  void on_ready() override;
  void on_timer();

  // The connection: reading, writing, ending (http2_connection.cpp).
  void open_session();
  void pump();
  bool may_read() const;
  void read_once();
  void feed(std::string_view data);
  void note_header_block();
  void terminate(std::uint32_t error_code, std::string_view problem);
  void flush();
  bool gather();
  void send_rest();
  void await_writable();
  void settle();
  void linger();
  void disconnected();
  void start_drain();
  void finish_drain();
  void connection_overdue(Clock::time_point now);
  void arm(Clock::time_point deadline);
  void arm_timer();
  void schedule_turn();
  Clock::time_point next_deadline() const;

  // Requests (http2_requests.cpp).
  Http2Stream* find(std::int32_t id) const;
  void begin_request(std::int32_t id);
  bool add_field(Http2Stream* stream, std::string_view name, std::string_view value);
  void head_complete(Http2Stream& stream, bool ended);
  bool parse_head(Http2Stream& stream);
  void begin_body(Http2Stream& stream);
  void open_body(Http2Stream& stream);
  void arm_open_body(Http2Stream& stream);
  void close_open_body(Http2Stream& stream);
  void body_bytes(Http2Stream& stream, std::string_view bytes);
  void collect(Http2Stream& stream, std::string_view bytes);
  void request_ended(Http2Stream& stream);
  void body_complete(Http2Stream& stream);
  void call_handler(Http2Stream& stream);
  void say_continue(Http2Stream& stream);
  void open_windows(Http2Stream& stream, std::size_t bytes);
  void stream_closed(Http2Stream& stream, std::uint32_t error_code);
  void stream_overdue(Http2Stream& stream);

  // Answers (http2_answers.cpp).
  void count_slow_peer(Clock::time_point now, Clock::time_point last_taken);
  void answer(Http2Stream& stream);
  void answer_error(Http2Stream& stream, const Error& error);
  void refuse(Http2Stream& stream, int status, std::string_view problem);
  void overdue(Http2Stream& stream, int status, std::string_view problem);
  /// `cancel`: the handler is still at work, and ends by itself after being told why.
  void respond(Http2Stream& stream, Response&& response, const Error* error,
               const Error* cancel = nullptr);
  void respond_whole(Http2Stream& stream, const Error* error);
  void respond_in_pieces(Http2Stream& stream);
  ResponseOptions response_options(const Http2Stream& stream);
  bool sends_body(const Http2Stream& stream) const;
  void submit(Http2Stream& stream, const ResponseOptions& options, bool has_data);
  void release_exchange(Http2Stream& stream);
  void let_handler_go(Http2Stream& stream, const Error& why);
  void client_left(Http2Stream& stream, const Error& why);
  void reset(Http2Stream& stream, std::uint32_t error_code);
  ssize_t next_bytes(Http2Stream& stream, std::size_t most, std::uint32_t& flags);
  bool take_piece(Http2Stream& stream);
  void broke_off(Http2Stream& stream, const Error& why);
  void put_data(Http2Stream& stream, std::string_view frame_head, std::size_t length);
  void frame_sent(const nghttp2_frame& frame);
  void reset_sent(std::uint32_t error_code);
  void answer_sent(Http2Stream& stream);
  void await_taking(Http2Stream& stream);

  ServerState& server_;
  std::unique_ptr<net::Stream> stream_;
  nghttp2_session* session_ = nullptr;
  IntrusiveList<Http2Stream, Http2StreamTag> streams_;  // owned
  std::size_t stream_count_ = 0;
  Http2Meter meter_;
  Http2Fields fields_;
  std::string arrived_;  // before the start
  std::string unsent_;   // what the peer has not taken yet
  std::size_t unsent_at_ = 0;
  std::size_t list_bytes_ = 0;  // of the header block that is being read
  std::size_t buffered_ = 0;    // of bodies that are being collected
  std::size_t discarded_ = 0;
  std::string_view problem_;  // why the client is cut
  Timer timer_;
  Clock::time_point idle_deadline_ = Clock::time_point::max();
  Clock::time_point header_deadline_ = Clock::time_point::max();
  Clock::time_point drain_deadline_ = Clock::time_point::max();
  Clock::time_point write_deadline_ = Clock::time_point::max();
  Clock::time_point write_started_{};
  Clock::time_point last_written_{};
  std::uint64_t written_ = 0;  // since `write_started_`
  std::uint32_t requests_ = 0;
  std::uint32_t seen_header_blocks_ = 0;
  Phase phase_ = Phase::open;
  bool readable_ = false;
  bool hung_up_ = false;
  std::int32_t last_stream_ = std::numeric_limits<std::int32_t>::max();  // that is served
  bool draining_ = false;
  bool broken_ = false;      // the session ran out of memory in a callback
  bool body_taken_ = false;  // by a handler, in some stream
};

}  // namespace kit::http::detail
