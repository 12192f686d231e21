// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/sqlite/detail/writer.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "kit/adapters/sqlite/detail/errors.hpp"
#include "kit/base/assert.hpp"
#include "kit/base/failpoint.hpp"

namespace kit::sqlite::detail {
namespace {

using namespace std::chrono_literals;

/// Bounds what an endless stream of writers adds to the wait of the first one in a group.
constexpr std::size_t largest_group = 1'024;
constexpr int oldest_group_windows = 10;
constexpr auto probe_interval = 1s;
constexpr auto longest_busy_pause = 25ms;

Error closed_error() {
  return Error(Code::unavailable, "the database is being closed").with_reason("DATABASE_CLOSED");
}

}  // namespace

Writer::Writer(std::unique_ptr<Connection> connection, const SqliteOptions& options)
    : options_(options),
      connection_(std::move(connection)),
      checkpoint_at_(options.checkpoint_log_bytes) {}

Writer::~Writer() = default;

void Writer::start() {
  thread_ = std::thread([this] { work(); });
}

void Writer::close() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
    refuse_all(closed_error());
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::optional<Error> Writer::refusal() const {
  if (fatal_) return fatal_->clone();
  if (corrupt_) return corrupt_->clone();
  if (closing_) return closed_error();
  return std::nullopt;
}

void Writer::enqueue(const std::shared_ptr<Unit>& unit) {
  std::lock_guard lock(mutex_);
  unit->error = refusal();
  if (!unit->error && turn_ != nullptr && turn_->root == unit->root) {
    unit->error = Error(Code::internal,
                        "this task has a transaction open already: a second one would wait for "
                        "itself; use the first one or commit it before")
                      .with_reason("NESTED_TRANSACTION");
  }
  if (unit->error) {
    unit->wait->wake();
    return;
  }
  unit->place = Unit::Place::queued;
  unit->queued_at = Clock::now();
  queue_.push_back(unit);
  if (phase_ == Phase::idle && queue_.size() == 1 && unit->work == Work::ordinary) try_begin();
  go_on();
}

/// Begins a group right here, which saves two changes of threads. It waits for nobody: when another
/// process has the lock, the writer's thread goes on trying.
void Writer::try_begin() {
  if (!connection_->control("BEGIN IMMEDIATE").result.ok()) return;
  phase_ = Phase::open;
  joined_ = 0;
}

void Writer::leave(const std::shared_ptr<Unit>& unit) {
  std::lock_guard lock(mutex_);
  unit->loop = nullptr;
  auto place = std::exchange(unit->place, Unit::Place::outside);
  if (place == Unit::Place::queued) {
    std::erase(queue_, unit);
    // A group may have been kept open for this one.
    go_on();
  } else if (place == Unit::Place::turn && turn_ == unit) {
    undo_turn(unit);
  }
}

/// Takes back what the unit did in its turn; the rest of the group stays.
void Writer::undo_turn(const std::shared_ptr<Unit>& unit) {
  if (std::exchange(unit->in_savepoint, false)) {
    Outcome undone = connection_->control("ROLLBACK TO unit");
    if (undone.result.ok()) undone = connection_->control("RELEASE unit");
    if (!undone.result.ok()) {
      // What was to be undone can't be told from the rest: nothing of the group may stay.
      if (!connection_->autocommit()) connection_->control("ROLLBACK");
      fail_group(undone.result.error());
    }
  }
  turn_ = nullptr;
  go_on();
}

void Writer::commit(const std::shared_ptr<Unit>& unit) {
  std::lock_guard lock(mutex_);
  KIT_ASSERT(turn_ == unit, "commit without a turn");
  turn_ = nullptr;
  if (closing_) {
    // The thread that makes groups durable may be gone already.
    if (!connection_->autocommit()) connection_->control("ROLLBACK");
    unit->place = Unit::Place::outside;
    fail_group(closed_error());
    wake(unit, closed_error());
    return;
  }
  unit->place = Unit::Place::committed;
  if (members_.empty()) first_commit_ = Clock::now();
  members_.push_back(unit);
  go_on();
}

void Writer::check_group(const std::shared_ptr<Unit>& unit, int code, const Error& error) {
  if (code == 0) return;
  std::lock_guard lock(mutex_);
  note_locked(code, error);
  if (turn_ != unit || phase_ != Phase::open || !connection_->autocommit()) return;
  unit->lost = true;
  unit->in_savepoint = false;
  unit->place = Unit::Place::outside;
  fail_group(error);
  turn_ = nullptr;
  go_on();
}

/// Everyone whose work was in the group learns that it is gone. A unit that has its turn learns it
/// from its own statement.
void Writer::fail_group(const Error& error) {
  ++stats_.failed_groups;
  const bool is_anothers = error.code() == Code::deadline_exceeded || is_sequence_exhausted(error);
  Error why = is_anothers ? Error(Code::unavailable, "another unit of work of the group was ended")
                                .with_reason("GROUP_ROLLED_BACK")
                          : error.clone();
  for (auto& member : std::exchange(members_, {})) wake(member, why.clone());
  phase_ = Phase::idle;
  solo_ = false;
  if (std::exchange(schema_, false)) connection_->control("PRAGMA foreign_keys=ON");
}

void Writer::count_expired() {
  std::lock_guard lock(mutex_);
  ++stats_.expired;
}

void Writer::wake(const std::shared_ptr<Unit>& unit, std::optional<Error> error) {
  unit->error = std::move(error);
  if (unit->place != Unit::Place::turn) unit->place = Unit::Place::outside;
  if (unit->loop == nullptr) return;
  if (unit->loop == Loop::current_or_null()) {
    if (unit->wait != nullptr) unit->wait->wake();
    return;
  }
  // Under the mutex: `leave` makes sure that nothing is posted to a loop that has ended.
  unit->loop->post([unit] {
    if (unit->wait != nullptr) unit->wait->wake();
  });
}

bool Writer::is_aged(Clock::time_point now) const {
  return members_.size() >= largest_group ||
         (!members_.empty() && now >= first_commit_ + options_.group_window * oldest_group_windows);
}

Clock::time_point Writer::window_end() const {
  return first_commit_ + options_.group_window;
}

/// Whether the group is complete: nobody has a turn or waits, and those who were at work lately are
/// in it or have had their time to come.
bool Writer::may_close(Clock::time_point now) const {
  if (phase_ != Phase::open || turn_ != nullptr) return false;
  if (solo_ || closing_ || members_.empty() || !queue_.empty()) return true;
  return joined_ >= expected_ || now >= window_end();
}

void Writer::give_turn() {
  turn_ = std::move(queue_.front());
  queue_.pop_front();
  turn_->place = Unit::Place::turn;
  ++joined_;
  wake(turn_, std::nullopt);
}

/// Gives the connection to the next unit, or wakes the writer's thread when it has something to do.
void Writer::go_on() {
  if (phase_ == Phase::open && turn_ == nullptr && !solo_ && !queue_.empty() && !closing_ &&
      queue_.front()->work == Work::ordinary && !is_aged(Clock::now())) {
    give_turn();
    return;
  }
  bool begins = phase_ == Phase::idle && !queue_.empty();
  bool ends =
      phase_ == Phase::open && turn_ == nullptr && (!window_armed_ || may_close(Clock::now()));
  if (begins || ends || closing_) changed_.notify_one();
}

void Writer::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (fatal_ && !fatal_reported_) report_fatal(lock);
    auto now = Clock::now();
    if (may_close(now)) {
      close_group(lock);
    } else if (phase_ == Phase::open && turn_ == nullptr) {
      window_armed_ = true;
      changed_.wait_until(lock, window_end());
      window_armed_ = false;
    } else if (phase_ == Phase::idle && !queue_.empty()) {
      open_group(lock);
    } else if (closing_) {
      break;
    } else if (phase_ == Phase::idle && full_ && now >= probe_at_) {
      probe(lock);
    } else if (phase_ == Phase::idle && full_) {
      changed_.wait_until(lock, probe_at_);
    } else if (phase_ == Phase::idle && now >= tidy_at_) {
      tidy(lock);
    } else if (phase_ == Phase::idle && tidy_at_ != Clock::time_point::max()) {
      changed_.wait_until(lock, tidy_at_);
    } else {
      changed_.wait(lock);
    }
  }
  if (phase_ == Phase::idle && !fatal_ && !corrupt_) {
    int code = 0;
    [[maybe_unused]] auto written = connection_->checkpoint(true, code);
  } else if (phase_ == Phase::open) {
    // Somebody still has a transaction open; what was in its group can't be made durable.
    for (auto& member : std::exchange(members_, {})) wake(member, closed_error());
  }
}

