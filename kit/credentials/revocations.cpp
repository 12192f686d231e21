// SPDX-License-Identifier: Apache-2.0
#include "kit/credentials/revocations.hpp"

#include <array>
#include <utility>
#include <vector>

#include "kit/async/operation.hpp"
#include "kit/async/task_group.hpp"
#include "kit/cache/shared.hpp"
#include "kit/log/log.hpp"

namespace kit::credentials {
namespace {

log::Module credentials_log{"credentials"};

/// What is announced: that there is something new, not what.
constexpr std::string_view announced_key = "kit:revocations";
constexpr std::chrono::seconds listen_again{1};

}  // namespace

Revocations::Revocations(db::Database& database, cache::Shared* shared,
                         security::RevocationList& list, RevocationsOptions options)
    : database_(database), shared_(shared), list_(list), options_(options) {}

void Revocations::apply(RevocationsOptions options) {
  {
    const std::lock_guard lock(mutex_);
    options_ = options;
  }
  told_.notify();
}

RevocationsOptions Revocations::options() const {
  const std::lock_guard lock(mutex_);
  return options_;
}

RevocationsStatus Revocations::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void Revocations::put(const Revoked& row) {
  const Timestamp now = Timestamp::now();
  if (row.is_token) {
    list_.revoke_token(row.name, row.expires_at.value_or(Timestamp{}), now);
    return;
  }
  security::SubjectRule rule;
  rule.disabled = row.disabled;
  rule.min_token_version = row.token_version;
  rule.issued_from = row.changed_at;
  rule.revision = row.revision;
  if (!row.disabled)
    rule.until = Timestamp{row.changed_at.since_epoch + options().max_token_lifetime};
  list_.set_subject(row.name, rule, now);
}

Task<> Revocations::disable(std::string subject) {
  return change(std::move(subject), SubjectChange::disable);
}
Task<> Revocations::enable(std::string subject) {
  return change(std::move(subject), SubjectChange::enable);
}
Task<> Revocations::end_sessions(std::string subject) {
  return change(std::move(subject), SubjectChange::end_sessions);
}

Task<> Revocations::change(std::string subject, SubjectChange what) {
  const Timestamp now = Timestamp::now();
  Task<Revoked> changing = change_subject(database_, std::move(subject), what, now);
  const Revoked row = co_await std::move(changing);
  co_await announce(row);
}

Task<> Revocations::revoke_token(std::string token_id, Timestamp expires_at) {
  const Timestamp now = Timestamp::now();
  Task<Revoked> revoking =
      credentials::revoke_token(database_, std::move(token_id), expires_at, now);
  const Revoked row = co_await std::move(revoking);
  co_await announce(row);
}

/// It is durable: what fails here is only the fast way to the others.
Task<> Revocations::announce(const Revoked& row) {
  put(row);
  if (shared_ == nullptr) co_return;
  const std::array<std::string, 1> keys = {std::string(announced_key)};
  Task<> telling = shared_->announce(keys);
  Task<> limited = with_deadline(Clock::duration(options().poll), std::move(telling));
  const Result<> told = co_await as_result(std::move(limited));
  if (!told) {
    log::warn(credentials_log, "other instances read a revocation from the database only",
              {{"error", told.error()}});
  }
}

Task<> Revocations::read() {
  const std::int64_t from = status().revision;
  Task<std::vector<Revoked>> reading = revoked_since(database_, from);
  const std::vector<Revoked> rows = co_await std::move(reading);
  for (const Revoked& row : rows) put(row);
  const std::lock_guard lock(mutex_);
  if (!rows.empty()) status_.revision = rows.back().revision;
  ++status_.reads;
  status_.read_at = Timestamp::now();
}

/// Says once that something is wrong, and once that it is over.
void Revocations::note(const Result<>& result) {
  bool was_wrong = false;
  {
    const std::lock_guard lock(mutex_);
    was_wrong = !status_.problem.empty();
    status_.problem = result ? std::string() : result.error().describe();
  }
  if (!result && !was_wrong) {
    log::error(credentials_log, "what other instances revoke is not seen here",
               {{"error", result.error()}});
  } else if (result && was_wrong) {
    log::info(credentials_log, "what other instances revoke is seen again", {});
  }
}

Task<> Revocations::poll() {
  while (true) {
    const std::uint64_t seen = told_.count();
    Task<> reading = read();
    const Result<> done = co_await as_result(std::move(reading));
    if (!done && done.error().code() == Code::cancelled) co_await done.error().clone();
    note(done);
    Signal::Changed told = told_.changed(seen, Loop::current().now() + options().poll);
    co_await told;
  }
}

Task<> Revocations::listen() {
  while (true) {
    auto changed = [this](std::string_view key) {
      if (key == announced_key) told_.notify();
    };
    auto missed = [this] { told_.notify(); };
    Task<> listening = shared_->listen(changed, missed);
    const Result<> ended = co_await as_result(std::move(listening));
    if (!ended && ended.error().code() == Code::cancelled) co_await ended.error().clone();
    if (!ended) {
      log::warn(credentials_log, "announcements of revocations are not heard",
                {{"error", ended.error()}});
    }
    Sleep pause(listen_again);
    co_await pause;
  }
}

Task<> Revocations::follow() {
  TaskGroup group("revocations");
  group.spawn(poll());
  if (shared_ != nullptr) group.spawn(listen());
  Task<> joining = group.join();
  co_await std::move(joining);
}

}  // namespace kit::credentials
