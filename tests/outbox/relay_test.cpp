// SPDX-License-Identifier: Apache-2.0
// What a relay promises: each event to each destination, each key in its order, whatever fails.
#include "kit/async/first_of.hpp"
#include "kit/db/joint_work.hpp"
#include "kit/telemetry/tracer.hpp"
#include "outbox_suite.hpp"

namespace kit::tests {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using RelayTest = OutboxTest;

TEST_F(RelayTest, EachSubscriberGetsEachEventOnceAndInOrder) {
  emit_all({"a1", "b1", "a2", "a3"}, {"one", "two"});
  outbox::Relay relay(database(), subscribers({"one", "two"}), nullptr, options_);
  settle_all(relay);
  for (const char* name : {"one", "two"}) {
    const std::string got = effects(name);
    EXPECT_EQ(got.size(), 11U) << got;
    EXPECT_LT(got.find("a1"), got.find("a2"));
    EXPECT_LT(got.find("a2"), got.find("a3"));
    EXPECT_THAT(got, HasSubstr("b1"));
  }
  EXPECT_EQ(states("one"), "1,1,1,1");
  settle_all(relay);
  EXPECT_EQ(effects("one").size(), 11U);
}

Task<> emit_under(const LogContext* log, Task<> emitting) {
  Context context;
  context.set_log_context(log);
  Context::Scope scope(context);
  co_await std::move(emitting);
}

TEST_F(RelayTest, ADeliveryIsPartOfTheTraceThatToldOfIt) {
  telemetry::TracerOptions tracing;
  tracing.sampling.ratio = 1;
  const auto tracer = *telemetry::Tracer::make(std::move(tracing));
  LogContext work;
  tracer->identify(work, {});
  tracer->decide(work, "/", {});
  std::vector<std::string_view> to{"one"};
  ASSERT_TRUE(run(emit_under(&work, emit(database(), "a1", to))).ok());
  options_.tracer = tracer.get();
  failing_["a1"] = 1;
  outbox::Relay relay(database(), subscribers({"one"}), nullptr, options_);
  settle_all(relay);
  EXPECT_EQ(effects("one"), "a1");
  tracer->processor().collect();
  const auto kept = tracer->processor().table().find(telemetry::view(work.trace_id));
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->spans.size(), 2U);  // of the try that failed, and of the one that did not
  for (const telemetry::SpanRecord& span : kept->spans) {
    EXPECT_EQ(span.name, "process Happened");
    EXPECT_EQ(span.parent_id, work.span_id);
    EXPECT_EQ(span.value_of("messaging.consumer.group.name"), "one");
  }
  EXPECT_EQ(kept->spans[0].status, telemetry::SpanStatus::error);
  EXPECT_EQ(kept->spans[1].status, telemetry::SpanStatus::unset);
}

TEST_F(RelayTest, OneThatIsNotOursWaitsForWhoeverHasIt) {
  emit_all({"a1"}, {"one", "other"});
  outbox::Relay relay(database(), subscribers({"one"}), nullptr, options_);
  settle_all(relay);
  EXPECT_EQ(effects(), "a1");
  EXPECT_EQ(states("other"), "0");
}

TEST_F(RelayTest, WhatFailsIsTriedAgainAndNothingOvertakesIt) {
  emit_all({"a1", "a2", "b1"});
  failing_["a1"] = 2;
  outbox::Relay relay(database(), subscribers({"one"}), nullptr, options_);
  settle_all(relay);
  const std::string got = effects();
  EXPECT_EQ(got.size(), 8U) << got;
  EXPECT_LT(got.find("a1"), got.find("a2"));
  EXPECT_EQ(read("SELECT attempts FROM kit_outbox WHERE destination = 'one' ORDER BY id"), "2,0,0");
}

TEST_F(RelayTest, ADeadLetterHoldsUpItsKeyAloneUntilItIsRetried) {
  emit_all({"a1", "a2", "b1", "a3"}, {"one", "two"});
  failing_["a1"] = 1'000;
  failure_ = Code::invalid_argument;
  outbox::Relay relay(database(), subscribers({"one"}), nullptr, options_);
  settle_all(relay);
  EXPECT_EQ(effects(), "b1");
  EXPECT_EQ(states(), "2,0,1,0");
  const auto letters = run(outbox::dead_letters(database()));
  ASSERT_TRUE(letters.ok());
  ASSERT_EQ(letters->size(), 1U);
  EXPECT_EQ(letters->front().event.payload, "a1");
  EXPECT_EQ(letters->front().event.attempts, 3);
  EXPECT_EQ(letters->front().waiting, 2);
  EXPECT_THAT(letters->front().problem, HasSubstr("no a1"));
  EXPECT_THAT(outbox::to_json(*letters), HasSubstr("\"waiting_behind\":2"));
  const auto backlog = run(relay.measure());
  EXPECT_TRUE(backlog->alarmed);
  EXPECT_EQ(backlog->dead, 1);
  failing_.clear();
  const std::int64_t number = letters->front().event.sequence;
  EXPECT_EQ(*run(outbox::retry_dead_letters(database(), number)), 1);
  EXPECT_EQ(run(outbox::retry_dead_letters(database(), number)).error().code(), Code::not_found);
  settle_all(relay);
  EXPECT_EQ(effects(), "b1,a1,a2,a3");
  EXPECT_FALSE(run(relay.measure())->dead > 0);
}

