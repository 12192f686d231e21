// SPDX-License-Identifier: Apache-2.0
// Statements are counted by fingerprint, and no value is told.
#include "kit/db/observed_database.hpp"
#include "kit/log/capture.hpp"
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
  EXPECT_EQ(print.id.size(), 16u);
  EXPECT_EQ(db::fingerprint("SELECT  ?2").id, db::fingerprint("SELECT 'x'").id);
  EXPECT_NE(db::fingerprint("SELECT a").id, db::fingerprint("SELECT b").id);
  EXPECT_EQ(db::fingerprint("SELECT 'open").summary, "");
  EXPECT_LE(db::fingerprint("SELECT " + std::string(2'000, 'x')).summary.size(), 500u);
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

}  // namespace
}  // namespace kit::tests
