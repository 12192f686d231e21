// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "kit/base/text.hpp"
#include "kitgen/adopt/detail/server_types.hpp"
#include "kitgen/adopt/detail/sql_text.hpp"

namespace kitgen::adopt {
namespace {

struct Known {
  std::string_view name;
  Kind kind;
  long long length = 0;
  std::string_view note = {};
};

constexpr std::array<Known, 33> known{{
    {"tinyint", Kind::int32},
    {"smallint", Kind::int32},
    {"mediumint", Kind::int32},
    {"int", Kind::int32},
    {"bigint", Kind::int64},
    {"float", Kind::float32},
    {"double", Kind::float64},
    {"decimal", Kind::decimal},
    {"varchar", Kind::string},
    {"char", Kind::string},
    {"tinytext", Kind::text, 255},
    {"text", Kind::text, 65'535},
    {"mediumtext", Kind::text},
    {"longtext", Kind::text},
    {"binary", Kind::bytes},
    {"varbinary", Kind::bytes},
    {"tinyblob", Kind::bytes, 255},
    {"blob", Kind::bytes, 65'535},
    {"mediumblob", Kind::bytes},
    {"longblob", Kind::bytes},
    {"date", Kind::date},
    {"time", Kind::time, 0, "a time of MySQL may be longer than a day; here it is a time of day"},
    {"datetime", Kind::timestamp},
    {"timestamp", Kind::timestamp},
    {"year", Kind::int32, 0, "a year of MySQL is from 1901 to 2155"},
    {"json", Kind::json},
    {"uuid", Kind::uuid},
    {"inet4", Kind::string, 15, "inet4 is not checked to be an address"},
    {"inet6", Kind::string, 39, "inet6 is not checked to be an address"},
    {"enum", Kind::enumeration},
    {"set", Kind::string},
    {"bit", Kind::int64},
    {"boolean", Kind::boolean},
}};

/// The numbers of "(10,2)".
std::vector<long long> numbers_of(const std::vector<Token>& tokens) {
  std::vector<long long> numbers;
  for (const Token& token : tokens) {
    if (token.kind != Token::Kind::number) continue;
    if (const auto value = kit::parse_int(token.text)) numbers.push_back(*value);
  }
  return numbers;
}

void set_numbers(const std::string& name, const std::vector<long long>& numbers, ColumnType& type) {
  if (numbers.empty()) return;
  const long long first = numbers.front();
  if (name == "tinyint" && first == 1) {
    type.kind = Kind::boolean;
    type.is_unsigned = false;
  } else if (name == "decimal") {
    type.precision = static_cast<int>(std::min(first, 1'000LL));
    type.scale = numbers.size() > 1 ? static_cast<int>(std::min(numbers[1], 1'000LL)) : 0;
  } else if (name == "bit") {
    if (first == 1) type.kind = Kind::boolean;
    if (first > 1) type.note = "its bits are a whole number here";
    type.is_unsigned = first > 1;
  } else if (name == "varchar" || name == "char" || name == "binary" || name == "varbinary") {
    type.length = first;
  }
}

}  // namespace

ColumnType mysql_type(const std::string& declared) {
  ColumnType type;
  type.declared = declared;
  const std::size_t end = std::min(declared.find_first_of("( "), declared.size());
  const std::string name = kit::to_lower(declared.substr(0, end));
  const auto found = std::ranges::find(known, std::string_view(name), &Known::name);
  const std::optional<std::vector<Token>> tokens = tokens_of(declared);
  if (found == known.end() || !tokens) return type;
  type.kind = found->kind;
  type.note = std::string(found->note);
  if (found->length > 0) type.length = found->length;
  type.is_unsigned = std::ranges::any_of(*tokens, [](const Token& token) {
    return token.kind == Token::Kind::name && token.text == "unsigned";
  });
  long long letters = 0;
  for (const Token& token : *tokens) {
    if (token.kind != Token::Kind::string) continue;
    type.values.push_back(token.text);
    letters += static_cast<long long>(kit::utf8_length(token.text)) + 1;
  }
  if (name == "set") {
    type.length = std::max(letters, 1LL);
    type.note = declared + " is a text with commas here";
    type.values.clear();
  } else if (name != "enum") {
    type.values.clear();
    set_numbers(name, numbers_of(*tokens), type);
  }
  if (type.is_unsigned && name == "int") type.kind = Kind::int64;
  if (type.is_unsigned && name == "bigint")
    type.note = "values above 9223372036854775807 are not carried";
  return type;
}

}  // namespace kitgen::adopt
