// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/async/context.hpp"
#include "kit/async/live.hpp"
#include "kit/async/task.hpp"
#include "kit/http/chunked.hpp"
#include "kit/http/detail/incoming_body.hpp"
#include "kit/http/detail/server_connection.hpp"
#include "kit/http/guard.hpp"
#include "kit/http/message.hpp"
#include "kit/http/parser.hpp"
#include "kit/http/router.hpp"
#include "kit/net/stream.hpp"
#include "kit/telemetry/tracer.hpp"

namespace kit::http::detail {

class ServerState;

/// One request on its way: its bytes, what they mean, and the handler at work on it. A connection
/// has one only while a request is under way; idle ones have none. They are pooled, so that a
/// request allocates nothing once they have grown.
class Exchange final : private Ready {
 public:
  Exchange(ServerState& server, const Limits& limits) : parser(limits), server_(server) {}

  /// As new; keeps what is small enough to keep.
  void reset();
  /// Fills `request` and the ids from the parsed head, and finds the route.
  void describe(Peer& from, const net::Stream& stream);
  /// Decides from the head alone whether a handler is called; if not, `refusal` says why.
  void admit();
  /// The same for what is known of the body: its declared size and its type.
  void admit_body(std::size_t most);
  /// The most bytes its body may have.
  std::size_t most_body_bytes() const;
  /// Checks Content-Type and Content-Encoding against what the route takes.
  void check_media_type();
  /// What OPTIONS is answered where no route takes it.
  Response options_answer() const;
  /// When the handler has to be done: the route's limit, or what the client asked for if that is
  /// sooner.
  Clock::time_point handler_deadline() const;
  /// The same for a request whose head did not become known.
  void describe_unknown(Peer& from, const net::Stream& stream);
  /// When the body has to be there: the whole in time, and after a while at a minimum rate.
  Clock::time_point body_deadline() const;
  /// Counts which of the two limits it was.
  void count_late_body() const;
  /// The handler of a body that is read while it arrives begins (or ends) to wait for bytes: the
  /// body's time stands still while it does not.
  void body_awaited(bool awaited);
  /// Tells the observer that the request is over.
  void observe(int answer_status, std::uint64_t bytes, const Error* error) const;
  /// The same for a streamed answer that ended before it was whole; also logs it.
  void observe_broken(const Error& why) const;
  /// Calls the handler of the matched route. True when it has finished already.
  bool start(Clock::time_point deadline);
  /// Why a handler that has finished failed, or null.
  const Error* failure() const;
  /// The answer of one that did not fail. Lives until the exchange is released or streams.
  Response& response() { return task_->value(); }

  /// Begins to send `answer`. The handler's task goes.
  void begin_stream(std::unique_ptr<BodyReader> answer);
  /// Fetches the next piece. True when it is there already; otherwise the connection is told.
  bool fetch_piece();
  bool is_fetching() const { return fetching_; }
  /// The piece that was fetched; it lives until the next `fetch_piece`.
  Result<std::string_view> take_piece();

  RequestParser parser;
  std::string head_bytes;  // what `parser` points into
  std::string body;
  ChunkedDecoder chunks;
  std::uint64_t body_left = 0;
  std::uint64_t body_received = 0;  // on the wire
  Clock::time_point body_started{};
  Clock::time_point body_paused{};
  bool is_awaited = false;               // by a handler that reads while it arrives
  bool continued = false;                // 100 Continue was sent
  std::optional<IncomingBody> incoming;  // before the tasks that may read it
  Clock::time_point loop_started{};
  Clock::time_point started{};

  Request request;
  Router::Match match;
  Admission admission;           // before the tasks, which work for its caller
  std::optional<Error> refusal;  // why no handler is called, once the body has been read
  LogContext log;
  ServerConnection* connection = nullptr;  // null: it has closed, the handler ends by itself
  Peer* peer = nullptr;
  std::size_t orphan_index = 0;
  std::int32_t stream_id = 0;  // HTTP/2
  int status = 0;              // of a streamed answer
  std::uint64_t sent = 0;      // of it, with its head
  std::uint64_t body_left_to_send = 0;
  Context context{Context::Detached{}};
  Counted counted;  // as a request that is under way

 private:
  void on_ready() override;
  /// Tells the guard that let it in; the first time counts.
  void leave_guard();
  Clock::duration body_timeout() const;
  void know_peer(Peer& from, const net::Stream& stream);
  /// Gives the request its ids, and says what it told of its trace.
  telemetry::IncomingTrace identify_request();
  void find_route();

  ServerState& server_;
  std::vector<std::string_view> parameters_;
  std::string scratch_;
  std::string decoded_path_;
  std::string trace_fields_;  // of those that came in pieces
  std::string peer_address_;
  net::TlsPeer tls_peer_;
  mutable int observed_status_ = 0;
  bool refused_ = false;  // by the guard
  std::optional<Error> failure_;
  std::optional<Task<Response>> task_;  // after `context`, which outlives it
  std::unique_ptr<BodyReader> stream_;
  std::optional<Task<std::string_view>> piece_;
  bool fetching_ = false;
};

}  // namespace kit::http::detail
