// SPDX-License-Identifier: Apache-2.0
#include "kit/app/profiling.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "kit/app/cpu_profile.hpp"
#include "kit/app/diagnostics.hpp"
#include "kit/app/flame_graph.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/stack_trace.hpp"
#include "kit/base/caller.hpp"
#include "kit/base/text.hpp"
#include "kit/http/query.hpp"
#include "kit/log/audit.hpp"

namespace kit::app {
namespace {

/// Addresses that one question about names has.
constexpr std::size_t most_addresses = 20'000;
constexpr std::size_t most_symbol_bytes = most_addresses * 20;

std::string_view who(const http::Request& request) {
  const bool is_known = current_caller != nullptr && !current_caller->subject.empty();
  return is_known ? std::string_view(current_caller->subject) : request.peer;
}

Result<std::chrono::seconds> length_of(const http::Request& request) {
  std::chrono::seconds length = Profiling::usual;
  auto parameters = http::parse_query(request.query);
  if (!parameters) return std::move(parameters).error();
  for (const auto& [name, value] : *parameters) {
    if (name != "seconds") continue;
    const auto seconds = parse_int(value);
    if (!seconds || *seconds < 1 || *seconds > Profiling::most.count()) {
      return invalid("seconds", "is a whole number from 1 to 60");
    }
    length = std::chrono::seconds(*seconds);
  }
  return length;
}

http::Response plain(std::string body, std::string_view type = "text/plain; charset=utf-8") {
  http::Response response;
  response.content_type = type;
  response.body = std::move(body);
  return response;
}

/// The program and the names of its arguments, a line each: values may be secrets.
std::string command_line() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string all((std::istreambuf_iterator<char>(file)), {});
  std::string_view rest = all;
  std::string out(cut(rest, '\0'));
  while (!rest.empty()) {
    std::string_view argument = cut(rest, '\0');
    if (!argument.starts_with("--")) {
      out.append("\n***");
      continue;
    }
    const bool has_value = argument.find('=') != argument.npos;
    out.append("\n").append(cut(argument, '=')).append(has_value ? "=***" : "");
  }
  return out + "\n";
}

/// "0x1f+0x2e" becomes a line for each: the address, a tab, the name of its function.
Result<std::string> symbols_of(std::string_view question) {
  std::string out;
  std::size_t count = 0;
  while (!question.empty()) {
    const std::string_view word = trim(cut(question, '+'));
    std::string_view digits = word;
    if (digits.starts_with("0x") || digits.starts_with("0X")) digits.remove_prefix(2);
    std::uint64_t address = 0;
    const auto [end, problem] =
        std::from_chars(digits.data(), digits.data() + digits.size(), address, 16);
    if (problem != std::errc() || end != digits.data() + digits.size() ||
        ++count > most_addresses) {
      return Error(Code::invalid_argument,
                   "the body is no list of at most 20 000 addresses such as 0x1f+0x2e");
    }
    const std::string name = function_at(std::bit_cast<const void*>(address));
    out.append(word).append("\t").append(name).append("\n");
  }
  return out;
}

}  // namespace

ProfilingOptions profiling_for(std::string_view environment, bool is_unsafe_debug,
                               std::string_view prod_variable) {
  const bool is_closed = iequals(prod_variable, "true") || prod_variable == "1";
  return {.enabled = !is_closed && (environment != "prod" || is_unsafe_debug)};
}

Result<> Profiling::admit(const http::Request& request) const {
  if (is_enabled_.load()) return {};
  log::write(log::audit_log, log::Level::info, "profile refused",
             {{"by", who(request)}, {"path", request.path}});
  return Error(Code::permission_denied,
               "profiles are closed here: they are open outside of prod, or with unsafe_debug, and "
               "never with PROD=true");
}

