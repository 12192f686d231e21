// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/detail/node.hpp"

#include <algorithm>
#include <utility>

#include "kit/adapters/redis/detail/commands.hpp"
#include "kit/adapters/redis/detail/errors.hpp"
#include "kit/adapters/redis/detail/sentinel.hpp"
#include "kit/adapters/redis/detail/thread.hpp"

namespace kit::redis::detail {
namespace {

Error too_many_wait(const Address& address, std::size_t most) {
  return Error(Code::resource_exhausted,
               "more than " + std::to_string(most) + " tasks wait for Redis at " + address.shown())
      .with_reason("REDIS_QUEUE_FULL");
}

}  // namespace

/// A shared connection that is being made.
struct Node::Opening {
  Context context{Context::Detached()};
  std::optional<Task<std::unique_ptr<Link>>> task;
};

Node::Node(Thread& thread, Address address, Kind kind)
    : thread_(&thread), shared_(thread.shared()), address_(std::move(address)), kind_(kind) {
  sweep_timer_.set_action([](void* self) { static_cast<Node*>(self)->sweep(); }, this);
}

Node::~Node() = default;

void Node::submit(Call& call) {
  if (thread_ == nullptr) {
    return call.lose(unreachable(address_.shown(), Error(Code::cancelled, "the client has ended")),
                     true);
  }
  const std::size_t count = call.commands_.size();
  Pipe* pipe = waiting_.empty() ? roomy_pipe(count) : nullptr;
  const bool is_busy =
      pipe == nullptr || pipe->load() + count > shared_->options.pipeline_depth / 2;
  if (is_busy && may_open()) {
    begin_open();
    if (pipe == nullptr && waiting_.empty()) pipe = roomy_pipe(count);
  }
  if (pipe != nullptr) return pipe->send(call);
  if (open_count() == 0)
    return call.lose(unreachable(address_.shown(), last_failure_->clone()), true);
  if (waiting_count_ >= shared_->options.waiting_per_node) {
    shared_->counts.refused.add();
    return call.lose(too_many_wait(address_, waiting_count_), true);
  }
  waiting_.push_back(call);
  ++waiting_count_;
}

bool Node::is_idle() const {
  const auto is_quiet = [](const auto& pipe) { return pipe->load() == 0; };
  return opening_ == nullptr && waiting_.empty() && sessions_ == 0 &&
         std::ranges::all_of(pipes_, is_quiet) && std::ranges::all_of(retired_, is_quiet);
}

void Node::leave(Call& call) {
  call.ListNode<CallTag>::unlink();
  --waiting_count_;
}

Pipe* Node::roomy_pipe(std::size_t count) const {
  Pipe* best = nullptr;
  for (const auto& pipe : pipes_) {
    if (pipe->has_room(count) && (best == nullptr || pipe->load() < best->load()))
      best = pipe.get();
  }
  return best;
}

void Node::pump() {
  while (!waiting_.empty()) {
    Call& call = waiting_.front();
    Pipe* const pipe = roomy_pipe(call.commands_.size());
    if (pipe == nullptr) break;
    leave(call);
    pipe->send(call);
  }
  if (!waiting_.empty() && thread_ != nullptr && may_open()) begin_open();
  std::erase_if(retired_, [](const auto& pipe) {
    if (pipe->load() > 0) return false;
    pipe->close();
    return true;
  });
}

bool Node::may_open() const {
  return opening_ == nullptr && pipes_.size() < shared_->options.connections_per_node &&
         Loop::current().now() >= not_before_;
}

void Node::begin_open() {
  // It outlives whoever happens to begin it.
  Context::Entry none(nullptr);
  opening_ = std::make_unique<Opening>();
  opening_->task.emplace(open());
  Context::Entry entry(&opening_->context);
  auto ended = [](void* self) { static_cast<Node*>(self)->opened(); };
  if (opening_->task->start(ended, this, "redis: connect")) opened();
}

void Node::opened() {
  auto link = opening_->task->take();
  // Its context is the current one until this ends.
  const std::unique_ptr<Opening> ended = std::move(opening_);
  if (!link) return note_failure(link.error());
  failures_ = 0;
  not_before_ = {};
  if (!(*link)->is_clean() || (*link)->is_stale())
    return note_failure(protocol_error("bytes behind the answer to a login"));
  auto pipe = std::make_shared<Pipe>(*this, **link);
  pipes_.push_back(pipe);
  pipe->begin();
  pump();
}

void Node::note_failure(const Error& why) {
  const RedisOptions& options = shared_->options;
  Clock::duration backoff = options.first_backoff;
  for (std::size_t i = 0; i < failures_ && backoff < options.longest_backoff; ++i) backoff *= 2;
  backoff = std::min<Clock::duration>(backoff, options.longest_backoff);
  ++failures_;
  not_before_ = Loop::current().now() + thread_->jittered(backoff);
  last_failure_.emplace(why.clone());
  shared_->slots.doubt();
  if (!pipes_.empty()) return;
  while (!waiting_.empty()) {
    Call& call = waiting_.front();
    leave(call);
    call.lose(why, true);
  }
}

void Node::forget(Pipe& pipe, const Error& why) {
  const auto is_it = [&](const auto& each) { return each.get() == &pipe; };
  std::erase_if(pipes_, is_it);
  std::erase_if(retired_, is_it);
  shared_->slots.doubt();
  if (thread_ == nullptr || open_count() > 0 || waiting_.empty()) return;
  if (may_open()) return begin_open();
  while (!waiting_.empty()) {
    Call& call = waiting_.front();
    leave(call);
    call.lose(why, true);
  }
}

void Node::note_read_only(Pipe& pipe) {
  shared_->slots.doubt();
  if (!kind_.is_replica) retire(pipe);
}

void Node::retire(Pipe& pipe) {
  const auto found = std::ranges::find(pipes_, &pipe, &std::shared_ptr<Pipe>::get);
  if (found == pipes_.end()) return;
  retired_.push_back(std::move(*found));
  pipes_.erase(found);
}

void Node::renew() {
  std::ranges::move(pipes_, std::back_inserter(retired_));
  pipes_.clear();
  idle_.clear();
  not_before_ = {};
  opening_.reset();  // maybe to the old one
  pump();
}

void Node::close(const Error& why) {
  thread_ = nullptr;
  opening_.reset();
  sweep_timer_.stop();
  idle_.clear();
  auto pipes = std::exchange(pipes_, {});
  for (const auto& pipe : pipes) pipe->break_off(why);
  pipes = std::exchange(retired_, {});
  for (const auto& pipe : pipes) pipe->break_off(why);
  while (!waiting_.empty()) {
    Call& call = waiting_.front();
    leave(call);
    call.lose(why, true);
  }
}

Task<std::unique_ptr<Link>> Node::open() {
  const std::shared_ptr<Thread> thread = thread_->shared_from_this();
  if (kind_.follows_sentinels) return open_primary(thread);
  return open_link(thread, address_, kind_.is_replica ? Purpose::replica : Purpose::any);
}

}  // namespace kit::redis::detail
