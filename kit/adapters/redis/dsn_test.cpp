// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/detail/dsn.hpp"

#include <gtest/gtest.h>

#include "kit/adapters/redis/redis.hpp"

namespace kit::redis::detail {
namespace {

Dsn parsed(std::string_view text) {
  auto dsn = parse_dsn(text);
  EXPECT_TRUE(dsn.ok()) << text << ": " << dsn.error().message();
  return dsn.ok() ? std::move(*dsn) : Dsn();
}

std::string problem(std::string_view text) {
  auto dsn = parse_dsn(text);
  return dsn.ok() ? "none" : dsn.error().message();
}

TEST(RedisDsnTest, AServer) {
  const Dsn plain = parsed("redis://localhost");
  EXPECT_EQ(plain.hosts, (std::vector<Address>{{"localhost", 6379}}));
  EXPECT_EQ(plain.shown(), "localhost:6379/0");
  EXPECT_FALSE(plain.tls);
  const Dsn full = parsed("rediss://us%40er:p%3A%40ss@[::1]:7000/3?client-name=kit&protocol=2");
  EXPECT_EQ(full.hosts, (std::vector<Address>{{"::1", 7000}}));
  EXPECT_EQ(full.user, "us@er");
  EXPECT_EQ(full.password.reveal(), "p:@ss");
  EXPECT_EQ(full.database, 3);
  EXPECT_EQ(full.protocol, 2);
  EXPECT_EQ(full.client_name, "kit");
  EXPECT_TRUE(full.tls && full.verify);
  EXPECT_EQ(full.shown(), "[::1]:7000/3");
  EXPECT_EQ(parsed("redis://:pw@h").user, "");
  EXPECT_EQ(parsed("redis://h?db=2").database, 2);
  EXPECT_FALSE(parsed("rediss://h?sslmode=require").verify);
  EXPECT_EQ(parsed("rediss://h?ssl-ca=/ca.pem").ca, "/ca.pem");
}

TEST(RedisDsnTest, ASocketSentinelsAndAClusters) {
  const Dsn socket = parsed("redis+unix://:pw@/run/redis%20x.sock?db=2");
  EXPECT_EQ(socket.hosts.front().host, "unix:/run/redis x.sock");
  EXPECT_EQ(socket.password.reveal(), "pw");
  EXPECT_EQ(socket.shown(), "unix:/run/redis x.sock/2");
  const Dsn sentinel = parsed("redis+sentinel://u:p@a,b:1/store/2?sentinel-password=x");
  EXPECT_EQ(sentinel.layout, Layout::sentinel);
  EXPECT_EQ(sentinel.hosts, (std::vector<Address>{{"a", 26'379}, {"b", 1}}));
  EXPECT_EQ(sentinel.primary, "store");
  EXPECT_EQ(sentinel.database, 2);
  EXPECT_EQ(sentinel.sentinel_password.reveal(), "x");
  EXPECT_EQ(sentinel.shown(), "a:26379,b:1/store/2");
  const Dsn cluster = parsed("rediss+cluster://a:1,b:2");
  EXPECT_EQ(cluster.layout, Layout::cluster);
  EXPECT_TRUE(cluster.tls);
  EXPECT_EQ(cluster.shown(), "a:1,b:2");
}

TEST(RedisDsnTest, WhatCantBeRightIsRefused) {
  for (const std::string_view wrong : {"",
                                       "redis",
                                       "http://h",
                                       "redis+x://h",
                                       "redisss://h",
                                       "redis://",
                                       "redis://h:0",
                                       "redis://h:65536",
                                       "redis://h:x",
                                       "redis://h/x",
                                       "redis://h/-1",
                                       "redis://h/65536",
                                       "redis://a,b",
                                       "redis://[::1",
                                       "redis://[::1]x",
                                       "redis://h%2",
                                       "redis://h%00",
                                       "redis://h?nosuch=1",
                                       "redis://h?protocol=4",
                                       "redis://h?sslmode=require",
                                       "rediss://h?sslmode=allow",
                                       "redis://h?ssl-ca=x",
                                       "rediss://h?ssl-cert=x",
                                       "redis+cluster://h/1",
                                       "redis+cluster://h?db=1",
                                       "redis+sentinel://h",
                                       "redis+sentinel://h/",
                                       "redis+unix://relative",
                                       "redis://user@h",
                                       "redis://h?client-name=a%20b",
                                       "redis://h?client-name=a%0d%0ab"})
    EXPECT_NE(problem(wrong), "none") << wrong;
  std::string hosts = "redis+cluster://h";
  for (std::size_t i = 1; i < most_hosts; ++i) hosts += ",h";
  EXPECT_EQ(problem(hosts), "none");
  EXPECT_NE(problem(hosts + ",h"), "none");
  EXPECT_NE(problem("redis://h?datbase=1").find("datbase"), std::string::npos);
}

TEST(RedisDsnTest, NoMessageShowsAPassword) {
  for (const std::string_view wrong :
       {"redis://u:secret@h:x", "redis://u:secret@", "redis://u:sec?secret@h",
        "redis://u:sec/secret@h", "redis://u:secret#@h?x=1", "redis://u:secret%@h",
        "redis://h?sentinel-password=secret&x=1", "redis://u:secret@a,b", "htp://u:secret@h"}) {
    EXPECT_EQ(problem(wrong).find("secret"), std::string::npos) << problem(wrong);
    RedisOptions options;
    options.dsn = Secret<std::string>(std::string(wrong));
    auto opened = open(std::move(options));
    ASSERT_EQ(opened.ok(), problem(wrong) == "none") << wrong;
    const std::string text = opened.ok() ? (*opened)->name() : opened.error().describe();
    EXPECT_EQ(text.find("secret"), std::string::npos);
  }
}

TEST(RedisDsnTest, OptionsThatCantBeRightAreRefused) {
  const auto reason = [](auto change) {
    RedisOptions options;
    options.dsn = Secret<std::string>("redis://h");
    change(options);
    auto opened = open(std::move(options));
    return opened.ok() ? std::string("fine") : opened.error().reason();
  };
  using std::chrono::milliseconds;
  const std::string bad = "OPTIONS_INVALID";
  EXPECT_EQ(reason([](RedisOptions&) {}), "fine");
  EXPECT_EQ(reason([](RedisOptions& o) { o.connections_per_node = 0; }), bad);
  EXPECT_EQ(reason([](RedisOptions& o) { o.sessions_per_node = 0; }), bad);
  EXPECT_EQ(reason([](RedisOptions& o) { o.pipeline_depth = 1; }), bad);
  EXPECT_EQ(reason([](RedisOptions& o) { o.connect_timeout = milliseconds(0); }), bad);
  EXPECT_EQ(reason([](RedisOptions& o) { o.response_timeout = milliseconds(0); }), bad);
  EXPECT_EQ(reason([](RedisOptions& o) { o.queue_limit = milliseconds(0); }), bad);
  EXPECT_EQ(reason([](RedisOptions& o) { o.first_backoff = milliseconds(0); }), bad);
  EXPECT_EQ(reason([](RedisOptions& o) { o.longest_backoff = milliseconds(1); }), bad);
  EXPECT_EQ(reason([](RedisOptions& o) { o.keep_alive = milliseconds(0); }), bad);
  EXPECT_EQ(reason([](RedisOptions& o) { o.dsn = Secret<std::string>("rediss://h?ssl-ca=/none"); }),
            "TLS_FILE_MISSING");
}

}  // namespace
}  // namespace kit::redis::detail
