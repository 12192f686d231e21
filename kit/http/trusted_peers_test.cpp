// SPDX-License-Identifier: Apache-2.0
#include "kit/http/trusted_peers.hpp"

#include <gtest/gtest.h>

namespace kit::http {
namespace {

TrustedPeers peers(std::vector<std::string> names) {
  return *TrustedPeers::parse(names);
}

TEST(TrustedPeers, AreThoseOfTheirNetworks) {
  const TrustedPeers some =
      peers({"10.1.0.0/16", "192.0.2.7", "2001:db8::/33", "203.0.113.128/25"});
  for (const char* in : {"10.1.0.0", "10.1.255.255", "192.0.2.7", "2001:db8:7fff::1",
                         "203.0.113.128", "::ffff:10.1.2.3"}) {
    EXPECT_TRUE(some.contains(in)) << in;
  }
  for (const char* out : {"10.2.0.0", "10.0.255.255", "192.0.2.6", "192.0.2.8", "2001:db8:8000::1",
                          "203.0.113.127", "unix", "", "10.1", "::ffff:10.2.0.0", "::1"}) {
    EXPECT_FALSE(some.contains(out)) << out;
  }
}

TEST(TrustedPeers, HaveWords) {
  const TrustedPeers near = peers({"private"});
  for (const char* in : {"unix", "127.0.0.1", "10.9.8.7", "172.16.0.1", "172.31.255.255",
                         "192.168.1.1", "169.254.1.1", "::1", "fd00::1", "fe80::1"}) {
    EXPECT_TRUE(near.contains(in)) << in;
  }
  for (const char* out :
       {"172.32.0.1", "172.15.0.1", "8.8.8.8", "2001:db8::1", "::2", "192.169.0.1"}) {
    EXPECT_FALSE(near.contains(out)) << out;
  }
  EXPECT_TRUE(peers({"all"}).contains("8.8.8.8"));
  EXPECT_TRUE(peers({"0.0.0.0/0"}).contains("8.8.8.8"));
  EXPECT_FALSE(peers({"0.0.0.0/0"}).contains("2001:db8::1"));
  EXPECT_FALSE(peers({"none"}).contains("127.0.0.1"));
  EXPECT_FALSE(peers({}).contains("127.0.0.1"));
  EXPECT_TRUE(peers({"unix"}).contains("unix"));
}

TEST(TrustedPeers, RefuseWhatIsNoNetwork) {
  for (const std::string bad : {"", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "::1/129", "example",
                                "10.0.0.0/8/8", "10.0.0", "ALL", " 10.0.0.0/8"}) {
    const std::vector<std::string> names{bad};
    EXPECT_FALSE(TrustedPeers::parse(names).ok()) << bad;
  }
}

}  // namespace
}  // namespace kit::http
