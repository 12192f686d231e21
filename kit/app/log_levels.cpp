// SPDX-License-Identifier: Apache-2.0
#include "kit/app/log_levels.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/base/caller.hpp"
#include "kit/base/text.hpp"
#include "kit/json/value.hpp"
#include "kit/json/writer.hpp"
#include "kit/log/audit.hpp"
#include "kit/log/levels.hpp"

namespace kit::app {
namespace {

/// As long as a change and the reasons for it can be.
constexpr std::size_t most_body_bytes = 4 * 1024;

struct Change {
  std::string module;
  log::Level level = log::Level::info;
  std::chrono::microseconds duration = LogLevelLimits::usual;
  std::string why;
};

Error wrong(std::string_view member, std::string_view what) {
  return invalid(std::string(member), std::string(what));
}

Result<> set(Change& change, std::string_view member, const json::Value& value) {
  const std::string* const text = value.string();
  if (text == nullptr) return wrong(member, "is not a text");
  if (member == "module") {
    change.module = *text;
  } else if (member == "level") {
    const auto level = log::parse_level(*text);
    if (!level) return wrong(member, "is none of trace, debug, info, warn, error, off");
    change.level = *level;
  } else if (member == "for") {
    const auto duration = parse_duration(*text);
    if (!duration || duration->count() < 0 || *duration > LogLevelLimits::most) {
      return wrong(member, "is not a time such as 300s, of one hour at most");
    }
    change.duration = *duration;
  } else if (member == "why") {
    change.why = *text;
  } else {
    return wrong(member, "is none of module, level, for, why");
  }
  return {};
}

Result<Change> parse(std::string_view body) {
  auto parsed = json::Value::parse(body);
  if (!parsed) return std::move(parsed).error();
  const json::Value::Object* const members = parsed->object();
  if (members == nullptr) return Error(Code::invalid_argument, "the body is not a JSON object");
  Change change;
  bool has_level = false;
  for (const json::Member& member : *members) {
    KIT_TRY(set(change, member.name, member.value));
    has_level = has_level || member.name == "level";
  }
  if (change.module.empty()) return wrong("module", "is missing; GET /debug/log lists them");
  if (!has_level) return wrong("level", "is missing");
  const std::size_t length = utf8_length(change.why);
  if (trim(change.why).empty() || length > LogLevelLimits::longest_why) {
    return wrong("why", "has 1 to 200 characters: it goes to the audit lines");
  }
  return change;
}

/// As far as it is known: the admin port need not know its callers.
std::string_view who(const http::Request& request) {
  const bool is_known = current_caller != nullptr && !current_caller->subject.empty();
  return is_known ? std::string_view(current_caller->subject) : request.peer;
}

std::string states_json(Clock::time_point now) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  out.member("modules");
  out.begin_array();
  for (const log::ModuleState& module : log::module_states()) {
    out.begin_object();
    out.member("name", module.name);
    out.member("level", log::name(module.level));
    out.member("usual", log::name(module.usual));
    if (module.until) {
      const auto left = std::max(*module.until - now, Clock::duration::zero());
      out.member("for", std::chrono::ceil<std::chrono::seconds>(left));
    }
    if (module.is_audit) out.member("always_written", true);
    out.end_object();
  }
  out.end_array();
  out.member("lines_left_out", log::left_out_lines());
  out.end_object();
  text.push_back('\n');
  return text;
}

http::Response states_answer() {
  http::Response response;
  response.content_type = "application/json";
  response.body = states_json(Clock::now());
  return response;
}

Task<http::Response> change_level(http::Request& request) {
  const Change change = co_await parse(request.body);
  co_await log::set_level_for(change.module, change.level, change.duration);
  log::write(log::audit_log, log::Level::info, "log level changed",
             {{"by", who(request)},
              {"why", change.why},
              {"of", change.module},
              {"to", log::name(change.level)},
              {"for", change.duration}});
  co_return states_answer();
}

}  // namespace

Result<> add_log_routes(http::Router& router) {
  KIT_TRY(router.add(http::Method::get, "/debug/log",
                     [](http::Request&) { return http::answered(states_answer()); }));
  http::RouteOptions options;
  options.consumes = {"application/json"};
  options.max_body_bytes = most_body_bytes;
  return router.add(http::Method::put, "/debug/log", change_level, std::move(options));
}

}  // namespace kit::app
