// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/base/text.hpp"
#include "kit/http/message.hpp"

namespace kit::http {

/// A request with what its views point to.
struct TestRequest : Request {
  TestRequest(Method with, std::vector<Header> fields) : owned(std::move(fields)) {
    method = with;
    method_name = name(with);
    headers = owned;
  }
  TestRequest(const TestRequest&) = delete;
  TestRequest& operator=(const TestRequest&) = delete;
  std::vector<Header> owned;
};

/// The value of a field of an answer; "" when it has none.
inline std::string field(const Response& response, std::string_view name) {
  const auto found = std::ranges::find_if(
      response.headers, [&](const auto& header) { return iequals(header.first, name); });
  return found == response.headers.end() ? std::string() : found->second;
}

inline Task<std::string> read_all(BodyReader& body) {
  std::string all;
  while (true) {
    const std::string_view piece = co_await body.read();
    if (piece.empty()) co_return all;
    all += piece;
  }
}

}  // namespace kit::http
