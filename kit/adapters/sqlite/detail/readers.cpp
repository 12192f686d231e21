// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/sqlite/detail/readers.hpp"

#include <atomic>
#include <utility>

namespace kit::sqlite::detail {

Outcome ThreadReaders::run(std::string_view sql, std::span<const db::Parameter> parameters,
                           const db::RowSink& sink, Limits limits, std::uint64_t durable_groups) {
  if (single_ == nullptr) {
    auto opened = Connection::open(options_, Connection::Kind::reader);
    if (!opened) return {std::move(opened).error(), 0, false};
    single_ = std::move(opened).value();
  }
  share_read(durable_groups);
  Outcome outcome = single_->run(sql, parameters, &sink, limits);
  // After a failed statement the next one begins anew.
  if (!outcome.result.ok()) end_shared_read();
  return outcome;
}

void ThreadReaders::share_read(std::uint64_t durable_groups) {
  Loop* loop = Loop::current_or_null();
  if (loop == nullptr) return;
  // A clock that stands still (in tests) only makes the first statement of a turn share too.
  const bool first_in_turn = std::exchange(last_turn_, loop->now()) != loop->now();
  // One that began while the loop ran what was ready ends with what is ready next: others may be
  // before it.
  if (shares_read_ && (first_in_turn || groups_in_read_ != durable_groups)) end_shared_read();
  if (!shares_read_ && !first_in_turn && single_->control("BEGIN").result.ok()) {
    shares_read_ = true;
    groups_in_read_ = durable_groups;
    if (!linked()) loop->schedule(*this);
  }
}

void ThreadReaders::end_shared_read() {
  if (!std::exchange(shares_read_, false)) return;
  single_->control("COMMIT");
  if (!single_->autocommit()) single_->control("ROLLBACK");
}

/// At the end of the turn.
void ThreadReaders::on_ready() {
  std::lock_guard lock(closing_);
  if (!closed_) end_shared_read();
}

Result<std::unique_ptr<Connection>> ThreadReaders::take() {
  if (idle_.empty()) return Connection::open(options_, Connection::Kind::reader);
  auto connection = std::move(idle_.back());
  idle_.pop_back();
  return connection;
}

void ThreadReaders::give_back(std::unique_ptr<Connection> connection) {
  if (!closed_) idle_.push_back(std::move(connection));
}

void ThreadReaders::close() {
  std::lock_guard lock(closing_);
  closed_ = true;
  single_.reset();
  idle_.clear();
}

bool ThreadReaders::try_take_place() {
  if (places_taken_ >= options_.snapshots_per_thread || !waiting_.empty()) return false;
  ++places_taken_;
  return true;
}

void ThreadReaders::give_place_back() {
  if (waiting_.empty()) {
    --places_taken_;
  } else {
    waiting_.pop_front().grant();
  }
}

SnapshotWait::~SnapshotWait() {
  if (granted_) readers_->give_place_back();
}

void SnapshotWait::grant() {
  granted_ = true;
  succeed();
}

void SnapshotWait::start() {
  if (readers_->try_take_place()) {
    grant();
  } else {
    readers_->wait(*this);
  }
}

void SnapshotWait::detach() {
  ListNode<SnapshotTag>::unlink();
}

/// What the current thread knows of the pools it has used.
struct ThreadRegistry {
  struct Entry {
    std::uint64_t id;
    std::shared_ptr<ThreadReaders> readers;
    std::weak_ptr<ReaderPool> pool;
  };
  std::vector<Entry> entries;

  ~ThreadRegistry() {
    for (Entry& entry : entries) {
      if (auto pool = entry.pool.lock()) pool->remove(entry.readers.get());
    }
  }
};

namespace {

thread_local ThreadRegistry registry;

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

}  // namespace

ReaderPool::ReaderPool(const SqliteOptions& options) : options_(options), id_(next_id()) {}

ReaderPool::~ReaderPool() {
  // The threads still know their readers, and may never look again.
  for (const auto& readers : threads_) readers->close();
}

std::shared_ptr<ThreadReaders> ReaderPool::here() {
  for (const auto& entry : registry.entries) {
    if (entry.id == id_) return entry.readers;
  }
  std::erase_if(registry.entries, [](const auto& entry) { return entry.pool.expired(); });
  auto readers = std::make_shared<ThreadReaders>(options_);
  registry.entries.push_back({id_, readers, weak_from_this()});
  std::lock_guard lock(mutex_);
  threads_.push_back(readers);
  return readers;
}

void ReaderPool::remove(const ThreadReaders* readers) {
  std::lock_guard lock(mutex_);
  std::erase_if(threads_, [readers](const auto& entry) { return entry.get() == readers; });
}

}  // namespace kit::sqlite::detail
