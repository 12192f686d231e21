// SPDX-License-Identifier: Apache-2.0
// What an instance with caches answers is what one that has just started answers, which has to read
// everything: after every change, however it is made.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "internal/warm.gen.hpp"
#include "kit/adapters/sqlite/test_database.hpp"
#include "kit/async/context.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/task_group.hpp"
#include "kit/db/script.hpp"
#include "kit/http/router.hpp"
#include "kit/record/row_caches.hpp"
#include "kit/testing/counting_database.hpp"
#include "kit/testing/memory_shared.hpp"

namespace {

using namespace std::chrono_literals;
using kit::Task;
using kit::http::Method;

/// A service on a database, asked without a network.
class Instance {
 public:
  explicit Instance(kit::db::Database& database) : service_(warm::make_service(database)) {
    EXPECT_TRUE(service_->add_routes(router_));
  }
  kit::record::RowCaches& caches() { return *service_->row_caches(); }

  /// "200 "3" {"id":1...}": status, tag and body. `who`: as in X-Caller of the office.
  Task<std::string> ask(Method method, std::string path, std::string body = {},
                        std::string key = {}, std::string type = "application/json",
                        kit::Caller caller = {"boss", {"manager"}}) {
    std::vector<std::string_view> parameters;
    std::string scratch;
    const auto match = router_.match(method, path, parameters, scratch);
    EXPECT_NE(match.route, nullptr) << path;
    if (match.route == nullptr) co_return "";
    kit::http::Request request;
    request.method = method;
    request.path = path;
    request.path_parameters = parameters;
    request.body = std::move(body);
    std::vector<kit::http::Header> headers;
    if (!request.body.empty()) headers.push_back({"Content-Type", type});
    if (!key.empty()) headers.push_back({"Idempotency-Key", key});
    request.headers = headers;
    kit::Context context;
    context.set_caller(&caller);
    kit::Context::Scope scope(context);
    Task<kit::http::Response> answering = match.route->handler(request);
    kit::Result<kit::http::Response> answer = co_await kit::as_result(std::move(answering));
    scope.leave();
    if (!answer) co_return std::string(kit::name(answer.error().code()));
    std::string text = std::to_string(answer->status) + " ";
    for (const auto& [header, value] : answer->headers) {
      if (header == "ETag") text += value + " ";
    }
    co_return text + answer->body;
  }
  Task<std::string> get(std::string path) { return ask(Method::get, std::move(path)); }

 private:
  std::unique_ptr<kit::app::Service> service_;
  kit::http::Router router_;
};

class Warm : public ::testing::Test {
 protected:
  Warm() {
    std::ifstream file(std::string(KIT_SOURCE_DIR) +
                       "/tests/warm/migrations/0001_create_warm.up.sql");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto script = kit::db::split_script(text);
    EXPECT_TRUE(script);
    for (const auto& statement : *script) EXPECT_TRUE(database_.execute(statement.sql));
  }
  std::string ask(Instance& instance, Method method, std::string path, std::string body = {}) {
    return database_.run(instance.ask(method, std::move(path), std::move(body))).value();
  }

