// SPDX-License-Identifier: Apache-2.0
#include "kit/app/events.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "kit/app/application.hpp"
#include "kit/app/command_line.hpp"
#include "kit/app/commands.hpp"
#include "kit/app/serve.hpp"
#include "kit/app/settings.hpp"
#include "kit/base/text.hpp"
#include "kit/db/database.hpp"
#include "kit/http/router.hpp"
#include "kit/json/writer.hpp"
#include "kit/outbox/dead_letters.hpp"
#include "kit/outbox/relay.hpp"

namespace kit::app {
namespace {

/// Letters that one answer or listing has.
constexpr std::int64_t most_letters = 100;

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

http::Response json_response(std::string body) {
  http::Response response;
  response.headers.push_back({"Content-Type", "application/json"});
  response.body = std::move(body);
  return response;
}

std::string backlog_json(const outbox::Backlog& backlog) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  out.member("waiting", backlog.waiting);
  out.member("dead_letters", backlog.dead);
  out.member("oldest", backlog.oldest);
  out.member("alarm", backlog.alarmed);
  out.end_object();
  return text;
}

Task<http::Response> answer_dead(db::Database& database) {
  const std::vector<outbox::DeadLetter> letters =
      co_await outbox::dead_letters(database, most_letters);
  co_return json_response(outbox::to_json(letters));
}

Task<http::Response> answer_backlog(const outbox::Relay& relay) {
  co_return json_response(backlog_json(relay.backlog()));
}

std::string line_of(const outbox::DeadLetter& letter) {
  const outbox::Event& event = letter.event;
  std::string text = std::to_string(event.sequence) + "  " + event.created_at.to_string() + "  " +
                     event.type + " of " + event.aggregate + ' ' + event.key + ", for " +
                     (event.destination.empty() ? "outside" : event.destination) + ", " +
                     std::to_string(event.attempts) + (event.attempts == 1 ? " try" : " tries");
  if (letter.waiting > 0) text += ", behind it: " + std::to_string(letter.waiting);
  return text + "\n    " + letter.problem + '\n';
}

Task<> print_dead(db::Database& database) {
  const std::vector<outbox::DeadLetter> letters =
      co_await outbox::dead_letters(database, most_letters);
  for (const outbox::DeadLetter& letter : letters) print(line_of(letter));
  if (letters.empty()) print("no dead letters\n");
}

Task<> print_status(db::Database& database) {
  outbox::Relay looking(database, {}, nullptr, {});
  const outbox::Backlog backlog = co_await looking.measure();
  std::string text = "events that wait: " + std::to_string(backlog.waiting);
  if (backlog.waiting > 0) {
    text += ", the oldest for " + std::to_string(backlog.oldest / std::chrono::seconds(1)) + " s";
  }
  print(text + "\ndead letters: " + std::to_string(backlog.dead) +
        (backlog.dead > 0 ? " (`events dead` shows them)\n" : "\n"));
}

Result<std::int64_t> number_of(const std::vector<std::string>& arguments, const char* more) {
  const auto number = arguments.size() < 2 ? std::nullopt : parse_int(arguments[1]);
  if (number) return std::int64_t{*number};
  return Error(Code::invalid_argument, "events " + arguments[0] +
                                           " needs the number of a dead letter" + more +
                                           "; `events dead` lists them");
}

Task<> retry(db::Database& database, const std::vector<std::string>& arguments) {
  std::optional<std::int64_t> number;
  const bool is_all = arguments.size() > 1 && arguments[1] == "all";
  if (!is_all) number = co_await number_of(arguments, ", or all");
  const std::int64_t retried = co_await outbox::retry_dead_letters(database, number);
  print("tried again: " + std::to_string(retried) + '\n');
}

Task<> drop(db::Database& database, const std::vector<std::string>& arguments) {
  const std::int64_t number = co_await number_of(arguments, "");
  co_await outbox::drop_dead_letter(database, number);
  print("dropped " + std::to_string(number) + '\n');
}

}  // namespace

std::unique_ptr<outbox::Relay> make_relay(const Application& application, Service& service,
                                          db::Database& database, queue::Publisher* publisher,
                                          const Settings& settings, telemetry::Tracer* tracer) {
  if (!service.has_events() || !settings.events.relay) return nullptr;
  outbox::RelayOptions options = settings.events.options;
  if (options.topic_prefix.empty()) options.topic_prefix = application.name;
  options.tracer = tracer;
  return std::make_unique<outbox::Relay>(database, service.subscribers(), publisher,
                                         std::move(options));
}

Result<> add_event_routes(http::Router& router, const outbox::Relay& relay,
                          db::Database& database) {
  KIT_TRY(router.add(http::Method::get, "/events",
                     [&relay](http::Request&) { return answer_backlog(relay); }));
  return router.add(http::Method::get, "/events/dead",
                    [&database](http::Request&) { return answer_dead(database); });
}

Task<> events_command(Application& application, const Settings& settings, const CommandLine& line) {
  constexpr std::array<std::string_view, 4> verbs{"status", "dead", "retry", "drop"};
  const std::vector<std::string>& arguments = line.arguments;
  const std::string verb = arguments.empty() ? "status" : arguments.front();
  if (std::ranges::find(verbs, verb) == verbs.end()) {
    std::string text =
        "events takes status, dead, retry or drop, not '" + verb + "'" + did_you_mean(verb, verbs);
    co_await Error(Code::invalid_argument, std::move(text));
  }
  co_await refuse_missing_database(application, settings);
  const std::unique_ptr<OpenDatabase> opened = co_await open_as_it_is(application, settings);
  db::Database& database = opened->database();
  const std::unique_ptr<Service> service = application.make_service(database);
  if (!service->has_events()) co_await Error(Code::failed_precondition, "the schema has no events");
  if (verb == "status") co_await print_status(database);
  if (verb == "dead") co_await print_dead(database);
  if (verb == "retry") co_await retry(database, arguments);
  if (verb == "drop") co_await drop(database, arguments);
}

}  // namespace kit::app
