// SPDX-License-Identifier: Apache-2.0
// Idempotency keys on each database: run by itself on SQLite, and by run.py on servers.
#include "kit/rest/idempotency.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "empty_database.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/db/script.hpp"
#include "kit/db/sql.hpp"
#include "kit/rest/shown_rows.hpp"
#include "kitgen/evolve/catalogue.hpp"

namespace kit::tests {
namespace {

using http::Request;
using http::Response;

/// A route that stores the body of each call and says that it shows the rows `shown`.
struct Notes {
  explicit Notes(db::Database& under) : backend(under) {}
  rest::Backend backend;
  std::vector<std::string> shown;
  int calls = 0;

  Task<Response> add(Request& request) {
    ++calls;
    const std::string body(request.body);
    auto unit = co_await backend.database().begin();
    const std::vector<db::Parameter> parameters{std::string_view(body)};
    co_await unit->execute("INSERT INTO notes (body) VALUES (?1)", parameters);
    co_await unit->commit();
    for (const std::string& row : shown) rest::ShownRows::current()->add("Note", row);
    Response response;
    response.status = 201;
    response.body = body;
    co_return response;
  }
  static Task<Response> call(void* self, Request& request) {
    return static_cast<Notes*>(self)->add(request);
  }
};

Task<> create_tables(db::Database& database) {
  std::string script = "CREATE TABLE notes (body VARCHAR(20));\n";
  for (const auto& table : kitgen::evolve::system_tables()) {
    if (!table.name.starts_with("kit_idempotency_")) continue;
    const db::Sql sql{table.sqlite, table.postgres, table.mysql};
    script.append(sql.in(database.dialect()));
  }
  const std::vector<db::ScriptStatement> statements = co_await db::split_script(script);
  for (const db::ScriptStatement& statement : statements) {
    co_await database.execute(statement.sql, {});
  }
}

class IdempotencyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = ::testing::TempDir() + "kit_idempotency_XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    auto opened = open_empty(folder_);
    ASSERT_TRUE(opened.ok()) << opened.error().describe();
    database_ = std::move(opened).value();
    const auto done = run(create_tables(*database_));
    ASSERT_TRUE(done.ok()) << done.error().describe();
    notes_ = std::make_unique<Notes>(*database_);
  }
  void TearDown() override {
    notes_.reset();
    database_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  template <class T>
  Result<T> run(Task<T> task) {
    return kit::run(*loop_, std::move(task));
  }
  Task<Response> send(std::string key, std::string body) {
    const http::Header header{"Idempotency-Key", key};
    Request request;
    request.method = http::Method::post;
    request.method_name = "POST";
    request.target = "/notes";
    request.headers = std::span(&header, 1);
    request.body = body;
    Task<Response> calling = rest::call_once(notes_->backend, Notes::call, notes_.get(), request);
    co_return co_await std::move(calling);
  }
  Result<Response> post(const std::string& key, const std::string& body) {
    return run(send(key, body));
  }
  static bool is_replayed(const Response& response) {
    for (const auto& [name, value] : response.headers) {
      if (name == "Idempotency-Replayed") return true;
    }
    return false;
  }
  std::string read(std::string sql) {
    std::string out;
    auto reading = [&]() -> Task<> {
      auto take = [&out](const db::Row& row) -> Result<> {
        out.append(out.empty() ? "" : ",").append(row.text(0));
        return {};
      };
      db::RowSink sink(take);
      co_await database_->query(sql, {}, sink);
    };
    const Result<> done = run(reading());
    return done.ok() ? out : done.error().describe();
  }
  /// Sends the same request so often at once; how many were carried out, repeated and refused.
  std::string all_at_once(int count) {
    int created = 0;
    int replayed = 0;
    std::vector<std::string> refused;
    auto one = [&]() -> Task<> {
      Task<Response> sending = send("k", "same");
      const Result<Response> response = co_await as_result(std::move(sending));
      if (!response) {
        refused.push_back(response.error().reason());
      } else {
        ++(is_replayed(*response) ? replayed : created);
      }
    };
    auto all = [&]() -> Task<> {
      TaskGroup group("all");
      for (int i = 0; i < count; ++i) group.spawn("one", one());
      co_await group.join();
    };
    const Result<> done = run(all());
    if (!done) return done.error().describe();
    std::string what = std::to_string(created) + " created, " + std::to_string(replayed) + " again";
    for (const std::string& reason : refused) what.append(", ").append(reason);
    return what;
  }
  void let_all_expire() { notes_->backend.limits.idempotency_keep = std::chrono::seconds{0}; }
  void keep() { notes_->backend.limits.idempotency_keep = std::chrono::hours{24}; }

  std::unique_ptr<Loop> loop_ = make_epoll_loop().value();
  std::filesystem::path folder_;
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<Notes> notes_;
};

TEST_F(IdempotencyTest, ARepeatGetsTheAnswerOfTheFirst) {
  const std::string longest(255, 'k');
  for (const std::string& key : {std::string("a"), longest}) {
    const auto first = post(key, "one");
    ASSERT_TRUE(first.ok()) << first.error().describe();
    EXPECT_FALSE(is_replayed(*first));
    const auto again = post(key, "one");
    ASSERT_TRUE(again.ok()) << again.error().describe();
    EXPECT_TRUE(is_replayed(*again));
    EXPECT_EQ(again->body, "one");
    EXPECT_EQ(post(key, "two").error().reason(), "IDEMPOTENCY_KEY_REUSED");
  }
  EXPECT_EQ(read("SELECT body FROM notes"), "one,one");
}

TEST_F(IdempotencyTest, OfManyAtOnceOneIsCarriedOut) {
  EXPECT_EQ(all_at_once(8), "1 created, 7 again");
  EXPECT_EQ(read("SELECT body FROM notes"), "same");
}

TEST_F(IdempotencyTest, AKeyThatHasExpiredIsTakenOver) {
  ASSERT_TRUE(post("k", "same").ok());
  let_all_expire();
  const auto anew = post("k", "other");
  ASSERT_TRUE(anew.ok()) << anew.error().describe();
  EXPECT_FALSE(is_replayed(*anew));
  EXPECT_EQ(read("SELECT count(*) FROM kit_idempotency_keys"), "1");
  keep();
  EXPECT_TRUE(is_replayed(*post("k", "other")));
  EXPECT_EQ(read("SELECT count(*) FROM notes"), "2");
}

TEST_F(IdempotencyTest, OfManyThatTakeOverOneIsCarriedOut) {
  ASSERT_TRUE(post("k", "same").ok());
  auto make_old = [&]() -> Task<> {
    const std::vector<db::Parameter> long_ago{std::int64_t{1'700'000'000'000'000}};
    co_await database_->execute("UPDATE kit_idempotency_keys SET created_at = ?1", long_ago);
  };
  ASSERT_TRUE(run(make_old()).ok());
  const std::string what = all_at_once(8);
  // MariaDB ends a deadlock of those that found the row by refusing some, which may try again.
  if (database_->dialect() == db::Dialect::mysql) {
    EXPECT_THAT(what, ::testing::MatchesRegex("1 created, [0-7] again(, IDEMPOTENCY_KEY_IN_USE)*"));
    EXPECT_TRUE(is_replayed(*post("k", "same")));
  } else {
    EXPECT_EQ(what, "1 created, 7 again");
  }
  EXPECT_EQ(read("SELECT count(*) FROM notes"), "2");
  EXPECT_EQ(read("SELECT count(*) FROM kit_idempotency_keys"), "1");
}

TEST_F(IdempotencyTest, WhatFailsBehindTheClaimLeavesTheKeyFree) {
  const auto refused = post("k", std::string(21, 'x'));
  // SQLite keeps texts of any length.
  EXPECT_EQ(refused.ok(), database_->dialect() == db::Dialect::sqlite);
  if (!refused) {
    EXPECT_EQ(refused.error().reason(), "VALUE_TOO_LONG");
    EXPECT_TRUE(post("k", "short").ok());
  }
}

TEST_F(IdempotencyTest, ShownRowsAreNotedOnceAndWholeOrNotAtAll) {
  notes_->shown = {"1", "2", "1"};
  ASSERT_TRUE(post("k", "one").ok());
  EXPECT_EQ(read("SELECT row_id FROM kit_idempotency_rows ORDER BY row_id"), "1,2");
  notes_->shown = {std::string(255, '9')};
  ASSERT_TRUE(post("longest", "one").ok());
  EXPECT_EQ(read("SELECT count(*) FROM kit_idempotency_rows"), "3");
  // Cut off, a purge would not find it: MariaDB's column has 255 characters.
  int noted = 3;
  for (const std::size_t length : {std::size_t{256}, std::size_t{300}}) {
    notes_->shown = {std::string(length, '9')};
    const auto longer = post("longer" + std::to_string(length), "one");
    EXPECT_EQ(longer.ok(), database_->dialect() != db::Dialect::mysql);
    if (longer.ok()) {
      ++noted;
    } else {
      EXPECT_EQ(longer.error().reason(), "VALUE_TOO_LONG") << longer.error().describe();
    }
    EXPECT_EQ(read("SELECT count(*) FROM kit_idempotency_rows"), std::to_string(noted));
  }
}

}  // namespace
}  // namespace kit::tests
