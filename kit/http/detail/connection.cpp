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

}  // namespace

Connection::Connection(ServerState& server, std::unique_ptr<net::Stream> stream, Peer* peer)
    : ServerConnection(peer), server_(server), stream_(std::move(stream)) {
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
    const bool drips = now < last_written_ + server_.limits.write_timeout;
    server_.hit(drips ? Limit::answer_bytes_per_second : Limit::write_timeout);
    disconnected();
    return settle();
  }
  switch (phase_) {
    case Phase::head:
      server_.hit(Limit::header_timeout);
      refuse(408, "the header fields did not arrive in time");
      break;
    case Phase::body:
      exchange_->count_late_body();
      refuse(408, "the body did not arrive in time");
      break;
    case Phase::handling:
      if (body_open_ && exchange_->is_awaited) {
        exchange_->count_late_body();
        overdue(408, "the body did not arrive in time");
      } else {
        server_.hit(Limit::handler_timeout);
        overdue(504, "the handler did not finish in time");
      }
      break;
    case Phase::sending:  // only for a body that the answer is made from
      exchange_->count_late_body();
      disconnected();
      break;
    case Phase::idle:
      if (unsent_) {  // still taking the answer: only the write deadline counts
        deadline_ = Clock::time_point::max();
        return arm_timer();
      }
      if (server_.draining) {
        // What came in this very turn is still served.
        readable_ = true;
        pump();
        if (phase_ == Phase::idle && !closing_) close();
        break;
      }
      server_.hit(requests_ == 0 ? Limit::header_timeout : Limit::idle_timeout);
      close();
      break;
    case Phase::upgrading:
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
  // An open body may still have bytes on their way: reading finds the end behind them.
  if (readiness.hung_up && !body_open_ && (phase_ == Phase::handling || phase_ == Phase::sending)) {
    disconnected();
  } else {
    pump();
  }
  settle();
}

void Connection::on_ready() {
  server_.begin_event();
  if (body_open_) arm_open_body();
  if (phase_ == Phase::sending) fetch_pieces();
  pump();
  settle();
}

bool Connection::may_read() const {
  if (body_open_) return phase_ != Phase::closed && exchange_->incoming->has_room();
  return !unsent_ && (phase_ <= Phase::body || phase_ == Phase::lingering) &&
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
    if (result.status == net::IoStatus::would_block) return;
    if (body_open_) {
      disconnected();
    } else {
      close();
    }
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
  if (!protocol_known_ && !learn_protocol(data)) [[unlikely]] {
    return;
  }
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
  while (used < data.size() && !closing_ && (phase_ <= Phase::body || body_open_) &&
         (!unsent_ || body_open_)) {
    const std::string_view rest = data.substr(used);
    if (body_open_) {
      used += feed_open_body(rest);
    } else {
      used += phase_ == Phase::body ? feed_body(rest) : feed_head(rest);
    }
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
      // An empty line that some clients send behind a body begins nothing.
      if (phase_ == Phase::idle && kept != "\r" && kept != "\r\n") {
        phase_ = Phase::head;
        arm(server_.now() + server_.limits.header_timeout);
      }
      return data.size();
    case ParseState::refused:
      if (const auto limit = exchange.parser.limit()) server_.hit(*limit);
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
  if (server_.is_timed()) exchange.started = Clock::now();
  exchange.describe(*peer_, *stream_);
  const RequestHead& head = exchange.parser.head();
  keep_alive_ = head.keep_alive && !server_.draining && !server_.closes_after_answers;
  if (++requests_ >= server_.limits.requests_per_connection) {
    if (keep_alive_) server_.hit(Limit::requests_per_connection);
    keep_alive_ = false;
  }
  exchange.admit();
  if (head.content_length == 0 && !head.chunked) return body_complete();
  begin_body(bytes_follow);
}

void Connection::begin_body(bool bytes_follow) {
  Exchange& exchange = *exchange_;
  const RequestHead& head = exchange.parser.head();
  std::size_t most = exchange.most_body_bytes();
  exchange.admit_body(most);
  if (exchange.refusal) {
    most = std::min(most, most_ignored_body);
    if (head.expects_continue || head.content_length > most) {
      keep_alive_ = false;
      lingers_ = true;
      return answer_error(*exchange.refusal);
    }
  }
  exchange.body_started = server_.now();
  exchange.body_left = head.content_length;
  if (head.chunked) exchange.chunks.start(server_.limits, most);
  if (!exchange.refusal && exchange.match.route != nullptr &&
      exchange.match.route->options.streams_body) {
    return open_body();
  }
  phase_ = Phase::body;
  if (!head.chunked) {
    exchange.body.reserve(
        static_cast<std::size_t>(std::min<std::uint64_t>(head.content_length, 64 * 1024)));
  }
  if (head.expects_continue && !bytes_follow) server_.output += continue_line;
  arm(exchange.body_deadline());
}

void Connection::hit_chunk_limit() {
  if (exchange_->chunks.status() == 413) server_.hit(Limit::body_bytes);
  if (exchange_->chunks.status() == 431) server_.hit(Limit::header_bytes);
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
    arm(exchange.body_deadline());
  }
  return used;
}

/// A body that was only read to go on with the connection is too large for that: the answer stays.
void Connection::refuse_chunks() {
  Exchange& exchange = *exchange_;
  hit_chunk_limit();
  if (!exchange.refusal || exchange.chunks.status() != 413) {
    return refuse(exchange.chunks.status(), exchange.chunks.problem());
  }
  keep_alive_ = false;
  lingers_ = true;
  answer_error(*exchange.refusal);
}

void Connection::body_complete() {
  Exchange& exchange = *exchange_;
  exchange.request.body = exchange.body;
  if (exchange.parser.head().chunked && !exchange.body.empty()) exchange.check_media_type();
  if (exchange.refusal) return answer_error(*exchange.refusal);
  if (exchange.match.route != nullptr) return call_handler();
  respond(exchange.options_answer(), nullptr);
}

void Connection::call_handler() {
  Exchange& exchange = *exchange_;
  phase_ = Phase::handling;
  const auto deadline = exchange.handler_deadline();
  if (exchange.start(deadline)) return answer();
  arm(deadline);
}

void Connection::exchange_ready(Exchange&) {
  server_.begin_event();
  if (phase_ == Phase::sending) {
    take_piece();
    flush();
    fetch_pieces();
  } else {
    answer();
  }
  flush();
  pump();
  settle();
}

}  // namespace kit::http::detail
