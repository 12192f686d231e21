// SPDX-License-Identifier: Apache-2.0
#include "kit/resilience/bulkhead.hpp"

#include "kit/async/operation.hpp"

namespace kit::resilience {
namespace {

Error full(std::string why, std::chrono::milliseconds pause) {
  return Error(Code::unavailable, std::move(why))
      .with_reason("BULKHEAD_FULL")
      .with_retry_after(pause);
}

Task<Semaphore::Permit> acquire(std::shared_ptr<Semaphore> semaphore) {
  co_return co_await semaphore->acquire();
}

/// Counts a waiting task, also one that is dropped while it waits.
class Waiting {
 public:
  explicit Waiting(std::size_t& count) : count_(count) { ++count_; }
  ~Waiting() { --count_; }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  std::size_t& count_;
};

}  // namespace

Result<> BulkheadOptions::check() const {
  constexpr std::size_t most = 1'000'000;
  if (concurrent > most) return invalid("concurrent", "must be at most 1000000");
  if (waiting > most) return invalid("waiting", "must be at most 1000000");
  if (longest_wait < std::chrono::milliseconds(1))
    return invalid("longest_wait", "must be at least 1 ms");
  return {};
}

void Bulkhead::apply(const BulkheadOptions& options) {
  const bool same = options.concurrent == options_.concurrent;
  options_ = options;
  if (same) return;
  semaphore_ = options.concurrent == 0 ? nullptr : std::make_shared<Semaphore>(options.concurrent);
}

Task<Bulkhead::Permit> Bulkhead::enter() {
  const std::shared_ptr<Semaphore> semaphore = semaphore_;
  if (!semaphore) co_return Permit();
  if (auto free = semaphore->try_acquire()) co_return Permit(semaphore, std::move(*free));
  const std::chrono::milliseconds longest = options_.longest_wait;
  if (waiting_ >= options_.waiting) {
    co_return full("all " + std::to_string(options_.concurrent) + " calls are being made and " +
                       std::to_string(waiting_) + " wait",
                   longest);
  }
  const Waiting waits(waiting_);
  Task<Semaphore::Permit> acquiring = with_deadline(longest, acquire(semaphore));
  Result<Semaphore::Permit> acquired = co_await as_result(std::move(acquiring));
  if (acquired.ok()) co_return Permit(semaphore, std::move(*acquired));
  const Context* const context = Context::current();
  const bool own_limit = context == nullptr || !context->cancelled();
  if (own_limit && acquired.error().code() == Code::deadline_exceeded) {
    co_return full("no call ended within " + std::to_string(longest.count()) + " ms", longest);
  }
  co_return std::move(acquired).error();
}

}  // namespace kit::resilience
