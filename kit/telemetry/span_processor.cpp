// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/span_processor.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "kit/async/operation.hpp"
#include "kit/async/task_group.hpp"
#include "kit/telemetry/registry.hpp"

namespace kit::telemetry {

/// How other threads reach a task that waits; it may be gone by then.
class SpanProcessor::Waker final : public std::enable_shared_from_this<Waker> {
 public:
  void listen() {
    const std::lock_guard lock(mutex_);
    remote_ = Loop::current().remote();
  }
  void wake();
  /// Of the loop's thread. True: it is to go on at once.
  bool wait(Wait* waiting) {
    if (is_set_.exchange(false)) return true;
    waiting_ = waiting;
    return false;
  }
  void leave(Wait* waiting) {
    if (waiting_ == waiting) waiting_ = nullptr;
  }

 private:
  std::mutex mutex_;
  LoopRemote remote_;  // leads nowhere while nobody listens
  std::atomic<bool> is_set_{false};
  Wait* waiting_ = nullptr;  // of the loop's thread
};

/// Ends when it was woken, or after a while.
class SpanProcessor::Wait final : public Operation<void> {
 public:
  Wait(Waker& waker, Clock::duration most) : waker_(waker), most_(most) {}
  ~Wait() { detach(); }
  void wake() { succeed(); }

 private:
  void start() override {
    if (waker_.wait(this)) return succeed();
    timer_.set_action([](void* self) { static_cast<Wait*>(self)->succeed(); }, this);
    Loop::current().start(timer_, Loop::current().now() + most_);
  }
  void detach() override {
    timer_.stop();
    waker_.leave(this);
  }

