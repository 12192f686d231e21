// SPDX-License-Identifier: Apache-2.0
#include "kit/resilience/load_shedder.hpp"

#include <algorithm>
#include <cmath>

#include "kit/async/loop.hpp"

namespace kit::resilience {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr auto relaxed = std::memory_order_relaxed;

/// How much of its limit and of its patience a priority may use.
constexpr std::array<double, 3> shares{10.0, 1.0, 0.5};
/// The best duration grows by so much a tick while nothing is wrong: what has become slower for
/// good is believed after half a minute.
constexpr double forgetting = 1.003;
/// While it refuses, and nothing but that keeps it calm.
constexpr double slow_forgetting = 1.001;
/// Of a new reading of the CPU: 0.4 s make most of the mean.
constexpr double newest_cpu = 0.25;
constexpr std::uint32_t fewest_of_cpu = 10;
/// Who refuses more than this is still overloaded. Fewer may be refused because of the state alone.
constexpr double refused_share = 0.2;
/// More at a time than the best rate needed at its best: room for arrivals that are not even.
constexpr double headroom = 1.5;
/// Nobody is admitted who has waited for longer than so many requests take of a CPU, within these
/// bounds.
constexpr double patience_requests = 3;
/// Waits of so many requests on the way to a CPU are no sign of overload.
constexpr double calm_requests = 3;
/// A tick with waits so many times too long is a queue by itself.
constexpr double sudden = 4;
constexpr double shortest_patience_us = 500;
constexpr double longest_patience_us = 10'000;

std::int64_t ns_of(Clock::time_point at) {
  return nanoseconds(at.time_since_epoch()).count();
}
std::uint64_t us_of(Clock::duration duration) {
  const auto whole = std::chrono::duration_cast<microseconds>(duration).count();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(whole, 0));
}

}  // namespace

std::string_view name(Priority priority) {
  switch (priority) {
    case Priority::critical:
      return "critical";
    case Priority::normal:
      return "normal";
    case Priority::low:
      break;
  }
  return "low";
}

Result<> LoadShedderOptions::check() const {
  if (!(cpu > 0 && cpu <= 1)) return invalid("cpu", "must be more than 0 and at most 1");
  if (queue_delay < milliseconds(1)) return invalid("queue_delay", "must be at least 1 ms");
  if (cool_off < milliseconds(100)) return invalid("cool_off", "must be at least 100 ms");
  if (!(least >= 0.01 && least <= 1)) return invalid("least", "must be 0.01 to 1");
  if (least_in_flight == 0) return invalid("least_in_flight", "must be at least 1");
  if (retry_after < milliseconds(0)) return invalid("retry_after", "must not be negative");
  return {};
}

LoadShedder::LoadShedder(const LoadShedderOptions& options) {
  apply(options);
}

bool LoadShedder::admit(Priority priority, Clock::time_point now, Clock::duration waited) {
  look(now);
  add_wait(waited, now);
  arrivals_.fetch_add(1, relaxed);
  const auto kind = static_cast<std::size_t>(priority);
  const double share = shares[kind];
  if (enabled_.load(relaxed) && ns_of(now) < overloaded_until_.load(relaxed)) {
    // A probe that is refused has a server ended that would have recovered.
    const bool late = priority != Priority::critical &&
                      static_cast<double>(us_of(waited)) >
                          static_cast<double>(longest_wait_us_.load(relaxed)) * share;
    const bool crowded =
        static_cast<double>(in_flight_.load(relaxed)) >= limit_.load(relaxed) * share;
    // Spread over the tick: all of them at its start would be a queue.
    const double gone = 1 - static_cast<double>(tick_end_.load(relaxed) - ns_of(now)) /
                                static_cast<double>(tick.count());
    const bool enough = admitted_now_.load(relaxed) >= least_passes_.load(relaxed) * gone;
    if ((late || crowded) && enough) {
      refused_now_.fetch_add(1, relaxed);
      refused_[kind].fetch_add(1, relaxed);
      return false;
    }
  }
  admitted_now_.fetch_add(1, relaxed);
  admitted_[kind].fetch_add(1, relaxed);
  in_flight_.fetch_add(1, relaxed);
  return true;
}

std::optional<LoadShedder::Ticket> LoadShedder::enter(Priority priority, Clock::time_point now,
                                                      Clock::duration waited) {
  if (!admit(priority, now, waited)) return std::nullopt;
  return Ticket(*this, now);
}

void LoadShedder::finish(Clock::time_point now, Clock::duration duration, bool counts) {
  in_flight_.fetch_sub(1, relaxed);
  if (counts) {
    passes_.fetch_add(1, relaxed);
    passes_of_cpu_.fetch_add(1, relaxed);
    duration_us_.fetch_add(us_of(duration), relaxed);
  }
  look(now);
}

void LoadShedder::add_wait(Clock::duration waited, Clock::time_point now) {
  look(now);
  waits_.fetch_add(1, relaxed);
  waited_us_.fetch_add(us_of(waited), relaxed);
}

