// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/base/secret.hpp"

namespace kit::mysql::detail {

inline constexpr std::size_t most_hosts = 16;

enum class Tls : std::uint8_t { off, unverified, verified };

struct Endpoint {
  std::string host;
  unsigned int port = 3306;
};

/// Where a database is and how to get in.
struct Dsn {
  std::string user;
  Secret<std::string> password;
  std::vector<Endpoint> hosts;  ///< Empty: `socket`.
  std::string socket;
  std::string database;
  Tls tls = Tls::verified;
  std::string ca, certificate, key;  ///< Files.

  /// For messages and counters: "db1:3306,db2:3306/store", nothing secret.
  std::string shown() const;
};

/// Fails with `invalid_argument`; messages never repeat what may be a password.
Result<Dsn> parse_dsn(std::string_view text);

}  // namespace kit::mysql::detail
