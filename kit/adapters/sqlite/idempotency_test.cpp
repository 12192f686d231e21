// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/idempotency.hpp"

#include "kit/adapters/sqlite/test_database.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/task_group.hpp"

namespace kit::sqlite {
namespace {

using http::Request;
using http::Response;

/// A route that adds a row for each call; what it is asked to do stands in the body.
struct Things {
  explicit Things(db::Database& under) : backend(under) {}
  rest::Backend backend;
  int calls = 0;

  Task<Response> add(Request& request) {
    ++calls;
    const std::string body(request.body);
    if (body == "read only") co_return Response();
    auto unit = co_await backend.database().begin();
    if (body == "slow") co_await sleep_for(std::chrono::milliseconds(5));
    const auto added = co_await unit->execute("INSERT INTO things DEFAULT VALUES", {});
    if (body == "fail") co_await Error(Code::failed_precondition, "not today");
    co_await unit->commit();
    Response response;
    response.status = 201;
    response.content_type = "application/json";
    response.body = "{\"id\":" + std::to_string(added.last_id) + "}";
    if (body == "large") response.body.append(100, ' ');
    response.headers.emplace_back("Location", "/things/" + std::to_string(added.last_id));
    response.headers.emplace_back("Set-Cookie", "a=b");
    co_return response;
  }
  static Task<Response> call(void* self, Request& request) {
    return static_cast<Things*>(self)->add(request);
  }
};

struct Fixture {
  Fixture() {
    EXPECT_TRUE(database.execute("CREATE TABLE things(id INTEGER PRIMARY KEY AUTOINCREMENT)").ok());
    EXPECT_TRUE(database
                    .execute("CREATE TABLE kit_idempotency_keys (id INTEGER PRIMARY KEY, caller "
                             "TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, status "
                             "INTEGER NOT NULL, headers TEXT NOT NULL, body BLOB, created_at "
                             "INTEGER NOT NULL, UNIQUE (caller, key)) STRICT")
                    .ok());
  }
  TestDatabase database;
  Things things{*database};

  Task<Response> send(std::string key, std::string body, std::string target = "/things") {
    const http::Header header{"Idempotency-Key", key};
    Request request;
    request.method = http::Method::post;
    request.method_name = "POST";
    request.target = target;
    request.headers = std::span(&header, key.empty() ? 0 : 1);
    request.body = body;
    Task<Response> calling = rest::call_once(things.backend, Things::call, &things, request);
    co_return co_await std::move(calling);
  }
  Result<Response> post(const std::string& key, const std::string& body = "",
                        const std::string& target = "/things") {
    return database.run(send(key, body, target));
  }
  std::string rows() { return database.text("SELECT count(*) FROM things"); }
  std::string keys() { return database.text("SELECT count(*) FROM kit_idempotency_keys"); }
};

std::string header(const Response& response, std::string_view name) {
  for (const auto& [each, value] : response.headers) {
    if (each == name) return value;
  }
  return "";
}

TEST(Idempotency, ARepeatGetsTheAnswerOfTheFirst) {
  Fixture f;
  const Result<Response> first = f.post("a");
  ASSERT_TRUE(first.ok()) << first.error().describe();
  EXPECT_EQ(header(*first, "Idempotency-Replayed"), "");
  EXPECT_EQ(header(*first, "Set-Cookie"), "a=b");
  for (const char* key : {"a", "\"a\""}) {
    const Result<Response> again = f.post(key);
    ASSERT_TRUE(again.ok()) << again.error().describe();
    EXPECT_EQ(again->status, 201);
    EXPECT_EQ(again->body, first->body);
    EXPECT_EQ(again->content_type, "application/json");
    EXPECT_EQ(header(*again, "Location"), "/things/1");
    EXPECT_EQ(header(*again, "Idempotency-Replayed"), "true");
    EXPECT_EQ(header(*again, "Set-Cookie"), "") << "is for one answer only";
  }
  EXPECT_EQ(f.things.calls, 1);
  EXPECT_EQ(f.rows(), "1");
  ASSERT_TRUE(f.post("b").ok());
  ASSERT_TRUE(f.post("").ok());
  ASSERT_TRUE(f.post("").ok());
  EXPECT_EQ(f.rows(), "4");
  EXPECT_EQ(f.keys(), "2") << "without a key nothing is stored";
}

TEST(Idempotency, AKeyIsForOneRequest) {
  Fixture f;
  ASSERT_TRUE(f.post("a", "x").ok());
  for (const auto& [body, target] :
       {std::pair("y", "/things"), std::pair("x", "/others"), std::pair("x", "/things?x=1")}) {
    const Result<Response> other = f.post("a", body, target);
    ASSERT_FALSE(other.ok());
    EXPECT_EQ(other.error().reason(), "IDEMPOTENCY_KEY_REUSED");
    EXPECT_EQ(other.error().http_status(), 422);
  }
  EXPECT_EQ(f.rows(), "1");
  EXPECT_FALSE(f.post("a b").ok());
  EXPECT_EQ(f.things.calls, 1);
}

TEST(Idempotency, WhatFailsOrChangesNothingIsNotStored) {
  Fixture f;
  for (int i = 0; i < 2; ++i) {
    const Result<Response> failed = f.post("a", "fail");
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().code(), Code::failed_precondition);
    ASSERT_TRUE(f.post("b", "read only").ok());
  }
  EXPECT_EQ(f.things.calls, 4);
  EXPECT_EQ(f.keys(), "0");
  EXPECT_EQ(f.rows(), "0");
  EXPECT_TRUE(f.post("a").ok()) << "the key is still free";
}

TEST(Idempotency, RepeatsThatComeMeanwhileWaitForTheFirst) {
  Fixture f;
  int created = 0, replayed = 0, refused = 0;
  auto one = [&](std::string body) -> Task<> {
    Task<Response> sending = f.send("a", std::move(body));
    const Result<Response> response = co_await as_result(std::move(sending));
    if (!response) {
      EXPECT_EQ(response.error().reason(), "IDEMPOTENCY_KEY_REUSED");
      ++refused;
      co_return;
    }
    EXPECT_EQ(response->body, "{\"id\":1}");
    ++(header(*response, "Idempotency-Replayed") == "true" ? replayed : created);
  };
  auto all = [&]() -> Task<> {
    TaskGroup group("all");
    for (int i = 0; i < 8; ++i) group.spawn("one", one(i == 5 ? "other" : "slow"));
    Task<> joining = group.join();
    co_await std::move(joining);
  };
  const Result<> done = f.database.run(all());
  ASSERT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(created, 1);
  EXPECT_EQ(replayed, 6);
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(f.rows(), "1");
}

TEST(Idempotency, AnAnswerPastTheLimitIsRepeatedWithoutItsBody) {
  Fixture f;
  f.things.backend.limits.idempotency_answer_bytes = 108;
  ASSERT_TRUE(f.post("at", "large").ok());
  EXPECT_EQ(f.post("at", "large")->body.size(), 108U);
  f.things.backend.limits.idempotency_answer_bytes = 107;
  ASSERT_TRUE(f.post("past", "large").ok());
  const Result<Response> again = f.post("past", "large");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->status, 201);
  EXPECT_EQ(again->body, "");
  EXPECT_EQ(header(*again, "Location"), "/things/2");
}

