// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "kit/base/text.hpp"
#include "kit/base/time.hpp"
#include "kit/base/uuid.hpp"
#include "kitgen/model/detail/context.hpp"
#include "kitgen/model/quote.hpp"

namespace kitgen::model {
namespace {

using Parsed = std::optional<ParsedLiteral>;

Parsed fail(std::string& why, std::string reason) {
  why = std::move(reason);
  return std::nullopt;
}

/// -9223372036854775808 is no literal of C++: the minus stands before a number that does not fit.
std::string cpp_int64(std::int64_t value) {
  if (value == std::numeric_limits<std::int64_t>::min()) return "-9223372036854775807 - 1";
  return std::to_string(value);
}

Parsed integer(const Field& field, const std::string& text, std::string& why) {
  const std::size_t digits = text.starts_with('-') ? 1 : 0;
  if (text.size() > digits + 1 && text[digits] == '0' && kit::parse_int(text))
    return fail(why, "has a leading zero, which some YAML takes for an octal number");
  const std::optional<long long> value = kit::parse_int(text);
  const bool is_narrow = field.type == Scalar::int32;
  if (!value)
    return fail(why, is_narrow ? "is not a whole number that fits int32"
                               : "is not a whole number that fits int64");
  if (is_narrow && (*value < std::numeric_limits<std::int32_t>::min() ||
                    *value > std::numeric_limits<std::int32_t>::max())) {
    return fail(why, "does not fit int32");
  }
  const std::string plain = std::to_string(*value);
  return ParsedLiteral{
      {plain, is_narrow ? plain : "std::int64_t{" + cpp_int64(*value) + "}", plain, plain, false},
      std::int64_t{*value}};
}

template <class T>
std::string shortest(T value) {
  std::array<char, 64> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), result.ptr};
}

Parsed floating(const Field& field, const std::string& text, std::string& why) {
  const std::optional<double> value = kit::parse_double(text);
  if (!value || !std::isfinite(*value)) return fail(why, "is not a number");
  const bool is_narrow = field.type == Scalar::float32;
  if (is_narrow && std::abs(*value) > static_cast<double>(std::numeric_limits<float>::max())) {
    return fail(why, "does not fit float");
  }
  std::string plain = is_narrow ? shortest(static_cast<float>(*value)) : shortest(*value);
  std::string cpp = plain.find_first_of(".e") == std::string::npos ? plain + ".0" : plain;
  if (is_narrow) cpp += 'F';
  return ParsedLiteral{{plain, cpp, plain, plain, false}, *value};
}

Parsed decimal(const Field& field, const std::string& text, std::string& why) {
  const std::optional<kit::Decimal> value = kit::Decimal::parse(text);
  if (!value) return fail(why, "is not a decimal number");
  const std::optional<kit::Decimal> scaled =
      value->fits(field.precision, field.scale) ? value->rescaled(field.scale) : std::nullopt;
  if (!scaled) {
    return fail(why, "has too many digits for decimal(" + std::to_string(field.precision) + "," +
                         std::to_string(field.scale) + ")");
  }
  const std::string unscaled = std::to_string(scaled->unscaled());
  const std::string plain = scaled->to_string();
  return ParsedLiteral{
      {plain, "kit::Decimal(" + unscaled + ", " + std::to_string(field.scale) + ")", unscaled,
       json_string(plain), false},
      *scaled};
}

/// A point in time or a length of time: an integer of some unit inside a C++ wrapper.
ParsedLiteral counted(std::int64_t count, std::string text, const std::string& open,
                      const std::string& close) {
  std::string json = json_string(text);
  return {{std::move(text), open + cpp_int64(count) + close, std::to_string(count), std::move(json),
           false},
          count};
}

Parsed now(const Field& field) {
  const std::string cpp =
      field.type == Scalar::timestamp
          ? "kit::Timestamp::now()"
          : "kit::Date{std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now())}";
  return ParsedLiteral{{"now", cpp, "", "", true}, std::monostate{}};
}

