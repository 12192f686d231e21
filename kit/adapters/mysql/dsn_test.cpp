// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/mysql/detail/dsn.hpp"

#include <gtest/gtest.h>

namespace kit::mysql::detail {
namespace {

TEST(MysqlDsn, AllParts) {
  auto dsn = parse_dsn(
      "mysql://us%40er:p%2F%40ss@db1:3307,[::1]:3308,db3/sto%20re?sslmode=verify-full&ssl-ca=/ca");
  ASSERT_TRUE(dsn.ok()) << dsn.error().describe();
  EXPECT_EQ(dsn->user, "us@er");
  EXPECT_EQ(dsn->password.reveal(), "p/@ss");
  ASSERT_EQ(dsn->hosts.size(), 3u);
  EXPECT_EQ(dsn->hosts[0].port, 3307u);
  EXPECT_EQ(dsn->hosts[1].host, "::1");
  EXPECT_EQ(dsn->hosts[2].port, 3306u);
  EXPECT_EQ(dsn->database, "sto re");
  EXPECT_EQ(dsn->tls, Tls::verified);
  EXPECT_EQ(dsn->ca, "/ca");
  EXPECT_EQ(dsn->shown(), "db1:3307,::1:3308,db3:3306/sto re");
}

TEST(MysqlDsn, TlsIsVerifiedUnlessEveryHostIsThisMachine) {
  EXPECT_EQ(parse_dsn("mysql://u@db/x")->tls, Tls::verified);
  EXPECT_EQ(parse_dsn("mysql://u@127.0.0.1,db/x")->tls, Tls::verified);
  EXPECT_EQ(parse_dsn("mysql://u@127.0.0.1/x")->tls, Tls::off);
  EXPECT_EQ(parse_dsn("mariadb://u@/x?socket=/run/s")->tls, Tls::off);
  EXPECT_EQ(parse_dsn("mysql://u@db/x?ssl-mode=require")->tls, Tls::unverified);
  EXPECT_EQ(parse_dsn("mysql://u@db/x?sslmode=disable")->tls, Tls::off);
}

TEST(MysqlDsn, WhatIsNone) {
  for (const std::string_view text :
       {"postgresql://u@h/x", "mysql:/h/x", "mysql://h", "mysql://h/", "mysql://u@/x",
        "mysql://h:0/x", "mysql://h:65536/x", "mysql://h:x/x", "mysql://h/x?sslmode=prefer",
        "mysql://h/x?ssl_mode=disable", "mysql://h/x?local-infile=1", "mysql://h%/x",
        "mysql://h/x%00", "mysql://[::1/x", "mysql://a%2Cb/x", "mysql://h/x?socket=/s",
        "mysql://h,,g/x"}) {
    auto dsn = parse_dsn(text);
    ASSERT_FALSE(dsn.ok()) << text;
    EXPECT_EQ(dsn.error().reason(), "DSN_INVALID") << text;
  }
  std::string hosts = "h";
  for (std::size_t i = 1; i < most_hosts; ++i) hosts += ",h";
  EXPECT_TRUE(parse_dsn("mysql://" + hosts + "/x").ok());
  EXPECT_FALSE(parse_dsn("mysql://" + hosts + ",h/x").ok());
}

TEST(MysqlDsn, MessagesKeepThePassword) {
  auto dsn = parse_dsn("mysql://u:secret@h/x?secret=1");
  auto other = parse_dsn("mysql://u:secret%@h/x");
  EXPECT_EQ(other.error().message().find("secret"), std::string::npos);
  EXPECT_FALSE(dsn.ok());
}

}  // namespace
}  // namespace kit::mysql::detail
