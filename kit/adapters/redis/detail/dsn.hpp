// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/base/secret.hpp"

namespace kit::redis::detail {

inline constexpr std::size_t most_hosts = 32;

/// Where a server is: a host and a port, or "unix:/path" and 0.
struct Address {
  std::string host{};
  int port = 6379;

  std::string shown() const;
  friend auto operator<=>(const Address&, const Address&) = default;
};

enum class Layout : std::uint8_t { single, sentinel, cluster };

/// Where a Redis is and how to get in.
struct Dsn {
  Layout layout = Layout::single;
  std::vector<Address> hosts{};  ///< The server, the Sentinels, or nodes to begin with.
  std::string primary{};         ///< The name that Sentinels know it by.
  std::string user{};
  Secret<std::string> password{};
  std::string sentinel_user{};
  Secret<std::string> sentinel_password{};
  int database = 0;
  int protocol = 0;  ///< 0: 3 where the server has it.
  std::string client_name{};
  bool tls = false;
  bool verify = true;
  std::string ca{}, certificate{}, key{};  ///< Files.

  /// For messages and counters, nothing secret.
  std::string shown() const;
};

/// Fails with `invalid_argument` (DSN_INVALID); messages never repeat what may be a password.
Result<Dsn> parse_dsn(std::string_view text);

}  // namespace kit::redis::detail
