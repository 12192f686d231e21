// SPDX-License-Identifier: Apache-2.0
#include "tests/evolution/values.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "kit/base/text.hpp"

namespace evolution {
namespace {

constexpr std::int64_t day = 86'400'000'000;

/// Some long, some with characters of several bytes, some that look like SQL or numbers.
std::string random_text(Chance& chance, std::size_t least, std::size_t most) {
  static constexpr std::array<std::string_view, 18> pieces{"a",  "B", "7",  " ",  "ä", "漢",
                                                           "🎵", "'", "\"", "%",  "_", "é",
                                                           "-",  ";", "\n", "\t", "0", "z"};
  std::size_t size = chance.between(least, std::min(most, least + 12));
  if (chance.once_in(4)) size = std::min(most, least + 40);
  if (chance.once_in(6)) size = least;
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += pieces[chance.between(0, pieces.size() - 1)];
  return text;
}

std::int64_t power_of_ten(int digits) {
  std::int64_t power = 1;
  for (int i = 0; i < digits; ++i) power *= 10;
  return power;
}

struct Range {
  std::int64_t low = 0;
  std::int64_t high = 0;
};

/// What a number may be, from the schema or else from its type.
Range range_of(const Field& field) {
  Range range{std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
  if (field.type == Type::int32)
    range = {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()};
  if (field.type == Type::decimal) {
    const std::int64_t nines = power_of_ten(field.precision) - 1;
    range = {-nines, nines};
  }
  if (field.low) range.low = *field.low;
  if (field.high) range.high = *field.high;
  return range;
}

std::int64_t random_number(Chance& chance, Range range) {
  if (chance.once_in(8)) return range.low;
  if (chance.once_in(8)) return range.high;
  const std::int64_t near = static_cast<std::int64_t>(chance.between(0, 40)) - 10;
  const std::int64_t small = chance.once_in(3) ? near * 1000 : near;
  return std::clamp(small, range.low, range.high);
}

double random_real(Chance& chance, const Field& field) {
  const double real =
      static_cast<double>(chance.between(0, 4000)) / (chance.once_in(2) ? 1 : 8) - 100;
  if (field.low)
    return std::clamp(real, static_cast<double>(*field.low), static_cast<double>(*field.high));
  // Not every double is a float.
  return field.type == Type::float64 && chance.once_in(6) ? real / 10 : real;
}

std::int64_t random_time(Chance& chance, Type type) {
  const auto random = static_cast<std::int64_t>(chance.between(0, 2'000'000'000'000'000));
  switch (type) {
    case Type::date:
      return static_cast<std::int64_t>(chance.between(0, 40'000)) - 10'000;
    case Type::time:
      return random % day;
    case Type::duration:
      return random - 1'000'000'000'000'000;
    default:
      return chance.once_in(2) ? random / day * day : random;
  }
}

std::string random_json(Chance& chance) {
  static constexpr std::array<std::string_view, 6> values{
      "{}", "[1, 2]", "null", "{\"a\": \"ä\"}", "\"text\"", "12.5"};
  return std::string(values[chance.between(0, values.size() - 1)]);
}

std::string random_array(Chance& chance, const Schema& schema, Field field) {
  field.is_array = false;
  field.low = field.high = std::nullopt;
  const std::size_t size = chance.once_in(2) ? 1 : chance.between(0, 3);
  std::string text = "[";
  for (std::size_t i = 0; i < size; ++i) {
    const Value value = random_value(chance, schema, field);
    if (i > 0) text += ",";
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      text += std::to_string(*number);
    } else if (field.type == Type::uuid || field.type == Type::enumeration) {
      text += "\"" + std::get<std::string>(value) + "\"";
    } else {
      text += chance.once_in(2) ? "\"a ä'b\"" : "\"7\"";
    }
  }
  return text + "]";
}

std::string text_of(Chance& chance, const Field& field) {
  const auto least = static_cast<std::size_t>(field.low.value_or(0));
  const auto most = static_cast<std::size_t>(field.high.value_or(255));
  // So that a change of the type to a number finds something.
  if (chance.once_in(3) && least <= 1) {
    std::string number = std::to_string(chance.between(0, 9));
    if (most > 5 && chance.once_in(2)) number = "-12.5";
    return number;
  }
  return random_text(chance, least, most);
}

}  // namespace

std::string random_uuid(Chance& chance) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text = "00000000-0000-0000-0000-000000000000";
  for (char& c : text) {
    if (c == '0') c = digits[chance.between(0, 15)];
  }
  return text;
}

Value random_value(Chance& chance, const Schema& schema, const Field& field) {
  if (field.is_array) return random_array(chance, schema, field);
  switch (field.type) {
    case Type::string:
    case Type::text:
    case Type::email:
    case Type::url:
    case Type::file:
    case Type::image:
      return text_of(chance, field);
    case Type::int32:
    case Type::int64:
    case Type::decimal:
      return random_number(chance, range_of(field));
    case Type::boolean:
      return static_cast<std::int64_t>(chance.between(0, 1));
    case Type::float32:
    case Type::float64:
      return random_real(chance, field);
    case Type::uuid:
    case Type::id:
      return random_uuid(chance);
    case Type::json:
      return random_json(chance);
    case Type::bytes:
      return Bytes{std::string(
          static_cast<std::size_t>(random_number(
              chance, {field.low.value_or(0), std::min<std::int64_t>(field.high.value_or(60),
                                                                     field.low.value_or(0) + 60)})),
          static_cast<char>(chance.between(0, 255)))};
    case Type::enumeration: {
      const auto& values = schema.enum_of(field).values;
      return values[chance.between(0, values.size() - 1)].name;
    }
    default:
      return random_time(chance, field.type);
  }
}

Value random_default(Chance& chance, const Schema& schema, const Field& field) {
  const auto least = static_cast<std::size_t>(field.low.value_or(0));
  switch (field.type) {
    case Type::string:
    case Type::text:
    case Type::file:
    case Type::image:
      return std::string(std::max<std::size_t>(least, chance.between(1, 3)), 'd')
          .substr(0, static_cast<std::size_t>(field.high.value_or(255)));
    case Type::email:
      return std::string("d@example.com");
    case Type::url:
      return std::string("https://example.com/d");
    default:
      return random_value(chance, schema, field);
  }
}

bool is_allowed(const Schema& schema, const Field& field, const Value& value) {
  if (is_null(value)) return field.optional;
  if (field.is_array || field.type == Type::json || field.type == Type::id) return true;
  const std::string* text = std::get_if<std::string>(&value);
  if (field.type == Type::enumeration) {
    const auto& values = schema.enum_of(field).values;
    return text != nullptr && std::ranges::find(values, *text, &EnumValue::name) != values.end();
  }
  if (is_text(field.type) || field.type == Type::bytes) {
    const std::size_t size =
        text != nullptr ? kit::utf8_length(*text) : std::get<Bytes>(value).bytes.size();
    std::int64_t most = field.type == Type::string ? 255 : 1'000'000;
    if (field.type == Type::email) most = 254;
    if (field.type == Type::url) most = 2048;
    if (field.type == Type::file || field.type == Type::image) most = 1024;
    return static_cast<std::int64_t>(size) >= field.low.value_or(0) &&
           static_cast<std::int64_t>(size) <= field.high.value_or(most);
  }
  if (field.type == Type::uuid) return text != nullptr && text->size() == 36;
  if (const auto* real = std::get_if<double>(&value)) {
    return !field.low ||
           (*real >= static_cast<double>(*field.low) && *real <= static_cast<double>(*field.high));
  }
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    if (field.type == Type::boolean) return *number == 0 || *number == 1;
    const Range range = range_of(field);
    return *number >= range.low && *number <= range.high;
  }
  return true;
}

}  // namespace evolution
