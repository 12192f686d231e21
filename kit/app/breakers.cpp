// SPDX-License-Identifier: Apache-2.0
#include "kit/app/breakers.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "kit/app/detail/admin_page.hpp"
#include "kit/app/diagnostics.hpp"
#include "kit/app/pages.hpp"
#include "kit/base/text.hpp"
#include "kit/json/value.hpp"
#include "kit/json/writer.hpp"
#include "kit/log/audit.hpp"
#include "kit/log/log.hpp"

namespace kit::app {
namespace {

using resilience::Breakers;
using resilience::Dependency;
using std::chrono::microseconds;

/// Characters of "who" and "why".
constexpr std::size_t longest_text = 200;
constexpr std::size_t largest_body = 16 * 1024;

microseconds in_us(Clock::duration duration) {
  return std::chrono::duration_cast<microseconds>(duration);
}

void write_options(json::Writer& writer, const resilience::DependencyOptions& options) {
  const resilience::BreakerOptions& breaker = options.breaker;
  writer.begin_object();
  writer.member("enabled", breaker.enabled);
  writer.member("failure_threshold", breaker.failure_threshold);
  writer.member("failure_ratio", breaker.failure_ratio);
  writer.member("minimum_calls", breaker.minimum_calls);
  writer.member("window", in_us(breaker.window));
  writer.member("open_time", in_us(breaker.open_time));
  writer.member("probes", breaker.probes);
  writer.member("probe_successes", breaker.probe_successes);
  writer.member("probe_timeout", in_us(breaker.probe_timeout));
  writer.member("timeout", in_us(options.timeout));
  writer.member("retry_attempts", static_cast<std::uint64_t>(options.retry.attempts));
  writer.member("concurrent", static_cast<std::uint64_t>(options.bulkhead.concurrent));
  writer.end_object();
}

void write_one(json::Writer& writer, Dependency& dependency, Clock::time_point now) {
  const resilience::BreakerReading reading = dependency.breaker().read(now);
  writer.begin_object();
  writer.member("kind", dependency.kind());
  writer.member("name", dependency.name());
  writer.member("state", resilience::name(reading.state));
  writer.member("force", resilience::name(reading.force));
  writer.member("why", reading.why);
  // Of one that never changed there is no such time.
  if (!reading.why.empty()) writer.member("since", in_us(now - reading.changed_at));
  writer.member("next_probe", in_us(reading.next_probe));
  writer.member("consecutive_failures", reading.consecutive_failures);
  writer.member("window_successes", reading.window_successes);
  writer.member("window_failures", reading.window_failures);
  writer.member("probes_in_flight", reading.probes_in_flight);
  writer.member("successes", reading.successes);
  writer.member("failures", reading.failures);
  writer.member("refused", reading.refused);
  writer.member("opened", reading.opened);
  writer.member("retry_tokens", dependency.budget().tokens());
  writer.member("options");
  write_options(writer, dependency.options());
  writer.end_object();
}

std::string json_text(const Breakers& breakers, Clock::time_point now) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  writer.member("breakers");
  writer.begin_array();
  for (const auto& dependency : breakers.all()) write_one(writer, *dependency, now);
  writer.end_array();
  writer.end_object();
  out.push_back('\n');
  return out;
}

/// Those that do something first.
int interest(Dependency& dependency, Clock::time_point now) {
  const resilience::BreakerReading reading = dependency.breaker().read(now);
  if (reading.force != resilience::BreakerForce::automatic) return 3;
  if (reading.state != resilience::BreakerState::closed) return 2;
  return reading.failures + reading.refused > 0 ? 1 : 0;
}

void add_row(std::string& out, Dependency& dependency, Clock::time_point now) {
  const resilience::BreakerReading reading = dependency.breaker().read(now);
  std::string state(resilience::name(reading.state));
  if (reading.force != resilience::BreakerForce::automatic) state += " (forced)";
  const bool is_closed = reading.state == resilience::BreakerState::closed;
  out.append("<tr><td class=\"name\">").append(html_escape(dependency.kind())).append(" ");
  out.append(html_escape(dependency.name())).append("</td><td class=\"");
  out.append(is_closed ? "" : "failed")
      .append("\">")
      .append(html_escape(state))
      .append("</td><td>");
  out.append(html_escape(reading.why)).append("</td>");
  const auto number = [&out](std::string_view name, std::uint64_t value) {
    out.append("<td data-name=\"").append(name).append("\" class=\"number");
    out.append(value == 0 ? " none" : "").append("\">").append(std::to_string(value));
    out.append("</td>");
  };
  number("in a row", reading.consecutive_failures);
  number("failed now", reading.window_failures);
  number("calls now", reading.window_failures + reading.window_successes);
  number("good", reading.successes);
  number("failed", reading.failures);
  number("refused", reading.refused);
  number("opened", reading.opened);
  out += "</tr>\n";
}

std::string html_text(const Breakers& breakers, Clock::time_point now) {
  auto all = breakers.all();
  std::vector<std::pair<int, std::size_t>> order;
  for (std::size_t i = 0; i < all.size(); ++i) order.emplace_back(-interest(*all[i], now), i);
  std::ranges::sort(order);
  std::string out = detail::admin_page_head("Breakers");
  out +=
      "<h1>Breakers</h1>\n<p>Those that are open or forced first, then those with failures. Now: "
      "in "
      "their window.</p><table class=\"wide\"><thead><tr><th>What</th><th>State</th><th>Why</th>"
      "<th class=\"number\">In a row</th><th class=\"number\">Failed now</th>"
      "<th class=\"number\">Calls now</th><th class=\"number\">Good</th>"
      "<th class=\"number\">Failed</th><th class=\"number\">Refused</th>"
      "<th class=\"number\">Opened</th></tr></thead><tbody>\n";
  for (const auto& [rank, index] : order) add_row(out, *all[index], now);
  out +=
      "</tbody></table>\n<p>To force one, POST JSON to this page: <code>curl -H 'Content-Type: "
      "application/json' -d '{\"kind\": \"http\", \"name\": \"http://stock\", \"state\": \"open\", "
      "\"who\": \"ada\", \"why\": \"it lies\"}' .../debug/breakers</code>. The state is open, "
      "closed or automatic.</p>";
  return out.append(detail::admin_page_foot);
}

bool prefers_html(std::string_view accept) {
  // Browsers name it first; programs ask for JSON or for anything.
  const std::size_t html = accept.find("text/html");
  return html != std::string_view::npos && html < accept.find("application/json");
}

http::Response show(const Breakers& breakers, const http::Request& request) {
  const Clock::time_point now = Loop::current().now();
  http::Response response;
  const bool html = prefers_html(to_lower(request.header("Accept").value_or("")));
  response.content_type = html ? "text/html; charset=utf-8" : "application/json";
  response.body = html ? html_text(breakers, now) : json_text(breakers, now);
  if (html) {
    response.headers.emplace_back("Content-Security-Policy",
                                  std::string(detail::admin_page_policy));
  }
  return response;
}

/// A text of the body that has to be there, on one line.
Result<std::string> text_of(const json::Value& body, std::string_view field) {
  const std::string* const text = body[field].string();
  if (text == nullptr || trim(*text).empty())
    return invalid(std::string(field), "must not be empty");
  if (utf8_length(*text) > longest_text) {
    return invalid(std::string(field), "must be at most 200 characters");
  }
  return *text;
}

struct Order {
  std::string kind, name, who, why;
  resilience::BreakerForce force = resilience::BreakerForce::automatic;
};

Result<Order> order_of(std::string_view text) {
  auto body = json::Value::parse(text);
  if (!body) return std::move(body).error();
  Order order;
  for (auto [field, to] : {std::pair("kind", &order.kind), std::pair("who", &order.who),
                           std::pair("why", &order.why)}) {
    auto value = text_of(*body, field);
    if (!value) return std::move(value).error();
    *to = std::move(*value);
  }
  const std::string* const name = (*body)["name"].string();
  if (name == nullptr) return invalid("name", "must not be empty");
  order.name = *name;
  const std::string* const state = (*body)["state"].string();
  const auto force = resilience::parse_breaker_force(state == nullptr ? "" : *state);
  if (!force) return invalid("state", "must be open, closed or automatic");
  order.force = *force;
  return order;
}

class Forcing {
 public:
  Forcing(std::shared_ptr<Breakers> breakers, telemetry::CounterFamily& forced)
      : breakers_(std::move(breakers)), forced_(forced) {}