  kit::sqlite::TestDatabase database_;
  kit::testing::CountingDatabase counting_{*database_};
};

TEST_F(Warm, ARowIsReadOnce) {
  Instance warm(counting_);
  ask(warm, Method::post, "/api/v1/houses", R"({"name":"a"})");
  ask(warm, Method::post, "/api/v1/rooms", R"({"name":"b","house_id":1})");
  const std::string first = ask(warm, Method::get, "/api/v1/rooms/1");
  counting_.take();
  EXPECT_EQ(ask(warm, Method::get, "/api/v1/rooms/1"), first);
  EXPECT_EQ(counting_.take(), 0);
  EXPECT_EQ(ask(warm, Method::get, "/api/v1/rooms/2"), "NOT_FOUND");
  EXPECT_EQ(counting_.take(), 1);
  EXPECT_EQ(ask(warm, Method::get, "/api/v1/rooms/2"), "NOT_FOUND");
  EXPECT_EQ(counting_.take(), 0);
  // A house is not cached.
  ask(warm, Method::get, "/api/v1/houses/1");
  EXPECT_EQ(counting_.take(), 1);
  ask(warm, Method::get, "/api/v1/houses/1");
  EXPECT_EQ(counting_.take(), 1);
}

TEST_F(Warm, RowsThatAreImportedTogetherAreSeenAtOnce) {
  Instance warm(counting_);
  ask(warm, Method::post, "/api/v1/houses", R"({"name":"a"})");
  ask(warm, Method::post, "/api/v1/rooms", R"({"name":"one","house_id":1})");
  ask(warm, Method::get, "/api/v1/rooms/1");
  for (const char* path : {"/api/v1/rooms/2", "/api/v1/rooms/300", "/api/v1/rooms/301"})
    EXPECT_EQ(ask(warm, Method::get, path), "NOT_FOUND");
  std::string text = "RoomId,Name,HouseId\n1,changed,1\n";
  for (int id = 2; id <= 300; ++id) text += std::to_string(id) + ",new,1\n";
  const std::string said =
      database_.run(warm.ask(Method::post, "/api/v1/rooms/import", std::move(text), {}, "text/csv"))
          .value();
  EXPECT_NE(said.find("\"inserted\":299"), std::string::npos) << said;
  for (const char* path : {"/api/v1/rooms/1", "/api/v1/rooms/2", "/api/v1/rooms/300"}) {
    const std::string answer = ask(warm, Method::get, path);
    EXPECT_TRUE(answer.starts_with("200 ")) << path << answer;
    EXPECT_EQ(answer.find("one"), std::string::npos) << answer;
  }
  // No other row was forgotten.
  counting_.take();
  EXPECT_EQ(ask(warm, Method::get, "/api/v1/rooms/301"), "NOT_FOUND");
  EXPECT_EQ(counting_.take(), 0);
}

TEST_F(Warm, RulesHoldForWhatIsCached) {
  Instance warm(*database_);
  ask(warm, Method::post, "/api/v1/houses", R"({"name":"a"})");
  ask(warm, Method::post, "/api/v1/rooms", R"({"name":"b","house_id":1})");
  ask(warm, Method::post, "/api/v1/shelves",
      R"({"code":"x","width":"1","price":"9.00","room_id":1})");
  EXPECT_NE(ask(warm, Method::get, "/api/v1/shelves/1").find("9.00"), std::string::npos);
  const auto as = [&](kit::Caller caller) {
    return database_.run(warm.ask(Method::get, "/api/v1/shelves/1", "", "", "", std::move(caller)))
        .value();
  };
  EXPECT_EQ(as({"tim", {"clerk"}}), "NOT_FOUND");  // none of his
  EXPECT_EQ(as({"eve", {"visitor"}}), "PERMISSION_DENIED");
  EXPECT_NE(as({"eve", {"manager"}}).find("9.00"), std::string::npos);
}

/// Changes of every kind, most of which go well.
class Changes {
 public:
  explicit Changes(unsigned seed) : random_(seed) {}

  Task<> make_some(Instance& instance) {
    for (int i = 0; i < 3; ++i) {
      co_await change(instance, Method::post, "/api/v1/houses", R"({"name":"h"})");
      co_await add_room(instance);
      co_await add_keeper(instance);
      co_await add_shelf(instance);
    }
  }

