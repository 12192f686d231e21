// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/postgres/detail/errors.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kit/base/text.hpp"

namespace kit::postgres::detail {
namespace {

struct Meaning {
  std::string_view state;  ///< A SQLSTATE, or the two characters of its class.
  Code code;
  std::string_view reason;
  int http_status = 0;
};

/// The first that fits counts.
constexpr auto meanings = std::to_array<Meaning>({
    {"23502", Code::failed_precondition, "NOT_NULL_VIOLATION", 409},
    {"23503", Code::failed_precondition, "FOREIGN_KEY_VIOLATION", 409},
    {"23001", Code::failed_precondition, "FOREIGN_KEY_VIOLATION", 409},
    {"23505", Code::already_exists, "UNIQUE_VIOLATION", 409},
    {"23514", Code::failed_precondition, "CHECK_VIOLATION", 409},
    {"23", Code::failed_precondition, "CONSTRAINT_VIOLATION", 409},
    {"22001", Code::invalid_argument, "VALUE_TOO_LONG"},
    {"22003", Code::invalid_argument, "VALUE_OUT_OF_RANGE"},
    {"22008", Code::invalid_argument, "VALUE_OUT_OF_RANGE"},
    {"22", Code::invalid_argument, "VALUE_INVALID"},
    {"25006", Code::failed_precondition, "READ_ONLY"},
    {"25P02", Code::failed_precondition, "TRANSACTION_FAILED"},
    {"25P03", Code::aborted, "TRANSACTION_EXPIRED"},
    {"40001", Code::aborted, "SERIALIZATION_FAILURE"},
    {"40P01", Code::aborted, "DEADLOCK"},
    {"40", Code::aborted, "TRANSACTION_ABORTED"},
    {"55P03", Code::aborted, "LOCK_TIMEOUT"},
    {"53100", Code::resource_exhausted, "DISK_FULL", 507},
    {"53200", Code::resource_exhausted, "OUT_OF_MEMORY"},
    {"53", Code::unavailable, "DATABASE_BUSY"},
    {"54", Code::invalid_argument, "VALUE_TOO_LARGE"},
    {"57014", Code::deadline_exceeded, ""},
    {"57", Code::unavailable, "DATABASE_UNAVAILABLE"},
    {"58", Code::unavailable, "STORAGE_UNAVAILABLE"},
    {"08", Code::unavailable, "DATABASE_UNAVAILABLE"},
    {"28", Code::unavailable, "DATABASE_REFUSED"},
    {"3D000", Code::unavailable, "DATABASE_REFUSED"},
    {"XX001", Code::data_loss, "DATABASE_CORRUPT"},
    {"XX002", Code::data_loss, "DATABASE_CORRUPT"},
});

/// There is no such table, column, index or function.
constexpr auto unknown_object =
    std::to_array<std::string_view>({"42P01", "42703", "42704", "42883"});

std::string_view field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text != nullptr ? std::string_view(text) : std::string_view();
}

/// The statement is the program's mistake: it helps to see it.
Error unexpected(const ServerError& failure, std::string_view sql) {
  std::string message = failure.message + " (SQLSTATE " + failure.state + ")";
  if (!sql.empty()) message.append(" in: ").append(sql);
  Error error(Code::internal, std::move(message));
  const bool is_unknown = std::ranges::find(unknown_object, failure.state) != unknown_object.end();
  return is_unknown ? std::move(error).with_reason("UNKNOWN_OBJECT") : std::move(error);
}

}  // namespace

ServerError server_error(const PGresult* result) {
  ServerError failure;
  failure.state = field(result, PG_DIAG_SQLSTATE);
  failure.message = field(result, PG_DIAG_MESSAGE_PRIMARY);
  if (failure.message.empty()) failure.message = trim(PQresultErrorMessage(result));
  failure.column = field(result, PG_DIAG_COLUMN_NAME);
  if (failure.state == "23505" || failure.state == "23503") {
    failure.columns = key_columns(field(result, PG_DIAG_MESSAGE_DETAIL));
  }
  return failure;
}

std::vector<std::string> key_columns(std::string_view detail) {
  std::vector<std::string> columns;
  const auto open = detail.find('(');
  if (open == detail.npos) return columns;
  std::string name;
  bool quoted = false;
  for (std::size_t i = open + 1; i < detail.size(); ++i) {
    const char c = detail[i];
    if (c == '"') {
      // Doubled inside the quotes it stands for itself.
      if (quoted && i + 1 < detail.size() && detail[i + 1] == '"') {
        name.push_back('"');
        ++i;
      } else {
        quoted = !quoted;
      }
    } else if (quoted) {
      name.push_back(c);
    } else if (c == ',' || c == ')') {
      columns.push_back(std::exchange(name, {}));
      if (c == ')') return columns;
    } else if (c == '(' || c == ':') {
      return {};  // an expression
    } else if (c != ' ') {
      name.push_back(c);
    }
  }
  return {};
}

Error to_error(const ServerError& failure, std::string_view sql) {
  if (failure.state.empty()) return connection_error(failure.message);
  for (const Meaning& meaning : meanings) {
    if (!failure.state.starts_with(meaning.state)) continue;
    Error error = Error(meaning.code, failure.message + " (SQLSTATE " + failure.state + ")");
    if (!meaning.reason.empty()) error = std::move(error).with_reason(std::string(meaning.reason));
    if (meaning.http_status != 0) error = std::move(error).with_http_status(meaning.http_status);
    const bool is_taken = failure.state == "23505";
    for (const std::string& column : failure.columns) {
      error = std::move(error).with_violation(
          column, is_taken ? "is taken" : "refers to nothing, or is referred to");
    }
    if (failure.state == "23502" && !failure.column.empty()) {
      error = std::move(error).with_violation(failure.column, "is required");
    }
    return error;
  }
  return unexpected(failure, sql);
}

Error connection_error(std::string_view message) {
  return Error(Code::unavailable,
               "the connection to the database failed: " + std::string(trim(message)))
      .with_reason("DATABASE_UNAVAILABLE");
}

bool is_outdated(std::string_view state) {
  // XX000: "cache lookup failed for type ..." of one that was dropped and made anew.
  constexpr auto states =
      std::to_array<std::string_view>({"0A000", "26000", "42804", "42883", "42P18", "XX000"});
  return std::ranges::find(states, state) != states.end();
}

bool doubts_statement(std::string_view state) {
  constexpr auto classes = std::to_array<std::string_view>({"0A", "22", "26", "42", "XX"});
  return std::ranges::find(classes, state.substr(0, 2)) != classes.end();
}

bool ends_connection(std::string_view state) {
  return state.empty() || state.starts_with("08") || state.starts_with("57P") || state == "25P03";
}

}  // namespace kit::postgres::detail
