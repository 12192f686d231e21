// SPDX-License-Identifier: Apache-2.0
// The connection below the streams: what is read, written, and how it ends. http2_requests.cpp
// serves requests, http2_answers.cpp answers them.
#include "kit/http/detail/http2_connection.hpp"

#include <algorithm>
#include <utility>

#include "kit/base/assert.hpp"
#include "kit/http/detail/http2_callbacks.hpp"
#include "kit/http/detail/server_state.hpp"
#include "kit/log/log.hpp"

namespace kit::http::detail {
namespace {

using namespace std::chrono_literals;

log::Module http_log{"http"};

/// Rounds of reading before other connections get their turn.
constexpr int most_rounds = 4;
/// What gathers before it is written.
constexpr std::size_t most_gathered = 64 * 1024;
/// Rounds of writing before other connections get their turn.
constexpr int most_writes = 4;
constexpr std::size_t most_kept_output = 256 * 1024;
/// How long, and how much, a client that was cut may go on sending.
constexpr auto linger_time = 2s;
constexpr std::size_t most_discarded = 1024 * 1024;
/// How long a client has to answer before a drain goes on without it.
constexpr auto drain_notice = 1s;

const std::uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

}  // namespace

Http2Connection::Http2Connection(ServerState& server, Peer* peer,
                                 std::unique_ptr<net::Stream> stream, std::string arrived)
    : ServerConnection(peer),
      server_(server),
      stream_(std::move(stream)),
      meter_(server.limits),
      arrived_(std::move(arrived)) {
  timer_.set_action([](void* self) { static_cast<Http2Connection*>(self)->on_timer(); }, this);
}

Http2Connection::~Http2Connection() {
  nghttp2_session_del(session_);
  streams_.for_each([](Http2Stream& stream) { delete &stream; });
}

void Http2Connection::start() {
  open_session();
  stream_->watch(*this);
  readable_ = true;
  idle_deadline_ = server_.now() + server_.limits.idle_timeout;
  arm(idle_deadline_);
  if (server_.draining) start_drain();
  feed(std::exchange(arrived_, {}));
  pump();
  settle();
}

void Http2Connection::open_session() {
  const Limits& limits = server_.limits;
  session_ = make_http2_session(*this);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.http2_streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
       static_cast<std::uint32_t>(limits.http2_stream_window)},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits.header_bytes)},
  };
  int failed = nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  failed |= nghttp2_session_set_local_window_size(
      session_, NGHTTP2_FLAG_NONE, 0, static_cast<std::int32_t>(limits.http2_connection_window));
  KIT_ASSERT(failed == 0, "the limits are valid settings");
}

void Http2Connection::arm(Clock::time_point deadline) {
  if (!timer_.armed() || deadline < timer_.at()) server_.loop().start(timer_, deadline);
}

void Http2Connection::arm_timer() {
  const auto next = next_deadline();
  if (next == Clock::time_point::max()) return timer_.stop();
  server_.loop().start(timer_, next);
}

Clock::time_point Http2Connection::next_deadline() const {
  auto next = std::min({idle_deadline_, header_deadline_, drain_deadline_, write_deadline_});
  streams_.for_each([&](const Http2Stream& stream) {
    next = std::min({next, stream.deadline, stream.send_deadline});
  });
  return next;
}

/// The timer is moved only when it would fire too late; when it fires too early there is nothing
/// due.
void Http2Connection::on_timer() {
  server_.begin_event();
  const auto now = server_.now();
  connection_overdue(now);
  if (phase_ == Phase::open) {
    streams_.for_each([&](Http2Stream& stream) {
      if (now >= stream.send_deadline) {
        // While the connection as a whole is slow, that has its own deadline.
        if (!unsent_.empty()) return await_taking(stream);
        count_slow_peer(now, stream.last_taken);
        reset(stream, NGHTTP2_CANCEL);
      } else if (now >= stream.deadline) {
        stream_overdue(stream);
      }
    });
  }
  if (phase_ != Phase::closed) arm_timer();
  settle();
}

void Http2Connection::connection_overdue(Clock::time_point now) {
  if (now >= write_deadline_) {
    count_slow_peer(now, last_written_);
    return disconnected();
  }
  if (now >= drain_deadline_) finish_drain();
  if (now >= header_deadline_) {
    server_.hit(Limit::header_timeout);
    terminate(NGHTTP2_ENHANCE_YOUR_CALM, "the header fields did not arrive in time");
  }
  if (now < idle_deadline_) return;
  idle_deadline_ = Clock::time_point::max();
  if (phase_ == Phase::lingering) return disconnected();
  if (!unsent_.empty()) return;
  server_.hit(requests_ == 0 ? Limit::header_timeout : Limit::idle_timeout);
  terminate(NGHTTP2_NO_ERROR, {});
}