std::string Profiling::shown(const std::string& profile, Form form, std::chrono::seconds length) {
  if (form == Form::pprof) return profile;
  const auto stacks = parse_cpu_profile(profile);
  if (!stacks) return stacks.error().message() + '\n';
  const FoldedStacks folded = fold(*stacks);
  if (form == Form::folded) return folded_text(folded);
  return flame_svg(folded, "Processor time of " + std::to_string(length.count()) + " s");
}

Task<http::Response> Profiling::take(http::Request& request, Form form) {
  co_await admit(request);
  const std::chrono::seconds length = co_await length_of(request);
  // Here, so that the answer says it when it does not start.
  const std::shared_ptr<CpuProfile> profile = co_await CpuProfile::start();
  log::write(log::audit_log, log::Level::info, "profile taken",
             {{"by", who(request)}, {"path", request.path}, {"length", length}});
  http::Response response;
  response.content_type = form == Form::pprof   ? "application/octet-stream"
                          : form == Form::flame ? "image/svg+xml"
                                                : "text/plain; charset=utf-8";
  // A stream, since it may take as long as no handler may. Whoever goes away ends the profile.
  response.stream = http::stream_from([this, profile, form, length](http::BodyWriter& out) {
    return send(out, profile, form, length);
  });
  co_return response;
}

Task<> Profiling::send(http::BodyWriter& out, std::shared_ptr<CpuProfile> profile, Form form,
                       std::chrono::seconds length) {
  co_await sleep_for(length);
  auto finish = [profile, form, length]() -> Result<std::string> {
    auto bytes = profile->finish();
    if (!bytes) return std::move(bytes).error();
    return shown(*bytes, form, length);
  };
  const std::string text = co_await blocking(pool_, std::move(finish));
  co_await out.write(text);
}

Task<http::Response> Profiling::answer(http::Request& request, std::string_view kind) {
  co_await admit(request);
  if (kind == "cmdline") co_return plain(command_line());
  if (kind == "tasks") {
    Task<http::Response> listing = list_tasks_as(pool_, true);
    co_return co_await std::move(listing);
  }
  if (kind == "symbol") {
    if (request.method == http::Method::get) co_return plain("num_symbols: 1\n");
    auto look_up = [question = std::string(request.body)] { return symbols_of(question); };
    std::string names = co_await blocking(pool_, std::move(look_up));
    co_return plain(std::move(names));
  }
  log::write(log::audit_log, log::Level::info, "profile taken",
             {{"by", who(request)}, {"path", request.path}});
  const bool is_heap = kind == "heap";
  auto read = [is_heap] { return is_heap ? heap_profile() : growth_profile(); };
  std::string text = co_await blocking(pool_, std::move(read));
  co_return plain(std::move(text), "application/octet-stream");
}

Result<> Profiling::add_routes(http::Router& router) {
  using http::Method;
  constexpr std::string_view root = "/debug/pprof/";
  const std::initializer_list<std::pair<std::string_view, Form>> profiles{
      {"profile", Form::pprof}, {"flame", Form::flame}, {"folded", Form::folded}};
  for (const auto& [name, form] : profiles) {
    KIT_TRY(router.add(Method::get, std::string(root) + std::string(name),
                       [this, form](http::Request& request) { return take(request, form); }));
  }
  for (const std::string_view kind : {"heap", "growth", "cmdline", "symbol", "tasks"}) {
    KIT_TRY(router.add(Method::get, std::string(root) + std::string(kind),
                       [this, kind](http::Request& request) { return answer(request, kind); }));
  }
  http::RouteOptions options;
  // What pprof's own clients (curl, Go) say of a body that is a list of addresses.
  options.consumes = {"application/x-www-form-urlencoded", "text/plain",
                      "application/octet-stream"};
  options.max_body_bytes = most_symbol_bytes;
  return router.add(
      Method::post, std::string(root) + "symbol",
      [this](http::Request& request) { return answer(request, "symbol"); }, std::move(options));
}

}  // namespace kit::app
