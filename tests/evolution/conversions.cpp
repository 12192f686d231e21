// SPDX-License-Identifier: Apache-2.0
// What a change of type does to a value, worked out without SQL.
#include <algorithm>
#include <cmath>

#include "kit/base/text.hpp"
#include "tests/evolution/values.hpp"

namespace evolution {
namespace {

constexpr std::int64_t day = 86'400'000'000;

/// Up to where a floating type holds every whole number.
double exact_limit(const Field& real) {
  return real.type == Type::float32 ? 16777216.0 : 9007199254740992.0;
}

enum class Kind : std::uint8_t {
  text,
  integer,
  decimal,
  boolean,
  real,
  date,
  timestamp,
  uuid,
  json,
  other
};

Kind kind_of(const Field& field) {
  switch (field.type) {
    case Type::int32:
    case Type::int64:
      return Kind::integer;
    case Type::decimal:
      return Kind::decimal;
    case Type::boolean:
      return Kind::boolean;
    case Type::float32:
    case Type::float64:
      return Kind::real;
    case Type::date:
      return Kind::date;
    case Type::timestamp:
      return Kind::timestamp;
    case Type::uuid:
      return Kind::uuid;
    case Type::id:
      return field.is_uuid ? Kind::uuid : Kind::integer;
    case Type::json:
      return Kind::json;
    case Type::time:
    case Type::duration:
    case Type::bytes:
    case Type::geo:
      return Kind::other;
    default:
      return Kind::text;
  }
}

std::optional<std::int64_t> as_decimal(std::int64_t whole, int digits) {
  for (; digits > 0; --digits) {
    if (__builtin_mul_overflow(whole, std::int64_t{10}, &whole)) return std::nullopt;
  }
  for (; digits < 0; ++digits) {
    if (whole % 10 != 0) return std::nullopt;
    whole /= 10;
  }
  return whole;
}

std::string decimal_text(std::int64_t unscaled, int scale) {
  std::string digits = std::to_string(unscaled).substr(unscaled < 0 ? 1 : 0);
  const auto behind = static_cast<std::size_t>(scale);
  if (behind == 0) return (unscaled < 0 ? "-" : "") + digits;
  if (digits.size() <= behind) digits.insert(0, behind + 1 - digits.size(), '0');
  return (unscaled < 0 ? "-" : "") + digits.substr(0, digits.size() - behind) + "." +
         digits.substr(digits.size() - behind);
}

/// "-12.50" as the whole number of its last digit; only as this type writes it.
std::optional<std::int64_t> parsed_decimal(const std::string& text, int scale) {
  std::string digits;
  std::size_t behind = 0;
  bool has_point = false;
  for (const char c : text) {
    if (c == '.') {
      if (has_point) return std::nullopt;
      has_point = true;
      continue;
    }
    digits += c;
    if (has_point) ++behind;
  }
  if (has_point && behind == 0) return std::nullopt;
  const std::size_t sign = digits.starts_with('-') ? 1 : 0;
  const std::size_t whole = digits.size() - behind - std::min(sign, digits.size());
  if (whole == 0 || (whole > 1 && digits[sign] == '0')) return std::nullopt;
  if (behind > static_cast<std::size_t>(scale)) return std::nullopt;
  digits.append(static_cast<std::size_t>(scale) - behind, '0');
  const auto number = kit::parse_int(digits);
  if (!number || text.starts_with("+")) return std::nullopt;
  return *number;
}

bool is_uuid(const std::string& text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool is_digit = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
    if (is_dash ? text[i] != '-' : !is_digit) return false;
  }
  return true;
}

/// Of the texts that this test makes: enough of JSON.
bool is_json(const std::string& text) {
  const std::string_view inner = kit::trim(text);
  if (inner == "true" || inner == "false" || inner == "null") return true;
  if (inner.empty() || inner.find_first_of("'") != inner.npos) return false;
  if (kit::parse_double(inner)) {
    const bool starts_well =
        inner[0] == '-' ? inner.size() > 1 && inner[1] != '.' : inner[0] != '.';
    const std::string_view digits = inner.substr(inner[0] == '-' ? 1 : 0);
    const bool has_nought = digits.size() > 1 && digits[0] == '0' && digits[1] != '.';
    return starts_well && !has_nought && inner.back() != '.' &&
           inner.find_first_not_of("-0123456789.") == inner.npos;
  }
  if (inner.starts_with("{") || inner.starts_with("[")) return true;
  return inner.size() >= 2 && inner.front() == '"' && inner.back() == '"' &&
         inner.substr(1, inner.size() - 2).find_first_of("\"\\\n\t") == inner.npos;
}

std::optional<Value> from_text(const Field& to, const std::string& text) {
  switch (kind_of(to)) {
    case Kind::text:
      return text;
    case Kind::integer: {
      const auto number = kit::parse_int(text);
      if (!number || std::to_string(*number) != text) return std::nullopt;
      return std::int64_t{*number};
    }
    case Kind::decimal: {
      const auto number = parsed_decimal(text, to.scale);
      if (!number) return std::nullopt;
      return *number;
    }
    case Kind::boolean:
      if (text != "true" && text != "false") return std::nullopt;
      return std::int64_t{text == "true" ? 1 : 0};
    case Kind::uuid:
      return is_uuid(text) ? std::optional<Value>(text) : std::nullopt;
    default:
      return is_json(text) ? std::optional<Value>(text) : std::nullopt;
  }
}

std::optional<Value> from_whole(const Field& from, const Field& to, std::int64_t number) {
  const bool is_decimal = kind_of(from) == Kind::decimal;
  switch (kind_of(to)) {
    case Kind::text:
      return decimal_text(number, is_decimal ? from.scale : 0);
    case Kind::integer:
    case Kind::decimal: {
      const int before = is_decimal ? from.scale : 0;
      const int after = kind_of(to) == Kind::decimal ? to.scale : 0;
      const auto scaled = as_decimal(number, after - before);
      return scaled ? std::optional<Value>(*scaled) : std::nullopt;
    }
    case Kind::boolean:
      return number == 0 || number == 1 ? std::optional<Value>(number) : std::nullopt;
    default:
      if (std::abs(static_cast<double>(number)) > exact_limit(to)) return std::nullopt;
      return static_cast<double>(number);
  }
}

std::optional<Value> of_scalar(const Field& from, const Field& to, const Value& value) {
  const Kind before = kind_of(from);
  const Kind after = kind_of(to);
  if (before == Kind::text) return from_text(to, std::get<std::string>(value));
  if (before == Kind::integer || before == Kind::decimal)
    return from_whole(from, to, std::get<std::int64_t>(value));
  if (before == Kind::boolean && after == Kind::text)
    return std::string(std::get<std::int64_t>(value) != 0 ? "true" : "false");
  if (before == Kind::real && after == Kind::integer) {
    const double real = std::get<double>(value);
    if (std::abs(real) > exact_limit(from) || real != std::trunc(real)) return std::nullopt;
    return static_cast<std::int64_t>(real);
  }
  if (before == Kind::real && after == Kind::real) {
    const double real = std::get<double>(value);
    const bool is_kept =
        to.type == Type::float64 || static_cast<double>(static_cast<float>(real)) == real;
    return is_kept ? std::optional<Value>(real) : std::nullopt;
  }
  if (before == Kind::date && after == Kind::timestamp) return std::get<std::int64_t>(value) * day;
  if (before == Kind::timestamp && after == Kind::date) {
    const std::int64_t time = std::get<std::int64_t>(value);
    return time % day == 0 ? std::optional<Value>(time / day) : std::nullopt;
  }
  return value;
}

/// The only element of a JSON array of texts or numbers without escapes; nothing when there are
/// none or several.
std::optional<Value> only_element(const std::string& array) {
  const std::string inner = array.substr(1, array.size() - 2);
  if (inner.empty()) return std::nullopt;
  if (inner.front() == '"') {
    const std::size_t end = inner.find('"', 1);
    return end + 1 == inner.size() ? std::optional<Value>(inner.substr(1, end - 1)) : std::nullopt;
  }
  const auto number = kit::parse_int(inner);
  return number ? std::optional<Value>(std::int64_t{*number}) : std::nullopt;
}

std::string array_of(const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value))
    return "[" + std::to_string(*number) + "]";
  std::string text = "[\"";
  for (const char c : std::get<std::string>(value)) {
    if (c == '"' || c == '\\') text += '\\';
    if (c == '\n' || c == '\t') {
      text += c == '\n' ? "\\n" : "\\t";
    } else {
      text += c;
    }
  }
  return text + "\"]";
}

