// SPDX-License-Identifier: Apache-2.0
// Another service: takes the store's events from the streams of a Redis into a database of its own,
// until it is killed. consumer_test.py kills it.
//
//     kit_outside_consumer setup FILE
//     kit_outside_consumer take FILE REDIS_URL [--forget]
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/adapters/redis/streams.hpp"
#include "kit/adapters/sqlite/sqlite.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/db/script.hpp"
#include "kit/outbox/inbox.hpp"
#include "kitgen/evolve/catalogue.hpp"

namespace kit::tests {
namespace {

using namespace std::chrono_literals;
using Parameters = std::vector<db::Parameter>;

struct Options {
  std::string command, file, url;
  bool forgets = false;  ///< No inbox: to see that the test finds what is done twice.
};

Task<db::Session::Changed> change(db::Session& session, std::string sql, Parameters values = {}) {
  co_return co_await session.execute(sql, values);
}

Task<> set_up(db::Database& database) {
  std::string script(kitgen::evolve::find_system_table("kit_inbox")->sqlite);
  script +=
      "CREATE TABLE effects (id INTEGER PRIMARY KEY AUTOINCREMENT, message TEXT NOT NULL, "
      "type TEXT NOT NULL, key TEXT NOT NULL, payload TEXT NOT NULL);"
      "CREATE TABLE totals (type TEXT PRIMARY KEY, n INTEGER NOT NULL);";
  const auto statements = co_await db::split_script(script);
  for (const db::ScriptStatement& statement : statements)
    co_await change(database, std::string(statement.sql));
}

/// Two rows: half of it would be seen.
Task<> have_effect(const queue::Message& message, db::Transaction& work) {
  const Parameters all{std::string_view(message.id), std::string_view(message.type),
                       std::string_view(message.key), std::string_view(message.payload)};
  co_await change(work, "INSERT INTO effects (message, type, key, payload) VALUES (?1, ?2, ?3, ?4)",
                  all);
  const Parameters type{std::string_view(message.type)};
  co_await change(
      work,
      "INSERT INTO totals (type, n) VALUES (?1, 1) ON CONFLICT (type) DO UPDATE SET n = n + 1",
      type);
}

Task<> take(db::Database& database, const queue::Message& message, bool forgets) {
  if (forgets) {
    const std::unique_ptr<db::Transaction> work = co_await database.begin();
    co_await have_effect(message, *work);
    co_await work->commit();
    co_return;
  }
  outbox::Inbox inbox(database, "books");
  auto effect = [](const queue::Message& taken, db::Transaction& work) {
    return have_effect(taken, work);
  };
  const outbox::Inbox::Handler handle(effect);
  co_await inbox.consume(message, handle);
}

Task<> take_batch(db::Database& database, queue::Consumer& consumer, bool forgets) {
  const std::vector<queue::Delivery> received = co_await consumer.receive(20, 500ms);
  for (const queue::Delivery& delivery : received)
    co_await take(database, delivery.message, forgets);
  if (!received.empty()) co_await consumer.acknowledge(received);
}

/// Ends by SIGKILL only. What fails comes again.
Task<> take_all(db::Database& database, const Options& options) {
  redis::RedisOptions place;
  place.dsn = Secret<std::string>(options.url);
  std::unique_ptr<redis::Client> client = co_await redis::open(std::move(place));
  redis::StreamOptions how;
  how.redeliver_after = 1s;
  const std::unique_ptr<redis::StreamQueue> streams =
      co_await redis::open_streams(std::shared_ptr<redis::Client>(std::move(client)), how);
  const std::vector<std::string> topics{"store.Customer", "store.Invoice"};
  const std::unique_ptr<queue::Consumer> consumer = co_await streams->subscribe("books", topics);
  while (true) {
    Task<> taking = take_batch(database, *consumer, options.forgets);
    const Result<> taken = co_await as_result(std::move(taking));
    if (taken) continue;
    std::fprintf(stderr, "%s\n", taken.error().describe().c_str());
    co_await sleep_for(50ms);
  }
}

int run(const Options& options) {
  auto loop = make_epoll_loop();
  if (!loop) return 1;
  sqlite::SqliteOptions place;
  place.path = options.file;
  auto opened = sqlite::open(place);
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().describe().c_str());
    return 1;
  }
  db::Database& database = **opened;
  const Result<> done =
      kit::run(**loop, options.command == "setup" ? set_up(database) : take_all(database, options));
  if (!done) std::fprintf(stderr, "%s\n", done.error().describe().c_str());
  return done ? 0 : 1;
}

}  // namespace
}  // namespace kit::tests

int main(int argc, char** argv) {
  kit::tests::Options options;
  const std::vector<std::string> words(argv + 1, argv + argc);
  const bool sets_up = words.size() == 2 && words[0] == "setup";
  if (!sets_up && (words.size() < 3 || words[0] != "take")) {
    std::fputs("usage: kit_outside_consumer setup FILE | take FILE REDIS_URL [--forget]\n", stderr);
    return 2;
  }
  options.command = words[0];
  options.file = words[1];
  if (!sets_up) options.url = words[2];
  options.forgets = words.back() == "--forget";
  return kit::tests::run(options);
}
