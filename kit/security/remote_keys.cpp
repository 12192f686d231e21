// SPDX-License-Identifier: Apache-2.0
#include "kit/security/remote_keys.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "kit/async/operation.hpp"
#include "kit/log/log.hpp"
#include "kit/security/jwt_verifier.hpp"

namespace kit::security {
namespace {

log::Module security_log{"security"};

/// Says that nobody fetches any more, however `run` ends.
struct Running {
  std::atomic<bool>& runs;
  Signal& fetched;
  ~Running() {
    runs = false;
    fetched.notify();
  }
};

}  // namespace

RemoteKeys::RemoteKeys(FetchKeys fetch, std::shared_ptr<KeyStore> store, RemoteKeysOptions options)
    : fetch_(std::move(fetch)), store_(std::move(store)), options_(options) {}

void RemoteKeys::apply(RemoteKeysOptions options) {
  {
    const std::lock_guard lock(mutex_);
    options_ = options;
  }
  wanted_.notify();
}

RemoteKeysOptions RemoteKeys::options() const {
  const std::lock_guard lock(mutex_);
  return options_;
}

RemoteKeysStatus RemoteKeys::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

Task<> RemoteKeys::run() {
  KIT_ASSERT(!runs_.exchange(true), "RemoteKeys::run runs once at a time");
  const Running running{runs_, fetched_};
  while (true) {
    const std::uint64_t seen = wanted_.count();
    co_await fetch_once();
    // Failed keys are looked for again as soon as somebody may ask.
    const RemoteKeysOptions now = options();
    const bool failed = !status().problem.empty();
    const Clock::duration wait = failed ? now.min_interval : now.refresh_interval;
    Signal::Changed until = wanted_.changed(seen, Loop::current().now() + wait);
    co_await until;
    while (!may_fetch(Loop::current().now())) {
      Sleep pause(options().min_interval / 8 + std::chrono::milliseconds(1));
      co_await pause;
    }
  }
}

bool RemoteKeys::may_fetch(Clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  return !begun_ || now - *begun_ >= options_.min_interval;
}

Task<> RemoteKeys::fetch_once() {
  {
    const std::lock_guard lock(mutex_);
    is_fetching_ = true;
    begun_ = Loop::current().now();
  }
  Task<std::string> fetching = fetch_();
  Task<std::string> limited =
      with_deadline(Clock::duration(options().timeout), std::move(fetching));
  const Result<std::string> text = co_await as_result(std::move(limited));
  if (!text && text.error().code() == Code::cancelled) co_await text.error().clone();
  note(text ? take(*text) : Result<>(text.error().clone()));
  fetched_.notify();
}

/// Puts the keys of `text` in the place of those there are.
Result<> RemoteKeys::take(std::string_view text) {
  std::vector<std::string> left_out;
  Result<KeySet> keys = parse_jwks(text, KeySource::network, &left_out);
  if (!keys) return std::move(keys).error();
  const std::size_t count = keys->keys().size();
  if (!store_->replace(*std::move(keys))) return {};
  log::info(security_log, "the issuer's keys have changed",
            {{"keys", count}, {"left_out", left_out.size()}});
  for (const std::string& why : left_out)
    log::info(security_log, "a key of the issuer is left out", {{"why", why}});
  return {};
}

/// Says once that something is wrong, and once that it is over.
void RemoteKeys::note(Result<> result) {
  bool was_wrong = false;
  {
    const std::lock_guard lock(mutex_);
    is_fetching_ = false;
    was_wrong = !status_.problem.empty();
    ++status_.fetches;
    if (result) {
      status_.fetched_at = Timestamp::now();
      status_.problem.clear();
    } else {
      ++status_.failures;
      status_.problem = result.error().describe();
    }
  }
  if (!result && !was_wrong) {
    log::warn(security_log, "the issuer's keys could not be fetched; those there are still count",
              {{"error", result.error()}});
  } else if (result && was_wrong) {
    log::info(security_log, "the issuer's keys are fetched again", {});
  }
}

Task<bool> RemoteKeys::fetch_again() {
  const std::uint64_t seen = fetched_.count();
  Clock::duration limit;
  {
    const std::lock_guard lock(mutex_);
    const Clock::time_point now = Loop::current().now();
    const bool is_due = !begun_ || now - *begun_ >= options_.min_interval;
    if (!runs_ || (!is_due && !is_fetching_)) co_return false;
    limit = options_.timeout + options_.timeout;
  }
  wanted_.notify();
  Signal::Changed fetched = fetched_.changed(seen, Loop::current().now() + limit);
  co_await fetched;
  co_return true;
}

Task<std::shared_ptr<const Identity>> verify(const JwtVerifier& verifier, RemoteKeys* keys,
                                             std::string_view token, Timestamp now) {
  Result<std::shared_ptr<const Identity>> first = verifier.verify(token, now);
  if (first || keys == nullptr || first.error().reason() != "TOKEN_KEY_UNKNOWN") co_return first;
  const bool fetched = co_await keys->fetch_again();
  if (!fetched) co_return first;
  co_return verifier.verify(token, now);
}

}  // namespace kit::security
