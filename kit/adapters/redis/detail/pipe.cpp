// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/detail/pipe.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kit/adapters/redis/detail/errors.hpp"
#include "kit/adapters/redis/detail/node.hpp"
#include "kit/adapters/redis/detail/thread.hpp"

namespace kit::redis::detail {
namespace {

/// Bytes that wait to be sent; more tasks wait for room then.
constexpr std::size_t most_unsent = 1024 * 1024;

/// A connection that a task gave up on after so long a silence is asked nothing more, although it
/// still has until `response_timeout` to answer: what it was sent may have arrived in another form.
constexpr std::chrono::milliseconds doubtful_silence{250};

/// In one turn of the loop.
constexpr int most_reads = 16;

Error lost(std::string_view how) {
  return Error(Code::unavailable, std::string(how)).with_reason("CONNECTION_LOST");
}

}  // namespace

Call::Call(std::shared_ptr<Node> node, Commands commands)
    : node_(std::move(node)), commands_(commands) {}

void Call::start() {
  begun_ = Loop::current().now();
  node_->shared().counts.in_flight.add();
  node_->submit(*this);
}

void Call::detach() {
  if (begun_ == Clock::time_point()) return;  // never began
  Counts& counts = node_->shared().counts;
  if (ListNode<CallTag>::linked()) {
    node_->leave(*this);
  } else if (pipe_ != nullptr) {
    pipe_->abandon(*this);
    counts.abandoned.add();
  }
  if (std::exchange(begun_, {}) != Clock::time_point()) counts.in_flight.remove();
}

void Call::take(Reply reply) {
  Counts& counts = node_->shared().counts;
  counts.commands.add();
  if (reply.is_error()) counts.errors.add();
  replies.push_back(std::move(reply));
  if (replies.size() < commands_.size()) return;
  const auto took =
      std::chrono::duration_cast<std::chrono::microseconds>(Loop::current().now() - begun_);
  counts.latency_us.add(commands_.size() * static_cast<std::uint64_t>(took.count()));
  counts.in_flight.remove();
  begun_ = {};
  pipe_ = nullptr;
  succeed();
}

void Call::lose(const Error& why, bool unsent) {
  if (Loop::current_or_null() == nullptr) return orphan();
  Counts& counts = node_->shared().counts;
  counts.lost.add();
  if (begun_ != Clock::time_point()) counts.in_flight.remove();
  begun_ = {};
  pipe_ = nullptr;
  was_unsent = unsent;
  fail(why.clone());
}

Pipe::Pipe(Node& node, Link& link)
    : node_(&node),
      counted_(link.release_count()),
      options_(node.shared().options),
      stream_(link.release()),
      parser_(options_.reply) {
  answers_.set_action([](void* self) { static_cast<Pipe*>(self)->check_answers(); }, this);
}

Pipe::~Pipe() {
  KIT_ASSERT(node_ == nullptr || waiting_.empty(), "a connection ended under tasks that wait");
}

void Pipe::begin() {
  last_read_ = Loop::current().now();
  stream_->watch(*this);
}

bool Pipe::has_room(std::size_t count) const {
  if (waiting_.empty()) return true;
  return waiting_.size() + count <= options_.pipeline_depth && unsent_.size() - sent_ < most_unsent;
}

void Pipe::send(Call& call) {
  call.pipe_ = this;
  call.first_ = first_ + waiting_.size();
  call.replies.reserve(call.commands_.size());
  const Clock::time_point now = Loop::current().now();
  for (const auto& words : call.commands_) {
    waiting_.push_back({&call, queued_total_, now});
    const std::size_t before = unsent_.size();
    write_command(unsent_, words);
    queued_total_ += unsent_.size() - before;
  }
  if (!Ready::linked()) Loop::current().schedule(*this);
  if (!answers_.armed()) Loop::current().start(answers_, due());
}

void Pipe::abandon(Call& call) {
  const std::size_t begin = call.first_ > first_ ? call.first_ - first_ : 0;
  const std::size_t end = call.first_ + call.commands_.size() - first_;
  for (std::size_t i = begin; i < end; ++i) waiting_[i].call = nullptr;
  call.pipe_ = nullptr;
  const Loop* loop = Loop::current_or_null();
  if (loop == nullptr || node_ == nullptr) return;
  const Clock::time_point silent_since = std::max(waiting_.front().since, last_read_);
  if (loop->now() - silent_since >= doubtful_silence) node_->retire(*this);
}

void Pipe::flush() {
  while (sent_ < unsent_.size() && node_ != nullptr) {
    const std::string_view rest = std::string_view(unsent_).substr(sent_);
    const net::IoResult result = stream_->write({&rest, 1});
    if (result.status == net::IoStatus::would_block) return drop_sent();
    if (result.status != net::IoStatus::ok) {
      const std::shared_ptr<Pipe> alive = shared_from_this();
      return break_off(lost("the connection broke"));
    }
    sent_ += result.bytes;
    sent_total_ += result.bytes;
  }
  sent_ = 0;
  // A large command does not keep its memory.
  if (unsent_.capacity() > 2 * most_unsent) {
    std::string().swap(unsent_);
  } else {
    unsent_.clear();
  }
  if (node_ != nullptr) node_->pump();
}

/// What was sent takes no memory, although it may never be the case that all is.
void Pipe::drop_sent() {
  if (sent_ < most_unsent) return;
  unsent_.erase(0, sent_);
  sent_ = 0;
}

void Pipe::on_ready() {
  const std::shared_ptr<Pipe> alive = shared_from_this();
  flush();
  if (node_ != nullptr && std::exchange(has_more_, false)) read();
}

void Pipe::on_readiness(Readiness readiness) {
  const std::shared_ptr<Pipe> alive = shared_from_this();
  if (readiness.writable && sent_ < unsent_.size()) flush();
  if (node_ != nullptr && (readiness.readable || readiness.hung_up)) read();
}

void Pipe::read() {
  const std::span<char> buffer = node_->thread().read_buffer();
  for (int reads = 0; node_ != nullptr; ++reads) {
    if (reads == most_reads) {
      // Others have their turn.
      has_more_ = true;
      if (!Ready::linked()) Loop::current().schedule(*this);
      return;
    }
    const net::IoResult result = stream_->read(buffer);
    switch (result.status) {
      case net::IoStatus::would_block:
        return;
      case net::IoStatus::closed:
        return break_off(lost("the server closed the connection"));
      case net::IoStatus::failed:
        return break_off(lost("the connection broke"));
      case net::IoStatus::ok:
        break;
    }
    take({buffer.data(), result.bytes});
    if (result.bytes < buffer.size()) return;
  }
}

void Pipe::take(std::string_view input) {
  last_read_ = Loop::current().now();
  while (!input.empty() && node_ != nullptr) {
    auto reply = parser_.next(input);
    if (!reply) return break_off(reply.error());
    if (*reply) take_reply(std::move(**reply));
  }
  if (node_ != nullptr) node_->pump();
}

void Pipe::take_reply(Reply reply) {
  if (reply.kind() == Reply::Kind::push) return;
  if (waiting_.empty()) {
    // Also how a server says that it has too many clients, before anything was asked.
    if (reply.is_error()) return break_off(reply.to_error());
    return break_off(protocol_error("an answer that nobody asked for"));
  }
  const Waiting waiting = waiting_.front();
  waiting_.pop_front();
  ++first_;
  const bool is_read_only = reply.is_error() && error_word(reply.bytes()) == "READONLY";
  if (waiting.call != nullptr) waiting.call->take(std::move(reply));
  if (is_read_only) node_->note_read_only(*this);
}

Clock::time_point Pipe::due() const {
  return std::max(waiting_.front().since, last_read_) + options_.response_timeout;
}

void Pipe::check_answers() {
  if (waiting_.empty()) return;
  const std::shared_ptr<Pipe> alive = shared_from_this();
  if (due() > Loop::current().now()) return Loop::current().start(answers_, due());
  break_off(Error(Code::unavailable, "no answer in time").with_reason("REDIS_TIMEOUT"));
}

void Pipe::close() {
  node_ = nullptr;
  Ready::unlink();
  answers_.stop();
  stream_.reset();
}

void Pipe::break_off(const Error& why) {
  if (node_ == nullptr) return;
  const std::shared_ptr<Pipe> alive = shared_from_this();
  Node& node = *node_;
  close();
  const Error shown = unreachable(node.address().shown(), why.clone());
  std::deque<Waiting> waiting = std::exchange(waiting_, {});
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    Call* const call = waiting[i].call;
    if (call == nullptr || call->pipe_ != this) continue;
    // All of a call's commands were appended at once: the first tells of all.
    const bool is_whole = call->replies.empty() && call->first_ == first_ + i;
    call->lose(shown, is_whole && waiting[i].begins_at >= sent_total_);
  }
  node.forget(*this, shown);
}

}  // namespace kit::redis::detail
