// SPDX-License-Identifier: Apache-2.0
#include "kit/async/task_list.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string_view>
#include <typeinfo>

#include "kit/async/intrusive_list.hpp"
#include "kit/async/live.hpp"
#include "kit/async/loop.hpp"
#include "kit/async/task.hpp"
#include "kit/base/assert.hpp"

namespace kit {

namespace detail {

struct TaskRecordTag;

/// Made and dropped by the task's thread, read by any under the mutex.
struct TaskRecord : ListNode<TaskRecordTag> {
  std::uint64_t id = 0;
  std::string name;
  Clock::time_point since;
  StackTrace created;
  std::atomic<const std::type_info*> waits_for{nullptr};
};

}  // namespace detail

namespace {

using detail::PromiseBase;
using detail::TaskRecord;

#ifdef NDEBUG
constexpr std::uint32_t default_sampling = 1024;
#else
constexpr std::uint32_t default_sampling = 1;
#endif

std::atomic<std::uint32_t> sampling{default_sampling};
// The first root task of a thread is a sample.
thread_local constinit std::uint32_t until_sample = 1;
thread_local constinit const std::type_info* last_wait = nullptr;

struct Records {
  std::mutex mutex;
  std::uint64_t last_id = 0;
  IntrusiveList<TaskRecord, detail::TaskRecordTag> all;
};

Records& records() {
  // Never destroyed: static objects may hold tasks.
  static auto* const made = new Records();
  return *made;
}

[[gnu::noinline]] TaskRecord* make_record(std::string_view name) {
  auto* record = new TaskRecord();
  record->name = name;
  const Loop* loop = Loop::current_or_null();
  record->since = loop != nullptr ? loop->now() : Clock::now();
  record->created = StackTrace::capture(2);
  // The task has just begun to wait, for what was begun last on this thread.
  record->waits_for.store(last_wait, std::memory_order_relaxed);
  Records& list = records();
  std::lock_guard lock(list.mutex);
  record->id = ++list.last_id;
  list.all.push_back(*record);
  return record;
}

PromiseBase& root_of(PromiseBase& task) {
  PromiseBase* root = &task;
  while (root->parent != nullptr) root = root->parent;
  return *root;
}

}  // namespace

void PromiseBase::enter_root(PromiseBase& task, std::string_view name) {
  task.counted = true;
  live_tasks.add();
  if (--until_sample != 0) return;
  until_sample = sampling.load(std::memory_order_relaxed);
  task.record = make_record(name);
}

void PromiseBase::leave_root(PromiseBase& task) noexcept {
  live_tasks.remove();
  if (task.record == nullptr) return;
  {
    std::lock_guard lock(records().mutex);
    task.record->unlink();
  }
  delete task.record;
}

void PromiseBase::list_root(PromiseBase& task, std::string_view name) {
  if (!task.counted) return;
  if (task.record == nullptr) {
    task.record = make_record(name);
    return;
  }
  std::lock_guard lock(records().mutex);
  task.record->name = name;
}

void PromiseBase::note_wait(PromiseBase& task, const std::type_info& operation) {
  last_wait = &operation;
  if (TaskRecord* record = root_of(task).record) {
    record->waits_for.store(&operation, std::memory_order_relaxed);
  }
}

void PromiseBase::note_run(PromiseBase& task) {
  if (TaskRecord* record = root_of(task).record) {
    record->waits_for.store(nullptr, std::memory_order_relaxed);
  }
}

std::vector<ListedTask> list_tasks() {
  std::vector<ListedTask> tasks;
  Records& list = records();
  std::lock_guard lock(list.mutex);
  list.all.for_each([&](const TaskRecord& record) {
    ListedTask& task = tasks.emplace_back();
    task.id = record.id;
    task.name = record.name;
    task.since = record.since;
    task.created = record.created;
    if (const auto* kind = record.waits_for.load(std::memory_order_relaxed)) {
      task.waits_for = demangle(kind->name());
    }
  });
  return tasks;
}

std::uint32_t task_sampling() {
  return sampling.load(std::memory_order_relaxed);
}

void set_task_sampling(std::uint32_t one_in) {
  KIT_ASSERT(one_in > 0, "one in how many tasks");
  sampling.store(one_in, std::memory_order_relaxed);
  until_sample = 1;
}

}  // namespace kit