  Waker& waker_;
  const Clock::duration most_;
  Timer timer_;
};

void SpanProcessor::Waker::wake() {
  if (is_set_.exchange(true)) return;
  const std::lock_guard lock(mutex_);
  // Where it leads nowhere, whoever listens next goes on at once.
  (void)remote_.post([self = shared_from_this()] {
    Wait* const waiting = std::exchange(self->waiting_, nullptr);
    if (waiting == nullptr) return;
    self->is_set_.store(false);
    waiting->wake();
  });
}

SpanProcessor::SpanProcessor(SpanProcessorOptions options, TraceTableOptions table)
    : options_(options),
      table_(table),
      full_queue_(std::make_shared<Waker>()),
      full_batch_(std::make_shared<Waker>()) {}

SpanProcessor::~SpanProcessor() = default;

std::shared_ptr<SpanQueue> SpanProcessor::add_queue() {
  auto queue = std::make_shared<SpanQueue>(options_.queue);
  const std::lock_guard lock(mutex_);
  queues_.push_back(queue);
  return queue;
}

void SpanProcessor::wake() {
  full_queue_->wake();
}

std::unique_ptr<SpanRecord> SpanProcessor::spare() {
  if (spares_.empty()) return nullptr;
  std::unique_ptr<SpanRecord> record = std::move(spares_.back());
  spares_.pop_back();
  return record;
}

void SpanProcessor::keep(std::unique_ptr<SpanRecord>& record) {
  table_.add(*record);
  if (!exports_ || !record->sampled) return;
  if (pending_.size() == options_.queue) {
    ++dropped_;
    return;
  }
  pending_.push_back(std::move(record));
  record = spare();
}

void SpanProcessor::collect() {
  std::unique_lock lock(mutex_);
  for (const auto& queue : queues_) {
    queue->take_all([this](std::unique_ptr<SpanRecord>& record) { keep(record); });
  }
  std::erase_if(queues_, [this](const auto& queue) {
    if (!queue->is_finished()) return false;
    dropped_ += queue->dropped();
    return true;
  });
  const bool is_full = pending_.size() >= options_.batch;
  lock.unlock();
  if (is_full) full_batch_->wake();
}

SpanProcessor::Batch SpanProcessor::next_batch(bool all) {
  const std::lock_guard lock(mutex_);
  Batch batch;
  if (!all && pending_.size() < options_.batch) return batch;
  const std::size_t size = std::min(pending_.size(), options_.batch);
  const auto end = pending_.begin() + static_cast<std::ptrdiff_t>(size);
  batch.assign(std::make_move_iterator(pending_.begin()), std::make_move_iterator(end));
  pending_.erase(pending_.begin(), end);
  return batch;
}

void SpanProcessor::finish(Batch batch) {
  const std::lock_guard lock(mutex_);
  handed_on_.fetch_add(batch.size(), std::memory_order_relaxed);
  for (auto& record : batch) {
    if (spares_.size() < options_.queue) spares_.push_back(std::move(record));
  }
}

void SpanProcessor::give_back(Batch batch) {
  const std::lock_guard lock(mutex_);
  pending_.insert(pending_.begin(), std::make_move_iterator(batch.begin()),
                  std::make_move_iterator(batch.end()));
}

Task<> SpanProcessor::export_pending(SpanExporter& exporter, bool all) {
  while (true) {
    Batch batch = next_batch(all);
    if (batch.empty()) co_return;
    Task<> exporting = exporter.export_spans(batch);
    const Result<> exported = co_await as_result(std::move(exporting));
    if (exported) {
      finish(std::move(batch));
      continue;
    }
    // Cancelled on its way: it is tried once more at the end, and may then arrive twice.
    give_back(std::move(batch));
    co_await exported.error().clone();
  }
}

bool SpanProcessor::has_batch() {
  const std::lock_guard lock(mutex_);
  return pending_.size() >= options_.batch;
}

Task<> SpanProcessor::export_until_cancelled(SpanExporter& exporter) {
  full_batch_->listen();
  while (true) {
    Wait wait(*full_batch_, options_.delay);
    co_await wait;
    const bool all = !has_batch();  // then it was the time
    collect();
    co_await export_pending(exporter, all);
  }
}

/// What was recorded by now is still worth a moment, although the task is cancelled.
Task<> SpanProcessor::export_rest(SpanExporter& exporter) {
  Context detached{Context::Detached()};
  Context::Scope scope(detached);
  collect();
  Task<> last =
      with_deadline(Clock::duration(options_.closing_limit), export_pending(exporter, true));
  const Result<> exported = co_await as_result(std::move(last));
  scope.leave();
  {
    const std::lock_guard lock(mutex_);
    exports_ = false;
    dropped_ += pending_.size();
    pending_.clear();
  }
  if (!exported) co_await exported.error().clone();
}

Task<> SpanProcessor::run() {
  full_queue_->listen();
  // The table is to be fresh without anybody asking, but not more often than pays.
  const auto most = std::min<Clock::duration>(options_.delay, std::chrono::seconds{1});
  while (true) {
    Wait wait(*full_queue_, most);
    co_await wait;
    collect();
  }
}

Task<> SpanProcessor::run(SpanExporter& exporter) {
  {
    const std::lock_guard lock(mutex_);
    exports_ = true;
  }
  TaskGroup collecting("spans");
  collecting.spawn("collect", run());
  Task<> exporting = export_until_cancelled(exporter);
  const Result<> ended = co_await as_result(std::move(exporting));
  collecting.cancel();
  Task<> collected = collecting.join();
  (void)co_await as_result(std::move(collected));  // was cancelled, which is no failure
  Task<> rest = export_rest(exporter);
  const Result<> exported = co_await as_result(std::move(rest));
  if (!ended) co_await ended.error().clone();
  if (!exported) co_await exported.error().clone();
}

std::uint64_t SpanProcessor::dropped() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = dropped_;
  for (const auto& queue : queues_) sum += queue->dropped();
  return sum;
}

void SpanProcessor::add_metrics(Registry& registry) const {
  registry.add_reading("trace_spans_dropped_total", "Spans that found a queue full",
                       [this] { return static_cast<double>(dropped()); });
  registry.add_reading("trace_spans_handed_on_total", "Spans given to the exporter",
                       [this] { return static_cast<double>(handed_on()); });
}

}  // namespace kit::telemetry
