// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/mysql/detail/dsn.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "kit/base/percent.hpp"
#include "kit/base/text.hpp"

namespace kit::mysql::detail {
namespace {

Error bad(std::string what) {
  return Error(Code::invalid_argument, "the DSN of the database " + std::move(what))
      .with_reason("DSN_INVALID");
}

Result<std::string> decoded(std::string_view text) {
  auto plain = percent_decode_bytes(text);
  if (!plain) return bad("has a '%' that starts no code like %40");
  if (plain->find('\0') != plain->npos) return bad("has a NUL byte");
  return std::move(*plain);
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  Endpoint endpoint;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == text.npos) return bad("has an address without its ']'");
    endpoint.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!port.empty() && !port.starts_with(':')) return bad("has something after an address's ']'");
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    auto host = decoded(text.substr(0, colon));
    if (!host) return std::move(host).error();
    endpoint.host = std::move(*host);
    port = text.substr(colon);
  }
  if (endpoint.host.empty()) return bad("has an empty host");
  // The client library would take such a host for several.
  if (endpoint.host.find_first_of(",:/ ") != std::string::npos && !text.starts_with('['))
    return bad("has a host that is none");
  if (port.empty()) return endpoint;
  const auto number = parse_int(port.substr(1));
  if (!number || *number < 1 || *number > 65'535) return bad("has a port that is none");
  endpoint.port = static_cast<unsigned int>(*number);
  return endpoint;
}

Result<> parse_hosts(std::string_view text, Dsn& dsn) {
  while (!text.empty()) {
    auto endpoint = parse_endpoint(cut(text, ','));
    if (!endpoint) return std::move(endpoint).error();
    if (dsn.hosts.size() >= most_hosts) {
      return bad("has more than " + std::to_string(most_hosts) + " hosts");
    }
    dsn.hosts.push_back(std::move(*endpoint));
  }
  return {};
}

bool is_here(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

Result<> parse_parameters(std::string_view text, Dsn& dsn) {
  static constexpr std::array<std::string_view, 5> known = {"sslmode", "ssl-ca", "ssl-cert",
                                                            "ssl-key", "socket"};
  std::string mode;
  while (!text.empty()) {
    std::string_view value = cut(text, '&');
    std::string_view name = cut(value, '=');
    if (name == "ssl-mode") name = "sslmode";
    auto plain = decoded(value);
    if (!plain) return std::move(plain).error();
    const std::array<std::string*, 5> targets = {&mode, &dsn.ca, &dsn.certificate, &dsn.key,
                                                 &dsn.socket};
    const auto found = std::ranges::find(known, name);
    if (found == known.end()) {
      return bad("has the unknown parameter '" + std::string(name) + "'" +
                 did_you_mean(name, known) +
                 "; known are sslmode, ssl-ca, ssl-cert, ssl-key and socket");
    }
    *targets[static_cast<std::size_t>(found - known.begin())] = std::move(*plain);
  }
  const bool all_here = std::ranges::all_of(dsn.hosts, is_here, &Endpoint::host);
  if (mode.empty()) {
    dsn.tls = all_here ? Tls::off : Tls::verified;
  } else if (mode == "disable") {
    dsn.tls = Tls::off;
  } else if (mode == "require") {
    dsn.tls = Tls::unverified;
  } else if (mode == "verify-full") {
    dsn.tls = Tls::verified;
  } else {
    return bad("has an unknown sslmode; known are disable, require and verify-full");
  }
  return {};
}

}  // namespace

std::string Dsn::shown() const {
  std::string text;
  for (const Endpoint& endpoint : hosts) {
    if (!text.empty()) text += ',';
    text += endpoint.host + ":" + std::to_string(endpoint.port);
  }
  return (text.empty() ? socket : text) + "/" + database;
}

Result<Dsn> parse_dsn(std::string_view text) {
  const std::size_t scheme_end = text.find("://");
  const std::string scheme = to_lower(text.substr(0, std::min(scheme_end, text.size())));
  if (scheme_end == text.npos || (scheme != "mysql" && scheme != "mariadb")) {
    return bad("must start with mysql:// or mariadb://");
  }
  text.remove_prefix(scheme_end + 3);
  Dsn dsn;
  std::string_view query = text;
  std::string_view path = cut(query, '?');
  std::string_view authority = cut(path, '/');
  if (const std::size_t at = authority.rfind('@'); at != authority.npos) {
    std::string_view password = authority.substr(0, at);
    const std::string_view user = cut(password, ':');
    auto plain_user = decoded(user);
    if (!plain_user) return std::move(plain_user).error();
    auto plain_password = decoded(password);
    if (!plain_password) return std::move(plain_password).error();
    dsn.user = std::move(*plain_user);
    dsn.password = Secret<std::string>(std::move(*plain_password));
    authority.remove_prefix(at + 1);
  }
  KIT_TRY(parse_hosts(authority, dsn));
  auto database = decoded(path);
  if (!database) return std::move(database).error();
  dsn.database = std::move(*database);
  KIT_TRY(parse_parameters(query, dsn));
  if (dsn.database.empty()) return bad("names no database");
  if (dsn.hosts.empty() && dsn.socket.empty()) return bad("names neither a host nor a socket");
  if (!dsn.hosts.empty() && !dsn.socket.empty()) return bad("names both a host and a socket");
  return dsn;
}

}  // namespace kit::mysql::detail