TEST_F(RelayTest, ADroppedDeadLetterLetsTheOthersGoOn) {
  emit_all({"a1", "a2"});
  failing_["a1"] = 1'000;
  outbox::Relay relay(database(), subscribers({"one"}), nullptr, options_);
  settle_all(relay);
  const auto letters = run(outbox::dead_letters(database()));
  ASSERT_EQ(letters->size(), 1U);
  ASSERT_TRUE(run(outbox::drop_dead_letter(database(), letters->front().event.sequence)).ok());
  EXPECT_EQ(run(outbox::drop_dead_letter(database(), 12'345)).error().code(), Code::not_found);
  settle_all(relay);
  EXPECT_EQ(effects(), "a2");
  EXPECT_EQ(states(), "3,1");
}

TEST_F(RelayTest, WhenToldSoOthersPassADeadLetter) {
  emit_all({"a1", "a2"});
  failing_["a1"] = 1'000;
  options_.after_death = outbox::AfterDeath::pass;
  outbox::Relay relay(database(), subscribers({"one"}), nullptr, options_);
  settle_all(relay);
  EXPECT_EQ(effects(), "a2");
  failing_.clear();
  EXPECT_EQ(*run(outbox::retry_dead_letters(database(), std::nullopt)), 1);
  settle_all(relay);
  EXPECT_EQ(effects(), "a2,a1");
}

TEST_F(RelayTest, WhatIsUnavailableNeverMakesADeadLetter) {
  emit_all({"a1"});
  failing_["a1"] = 8;
  failure_ = Code::unavailable;
  outbox::Relay relay(database(), subscribers({"one"}), nullptr, options_);
  settle_all(relay, 40);
  EXPECT_EQ(effects(), "a1");
  EXPECT_EQ(states(), "1");
}

TEST_F(RelayTest, AHandlerThatTakesTooLongIsAFailure) {
  emit_all({"a1"});
  options_.timeout = 5ms;
  options_.max_attempts = 1;
  outbox::Handler wait = [](const outbox::Event&, db::Transaction&) -> Task<> {
    co_await sleep_for(10s);
  };
  std::vector<outbox::Subscriber> slow;
  slow.push_back({"one", std::move(wait)});
  outbox::Relay relay(database(), std::move(slow), nullptr, options_);
  settle_all(relay);
  EXPECT_EQ(states(), "2");
}

TEST_F(RelayTest, OutsideGetsEventsInTheOrderOfTheirKeys) {
  emit_all({"a1", "b1", "a2", "b2"}, {});
  Broker broker;
  options_.topic_prefix = "shop";
  outbox::Relay relay(database(), {}, &broker, options_);
  settle_all(relay);
  EXPECT_EQ(broker.payloads(), "a1 b1 a2 b2");
  EXPECT_EQ(broker.calls, 1);
  const queue::Message& first = broker.published.front();
  EXPECT_EQ(first.topic, "shop.Thing");
  EXPECT_EQ(first.key, "a");
  EXPECT_EQ(first.type, "Happened");
  EXPECT_EQ(first.id.size(), 36U);
  EXPECT_EQ(states(""), "1,1,1,1");
}

TEST_F(RelayTest, ABrokerThatIsDownCostsNoEventATry) {
  emit_all({"a1", "b1"}, {});
  Broker broker;
  broker.down = true;
  outbox::Relay relay(database(), {}, &broker, options_);
  settle_all(relay);
  EXPECT_GT(broker.calls, 1);
  EXPECT_EQ(states(""), "0,0");
  broker.down = false;
  settle_all(relay);
  EXPECT_EQ(broker.payloads(), "a1 b1");
  EXPECT_EQ(read("SELECT max(attempts) FROM kit_outbox"), "0");
}

TEST_F(RelayTest, OneThatTheBrokerRefusesHoldsUpItsKeyAlone) {
  emit_all({"a1", "b1", "a2", "b2", "b3"}, {});
  Broker broker;
  broker.poison = "b1";
  outbox::Relay relay(database(), {}, &broker, options_);
  settle_all(relay);
  EXPECT_EQ(broker.payloads(), "a1 a2");
  EXPECT_EQ(states(""), "1,2,1,0,0");
  broker.poison = "";
  EXPECT_EQ(*run(outbox::retry_dead_letters(database(), std::nullopt)), 1);
  settle_all(relay);
  EXPECT_EQ(broker.payloads(), "a1 a2 b1 b2 b3");
}

TEST_F(RelayTest, WithNobodyOutsideEventsCountAsDelivered) {
  emit_all({"a1", "b1"}, {});
  outbox::Relay relay(database(), {}, nullptr, options_);
  settle_all(relay);
  EXPECT_EQ(states(""), "1,1");
}

TEST_F(RelayTest, AClaimOfOneThatDiedIsTakenOverAfterTheLease) {
  emit_all({"a1", "a2"});
  set_up("UPDATE kit_outbox SET lease = 'gone#1' WHERE destination = 'one'");
  const std::int64_t soon = (Timestamp::now().since_epoch + 300ms).count();
  ASSERT_TRUE(
      run(change(database(), "UPDATE kit_outbox SET lease_until = ?1 WHERE state = 0", {soon}))
          .ok());
  outbox::Relay relay(database(), subscribers({"one"}), nullptr, options_);
  settle_all(relay);
  EXPECT_EQ(effects(), "");
  ASSERT_TRUE(run([]() -> Task<> { co_await sleep_for(350ms); }()).ok());
  settle_all(relay);
  EXPECT_EQ(effects(), "a1,a2");
}

TEST_F(RelayTest, ManyEventsOfManyKeysGoThroughInBatches) {
  options_.batch = 7;
  std::string expected;
  for (int i = 0; i < 30; ++i) {
    const std::string payload = std::string(1, static_cast<char>('a' + i % 4)) + std::to_string(i);
    emit_all({payload.c_str()});
  }
  outbox::Relay relay(database(), subscribers({"one"}), nullptr, options_);
  settle_all(relay);
  for (const char key : {'a', 'b', 'c', 'd'}) {
    const std::string of_key = read("SELECT payload FROM effects WHERE payload LIKE '" +
                                    std::string(1, key) + "%' ORDER BY id");
    const std::string as_emitted = read(
        "SELECT payload FROM kit_outbox WHERE destination = 'one' "
        "AND aggregate_id = '" +
        std::string(1, key) + "' ORDER BY id");
    EXPECT_EQ(of_key, as_emitted);
  }
  EXPECT_EQ(read("SELECT count(*) FROM effects"), "30");
}

TEST_F(RelayTest, OldOnesAreRemovedInBatches) {
  emit_all({"a1", "a2", "a3"});
  outbox::Relay relay(database(), subscribers({"one"}), nullptr, options_);
  emit_all({"b1"}, {"other"});
  settle_all(relay);
  EXPECT_EQ(*run(relay.remove_expired()), 0);
  options_.keep = 0s;
  outbox::Relay cleaner(database(), subscribers({"one"}), nullptr, options_);
  EXPECT_EQ(*run(cleaner.remove_expired()), 7);
  EXPECT_EQ(read("SELECT destination FROM kit_outbox"), "other");
}

TEST_F(RelayTest, LimitsHoldAtAndPastThem) {
  const auto add_with = [this](std::size_t payload, std::size_t key, std::size_t name) {
    return run([](db::Database& all, std::string text, std::string of, std::string type) -> Task<> {
      outbox::NewEvent event;
      event.type = type;
      event.aggregate = "Thing";
      event.key = of;
      event.payload = text;
      co_await outbox::add(all, event);
    }(database(), std::string(payload, 'x'), std::string(key, 'k'), std::string(name, 'n')));
  };
  EXPECT_TRUE(add_with(outbox::max_payload_bytes, 255, 63).ok());
  EXPECT_EQ(add_with(outbox::max_payload_bytes + 1, 255, 63).error().reason(), "EVENT_TOO_LARGE");
  EXPECT_EQ(add_with(1, 256, 63).error().reason(), "EVENT_TOO_LARGE");
  EXPECT_EQ(add_with(1, 1, 64).error().reason(), "EVENT_NAME");
  EXPECT_EQ(add_with(1, 1, 0).error().reason(), "EVENT_NAME");
}

TEST_F(RelayTest, MetricsCountByDestination) {
  emit_all({"a1", "b1"});
  failing_["b1"] = 1;
  outbox::Relay relay(database(), subscribers({"one"}), nullptr, options_);
  settle_all(relay);
  telemetry::Registry registry;
  relay.add_metrics(registry);
  std::string text;
  registry.write_text(text);
  EXPECT_THAT(text, HasSubstr("outbox_delivered_total{destination=\"one\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("outbox_failures_total{destination=\"one\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("outbox_alarm 0\n"));
}

}  // namespace
}  // namespace kit::tests
