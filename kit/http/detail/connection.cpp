// SPDX-License-Identifier: Apache-2.0
#include "kit/http/detail/connection.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/http/detail/refusals.hpp"
#include "kit/http/detail/server_state.hpp"

namespace kit::http::detail {
namespace {

using namespace std::chrono_literals;

/// Rounds of reading before other connections get their turn.
constexpr int most_rounds = 4;
/// How much a client that was refused may go on sending before the connection is cut.
constexpr std::size_t most_discarded = 1024 * 1024;
/// A refused request's body is read, to go on with the connection, when it is small.
constexpr std::size_t most_ignored_body = 64 * 1024;
constexpr std::size_t small_packet = 1024;
constexpr auto longest_handler = 60s;
constexpr auto body_grace = 5s;

}  // namespace

Connection::Connection(ServerState& server, std::unique_ptr<net::Stream> stream, Peer* peer)
    : server_(server), stream_(std::move(stream)), peer_(peer) {
  timer_.set_action([](void* self) { static_cast<Connection*>(self)->on_timer(); }, this);
}

Connection::~Connection() = default;

void Connection::start() {
  stream_->watch(*this);
  arm(server_.now() + server_.limits.header_timeout);
}

void Connection::turn_away(const Error& error) {
  keep_alive_ = false;
  lingers_ = true;
  stream_->watch(*this);
  Response response = server_.options.render_error(error, {});
  response.headers.emplace_back("Retry-After", "1");
  respond(std::move(response), nullptr);
  flush();
  // Settles in its own turn: the caller still holds it.
  server_.loop().schedule(*this);
}

void Connection::arm(Clock::time_point deadline) {
  deadline_ = deadline;
  if (!timer_.armed() || deadline < timer_.at()) arm_timer();
}

/// The timer is moved only when it would fire too late; when it fires too early it is armed again
/// then.
void Connection::arm_timer() {
  server_.loop().start(timer_, std::min(deadline_, write_deadline_));
}

void Connection::on_timer() {
  server_.begin_event();
  const auto now = server_.now();
  if (now < std::min(deadline_, write_deadline_)) return arm_timer();
  if (now >= write_deadline_) {
    disconnected();
    return settle();
  }
  switch (phase_) {
    case Phase::head:
      refuse(408, "the header fields did not arrive in time");
      break;
    case Phase::body:
      refuse(408, "the body did not arrive in time");
      break;
    case Phase::handling:
      handler_overdue();
      break;
    case Phase::idle:
      if (unsent_) {  // still taking the answer: only the write deadline counts
        deadline_ = Clock::time_point::max();
        return arm_timer();
      }
      close();
      break;
    case Phase::lingering:
    case Phase::closed:
      close();
      break;
  }
  settle();
}

void Connection::on_readiness(Readiness readiness) {
  server_.begin_event();
  readable_ |= readiness.readable;
  hung_up_ |= readiness.hung_up;
  if (unsent_ && readiness.writable) send_rest();
  if (phase_ == Phase::handling && readiness.hung_up) {
    disconnected();
  } else {
    pump();
  }
  settle();
}

void Connection::on_ready() {
  server_.begin_event();
  pump();
  settle();
}

bool Connection::may_read() const {
  return !unsent_ && phase_ != Phase::handling && phase_ != Phase::closed &&
         (!closing_ || phase_ == Phase::lingering);
}

/// Serves what has come, as far as answers are taken and handlers do not wait.
void Connection::pump() {
  for (int round = 0; round < most_rounds; ++round) {
    if (!may_read()) return;
    if (!backlog_.empty()) {
      serve_backlog();
    } else if (readable_) {
      read_once();
    } else {
      return;
    }
    flush();
  }
  if (may_read() && !ListNode<ReadyTag>::linked()) server_.loop().schedule(*this);
}

void Connection::read_once() {
  auto& buffer = server_.input;
  const net::IoResult result = stream_->read(buffer);
  if (result.status != net::IoStatus::ok) {
    readable_ = false;
    if (result.status != net::IoStatus::would_block) close();
    return;
  }
  // Fewer than asked for: nothing is left but, after a hang-up, the end.
  if (result.bytes < buffer.size() && !hung_up_) readable_ = false;
  if (phase_ == Phase::lingering) {
    discarded_ += result.bytes;
    if (discarded_ > most_discarded) close();
    return;
  }
  const std::string_view data(buffer.data(), result.bytes);
  const std::size_t used = feed(data);
  if (used == data.size()) return;
  if (closing_) {
    lingers_ = true;
  } else {
    backlog_.assign(data.substr(used));
  }
}

void Connection::serve_backlog() {
  backlog_at_ += feed(std::string_view(backlog_).substr(backlog_at_));
  if (closing_) lingers_ |= backlog_at_ < backlog_.size();
  if (!closing_ && backlog_at_ < backlog_.size()) return;
  std::string().swap(backlog_);
  backlog_at_ = 0;
}

/// Serves the requests in `data` until one has to wait. Returns how many bytes are done with.
std::size_t Connection::feed(std::string_view data) {
  std::size_t used = 0;
  while (used < data.size() && !closing_ && phase_ <= Phase::body && !unsent_) {
    const std::string_view rest = data.substr(used);
    used += phase_ == Phase::body ? feed_body(rest) : feed_head(rest);
    if (server_.output.size() >= server_.limits.pipelined_bytes) flush();
  }
  return used;
}

std::size_t Connection::feed_head(std::string_view data) {
  if (!exchange_) exchange_ = server_.acquire();
  Exchange& exchange = *exchange_;
  // The request gets its own copy: the shared buffer is read into again while a handler waits. What
  // comes in one small packet is copied before it is parsed, and needs not be pointed there
  // afterwards.
  std::string& kept = exchange.head_bytes;
  const std::size_t before = kept.size();
  const bool copied = before > 0 || data.size() <= small_packet;
  if (copied) kept.append(data);
  switch (exchange.parser.parse(copied ? std::string_view(kept) : data)) {
    case ParseState::incomplete:
      if (!copied) kept.append(data);
      if (before == 0) {
        phase_ = Phase::head;
        arm(server_.now() + server_.limits.header_timeout);
      }
      return data.size();
    case ParseState::refused:
      refuse(exchange.parser.status(), exchange.parser.problem());
      return data.size();
    case ParseState::complete:
      break;
  }
  const std::size_t size = exchange.parser.size();
  const std::size_t used = size - before;
  if (!copied) {
    kept.append(data.data(), size);
    exchange.parser.rebase(kept.data());
  }
  head_complete(used < data.size());
  return used;
}

void Connection::head_complete(bool bytes_follow) {
  Exchange& exchange = *exchange_;
  exchange.connection = this;
  exchange.loop_started = server_.now();
  if (server_.options.observer != nullptr) exchange.started = Clock::now();
  exchange.describe(*peer_);
  const RequestHead& head = exchange.parser.head();
  keep_alive_ = head.keep_alive && !server_.draining && !server_.closes_after_answers &&
                ++requests_ < server_.limits.requests_per_connection;

  const Router::Match& match = exchange.match;
  std::size_t most = server_.limits.body_bytes;
  if (match.route != nullptr) {
    if (match.route->options.max_body_bytes != 0) most = match.route->options.max_body_bytes;
  } else if (head.form == TargetForm::authority || head.method_name == "TRACE") {
    exchange.refusal = refusal(405, "this method is not allowed here");
  } else if (head.method != Method::options ||
             (match.allow.empty() && head.form != TargetForm::asterisk)) {
    exchange.refusal = match.allow.empty() ? refusal(404, "there is nothing at this path")
                                           : refusal(405, "this method is not allowed here");
  }
  if (server_.options.refuse_cross_site && !exchange.refusal && is_cross_site(exchange.request)) {
    exchange.refusal = refusal(403, "this request comes from a page of another site");
  }
  if (head.content_length == 0 && !head.chunked) return body_complete();
  begin_body(bytes_follow, most);
}

void Connection::begin_body(bool bytes_follow, std::size_t most) {
  Exchange& exchange = *exchange_;
  const RequestHead& head = exchange.parser.head();
  if (!exchange.refusal && head.content_length > most) {
    exchange.refusal =
        refusal(413, "the body is too large: at most " + std::to_string(most) + " bytes");
  }
  if (head.has_content_length) check_media_type();
  if (exchange.refusal) {
    most = std::min(most, most_ignored_body);
    if (head.expects_continue || head.content_length > most) {
      keep_alive_ = false;
      lingers_ = true;
      return answer_error(*exchange.refusal);
    }
  }
  phase_ = Phase::body;
  exchange.body_started = server_.now();
  if (head.chunked) {
    exchange.chunks.start(server_.limits, most);
  } else {
    exchange.body_left = head.content_length;
    exchange.body.reserve(
        static_cast<std::size_t>(std::min<std::uint64_t>(head.content_length, 64 * 1024)));
  }
  if (head.expects_continue && !bytes_follow) server_.output += "HTTP/1.1 100 Continue\r\n\r\n";
  arm(body_deadline());
}

/// The whole body in time, and after a while at a minimum rate.
Clock::time_point Connection::body_deadline() const {
  const Limits& limits = server_.limits;
  const auto whole = exchange_->body_started + limits.body_timeout;
  if (limits.body_bytes_per_second == 0) return whole;
  const auto earned =
      std::chrono::milliseconds(exchange_->body_received * 1000 / limits.body_bytes_per_second);
  return std::min<Clock::time_point>(whole, exchange_->body_started + body_grace + earned);
}

std::size_t Connection::feed_body(std::string_view data) {
  Exchange& exchange = *exchange_;
  std::size_t used = 0;
  bool complete = false;
  if (exchange.parser.head().chunked) {
    ChunkedDecoder& chunks = exchange.chunks;
    used = chunks.decode(data, exchange.body);
    if (chunks.state() == ChunkedDecoder::State::refused) {
      refuse_chunks();
      return data.size();
    }
    complete = chunks.state() == ChunkedDecoder::State::complete;
  } else {
    used = static_cast<std::size_t>(std::min<std::uint64_t>(exchange.body_left, data.size()));
    exchange.body.append(data.substr(0, used));
    exchange.body_left -= used;
    complete = exchange.body_left == 0;
  }
  exchange.body_received += used;
  if (complete) {
    body_complete();
  } else {
    arm(body_deadline());
  }
  return used;
}

/// A body that was only read to go on with the connection is too large for that: the answer stays.
void Connection::refuse_chunks() {
  Exchange& exchange = *exchange_;
  if (!exchange.refusal || exchange.chunks.status() != 413) {
    return refuse(exchange.chunks.status(), exchange.chunks.problem());
  }
  keep_alive_ = false;
  lingers_ = true;
  answer_error(*exchange.refusal);
}

void Connection::check_media_type() {
  Exchange& exchange = *exchange_;
  if (exchange.refusal || exchange.match.route == nullptr) return;
  const RequestHead& head = exchange.parser.head();
  if (const auto coding = exchange.request.header("content-encoding");
      coding && !iequals(*coding, "identity")) {
    exchange.refusal = refusal(415, "the body must not be compressed");
    return;
  }
  std::string_view given;
  if (head.content_type >= 0)
    given = head.headers[static_cast<std::size_t>(head.content_type)].value;
  std::string wanted;
  for (const std::string& type : exchange.match.route->options.consumes) {
    if (is_media_type(given, type)) return;
    wanted += (wanted.empty() ? "the body must be " : " or ") + type;
  }
  exchange.refusal = refusal(415, wanted.empty() ? "this request takes no body" : wanted);
}

void Connection::body_complete() {
  Exchange& exchange = *exchange_;
  exchange.request.body = exchange.body;
  if (exchange.parser.head().chunked && !exchange.body.empty()) check_media_type();
  if (exchange.refusal) return answer_error(*exchange.refusal);
  if (exchange.match.route != nullptr) return call_handler();
  Response options;
  options.status = 204;
  options.headers.emplace_back("Allow", exchange.match.allow.empty()
                                            ? "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
                                            : exchange.match.allow);
  respond(std::move(options), nullptr);
}

void Connection::call_handler() {
  Exchange& exchange = *exchange_;
  phase_ = Phase::handling;
  Clock::duration limit = exchange.match.route->options.timeout;
  if (limit == Clock::duration::zero()) limit = server_.limits.handler_timeout;
  const auto deadline = server_.now() + std::min<Clock::duration>(limit, longest_handler);
  if (exchange.start(deadline)) return answer(exchange.take());
  arm(deadline);
}

void Connection::handler_finished() {
  server_.begin_event();
  answer(exchange_->take());
  flush();
  pump();
  settle();
}

}  // namespace kit::http::detail
