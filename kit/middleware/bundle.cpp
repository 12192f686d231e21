// SPDX-License-Identifier: Apache-2.0
#include "kit/middleware/bundle.hpp"

#include <mutex>
#include <utility>
#include <vector>

#include "kit/async/operation.hpp"
#include "kit/http/server.hpp"
#include "kit/middleware/detail/guard.hpp"
#include "kit/resilience/cpu_meter.hpp"
#include "kit/security/revocation.hpp"
#include "kit/telemetry/registry.hpp"
#include "kit/telemetry/sampler.hpp"

namespace kit {

using middleware::Options;

namespace {

constexpr std::chrono::milliseconds cpu_interval{100};

}  // namespace

struct MiddlewareBundle::State {
  security::RevocationList revocations;
  std::shared_ptr<resilience::Breakers> breakers = std::make_shared<resilience::Breakers>();
  middleware::Guard guard{*breakers, revocations};
  std::mutex mutex;  // guards the options
  Options options;
};

MiddlewareBundle::MiddlewareBundle(std::unique_ptr<State> state) : state_(std::move(state)) {}
MiddlewareBundle::MiddlewareBundle(MiddlewareBundle&&) noexcept = default;
MiddlewareBundle& MiddlewareBundle::operator=(MiddlewareBundle&&) noexcept = default;
MiddlewareBundle::~MiddlewareBundle() = default;

Result<MiddlewareBundle> MiddlewareBundle::make(Options options) {
  MiddlewareBundle bundle(std::make_unique<State>());
  KIT_TRY(bundle.apply(std::move(options)));
  return bundle;
}

Result<> MiddlewareBundle::apply(Options options) {
  const std::lock_guard lock(state_->mutex);
  if (auto sampling = options.tracing.sampling(); !sampling) return std::move(sampling).error();
  KIT_TRY(state_->guard.apply(options));
  state_->options = std::move(options);
  return {};
}

Options MiddlewareBundle::options() const {
  const std::lock_guard lock(state_->mutex);
  return state_->options;
}

void MiddlewareBundle::set_outside(middleware::Outside outside) {
  state_->guard.set_outside(std::move(outside));
}

void MiddlewareBundle::protect(http::ServerOptions& options, const http::Router& router) {
  state_->guard.know_routes(router, options.guard);
  options.guard = &state_->guard;
}

const std::shared_ptr<resilience::Breakers>& MiddlewareBundle::breakers() const {
  return state_->breakers;
}
resilience::RateLimitRules& MiddlewareBundle::rate_limits() const {
  return state_->guard.rate_limits();
}
std::shared_ptr<security::KeyStore> MiddlewareBundle::key_store() const {
  return state_->guard.key_store();
}
resilience::LoadShedder& MiddlewareBundle::shedder() const {
  return state_->guard.shedder();
}
security::RevocationList& MiddlewareBundle::revocations() const {
  return state_->revocations;
}

Task<> MiddlewareBundle::watch() {
  resilience::CpuMeter meter;
  while (true) {
    co_await sleep_for(cpu_interval);
    const auto now = Loop::current().now();
    const resilience::CpuMeter::Use use = meter.read(now);
    state_->guard.shedder().add_cpu(use.used, use.possible, now);
  }
}

void MiddlewareBundle::add_metrics(telemetry::Registry& registry) const {
  const middleware::Guard* const guard = &state_->guard;
  registry.add_readings("auth_tokens_total", "Tokens of requests, by what became of them",
                        {"outcome"}, [guard] {
                          std::vector<telemetry::Reading> all;
                          const auto by = guard->authentication();
                          if (by == nullptr) return all;
                          const security::JwtFigures figures = by->figures();
                          const auto add = [&all](std::string outcome, std::uint64_t count) {
                            all.push_back({{std::move(outcome)}, static_cast<double>(count)});
                          };
                          add("remembered", figures.remembered);
                          add("verified", figures.verified);
                          add("refused", figures.refused);
                          add("missing", by->missing());
                          add("held_off", by->held_off());
                          return all;
                        });
  registry.add_readings(
      "rate_limit_requests_total", "Requests that a rate limit counted or refused",
      {"rule", "outcome"}, [guard] {
        std::vector<telemetry::Reading> all;
        for (const auto& counts : guard->rate_limits().counts()) {
          all.push_back({{counts.rule, "allowed"}, static_cast<double>(counts.allowed)});
          all.push_back({{counts.rule, "refused"}, static_cast<double>(counts.refused)});
        }
        return all;
      });
  resilience::LoadShedder* const shedder = &state_->guard.shedder();
  registry.add_readings("shed_requests_total", "Requests that were refused because of load",
                        {"priority"}, [shedder] {
                          std::vector<telemetry::Reading> all;
                          const auto reading = shedder->read(Clock::now());
                          for (std::size_t i = 0; i < reading.refused.size(); ++i) {
                            all.push_back({{std::string(name(resilience::Priority(i)))},
                                           static_cast<double>(reading.refused[i])});
                          }
                          return all;
                        });
  registry.add_reading("shed_overloaded", "1 while there is too much to do",
                       [shedder] { return shedder->read(Clock::now()).overloaded ? 1.0 : 0.0; });
  registry.add_reading(
      "http_server_requests_admitted", "Requests that are being served",
      [shedder] { return static_cast<double>(shedder->read(Clock::now()).in_flight); });
}

}  // namespace kit
