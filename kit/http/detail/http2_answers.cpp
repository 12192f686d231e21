// SPDX-License-Identifier: Apache-2.0
// How answers become frames.
#include <algorithm>
#include <utility>

#include "kit/http/detail/http2_callbacks.hpp"
#include "kit/http/detail/http2_connection.hpp"
#include "kit/http/detail/refusals.hpp"
#include "kit/http/detail/server_state.hpp"

namespace kit::http::detail {

void Http2Connection::answer(Http2Stream& stream) {
  Exchange& exchange = *stream.exchange;
  if (const Error* failure = exchange.failure()) return answer_error(stream, *failure);
  respond(stream, std::move(exchange.response()), nullptr);
}

void Http2Connection::answer_error(Http2Stream& stream, const Error& error) {
  Exchange& exchange = *stream.exchange;
  Response response = server_.options.render_error(error, exchange.log.request_id);
  if (response.status == 405) response.headers.emplace_back("Allow", exchange.match.allow);
  respond(stream, std::move(response), &error);
}

void Http2Connection::refuse(Http2Stream& stream, int status, std::string_view problem) {
  answer_error(stream, refusal(status, problem));
}

/// Answers for a handler that is still at work.
void Http2Connection::overdue(Http2Stream& stream, int status, std::string_view problem) {
  const Error why = refusal(status, problem);
  const Error cancel(Code::deadline_exceeded, "the deadline was exceeded");
  if (stream.body_open) stream.exchange->incoming->fail(cancel.clone());
  respond(stream, server_.options.render_error(why, stream.exchange->log.request_id), &why,
          &cancel);
}

ResponseOptions Http2Connection::response_options(const Http2Stream& stream) {
  ResponseOptions options;
  options.date_line = server_.date.at(server_.now());
  options.request_id = stream.exchange->log.request_id;
  options.guard_fields = stream.exchange->admission.fields();
  options.defaults = &server_.default_headers;
  return options;
}

bool Http2Connection::sends_body(const Http2Stream& stream) const {
  return has_body(stream.response.status) && stream.exchange->request.method != Method::head;
}

void Http2Connection::respond(Http2Stream& stream, Response&& response, const Error* error,
                              const Error* cancel) {
  if (response.upgrade) {
    return answer_error(stream, refusal(400, "this request cannot change the protocol"));
  }
  if (response.status < 200 || response.status > 599) response.status = 500;
  stream.phase = Http2Stream::Phase::answering;
  stream.deadline = Clock::time_point::max();
  stream.response = std::move(response);
  if (server_.closes_after_answers) start_drain();
  if (stream.response.stream) return respond_in_pieces(stream);
  respond_whole(stream, error);
  if (cancel != nullptr) {
    let_handler_go(stream, *cancel);
  } else {
    release_exchange(stream);
  }
}

void Http2Connection::respond_whole(Http2Stream& stream, const Error* error) {
  if (stream.body_open) close_open_body(stream);
  const Response& response = stream.response;
  if (sends_body(stream)) {
    stream.rest = response.static_body.empty() ? response.body : response.static_body;
  }
  submit(stream, response_options(stream), !stream.rest.empty());
  stream.exchange->observe(response.status, fields_.bytes() + stream.rest.size(), error);
}

void Http2Connection::respond_in_pieces(Http2Stream& stream) {
  Exchange& exchange = *stream.exchange;
  const std::optional<std::uint64_t> size = stream.response.stream->size();
  const bool sends = sends_body(stream);
  if (!sends && stream.body_open) close_open_body(stream);
  ResponseOptions options = response_options(stream);
  options.framing = size ? BodyFraming::sized : BodyFraming::chunked;
  options.stream_bytes = size.value_or(0);
  exchange.status = stream.response.status;
  exchange.body_left_to_send = options.stream_bytes;
  stream.in_pieces = sends;
  stream.is_sized = size.has_value();
  submit(stream, options, sends);
  exchange.sent = fields_.bytes();
  if (!sends) {
    exchange.observe(exchange.status, exchange.sent, nullptr);
    return release_exchange(stream);
  }
  exchange.begin_stream(std::move(stream.response.stream));
  if (stream.body_open) arm_open_body(stream);
}

/// Hands the head of the answer to the session, which asks for the data (`next_bytes`) as the
/// peer's windows allow. Fields behind the data would be submitted where those end.
void Http2Connection::submit(Http2Stream& stream, const ResponseOptions& options, bool has_data) {
  fields_.set(stream.response, options);
  nghttp2_data_provider data{};
  data.source.ptr = &stream;
  data.read_callback = http2_body_source();
  if (nghttp2_submit_response(session_, stream.id, fields_.data(), fields_.size(),
                              has_data ? &data : nullptr) != 0) {
    return reset(stream, NGHTTP2_INTERNAL_ERROR);
  }
  if (!has_data) return;
  stream.send_started = server_.now();
  await_taking(stream);
}

/// The peer has to take something of each answer soon, and over a longer time at a minimum rate,
/// which the streams share.
void Http2Connection::await_taking(Http2Stream& stream) {
  const Limits& limits = server_.limits;
  stream.last_taken = server_.now();
  stream.send_deadline = server_.now() + limits.write_timeout;
  if (limits.answer_bytes_per_second != 0 && unsent_.empty()) {
    const auto earned = std::chrono::milliseconds(stream.sent * 1000 * stream_count_ /
                                                  limits.answer_bytes_per_second);
    stream.send_deadline = std::min<Clock::time_point>(
        stream.send_deadline, stream.send_started + 2 * limits.write_timeout + earned);
  }
  arm(stream.send_deadline);
}

// Data.

/// How many bytes can be put into the next frame; an error code of the session's otherwise.
ssize_t Http2Connection::next_bytes(Http2Stream& stream, std::size_t most, std::uint32_t& flags) {
  if (stream.in_pieces && stream.rest.empty() && !stream.pieces_ended) {
    if (!stream.exchange) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // it broke off
    Exchange& exchange = *stream.exchange;
    if (!stream.piece_there && (exchange.is_fetching() || !exchange.fetch_piece())) {
      stream.send_deadline = Clock::time_point::max();
      return NGHTTP2_ERR_DEFERRED;
    }
    stream.piece_there = false;
    if (!take_piece(stream)) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  const std::size_t size = std::min(most, stream.rest.size());
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (size == stream.rest.size() && (!stream.in_pieces || stream.pieces_ended)) {
    flags |= NGHTTP2_DATA_FLAG_EOF;
  }
  return static_cast<ssize_t>(size);
}

bool Http2Connection::take_piece(Http2Stream& stream) {
  Exchange& exchange = *stream.exchange;
  const Result<std::string_view> piece = exchange.take_piece();
  const bool sized = stream.is_sized;
  if (!piece.ok()) {
    broke_off(stream, piece.error());
    return false;
  }
  if (sized && piece->size() > exchange.body_left_to_send) {
    broke_off(stream, Error(Code::internal, "the answer is longer than its announced size"));
    return false;
  }
  if (sized && piece->empty() && exchange.body_left_to_send > 0) {
    broke_off(stream, Error(Code::internal, "the answer ended before its announced size"));
    return false;
  }
  if (sized) exchange.body_left_to_send -= piece->size();
  exchange.sent += piece->size();
  stream.rest = *piece;
  stream.pieces_ended = piece->empty();
  return true;
}

/// The session resets the stream: nobody takes this for the whole.
void Http2Connection::broke_off(Http2Stream& stream, const Error& why) {
  stream.exchange->observe_broken(why);
  if (stream.body_open) close_open_body(stream);
  release_exchange(stream);
}

/// Puts a frame of `length` bytes of data into the output.
void Http2Connection::put_data(Http2Stream& stream, std::string_view frame_head,
                               std::size_t length) {
  server_.output += frame_head;
  server_.output += stream.rest.substr(0, length);
  stream.rest.remove_prefix(length);
  stream.sent += length;
  await_taking(stream);
}

void Http2Connection::frame_sent(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_RST_STREAM) return reset_sent(frame.rst_stream.error_code);
  if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA) return;
  meter_.answer_frame_sent();
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return;
  if (Http2Stream* const stream = find(frame.hd.stream_id)) answer_sent(*stream);
}