TEST(Idempotency, KeysExpireAndAreRemovedInBatches) {
  Fixture f;
  const std::chrono::hours keep{24};
  for (const char* key : {"a", "b", "c", "d"}) ASSERT_TRUE(f.post(key).ok());
  ASSERT_TRUE(f.database
                  .execute("UPDATE kit_idempotency_keys SET created_at = created_at - "
                           "86400000001 WHERE key <> 'd'")
                  .ok());
  const Result<Response> anew = f.post("a", "another request");
  ASSERT_TRUE(anew.ok()) << anew.error().describe();
  EXPECT_EQ(header(*anew, "Idempotency-Replayed"), "");
  EXPECT_EQ(header(*f.post("a", "another request"), "Idempotency-Replayed"), "true");
  EXPECT_EQ(*f.database.run(rest::remove_expired_keys(*f.database, keep, 1)), 1);
  EXPECT_EQ(*f.database.run(rest::remove_expired_keys(*f.database, keep, 5)), 1);
  EXPECT_EQ(*f.database.run(rest::remove_expired_keys(*f.database, keep, 5)), 0);
  EXPECT_EQ(f.database.text("SELECT key FROM kit_idempotency_keys ORDER BY key"), "a,d");
}

TEST(Idempotency, TheTaskThatRemovesKeysEndsWhenItIsCancelled) {
  Fixture f;
  f.things.backend.limits.idempotency_keep = std::chrono::seconds{0};
  ASSERT_TRUE(f.post("a").ok());
  auto some_time = [&]() -> Task<> {
    TaskGroup group("background");
    group.spawn("expire", rest::expire_keys(f.things.backend, std::chrono::milliseconds(1)));
    while (co_await read_int(*f.database, "SELECT count(*) FROM kit_idempotency_keys") != 0) {
      co_await sleep_for(std::chrono::milliseconds(1));
    }
    group.cancel();
    Task<> joining = group.join();
    const Result<> ended = co_await as_result(std::move(joining));
    EXPECT_FALSE(ended.ok());
  };
  const Result<> done = f.database.run(some_time());
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

}  // namespace
}  // namespace kit::sqlite
