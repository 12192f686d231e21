// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/async/operation.hpp"
#include "kit/async/per_thread.hpp"
#include "kit/resilience/breaker.hpp"
#include "kit/resilience/bulkhead.hpp"
#include "kit/resilience/retry.hpp"

namespace kit::resilience {

/// How calls of one outside system are guarded.
struct DependencyOptions {
  BreakerOptions breaker{};
  RetryOptions retry{};
  BulkheadOptions bulkhead{};
  std::chrono::milliseconds timeout{0};  ///< Of one try; 0: only the caller's deadline counts.
  /// A call that its caller's deadline ended sooner than this says nothing about the dependency:
  /// who sends short deadlines must not open its breaker for everybody.
  std::chrono::milliseconds patience{250};

  /// Fails with `invalid_argument`, naming the field.
  Result<> check() const;
  friend bool operator==(const DependencyOptions&, const DependencyOptions&) = default;
};

/// Whether an error says that the one who was asked is in trouble, rather than that it was asked
/// for something it will not do: `unavailable`, `deadline_exceeded`, `internal`, `unknown`,
/// `data_loss`. What a limit of our own refused (BREAKER_OPEN, BULKHEAD_FULL) does not.
bool is_failure(const Error& error);

/// One outside system (an origin, a database, a route): its breaker, its bulkheads, its retry
/// budget. Thread safety: any thread. Lifetime: as long as a task that calls.
class Dependency : public std::enable_shared_from_this<Dependency> {
 public:
  /// `kind`: "http", "redis", "database", "route". `options` have been checked.
  Dependency(std::string kind, std::string name, const DependencyOptions& options = {});

  /// Runs `task` once, in time, when breaker and bulkhead let it. Fails as it does, with
  /// `deadline_exceeded` when it took longer than `timeout`, and with `unavailable` (BREAKER_OPEN,
  /// BULKHEAD_FULL).
  template <class T>
  Task<T> call(Task<T> task) {
    return guarded(shared_from_this(), std::move(task));
  }
  /// The same, again while that is of use: only for what does no more when it is done twice.
  template <class T>
  Task<T> call_again(Function<Task<T>()> attempt) {
    auto self = shared_from_this();
    return trying<T>(std::move(self), std::move(attempt));
  }

  /// Tells the breaker what came of a call that it let through, for those who call it themselves:
  /// the error (null: none), and when it began.
  void record(Breaker::Call call, const Error* error, Clock::time_point began) const;

  Breaker& breaker() { return breaker_; }
  RetryBudget& budget() { return budget_; }
  Backoff& backoff() { return backoff_; }
  /// Of this thread.
  Bulkhead& bulkhead();

  const std::string& kind() const { return kind_; }
  const std::string& name() const { return name_; }
  DependencyOptions options() const;
  /// From now on; bulkheads of other threads follow with their next call.
  void apply(const DependencyOptions& options, Clock::time_point now);

 private:
  template <class T>
  static Task<T> guarded(std::shared_ptr<Dependency> self, Task<T> task);
  template <class T>
  static Task<T> trying(std::shared_ptr<Dependency> self, Function<Task<T>()> attempt);
  struct ThreadBulkhead;
  std::chrono::milliseconds timeout() const;
  Error refusal() const;

  const std::string kind_, name_;
  Breaker breaker_;
  RetryBudget budget_;
  Backoff backoff_;
  mutable std::mutex mutex_;
  DependencyOptions options_;
  std::atomic<std::uint64_t> version_{0};
  PerThread<ThreadBulkhead> bulkheads_;
};

/// All dependencies of a process, by kind and name; for /debug/breakers, metrics and settings.
/// Thread safety: any thread.
class Breakers {
 public:
  /// Past it, those are forgotten that nobody holds and that are closed, or have not changed for
  /// ten times their open time. When there is still no room, new ones work and are not listed.
  static constexpr std::size_t most = 1'000;

  explicit Breakers(const DependencyOptions& defaults = {}) : defaults_(defaults) {}

  /// Made when it is new.
  std::shared_ptr<Dependency> at(std::string_view kind, std::string_view name);
  /// Null: there is none.
  std::shared_ptr<Dependency> find(std::string_view kind, std::string_view name) const;
  /// By kind and name.
  std::vector<std::shared_ptr<Dependency>> all() const;

  /// What differs from the defaults: of a kind, or of one name of it.
  struct Override {
    std::string kind;
    std::string name;  ///< Empty: all of the kind.
    DependencyOptions options;
  };
  /// From now on, for those that there are and those to come; of several overrides the last that
  /// fits counts. Fails with `invalid_argument` and changes nothing.
  Result<> apply(const DependencyOptions& defaults, std::vector<Override> overrides,
                 Clock::time_point now);

 private:
  using Key = std::pair<std::string, std::string>;
  const DependencyOptions& options_for(std::string_view kind, std::string_view name) const;
  void forget();

  mutable std::mutex mutex_;
  DependencyOptions defaults_;
  std::vector<Override> overrides_;
  std::map<Key, std::shared_ptr<Dependency>> all_;
};

template <class T>
Task<T> Dependency::guarded(std::shared_ptr<Dependency> self, Task<T> task) {
  Bulkhead::Permit permit = co_await self->bulkhead().enter();
  // After the wait: what opened meanwhile holds.
  std::optional<Breaker::Call> call = self->breaker_.try_enter(Loop::current().now());
  if (!call) {
    if constexpr (std::is_void_v<T>) {
      co_await self->refusal();
    } else {
      co_return self->refusal();
    }
  }
  const Clock::time_point began = Loop::current().now();
  const std::chrono::milliseconds limit = self->timeout();
  if (limit.count() > 0) task = with_deadline(limit, std::move(task));
  Result<T> result = co_await as_result(std::move(task));
  self->record(std::move(*call), result.ok() ? nullptr : &result.error(), began);
  if constexpr (std::is_void_v<T>) {
    co_await std::move(result);
  } else {
    co_return result;
  }
}

template <class T>
Task<T> Dependency::trying(std::shared_ptr<Dependency> self, Function<Task<T>()> attempt) {
  const RetryOptions options = self->options().retry;
  Dependency* const dependency = self.get();
  Function<Task<T>()> guarded_attempt = [dependency, &attempt] {
    return dependency->call(attempt());
  };
  Task<T> all = retry<T>(options, self->budget_, self->backoff_, std::move(guarded_attempt));
  if constexpr (std::is_void_v<T>) {
    co_await std::move(all);
  } else {
    T value = co_await std::move(all);
    co_return value;
  }
}

}  // namespace kit::resilience