  Result<http::Response> force(const http::Request& request) const {
    auto order = order_of(request.body);
    if (!order) return std::move(order).error();
    const std::shared_ptr<Dependency> dependency = breakers_->find(order->kind, order->name);
    if (!dependency) {
      return Error(Code::not_found,
                   "there is no breaker of this kind and name; GET this page "
                   "lists them")
          .with_reason("BREAKER_NOT_FOUND");
    }
    const Clock::time_point now = Loop::current().now();
    const std::string_view state = resilience::name(order->force);
    const std::string_view before = resilience::name(dependency->breaker().state());
    dependency->breaker().force(order->force, "forced by " + order->who + ": " + order->why, now);
    forced_.with({order->kind, state}).add();
    log::write(log::audit_log, log::Level::warn, "breaker forced",
               {{"kind", order->kind},
                {"of", order->name},
                {"from", before},
                {"to", state},
                {"who", order->who},
                {"why", order->why},
                {"peer", request.peer}});
    http::Response response;
    response.content_type = "application/json";
    json::Writer writer(response.body);
    write_one(writer, *dependency, now);
    return response;
  }

 private:
  std::shared_ptr<Breakers> breakers_;
  telemetry::CounterFamily& forced_;
};

double state_number(resilience::BreakerState state) {
  switch (state) {
    case resilience::BreakerState::closed:
      return 0;
    case resilience::BreakerState::half_open:
      return 1;
    case resilience::BreakerState::open:
      break;
  }
  return 2;
}

}  // namespace

