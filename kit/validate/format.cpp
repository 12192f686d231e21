// SPDX-License-Identifier: Apache-2.0
#include "kit/validate/format.hpp"

#include <algorithm>
#include <cstddef>

#include "kit/base/text.hpp"

namespace kit::validate {
namespace {

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_label(std::string_view label) {
  if (label.empty() || label.size() > 63) return false;
  if (!is_alphanumeric(label.front()) || !is_alphanumeric(label.back())) return false;
  return std::ranges::all_of(label, [](char c) { return is_alphanumeric(c) || c == '-'; });
}

bool is_host_name(std::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  return std::ranges::all_of(split(host, '.'), is_label);
}

bool is_port(std::string_view port) {
  const auto number = parse_int(port);
  return number && *number > 0 && *number <= 65535;
}

// An address in brackets; whether it is a real one is for the resolver to say.
bool is_bracketed(std::string_view host) {
  if (host.size() < 4 || host.front() != '[' || host.back() != ']') return false;
  host = host.substr(1, host.size() - 2);
  return std::ranges::all_of(host, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
           c == '.';
  });
}

}  // namespace

bool is_email(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == 0 || at == std::string_view::npos || at > 64) return false;
  const std::string_view local = text.substr(0, at);
  constexpr std::string_view specials = ".!#$%&'*+/=?^_`{|}~-";
  // Letters of any script (RFC 6531), but no controls of Latin-1 (C2 80 to C2 9F).
  const bool is_local = std::ranges::all_of(local, [&](char c) {
    return is_alphanumeric(c) || static_cast<unsigned char>(c) >= 0x80 ||
           specials.find(c) != std::string_view::npos;
  });
  for (std::size_t i = 0; i + 1 < local.size(); ++i) {
    if (local[i] == '\xC2' && static_cast<unsigned char>(local[i + 1]) < 0xA0) return false;
  }
  return is_local && is_utf8(local) && is_host_name(text.substr(at + 1));
}

bool is_url(std::string_view text) {
  const std::size_t end_of_scheme = text.find("://");
  if (end_of_scheme == std::string_view::npos) return false;
  const std::string_view scheme = text.substr(0, end_of_scheme);
  if (!iequals(scheme, "http") && !iequals(scheme, "https")) return false;
  const bool is_clean = std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7F && c != '\\' && c != '"' && c != '<' && c != '>';
  });
  if (!is_clean) return false;
  const std::string_view rest = text.substr(end_of_scheme + 3);
  std::string_view host = rest.substr(0, std::min(rest.find_first_of("/?#"), rest.size()));
  const std::size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
    if (!is_port(host.substr(colon + 1))) return false;
    host = host.substr(0, colon);
  }
  return is_bracketed(host) || is_host_name(host);
}

}  // namespace kit::validate