Outcome Writer::begin_group(bool schema) {
  if (schema) connection_->control("PRAGMA foreign_keys=OFF");
  Outcome begun = connection_->control("BEGIN IMMEDIATE");
  if (!begun.result.ok() && schema) connection_->control("PRAGMA foreign_keys=ON");
  return begun;
}

/// BEGIN, again and again while another process has the lock; those who have waited too long are
/// told.
void Writer::open_group(std::unique_lock<std::mutex>& lock) {
  phase_ = Phase::opening;
  bool begun = false;
  bool schema = false;
  for (auto pause = 1ms; !begun && !queue_.empty();
       pause = std::min(pause * 2, longest_busy_pause)) {
    schema = queue_.front()->work == Work::schema;
    lock.unlock();
    Outcome outcome = begin_group(schema);
    lock.lock();
    begun = outcome.result.ok();
    if (begun) break;
    note_locked(outcome.code, outcome.result.error());
    if (is_busy(outcome.code)) {
      fail_overdue(outcome.result.error());
      if (!queue_.empty()) changed_.wait_for(lock, pause);
    } else {
      refuse_all(outcome.result.error());
    }
  }
  phase_ = begun ? Phase::open : Phase::idle;
  if (!begun) return;
  schema_ = schema;
  joined_ = 0;
  // The one it was begun for may have left meanwhile; then the group ends empty.
  Work next = queue_.empty() ? Work::ordinary : queue_.front()->work;
  solo_ = schema || next != Work::ordinary;
  if (solo_ && !queue_.empty() && schema == (next == Work::schema)) {
    give_turn();
  } else {
    go_on();
  }
}

