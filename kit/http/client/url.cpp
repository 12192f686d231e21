// SPDX-License-Identifier: Apache-2.0
#include "kit/http/client/url.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/http/detail/chars.hpp"

namespace kit::http {
namespace {

constexpr std::size_t most_url_bytes = 8 * 1024;
constexpr std::size_t most_host_bytes = 253;
constexpr std::size_t most_label_bytes = 63;

Error malformed(std::string_view why) {
  // The URL itself is not repeated: its query may hold secrets.
  return Error(Code::invalid_argument, "the URL " + std::string(why)).with_reason("URL_INVALID");
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alphanumeric(char c) {
  const char small = detail::lower(c);
  return is_digit(c) || (small >= 'a' && small <= 'z');
}

/// Characters of RFC 3986 that may stand in a path ('/' included) or, with '?', in a query.
bool is_path_char(char c) {
  return is_alphanumeric(c) || std::string_view("-._~!$&'()*+,;=:@/").find(c) != std::string::npos;
}

bool is_encoded(std::string_view text, bool query) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (detail::percent_byte(text, i) <= 0) return false;
      i += 2;
    } else if (!is_path_char(text[i]) && !(query && text[i] == '?')) {
      return false;
    }
  }
  return true;
}

/// RFC 3986 section 5.2.4 for a path that begins with '/'.
std::string without_dots(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/', 1), path.size());
    const std::string_view segment = path.substr(0, end);
    path.remove_prefix(end);
    if (segment == "/." || segment == "/..") {
      if (segment == "/..") out.resize(std::min(out.rfind('/'), out.size()));
      if (path.empty()) out.push_back('/');
    } else {
      out.append(segment);
    }
  }
  return out.empty() ? "/" : out;
}

Result<std::string> parse_ipv6(std::string_view text) {
  in6_addr address{};
  std::array<char, INET6_ADDRSTRLEN> canonical{};
  // A zero byte would end the text for inet_pton, not for whoever reads the URL after us.
  const bool clean = std::ranges::all_of(
      text, [](char c) { return detail::hex_digit(c) >= 0 || c == ':' || c == '.'; });
  if (!clean || text.size() >= canonical.size() ||
      ::inet_pton(AF_INET6, std::string(text).c_str(), &address) != 1) {
    return malformed("has a malformed IPv6 address");
  }
  return std::string(::inet_ntop(AF_INET6, &address, canonical.data(), canonical.size()));
}

/// Whether a resolver might take the name for an IPv4 address: "127.1", "0x7f000001", "2130706433".
bool ends_in_number(std::string_view last_label) {
  if (last_label.starts_with("0x")) {
    return std::ranges::all_of(last_label.substr(2),
                               [](char c) { return detail::hex_digit(c) >= 0; });
  }
  return std::ranges::all_of(last_label, is_digit);
}

Result<std::string> parse_name(std::string_view text) {
  if (text.empty()) return malformed("has no host");
  if (text.size() > most_host_bytes) return malformed("has too long a host");
  std::string host = to_lower(text);
  const auto labels = split(host, '.');
  for (std::string_view label : labels) {
    if (label.empty() || label.size() > most_label_bytes) return malformed("has a malformed host");
    for (char c : label) {
      if (!is_alphanumeric(c) && c != '-' && c != '_') return malformed("has a malformed host");
    }
  }
  in_addr address{};
  if (ends_in_number(labels.back()) && ::inet_pton(AF_INET, host.c_str(), &address) != 1) {
    return malformed("has a malformed IPv4 address");
  }
  return host;
}

Result<> parse_authority(std::string_view text, Url& url) {
  if (text.find('@') != text.npos) return malformed("must not have a user or a password");
  std::size_t host_end = 0;
  const bool ipv6 = text.starts_with('[');
  if (ipv6) {
    host_end = text.find(']');
    if (host_end == text.npos) return malformed("has a malformed IPv6 address");
  } else {
    host_end = std::min(text.find(':'), text.size());
  }
  auto host =
      ipv6 ? parse_ipv6(text.substr(1, host_end - 1)) : parse_name(text.substr(0, host_end));
  if (!host.ok()) return std::move(host).error();
  url.host = std::move(*host);
  text.remove_prefix(ipv6 ? host_end + 1 : host_end);
  url.port = url.tls() ? 443 : 80;
  if (text.empty()) return {};
  const std::string_view digits = text.substr(1);
  if (text[0] != ':' || digits.empty() || digits.size() > 5 ||
      !std::ranges::all_of(digits, is_digit)) {
    return malformed("has a malformed port");
  }
  int port = 0;
  for (char c : digits) port = port * 10 + (c - '0');
  if (port < 1 || port > 65535) return malformed("has a port that is not between 1 and 65535");
  url.port = port;
  return {};
}