  Task<> one(Instance& instance) {
    const std::string shelf = "/api/v1/shelves/" + recent(shelves_);
    const std::string room = "/api/v1/rooms/" + recent(rooms_);
    kind_ = random_() % kinds;
    switch (kind_) {
      case 0:
        return add_room(instance);
      case 1:
        return add_keeper(instance);
      case 2:
      case 3:
        return add_shelf(instance);
      case 4:
        return change(instance, Method::patch, shelf,
                      R"({"width":")" + number() + R"(","notes":")" + number() + R"("})");
      case 5:
        return change(instance, Method::patch, shelf, R"({"keeper_id":)" + keeper() + "}");
      case 6:
        return change(instance, Method::patch, room, R"({"name":"r)" + number() + R"("})");
      case 7:
        return change(instance, Method::patch, "/api/v1/keepers/" + bare_keeper(),
                      R"({"name":"k)" + number() + R"("})");
      case 8:
        return change(instance, Method::delete_, shelf);
      case 9:
        return change(instance, Method::post, shelf + "/restore");
      case 10:
        return change(instance, Method::post, shelf + "/purge");
      case 11:
        return change(instance, Method::post, shelf + "/widen", R"({"by":")" + number() + R"("})");
      case 12:  // takes shelves along, and lets go of others
        return change(instance, Method::delete_,
                      random_() % 2 == 0 ? room : "/api/v1/keepers/" + bare_keeper());
      case 13:  // rooms and shelves go with it
        return random_() % 3 == 0 ? replace_house(instance) : add_shelf(instance);
      case 14:
        return change(instance, Method::post, "/api/v1/shelves/bulk",
                      R"({"create":[{"code":")" + number() + R"(","width":"2","room_id":)" +
                          recent(rooms_) + "}]}");
      case 15:
        return change(instance, Method::post, "/api/v1/shelves/bulk",
                      R"({"update":[{"id":)" + recent(shelves_) + R"(,"patch":{"notes":")" +
                          number() + R"("}}]})");
      default:
        return import(instance);
    }
  }

  /// Every path that shows a cached row that may be there.
  std::vector<std::string> paths() const {
    std::vector<std::string> all;
    for (const auto& [path, latest] :
         {std::pair("/api/v1/shelves/", shelves_), std::pair("/api/v1/rooms/", rooms_)}) {
      for (int i = latest - window; i <= latest + 2; ++i) all.push_back(path + std::to_string(i));
    }
    for (const std::string& keeper : keepers_) all.push_back("/api/v1/keepers/" + keeper);
    return all;
  }
  int good() const { return good_; }
  /// Whether a change of each kind went well.
  bool had_every_kind() const { return seen_.size() == kinds; }

 private:
  static constexpr std::size_t kinds = 17;
  static constexpr int window = 10;  // of ids that are still used

  std::string recent(int latest) {
    return std::to_string(latest - static_cast<int>(random_() % (latest < 4 ? 3U : 6U)));
  }
  std::string number() { return std::to_string(random_() % 900); }
  std::string bare_keeper() { return keepers_[random_() % keepers_.size()]; }
  std::string keeper() { return random_() % 3 == 0 ? "null" : '"' + bare_keeper() + '"'; }

  Task<> change(Instance& instance, Method method, std::string path, std::string body = {},
                std::string type = "application/json") {
    std::string key;
    if (method != Method::delete_ && type != "text/csv" && random_() % 3 == 0) {
      key = "key-" + std::to_string(++keys_);
    }
    int* const latest = path.starts_with("/api/v1/houses")  ? &houses_
                        : path.starts_with("/api/v1/rooms") ? &rooms_
                                                            : &shelves_;
    const bool makes = method == Method::post;
    const std::string answer = co_await instance.ask(method, std::move(path), std::move(body),
                                                     std::move(key), std::move(type));
    if (answer.starts_with("20")) {
      ++good_;
      seen_.insert(kind_);
    }
    const std::size_t number = answer.find("\"id\":");
    if (makes && answer.starts_with("20") && number != std::string::npos) {
      *latest = std::max(*latest, std::atoi(answer.c_str() + number + 5));
    }
    const std::size_t at = answer.find("\"id\":\"");
    if (at != std::string::npos && keepers_.size() < 10) {
      const std::string made = answer.substr(at + 6, 36);
      if (std::ranges::find(keepers_, made) == keepers_.end()) keepers_.push_back(made);
    }
  }
  Task<> add_room(Instance& instance) {
    return change(instance, Method::post, "/api/v1/rooms",
                  R"({"name":"r","house_id":)" + recent(houses_) + "}");
  }
  Task<> add_keeper(Instance& instance) {
    return change(instance, Method::post, "/api/v1/keepers", R"({"name":"n)" + number() + R"("})");
  }
  Task<> add_shelf(Instance& instance) {
    return change(instance, Method::post, "/api/v1/shelves",
                  R"({"code":"c)" + number() + R"(","width":"1","room_id":)" + recent(rooms_) +
                      R"(,"keeper_id":)" + keeper() + "}");
  }
  Task<> replace_house(Instance& instance) {
    const std::string gone = recent(houses_);
    co_await change(instance, Method::delete_, "/api/v1/houses/" + gone);
    co_await change(instance, Method::post, "/api/v1/houses", R"({"name":"h"})");
  }
  Task<> import(Instance& instance) {
    return change(
        instance, Method::post, "/api/v1/rooms/import",
        "RoomId,Name,HouseId\n" + recent(rooms_) + ",i" + number() + "," + recent(houses_) + "\n",
        "text/csv");
  }

  std::minstd_rand random_;
  std::vector<std::string> keepers_;
  int houses_ = 0;  // the latest ids
  int rooms_ = 0;
  int shelves_ = 0;
  int keys_ = 0;
  int good_ = 0;
  std::size_t kind_ = 0;
  std::set<std::size_t> seen_;
};

/// The paths on which an instance answers otherwise than one that has just started.
Task<std::string> differences(Instance& warm, kit::db::Database& database, const Changes& changes) {
  Instance cold(database);
  std::string all;
  for (const std::string& path : changes.paths()) {
    const std::string kept = co_await warm.get(path);
    const std::string read = co_await cold.get(path);
    if (kept != read) all += path + ": " + kept + ", not " + read + "\n";
  }
  co_return all;
}