void LoadShedder::add_cpu(std::chrono::nanoseconds used, std::chrono::nanoseconds possible,
                          Clock::time_point now) {
  if (possible.count() <= 0) return;
  const std::lock_guard lock(mutex_);
  const auto moved = [](double mean, double reading) {
    return mean + newest_cpu * (reading - mean);
  };
  const double usage = static_cast<double>(used.count()) / static_cast<double>(possible.count());
  const double mean = moved(cpu_.load(relaxed), std::clamp(usage, 0.0, 1.0));
  cpu_.store(mean, relaxed);
  if (mean >= options_.cpu) overloaded_until_.store(ns_of(now + options_.cool_off), relaxed);
  const std::uint32_t passes = passes_of_cpu_.exchange(0, relaxed);
  // Of a few requests nobody knows what else the CPU did.
  if (passes < fewest_of_cpu) return;
  const double each_us = static_cast<double>(used.count()) / 1'000 / passes;
  request_cpu_us_ = request_cpu_us_ == 0 ? each_us : moved(request_cpu_us_, each_us);
  const double patience =
      std::clamp(patience_requests * request_cpu_us_, shortest_patience_us, longest_patience_us);
  longest_wait_us_.store(std::llround(patience), relaxed);
}

void LoadShedder::look(Clock::time_point now) {
  const std::int64_t at = ns_of(now);
  if (at < tick_end_.load(relaxed)) [[likely]]
    return;
  // One does it; the others go on with what was known.
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (lock.owns_lock() && at >= tick_end_.load(relaxed)) turn_over(at);
}

void LoadShedder::turn_over(std::int64_t now_ns) {
  const std::int64_t end = tick_end_.load(relaxed);
  // After a quiet time more than one tick is over; the counts belong to the first.
  const std::int64_t ticks = end == 0 ? 1 : 1 + (now_ns - end) / tick.count();
  tick_end_.store(end == 0 ? now_ns + tick.count() : end + ticks * tick.count(), relaxed);
  const std::uint32_t passes = passes_.exchange(0, relaxed);
  const std::uint64_t duration_us = duration_us_.exchange(0, relaxed);
  const std::uint32_t arrivals = arrivals_.exchange(0, relaxed);
  const std::uint32_t refused = refused_now_.exchange(0, relaxed);
  const std::uint32_t waits = waits_.exchange(0, relaxed);
  const std::uint64_t waited_us = waited_us_.exchange(0, relaxed);
  admitted_now_.store(0, relaxed);
  if (end == 0) return;

  mean_wait_us_ = waits == 0 ? 0 : static_cast<double>(waited_us) / waits;
  // Behind one or two others one waits on a calm day too, and a moment's wait is no queue.
  const double calm =
      std::max(static_cast<double>(us_of(options_.queue_delay)), calm_requests * request_cpu_us_);
  const bool waits_long = mean_wait_us_ >= calm;
  const bool queues = waits_long && (waited_long_ || mean_wait_us_ >= sudden * calm);
  waited_long_ = waits_long;
  const bool still_refuses = static_cast<double>(refused) > refused_share * arrivals;
  if (queues || still_refuses) {
    overloaded_until_.store(now_ns + nanoseconds(options_.cool_off).count(), relaxed);
  }
  learn(passes, duration_us, ticks, waits_long || cpu_.load(relaxed) >= options_.cpu);
}

void LoadShedder::learn(std::uint32_t passes, std::uint64_t duration_us, std::int64_t ticks,
                        bool strained) {
  const auto empty = static_cast<std::size_t>(std::min<std::int64_t>(ticks - 1, history));
  ticks_[next_tick_++ % history] = passes;
  for (std::size_t i = 0; i < empty; ++i) ticks_[next_tick_++ % history] = 0;
  const std::uint32_t most = *std::ranges::max_element(ticks_);
  best_rate_ = most / std::chrono::duration<double>(tick).count();
  if (passes > 0) {
    const double mean = std::max(static_cast<double>(duration_us) / passes, 1.0);
    // What is measured under strain is no measure of what there is without.
    const bool sheds = tick_end_.load(relaxed) - tick.count() < overloaded_until_.load(relaxed);
    const double known = best_duration_us_ * (strained ? 1 : sheds ? slow_forgetting : forgetting);
    best_duration_us_ = best_duration_us_ == 0 ? mean : std::min(mean, known);
  }
  const double at_a_time = headroom * best_rate_ * best_duration_us_ / 1e6;
  limit_.store(std::max(at_a_time, static_cast<double>(options_.least_in_flight)), relaxed);
  least_passes_.store(options_.least * most, relaxed);
}

Error LoadShedder::refusal() const {
  return Error(Code::unavailable, "there is more to do than can be done in time")
      .with_reason("OVERLOADED")
      .with_retry_after(options().retry_after);
}

void LoadShedder::apply(const LoadShedderOptions& options) {
  const std::lock_guard lock(mutex_);
  options_ = options;
  enabled_.store(options.enabled, relaxed);
  if (!options.enabled) overloaded_until_.store(0, relaxed);
}

LoadShedderOptions LoadShedder::options() const {
  const std::lock_guard lock(mutex_);
  return options_;
}

LoadReading LoadShedder::read(Clock::time_point now) const {
  LoadReading reading;
  reading.overloaded = ns_of(now) < overloaded_until_.load(relaxed);
  reading.cpu = cpu_.load(relaxed);
  reading.in_flight = in_flight_.load(relaxed);
  reading.limit = limit_.load(relaxed);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    reading.admitted[i] = admitted_[i].load(relaxed);
    reading.refused[i] = refused_[i].load(relaxed);
  }
  const std::lock_guard lock(mutex_);
  reading.queue_delay = microseconds(std::llround(mean_wait_us_));
  reading.best_duration = microseconds(std::llround(best_duration_us_));
  reading.best_rate = best_rate_;
  reading.request_cpu = microseconds(std::llround(request_cpu_us_));
  return reading;
}

Clock::duration waited_in_turn() {
  return Loop::current().age_of_turn();
}

}  // namespace kit::resilience
