// SPDX-License-Identifier: Apache-2.0
// How frames become requests: heads, bodies, and what becomes of a stream.
#include <algorithm>
#include <utility>

#include "kit/http/detail/http2_connection.hpp"
#include "kit/http/detail/refusals.hpp"
#include "kit/http/detail/server_state.hpp"

namespace kit::http::detail {
namespace {

/// What a field counts for beside its texts (RFC 9113 section 6.5.2).
constexpr std::size_t field_overhead = 32;
/// A header list this much over its limit is no mistake any more.
constexpr std::size_t hopeless_factor = 4;
/// A refused request's body is read, so that its answer is not lost on clients that send first,
/// when it is small.
constexpr std::size_t most_ignored_body = 64 * 1024;
constexpr std::size_t most_reserved_body = 64 * 1024;

}  // namespace

// Heads.

Http2Stream* Http2Connection::find(std::int32_t id) const {
  return static_cast<Http2Stream*>(nghttp2_session_get_stream_user_data(session_, id));
}

void Http2Connection::begin_request(std::int32_t id) {
  // The GOAWAY that waits to be sent says that it is not served: the client will ask elsewhere.
  if (id > last_stream_) {
    broken_ |=
        nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM) != 0;
    return;
  }
  auto* const stream = new Http2Stream;
  stream->id = id;
  stream->exchange = server_.acquire();
  stream->exchange->stream_id = id;
  streams_.push_back(*stream);
  ++stream_count_;
  nghttp2_session_set_stream_user_data(session_, id, stream);
  idle_deadline_ = Clock::time_point::max();
}

/// `stream`: null for trailers. False: the connection is to be cut.
bool Http2Connection::add_field(Http2Stream* stream, std::string_view name,
                                std::string_view value) {
  const Limits& limits = server_.limits;
  list_bytes_ += name.size() + value.size() + field_overhead;
  if (list_bytes_ > hopeless_factor * limits.header_bytes) {
    problem_ = "the header fields are far too large";
    return false;
  }
  if (stream == nullptr || stream->refused_with != 0) return true;
  if (name == ":path" && value.size() > limits.request_line_bytes) {
    stream->refused_with = 414;
    server_.hit(Limit::request_line_bytes);
  } else if (list_bytes_ > limits.header_bytes ||
             stream->fields.size() >= limits.header_count + 4) {  // the pseudo-headers
    stream->refused_with = 431;
    server_.hit(list_bytes_ > limits.header_bytes ? Limit::header_bytes : Limit::header_count);
  } else {
    std::string& texts = stream->exchange->head_bytes;
    stream->fields.push_back({static_cast<std::uint32_t>(texts.size()),
                              static_cast<std::uint32_t>(name.size()),
                              static_cast<std::uint32_t>(value.size())});
    texts.append(name).append(value);
  }
  return true;
}

/// Gives the fields to the parser; several Cookie fields are one (RFC 9113 section 8.2.3).
bool Http2Connection::parse_head(Http2Stream& stream) {
  std::string& texts = stream.exchange->head_bytes;
  auto name_of = [&](const Http2Stream::Field& field) {
    return std::string_view(texts).substr(field.at, field.name_size);
  };
  auto value_of = [&](const Http2Stream::Field& field) {
    return std::string_view(texts).substr(field.at + field.name_size, field.value_size);
  };
  std::string cookies;
  std::size_t cookie_count = 0;
  RequestParser::PseudoHeaders pseudo;
  for (const auto& field : stream.fields) {
    if (name_of(field) != "cookie") continue;
    if (cookie_count++ > 0) cookies += "; ";
    cookies += value_of(field);
  }
  const std::size_t cookies_at = texts.size();
  if (cookie_count > 1) texts += cookies;  // from here on `texts` stays where it is
  for (const auto& field : stream.fields) {
    const std::string_view name = name_of(field);
    if (name == ":method") pseudo.method = value_of(field);
    if (name == ":scheme") pseudo.scheme = value_of(field);
    if (name == ":authority") pseudo.authority = value_of(field);
    if (name == ":path") pseudo.path = value_of(field);
  }
  RequestParser& parser = stream.exchange->parser;
  if (!parser.begin(pseudo)) return false;
  for (const auto& field : stream.fields) {
    const std::string_view name = name_of(field);
    if (name.starts_with(':') || (cookie_count > 1 && name == "cookie")) continue;
    if (!parser.field(name, value_of(field))) return false;
  }
  if (cookie_count > 1 && !parser.field("cookie", std::string_view(texts).substr(cookies_at))) {
    return false;
  }
  return parser.end() == ParseState::complete;
}

