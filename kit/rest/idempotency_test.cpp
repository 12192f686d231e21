// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/idempotency.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace kit::rest {
namespace {

Result<std::optional<std::string>> read(std::vector<std::string> values) {
  std::vector<http::Header> headers;
  headers.push_back({"Host", "x"});
  for (const std::string& value : values) headers.push_back({"idempotency-KEY", value});
  http::Request request;
  request.headers = headers;
  return idempotency_key(request);
}

TEST(IdempotencyKey, IsAStringOfStructuredFieldsOrTheBareText) {
  EXPECT_EQ(*read({}), std::nullopt);
  EXPECT_EQ(*read({"8e03978e-40d5-43dd-bc93-6894a57f9324"}),
            "8e03978e-40d5-43dd-bc93-6894a57f9324");
  EXPECT_EQ(*read({"\"8e03978e\""}), "8e03978e");
  EXPECT_EQ(*read({"\"a\\\"b\\\\c\""}), "a\"b\\c");
  EXPECT_EQ(*read({"a\"b"}), "a\"b");
  EXPECT_EQ(*read({std::string(255, 'k')}), std::string(255, 'k'));
  EXPECT_EQ(*read({'"' + std::string(255, 'k') + '"'}), std::string(255, 'k'));
}

TEST(IdempotencyKey, AnythingElseIsRefused) {
  const std::vector<std::vector<std::string>> bad = {
      {""},
      {"\"\""},
      {std::string(256, 'k')},
      {'"' + std::string(256, 'k') + '"'},
      {"a b"},
      {"\"a b\""},
      {"caf\xC3\xA9"},
      {"\"open"},
      {"\""},
      {"\"a\"b\""},
      {"\"a\\n\""},
      {"\"a\\\""},
      {"one", "two"},
      {"one", "one"},
  };
  for (const std::vector<std::string>& values : bad) {
    const auto key = read(values);
    ASSERT_FALSE(key) << values.front();
    EXPECT_EQ(key.error().code(), Code::invalid_argument);
    EXPECT_EQ(key.error().reason(), "IDEMPOTENCY_KEY_INVALID") << values.front();
  }
}

}  // namespace
}  // namespace kit::rest
