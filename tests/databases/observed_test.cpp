// SPDX-License-Identifier: Apache-2.0
// Statements are counted by fingerprint, and no value is told.
#include "kit/db/observed_database.hpp"
#include "kit/log/capture.hpp"
#include "kit/telemetry/tracer.hpp"
#include "suite.hpp"

namespace kit::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Fingerprint, HoldsNoValue) {
  const auto print =
      db::fingerprint("select a,  \"b\" FROM t -- note\n WHERE c = 'hush' AND d IN (?1, ?12, 42)");
  EXPECT_EQ(print.operation, "SELECT");
  EXPECT_EQ(print.summary, "select a , \"b\" FROM t WHERE c = ? AND d IN ( ? , ? , ? )");
  EXPECT_EQ(print.target, "t");
  EXPECT_EQ(print.id.size(), 16u);
  EXPECT_EQ(db::fingerprint("SELECT  ?2").id, db::fingerprint("SELECT 'x'").id);
  EXPECT_NE(db::fingerprint("SELECT a").id, db::fingerprint("SELECT b").id);
  EXPECT_EQ(db::fingerprint("SELECT 'open").summary, "");
  EXPECT_LE(db::fingerprint("SELECT " + std::string(2'000, 'x')).summary.size(), 500u);
}

TEST(Fingerprint, NamesTheFirstTable) {
  EXPECT_EQ(db::fingerprint("INSERT INTO \"Track\" (a) VALUES (?1)").target, "track");
  EXPECT_EQ(db::fingerprint("UPDATE track SET a = (SELECT b FROM c)").target, "track");
  EXPECT_EQ(db::fingerprint("DELETE FROM track").target, "track");
  EXPECT_EQ(db::fingerprint("SELECT a FROM (SELECT b FROM c)").target, "c");
  EXPECT_EQ(db::fingerprint("SELECT 1").target, "");
}

class ObservedTest : public DatabaseTest {};

Task<> insert_inside(db::Database& database, std::string_view label) {
  auto transaction = co_await database.begin();
  auto nested = co_await transaction->begin_nested();
  Parameters one{label};
  co_await change(*nested, "INSERT INTO t (label) VALUES (?1)", one);
  co_await nested->commit();
  co_await transaction->commit();
}

TEST_F(ObservedTest, StatementsAreCountedAndSlowOnesLogged) {
  set_up("CREATE TABLE t (label " + backend().text(20) + ")" + backend().table_end());
  telemetry::Registry registry;
  db::ObservedDatabaseOptions options;
  options.slow_statement = std::chrono::milliseconds(200);
  db::ObservedDatabase observed(database(), registry, options);
  log::Capture capture;
  ASSERT_TRUE(run(insert_inside(observed, "hush")).ok());
  ASSERT_TRUE(run(insert_inside(observed, "hush")).ok());
  EXPECT_FALSE(run(change(observed, "SELECT missing")).ok());
  EXPECT_FALSE(
      run(with_deadline(std::chrono::milliseconds(400), text(observed, backend().slow_query(20))))
          .ok());
  std::string metrics;
  registry.write_text(metrics);
  EXPECT_THAT(metrics, HasSubstr("operation=\"INSERT\",fingerprint=\"" +
                                 db::fingerprint("INSERT INTO t (label) VALUES (?1)").id +
                                 "\",outcome=\"ok\"} 2"));
  EXPECT_THAT(metrics, HasSubstr("outcome=\"INTERNAL\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("outcome=\"DEADLINE_EXCEEDED\"} 1"));
  const std::string name = "db_statement_duration_seconds";
  EXPECT_THAT(metrics, HasSubstr(name + "_count{operation=\"insert\"} 2"));
  EXPECT_THAT(metrics, HasSubstr(name + "_bucket{operation=\"insert\",le=\"+Inf\"} 2"));
  // The slow one was given up after 400 ms; SQLite's begins with WITH.
  const bool is_with = backend().slow_query(20).starts_with("WITH");
  const std::string slow = name + "_bucket{operation=\"" + (is_with ? "other" : "select");
  const std::string shorter = is_with ? "0" : "1";
  EXPECT_THAT(metrics, HasSubstr(slow + "\",le=\"0.262144\"} " + shorter + "\n"));
  EXPECT_THAT(metrics, HasSubstr(slow + "\",le=\"+Inf\"} " + (is_with ? "1" : "2") + "\n"));
  EXPECT_THAT(metrics, Not(HasSubstr("hush")));
  EXPECT_TRUE(capture.contains("slow statement"));
  EXPECT_FALSE(capture.contains("hush"));
}

Task<> traced(const LogContext* log, db::Database* database) {
  Context context;
  context.set_log_context(log);
  Context::Scope scope(context);
  co_await insert_inside(*database, "hush");
  Task<db::Session::Changed> failing = database->execute("SELECT missing FROM nowhere", {});
  const auto failed = co_await as_result(std::move(failing));
  EXPECT_FALSE(failed.ok());
  scope.leave();
}

TEST_F(ObservedTest, StatementsOfSampledWorkAreSpans) {
  set_up("CREATE TABLE t (label " + backend().text(20) + ")" + backend().table_end());
  telemetry::TracerOptions tracing;
  tracing.sampling.ratio = 1;
  const auto tracer = *telemetry::Tracer::make(std::move(tracing));
  LogContext log;
  tracer->identify(log, {});
  tracer->decide(log, "/", {});
  telemetry::Registry registry;
  db::ObservedDatabase observed(database(), registry);
  ASSERT_TRUE(run(traced(&log, &observed)).ok());
  tracer->processor().collect();
  const auto kept = tracer->processor().table().find(telemetry::view(log.trace_id));
  ASSERT_TRUE(kept);
  std::vector<std::string> names;
  for (const telemetry::SpanRecord& span : kept->spans) {
    names.push_back(span.name);
    EXPECT_EQ(span.kind, telemetry::SpanKind::client);
    EXPECT_EQ(span.parent_id, log.span_id);
    EXPECT_EQ(span.value_of("db.system.name"), db::name(database().dialect()));
    EXPECT_EQ(span.text.find("hush"), std::string::npos);
    EXPECT_EQ(span.status == telemetry::SpanStatus::error, span.name == "SELECT nowhere");
    if (span.name != "INSERT t") continue;
    EXPECT_EQ(span.value_of("db.operation.name"), "INSERT");
    EXPECT_EQ(span.value_of("db.collection.name"), "t");
    EXPECT_EQ(span.value_of("db.query.summary"), "INSERT t");
    EXPECT_EQ(span.value_of("db.query.text"), "INSERT INTO t ( label ) VALUES ( ? )");
  }
  EXPECT_EQ(names, (std::vector<std::string>{"BEGIN", "BEGIN", "INSERT t", "COMMIT", "COMMIT",
                                             "SELECT nowhere"}));
}

}  // namespace
}  // namespace kit::tests
