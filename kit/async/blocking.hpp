// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "kit/async/loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/base/result.hpp"

namespace kit {

namespace detail {

/// What a pool runs.
class PoolJob {
 public:
  virtual ~PoolJob() = default;
  /// On a thread of the pool. Must not throw.
  virtual void run() = 0;
  /// Instead of `run`, on any thread, when the pool ends before the job began.
  virtual void refuse(Error why) = 0;
  /// After either, when the pool no longer counts it.
  virtual void tell() = 0;
};

}  // namespace detail

struct BlockingPoolOptions {
  std::string name = "blocking";  ///< Of its threads and of its counter in `live_counts`.
  /// At most. They are started when needed. 0: jobs run where they are submitted, for tests on the
  /// virtual clock.
  std::size_t threads = 8;
  std::size_t queue = 1'024;  ///< Jobs that wait for a thread; what comes beyond them is refused.
};

/// Threads for what blocks: name look-ups, files, libraries that know no loop. See `blocking`.
/// Thread safety: any thread.
class BlockingPool {
 public:
  using Options = BlockingPoolOptions;

  explicit BlockingPool(Options options = {});
  /// Refuses what has not begun and awaits what has.
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  /// The pool of the process, for DNS and files. Never destroyed: what it runs when the process
  /// ends is not waited for.
  static BlockingPool& shared();

  /// What `blocking` calls. Fails with `resource_exhausted` (BLOCKING_QUEUE_FULL) past the queue.
  Result<> submit(std::shared_ptr<detail::PoolJob> job);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

namespace detail {

/// Runs `work` and turns what it throws into an error.
template <class T, class F>
Result<T> run_guarded(F& work) {
  using Returned = std::invoke_result_t<F&>;
  try {
    if constexpr (std::is_void_v<Returned>) {
      work();
      return {};
    } else {
      return work();
    }
  } catch (...) {
    return error_from_current_exception();
  }
}

template <class R>
struct BlockingValue {
  using type = R;
};
template <class T>
struct BlockingValue<Result<T>> {
  using type = T;
};

}  // namespace detail

/// A call that runs on a pool: what `blocking` makes.
template <class T>
class Blocking final : public Operation<T> {
 public:
  /// Shared by the waiting task and the thread: whoever ends last drops it. `waiting` belongs to
  /// the loop's thread; the rest changes hands with `submit` and with `post`.
  struct Job : detail::PoolJob, std::enable_shared_from_this<Job> {
    void refuse(Error why) final { result.emplace(std::move(why)); }
    void tell() final {
      Function<void()> wake = [job = this->shared_from_this()] {
        if (job->waiting != nullptr) job->waiting->finish_with(std::move(*job->result));
      };
      loop.post(std::move(wake));
    }
    LoopRemote loop;
    Blocking* waiting = nullptr;
    std::atomic<bool> abandoned{false};
    std::optional<Result<T>> result;
  };
  template <class F>
  struct JobOf final : Job {
    explicit JobOf(F&& function) : work(std::move(function)) {}
    void run() override {
      // Nobody waits any more: what has not begun need not.
      if (this->abandoned.load(std::memory_order_relaxed)) return work.reset();
      this->result.emplace(detail::run_guarded<T>(*work));
      work.reset();  // what it holds dies here, not on the loop's thread
    }
    std::optional<F> work;
  };

  Blocking(BlockingPool& pool, std::shared_ptr<Job> job) : pool_(pool), job_(std::move(job)) {}
  ~Blocking() { detach(); }

 private:
  void start() override {
    job_->loop = Loop::current().remote();
    job_->waiting = this;
    Result<> submitted = pool_.submit(job_);
    if (submitted) return;
    job_->waiting = nullptr;
    this->fail(std::move(submitted).error());
  }
  void detach() override {
    job_->waiting = nullptr;
    job_->abandoned.store(true, std::memory_order_relaxed);
  }
  void finish_with(Result<T> result) {
    job_->waiting = nullptr;
    if (!result) return this->fail(std::move(result).error());
    if constexpr (std::is_void_v<T>) {
      this->succeed();
    } else {
      this->succeed(std::move(result).value());
    }
  }

  BlockingPool& pool_;
  std::shared_ptr<Job> job_;
};

/// `co_await blocking(pool, work)`: runs `work()` on a thread of `pool` while this task waits, and
/// yields what it returns (a `Result` is unwrapped, an exception becomes `internal`). Fails with
/// `resource_exhausted` when too many wait for a thread, `unavailable` when the pool ends.
/// Cancellation: the task goes on at once; `work` runs to its end, if it has begun, and what it
/// returns is dropped. So `work` owns what it uses. Lifetime: the pool outlives the wait, not the
/// work.
template <class F>
auto blocking(BlockingPool& pool, F work) {
  using T = detail::BlockingValue<std::invoke_result_t<F&>>::type;
  using JobOf = Blocking<T>::template JobOf<F>;
  return Blocking<T>(pool, std::make_shared<JobOf>(std::move(work)));
}

}  // namespace kit