void Writer::fail_overdue(const Error& error) {
  auto limit = Clock::now() - options_.busy_timeout;
  while (!queue_.empty() && queue_.front()->queued_at <= limit) {
    auto unit = std::move(queue_.front());
    queue_.pop_front();
    wake(unit, error.clone());
  }
}

void Writer::close_group(std::unique_lock<std::mutex>& lock) {
  phase_ = Phase::committing;
  const bool empty = members_.empty();
  const bool schema = std::exchange(schema_, false);
  lock.unlock();
  auto begun = Clock::now();
  Outcome outcome = empty ? Outcome{db::Session::Changed{}, 0, false} : end_group(schema);
  if (!connection_->autocommit()) connection_->control("ROLLBACK");
  if (schema) connection_->control("PRAGMA foreign_keys=ON");
  auto took = Clock::now() - begun;
  lock.lock();
  phase_ = Phase::idle;
  if (empty) {
    solo_ = false;
  } else {
    finish_group(outcome, took);
    if (!fatal_) maintain(lock);
  }
}

Outcome Writer::end_group(bool schema) {
  if (schema) {
    Outcome checked = check_foreign_keys();
    if (!checked.result.ok()) return checked;
  }
  KIT_FAILPOINT("sqlite.before_commit");
  Outcome committed = connection_->control("COMMIT");
  KIT_FAILPOINT("sqlite.after_commit");
  return committed;
}

