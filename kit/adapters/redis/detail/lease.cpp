// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "kit/adapters/redis/detail/commands.hpp"
#include "kit/adapters/redis/detail/errors.hpp"
#include "kit/adapters/redis/detail/node.hpp"
#include "kit/adapters/redis/detail/thread.hpp"

namespace kit::redis::detail {

/// Waits for one of the node's places for sessions, which its lease then has.
class SessionWait final : public Operation<std::unique_ptr<Lease>>, public ListNode<SessionTag> {
 public:
  explicit SessionWait(std::shared_ptr<Node> node) : node_(std::move(node)) {
    timer_.set_action([](void* self) { static_cast<SessionWait*>(self)->expire(); }, this);
  }
  ~SessionWait() { leave(); }
  void grant() {
    leave();
    succeed(std::make_unique<Lease>(node_));
  }

 private:
  void start() override {
    const RedisOptions& options = node_->shared().options;
    if (node_->sessions_ < options.sessions_per_node && node_->session_waiting_.empty()) {
      ++node_->sessions_;
      return succeed(std::make_unique<Lease>(node_));
    }
    if (node_->session_waiting_count_ >= options.waiting_per_node) {
      return refuse("REDIS_QUEUE_FULL",
                    "too many tasks wait for a session with Redis at " + node_->address().shown());
    }
    node_->session_waiting_.push_back(*this);
    ++node_->session_waiting_count_;
    Loop::current().start(timer_, Loop::current().now() + options.queue_limit);
  }
  void detach() override { leave(); }
  void expire() {
    leave();
    refuse("REDIS_SESSIONS_EXHAUSTED",
           "no session with Redis at " + node_->address().shown() +
               " was free in time; sessions_per_node is " +
               std::to_string(node_->shared().options.sessions_per_node));
  }
  void refuse(std::string reason, std::string text) {
    node_->shared().counts.refused.add();
    fail(Error(Code::resource_exhausted, std::move(text)).with_reason(std::move(reason)));
  }
  void leave() {
    if (!ListNode<SessionTag>::linked()) return;
    ListNode<SessionTag>::unlink();
    --node_->session_waiting_count_;
    timer_.stop();
  }

  std::shared_ptr<Node> node_;
  Timer timer_;
};

Lease::Lease(std::shared_ptr<Node> node)
    : node_(std::move(node)), listed_(node_->shared().listed.lock()) {
  node_->shared().counts.in_use.add();
  if (listed_ != nullptr) listed_->add();
}

Lease::~Lease() {
  if (listed_ != nullptr) listed_->remove();
  node_->shared().counts.in_use.remove();
  if (link_ != nullptr && !is_retired_ && !in_transaction_) node_->give_back(std::move(link_));
  node_->give_place_back();
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

void Node::give_place_back() {
  // Without a loop everything is being dropped, and nobody goes on.
  if (session_waiting_.empty() || Loop::current_or_null() == nullptr) {
    --sessions_;
  } else {
    session_waiting_.front().grant();
  }
}

Task<std::unique_ptr<Lease>> Node::lease(Fresh fresh) {
  const std::shared_ptr<Node> self = shared_from_this();
  SessionWait wait(self);
  std::unique_ptr<Lease> lease = co_await wait;
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
