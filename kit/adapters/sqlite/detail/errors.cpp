// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/sqlite/detail/errors.hpp"

#include <sqlite3.h>

#include <string>
#include <vector>

#include "kit/base/text.hpp"

namespace kit::sqlite::detail {
namespace {

constexpr const char* busy_reason = "DATABASE_BUSY";
constexpr const char* full_reason = "DISK_FULL";
constexpr const char* exhausted_reason = "SEQUENCE_EXHAUSTED";

int primary(int code) {
  return code & 0xFF;
}

/// The columns of "...failed: customer.email, customer.country", without their table; none for an
/// index of expressions ("index 'name'").
std::vector<std::string> columns_of(std::string_view message) {
  std::vector<std::string> columns;
  auto colon = message.find("failed: ");
  if (colon == message.npos) return columns;
  std::string_view names = message.substr(colon + 8);
  if (names.starts_with("index '")) return columns;
  for (std::string_view name : split(names, ',')) {
    name = trim(name);
    if (auto point = name.rfind('.'); point != name.npos) name.remove_prefix(point + 1);
    if (!name.empty()) columns.emplace_back(name);
  }
  return columns;
}

Error with_columns(Error error, std::string_view message, std::string_view description) {
  for (auto& column : columns_of(message)) {
    error = std::move(error).with_violation(std::move(column), std::string(description));
  }
  return error;
}

/// The table that `sql` cannot get another id from: SQLite reports that as a full disk too.
std::string exhausted_table(sqlite3* database, std::string_view sql) {
  std::string table;
  if (database == nullptr) return table;
  sqlite3_stmt* statement = nullptr;
  constexpr const char* exhausted =
      "SELECT name FROM sqlite_sequence WHERE seq = 9223372036854775807 AND instr(?1, name) > 0";
  // There is no sequence at all when this can't be prepared.
  if (sqlite3_prepare_v2(database, exhausted, -1, &statement, nullptr) == SQLITE_OK &&
      sqlite3_bind_text64(statement, 1, sql.data(), sql.size(), SQLITE_STATIC, SQLITE_UTF8) ==
          SQLITE_OK &&
      sqlite3_step(statement) == SQLITE_ROW) {
    table = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
  }
  sqlite3_finalize(statement);
  return table;
}

Error full(sqlite3* database, std::string_view sql, const std::string& message) {
  const std::string table = exhausted_table(database, sql);
  if (!table.empty()) {
    return Error(Code::resource_exhausted,
                 "the ids of " + table + " are used up: its last row has the largest there is")
        .with_reason(exhausted_reason)
        .with_http_status(507);
  }
  return Error(Code::resource_exhausted, "the disk is full: " + message)
      .with_reason(full_reason)
      .with_http_status(507);
}

Error conflict(Code code, std::string_view message, std::string reason) {
  return Error(code, std::string(message)).with_reason(std::move(reason)).with_http_status(409);
}

}  // namespace

Error constraint_error(int code, std::string_view message) {
  switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return with_columns(conflict(Code::already_exists, message, "UNIQUE_VIOLATION"), message,
                          "is taken");
    case SQLITE_CONSTRAINT_TRIGGER:  // ON DELETE RESTRICT is one
      if (message.find("FOREIGN KEY") == std::string_view::npos) {
        return conflict(Code::failed_precondition, message, "CONSTRAINT_VIOLATION");
      }
      [[fallthrough]];
    case SQLITE_CONSTRAINT_FOREIGNKEY:
      return conflict(Code::failed_precondition, message, "FOREIGN_KEY_VIOLATION");
    case SQLITE_CONSTRAINT_NOTNULL:
      return with_columns(conflict(Code::failed_precondition, message, "NOT_NULL_VIOLATION"),
                          message, "is required");
    case SQLITE_CONSTRAINT_CHECK:
      return conflict(Code::failed_precondition, message, "CHECK_VIOLATION");
    case SQLITE_CONSTRAINT_DATATYPE:
      return conflict(Code::failed_precondition, message, "TYPE_VIOLATION");
    default:
      return conflict(Code::failed_precondition, message, "CONSTRAINT_VIOLATION");
  }
}

Error to_error(sqlite3* database, int code, std::string_view sql) {
  std::string message = database != nullptr && sqlite3_extended_errcode(database) == code
                            ? sqlite3_errmsg(database)
                            : sqlite3_errstr(code);
  if (primary(code) == SQLITE_CONSTRAINT) return constraint_error(code, message);
  message.append(" (SQLite ").append(std::to_string(code)).append(")");
  switch (primary(code)) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return Error(Code::unavailable, "another process uses the database: " + message)
          .with_reason(busy_reason);
    case SQLITE_FULL:
      return full(database, sql, message);
    case SQLITE_NOMEM:
      return Error(Code::resource_exhausted, message).with_reason("OUT_OF_MEMORY");
    case SQLITE_IOERR:
      if (is_sync_failure(code)) {
        return Error(Code::data_loss, "the storage failed: " + message)
            .with_reason("STORAGE_FAILED");
      }
      return Error(Code::unavailable, "the storage failed: " + message)
          .with_reason("STORAGE_UNAVAILABLE");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error(Code::data_loss, "the database file is damaged: " + message)
          .with_reason("DATABASE_CORRUPT");
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return Error(Code::unavailable, "the database can't be opened: " + message)
          .with_reason("DATABASE_UNAVAILABLE");
    case SQLITE_READONLY:
      return Error(Code::failed_precondition, "a write where only reads are possible: " + message)
          .with_reason("READ_ONLY");
    case SQLITE_INTERRUPT:
      return Error(Code::deadline_exceeded, "the statement took too long");
    case SQLITE_ABORT:
      return Error(Code::aborted, message);
    case SQLITE_TOOBIG:
      return Error(Code::invalid_argument, "a value is too large: " + message)
          .with_reason("VALUE_TOO_LARGE");
    default:
      if (!sql.empty()) message.append(" in: ").append(sql);
      return Error(Code::internal, std::move(message));
  }
}

bool is_busy(int code) {
  return primary(code) == SQLITE_BUSY || primary(code) == SQLITE_LOCKED;
}
bool is_busy(const Error& error) {
  return error.reason() == busy_reason;
}
bool is_disk_full(const Error& error) {
  return error.reason() == full_reason;
}
bool is_sequence_exhausted(const Error& error) {
  return error.reason() == exhausted_reason;
}
bool is_sync_failure(int code) {
  return code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC;
}
bool is_corrupt(int code) {
  return primary(code) == SQLITE_CORRUPT || primary(code) == SQLITE_NOTADB;
}

}  // namespace kit::sqlite::detail