Task<> random_changes(kit::db::Database& database, unsigned seed, int steps, int* good) {
  Instance warm(database);
  Changes changes(seed);
  co_await changes.make_some(warm);
  for (int step = 0; step < steps; ++step) {
    co_await changes.one(warm);
    const std::string different = co_await differences(warm, database, changes);
    EXPECT_EQ(different, "") << "after step " << step << " of seed " << seed;
    if (!different.empty()) co_return;
  }
  EXPECT_TRUE(changes.had_every_kind());
  *good += changes.good();
}

TEST_F(Warm, AnswersAsOneThatHasJustStarted) {
  int good = 0;
  EXPECT_TRUE(database_.run(random_changes(*database_, 1, 500, &good)).ok());
  EXPECT_GT(good, 100);
}

Task<> change_behind_its_back(kit::db::Database& database) {
  Instance warm(database);
  Changes changes(1);
  co_await changes.make_some(warm);
  std::string different = co_await differences(warm, database, changes);
  EXPECT_EQ(different, "");
  co_await database.execute("UPDATE rooms SET name = 'other'", {});
  different = co_await differences(warm, database, changes);
  EXPECT_NE(different, "");
  // What is written by hand through the watched database is noticed.
  co_await warm.caches().database().execute("UPDATE rooms SET name = 'third'", {});
  different = co_await differences(warm, database, changes);
  EXPECT_EQ(different, "");
}

TEST_F(Warm, TheComparisonCanFail) {
  EXPECT_TRUE(database_.run(change_behind_its_back(*database_)).ok());
}

/// Changes on one of two instances, then both answer as a third.
Task<> two_instances(kit::db::Database& database, kit::testing::MemoryShared& shared, int* good) {
  Instance a(database);
  Instance b(database);
  kit::TaskGroup following("following");
  following.spawn(a.caches().follow(shared));
  following.spawn(b.caches().follow(shared));
  Changes changes(7);
  std::minstd_rand random(7);
  co_await changes.make_some(a);
  bool cut = false;
  for (int step = 0; step < 200; ++step) {
    if (random() % 10 == 0) shared.cut_listeners(cut = !cut);
    co_await changes.one(random() % 2 == 0 ? a : b);
    if (cut) continue;
    co_await kit::sleep_for(1ms);  // what was announced is heard in the loop's next turn
    for (Instance* one : {&a, &b}) {
      const std::string different = co_await differences(*one, database, changes);
      EXPECT_EQ(different, "") << "after step " << step;
    }
  }
  *good += changes.good();
  following.cancel();
  Task<> joining = following.join();
  (void)co_await kit::as_result(std::move(joining));
}

TEST_F(Warm, InstancesTellEachOther) {
  kit::testing::MemoryShared shared;
  int good = 0;
  EXPECT_TRUE(database_.run(two_instances(*database_, shared, &good)).ok());
  EXPECT_GT(good, 60);
  EXPECT_GT(shared.announced(), 60U);
}

Task<> broken_for_a_while(kit::db::Database& database, kit::testing::MemoryShared& shared) {
  Instance a(database);
  Instance b(database);
  kit::TaskGroup following("following");
  following.spawn(a.caches().follow(shared));
  following.spawn(b.caches().follow(shared));
  Changes changes(3);
  co_await changes.make_some(a);
  co_await kit::sleep_for(1ms);
  std::string different = co_await differences(b, database, changes);
  EXPECT_EQ(different, "");
  shared.break_down(true);
  const std::string answer =
      co_await a.ask(Method::patch, "/api/v1/rooms/1", R"({"name":"other"})");
  EXPECT_TRUE(answer.starts_with("200")) << answer;  // the change counts all the same
  different = co_await differences(a, database, changes);
  EXPECT_EQ(different, "");
  shared.break_down(false);
  for (int i = 0; i < 500; ++i) {  // told again within a second or so
    different = co_await differences(b, database, changes);
    if (different.empty()) break;
    co_await kit::sleep_for(10ms);
  }
  EXPECT_EQ(different, "");
  following.cancel();
  Task<> joining = following.join();
  (void)co_await kit::as_result(std::move(joining));
}

TEST_F(Warm, WhatCouldNotBeAnnouncedIsAnnouncedLater) {
  kit::testing::MemoryShared shared;
  EXPECT_TRUE(database_.run(broken_for_a_while(*database_, shared)).ok());
}

}  // namespace