void Http2Connection::head_complete(Http2Stream& stream, bool ended) {
  Exchange& exchange = *stream.exchange;
  exchange.connection = this;
  exchange.loop_started = server_.now();
  if (server_.is_timed()) exchange.started = Clock::now();
  stream.request_ended = ended;
  if (++requests_ >= server_.limits.requests_per_connection) {
    if (requests_ == server_.limits.requests_per_connection) {
      server_.hit(Limit::requests_per_connection);
    }
    start_drain();
  }
  const bool parsed = stream.refused_with == 0 && parse_head(stream);
  if (!parsed) {
    exchange.describe_unknown(*peer_, *stream_);
    if (exchange.parser.head().method == Method::head) exchange.request.method = Method::head;
    if (stream.refused_with == 0) {
      if (const auto limit = exchange.parser.limit()) server_.hit(*limit);
      return refuse(stream, exchange.parser.status(), exchange.parser.problem());
    }
    return refuse(stream, stream.refused_with,
                  stream.refused_with == 414 ? "the request target is too long"
                                             : "the header fields are too large");
  }
  exchange.describe(*peer_, *stream_);
  exchange.admit();
  if (ended) return body_complete(stream);
  begin_body(stream);
}

// Bodies.

void Http2Connection::begin_body(Http2Stream& stream) {
  Exchange& exchange = *stream.exchange;
  const RequestHead& head = exchange.parser.head();
  stream.most_body = exchange.most_body_bytes();
  exchange.admit_body(stream.most_body);
  if (exchange.refusal) {
    stream.most_body = std::min(stream.most_body, most_ignored_body);
    if (head.expects_continue || head.content_length > stream.most_body) {
      return answer_error(stream, *exchange.refusal);
    }
  }
  exchange.body_started = server_.now();
  if (!exchange.refusal && exchange.match.route != nullptr &&
      exchange.match.route->options.streams_body) {
    return open_body(stream);
  }
  stream.phase = Http2Stream::Phase::body;
  exchange.body.reserve(
      static_cast<std::size_t>(std::min<std::uint64_t>(head.content_length, most_reserved_body)));
  if (head.expects_continue) say_continue(stream);
  arm(stream.deadline = exchange.body_deadline());
}

void Http2Connection::open_body(Http2Stream& stream) {
  Exchange& exchange = *stream.exchange;
  const RequestHead& head = exchange.parser.head();
  std::optional<std::uint64_t> size;
  if (head.has_content_length) size = head.content_length;
  exchange.incoming.emplace(exchange, size);
  exchange.request.stream = &*exchange.incoming;
  stream.body_open = true;
  exchange.is_awaited = true;  // from now on it is the client's time that passes
  stream.phase = Http2Stream::Phase::handling;
  if (exchange.start(Clock::time_point::max())) return answer(stream);
  arm_open_body(stream);
}

/// Either the client owes bytes that the handler waits for, or the handler owes its next read.
void Http2Connection::arm_open_body(Http2Stream& stream) {
  Exchange& exchange = *stream.exchange;
  const bool awaited = exchange.incoming->is_awaited();
  const bool handling = stream.phase == Http2Stream::Phase::handling;
  exchange.body_awaited(awaited);
  if (awaited && exchange.body_received == 0 && exchange.parser.head().expects_continue &&
      !exchange.continued) {
    exchange.continued = true;
    if (handling) say_continue(stream);
  }
  if (awaited) {
    stream.deadline = exchange.body_deadline();
  } else {
    stream.deadline = handling ? exchange.handler_deadline() : Clock::time_point::max();
  }
  if (stream.deadline != Clock::time_point::max()) arm(stream.deadline);
}

void Http2Connection::body_wanted(Exchange& exchange, std::size_t bytes) {
  Http2Stream* const stream = find(exchange.stream_id);
  if (stream == nullptr) return;
  stream->taken += bytes;
  stream->touched = true;
  body_taken_ = true;
  schedule_turn();
}

/// The rest of the body, if any, is of no use to anybody.
void Http2Connection::close_open_body(Http2Stream& stream) {
  stream.body_open = false;
  if (stream.exchange && stream.exchange->incoming) {
    stream.exchange->incoming->fail(Error(Code::cancelled, "the request was answered already"));
  }
  stream.taken = 0;
  open_windows(stream, stream.held);
}

/// Lets the client send as much again.
void Http2Connection::open_windows(Http2Stream& stream, std::size_t bytes) {
  bytes = std::min(bytes, stream.held);
  stream.held -= bytes;
  if (bytes > 0 && nghttp2_session_consume(session_, stream.id, bytes) != 0) {
    reset(stream, NGHTTP2_INTERNAL_ERROR);
  }
}

void Http2Connection::body_bytes(Http2Stream& stream, std::string_view bytes) {
  stream.held += bytes.size();
  if (stream.phase == Http2Stream::Phase::body) return collect(stream, bytes);
  if (!stream.body_open) return open_windows(stream, bytes.size());  // answered already
  Exchange& exchange = *stream.exchange;
  exchange.body_received += bytes.size();
  if (exchange.body_received <= stream.most_body) {
    exchange.incoming->put(bytes);
    return arm_open_body(stream);
  }
  exchange.incoming->fail(refusal(413, "the body is too large"));
  stream.body_open = false;
  open_windows(stream, stream.held);
  stream.deadline = Clock::time_point::max();
  if (stream.phase == Http2Stream::Phase::handling) {
    arm(stream.deadline = exchange.handler_deadline());
  }
}

