// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "internal/office.gen.hpp"
#include "kit/adapters/sqlite/test_database.hpp"
#include "kit/async/context.hpp"
#include "kit/db/migrations.hpp"
#include "kit/db/script.hpp"
#include "kit/http/router.hpp"
#include "kit/json/value.hpp"
#include "kit/testing/counting_database.hpp"

namespace {

std::string migration() {
  std::ifstream file(std::string(KIT_SOURCE_DIR) +
                     "/tests/office/migrations/0001_create_office.up.sql");
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The office on a database that counts, with 300 clients of 100 people, and their papers.
class Statements : public ::testing::Test {
 protected:
  Statements() : counting_(*database_), service_(office::make_service(counting_)) {
    const std::string text = migration();
    const auto script = kit::db::split_script(text);
    EXPECT_TRUE(script);
    for (const auto& statement : *script) EXPECT_TRUE(database_.execute(statement.sql));
    const std::string numbers =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) ";
    for (const char* sql :
         {"INSERT INTO people SELECT i, 'l' || i, 'P', i % 100 + 1, 0, 0, 1 FROM n WHERE i <= 100",
          "INSERT INTO folders SELECT i, 't' || i, 0, 0, 1, NULL FROM n WHERE i <= 10",
          "INSERT INTO clients SELECT i, 'c' || i, 'c' || i || '@example.com', 0, NULL, NULL, "
          "i % 100 + 1, i % 10 + 1, 0, 0, 1, NULL FROM n",
          "INSERT INTO papers SELECT i, 'p', i, i % 10 + 1, 0, 0, 1 FROM n",
          "INSERT INTO tags SELECT i, 't' || i, 0, 0 FROM n WHERE i <= 20",
          "INSERT INTO client_tags SELECT c.i, t.i FROM n AS c, n AS t WHERE t.i <= 20 AND "
          "(c.i + t.i) % 4 = 0"}) {
      const kit::Result<> done = database_.execute(numbers + sql);
      EXPECT_TRUE(done) << (done ? "" : done.error().describe());
    }
    EXPECT_TRUE(service_->add_routes(router_));
  }

  /// How many statements a GET takes.
  std::int64_t cost(const std::string& path, const std::string& query) {
    std::vector<std::string_view> parameters;
    std::string scratch;
    const auto match = router_.match(kit::http::Method::get, path, parameters, scratch);
    EXPECT_NE(match.route, nullptr) << path;
    kit::http::Request request;
    request.path = path;
    request.query = query;
    request.path_parameters = parameters;
    counting_.take();
    auto answer = database_.run(match.route->handler(request));
    EXPECT_TRUE(answer) << (answer ? "" : answer.error().describe());
    body_ = answer ? answer->body : "";
    return counting_.take();
  }

  kit::sqlite::TestDatabase database_;
  kit::testing::CountingDatabase counting_;
  std::unique_ptr<kit::app::Service> service_;
  kit::http::Router router_;
  std::string body_;
};

TEST_F(Statements, AnExpansionIsOneWhateverThePagesLength) {
  for (const char* limit : {"limit=1", "limit=50", "limit=200"}) {
    const std::string query = limit;
    EXPECT_EQ(cost("/api/v1/clients", query), 1) << query;
    EXPECT_EQ(cost("/api/v1/clients", query + "&total=true"), 2) << query;
    EXPECT_EQ(cost("/api/v1/clients", query + "&expand=rep"), 2) << query;
    EXPECT_NE(body_.find("\"login\""), std::string::npos);
    EXPECT_EQ(cost("/api/v1/clients", query + "&expand=rep,folder"), 3) << query;
    EXPECT_EQ(cost("/api/v1/papers", query + "&expand=client,folder"), 3) << query;
    EXPECT_EQ(cost("/api/v1/clients/7/papers", query + "&expand=folder"), 3) << query;
  }
  EXPECT_EQ(cost("/api/v1/clients/7", ""), 1);
  EXPECT_EQ(cost("/api/v1/clients/7", "expand=rep,folder"), 3);
}

TEST_F(Statements, SoAreExpansionsOfEveryKindAndDepth) {
  struct Case {
    const char* path;
    const char* expand;
    std::int64_t statements;
  };
  for (const char* limit : {"limit=1", "limit=20", "limit=200"}) {
    for (const Case& each :
         {Case{"/api/v1/people", "clients", 2}, Case{"/api/v1/clients", "tags", 2},
          Case{"/api/v1/clients", "papers,tags,rep,folder", 5},
          Case{"/api/v1/folders", "papers.client.rep", 4},
          Case{"/api/v1/people", "clients.papers,clients.tags,boss", 5},
          Case{"/api/v1/people/7/clients", "papers.folder,tags", 5}}) {
      const std::string query = std::string(limit) + "&expand=" + each.expand;
      EXPECT_EQ(cost(each.path, query), each.statements) << each.path << "?" << query;
    }
  }
  EXPECT_EQ(cost("/api/v1/people/7", "expand=clients.papers,clients.tags"), 4);
  EXPECT_EQ(cost("/api/v1/people", "login=l99&expand=clients"), 2);
  EXPECT_EQ(cost("/api/v1/people", "login=nobody&expand=clients"), 1) << "no rows, no statement";
}

TEST_F(Statements, RowRulesOfATargetArePartOfItsStatement) {
  const kit::Caller caller{.subject = "l8", .roles = {"clerk"}};
  kit::Context context;
  context.set_caller(&caller);
  const kit::Context::Entry entry(&context);
  const auto count = [&](std::string_view text) {
    std::int64_t found = 0;
    for (std::size_t at = body_.find(text); at != body_.npos; at = body_.find(text, at + 1))
      ++found;
    return found;
  };
  EXPECT_EQ(cost("/api/v1/folders", "limit=200&expand=clients"), 2);
  EXPECT_EQ(count("\"email\""), 3) << "of 300: those of person 8";
  EXPECT_EQ(count("\"rep_id\":8"), 3) << body_;
  EXPECT_EQ(cost("/api/v1/papers", "limit=200&expand=client.tags"), 3);
  EXPECT_EQ(count("\"email\""), 2) << "of the first 200";
  EXPECT_EQ(cost("/api/v1/people", "limit=200&expand=clients.papers"), 3);
  EXPECT_EQ(count("\"email\""), 3);
}

TEST_F(Statements, RowRulesAreConditionsAndNoStatementsOfTheirOwn) {
  const kit::Caller caller{.subject = "l8", .roles = {"clerk"}};
  kit::Context context;
  context.set_caller(&caller);
  const kit::Context::Entry entry(&context);
  EXPECT_EQ(cost("/api/v1/clients", "limit=200&total=true"), 2);
  EXPECT_NE(body_.find("\"total\":3"), std::string::npos) << body_;
  EXPECT_EQ(cost("/api/v1/clients/7", ""), 1);
  EXPECT_EQ(cost("/api/v1/papers", "limit=200&expand=client"), 2);
}

}  // namespace
