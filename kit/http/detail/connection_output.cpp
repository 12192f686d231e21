// SPDX-License-Identifier: Apache-2.0
// The half of a connection that answers and closes; connection.cpp reads and serves.
#include <algorithm>
#include <array>
#include <utility>

#include "kit/http/detail/connection.hpp"
#include "kit/http/detail/refusals.hpp"
#include "kit/http/detail/server_state.hpp"

namespace kit::http::detail {
namespace {

using namespace std::chrono_literals;

/// How long a client that was refused may go on sending.
constexpr auto linger_time = 2s;
/// What a drain leaves a fresh connection, and one that was used, to send a request.
constexpr auto first_request_grace = 1s;
constexpr auto request_grace = 500ms;
/// Larger bodies are handed to the kernel from where they are instead of being copied behind their
/// head.
constexpr std::size_t most_copied_body = 16 * 1024;
constexpr std::size_t most_kept_output = 256 * 1024;

}  // namespace

void Connection::answer() {
  if (const Error* failure = exchange_->failure()) return answer_error(*failure);
  respond(std::move(exchange_->response()), nullptr);
}

void Connection::answer_error(const Error& error) {
  Response response = server_.options.render_error(error, exchange_->log.request_id);
  if (response.status == 405) response.headers.emplace_back("Allow", exchange_->match.allow);
  respond(std::move(response), &error);
}

/// Answers a request that cannot be gone on with, and closes: where the next one would begin is not
/// known.
void Connection::refuse(int status, std::string_view problem) {
  Exchange& exchange = *exchange_;
  if (exchange.connection == nullptr) {  // the head is not known: nothing of it is shown to anybody
    exchange.connection = this;
    exchange.loop_started = server_.now();
    if (server_.is_timed()) exchange.started = Clock::now();
    exchange.describe_unknown(*peer_, *stream_);
  }
  keep_alive_ = false;
  lingers_ = true;
  answer_error(refusal(status, problem));
}

ResponseOptions Connection::response_options() {
  ResponseOptions options;
  options.date_line = server_.date.at(server_.now());
  options.defaults = &server_.default_headers;
  options.close = !keep_alive_;
  if (exchange_) {
    options.request_id = exchange_->log.request_id;
    options.guard_fields = exchange_->admission.fields();
    options.says_keep_alive = exchange_->parser.head().http_1_0;
  }
  return options;
}

/// `response` may be the exchange's own, which goes when it is released.
void Connection::respond(Response&& response, const Error* error, Error* cancel) {
  if (response.status < 200 || response.status > 599) response.status = 500;
  if (response.stream || response.upgrade) return respond_in_pieces(std::move(response));
  if (body_open_) close_open_body();
  if (!response.headers.empty() && asks_close(response)) keep_alive_ = false;
  bool sends_body = has_body(response.status);
  if (exchange_) sends_body &= exchange_->request.method != Method::head;
  std::string& output = server_.output;
  std::string_view body;
  if (sends_body) body = response.static_body.empty() ? response.body : response.static_body;
  if (body.size() > most_copied_body) [[unlikely]] {
    const std::size_t head_bytes = append_response(output, response, response_options(), {});
    // Kept here: the answer goes with its exchange.
    std::string owned_body = std::move(response.body);
    const std::string_view static_body = response.static_body;
    end_exchange(response.status, head_bytes + body.size(), error, cancel);
    return send(std::move(owned_body), static_body);
  }
  const std::size_t head_bytes = append_response(output, response, response_options(), body);
  end_exchange(response.status, head_bytes + body.size(), error, cancel);
}

/// The answer is on its way.
void Connection::end_exchange(int status, std::size_t bytes, const Error* error, Error* cancel) {
  if (exchange_) {
    if (server_.is_timed() || error != nullptr) observe(status, bytes, error);
    if (cancel != nullptr) {
      let_handler_go(std::move(*cancel));
    } else {
      server_.release(std::move(exchange_));
    }
  }
  await_next();
}

/// An answer is on its way: the next request, or the end.
void Connection::await_next() {
  phase_ = Phase::idle;
  arm(server_.now() + idle_time());
  closing_ = !keep_alive_;
}

/// Writes what has gathered.
void Connection::flush() {
  std::string& output = server_.output;
  if (output.empty()) return;
  if (unsent_ || phase_ == Phase::closed) return send({}, {});
  const std::string_view all = output;
  const net::IoResult result = stream_->write({&all, 1});
  if (result.bytes == all.size()) {
    output.clear();
  } else {
    keep_unsent(result, {}, {});
  }
}

/// Writes what has gathered, then a body from where it is (`body`, or `owned_body` when that is
/// empty).
void Connection::send(std::string&& owned_body, std::string_view body) {
  net::IoResult result;
  if (!unsent_ && phase_ != Phase::closed) {
    const std::array<std::string_view, 2> parts = {server_.output,
                                                   body.empty() ? owned_body : body};
    result = stream_->write(parts);
  }
  keep_unsent(result, std::move(owned_body), body);
}

/// Keeps what a write did not take.
void Connection::keep_unsent(net::IoResult result, std::string&& owned_body,
                             std::string_view body) {
  std::string& output = server_.output;
  if (result.status == net::IoStatus::closed || result.status == net::IoStatus::failed) {
    disconnected();
  }
  const bool owned = body.empty();
  if (owned) body = owned_body;
  const std::size_t sent = result.bytes;
  if (phase_ != Phase::closed && sent < output.size() + body.size()) {
    if (!unsent_) {
      unsent_ = std::make_unique<std::deque<Piece>>();
      write_started_ = server_.now();
      written_ = 0;
      await_writable();
    }
    if (sent < output.size()) {
      Piece& piece = unsent_->emplace_back(output.substr(sent));
      piece.rest = piece.owned;
    }
    const std::size_t of_body = sent - std::min(sent, output.size());
    if (of_body < body.size()) {
      Piece& piece = unsent_->emplace_back();
      if (owned) piece.owned = std::move(owned_body);
      piece.rest = (owned ? std::string_view(piece.owned) : body).substr(of_body);
    }
  }
  output.clear();
  if (output.capacity() > most_kept_output) std::string().swap(output);
}

/// The peer has to take something soon, and over a longer time at a minimum rate.
void Connection::await_writable() {
  const Limits& limits = server_.limits;
  last_written_ = server_.now();
  write_deadline_ = server_.now() + limits.write_timeout;
  if (limits.answer_bytes_per_second != 0) {
    const auto earned = std::chrono::milliseconds(written_ * 1000 / limits.answer_bytes_per_second);
    write_deadline_ = std::min<Clock::time_point>(
        write_deadline_, write_started_ + 2 * limits.write_timeout + earned);
  }
  if (!timer_.armed() || write_deadline_ < timer_.at()) arm_timer();
}

void Connection::send_rest() {
  while (!unsent_->empty()) {
    std::string_view& rest = unsent_->front().rest;
    const net::IoResult result = stream_->write({&rest, 1});
    if (result.status == net::IoStatus::closed || result.status == net::IoStatus::failed) {
      return disconnected();
    }
    if (result.bytes > 0) {
      written_ += result.bytes;
      await_writable();
    }
    rest.remove_prefix(result.bytes);
    if (!rest.empty()) return;
    unsent_->pop_front();
  }
  unsent_.reset();
  write_deadline_ = Clock::time_point::max();
  // Time went by without the client being at fault for it: what it has to do next starts now.
  if (phase_ == Phase::idle) arm(server_.now() + idle_time());
  if (phase_ == Phase::sending) fetch_pieces();
}

/// The last step of every event: sends what has gathered, closes what is done. May destroy this
/// connection.
void Connection::settle() {
  if (phase_ == Phase::upgrading) return hand_over();
  flush();
  if (closing_ && !unsent_ && phase_ == Phase::idle) {
    if (breaks_) {
      stream_->abort();
      close();
    } else if (lingers_ || readable_) {
      stream_->shutdown_write();
      phase_ = Phase::lingering;
      arm(server_.now() + linger_time);
      if (!ListNode<ReadyTag>::linked()) server_.loop().schedule(*this);
    } else {
      close();
    }
  }
  if (phase_ == Phase::closed) server_.remove(*this);
}

void Connection::close() {
  phase_ = Phase::closed;
  body_open_ = false;
  if (exchange_) server_.release(std::move(exchange_));
  unsent_.reset();
}

void Connection::begin_drain() {
  // The answer says so. One whose head is gone said the contrary, and a head that is not complete
  // yet is asked then.
  if (phase_ == Phase::body || phase_ == Phase::handling) keep_alive_ = false;
  if (phase_ == Phase::idle && !closing_) {
    arm(std::min<Clock::time_point>(deadline_, server_.now() + idle_time()));
  }
}

/// How long a client may let a connection wait for a request. During a drain its request may be on
/// its way already: closing at once would lose it, and one that is no GET nobody sends again.
Clock::duration Connection::idle_time() const {
  const Clock::duration usual = server_.limits.idle_timeout;
  if (!server_.draining) return usual;
  return std::min<Clock::duration>(usual, requests_ == 0 ? first_request_grace : request_grace);
}

/// The peer is gone: a handler or a producer at work is told.
void Connection::disconnected() {
  if (phase_ == Phase::handling || phase_ == Phase::sending) {
    const Error why(Code::cancelled, "the client has closed the connection");
    observe(499, exchange_->sent, &why);
    if (phase_ == Phase::handling || exchange_->is_fetching()) let_handler_go(why.clone());
  }
  close();
}

/// Answers for a handler that is still at work.
void Connection::overdue(int status, std::string_view problem) {
  const Error why = refusal(status, problem);
  keep_alive_ = false;
  lingers_ = true;
  Error cancel(Code::deadline_exceeded, "the deadline was exceeded");
  if (body_open_) exchange_->incoming->fail(cancel.clone());
  respond(server_.options.render_error(why, exchange_->log.request_id), &why, &cancel);
}

void Connection::let_handler_go(Error why) {
  Exchange& exchange = *exchange_;
  server_.adopt(std::move(exchange_));
  // Also for who reads it where no cancellation comes.
  if (exchange.incoming) exchange.incoming->fail(why.clone());
  exchange.context.cancel(std::move(why));
}

}  // namespace kit::http::detail
