// SPDX-License-Identifier: Apache-2.0
#include "kit/http/encodings.hpp"

#include <gtest/gtest.h>

#include <array>

#include "kit/http/message_test_support.hpp"

namespace kit::http {
namespace {

std::string_view choose(const char* accepted) {
  static constexpr std::array offered{Coding::zstd, Coding::br, Coding::gzip};
  const TestRequest request(Method::get, {{"Accept-Encoding", accepted}});
  return name(choose_coding(request, offered));
}

TEST(Encodings, TheServersFavouriteOfEquals) {
  EXPECT_EQ(choose("gzip, deflate, br, zstd"), "zstd");
  EXPECT_EQ(choose("gzip, br"), "br");
  EXPECT_EQ(choose("GZIP"), "gzip");
  EXPECT_EQ(choose("x-gzip"), "gzip");
  EXPECT_EQ(choose("*"), "zstd");
}

TEST(Encodings, TheClientsFavouriteOtherwise) {
  EXPECT_EQ(choose("zstd;q=0.1, gzip;q=0.9, br;q=0.89"), "gzip");
  EXPECT_EQ(choose("zstd;q=0, *;q=0.5"), "br");
  EXPECT_EQ(choose("*;q=0, gzip"), "gzip");
  EXPECT_EQ(choose("gzip ; q=0.001"), "gzip");
  EXPECT_EQ(choose("gzip;q=0.5, identity"), "");
  EXPECT_EQ(choose("gzip, identity;q=0.5"), "gzip");
  EXPECT_EQ(choose("gzip;q=0.5, identity;q=0.5"), "gzip");
}

TEST(Encodings, NothingWhenNothingFits) {
  for (const char* accepted :
       {"", "identity", "deflate", "gzip;q=0", "gzip;q=0.000", "*;q=0", "identity;q=0", "gzip;q=2",
        "gzip;q=1.001", "gzip;q=.5", "gzip;q=0.1234", "gzip;q=", "gzip;level=9", "gzip;q=-1",
        "gzipped", "gzip br"}) {
    EXPECT_EQ(choose(accepted), "") << accepted;
  }
  const TestRequest silent(Method::get, {});
  static constexpr std::array offered{Coding::gzip};
  EXPECT_EQ(choose_coding(silent, offered), Coding::identity);
}

TEST(Encodings, ReadsEveryLine) {
  static constexpr std::array offered{Coding::gzip};
  const TestRequest request(Method::get,
                            {{"Accept-Encoding", "br"}, {"accept-encoding", "gzip;q=0.2"}});
  EXPECT_EQ(choose_coding(request, offered), Coding::gzip);
}

}  // namespace
}  // namespace kit::http