/// For a handler that gets the body as a whole.
void Http2Connection::collect(Http2Stream& stream, std::string_view bytes) {
  Exchange& exchange = *stream.exchange;
  open_windows(stream, bytes.size());
  exchange.body_received += bytes.size();
  if (exchange.body.size() + bytes.size() > stream.most_body) {
    if (exchange.refusal) return answer_error(stream, *exchange.refusal);
    server_.hit(Limit::body_bytes);
    return refuse(stream, 413,
                  "the body is too large: at most " + std::to_string(stream.most_body) + " bytes");
  }
  if (buffered_ > exchange.body.size() &&
      buffered_ + bytes.size() > server_.limits.http2_buffered_bytes) {
    server_.hit(Limit::http2_buffered_bytes);
    return refuse(stream, 503, "too many bodies are sent on this connection at once");
  }
  exchange.body.append(bytes);
  buffered_ += bytes.size();
  arm(stream.deadline = exchange.body_deadline());
}

void Http2Connection::request_ended(Http2Stream& stream) {
  stream.request_ended = true;
  if (stream.phase == Http2Stream::Phase::body) return body_complete(stream);
  if (!stream.body_open) return;
  Exchange& exchange = *stream.exchange;
  exchange.incoming->end();
  stream.body_open = false;
  stream.deadline = Clock::time_point::max();
  if (stream.phase != Http2Stream::Phase::handling) return;
  stream.deadline = exchange.handler_deadline();  // from here on it is the handler's time
  exchange.context.set_deadline(stream.deadline);
  arm(stream.deadline);
}

void Http2Connection::body_complete(Http2Stream& stream) {
  Exchange& exchange = *stream.exchange;
  exchange.request.body = exchange.body;
  if (!exchange.body.empty()) exchange.check_media_type();
  if (exchange.refusal) return answer_error(stream, *exchange.refusal);
  if (exchange.match.route != nullptr) return call_handler(stream);
  respond(stream, exchange.options_answer(), nullptr);
}

void Http2Connection::call_handler(Http2Stream& stream) {
  Exchange& exchange = *stream.exchange;
  stream.phase = Http2Stream::Phase::handling;
  const auto deadline = exchange.handler_deadline();
  if (exchange.start(deadline)) return answer(stream);
  arm(stream.deadline = deadline);
}

void Http2Connection::say_continue(Http2Stream& stream) {
  Response interim;
  interim.status = 100;
  fields_.set(interim, {});
  if (nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id, nullptr, fields_.data(),
                             fields_.size(), nullptr) != 0) {
    reset(stream, NGHTTP2_INTERNAL_ERROR);
  }
}

// Ends.

void Http2Connection::exchange_ready(Exchange& exchange) {
  server_.begin_event();
  Http2Stream* const stream = find(exchange.stream_id);
  if (stream == nullptr) return;
  if (stream->phase == Http2Stream::Phase::answering) {
    stream->piece_there = true;
    stream->send_started = server_.now();  // until now it was not the peer that took its time
    stream->sent = 0;
    await_taking(*stream);
    if (nghttp2_session_resume_data(session_, stream->id) != 0) {
      reset(*stream, NGHTTP2_INTERNAL_ERROR);
    }
  } else {
    answer(*stream);
  }
  // Written in a turn of its own: with what other streams have ready by then.
  schedule_turn();
}

void Http2Connection::stream_overdue(Http2Stream& stream) {
  stream.deadline = Clock::time_point::max();
  switch (stream.phase) {
    case Http2Stream::Phase::head:
      break;
    case Http2Stream::Phase::body:
      stream.exchange->count_late_body();
      refuse(stream, 408, "the body did not arrive in time");
      break;
    case Http2Stream::Phase::handling:
      if (stream.body_open && stream.exchange->is_awaited) {
        stream.exchange->count_late_body();
        overdue(stream, 408, "the body did not arrive in time");
      } else {
        server_.hit(Limit::handler_timeout);
        overdue(stream, 504, "the handler did not finish in time");
      }
      break;
    case Http2Stream::Phase::answering:  // only for a body that the answer is made from
      reset(stream, NGHTTP2_CANCEL);
      break;
  }
}

void Http2Connection::stream_closed(Http2Stream& stream, std::uint32_t error_code) {
  if (stream.answered && error_code == NGHTTP2_NO_ERROR) meter_.answered();
  if (stream.exchange) {
    client_left(stream, Error(Code::cancelled, "the client has given the request up"));
  }
  if (stream.held > 0 && nghttp2_session_consume_connection(session_, stream.held) != 0) {
    broken_ = true;
  }
  nghttp2_session_set_stream_user_data(session_, stream.id, nullptr);
  delete &stream;
  --stream_count_;
  if (!streams_.empty()) return;
  idle_deadline_ = server_.now() + server_.limits.idle_timeout;
  arm(idle_deadline_);
}

}  // namespace kit::http::detail
