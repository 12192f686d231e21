// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kit/base/result.hpp"

namespace kit::http {

/// The address of something that is served over HTTP, in one spelling: scheme and host in lower
/// case, the port always known, no "." and ".." in the path, no fragment.
struct Url {
  enum class Scheme : std::uint8_t { http, https };

  Scheme scheme = Scheme::http;
  std::string host;        ///< A name, an IPv4 address, or an IPv6 address without its brackets.
  int port = 80;           ///< 1 to 65535.
  std::string path = "/";  ///< Undecoded; begins with '/'.
  bool has_query = false;  ///< "/a?" has an empty one.
  std::string query;       ///< Undecoded, without '?'.

  /// An absolute http or https URL. A fragment is checked and dropped. Fails with
  /// `invalid_argument` for anything that two readers could understand differently: userinfo,
  /// characters that must be percent-encoded, malformed or zero bytes in percent-encoding, numbers
  /// that are almost an IPv4 address, ports out of range.
  static Result<Url> parse(std::string_view text);
  /// What `reference` (a Location, a link) means here (RFC 3986 section 5.2). Fails like `parse`.
  Result<Url> resolve(std::string_view reference) const;

  bool tls() const { return scheme == Scheme::https; }
  /// Host and, when it is not the scheme's own, port: the value of the Host field.
  std::string authority() const;
  /// "http://host:port", the port only when it is not the scheme's own.
  std::string origin() const;
  /// Path and query: the target of a request line.
  std::string target() const;
  std::string to_string() const { return origin() + target(); }
  bool same_origin(const Url& other) const {
    return scheme == other.scheme && host == other.host && port == other.port;
  }

  friend bool operator==(const Url&, const Url&) = default;
};

}  // namespace kit::http
