// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/kafka/detail/dsn.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "kit/base/percent.hpp"
#include "kit/base/text.hpp"

namespace kit::kafka::detail {
namespace {

Error bad(std::string what) {
  return Error(Code::invalid_argument, "the DSN of the queue " + std::move(what))
      .with_reason("DSN_INVALID");
}

/// Without control characters: what is in it goes into the client's options.
Result<std::string> decoded(std::string_view text) {
  auto plain = percent_decode_bytes(text);
  if (!plain) return bad("has a '%' that starts no code like %40");
  const auto is_control = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < ' ' || byte == 0x7f;
  };
  if (std::ranges::any_of(*plain, is_control)) return bad("has a control character");
  return std::move(*plain);
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

bool is_address_character(char c) {
  return hex_digit(c) >= 0 || c == ':' || c == '.';
}

bool is_here(std::string_view host) {
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

/// One "host:port" as the client wants it.
Result<> add_host(std::string_view text, Dsn& dsn, bool& all_here) {
  const bool is_address = text.starts_with('[');
  const std::size_t host_end = is_address ? text.find(']') : std::min(text.find(':'), text.size());
  if (host_end == text.npos) return bad("has an address without its ']'");
  const std::string_view host = text.substr(0, host_end + (is_address ? 1 : 0));
  std::string_view port = text.substr(host.size());
  const std::string_view name = is_address ? text.substr(1, host_end - 1) : host;
  if (name.empty()) return bad("names no host: kafka://host:9092/");
  if (name.size() > 253 || (is_address && name.find(':') == name.npos) ||
      !std::ranges::all_of(name, is_address ? is_address_character : is_host_character)) {
    return bad("has a host that is no name and no address");
  }
  if (port.empty()) port = ":9092";
  const auto number = port.starts_with(':') ? parse_int(port.substr(1)) : std::nullopt;
  if (!number || *number < 1 || *number > 65'535) return bad("has a port that is not 1 to 65535");
  if (!dsn.brokers.empty()) dsn.brokers += ',';
  dsn.brokers.append(host).append(":").append(std::to_string(*number));
  all_here = all_here && is_here(host);
  return {};
}

Result<> add_user(std::string_view text, Dsn& dsn) {
  std::string_view password = text;
  auto user = decoded(cut(password, ':'));
  if (!user) return std::move(user).error();
  auto plain = decoded(password);
  if (!plain) return std::move(plain).error();
  if (user->empty() || plain->empty())
    return bad("has a user without a password, or none before it");
  dsn.user = std::move(*user);
  dsn.password = Secret<std::string>(std::move(*plain));
  dsn.sasl = "SCRAM-SHA-512";
  return {};
}

Result<> set_parameter(std::string_view name, const std::string& value, Dsn& dsn) {
  static constexpr std::array<std::string_view, 3> known = {"tls", "sasl", "client-id"};
  if (name == "tls") {
    if (value != "verify-full" && value != "disable") {
      return bad("has an unknown tls; known are verify-full and disable");
    }
    dsn.tls = value == "verify-full";
  } else if (name == "sasl") {
    static constexpr std::array<std::string_view, 3> mechanisms = {"plain", "scram-sha-256",
                                                                   "scram-sha-512"};
    if (std::ranges::find(mechanisms, value) == mechanisms.end()) {
      return bad("has an unknown sasl; known are plain, scram-sha-256 and scram-sha-512");
    }
    if (dsn.user.empty()) return bad("has a sasl, but no user");
    dsn.sasl = value;
    std::ranges::transform(dsn.sasl, dsn.sasl.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    });
  } else if (name == "client-id") {
    if (value.empty() || value.size() > 100 || !std::ranges::all_of(value, is_host_character)) {
      return bad("has a client-id that is not 1 to 100 of letters, digits, '.', '-' and '_'");
    }
    dsn.client_id = value;
  } else {
    return bad("has the unknown parameter '" + valid_utf8(name.substr(0, 40)) + "'" +
               did_you_mean(name.substr(0, 40), known) + "; known are tls, sasl and client-id");
  }
  return {};
}

}  // namespace

Result<Dsn> parse_dsn(std::string_view text) {
  if (!text.starts_with("kafka://")) return bad("must start with kafka://");
  if (text.size() > 8'192) return bad("is over 8192 characters");
  text.remove_prefix(std::string_view("kafka://").size());
  Dsn dsn;
  std::string_view query = text;
  std::string_view path = cut(query, '?');
  std::string_view hosts = cut(path, '/');
  if (!path.empty()) return bad("names something behind '/'; topics are named by who uses them");
  if (const std::size_t at = hosts.rfind('@'); at != hosts.npos) {
    KIT_TRY(add_user(hosts.substr(0, at), dsn));
    hosts.remove_prefix(at + 1);
  }
  bool all_here = true;
  const std::vector<std::string_view> parts = split(hosts, ',');
  if (parts.size() > most_hosts) return bad("has more than 16 hosts");
  for (const std::string_view part : parts) KIT_TRY(add_host(part, dsn, all_here));
  dsn.tls = !all_here;
  while (!query.empty()) {
    std::string_view value = cut(query, '&');
    const std::string_view name = cut(value, '=');
    auto plain = decoded(value);
    if (!plain) return std::move(plain).error();
    KIT_TRY(set_parameter(name, *plain, dsn));
  }
  if (!dsn.tls && dsn.sasl == "PLAIN" && !all_here) {
    return bad("would send the password in the clear: sasl=plain needs tls=verify-full");
  }
  return dsn;
}

}  // namespace kit::kafka::detail
