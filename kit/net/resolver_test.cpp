// SPDX-License-Identifier: Apache-2.0
#include "kit/net/resolver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <thread>
#include <utility>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/live.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::net {
namespace {

using namespace std::chrono_literals;

/// A name server of the test: answers after `delay`, and counts.
struct NameServer {
  int asked = 0;
  Clock::duration delay = 100ms;
  bool knows = true;
  std::size_t addresses = 2;

  static Task<Addresses> answer(NameServer& self, std::string host) {
    ++self.asked;
    Sleep sleep(self.delay);
    co_await sleep;
    if (!self.knows) {
      co_return Error(Code::unavailable, "cannot find " + host).with_reason("HOST_NOT_FOUND");
    }
    Addresses found{*IpAddress::parse("2001:db8::1"), *IpAddress::parse("192.0.2.1")};
    while (found.size() < self.addresses) found.push_back(found.back());
    co_return found;
  }
  Lookup lookup() {
    return [this](std::string host) { return answer(*this, std::move(host)); };
  }
};

struct ResolverTest : ::testing::Test {
  kit::testing::VirtualLoop loop;
  NameServer server;
  Result<Addresses> resolve(Resolver& resolver, std::string host) {
    return run(loop, resolver.resolve(std::move(host)));
  }
};

TEST_F(ResolverTest, RemembersWhatItFound) {
  Resolver resolver({}, server.lookup());
  const auto found = resolve(resolver, "db.example");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->front().text(), "2001:db8::1");
  EXPECT_TRUE(resolve(resolver, "DB.example").ok());
  EXPECT_EQ(server.asked, 1);
  loop.advance(30s - 1ms);
  EXPECT_TRUE(resolve(resolver, "db.example").ok());
  EXPECT_EQ(server.asked, 1);
  loop.advance(1ms);
  EXPECT_TRUE(resolve(resolver, "db.example").ok());
  EXPECT_EQ(server.asked, 2);
}

TEST_F(ResolverTest, KeepsSoManyAddressesOfAName) {
  Resolver resolver({}, server.lookup());
  server.addresses = 32;
  EXPECT_EQ(resolve(resolver, "most.example")->size(), 32U);
  server.addresses = 33;
  EXPECT_EQ(resolve(resolver, "more.example")->size(), 32U);
  EXPECT_EQ(resolve(resolver, "more.example")->size(), 32U);
}

TEST_F(ResolverTest, RemembersForALittleThatThereIsNothing) {
  server.knows = false;
  Resolver resolver({}, server.lookup());
  EXPECT_EQ(resolve(resolver, "db.example").error().reason(), "HOST_NOT_FOUND");
  server.knows = true;
  loop.advance(5s - 1ms);
  EXPECT_FALSE(resolve(resolver, "db.example").ok());
  EXPECT_EQ(server.asked, 1);
  loop.advance(1ms);
  EXPECT_TRUE(resolve(resolver, "db.example").ok());
}

TEST_F(ResolverTest, NumbersAreNotLookedUp) {
  Resolver resolver({}, server.lookup());
  EXPECT_EQ(resolve(resolver, "192.0.2.7")->front().text(), "192.0.2.7");
  EXPECT_EQ(resolve(resolver, "::1")->front().text(), "::1");
  EXPECT_EQ(server.asked, 0);
}

TEST_F(ResolverTest, WhatIsNoNameIsNotLookedUp) {
  Resolver resolver({}, server.lookup());
  const std::string label(63, 'a');
  const std::string longest = label + '.' + label + '.' + label + '.' + std::string(61, 'a');
  for (const std::string& bad :
       {std::string(), std::string("a b"), std::string("a..b"), std::string(".a"), std::string("."),
        std::string("[::1]"), std::string("a\0b", 3), std::string("\xc3\xa4"), 'a' + label,
        longest + 'a'}) {
    EXPECT_EQ(resolve(resolver, bad).error().reason(), "HOST_NOT_FOUND") << bad;
  }
  EXPECT_EQ(server.asked, 0);
  EXPECT_TRUE(resolve(resolver, label).ok());
  EXPECT_TRUE(resolve(resolver, longest).ok());
  EXPECT_TRUE(resolve(resolver, "a_b-c.example.").ok());
}

