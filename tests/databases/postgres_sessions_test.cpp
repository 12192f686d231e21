// SPDX-License-Identifier: Apache-2.0
// What a session is: verified, read-only on replicas, and nothing of it left to others.
#include "postgres_support.hpp"

namespace kit::tests {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

std::string problem_of(const std::string& dsn) {
  PostgresOptions options;
  options.dsn = dsn;
  const auto opened = postgres::open(options);
  if (opened.ok()) return "";
  EXPECT_THAT(opened.error().describe(), Not(HasSubstr("hush")));
  return opened.error().code() == Code::invalid_argument
             ? opened.error().violations().at(0).description
             : opened.error().describe();
}

TEST_F(PostgresTest, ADsnSaysWhatItMay) {
  const std::string base = "postgresql://kit:hush@127.0.0.1:1/a";
  for (const char* refused :
       {"options=-cfsync%3Doff", "client_encoding=LATIN1", "target_session_attrs=any",
        "replication=1", "passfile=/etc/passwd", "krbsrvname=a", "requirepeer=a",
        "gssencmode=prefer", "sslpassword=a", "sslmode=prefer", "sslmode=allow", "sslmode=what",
        "sslmode=verify-ca", "sslmode=verify-full"}) {
    const std::string key(refused, std::string_view(refused).find('='));
    EXPECT_THAT(problem_of(base + "?" + refused),
                ::testing::AnyOf(HasSubstr("set " + key), HasSubstr("wrong sslmode"),
                                 HasSubstr("sslrootcert=FILE")))
        << refused;
  }
}

TEST_F(PostgresTest, HostsElsewhereHaveToProveWhoTheyAre) {
  for (const char* host : {"db.example.org", "10.0.0.1", "127.0.0.1,db2.example.org"}) {
    EXPECT_THAT(problem_of(std::string("postgresql://kit:hush@") + host + "/a"),
                HasSubstr("sslrootcert"))
        << host;
  }
  EXPECT_THAT(problem_of("postgresql://kit:hush@a,b/x?hostaddr=127.0.0.1"), HasSubstr("as many"));
  EXPECT_THAT(problem_of("postgresql://kit:hush@127.0.0.1:1/a"), HasSubstr("UNAVAILABLE"));
}

TEST_F(PostgresTest, TheServersCertificateIsVerified) {
  const std::string dsn = setting("KIT_TEST_DIRECT_DSN");
  const std::string ca = "&sslrootcert=" + setting("KIT_TEST_CA");
  const auto encrypted = [](const std::string& text) {
    PostgresOptions options;
    options.dsn = text;
    const auto opened = postgres::open(options);
    if (!opened.ok()) return opened.error().describe();
    return read(**opened, "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
  };
  EXPECT_EQ(encrypted(dsn), "null");  // this machine
  EXPECT_EQ(encrypted(dsn + "?sslmode=require"), "TLSv1.3");
  EXPECT_EQ(encrypted(dsn + "?sslmode=verify-full" + ca), "TLSv1.3");
  // The certificate is for 127.0.0.1.
  std::string other_name = dsn;
  other_name.replace(other_name.find("127.0.0.1"), 9, "localhost");
  EXPECT_EQ(encrypted(other_name + "?sslmode=verify-ca" + ca + "&hostaddr=127.0.0.1"), "TLSv1.3");
  EXPECT_THAT(encrypted(other_name + "?sslmode=verify-full" + ca + "&hostaddr=127.0.0.1"),
              HasSubstr("UNAVAILABLE"));
  // An authority that did not sign it, and none.
  EXPECT_THAT(
      encrypted(dsn + "?sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt"),
      HasSubstr("UNAVAILABLE"));
  EXPECT_THAT(encrypted(dsn + "?sslmode=verify-full&sslrootcert=/missing"),
              HasSubstr("UNAVAILABLE"));
}

TEST_F(PostgresTest, NothingIsLeftToTheNextUserOfASharedSession) {
  PostgresOptions pooled = options();
  pooled.prepared = false;
  const auto database = open(pooled);
  for (const char* sql :
       {"SET search_path = x", "set session statement_timeout = 1", "/* a */ RESET ALL", "LISTEN a",
        "UNLISTEN *", "PREPARE a AS SELECT 1", "DEALLOCATE ALL", "DISCARD ALL", "LOAD 'x'",
        "CREATE TEMP TABLE a (b int)", "CREATE TEMPORARY TABLE a (b int)",
        "DECLARE a CURSOR WITH HOLD FOR SELECT 1", "SELECT pg_advisory_lock(1)",
        "SELECT PG_TRY_ADVISORY_LOCK(?1)",
        "WITH a AS (SELECT pg_advisory_lock_shared(1)) TABLE a"}) {
    Parameters one;
    if (std::string_view(sql).find("?1") != std::string_view::npos) one.emplace_back(1);
    const auto refused = run(change(*database, sql, one));
    ASSERT_FALSE(refused.ok()) << sql;
    EXPECT_EQ(refused.error().reason(), "SESSION_STATE") << sql << refused.error().describe();
  }
  auto fine = [](db::Database& where) -> Task<> {
    auto transaction = co_await where.begin();
    co_await change(*transaction, "SET LOCAL search_path = public");
    co_await change(*transaction, "SET CONSTRAINTS ALL DEFERRED");
    co_await change(*transaction, "SELECT pg_advisory_xact_lock(1), 'pg_advisory_lock'");
    co_await change(*transaction, "CREATE TEMP TABLE a (b int) ON COMMIT DROP");
    co_await transaction->commit();
  };
  const auto done = run(fine(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

Task<> control_by_hand(db::Database& database) {
  constexpr std::string_view insert = "INSERT INTO hand VALUES (1)";
  co_await change(database, "DROP TABLE IF EXISTS hand");
  co_await change(database, "CREATE TABLE hand (a bigint)");
  auto transaction = co_await database.begin();
  co_await change(*transaction, std::string(insert));
  db::Session* const sessions[] = {&database, transaction.get()};
  for (db::Session* session : sessions) {
    for (const char* sql : {"BEGIN", "/* a */ begin", "START TRANSACTION", "COMMIT", "END", "ABORT",
                            "ROLLBACK", "rollback and chain", "PREPARE TRANSACTION 'a'"}) {
      const auto refused = co_await as_result(change(*session, sql));
      EXPECT_FALSE(refused.ok()) << sql;
      if (!refused.ok()) EXPECT_EQ(refused.error().reason(), "TRANSACTION_CONTROL") << sql;
    }
  }
  transaction.reset();
  EXPECT_EQ(co_await text(database, "SELECT count(*) FROM hand"), "0");
  co_await change(database, std::string(insert));
}

TEST_F(PostgresTest, NoStatementBeginsOrEndsATransaction) {
  const auto database = open(options());
  const auto done = run(control_by_hand(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  const auto other = open(direct());
  EXPECT_EQ(read(*other, "SELECT count(*) FROM hand"), "1");
}

Task<std::string> refusal(db::Session& session, std::string sql) {
  const auto done = co_await as_result(text(session, std::move(sql)));
  if (done.ok()) co_return std::string("done");
  co_return done.error().code() == Code::failed_precondition ? std::string(done.error().reason())
                                                             : done.error().describe();
}

Task<> only_read(PostgresDatabase& database) {
  db::Session& replica = database.replica();
  co_await change(database, "DROP TABLE IF EXISTS kept");
  co_await change(database, "CREATE TABLE kept (a bigint)");
  for (const char* sql : {"INSERT INTO kept VALUES (1) RETURNING a", "DROP TABLE kept",
                          "WITH x AS (INSERT INTO kept VALUES (1) RETURNING a) SELECT * FROM x"}) {
    const std::string refused = co_await refusal(replica, sql);
    EXPECT_EQ(refused, "READ_ONLY") << sql;
  }
  const std::string taken_back =
      co_await refusal(replica, "SELECT set_config('transaction_read_only', 'off', true)");
  if (database.stats().connections > 0) EXPECT_NE(taken_back, "READ_ONLY");
  Parameters one{std::int64_t{7}};
  EXPECT_EQ(co_await text(replica, "SELECT ?1::bigint + count(*) FROM kept", one), "7");
  // It reaches nobody else.
  for (int i = 0; i < 8; ++i) co_await change(database, "INSERT INTO kept VALUES (1)");
  EXPECT_EQ(co_await text(replica, "SELECT count(*) FROM kept"), "8");
  EXPECT_EQ(
      (co_await as_result(replica.execute("INSERT INTO kept VALUES (2)", {}))).error().reason(),
      "READ_ONLY");
}

TEST_F(PostgresTest, AReplicaOnlyReads) {
  const auto database = open(options());
  const auto done = run(only_read(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

TEST_F(PostgresTest, WhileNoReplicaAnswersThePrimaryIsRead) {
  PostgresOptions elsewhere = options();
  elsewhere.replica_dsn = "postgresql://kit:x@127.0.0.1:1/conformance";  // where nobody listens
  const auto database = open(elsewhere);
  const auto done = run(only_read(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_GE(database->stats().failed_connects, 1u);
}

}  // namespace
}  // namespace kit::tests