Parsed temporal(const Field& field, const std::string& text, std::string& why) {
  if (text == "now" && (field.type == Scalar::timestamp || field.type == Scalar::date))
    return now(field);
  if (field.type == Scalar::timestamp) {
    const auto value = kit::Timestamp::parse(text, true);
    if (!value) return fail(why, "is not a timestamp like 2021-01-31T13:45:00Z");
    return counted(value->since_epoch.count(), value->to_string(),
                   "kit::Timestamp{std::chrono::microseconds{", "}}");
  }
  if (field.type == Scalar::date) {
    const auto value = kit::Date::parse(text);
    if (!value) return fail(why, "is not a date like 2021-01-31");
    return counted(value->day.time_since_epoch().count(), value->to_string(),
                   "kit::Date{std::chrono::sys_days{std::chrono::days{", "}}}");
  }
  if (field.type == Scalar::time) {
    const auto value = kit::TimeOfDay::parse(text);
    if (!value) return fail(why, "is not a time like 13:45:00");
    return counted(value->since_midnight.count(), value->to_string(),
                   "kit::TimeOfDay{std::chrono::microseconds{", "}}");
  }
  const auto value = kit::parse_duration(text);
  if (!value) return fail(why, "is not a duration like 3.5s");
  return counted(value->count(), kit::format_duration(*value), "std::chrono::microseconds{", "}");
}

bool looks_like_email(std::string_view text) {
  const std::size_t at = text.find('@');
  return at != std::string_view::npos && at > 0 && at + 1 < text.size() &&
         text.find('@', at + 1) == std::string_view::npos &&
         text.find(' ') == std::string_view::npos;
}

bool looks_like_url(std::string_view text) {
  return (text.starts_with("http://") || text.starts_with("https://")) &&
         text.find(' ') == std::string_view::npos && text.size() > 8;
}

Parsed textual(const Field& field, const std::string& text, std::string& why) {
  if (field.type == Scalar::email && !looks_like_email(text))
    return fail(why, "is not an e-mail address");
  if (field.type == Scalar::url && !looks_like_url(text))
    return fail(why, "is not an http or https URL");
  return ParsedLiteral{{text, cpp_string(text), sql_literal(text), json_string(text), false},
                       std::monostate{}};
}

Parsed enumerator(const Service& service, const Field& field, const std::string& text,
                  std::string& why) {
  const Enum& type = service.enums[field.enum_index];
  for (const EnumValue& value : type.values) {
    if (value.name != text) continue;
    return ParsedLiteral{
        {text, type.name + "::" + value.cpp, sql_literal(text), json_string(text), false},
        std::monostate{}};
  }
  return fail(why, "is not a value of " + schema::in_quotes(type.name));
}

}  // namespace

std::optional<ParsedLiteral> parse_literal(const Service& service, const Field& field,
                                           const Word& word, std::string& why) {
  const std::string& text = word.text;
  if (field.is_array) return fail(why, "cannot be given for an array");
  switch (field.type) {
    case Scalar::string:
    case Scalar::text:
    case Scalar::email:
    case Scalar::url:
      return textual(field, text, why);
    case Scalar::int32:
    case Scalar::int64:
      return integer(field, text, why);
    case Scalar::float32:
    case Scalar::float64:
      return floating(field, text, why);
    case Scalar::decimal:
      return decimal(field, text, why);
    case Scalar::boolean:
      if (text != "true" && text != "false") return fail(why, "is neither true nor false");
      return ParsedLiteral{{text, text, text == "true" ? "1" : "0", text, false}, std::monostate{}};
    case Scalar::date:
    case Scalar::time:
    case Scalar::timestamp:
    case Scalar::duration:
      return temporal(field, text, why);
    case Scalar::uuid: {
      const auto value = kit::Uuid::parse(text);
      if (!value) return fail(why, "is not a uuid");
      const std::string plain = value->to_string();
      return ParsedLiteral{{plain, "kit::Uuid::parse(" + cpp_string(plain) + ").value()",
                            sql_literal(plain), json_string(plain), false},
                           std::monostate{}};
    }
    case Scalar::enumeration:
      return enumerator(service, field, text, why);
    case Scalar::json:
    case Scalar::bytes:
    case Scalar::id:
      break;
  }
  return fail(why, "cannot be given for the type " + schema::in_quotes(scalar_name(field.type)));
}

bool less(const Comparable& a, const Comparable& b) {
  if (a.index() != b.index()) return false;
  if (const auto* left = std::get_if<std::int64_t>(&a)) return *left < std::get<std::int64_t>(b);
  if (const auto* left = std::get_if<double>(&a)) return *left < std::get<double>(b);
  if (const auto* left = std::get_if<kit::Decimal>(&a)) return *left < std::get<kit::Decimal>(b);
  return false;
}

}  // namespace kitgen::model