Task<> ask(Resolver& resolver, std::string host, int& answered) {
  Addresses found = co_await resolver.resolve(std::move(host));
  answered += static_cast<int>(found.size()) / 2;
}

Task<> ask_side_by_side(Resolver& resolver, int& answered) {
  TaskGroup group("lookups");
  for (int i = 0; i < 10; ++i) group.spawn(ask(resolver, "db.example", answered));
  co_await group.join();
}

TEST_F(ResolverTest, QuestionsAtOnceShareOneLookup) {
  Resolver resolver({}, server.lookup());
  int answered = 0;
  EXPECT_TRUE(run(loop, ask_side_by_side(resolver, answered)).ok());
  EXPECT_EQ(answered, 10);
  EXPECT_EQ(server.asked, 1);
}

Task<> one_gives_up(Resolver& resolver, int& answered) {
  Task<> hasty = with_deadline(10ms, ask(resolver, "db.example", answered));
  const Result<> late = co_await as_result(std::move(hasty));
  EXPECT_EQ(late.error().code(), Code::deadline_exceeded);
  co_await ask(resolver, "db.example", answered);
}

TEST_F(ResolverTest, ALookupOutlivesTheOneWhoBeganIt) {
  Resolver resolver({}, server.lookup());
  int answered = 0;
  EXPECT_TRUE(run(loop, one_gives_up(resolver, answered)).ok());
  EXPECT_EQ(answered, 1);
  EXPECT_EQ(server.asked, 1);
}

TEST_F(ResolverTest, NamesAreBounded) {
  Resolver resolver({.most_names = 3}, server.lookup());
  for (const char* host : {"a", "b", "c", "d", "e"}) {
    EXPECT_TRUE(resolve(resolver, host).ok());
    EXPECT_LE(resolver.size(), 3U);
  }
  EXPECT_EQ(server.asked, 5);
  EXPECT_TRUE(resolve(resolver, "e").ok());
  EXPECT_EQ(server.asked, 5);
  EXPECT_TRUE(resolve(resolver, "a").ok());  // the oldest was forgotten
  EXPECT_EQ(server.asked, 6);
}

Task<> too_many_at_once(Resolver& resolver) {
  TaskGroup group("lookups");
  int answered = 0;
  group.spawn(ask(resolver, "a", answered));
  group.spawn(ask(resolver, "b", answered));
  Task<Addresses> third = resolver.resolve("c");
  const Result<Addresses> refused = co_await as_result(std::move(third));
  EXPECT_EQ(refused.error().code(), Code::resource_exhausted);
  co_await group.join();
  EXPECT_EQ(answered, 2);
}

TEST_F(ResolverTest, LookupsAtWorkAreBounded) {
  Resolver resolver({.most_names = 2}, server.lookup());
  EXPECT_TRUE(run(loop, too_many_at_once(resolver)).ok());
}

TEST(SystemLookup, FindsThisMachineAndNotWhatCannotBe) {
  const auto loop = std::move(*make_epoll_loop());
  Lookup lookup = system_lookup();
  const auto found = run(*loop, lookup("localhost"));
  ASSERT_TRUE(found.ok()) << found.error().message();
  EXPECT_THAT((Addresses{*IpAddress::parse("127.0.0.1"), *IpAddress::parse("::1")}),
              ::testing::Contains(found->front()));
  // RFC 6761: never there. Without a name server the lookup itself fails.
  const auto missing = run(*loop, lookup("nobody.invalid"));
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().reason(), ::testing::AnyOf("HOST_NOT_FOUND", "LOOKUP_FAILED"));
}

std::int64_t lookups_under_way() {
  for (const LiveCount& count : live_counts()) {
    if (count.name == "blocking_jobs" && count.of == "lookup") return count.live;
  }
  return 0;
}

TEST(SystemLookup, MayBeGivenUp) {
  const auto loop = std::move(*make_epoll_loop());
  for (int i = 0; i < 20; ++i) {
    Lookup lookup = system_lookup();
    // The answer, if it comes at all, finds nobody.
    const auto late = run(*loop, with_deadline(0s, lookup("localhost")));
    EXPECT_EQ(late.error().code(), Code::deadline_exceeded);
  }
  while (lookups_under_way() > 0) std::this_thread::yield();
}

}  // namespace
}  // namespace kit::net
