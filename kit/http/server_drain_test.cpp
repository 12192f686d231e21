// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "kit/async/run.hpp"
#include "kit/http/server_test_support.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view get_root = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

std::string get(std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

class DrainTest : public ServerTest {
 protected:
  ~DrainTest() override { draining_.reset(); }
  /// Begins to drain; goes on as the loop runs.
  void begin_drain(Clock::duration limit = 30s) {
    begun_ = loop.now();
    loop.post([this, limit] {
      draining_.emplace(server->drain(limit));
      if (draining_->start([](void* self) { static_cast<DrainTest*>(self)->end(); }, this)) end();
    });
    run();
  }
  /// How long the drain took; nothing while it goes on.
  std::optional<Clock::duration> took;

 private:
  void end() { took = loop.now() - begun_; }
  Clock::time_point begun_{};
  std::optional<Task<>> draining_;
};

TEST_F(DrainTest, DrainsAfterTheAnswersUnderWay) {
  auto idle = connect();
  idle->send(get_root);
  auto busy = connect();
  busy->send(get("/slow"));
  run();
  idle->take();
  const auto before = loop.now();
  ASSERT_TRUE(kit::run(loop, server->drain(30s)).ok());
  EXPECT_EQ(loop.now() - before, 1s);
  EXPECT_EQ(server->connections(), 0U);
  run();
  EXPECT_TRUE(idle->closed());
  EXPECT_EQ(idle->take(), "");
  EXPECT_TRUE(has(busy->received(), "Connection: close\r\n"));
  EXPECT_TRUE(busy->received().ends_with("slow /slow  a"));
}

TEST_F(DrainTest, DrainHasALimit) {
  options.limits.handler_timeout = 50s;
  auto busy = connect();
  busy->send(get("/stuck"));
  run();
  const auto before = loop.now();
  ASSERT_TRUE(kit::run(loop, server->drain(2s)).ok());
  EXPECT_EQ(loop.now() - before, 2s);
  EXPECT_EQ(server->connections(), 0U);
  run();
  EXPECT_EQ(cancelled_with, "CANCELLED");
  auto late = connect();
  EXPECT_TRUE(late->received().starts_with("HTTP/1.1 503"));
}

TEST_F(DrainTest, EndsAtOnceWhenNothingIsOpen) {
  serve();
  begin_drain();
  EXPECT_EQ(took, 0s);
}

TEST_F(DrainTest, AFreshConnectionHasASecondForItsRequest) {
  auto fresh = connect();
  auto late = connect();
  begin_drain();
  loop.advance(999ms);
  EXPECT_FALSE(fresh->closed());
  fresh->send(get_root);
  run();
  EXPECT_TRUE(fresh->received().starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(has(fresh->received(), "Connection: close\r\n"));
  EXPECT_TRUE(fresh->closed());
  EXPECT_FALSE(took);
  loop.advance(1ms);
  EXPECT_TRUE(late->closed());
  EXPECT_EQ(late->received(), "");
  EXPECT_EQ(took, 1s);
}

TEST_F(DrainTest, AnIdleConnectionHasHalfASecond) {
  auto used = connect();
  auto idle = connect();
  for (auto* client : {used.get(), idle.get()}) client->send(get_root);
  run();
  for (auto* client : {used.get(), idle.get()}) client->take();
  begin_drain();
  loop.advance(499ms);
  EXPECT_FALSE(idle->closed());
  used->send(get("/slow"));
  loop.advance(1ms);
  EXPECT_TRUE(idle->closed());
  EXPECT_EQ(idle->take(), "");
  loop.advance(1s);
  EXPECT_TRUE(has(used->take(), "Connection: close\r\n"));
  EXPECT_TRUE(used->closed());
  EXPECT_EQ(took, 1499ms);
}

TEST_F(DrainTest, ServesWhatComesInTheLastMoment) {
  auto client = connect();
  // In the turn that ends the grace, after its reports of readiness.
  Timer sending([](void* to) { static_cast<testing::MemoryClient*>(to)->send(get_root); },
                client.get());
  loop.start(sending, loop.now() + 1s);
  begin_drain();
  loop.advance(1s);
  EXPECT_TRUE(client->received().starts_with("HTTP/1.1 200")) << client->received();
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(DrainTest, NoGraceIsLongerThanTheLimits) {
  options.limits.header_timeout = 300ms;
  auto short_timeout = connect();
  begin_drain();
  loop.advance(300ms);
  EXPECT_TRUE(short_timeout->closed());
  EXPECT_EQ(took, 300ms);
}

TEST_F(DrainTest, NoGraceIsLongerThanTheDrain) {
  auto fresh = connect();
  begin_drain(100ms);
  loop.advance(99ms);
  EXPECT_FALSE(fresh->closed());
  loop.advance(1ms);
  EXPECT_TRUE(fresh->closed());
  EXPECT_EQ(took, 100ms);
}

TEST_F(DrainTest, CountsNoLimitsThatNobodyHit) {
  auto table = std::make_shared<ConnectionTable>(options.limits);
  options.connections = table;
  auto fresh = connect();
  begin_drain();
  loop.advance(1s);
  EXPECT_TRUE(fresh->closed());
  EXPECT_EQ(table->limit_counts().value(Limit::header_timeout), 0U);
}

}  // namespace
}  // namespace kit::http