/// It took something not long ago, only too little of it, or nothing at all.
void Http2Connection::count_slow_peer(Clock::time_point now, Clock::time_point last_taken) {
  const bool drips = now < last_taken + server_.limits.write_timeout;
  server_.hit(drips ? Limit::answer_bytes_per_second : Limit::write_timeout);
}

void Http2Connection::on_readiness(Readiness readiness) {
  server_.begin_event();
  readable_ |= readiness.readable;
  hung_up_ |= readiness.hung_up;
  if (readiness.writable && !unsent_.empty()) send_rest();
  if (readiness.hung_up && !unsent_.empty()) {
    disconnected();
  } else {
    pump();
  }
  settle();
}

void Http2Connection::on_ready() {
  server_.begin_event();
  if (std::exchange(body_taken_, false)) {
    streams_.for_each([this](Http2Stream& stream) {
      if (!std::exchange(stream.touched, false)) return;
      open_windows(stream, std::exchange(stream.taken, 0));
      if (stream.body_open) arm_open_body(stream);
    });
  }
  pump();
  settle();
}

void Http2Connection::schedule_turn() {
  if (!ListNode<ReadyTag>::linked()) server_.loop().schedule(*this);
}

bool Http2Connection::may_read() const {
  return readable_ && (phase_ == Phase::lingering || (phase_ == Phase::open && unsent_.empty()));
}

void Http2Connection::pump() {
  for (int round = 0; round < most_rounds; ++round) {
    if (!may_read()) return;
    read_once();
    flush();
  }
  if (may_read()) schedule_turn();
}

void Http2Connection::read_once() {
  auto& buffer = server_.input;
  const net::IoResult result = stream_->read(buffer);
  if (result.status != net::IoStatus::ok) {
    readable_ = false;
    if (result.status != net::IoStatus::would_block) disconnected();
    return;
  }
  if (result.bytes < buffer.size() && !hung_up_) readable_ = false;
  if (phase_ == Phase::lingering) {
    discarded_ += result.bytes;
    if (discarded_ > most_discarded) disconnected();
    return;
  }
  feed({buffer.data(), result.bytes});
}

void Http2Connection::feed(std::string_view data) {
  if (data.empty() || nghttp2_session_want_read(session_) == 0) return;
  if (const std::string_view problem = meter_.look(data, server_.now()); !problem.empty()) {
    if (const auto limit = meter_.limit()) server_.hit(*limit);
    return terminate(meter_.is_malformed() ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_ENHANCE_YOUR_CALM,
                     problem);
  }
  const ssize_t used = nghttp2_session_mem_recv(session_, bytes_of(data), data.size());
  note_header_block();
  if (!problem_.empty()) return terminate(NGHTTP2_ENHANCE_YOUR_CALM, problem_);
  if (used < 0) {
    const bool flooded = used == NGHTTP2_ERR_FLOODED;
    if (flooded) server_.hit(Limit::http2_queued_frames);
    terminate(flooded ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR,
              nghttp2_strerror(static_cast<int>(used)));
  }
}

/// A header block has its own deadline, from its first frame to the end of its last.
void Http2Connection::note_header_block() {
  if (!meter_.in_header_block()) {
    header_deadline_ = Clock::time_point::max();
    return;
  }
  if (seen_header_blocks_ == meter_.header_blocks() &&
      header_deadline_ != Clock::time_point::max()) {
    return;
  }
  seen_header_blocks_ = meter_.header_blocks();
  header_deadline_ = server_.now() + server_.limits.header_timeout;
  arm(header_deadline_);
}

/// Says why with GOAWAY; nothing is read after that, and the connection closes once it is sent.
void Http2Connection::terminate(std::uint32_t error_code, std::string_view problem) {
  if (phase_ != Phase::open) return;
  header_deadline_ = Clock::time_point::max();
  if (!problem.empty()) {
    log::debug(http_log, "HTTP/2 connection ended early",
               {{"peer", stream_->peer()}, {"problem", problem}});
  }
  broken_ |= nghttp2_session_terminate_session(session_, error_code) != 0;
}

