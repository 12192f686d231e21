// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/kafka/detail/dsn.hpp"

#include <gtest/gtest.h>

namespace kit::kafka::detail {
namespace {

TEST(KafkaDsn, AllParts) {
  const auto dsn = parse_dsn(
      "kafka://us%40er:p%2F%40ss@b1:9093,[fd00::1]:9094,b3/?sasl=scram-sha-256&client-id=store");
  ASSERT_TRUE(dsn.ok()) << dsn.error().describe();
  EXPECT_EQ(dsn->user, "us@er");
  EXPECT_EQ(dsn->password.reveal(), "p/@ss");
  EXPECT_EQ(dsn->brokers, "b1:9093,[fd00::1]:9094,b3:9092");
  EXPECT_TRUE(dsn->tls);
  EXPECT_EQ(dsn->sasl, "SCRAM-SHA-256");
  EXPECT_EQ(dsn->client_id, "store");
  EXPECT_EQ(parse_dsn("kafka://u:p@b")->sasl, "SCRAM-SHA-512");
  EXPECT_EQ(parse_dsn("kafka://b")->sasl, "");
}

TEST(KafkaDsn, TlsIsVerifiedUnlessEveryBrokerIsThisMachine) {
  EXPECT_TRUE(parse_dsn("kafka://b")->tls);
  EXPECT_TRUE(parse_dsn("kafka://127.0.0.1,b")->tls);
  EXPECT_FALSE(parse_dsn("kafka://127.0.0.1:9092,[::1]:1,localhost/")->tls);
  EXPECT_FALSE(parse_dsn("kafka://b?tls=disable")->tls);
  EXPECT_TRUE(parse_dsn("kafka://localhost?tls=verify-full")->tls);
  EXPECT_FALSE(parse_dsn("kafka://u:p@b?sasl=plain&tls=disable").ok());
  EXPECT_TRUE(parse_dsn("kafka://u:p@b?sasl=plain").ok());
}

TEST(KafkaDsn, WhatIsNone) {
  for (const std::string_view text : {"",
                                      "kafka:b",
                                      "redis://b",
                                      "kafka://",
                                      "kafka:///",
                                      "kafka://b,",
                                      "kafka://b:0",
                                      "kafka://b:65536",
                                      "kafka://b:x",
                                      "kafka://b:",
                                      "kafka://[::1",
                                      "kafka://[::1]x",
                                      "kafka://[b]",
                                      "kafka://b/topic",
                                      "kafka://u@b",
                                      "kafka://:p@b",
                                      "kafka://u:p%@b",
                                      "kafka://u:p%00@b",
                                      "kafka://u:p%0a@b",
                                      "kafka://b c",
                                      "kafka://b%2Cc",
                                      "kafka://b?sasl=plain",
                                      "kafka://u:p@b?sasl=gssapi",
                                      "kafka://b?tls=prefer",
                                      "kafka://b?ssl.ca.location=/etc/passwd",
                                      "kafka://b?plugin.library.paths=/tmp/x.so",
                                      "kafka://b?client-id=",
                                      "kafka://b?client-id=a%20b"}) {
    const auto dsn = parse_dsn(text);
    ASSERT_FALSE(dsn.ok()) << text;
    EXPECT_EQ(dsn.error().code(), Code::invalid_argument) << text;
    EXPECT_EQ(dsn.error().reason(), "DSN_INVALID") << text;
  }
}

TEST(KafkaDsn, Limits) {
  std::string hosts = "b";
  for (std::size_t i = 1; i < most_hosts; ++i) hosts += ",b";
  EXPECT_TRUE(parse_dsn("kafka://" + hosts).ok());
  EXPECT_FALSE(parse_dsn("kafka://" + hosts + ",b").ok());
  EXPECT_TRUE(parse_dsn("kafka://" + std::string(253, 'h')).ok());
  EXPECT_FALSE(parse_dsn("kafka://" + std::string(254, 'h')).ok());
  EXPECT_TRUE(parse_dsn("kafka://b?client-id=" + std::string(100, 'c')).ok());
  EXPECT_FALSE(parse_dsn("kafka://b?client-id=" + std::string(101, 'c')).ok());
  const std::string user = "kafka://u:@b";
  EXPECT_TRUE(parse_dsn("kafka://u:" + std::string(8'192 - user.size(), 'p') + "@b").ok());
  EXPECT_FALSE(parse_dsn("kafka://u:" + std::string(8'193 - user.size(), 'p') + "@b").ok());
}

TEST(KafkaDsn, MessagesKeepThePassword) {
  for (const std::string_view text :
       {"kafka://u:secret@b:x", "kafka://u:secret%@b", "kafka://u:secret@b?x=1",
        "kafka://u:secret@b/?sasl=x", "kafka://u:secret@b/x"}) {
    const auto dsn = parse_dsn(text);
    ASSERT_FALSE(dsn.ok());
    EXPECT_EQ(dsn.error().describe().find("secret"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace kit::kafka::detail
