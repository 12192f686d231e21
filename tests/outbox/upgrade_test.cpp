// SPDX-License-Identifier: Apache-2.0
// A project whose outbox had no relay yet: what waits there goes out.
#include "outbox_suite.hpp"

namespace kit::tests {
namespace {

class UpgradeTest : public OutboxTest {
 protected:
  void run_script(std::string_view script) {
    const auto statements = db::split_script(script);
    ASSERT_TRUE(statements.ok());
    for (const db::ScriptStatement& statement : *statements) set_up(std::string(statement.sql));
  }
  std::string_view in_dialect(const kitgen::evolve::SystemSql& sql) {
    switch (database().dialect()) {
      case db::Dialect::sqlite:
        return sql.sqlite;
      case db::Dialect::postgresql:
        return sql.postgres;
      case db::Dialect::mysql:
        break;
    }
    return sql.mysql;
  }
  /// As a program of before does.
  void emit_before(const std::string& payload) {
    const std::int64_t now = Timestamp::now().since_epoch.count();
    const auto done = run(change(
        database(), "INSERT INTO kit_outbox (type, payload, created_at) VALUES ('Was', ?1, ?2)",
        {std::string_view(payload), now}));
    ASSERT_TRUE(done.ok()) << done.error().describe();
  }
};

TEST_F(UpgradeTest, WhatWaitedGoesOutInItsOrderAndTheTableComesBackAsItWas) {
  const auto* const upgrade = kitgen::evolve::change_of_system("kit_outbox", "kit_outbox_v2");
  ASSERT_NE(upgrade, nullptr);
  set_up("DROP TABLE kit_outbox");
  run_script(system_sql("kit_outbox", database().dialect()));
  for (const char* payload : {"1", "2", "3"}) emit_before(payload);
  run_script(in_dialect(upgrade->up));
  emit_before("4");  // it ends later than the migration
  emit_all({"a1"}, {"one"});
  Broker broker;
  outbox::Relay relay(database(), subscribers({"one"}), &broker, options_);
  settle_all(relay);
  EXPECT_EQ(broker.payloads(), "1 2 3 4 a1");
  EXPECT_EQ(broker.published.front().topic, "events");
  EXPECT_EQ(effects(), "a1");
  run_script(in_dialect(upgrade->down));
  emit_before("5");
  EXPECT_EQ(read("SELECT count(*) FROM kit_outbox WHERE published_at IS NOT NULL"), "5");
  EXPECT_EQ(read("SELECT payload FROM kit_outbox WHERE published_at IS NULL"), "5");
}

}  // namespace
}  // namespace kit::tests
