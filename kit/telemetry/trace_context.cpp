// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/trace_context.hpp"

#include <algorithm>

#include "kit/base/text.hpp"

namespace kit::telemetry {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::size_t header_size = 55;

bool is_hex(std::string_view text) {
  return text.find_first_not_of(hex_digits) == std::string_view::npos;
}

/// Of one digit that is hex.
unsigned nibble(char digit) {
  return static_cast<unsigned>(hex_digits.find(digit));
}

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/// A key of tracestate, with or without a tenant before an '@'.
bool is_state_key(std::string_view key) {
  constexpr std::size_t longest = 256;
  if (key.empty() || key.size() > longest || !is_lower_or_digit(key.front())) return false;
  return std::ranges::all_of(key, [](char c) {
    return is_lower_or_digit(c) || std::string_view("_-*/@").find(c) != std::string_view::npos;
  });
}

bool is_state_value(std::string_view value) {
  constexpr std::size_t longest = 256;
  if (value.empty() || value.size() > longest || value.back() == ' ') return false;
  return std::ranges::all_of(value,
                             [](char c) { return c >= 0x20 && c <= 0x7E && c != ',' && c != '='; });
}

bool is_state_member(std::string_view member) {
  const std::string_view key = cut(member, '=');
  return is_state_key(key) && is_state_value(member);
}

/// RFC 7230 token, of which the keys of baggage are.
bool is_token(std::string_view text) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || others.find(c) != others.npos;
  });
}

/// `key=value`, with properties behind a ';' each.
bool is_baggage_member(std::string_view member) {
  std::string_view first = member;
  first = cut(first, ';');
  const std::size_t equals = first.find('=');
  if (equals == std::string_view::npos || !is_token(trim(first.substr(0, equals)))) return false;
  // A value is printable ASCII; anything else is percent-encoded.
  return std::ranges::all_of(member, [](char c) {
    return (c >= 0x20 && c <= 0x7E && c != '"' && c != '\\') || c == '\t';
  });
}

/// The digits of `ot=th:`, without the zeros at their end, one at least.
std::string_view digits_of(const std::array<char, 14>& threshold) {
  std::string_view digits(threshold.data(), threshold.size());
  while (digits.size() > 1 && digits.back() == '0') digits.remove_suffix(1);
  return digits;
}

}  // namespace

std::optional<TraceParent> parse_trace_parent(std::string_view header) {
  if (header.size() < header_size || header[2] != '-' || header[35] != '-' || header[52] != '-') {
    return std::nullopt;
  }
  const std::string_view version = header.substr(0, 2);
  if (!is_hex(version) || version == "ff") return std::nullopt;
  if (header.size() > header_size && (version == "00" || header[header_size] != '-')) {
    return std::nullopt;
  }
  TraceParent parent;
  parent.trace_id = header.substr(3, 32);
  parent.span_id = header.substr(36, 16);
  const std::string_view flags = header.substr(53, 2);
  if (!is_trace_id(parent.trace_id) || !is_trace_id(parent.span_id) || !is_hex(flags)) {
    return std::nullopt;
  }
  const unsigned sent = nibble(flags[0]) << 4 | nibble(flags[1]);
  parent.flags = static_cast<std::uint8_t>(sent & (flag_sampled | flag_random));
  return parent;
}

std::string trace_parent(const LogContext& log, const SpanId& parent) {
  std::string header = "00-";
  header.append(log.trace_id.data(), log.trace_id.size()).push_back('-');
  header.append(parent.data(), parent.size()).append("-0");
  const unsigned flags = (log.sampled ? flag_sampled : 0U) | (log.random ? flag_random : 0U);
  header.push_back(hex_digits[flags]);
  return header;
}

std::string trace_state(const LogContext& log) {
  std::string state;
  const bool decided = log.sampled && log.threshold[0] != '\0';
  if (decided) state.append("ot=th:").append(digits_of(log.threshold));
  if (log.trace_state.empty()) return state;
  std::size_t members = decided ? 1 : 0;
  std::string theirs;
  bool full = false;
  for (std::string_view member : split(log.trace_state, ',')) {
    member = trim(member);
    if (member.empty()) continue;
    if (!is_state_member(member)) return state;
    if (decided && member.starts_with("ot=")) continue;
    const std::size_t before =
        (state.empty() ? 0 : state.size() + 1) + (theirs.empty() ? 0 : theirs.size() + 1);
    full |= members == most_state_members || before + member.size() > most_state_bytes;
    if (full) continue;  // what is behind is looked at all the same: it may be malformed
    ++members;
    theirs.append(theirs.empty() ? "" : ",").append(member);
  }
  if (!state.empty() && !theirs.empty()) state.push_back(',');
  return state + theirs;
}

std::string limited_baggage(std::string_view baggage) {
  std::string kept;
  std::size_t members = 0;
  for (std::string_view member : split(baggage, ',')) {
    member = trim(member);
    if (!is_baggage_member(member)) continue;
    if (members == most_baggage_members ||
        kept.size() + member.size() + 1 > most_baggage_bytes + (kept.empty() ? 1 : 0)) {
      break;
    }
    ++members;
    kept.append(kept.empty() ? "" : ",").append(member);
  }
  return kept;
}

}  // namespace kit::telemetry
