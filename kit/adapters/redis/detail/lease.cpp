// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "kit/adapters/redis/detail/commands.hpp"
#include "kit/adapters/redis/detail/errors.hpp"
#include "kit/adapters/redis/detail/node.hpp"
#include "kit/adapters/redis/detail/thread.hpp"

namespace kit::redis::detail {
namespace {

/// One more for as long as it lives.
class Counted {
 public:
  explicit Counted(std::size_t& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::size_t& count_;
};

}  // namespace

Lease::Lease(std::shared_ptr<Node> node, Semaphore::Permit permit)
    : node_(std::move(node)), permit_(std::move(permit)), listed_(node_->shared().listed.lock()) {
  node_->shared().counts.in_use.add();
  if (listed_ != nullptr) listed_->add();
}

Lease::~Lease() {
  if (listed_ != nullptr) listed_->remove();
  node_->shared().counts.in_use.remove();
  if (link_ != nullptr && !is_retired_ && !in_transaction_) node_->give_back(std::move(link_));
}

void Lease::note(std::span<const std::string_view> words) {
  const CommandInfo info = find_command(words);
  if (info.use != Use::own) return;
  if (info.name == "MULTI" || info.name == "WATCH") {
    in_transaction_ = true;
  } else if (info.name == "EXEC" || info.name == "DISCARD") {
    in_transaction_ = false;
  } else if (info.keys == Keys::none && info.name != "WAIT") {
    is_retired_ = true;
  }
}

Task<Semaphore::Permit> Node::wait_for_permit() {
  Semaphore::Permit permit = co_await sessions_.acquire();
  co_return std::move(permit);
}

Task<std::unique_ptr<Lease>> Node::lease(Fresh fresh) {
  const std::shared_ptr<Node> self = shared_from_this();
  const RedisOptions& options = shared_->options;
  if (session_waiting_ >= options.waiting_per_node) {
    shared_->counts.refused.add();
    co_return Error(Code::resource_exhausted,
                    "too many tasks wait for a session with Redis at " + address_.shown())
        .with_reason("REDIS_QUEUE_FULL");
  }
  std::unique_ptr<Lease> lease;
  {
    Counted counted(session_waiting_);
    Task<Semaphore::Permit> waiting = wait_for_permit();
    Task<Semaphore::Permit> limited =
        within(options.queue_limit, "REDIS_SESSIONS_EXHAUSTED", std::move(waiting));
    auto permit = co_await as_result(std::move(limited));
    if (!permit.ok() && permit.error().reason() == "REDIS_SESSIONS_EXHAUSTED") {
      shared_->counts.refused.add();
      co_return Error(Code::resource_exhausted, "no session with Redis at " + address_.shown() +
                                                    " was free in time; sessions_per_node is " +
                                                    std::to_string(options.sessions_per_node))
          .with_reason("REDIS_SESSIONS_EXHAUSTED");
    }
    if (!permit.ok()) co_return std::move(permit).error();
    lease = std::make_unique<Lease>(self, std::move(*permit));
  }
  if (thread_ == nullptr) co_return Error(Code::cancelled, "the client of Redis has ended");
  if (fresh == Fresh::no) lease->link_ = take_idle();
  if (lease->link_ == nullptr) lease->link_ = co_await open();
  co_return std::move(lease);
}

std::unique_ptr<Link> Node::take_idle() {
  const Clock::time_point now = Loop::current().now();
  while (!idle_.empty()) {
    std::unique_ptr<Link> link = std::move(idle_.back());
    idle_.pop_back();
    if (now - link->used_at < shared_->options.idle_limit && !link->is_stale()) return link;
  }
  return nullptr;
}

void Node::give_back(std::unique_ptr<Link> link) {
  // Without a loop everything is being dropped.
  if (thread_ == nullptr || !link->is_clean() || Loop::current_or_null() == nullptr) return;
  link->used_at = Loop::current().now();
  idle_.push_back(std::move(link));
  if (sweep_timer_.armed()) return;
  Loop::current().start(sweep_timer_, idle_.back()->used_at + shared_->options.idle_limit);
}

/// Closes what was not used for long; the others are looked at again.
void Node::sweep() {
  const Clock::time_point now = Loop::current().now();
  const auto limit = shared_->options.idle_limit;
  std::erase_if(idle_, [&](const auto& link) { return now - link->used_at >= limit; });
  if (idle_.empty()) return;
  const auto oldest = std::ranges::min_element(idle_, {}, [](const auto& l) { return l->used_at; });
  Loop::current().start(sweep_timer_, (*oldest)->used_at + limit);
}

}  // namespace kit::redis::detail
