// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "kit/validate/checker.hpp"
#include "kit/validate/format.hpp"
#include "kit/validate/pattern.hpp"

namespace kit::validate {
namespace {

TEST(Format, Email) {
  for (const char* good :
       {"luisg@embraer.com.br", "a@b", "o'neil+tag@mail.example.org", "x.y@1a.de"}) {
    EXPECT_TRUE(is_email(good)) << good;
  }
  for (const char* bad :
       {"", "@", "a@", "@b", "a b@c.de", "a@b@c", "a@-b.de", "a@b-.de", "a@b..de", "a@b.",
        "\"a\"@b.de", "a@b.de\n", "\xC3@b.de", "\xC2\x85@b.de", "a@\xC3\xA4.de"}) {
    EXPECT_FALSE(is_email(bad)) << bad;
  }
  EXPECT_TRUE(is_email("\xC3\xA4@b.de"));
  EXPECT_TRUE(is_email(std::string(64, 'a') + "@b.de"));
  EXPECT_FALSE(is_email(std::string(65, 'a') + "@b.de"));
  EXPECT_TRUE(is_email("a@" + std::string(63, 'b')));
  EXPECT_FALSE(is_email("a@" + std::string(64, 'b')));
}

TEST(Format, Url) {
  for (const char* good : {"http://a", "https://a.de/x?y#z", "HTTPS://a.de:8443",
                           "http://[::1]:80/", "http://1.2.3.4"}) {
    EXPECT_TRUE(is_url(good)) << good;
  }
  for (const char* bad : {"", "a.de", "ftp://a.de", "http://", "http:///x", "http://a b",
                          "http://a:0", "http://a:65536", "http://u:p@a.de", "javascript:alert(1)",
                          "http://a.de\\x", "http://a.de/\n"}) {
    EXPECT_FALSE(is_url(bad)) << bad;
  }
}

TEST(Checker, LimitsCountCodePointsAtAndPastTheLimit) {
  std::vector<FieldViolation> violations;
  Checker check(violations);
  check.max_length("name", "\xC3\xA4\xC3\xB6", 2);
  check.min_length("name", "\xC3\xA4\xC3\xB6", 2);
  EXPECT_TRUE(violations.empty());
  check.max_length("name", "\xC3\xA4\xC3\xB6x", 2);
  check.min_length("other", "\xC3\xA4", 2);
  check.max_length("one", "ab", 1);
  ASSERT_EQ(violations.size(), 3u);
  EXPECT_EQ(violations[0].description, "must have at most 2 characters");
  EXPECT_EQ(violations[1].description, "must have at least 2 characters");
  EXPECT_EQ(violations[2].description, "must have at most 1 character");
}

TEST(Checker, BoundsAreInclusiveAndSayTheirValue) {
  std::vector<FieldViolation> violations;
  Checker check(violations);
  check.min("a", std::int32_t{1}, std::int32_t{1});
  check.max("b", Decimal(150, 2), Decimal(15, 1));
  check.max("absent", std::optional<double>(), 1.0);
  EXPECT_TRUE(violations.empty());
  check.min("a", std::int32_t{0}, std::int32_t{1});
  check.max("b", Decimal(151, 2), Decimal(15, 1));
  check.min("c", std::optional<double>(0.25), 0.5);
  check.min("d", *Date::parse("2020-12-31"), *Date::parse("2021-01-01"));
  check.digits("e", *Decimal::parse("1.234"), 10, 2);
  ASSERT_EQ(violations.size(), 5u);
  EXPECT_EQ(violations[0].description, "must be at least 1");
  EXPECT_EQ(violations[1].description, "must be at most 1.5");
  EXPECT_EQ(violations[2].description, "must be at least 0.5");
  EXPECT_EQ(violations[3].description, "must be at least 2021-01-01");
  EXPECT_EQ(violations[4].description,
            "must have at most 8 digits before the point and 2 after it");
}

TEST(Checker, OneViolationAField) {
  std::vector<FieldViolation> violations;
  Checker check(violations);
  const Pattern digits("[0-9]+");
  check.pattern("code", "12a", digits);
  check.max_length("code", "12a", 2);
  check.pattern("other", std::optional<std::string>("34"), digits);
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations[0].description, "must match [0-9]+");
}

TEST(Pattern, MatchesTheWholeTextInLinearTime) {
  const Pattern pattern("(a+)+b");
  EXPECT_TRUE(pattern.matches("aaab"));
  EXPECT_FALSE(pattern.matches("xaaab"));
  EXPECT_FALSE(pattern.matches(std::string(100'000, 'a')));
}

TEST(Checker, ArraysHaveACountAndElements) {
  std::vector<FieldViolation> violations;
  Checker check(violations);
  const Pattern word("[a-z]+");
  const std::vector<std::string> tags{"red", "green"};
  check.min_items("tags", tags, 2);
  check.max_items("tags", tags, 2);
  check.max_length("tags", tags, 5);
  check.min_length("tags", tags, 3);
  check.pattern("tags", tags, word);
  check.unique_items("tags", tags);
  check.max_items("absent", std::optional<std::vector<std::string>>(), 0);
  check.min("sizes", std::optional<std::vector<std::int32_t>>({1, 2}), std::int32_t{1});
  check.max("flags", std::vector<double>{}, 1.0);
  EXPECT_TRUE(violations.empty()) << violations.front().description;
  check.min_items("a", tags, 3);
  check.max_items("b", tags, 1);
  check.max_length("c", tags, 4);
  check.pattern("d", std::vector<std::string>{"ok", "NO"}, word);
  check.unique_items("e", std::vector<std::string>{"x", "y", "x"});
  check.max("f", std::optional<std::vector<std::int32_t>>({1, 2}), std::int32_t{1});
  check.digits("g", std::vector<Decimal>{Decimal(1005, 3)}, 5, 2);
  check.url("h", std::vector<std::string>{"nothing"});
  ASSERT_EQ(violations.size(), 8u);
  EXPECT_EQ(violations[0].description, "must have at least 3 elements");
  EXPECT_EQ(violations[1].description, "must have at most 1 element");
  EXPECT_EQ(violations[2].description, "element 2 must have at most 4 characters");
  EXPECT_EQ(violations[3].description, "element 2 must match [a-z]+");
  EXPECT_EQ(violations[4].description, "must not have an element twice: element 3");
  EXPECT_EQ(violations[5].description, "element 2 must be at most 1");
  EXPECT_EQ(violations[6].description,
            "element 1 must have at most 3 digits before the point and 2 after it");
  EXPECT_EQ(violations[7].description, "element 1 must be an http or https URL");
}

}  // namespace
}  // namespace kit::validate