/// What comes behind the authority, cut into its parts.
struct Rest {
  std::string_view path;
  std::string_view query;
  bool has_query = false;
};

Result<Rest> parse_rest(std::string_view text) {
  const std::size_t hash = std::min(text.find('#'), text.size());
  if (hash < text.size() && !is_encoded(text.substr(hash + 1), true)) {
    return malformed("has a character in its fragment that must be percent-encoded");
  }
  text = text.substr(0, hash);
  Rest rest;
  const std::size_t mark = std::min(text.find('?'), text.size());
  rest.path = text.substr(0, mark);
  rest.has_query = mark < text.size();
  if (rest.has_query) rest.query = text.substr(mark + 1);
  if (!is_encoded(rest.path, false)) {
    return malformed("has a character in its path that must be percent-encoded");
  }
  if (!is_encoded(rest.query, true)) {
    return malformed("has a character in its query that must be percent-encoded");
  }
  return rest;
}

void set_rest(Url& url, const Rest& rest, std::string_view path) {
  url.path = without_dots(path);
  url.has_query = rest.has_query;
  url.query = rest.query;
}

/// Where the ':' of a scheme is, or npos: a ':' behind a '/', '?' or '#' is none.
std::size_t scheme_end(std::string_view text) {
  const std::size_t at = text.find_first_of(":/?#");
  return at != text.npos && text[at] == ':' ? at : text.npos;
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  if (text.size() > most_url_bytes) return malformed("is too long");
  Url url;
  const std::size_t colon = scheme_end(text);
  const std::string_view name = text.substr(0, colon == text.npos ? 0 : colon);
  if (detail::equals_lower(name, "https")) {
    url.scheme = Scheme::https;
  } else if (!detail::equals_lower(name, "http")) {
    return malformed("must begin with http:// or https://");
  }
  text.remove_prefix(colon + 1);
  if (!text.starts_with("//")) return malformed("must have // behind its scheme");
  text.remove_prefix(2);
  const std::size_t authority_end = std::min(text.find_first_of("/?#"), text.size());
  KIT_TRY(parse_authority(text.substr(0, authority_end), url));
  auto rest = parse_rest(text.substr(authority_end));
  if (!rest.ok()) return std::move(rest).error();
  set_rest(url, *rest, rest->path.empty() ? std::string_view("/") : rest->path);
  return url;
}

Result<Url> Url::resolve(std::string_view reference) const {
  if (reference.size() > most_url_bytes) return malformed("is too long");
  if (scheme_end(reference) != reference.npos) return parse(reference);
  if (reference.starts_with("//")) {
    return parse((tls() ? "https:" : "http:") + std::string(reference));
  }
  auto rest = parse_rest(reference);
  if (!rest.ok()) return std::move(rest).error();
  Url url = *this;
  if (rest->path.starts_with('/')) {
    set_rest(url, *rest, rest->path);
  } else if (!rest->path.empty()) {
    set_rest(url, *rest, path.substr(0, path.rfind('/') + 1) + std::string(rest->path));
  } else if (rest->has_query) {
    set_rest(url, *rest, path);
  }
  if (url.path.size() + url.query.size() > most_url_bytes) return malformed("is too long");
  return url;
}

std::string Url::authority() const {
  std::string text = host.find(':') == host.npos ? host : "[" + host + "]";
  if (port != (tls() ? 443 : 80)) text += ":" + std::to_string(port);
  return text;
}

std::string Url::origin() const {
  return (tls() ? "https://" : "http://") + authority();
}

std::string Url::target() const {
  return has_query ? path + "?" + query : path;
}

}  // namespace kit::http
