// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "kit/db/script.hpp"
#include "kit/outbox/dead_letters.hpp"
#include "kit/outbox/event.hpp"
#include "kit/outbox/relay.hpp"
#include "kitgen/evolve/catalogue.hpp"
#include "tests/databases/suite.hpp"

namespace kit::tests {

using namespace std::chrono_literals;

/// The statements that kitgen makes a table of the library with.
inline std::string system_sql(std::string_view form, db::Dialect dialect) {
  const kitgen::evolve::SystemTable* const table = kitgen::evolve::find_system_table(form);
  switch (dialect) {
    case db::Dialect::sqlite:
      return std::string(table->sqlite);
    case db::Dialect::postgresql:
      return std::string(table->postgres);
    case db::Dialect::mysql:
      break;
  }
  return std::string(table->mysql);
}

/// A broker in memory, which can be told to fail.
class Broker final : public queue::Publisher {
 public:
  Task<> publish(std::span<const queue::Message> messages) override {
    ++calls;
    if (down) co_await Error(Code::unavailable, "the broker is down");
    for (const queue::Message& message : messages) {
      if (message.payload == poison) co_await Error(Code::invalid_argument, "no such message");
    }
    for (const queue::Message& message : messages) published.push_back(message);
  }
  /// "a1 b1 a2"
  std::string payloads() const {
    std::string text;
    for (const queue::Message& message : published)
      text += (text.empty() ? "" : " ") + message.payload;
    return text;
  }

  std::vector<queue::Message> published;
  std::string poison;
  bool down = false;
  int calls = 0;
};

/// The tables of the outbox, and one for effects: which subscriber got what, in which order.
class OutboxTest : public DatabaseTest {
 protected:
  void SetUp() override {
    for (const char* form : {"kit_outbox_v2", "kit_inbox"}) {
      const std::string script = system_sql(form, database().dialect());
      const auto statements = db::split_script(script);
      ASSERT_TRUE(statements.ok());
      for (const db::ScriptStatement& statement : *statements) set_up(std::string(statement.sql));
    }
    set_up("CREATE TABLE effects (id " + backend().identity() +
           ", subscriber VARCHAR(20) NOT NULL, payload VARCHAR(40) NOT NULL)");
    set_up("CREATE TABLE aggregates (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)");
    options_.poll = 20ms;
    options_.first_backoff = 1ms;
    options_.longest_backoff = 2ms;
    options_.max_attempts = 3;
  }

  /// A subscriber whose effect is a row; it fails for what `failing_` has.
  outbox::Subscriber subscriber(std::string name) {
    outbox::Handler handle = [this, name](const outbox::Event& event, db::Transaction& work) {
      return note(name, event, work);
    };
    return {std::move(name), std::move(handle)};
  }
  std::vector<outbox::Subscriber> subscribers(std::initializer_list<const char*> names) {
    std::vector<outbox::Subscriber> all;
    for (const char* name : names) all.push_back(subscriber(name));
    return all;
  }
  Task<> note(std::string name, const outbox::Event& event, db::Transaction& work) {
    const std::string payload = event.payload;
    Parameters row{std::string_view(name), std::string_view(payload)};
    co_await change(work, "INSERT INTO effects (subscriber, payload) VALUES (?1, ?2)", row);
    const auto failing = failing_.find(payload);
    if (failing != failing_.end() && failing->second-- > 0)
      co_await Error(failure_, "no " + payload);
  }

  /// "a1": the event 1 of the key a.
  static Task<> emit(db::Database& database, std::string payload,
                     std::vector<std::string_view> to) {
    auto work = co_await database.begin();
    const std::string key = payload.substr(0, 1);
    outbox::NewEvent event;
    event.type = "Happened";
    event.aggregate = "Thing";
    event.key = key;
    event.payload = payload;
    event.subscribers = to;
    co_await outbox::add(*work, event);
    co_await work->commit();
  }
  void emit_all(std::initializer_list<const char*> payloads,
                std::vector<std::string_view> to = {"one"}) {
    for (const char* payload : payloads) {
      const auto done = run(emit(database(), payload, to));
      ASSERT_TRUE(done.ok()) << done.error().describe();
    }
  }

  /// Looks until nothing is due, and what waits for another try too.
  static Task<> settle(outbox::Relay& relay, int quiet_looks = 5) {
    for (int quiet = 0; quiet < quiet_looks;) {
      const std::size_t delivered = co_await relay.deliver_due();
      quiet = delivered == 0 ? quiet + 1 : 0;
      co_await sleep_for(3ms);
    }
  }
  void settle_all(outbox::Relay& relay, int quiet_looks = 5) {
    const auto done = run(settle(relay, quiet_looks));
    ASSERT_TRUE(done.ok()) << done.error().describe();
  }
  std::string effects(const std::string& of = "one") {
    return read("SELECT payload FROM effects WHERE subscriber = '" + of + "' ORDER BY id");
  }
  std::string states(const std::string& destination = "one") {
    return read("SELECT state FROM kit_outbox WHERE destination = '" + destination +
                "' ORDER BY id");
  }

  outbox::RelayOptions options_;
  std::map<std::string, int> failing_;
  Code failure_ = Code::internal;
};

}  // namespace kit::tests
