// SPDX-License-Identifier: Apache-2.0
#include "kit/config/codec.hpp"

#include <array>
#include <charconv>

#include "kit/base/text.hpp"

namespace kit::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Longer names first: "ms" before "m".
constexpr std::array<Unit, 7> span_units = {{{"ns", 1},
                                             {"us", 1'000},
                                             {"ms", 1'000'000},
                                             {"s", 1'000'000'000},
                                             {"m", 60'000'000'000},
                                             {"h", 3'600'000'000'000},
                                             {"d", 86'400'000'000'000}}};
constexpr std::array<Unit, 8> byte_units = {{{"KiB", 1ULL << 10},
                                             {"MiB", 1ULL << 20},
                                             {"GiB", 1ULL << 30},
                                             {"TiB", 1ULL << 40},
                                             {"kB", 1'000},
                                             {"MB", 1'000'000},
                                             {"GB", 1'000'000'000},
                                             {"B", 1}}};

/// Takes a whole number off the front; nothing when there is none or it does not fit.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

template <std::size_t N>
const Unit* take_unit(std::string_view& text, const std::array<Unit, N>& units) {
  for (const Unit& unit : units) {
    if (!text.starts_with(unit.name)) continue;
    text.remove_prefix(unit.name.size());
    return &unit;
  }
  return nullptr;
}

/// `number * factor`, when it is at most `limit`.
std::optional<std::uint64_t> times(std::uint64_t number, std::uint64_t factor,
                                   std::uint64_t limit) {
  if (number > limit / factor) return std::nullopt;
  return number * factor;
}

template <class T>
std::optional<T> parse_whole(const Raw& raw) {
  if (raw.kind != Raw::Kind::text) return std::nullopt;
  T value{};
  const char* end = raw.text.data() + raw.text.size();
  auto [at, error] = std::from_chars(raw.text.data(), end, value);
  if (error != std::errc{} || at != end) return std::nullopt;
  return value;
}

}  // namespace

std::string Raw::shown() const {
  switch (kind) {
    case Kind::list:
      return "a list";
    case Kind::map:
      return "a mapping";
    case Kind::empty:
      return "empty";
    case Kind::text:
      break;
  }
  constexpr std::size_t longest = 60;
  std::string out = "'";
  for (char c : std::string_view(text).substr(0, longest)) {
    out.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c);
  }
  // Not half a character at the end.
  while (text.size() > longest && !is_utf8(out)) out.pop_back();
  return out.append(text.size() > longest ? "...'" : "'");
}

std::optional<bool> parse_bool(const Raw& raw) {
  if (raw.kind != Raw::Kind::text) return std::nullopt;
  if (raw.text == "true") return true;
  if (raw.text == "false") return false;
  return std::nullopt;
}

std::optional<std::int64_t> parse_signed(const Raw& raw) {
  return parse_whole<std::int64_t>(raw);
}
std::optional<std::uint64_t> parse_unsigned(const Raw& raw) {
  return parse_whole<std::uint64_t>(raw);
}

std::optional<double> parse_number(const Raw& raw) {
  return raw.kind == Raw::Kind::text ? parse_double(raw.text) : std::nullopt;
}

std::optional<std::string> parse_text(const Raw& raw) {
  if (raw.kind != Raw::Kind::text) return std::nullopt;
  return raw.text;
}

std::optional<std::chrono::nanoseconds> parse_span(const Raw& raw) {
  constexpr std::uint64_t limit = std::numeric_limits<std::int64_t>::max();
  if (raw.kind != Raw::Kind::text || raw.text.empty()) return std::nullopt;
  if (raw.text == "0") return std::chrono::nanoseconds{0};
  std::string_view rest = raw.text;
  std::uint64_t total = 0;
  while (!rest.empty()) {
    auto number = take_number(rest);
    const Unit* unit = take_unit(rest, span_units);
    if (!number || unit == nullptr) return std::nullopt;
    auto part = times(*number, unit->factor, limit - total);
    if (!part) return std::nullopt;
    total += *part;
  }
  return std::chrono::nanoseconds{static_cast<std::int64_t>(total)};
}

std::optional<Bytes> parse_bytes(const Raw& raw) {
  if (raw.kind != Raw::Kind::text) return std::nullopt;
  std::string_view rest = raw.text;
  auto number = take_number(rest);
  if (!number) return std::nullopt;
  if (rest.empty()) return Bytes{*number};
  const Unit* unit = take_unit(rest, byte_units);
  if (unit == nullptr || !rest.empty()) return std::nullopt;
  auto count = times(*number, unit->factor, std::numeric_limits<std::uint64_t>::max());
  if (!count) return std::nullopt;
  return Bytes{*count};
}

std::optional<std::vector<std::string>> parse_list(const Raw& raw) {
  if (raw.kind == Raw::Kind::list) return raw.items;
  if (raw.kind != Raw::Kind::text || !raw.is_one_line) return std::nullopt;
  std::vector<std::string> items;
  if (raw.text.empty()) return items;
  for (std::string_view item : split(raw.text, ',')) items.emplace_back(trim(item));
  return items;
}

std::optional<std::map<std::string, std::string>> parse_map(const Raw& raw) {
  std::map<std::string, std::string> members;
  if (raw.kind == Raw::Kind::map) {
    members.insert(raw.members.begin(), raw.members.end());
    return members;
  }
  if (raw.kind != Raw::Kind::text || !raw.is_one_line) return std::nullopt;
  if (raw.text.empty()) return members;
  for (std::string_view item : split(raw.text, ',')) {
    auto equals = item.find('=');
    if (equals == item.npos) return std::nullopt;
    auto added = members.emplace(trim(item.substr(0, equals)), trim(item.substr(equals + 1)));
    if (!added.second) return std::nullopt;
  }
  return members;
}

std::string format_span(std::chrono::nanoseconds span) {
  const std::int64_t count = span.count();
  for (auto unit = span_units.rbegin(); unit != span_units.rend(); ++unit) {
    auto factor = static_cast<std::int64_t>(unit->factor);
    if (count != 0 && count % factor == 0) {
      return std::to_string(count / factor).append(unit->name);
    }
  }
  return "0s";
}

std::string format_bytes(Bytes bytes) {
  for (std::size_t i = 4; i-- > 0;) {
    if (bytes.count != 0 && bytes.count % byte_units[i].factor == 0) {
      return std::to_string(bytes.count / byte_units[i].factor).append(byte_units[i].name);
    }
  }
  return std::to_string(bytes.count);
}

std::string format_number(double number) {
  std::array<char, 32> buffer;
  auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
  return {buffer.data(), end};
}

std::string format_list(const std::vector<std::string>& list) {
  std::string out;
  for (const std::string& item : list) out.append(out.empty() ? "" : ",").append(item);
  return out;
}

std::string format_map(const std::map<std::string, std::string>& map) {
  std::string out;
  for (const auto& [name, value] : map) {
    out.append(out.empty() ? "" : ",").append(name).append("=").append(value);
  }
  return out;
}

}  // namespace kit::config
