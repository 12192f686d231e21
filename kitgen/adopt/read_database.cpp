// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "kit/base/text.hpp"
#include "kitgen/adopt/detail/reader.hpp"

namespace kitgen::adopt {
namespace {

using kit::Code;
using kit::Error;
using kit::Result;

enum class Server { none, postgres, mysql, unknown };

Server server_of(const std::string& address) {
  const std::size_t end = address.find("://");
  if (end == std::string::npos) return Server::none;
  const std::string scheme = kit::to_lower(address.substr(0, end));
  if (scheme == "postgresql" || scheme == "postgres") return Server::postgres;
  if (scheme == "mysql" || scheme == "mariadb") return Server::mysql;
  return scheme == "sqlite" || scheme == "file" ? Server::none : Server::unknown;
}

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

Result<std::string> decoded(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    const auto high = i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
    const auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
    if (!high || !low) {
      return Error(Code::invalid_argument,
                   "the database's URL has a '%' that starts no code like %40");
    }
    plain += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  if (plain.find('\0') != std::string::npos)
    return Error(Code::invalid_argument, "the database's URL has a NUL byte");
  return plain;
}

#if !defined(KITGEN_POSTGRES)
Error without_postgres() {
  return {Code::unimplemented,
          "this kitgen was built without PostgreSQL; install libpq-dev and build it again"};
}
#endif
#if !defined(KITGEN_MYSQL)
Error without_mysql() {
  return {Code::unimplemented,
          "this kitgen was built without MySQL; install libmariadb-dev and build it again"};
}
#endif

std::string sqlite_path(const std::string& address) {
  for (const std::string_view scheme : {"sqlite:///", "sqlite://", "file://"}) {
    if (!address.starts_with(scheme)) continue;
    const std::string rest = address.substr(scheme.size());
    return scheme == "sqlite:///" ? "/" + rest : rest;
  }
  return address;
}

}  // namespace

Result<> check_support(const std::string& address) {
  const Server server = server_of(address);
  if (server == Server::unknown) {
    return Error(Code::invalid_argument,
                 "'" + address.substr(0, address.find("://")) +
                     "' is no kind of database kitgen reads; write a file's path, "
                     "postgresql://... or mysql://...");
  }
#if !defined(KITGEN_POSTGRES)
  if (server == Server::postgres) return without_postgres();
#endif
#if !defined(KITGEN_MYSQL)
  if (server == Server::mysql) return without_mysql();
#endif
  return {};
}

std::string without_password(const std::string& address) {
  const std::size_t start = address.find("://");
  if (start == std::string::npos) return address;
  const std::size_t authority = start + 3;
  std::string shown = address;
  // A password may hold a '/', '?' or '@' that was not written as %2F: all up to the last '@'.
  const std::size_t at = shown.rfind('@');
  const std::size_t colon = shown.find(':', authority);
  if (at != std::string::npos && colon != std::string::npos && colon < at)
    shown.replace(colon + 1, at - colon - 1, "***");
  return shown.substr(0, shown.find_first_of("?#", authority));
}

Result<ServerAddress> parse_address(const std::string& address) {
  ServerAddress parts;
  std::string_view rest = std::string_view(address).substr(address.find("://") + 3);
  const std::size_t question = std::min(rest.find('?'), rest.size());
  std::string_view query = rest.substr(std::min(question + 1, rest.size()));
  rest = rest.substr(0, question);
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view authority = rest.substr(0, slash);
  std::string_view user;
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    user = authority.substr(0, at);
    authority = authority.substr(at + 1);
  }
  const std::size_t bracket = authority.find(']');
  const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  std::string_view host = authority.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const std::size_t user_end = std::min(user.find(':'), user.size());
  const std::array<std::pair<std::string*, std::string_view>, 5> fields{{
      {&parts.user, user.substr(0, user_end)},
      {&parts.password, user.substr(std::min(user_end + 1, user.size()))},
      {&parts.host, host},
      {&parts.port, colon == std::string_view::npos ? "" : authority.substr(colon + 1)},
      {&parts.database, rest.substr(std::min(slash + 1, rest.size()))},
  }};
  for (const auto& [target, text] : fields) {
    auto plain = decoded(text);
    if (!plain) return std::move(plain).error();
    *target = std::move(*plain);
  }
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto value = decoded(pair.substr(std::min(equals + 1, pair.size())));
    if (!value) return std::move(value).error();
    parts.parameters.emplace_back(std::string(pair.substr(0, equals)), std::move(*value));
    query = query.substr(std::min(end + 1, query.size()));
  }
  if (!parts.port.empty()) {
    const auto port = kit::parse_int(parts.port);
    if (!port || *port < 1 || *port > 65535)
      return Error(Code::invalid_argument, "the port of the database's URL is no port");
  }
  if (parts.database.empty())
    return Error(Code::invalid_argument,
                 "the database's URL names no database: " + without_password(address) + "/NAME");
  return parts;
}

bool is_wanted(const ReadOptions& options, const std::string& table) {
  return options.tables.empty() || std::ranges::find(options.tables, table) != options.tables.end();
}

void lose(Index& index, const std::string& what) {
  if (index.loss.find(what) != std::string::npos) return;
  index.loss += (index.loss.empty() ? "" : ", ") + what;
}

Result<Catalogue> read_database(const std::string& address, const ReadOptions& options) {
  KIT_TRY(check_support(address));
  const Server server = server_of(address);
  if (server == Server::none) return read_sqlite(sqlite_path(address), options);
  [[maybe_unused]] auto parts = parse_address(address);
  if (!parts) return std::move(parts).error();
  if (parts->password.empty()) parts->password = options.password;
#if defined(KITGEN_POSTGRES)
  if (server == Server::postgres) return read_postgres(*parts, options);
#endif
#if defined(KITGEN_MYSQL)
  if (server == Server::mysql) return read_mysql(*parts, options);
#endif
  return Error(Code::unimplemented, "this kitgen reads SQLite only");
}

}  // namespace kitgen::adopt
