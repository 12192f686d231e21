// SPDX-License-Identifier: Apache-2.0
#include "kit/resilience/dependency.hpp"

#include "kit/log/log.hpp"

namespace kit::resilience {
namespace {

log::Module breakers_log{"breakers"};

Breaker::Listener log_changes(const std::string& kind, const std::string& name) {
  return [&kind, &name](const BreakerChange& change) {
    const bool closes = change.to == BreakerState::closed;
    log::log(breakers_log, closes ? log::Level::info : log::Level::warn, "breaker changed",
             {{"kind", kind},
              {"of", name},
              {"from", resilience::name(change.from)},
              {"to", resilience::name(change.to)},
              {"why", change.why}});
  };
}

}  // namespace

Result<> DependencyOptions::check() const {
  KIT_TRY(breaker.check());
  KIT_TRY(retry.check());
  KIT_TRY(bulkhead.check());
  if (timeout.count() < 0) return invalid("timeout", "must not be negative");
  if (patience.count() < 0) return invalid("patience", "must not be negative");
  return {};
}

bool is_failure(const Error& error) {
  if (error.reason() == "BREAKER_OPEN" || error.reason() == "BULKHEAD_FULL") return false;
  switch (error.code()) {
    case Code::unavailable:
    case Code::deadline_exceeded:
    case Code::internal:
    case Code::unknown:
    case Code::data_loss:
      return true;
    default:
      return false;
  }
}

/// A bulkhead that looks for new options.
struct Dependency::ThreadBulkhead {
  explicit ThreadBulkhead(const BulkheadOptions& options) : bulkhead(options) {}
  void close() {}
  std::uint64_t version = 0;
  Bulkhead bulkhead;
};

Dependency::Dependency(std::string kind, std::string name, const DependencyOptions& options)
    : kind_(std::move(kind)),
      name_(std::move(name)),
      breaker_(options.breaker, log_changes(kind_, name_)),
      budget_(options.retry),
      backoff_(options.retry),
      options_(options),
      bulkheads_([this] { return std::make_shared<ThreadBulkhead>(this->options().bulkhead); }) {}

Bulkhead& Dependency::bulkhead() {
  const std::shared_ptr<ThreadBulkhead> here = bulkheads_.here();
  const std::uint64_t version = version_.load(std::memory_order_acquire);
  if (here->version != version) {
    here->bulkhead.apply(options().bulkhead);
    here->version = version;
  }
  return here->bulkhead;
}

DependencyOptions Dependency::options() const {
  const std::lock_guard lock(mutex_);
  return options_;
}

std::chrono::milliseconds Dependency::timeout() const {
  const std::lock_guard lock(mutex_);
  return options_.timeout;
}

void Dependency::apply(const DependencyOptions& options, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (options == options_) return;
  options_ = options;
  breaker_.apply(options.breaker, now);
  budget_.apply(options.retry);
  backoff_.apply(options.retry);
  version_.fetch_add(1, std::memory_order_release);
}

Error Dependency::refusal() const {
  return breaker_.refusal("calls to " + name_, Loop::current().now());
}

void Dependency::record(Breaker::Call call, const Error* error, Clock::time_point began) const {
  const Clock::time_point now = Loop::current().now();
  if (error == nullptr) return call.succeeded(now);
  // The caller went away: nobody knows.
  if (error->code() == Code::cancelled) return;
  if (error->code() == Code::deadline_exceeded && now >= Context::current_deadline() &&
      now - began < options().patience) {
    return;
  }
  if (is_failure(*error)) return call.failed(now);
  call.succeeded(now);
}

std::shared_ptr<Dependency> Breakers::at(std::string_view kind, std::string_view name) {
  const std::lock_guard lock(mutex_);
  Key key(kind, name);
  const auto found = all_.find(key);
  if (found != all_.end()) return found->second;
  if (all_.size() >= most) forget();
  auto made = std::make_shared<Dependency>(key.first, key.second, options_for(kind, name));
  if (all_.size() < most) all_.emplace(std::move(key), made);
  return made;
}

std::shared_ptr<Dependency> Breakers::find(std::string_view kind, std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = all_.find(Key(kind, name));
  return found == all_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Dependency>> Breakers::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Dependency>> list;
  list.reserve(all_.size());
  for (const auto& [key, dependency] : all_) list.push_back(dependency);
  return list;
}

const DependencyOptions& Breakers::options_for(std::string_view kind, std::string_view name) const {
  const DependencyOptions* options = &defaults_;
  for (const Override& one : overrides_) {
    if (one.kind == kind && (one.name.empty() || one.name == name)) options = &one.options;
  }
  return *options;
}

void Breakers::forget() {
  const Clock::time_point now = Clock::now();
  std::erase_if(all_, [&](const auto& entry) {
    if (entry.second.use_count() > 1) return false;
    const BreakerReading reading = entry.second->breaker().read(now);
    const auto old = 10 * entry.second->breaker().options().open_time;
    return reading.force == BreakerForce::automatic &&
           (reading.state == BreakerState::closed || now - reading.changed_at > old);
  });
}

Result<> Breakers::apply(const DependencyOptions& defaults, std::vector<Override> overrides,
                         Clock::time_point now) {
  KIT_TRY(defaults.check());
  for (const Override& one : overrides) KIT_TRY(one.options.check());
  const std::lock_guard lock(mutex_);
  defaults_ = defaults;
  overrides_ = std::move(overrides);
  for (const auto& [key, dependency] : all_) {
    dependency->apply(options_for(key.first, key.second), now);
  }
  return {};
}

}  // namespace kit::resilience
