// SPDX-License-Identifier: Apache-2.0
#include "kit/http/client/statistics.hpp"

#include <string_view>
#include <utility>

#include "kit/telemetry/registry.hpp"

namespace kit::http {

ClientNumbers detail::LiveNumbers::read() const {
  constexpr auto order = std::memory_order_relaxed;
  return {.opened = opened.load(order),
          .reused = reused.load(order),
          .stale = stale.load(order),
          .retries = retries.load(order),
          .failures = failures.load(order),
          .refused = refused.load(order),
          .idle = idle.load(order),
          .busy = busy.load(order),
          .waiters = waiters.load(order)};
}

std::vector<ClientStatistics::Host> ClientStatistics::hosts() const {
  std::vector<Host> all;
  const std::scoped_lock lock(mutex_);
  for (const auto& [name, numbers] : hosts_) {
    if (auto live = numbers.lock()) all.push_back({name, live->read()});
  }
  return all;
}

HostCounter::HostCounter(std::shared_ptr<ClientStatistics> shared, const std::string& name,
                         std::string_view of)
    : statistics(std::move(shared)) {
  const std::scoped_lock lock(statistics->mutex_);
  std::erase_if(statistics->hosts_, [](const auto& entry) { return entry.second.expired(); });
  auto& entry = statistics->hosts_[name];
  host = entry.lock();
  if (!host) entry = host = std::make_shared<detail::HostNumbers>(of);
}

void add_metrics(telemetry::Registry& registry,
                 std::shared_ptr<const ClientStatistics> statistics) {
  auto add = [&](std::string_view name, std::string_view help, auto number) {
    registry.add_reading(name, help, [statistics, number] {
      return static_cast<double>(statistics->total().*number);
    });
  };
  add("http_client_connections_opened_total", "Connections made to other services.",
      &ClientNumbers::opened);
  add("http_client_connections_reused_total", "Requests sent on a kept connection.",
      &ClientNumbers::reused);
  add("http_client_connections_stale_total", "Kept connections that turned out to be gone.",
      &ClientNumbers::stale);
  add("http_client_retries_total", "Requests sent again.", &ClientNumbers::retries);
  add("http_client_failures_total", "Tries that ended without an answer.",
      &ClientNumbers::failures);
  add("http_client_refused_total", "Requests that a breaker held back.", &ClientNumbers::refused);
  add("http_client_connections_idle", "Connections that wait for a request.", &ClientNumbers::idle);
  add("http_client_connections_busy", "Connections that serve a request.", &ClientNumbers::busy);
  add("http_client_waiters", "Requests that wait for a connection.", &ClientNumbers::waiters);
}

}  // namespace kit::http
