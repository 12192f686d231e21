// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/detail/dsn.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "kit/base/percent.hpp"
#include "kit/base/text.hpp"

namespace kit::redis::detail {
namespace {

Error bad(std::string what) {
  return Error(Code::invalid_argument, "the DSN of Redis " + std::move(what))
      .with_reason("DSN_INVALID");
}

Result<std::string> decoded(std::string_view text) {
  auto plain = percent_decode_bytes(text);
  if (!plain) return bad("has a '%' that starts no code like %40");
  if (plain->find('\0') != plain->npos) return bad("has a NUL byte");
  return std::move(*plain);
}

Result<Address> parse_address(std::string_view text, int default_port) {
  Address address;
  address.port = default_port;
  std::string_view port;
  const bool is_v6 = text.starts_with('[');
  if (is_v6) {
    const std::size_t end = text.find(']');
    if (end == text.npos) return bad("has an address without its ']'");
    address.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!port.empty() && !port.starts_with(':')) return bad("has something after an address's ']'");
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    auto host = decoded(text.substr(0, colon));
    if (!host) return std::move(host).error();
    address.host = std::move(*host);
    port = text.substr(colon);
  }
  if (address.host.empty()) return bad("has an empty host");
  if (!is_v6 && address.host.find_first_of(",:/ ") != std::string::npos)
    return bad("has a host that is no name and no address");
  if (port.empty()) return address;
  const auto number = parse_int(port.substr(1));
  if (!number || *number < 1 || *number > 65'535) return bad("has a port that is not 1 to 65535");
  address.port = static_cast<int>(*number);
  return address;
}

Result<> parse_hosts(std::string_view text, Dsn& dsn) {
  constexpr int redis_port = 6'379, sentinel_port = 26'379;
  const int port = dsn.layout == Layout::sentinel ? sentinel_port : redis_port;
  while (!text.empty()) {
    auto address = parse_address(cut(text, ','), port);
    if (!address) return std::move(address).error();
    if (dsn.hosts.size() >= most_hosts)
      return bad("has more than " + std::to_string(most_hosts) + " hosts");
    dsn.hosts.push_back(std::move(*address));
  }
  if (dsn.hosts.empty()) return bad("names no host: redis://host:6379/");
  if (dsn.layout == Layout::single && dsn.hosts.size() > 1)
    return bad("names several hosts; redis+cluster:// and redis+sentinel:// may");
  return {};
}

Result<> parse_database(std::string_view text, Dsn& dsn) {
  constexpr int most_databases = 65'535;
  if (text.empty()) return {};
  const auto number = parse_int(text);
  if (!number || *number < 0 || *number > most_databases)
    return bad("has a database that is no number");
  if (dsn.layout == Layout::cluster && *number != 0)
    return bad("has a database; a cluster has only 0");
  dsn.database = static_cast<int>(*number);
  return {};
}

Result<> set_parameter(std::string_view name, std::string value, Dsn& dsn) {
  static constexpr std::array<std::string_view, 9> known = {
      "sslmode",  "ssl-ca",      "ssl-cert",      "ssl-key",          "db",
      "protocol", "client-name", "sentinel-user", "sentinel-password"};
  if (name == "ssl-ca") return dsn.ca = std::move(value), Result<>();
  if (name == "ssl-cert") return dsn.certificate = std::move(value), Result<>();
  if (name == "ssl-key") return dsn.key = std::move(value), Result<>();
  if (name == "sentinel-user") return dsn.sentinel_user = std::move(value), Result<>();
  if (name == "sentinel-password") {
    dsn.sentinel_password = Secret<std::string>(std::move(value));
    return {};
  }
  if (name == "db") return parse_database(value, dsn);
  if (name == "client-name") {
    const auto is_plain = [](char c) { return c > ' ' && c < '\x7f'; };
    if (!std::ranges::all_of(value, is_plain)) return bad("has a client-name with blanks");
    dsn.client_name = std::move(value);
    return {};
  }
  if (name == "protocol") {
    if (value != "2" && value != "3") return bad("has an unknown protocol; known are 2 and 3");
    dsn.protocol = value.front() - '0';
    return {};
  }
  if (name == "sslmode") {
    if (!dsn.tls) return bad("has an sslmode without TLS; rediss:// is with it");
    if (value != "require" && value != "verify-full")
      return bad("has an unknown sslmode; known are require and verify-full");
    dsn.verify = value == "verify-full";
    return {};
  }
  return bad("has the unknown parameter '" + std::string(name) + "'" + did_you_mean(name, known) +
             "; known are sslmode, ssl-ca, ssl-cert, ssl-key, db, protocol, client-name, "
             "sentinel-user and sentinel-password");
}

Result<> parse_parameters(std::string_view text, Dsn& dsn) {
  // Else the end of a password would be shown as the name of a parameter.
  if (text.find('@') != text.npos) return bad("has an '@' behind a '?': spell them %40 and %3F");
  while (!text.empty()) {
    std::string_view value = cut(text, '&');
    const std::string_view name = cut(value, '=');
    auto plain = decoded(value);
    if (!plain) return std::move(plain).error();
    KIT_TRY(set_parameter(name, std::move(*plain), dsn));
  }
  if (!dsn.tls && !(dsn.ca + dsn.certificate + dsn.key).empty())
    return bad("has TLS files without TLS; rediss:// is with it");
  if (dsn.certificate.empty() != dsn.key.empty())
    return bad("has one of ssl-cert and ssl-key; both belong together");
  return {};
}

Result<> parse_login(std::string_view& authority, Dsn& dsn) {
  const std::size_t at = authority.rfind('@');
  if (at == authority.npos) return {};
  std::string_view password = authority.substr(0, at);
  auto user = decoded(cut(password, ':'));
  if (!user) return std::move(user).error();
  auto plain = decoded(password);
  if (!plain) return std::move(plain).error();
  if (plain->empty()) return bad("has a user without a password");
  dsn.user = std::move(*user);
  dsn.password = Secret<std::string>(std::move(*plain));
  authority.remove_prefix(at + 1);
  return {};
}

/// Whether it is a Unix socket.
Result<bool> parse_scheme(std::string_view scheme, Dsn& dsn) {
  const std::string plain = to_lower(scheme);
  const std::string_view kind = plain;
  dsn.tls = kind.starts_with("rediss");
  if (kind == "redis+unix" || kind == "unix") return true;
  const std::string_view rest = kind.substr(std::min<std::size_t>(kind.size(), dsn.tls ? 6 : 5));
  if (!kind.starts_with("redis") || (rest != "" && rest != "+cluster" && rest != "+sentinel"))
    return bad(
        "must start with redis://, rediss://, redis+cluster://, redis+sentinel:// or "
        "redis+unix://");
  if (rest == "+cluster") dsn.layout = Layout::cluster;
  if (rest == "+sentinel") dsn.layout = Layout::sentinel;
  return false;
}

}  // namespace

std::string Address::shown() const {
  if (host.starts_with("unix:")) return host;
  const bool is_v6 = host.find(':') != host.npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string Dsn::shown() const {
  std::string text;
  for (const Address& address : hosts) {
    if (!text.empty()) text += ',';
    text += address.shown();
  }
  if (layout == Layout::sentinel) text += "/" + primary;
  if (layout != Layout::cluster) text += "/" + std::to_string(database);
  return text;
}

Result<Dsn> parse_dsn(std::string_view text) {
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == text.npos) return bad("has no '://'");
  Dsn dsn;
  auto is_unix = parse_scheme(text.substr(0, scheme_end), dsn);
  if (!is_unix) return std::move(is_unix).error();
  text.remove_prefix(scheme_end + 3);
  std::string_view query = text;
  std::string_view path = cut(query, '?');
  if (*is_unix) {
    KIT_TRY(parse_login(path, dsn));
    auto file = decoded(path);
    if (!file) return std::move(file).error();
    if (!file->starts_with('/')) return bad("has a socket that is no absolute path");
    dsn.hosts.push_back({"unix:" + *file, 0});
  } else {
    // A password may have what ends a host, when it is not spelt as it should be.
    std::string_view authority = path;
    const std::size_t at = path.rfind('@');
    const std::size_t slash = path.find('/', at == path.npos ? 0 : at);
    authority = path.substr(0, std::min(slash, path.size()));
    path.remove_prefix(std::min(authority.size() + 1, path.size()));
    KIT_TRY(parse_login(authority, dsn));
    KIT_TRY(parse_hosts(authority, dsn));
    if (dsn.layout == Layout::sentinel) {
      auto name = decoded(cut(path, '/'));
      if (!name) return std::move(name).error();
      dsn.primary = std::move(*name);
      if (dsn.primary.empty()) return bad("does not say which server: redis+sentinel://host/name");
    }
    KIT_TRY(parse_database(path, dsn));
  }
  KIT_TRY(parse_parameters(query, dsn));
  return dsn;
}

}  // namespace kit::redis::detail
