// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/postgres/detail/statement_text.hpp"

#include <algorithm>
#include <array>
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

/// Commands that change the session for good.
constexpr auto session_commands = std::to_array<std::string_view>(
    {"RESET", "LISTEN", "UNLISTEN", "PREPARE", "EXECUTE", "DEALLOCATE", "DISCARD", "LOAD"});
constexpr auto session_locks =
    std::to_array<std::string_view>({"pg_advisory_lock", "pg_advisory_lock_shared",
                                     "pg_try_advisory_lock", "pg_try_advisory_lock_shared"});
constexpr auto transaction_settings =
    std::to_array<std::string_view>({"LOCAL", "TRANSACTION", "CONSTRAINTS"});

template <std::size_t n>
bool is_one_of(const db::SqlToken& token, const std::array<std::string_view, n>& words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return token.is(word); });
}

bool has_pair(const std::vector<db::SqlToken>& tokens, std::string_view first,
              std::string_view second) {
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (tokens[i].is(first) && tokens[i + 1].is(second)) return true;
  }
  return false;
}

/// What of a statement outlives its transaction; "" when nothing does.
std::string_view left_behind(const std::vector<db::SqlToken>& tokens) {
  const db::SqlToken& first = tokens.front();
  if (is_one_of(first, session_commands)) return first.text;
  if (first.is("SET") && (tokens.size() < 2 || !is_one_of(tokens[1], transaction_settings)))
    return first.text;
  if (first.is("DECLARE") && has_pair(tokens, "WITH", "HOLD")) return "WITH HOLD";
  const bool is_temporary = tokens.size() > 1 && first.is("CREATE") &&
                            (tokens[1].is("TEMP") || tokens[1].is("TEMPORARY"));
  if (is_temporary && !has_pair(tokens, "ON", "COMMIT")) return "a temporary table";
  for (const db::SqlToken& token : tokens) {
    if (is_one_of(token, session_locks)) return token.text;
  }
  return {};
}

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

Result<> check_keeps_transaction(std::string_view sql) {
  constexpr auto controls =
      std::to_array<std::string_view>({"BEGIN", "START", "COMMIT", "END", "ABORT", "ROLLBACK"});
  auto tokens = db::sql_tokens(sql);
  if (!tokens) return Error(Code::internal, tokens.error().message() + " in: " + std::string(sql));
  std::erase_if(*tokens, [](const auto& t) { return t.kind == db::SqlTokenKind::comment; });
  if (tokens->empty()) return {};
  const auto has = [&](std::string_view word) {
    return std::ranges::any_of(*tokens, [&](const auto& token) { return token.is(word); });
  };
  const db::SqlToken& first = tokens->front();
  // Back to a savepoint is no end.
  const bool ends = is_one_of(first, controls) && !(first.is("ROLLBACK") && has("TO"));
  if (!ends && !has_pair(*tokens, "PREPARE", "TRANSACTION")) return {};
  return Error(Code::internal, "transactions begin with begin() and end with commit(), not with: " +
                                   std::string(sql))
      .with_reason("TRANSACTION_CONTROL");
}

Result<> check_leaves_nothing(std::string_view sql) {
  auto tokens = db::sql_tokens(sql);
  if (!tokens) return Error(Code::internal, tokens.error().message() + " in: " + std::string(sql));
  std::erase_if(*tokens, [](const auto& t) { return t.kind == db::SqlTokenKind::comment; });
  if (tokens->empty()) return {};
  const std::string_view left = left_behind(*tokens);
  if (left.empty()) return {};
  return Error(Code::failed_precondition,
               std::string(left) +
                   " would stay with a session that is handed on to others (prepared = off): use "
                   "SET LOCAL, ON COMMIT DROP or pg_advisory_xact_lock, in: " +
                   std::string(sql))
      .with_reason("SESSION_STATE");
}

}  // namespace kit::postgres::detail
