// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/postgres/detail/statement_text.hpp"

#include <algorithm>
#include <vector>

#include "kit/base/text.hpp"
#include "kit/db/sql_tokens.hpp"

namespace kit::postgres::detail {
namespace {

/// The protocol counts parameters in 16 bits.
constexpr long long most_parameters = 65'535;

/// A `?1` of the text.
struct Mark {
  const char* start;
  const char* end;
  std::size_t place;
};

}  // namespace

Result<StatementText> translate(std::string_view sql) {
  auto tokens = db::sql_tokens(sql);
  if (!tokens) return Error(Code::internal, tokens.error().message() + " in: " + std::string(sql));
  std::vector<Mark> marks;
  StatementText text;
  for (std::size_t i = 0; i + 1 < tokens->size(); ++i) {
    const db::SqlToken& mark = (*tokens)[i];
    const db::SqlToken& number = (*tokens)[i + 1];
    if (!mark.is('?') || number.kind != db::SqlTokenKind::number ||
        number.text.data() != mark.text.data() + 1) {
      continue;
    }
    const auto value = parse_int(number.text);
    if (!value || *value < 1 || *value > most_parameters) {
      return Error(Code::internal, "a parameter is ?1 to ?65535, not ?" + std::string(number.text) +
                                       " in: " + std::string(sql));
    }
    const auto place = static_cast<std::size_t>(*value - 1);
    marks.push_back({mark.text.data(), number.text.data() + number.text.size(), place});
    text.places.push_back(place);
    text.parameters = std::max(text.parameters, static_cast<int>(*value));
  }
  std::ranges::sort(text.places);
  const auto repeated = std::ranges::unique(text.places);
  text.places.erase(repeated.begin(), repeated.end());
  text.sql.reserve(sql.size());
  const char* copied = sql.data();
  for (const Mark& mark : marks) {
    const auto place = std::ranges::lower_bound(text.places, mark.place);
    text.sql.append(copied, mark.start).append("$");
    text.sql.append(std::to_string(place - text.places.begin() + 1));
    copied = mark.end;
  }
  text.sql.append(copied, sql.data() + sql.size());
  return text;
}

}  // namespace kit::postgres::detail
