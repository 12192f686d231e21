// SPDX-License-Identifier: Apache-2.0
// What of a connection is about pieces: bodies that are read while they arrive, answers that are
// sent while they are made, and protocols that take the connection over.
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "kit/http/detail/connection.hpp"
#include "kit/http/detail/http2_connection.hpp"
#include "kit/http/detail/refusals.hpp"
#include "kit/http/detail/server_state.hpp"
#include "kit/http/detail/upgraded_connection.hpp"

namespace kit::http::detail {
namespace {

/// Pieces that are there at once before other connections get their turn.
constexpr int most_pieces = 16;
constexpr std::string_view http2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Larger pieces are handed to the kernel from where they are.
constexpr std::size_t most_copied_piece = 16 * 1024;

}  // namespace

// Bodies that are read while they arrive.

void Connection::open_body() {
  Exchange& exchange = *exchange_;
  const RequestHead& head = exchange.parser.head();
  std::optional<std::uint64_t> size;
  if (head.has_content_length) size = head.content_length;
  exchange.incoming.emplace(exchange, size);
  exchange.request.stream = &*exchange.incoming;
  body_open_ = true;
  exchange.is_awaited = true;  // from now on it is the client's time that passes
  phase_ = Phase::handling;
  if (exchange.start(Clock::time_point::max())) return answer();
  arm_open_body();
}

std::size_t Connection::feed_open_body(std::string_view data) {
  Exchange& exchange = *exchange_;
  IncomingBody& incoming = *exchange.incoming;
  std::size_t used = 0;
  bool complete = false;
  if (exchange.parser.head().chunked) {
    used = exchange.chunks.decode(data, exchange.body);
    incoming.put(exchange.body);
    exchange.body.clear();
    if (exchange.chunks.state() == ChunkedDecoder::State::refused) {
      fail_open_body(exchange.chunks.status(), exchange.chunks.problem());
      return data.size();
    }
    complete = exchange.chunks.state() == ChunkedDecoder::State::complete;
  } else {
    used = static_cast<std::size_t>(std::min<std::uint64_t>(exchange.body_left, data.size()));
    incoming.put(data.substr(0, used));
    exchange.body_left -= used;
    complete = exchange.body_left == 0;
  }
  exchange.body_received += used;
  if (complete) {
    incoming.end();
    body_open_ = false;
    // From here on it is the handler's time.
    if (phase_ == Phase::handling) {
      const auto deadline = exchange.handler_deadline();
      exchange.context.set_deadline(deadline);
      arm(deadline);
    } else {
      deadline_ = Clock::time_point::max();
    }
  } else {
    arm_open_body();
  }
  return used;
}

/// Either the client owes bytes that the handler waits for, or the handler owes its next read. Each
/// has its own time; that of the client stands still while the handler is busy.
void Connection::arm_open_body() {
  Exchange& exchange = *exchange_;
  const bool awaited = exchange.incoming->is_awaited();
  exchange.body_awaited(awaited);
  if (awaited && exchange.body_received == 0 && exchange.parser.head().expects_continue &&
      !exchange.continued) {
    exchange.continued = true;
    if (phase_ == Phase::handling) server_.output += continue_line;
  }
  if (awaited) {
    arm(exchange.body_deadline());
  } else if (phase_ == Phase::handling) {
    arm(exchange.handler_deadline());
  } else {
    deadline_ = Clock::time_point::max();  // the peer's taking of the answer has its own
  }
}

void Connection::body_wanted(Exchange&, std::size_t) {
  if (!ListNode<ReadyTag>::linked()) server_.loop().schedule(*this);
}

/// The answer is there before the body is: where the next request begins is not known.
void Connection::close_open_body() {
  body_open_ = false;
  keep_alive_ = false;
  lingers_ = true;
  if (exchange_->incoming) {
    exchange_->incoming->fail(Error(Code::cancelled, "the request was answered already"));
  }
}

void Connection::fail_open_body(int status, std::string_view problem) {
  hit_chunk_limit();
  exchange_->incoming->fail(refusal(status, problem));
  body_open_ = false;
  keep_alive_ = false;
  lingers_ = true;
  if (phase_ == Phase::handling) {
    arm(exchange_->handler_deadline());
  } else {
    deadline_ = Clock::time_point::max();
  }
}

// Answers that are sent while they are made.

void Connection::respond_in_pieces(Response&& response) {
  if (response.upgrade) return begin_upgrade(std::move(response));
  Exchange& exchange = *exchange_;
  const std::optional<std::uint64_t> size = response.stream->size();
  const bool is_old = exchange.parser.head().http_1_0;
  framing_ = size ? Framing::sized : is_old ? Framing::until_close : Framing::chunked;
  if (asks_close(response) || framing_ == Framing::until_close) keep_alive_ = false;
  const bool sends = has_body(response.status) && exchange.request.method != Method::head;
  if (!sends && body_open_) close_open_body();
  ResponseOptions options = response_options();
  options.framing = size     ? BodyFraming::sized
                    : is_old ? BodyFraming::unframed
                             : BodyFraming::chunked;
  options.stream_bytes = size.value_or(0);
  exchange.status = response.status;
  exchange.sent = append_response(server_.output, response, options, {});
  if (!sends) {
    observe(exchange.status, exchange.sent, nullptr);
    server_.release(std::move(exchange_));
    return await_next();
  }
  exchange.body_left_to_send = options.stream_bytes;
  exchange.begin_stream(std::move(response.stream));
  phase_ = Phase::sending;
  piece_begun_ = false;
  deadline_ = Clock::time_point::max();
  if (body_open_) arm_open_body();
  fetch_pieces();
}

/// Fetches what is there, as long as the peer takes it.
void Connection::fetch_pieces() {
  for (int round = 0; round < most_pieces; ++round) {
    if (phase_ != Phase::sending || !exchange_ || unsent_ || exchange_->is_fetching()) return;
    if (!exchange_->fetch_piece()) return flush();
    take_piece();
    if (server_.output.size() >= most_copied_piece) flush();
  }
  flush();
  if (phase_ == Phase::sending && !unsent_ && !ListNode<ReadyTag>::linked()) {
    server_.loop().schedule(*this);
  }
}

void Connection::take_piece() {
  const Result<std::string_view> piece = exchange_->take_piece();
  if (!piece.ok()) return stream_failed(piece.error());
  if (!piece->empty()) return put_piece(*piece);
  if (framing_ == Framing::sized && exchange_->body_left_to_send > 0) {
    return stream_failed(Error(Code::internal, "the answer ended before its announced size"));
  }
  end_stream();
}

void Connection::put_piece(std::string_view piece) {
  Exchange& exchange = *exchange_;
  std::string& output = server_.output;
  if (framing_ == Framing::sized) {
    if (piece.size() > exchange.body_left_to_send) {
      return stream_failed(Error(Code::internal, "the answer is longer than its announced size"));
    }
    exchange.body_left_to_send -= piece.size();
  } else if (framing_ == Framing::chunked) {
    // The line end of a chunk is sent with what follows it, so that its bytes can go from where
    // they are.
    std::array<char, 20> line;
    char* to = line.data();
    if (piece_begun_) to = std::ranges::copy(std::string_view("\r\n"), to).out;
    to = std::to_chars(to, to + 16, piece.size(), 16).ptr;
    to = std::ranges::copy(std::string_view("\r\n"), to).out;
    output.append(line.data(), to);
    piece_begun_ = true;
  }
  exchange.sent += piece.size();
  if (piece.size() <= most_copied_piece) {
    output += piece;
  } else {
    send({}, piece);
  }
}

void Connection::end_stream() {
  if (framing_ == Framing::chunked) {
    server_.output += piece_begun_ ? "\r\n0\r\n\r\n" : "0\r\n\r\n";
  }
  if (body_open_) close_open_body();
  observe(exchange_->status, exchange_->sent, nullptr);
  server_.release(std::move(exchange_));
  await_next();
}

/// The head is out already: all that is left is to make sure that nobody takes this for the whole.
/// The connection ends behind what was said so far, the answers before this one included.
void Connection::stream_failed(const Error& why) {
  exchange_->observe_broken(why);
  breaks_ = framing_ == Framing::until_close;
  if (body_open_) close_open_body();
  server_.release(std::move(exchange_));
  keep_alive_ = false;
  await_next();
}

// Protocols that take the connection over.

void Connection::begin_upgrade(Response&& response) {
  Exchange& exchange = *exchange_;
  if (exchange.parser.head().http_1_0 || body_open_ || server_.draining) {
    const Error why = server_.draining ? refusal(503, "the server is shutting down")
                                       : refusal(400, "this request cannot change the protocol");
    if (server_.draining) keep_alive_ = false;
    return answer_error(why);
  }
  response.status = 101;
  ResponseOptions options = response_options();
  options.close = false;
  options.upgrade = response.upgrade->protocol();
  const std::size_t bytes = append_response(server_.output, response, options, {});
  observe(101, bytes, nullptr);
  upgrade_ = std::move(response.upgrade);
  phase_ = Phase::upgrading;
}

/// The first bytes say what is spoken. False: they are kept until there are enough to tell, or they
/// are not HTTP/1.1.
bool Connection::learn_protocol(std::string_view data) {
  const std::string_view agreed = stream_->application_protocol();
  const bool may_be_http2 =
      agreed == "h2" || (agreed.empty() && data.front() == http2_preface.front());
  if (!exchange_ && !may_be_http2) return protocol_known_ = true;
  if (!exchange_) exchange_ = server_.acquire();
  std::string& kept = exchange_->head_bytes;
  kept += data;
  const std::size_t compared = std::min(kept.size(), http2_preface.size());
  const bool matches = std::string_view(kept).starts_with(http2_preface.substr(0, compared));
  if (matches && compared == http2_preface.size()) {
    phase_ = Phase::upgrading;
  } else if (matches) {
    if (phase_ == Phase::idle) arm(server_.now() + server_.limits.header_timeout);
    phase_ = Phase::head;
  } else if (agreed == "h2") {
    close();
  } else {
    protocol_known_ = true;
    phase_ = Phase::idle;
    backlog_ = std::exchange(kept, {});
  }
  return false;
}

/// The last step of a connection that speaks something else from now on. Destroys it.
void Connection::hand_over() {
  if (!upgrade_) {
    std::string arrived = std::move(exchange_->head_bytes);
    server_.release(std::move(exchange_));
    return server_.replace(*this, std::make_unique<Http2Connection>(
                                      server_, peer(), std::move(stream_), std::move(arrived)));
  }
  UpgradedConnection::Start start;
  if (unsent_) {
    for (const Piece& piece : *unsent_) start.unsent += piece.rest;
  }
  start.unsent += server_.output;
  server_.output.clear();
  start.arrived = backlog_.substr(backlog_at_);
  start.stream = std::move(stream_);
  start.exchange = std::move(exchange_);
  start.exchange->connection = nullptr;
  start.upgrade = std::move(upgrade_);
  server_.replace(*this, std::make_unique<UpgradedConnection>(server_, peer(), std::move(start)));
}

}  // namespace kit::http::detail
