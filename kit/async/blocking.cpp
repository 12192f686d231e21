// SPDX-License-Identifier: Apache-2.0
#include "kit/async/blocking.hpp"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "kit/async/live.hpp"

namespace kit {

struct BlockingPool::State {
  explicit State(Options given) : options(std::move(given)), jobs("blocking_jobs", options.name) {}

  void work();
  /// Starts a thread when more jobs wait than threads do. Under the mutex.
  Result<> grow();

  const Options options;
  ListedCounter jobs;  // queued and running
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::shared_ptr<detail::PoolJob>> queue;
  std::vector<std::thread> threads;
  std::size_t busy = 0;  // threads with a job
  bool closing = false;
};

void BlockingPool::State::work() {
  ::pthread_setname_np(::pthread_self(), options.name.substr(0, 15).c_str());
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [&] { return closing || !queue.empty(); });
    if (queue.empty()) return;
    std::shared_ptr<detail::PoolJob> job = std::move(queue.front());
    queue.pop_front();
    ++busy;
    lock.unlock();
    job->run();
    jobs.remove();
    lock.lock();
    --busy;
    lock.unlock();
    // Free again before anybody hears of it: who is told may submit the next one.
    job->tell();
    job.reset();
    lock.lock();
  }
}

Result<> BlockingPool::State::grow() {
  if (queue.size() <= threads.size() - busy || threads.size() >= options.threads) return {};
  try {
    threads.emplace_back([this] { work(); });
  } catch (const std::system_error& failure) {
    // Those there are will come to it.
    if (!threads.empty()) return {};
    return Error(Code::resource_exhausted, std::string("no thread: ") + failure.what());
  }
  return {};
}

BlockingPool::BlockingPool(Options options) : state_(std::make_unique<State>(std::move(options))) {}

BlockingPool::~BlockingPool() {
  std::deque<std::shared_ptr<detail::PoolJob>> refused;
  {
    std::lock_guard lock(state_->mutex);
    state_->closing = true;
    refused.swap(state_->queue);
  }
  state_->changed.notify_all();
  for (const auto& job : refused) {
    state_->jobs.remove();
    job->refuse(Error(Code::unavailable, "the pool '" + state_->options.name + "' has ended"));
    job->tell();
  }
  for (std::thread& thread : state_->threads) thread.join();
}

BlockingPool& BlockingPool::shared() {
  static auto* const pool = new BlockingPool({.name = "blocking"});
  return *pool;
}

Result<> BlockingPool::submit(std::shared_ptr<detail::PoolJob> job) {
  if (state_->options.threads == 0) {
    state_->jobs.add();
    job->run();
    state_->jobs.remove();
    job->tell();
    return {};
  }
  {
    std::lock_guard lock(state_->mutex);
    const std::size_t free_threads = state_->options.threads - state_->busy;
    if (state_->queue.size() >= state_->options.queue + free_threads) {
      return Error(Code::resource_exhausted,
                   "too many jobs wait for the pool '" + state_->options.name + "'")
          .with_reason("BLOCKING_QUEUE_FULL");
    }
    state_->queue.push_back(std::move(job));
    if (Result<> grown = state_->grow(); !grown) {
      state_->queue.pop_back();
      return grown;
    }
    state_->jobs.add();
  }
  state_->changed.notify_one();
  return {};
}

}  // namespace kit