/// Writes what the session has to say, as far as the peer takes it.
void Http2Connection::flush() {
  std::string& output = server_.output;
  for (int round = 0; round < most_writes; ++round) {
    if (!unsent_.empty() || phase_ != Phase::open || !gather()) return;
    const std::string_view all = output;
    const net::IoResult result = stream_->write({&all, 1});
    if (result.status == net::IoStatus::closed || result.status == net::IoStatus::failed) {
      output.clear();
      return disconnected();
    }
    if (result.bytes < all.size()) {
      unsent_.assign(all.substr(result.bytes));
      unsent_at_ = 0;
      write_started_ = server_.now();
      written_ = 0;
      await_writable();
    }
    output.clear();
    if (output.capacity() > most_kept_output) std::string().swap(output);
  }
  if (unsent_.empty() && phase_ == Phase::open && nghttp2_session_want_write(session_) != 0) {
    schedule_turn();
  }
}

/// Moves frames into the shared output. False: there are none.
bool Http2Connection::gather() {
  std::string& output = server_.output;
  while (output.size() < most_gathered) {
    const std::uint8_t* frame = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &frame);
    if (size < 0) {
      output.clear();
      disconnected();
      return false;
    }
    if (size == 0) break;
    output.append(reinterpret_cast<const char*>(frame), static_cast<std::size_t>(size));
  }
  return !output.empty();
}

void Http2Connection::await_writable() {
  const Limits& limits = server_.limits;
  last_written_ = server_.now();
  write_deadline_ = server_.now() + limits.write_timeout;
  if (limits.answer_bytes_per_second != 0) {
    const auto earned = std::chrono::milliseconds(written_ * 1000 / limits.answer_bytes_per_second);
    write_deadline_ = std::min<Clock::time_point>(
        write_deadline_, write_started_ + 2 * limits.write_timeout + earned);
  }
  arm(write_deadline_);
}

void Http2Connection::send_rest() {
  while (unsent_at_ < unsent_.size()) {
    const std::string_view rest = std::string_view(unsent_).substr(unsent_at_);
    const net::IoResult result = stream_->write({&rest, 1});
    if (result.status == net::IoStatus::closed || result.status == net::IoStatus::failed) {
      return disconnected();
    }
    if (result.bytes > 0) {
      written_ += result.bytes;
      await_writable();
    }
    unsent_at_ += result.bytes;
    if (result.bytes < rest.size()) return;
  }
  std::string().swap(unsent_);
  write_deadline_ = Clock::time_point::max();
  if (streams_.empty() && phase_ == Phase::open) {
    idle_deadline_ = server_.now() + server_.limits.idle_timeout;
    arm(idle_deadline_);
  }
}

/// The last step of every event. May destroy this connection.
void Http2Connection::settle() {
  flush();
  if (broken_) disconnected();
  if (phase_ == Phase::open && unsent_.empty() && nghttp2_session_want_read(session_) == 0 &&
      nghttp2_session_want_write(session_) == 0) {
    linger();
  }
  if (phase_ == Phase::closed) server_.remove(*this);
}

/// Everything is said. The peer may still be sending: it is let read the end before the reset.
void Http2Connection::linger() {
  disconnected();
  phase_ = Phase::lingering;
  stream_->shutdown_write();
  idle_deadline_ = server_.now() + linger_time;
  arm(idle_deadline_);
  if (readable_ || hung_up_) {
    readable_ = true;
    schedule_turn();
  }
}

/// The peer is gone: handlers and producers at work are told.
void Http2Connection::disconnected() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  const Error why(Code::cancelled, "the client has closed the connection");
  while (!streams_.empty()) {
    std::unique_ptr<Http2Stream> stream(&streams_.pop_front());
    client_left(*stream, why);
  }
  stream_count_ = 0;
  std::string().swap(unsent_);
  idle_deadline_ = header_deadline_ = drain_deadline_ = write_deadline_ = Clock::time_point::max();
}

void Http2Connection::begin_drain() {
  start_drain();
  schedule_turn();
}

/// First a notice that names no stream, so that requests on their way are still served; the last
/// stream is named when the client has seen it (RFC 9113 section 6.8).
void Http2Connection::start_drain() {
  if (draining_ || phase_ != Phase::open) return;
  draining_ = true;
  int failed = nghttp2_submit_shutdown_notice(session_);
  failed |= nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  broken_ |= failed != 0;
  drain_deadline_ = server_.loop().now() + drain_notice;
  arm(drain_deadline_);
}

void Http2Connection::finish_drain() {
  if (drain_deadline_ == Clock::time_point::max()) return;
  drain_deadline_ = Clock::time_point::max();
  last_stream_ = nghttp2_session_get_last_proc_stream_id(session_);
  const int failed = nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, last_stream_,
                                           NGHTTP2_NO_ERROR, nullptr, 0);
  broken_ |= failed != 0;
}

}  // namespace kit::http::detail
