// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "kit/base/result.hpp"
#include "kit/base/secret.hpp"

namespace kit::kafka::detail {

inline constexpr std::size_t most_hosts = 16;

/// Where the brokers are and how to get in.
struct Dsn {
  std::string user;
  Secret<std::string> password{};
  std::string brokers;  ///< "host:9092,[::1]:9093"
  bool tls = true;
  std::string sasl;  ///< "SCRAM-SHA-512"; empty: none.
  std::string client_id = "kit";
};

/// Fails with `invalid_argument` (DSN_INVALID); messages never repeat what may be a password.
Result<Dsn> parse_dsn(std::string_view text);

}  // namespace kit::kafka::detail