/// A client that makes us reset its streams gives them up as much as one that does so itself.
void Http2Connection::reset_sent(std::uint32_t error_code) {
  if (error_code == NGHTTP2_NO_ERROR || error_code == NGHTTP2_CANCEL ||
      error_code == NGHTTP2_INTERNAL_ERROR || error_code == NGHTTP2_REFUSED_STREAM) {
    return;
  }
  const std::string_view problem = meter_.count_reset(server_.now());
  if (problem.empty()) return;
  server_.hit(Limit::http2_resets);
  terminate(NGHTTP2_ENHANCE_YOUR_CALM, problem);
}

void Http2Connection::answer_sent(Http2Stream& stream) {
  stream.answered = true;
  stream.send_deadline = stream.deadline = Clock::time_point::max();
  if (stream.body_open) close_open_body(stream);
  if (stream.exchange) {
    stream.exchange->observe(stream.exchange->status, stream.exchange->sent, nullptr);
    release_exchange(stream);
  }
  // The rest of the request is not wanted (RFC 9113 section 8.1).
  if (!stream.request_ended) reset(stream, NGHTTP2_NO_ERROR);
}

// Ends.

void Http2Connection::reset(Http2Stream& stream, std::uint32_t error_code) {
  stream.send_deadline = stream.deadline = Clock::time_point::max();
  if (nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, error_code) != 0) {
    broken_ = true;
  }
}

void Http2Connection::release_exchange(Http2Stream& stream) {
  buffered_ -= stream.exchange->body.size();
  server_.release(std::move(stream.exchange));
}

void Http2Connection::let_handler_go(Http2Stream& stream, const Error& why) {
  Exchange& exchange = *stream.exchange;
  buffered_ -= exchange.body.size();
  server_.adopt(std::move(stream.exchange));
  exchange.context.cancel(why.clone());
}

/// Nobody waits for the answer any more: a handler or a producer at work is told.
void Http2Connection::client_left(Http2Stream& stream, const Error& why) {
  if (!stream.exchange) return;
  const bool handling = stream.phase == Http2Stream::Phase::handling;
  const bool answering = stream.phase == Http2Stream::Phase::answering;
  if (handling || answering) stream.exchange->observe(499, stream.exchange->sent, &why);
  if (handling || (answering && stream.exchange->is_fetching() && !stream.piece_there)) {
    let_handler_go(stream, why);
  } else {
    release_exchange(stream);
  }
}

}  // namespace kit::http::detail