Result<> add_breaker_routes(http::Router& router, std::shared_ptr<Breakers> breakers,
                            telemetry::Registry& registry) {
  add_breaker_metrics(registry, breakers);
  KIT_TRY(router.add(http::Method::get, "/debug/breakers", [breakers](http::Request& request) {
    return http::answered(show(*breakers, request));
  }));
  auto& forced = registry.counters("breaker_forced_total", "Breakers that operators forced",
                                   {"kind", "state"});
  http::RouteOptions options;
  options.consumes = {"application/json"};
  options.max_body_bytes = largest_body;
  auto forcing = std::make_shared<const Forcing>(std::move(breakers), forced);
  return router.add(
      http::Method::post, "/debug/breakers",
      [forcing](http::Request& request) -> Task<http::Response> {
        return [](Result<http::Response> answer) -> Task<http::Response> {
          co_return answer;
        }(forcing->force(request));
      },
      std::move(options));
}

void add_breaker_metrics(telemetry::Registry& registry, std::shared_ptr<const Breakers> breakers) {
  using Reading = resilience::BreakerReading;
  const auto each = [breakers = std::move(breakers)](auto add) {
    std::vector<telemetry::Reading> readings;
    const Clock::time_point now = Clock::now();
    for (const auto& one : breakers->all()) {
      const Reading reading = one->breaker().read(now);
      add(readings, std::vector<std::string>{one->kind(), one->name()}, reading);
    }
    return readings;
  };
  registry.add_readings("breaker_state", "0 closed, 1 half open, 2 open", {"kind", "name"}, [each] {
    return each([](auto& readings, auto labels, const Reading& reading) {
      readings.push_back({std::move(labels), state_number(reading.state)});
    });
  });
  registry.add_readings("breaker_opened_total", "Times a breaker opened", {"kind", "name"}, [each] {
    return each([](auto& readings, auto labels, const Reading& reading) {
      readings.push_back({std::move(labels), static_cast<double>(reading.opened)});
    });
  });
  registry.add_readings("breaker_calls_total", "Calls by what came of them",
                        {"kind", "name", "outcome"}, [each] {
                          return each([](auto& readings, auto labels, const Reading& reading) {
                            const auto add = [&](const char* outcome, std::uint64_t count) {
                              auto all = labels;
                              all.emplace_back(outcome);
                              readings.push_back({std::move(all), static_cast<double>(count)});
                            };
                            add("success", reading.successes);
                            add("failure", reading.failures);
                            add("refused", reading.refused);
                          });
                        });
}

}  // namespace kit::app