bool is_element(Kind kind) {
  return kind == Kind::text || kind == Kind::integer || kind == Kind::uuid;
}

}  // namespace

bool can_convert(const Field& from, const Field& to) {
  const Kind before = kind_of(from);
  const Kind after = kind_of(to);
  if (from.is_array && to.is_array) return from.type == to.type && from.scale == to.scale;
  if (from.is_array != to.is_array) return before == after && is_element(before);
  if (from.type == Type::id && to.type == Type::id) return from.is_uuid == to.is_uuid;
  if (before == after) return before != Kind::other || from.type == to.type;
  switch (before) {
    case Kind::text:
      return after == Kind::integer || after == Kind::decimal || after == Kind::boolean ||
             after == Kind::uuid || after == Kind::json;
    case Kind::integer:
      return after == Kind::decimal || after == Kind::text || after == Kind::boolean ||
             after == Kind::real;
    case Kind::decimal:
      return after == Kind::integer || after == Kind::text;
    case Kind::boolean:
      return after == Kind::text || after == Kind::integer;
    case Kind::real:
      return after == Kind::integer;
    case Kind::date:
      return after == Kind::timestamp;
    case Kind::timestamp:
      return after == Kind::date;
    case Kind::uuid:
    case Kind::json:
      return after == Kind::text;
    case Kind::other:
      break;
  }
  return false;
}

std::optional<Value> convert(const Field& from, const Field& to, const Value& value) {
  if (is_null(value)) return value;
  if (from.is_array && to.is_array) return value;
  if (from.is_array) return only_element(std::get<std::string>(value));
  if (to.is_array) return array_of(value);
  return of_scalar(from, to, value);
}

bool is_same(const Value& a, const Value& b) {
  return a == b;
}

}  // namespace evolution
