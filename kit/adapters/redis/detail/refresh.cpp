// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/detail/refresh.hpp"

#include <array>
#include <utility>

#include "kit/adapters/redis/detail/engine.hpp"
#include "kit/adapters/redis/detail/errors.hpp"

namespace kit::redis::detail {
namespace {

constexpr std::chrono::milliseconds node_limit{1'000};

/// Ends the refresh however the task ends.
class Ending {
 public:
  explicit Ending(SlotTable& slots) : slots_(slots) {}
  ~Ending() { slots_.end_refresh(std::move(why)); }
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;

  /// Null: it succeeded.
  std::optional<Error> why{Error(Code::unavailable, "nobody was asked for the slots yet")};

 private:
  SlotTable& slots_;
};

Task<SlotMap> ask(std::shared_ptr<Thread> thread, Address address) {
  const std::array<std::string_view, 2> words = {"CLUSTER", "SLOTS"};
  const std::array<Command, 1> commands = {Command(words)};
  Task<std::vector<Reply>> sending = send(thread->node(address), commands, true);
  Task<std::vector<Reply>> limited = within(node_limit, "REDIS_TIMEOUT", std::move(sending));
  std::vector<Reply> replies = co_await std::move(limited);
  co_return parse_slots(replies.front(), address);
}

Task<> refresh(std::shared_ptr<Thread> thread) {
  const std::shared_ptr<Shared> shared = thread->shared();
  Ending ending(shared->slots);
  shared->counts.refreshes.add();
  for (const Address& address : shared->slots.whom_to_ask()) {
    Task<SlotMap> asking = ask(thread, address);
    auto map = co_await as_result(std::move(asking));
    if (!map.ok()) {
      ending.why.emplace(std::move(map).error());
      continue;
    }
    shared->slots.replace(std::move(*map));
    ending.why.reset();
    co_return;
  }
}

}  // namespace

/// Waits for the end of a refresh, on whatever thread it runs.
class Thread::MapWait final : public Operation<void>, public ListNode<MapWaitTag> {
 public:
  explicit MapWait(Thread& thread) : thread_(thread) {}
  ~MapWait() = default;
  void wake() { succeed(); }

 private:
  void start() override {
    auto tell = [remote = thread_.remote_, weak = thread_.weak_from_this()] {
      static_cast<void>(remote.post([weak] {
        if (const auto thread = weak.lock()) thread->wake_map_waits();
      }));
    };
    if (!thread_.shared()->slots.when_refreshed(std::move(tell))) return succeed();
    thread_.map_waits_.push_back(*this);
  }
  void detach() override { ListNode<MapWaitTag>::unlink(); }

  Thread& thread_;
};

void Thread::wake_map_waits() {
  while (!map_waits_.empty()) map_waits_.pop_front().wake();
}

void maintain(Thread& thread) {
  if (thread.refreshing != nullptr && !thread.refreshing->is_done) return;
  if (!thread.shared()->slots.begin_refresh(Loop::current().now())) return;
  thread.run(thread.refreshing, refresh(thread.shared_from_this()), "redis: slots");
}

Task<> refreshed(std::shared_ptr<Thread> thread) {
  Thread::MapWait wait(*thread);
  co_await wait;
  if (!thread->map()->shards.empty()) co_return;
  co_await unreachable(thread->shared()->name, thread->shared()->slots.last_failure());
}

}  // namespace kit::redis::detail