/// Statements of a schema change were not checked one by one: all foreign keys are, here.
Outcome Writer::check_foreign_keys() {
  std::string found;
  auto read = [&found](const db::Row& row) -> Result<> {
    if (found.size() > 500) return {};
    found.append(found.empty() ? "" : ", ").append(row.text(0)).append(" row ");
    found.append(row.text(1)).append(" refers to a missing row of ").append(row.text(2));
    return {};
  };
  db::RowSink sink(read);
  Outcome checked = connection_->run("PRAGMA foreign_key_check", {}, &sink, Limits::none());
  if (checked.result.ok() && !found.empty()) {
    checked.result = Error(Code::failed_precondition, "foreign keys would be violated: " + found)
                         .with_reason("FOREIGN_KEY_VIOLATION")
                         .with_http_status(409);
  }
  return checked;
}

void Writer::finish_group(const Outcome& outcome, Clock::duration took) {
  auto members = std::exchange(members_, {});
  const bool ok = outcome.result.ok();
  if (!ok) {
    ++stats_.failed_groups;
    note_locked(outcome.code, outcome.result.error());
  } else {
    full_.reset();
    durable_groups_.fetch_add(1, std::memory_order_release);
    ++stats_.commits;
    stats_.units += members.size();
    stats_.largest_group = std::max<std::uint64_t>(stats_.largest_group, members.size());
    stats_.commit_time += took;
    stats_.log_bytes = connection_->log_bytes();
    tidy_at_ = Clock::now() + options_.idle_checkpoint;
  }
  // Those just answered and those who waited meanwhile are the writers at work.
  expected_ = solo_ ? 1 : members.size() + queue_.size();
  solo_ = false;
  for (auto& member : members) {
    wake(member, ok ? std::nullopt : std::optional<Error>(outcome.result.error().clone()));
  }
  if (fatal_) refuse_all(*fatal_);
}

/// The disk was full. Writes something small as it is, to see whether it still is.
void Writer::probe(std::unique_lock<std::mutex>& lock) {
  phase_ = Phase::opening;
  lock.unlock();
  Outcome outcome = connection_->control("BEGIN IMMEDIATE");
  if (outcome.result.ok()) {
    std::string version = connection_->text("PRAGMA user_version");
    outcome = connection_->control("PRAGMA user_version=" + version);
    if (outcome.result.ok()) outcome = connection_->control("COMMIT");
  }
  if (!connection_->autocommit()) connection_->control("ROLLBACK");
  lock.lock();
  phase_ = Phase::idle;
  probe_at_ = Clock::now() + probe_interval;
  if (outcome.result.ok()) {
    full_.reset();
  } else {
    note_locked(outcome.code, outcome.result.error());
  }
}

void Writer::refuse_all(const Error& error) {
  for (auto& unit : std::exchange(queue_, {})) {
    unit->place = Unit::Place::outside;
    wake(unit, error.clone());
  }
}

void Writer::report_fatal(std::unique_lock<std::mutex>& lock) {
  fatal_reported_ = true;
  refuse_all(*fatal_);
  if (!options_.on_fatal) return;
  Error why = fatal_->clone();
  lock.unlock();
  options_.on_fatal(why);
  lock.lock();
}

void Writer::note(int code, const Error& error) {
  if (!is_disk_full(error) && !is_sync_failure(code) && !is_corrupt(code)) return;
  std::lock_guard lock(mutex_);
  note_locked(code, error);
}

void Writer::note_locked(int code, const Error& error) {
  if (is_disk_full(error)) {
    full_ = error.clone();
    probe_at_ = Clock::now() + probe_interval;
  }
  if (is_corrupt(code) && !corrupt_) corrupt_ = error.clone();
  if (is_sync_failure(code) && !fatal_) fatal_ = error.clone();
}

Result<> Writer::health() const {
  std::lock_guard lock(mutex_);
  if (fatal_) return fatal_->clone();
  if (corrupt_) return corrupt_->clone();
  if (full_) return full_->clone();
  return {};
}

SqliteStats Writer::stats() const {
  std::lock_guard lock(mutex_);
  return stats_;
}

}  // namespace kit::sqlite::detail
