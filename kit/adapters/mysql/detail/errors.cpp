// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/mysql/detail/errors.hpp"

#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>

#include <utility>

namespace kit::mysql::detail {
namespace {

// Numbers of MySQL 8 and MariaDB that the other's header lacks.
constexpr unsigned int mysql_check_violated = 3819;
constexpr unsigned int mysql_query_timeout = 3024;
constexpr unsigned int mysql_lock_nowait = 3572;
constexpr unsigned int mysql_foreign_key_child = 3780;
constexpr unsigned int mysql_disconnected_idle = 4031;
constexpr unsigned int mariadb_check_violated = 4025;
constexpr unsigned int mariadb_killed = 1927;
constexpr unsigned int mariadb_statement_timeout = 1969;
constexpr unsigned int unknown_key = 1176;
constexpr unsigned int option_prevents = 1290;
constexpr unsigned int read_only_mode = 1836;

Error conflict(Code code, const std::string& message, std::string reason) {
  return Error(code, message).with_reason(std::move(reason)).with_http_status(409);
}

Error bad_value(const std::string& message, std::string reason) {
  return Error(Code::invalid_argument, message).with_reason(std::move(reason));
}

/// The first quoted part of "Column 'email' cannot be null".
std::string quoted_part(std::string_view message) {
  const std::size_t start = message.find('\'');
  if (start == message.npos) return {};
  const std::size_t end = message.find('\'', start + 1);
  if (end == message.npos) return {};
  return std::string(message.substr(start + 1, end - start - 1));
}

Error with_column(Error error, std::string_view message, std::string description) {
  std::string column = quoted_part(message);
  if (column.empty()) return error;
  return std::move(error).with_violation(std::move(column), std::move(description));
}

/// Those of "... FOREIGN KEY (`album_id`, `disc`) REFERENCES ...", quoted as the session has it.
Error with_columns(Error error, std::string_view message) {
  constexpr std::string_view before = "FOREIGN KEY (";
  const std::size_t start = message.find(before);
  if (start == message.npos) return error;
  std::string_view list = message.substr(start + before.size());
  list = list.substr(0, list.find(')'));
  for (std::size_t open = list.find_first_of("`\""); open != list.npos;
       open = list.find_first_of("`\"")) {
    const std::size_t close = list.find(list[open], open + 1);
    if (close == list.npos) break;
    error = std::move(error).with_violation(std::string(list.substr(open + 1, close - open - 1)),
                                            "refers to nothing");
    list.remove_prefix(close + 1);
  }
  return error;
}

/// There was no connection to lose.
bool is_refusal_to_connect(unsigned int number) {
  return number == CR_CONNECTION_ERROR || number == CR_CONN_HOST_ERROR || number == CR_UNKNOWN_HOST;
}

}  // namespace

Error lost_connection(std::string_view why) {
  return Error(Code::unavailable, "the connection to the database was lost: " + std::string(why))
      .with_reason("DATABASE_UNAVAILABLE");
}

bool ends_connection(unsigned int number) {
  // What the library says of itself: it has not understood the server, or could not ask it.
  const auto is_within = [number](unsigned int first, unsigned int last) {
    return number >= first && number <= last;
  };
  if (number == 0 || is_within(CR_MIN_ERROR, CR_MAX_ERROR) ||
      is_within(CER_MIN_ERROR, CER_MAX_ERROR)) {
    return true;
  }
  switch (number) {
    // The two have not understood each other: what else they agree on is anybody's guess.
    case ER_HANDSHAKE_ERROR:
    case ER_UNKNOWN_COM_ERROR:
    case ER_NET_PACKETS_OUT_OF_ORDER:
    case ER_NET_UNCOMPRESS_ERROR:
    case ER_WRONG_ARGUMENTS:
    case ER_UNKNOWN_STMT_HANDLER:
    case ER_MALFORMED_PACKET:
    case ER_NET_PACKET_TOO_LARGE:
    case ER_SERVER_SHUTDOWN:
    case ER_NORMAL_SHUTDOWN:
    case ER_NEW_ABORTING_CONNECTION:
    case ER_NET_READ_ERROR:
    case ER_NET_READ_INTERRUPTED:
    case ER_NET_ERROR_ON_WRITE:
    case ER_NET_WRITE_INTERRUPTED:
    case mariadb_killed:
    case mysql_disconnected_idle:
      return true;
    default:
      return false;
  }
}

bool ends_transaction(unsigned int number) {
  return number == ER_LOCK_DEADLOCK || number == ER_LOCK_WAIT_TIMEOUT || number == ER_CHECKREAD ||
         number == ER_LOCK_TABLE_FULL || number == ER_ERROR_DURING_COMMIT ||
         ends_connection(number);
}

bool is_read_only(unsigned int number) {
  return number == option_prevents || number == read_only_mode;
}

bool is_stale_schema(unsigned int number) {
  return number == ER_TRUNCATED_WRONG_VALUE || number == ER_BAD_FIELD_ERROR ||
         number == ER_NO_SUCH_TABLE || number == ER_TRUNCATED_WRONG_VALUE_FOR_FIELD;
}

std::string key_of(const Failure& failure) {
  // Duplicate entry 'a'b' for key 'customers.ux_customers_email'
  const std::string_view message = failure.message;
  if (!message.ends_with('\'')) return {};
  const std::size_t start = message.rfind('\'', message.size() - 2);
  if (start == message.npos) return {};
  std::string_view name = message.substr(start + 1, message.size() - start - 2);
  if (const std::size_t point = name.rfind('.'); point != name.npos) name.remove_prefix(point + 1);
  return std::string(name);
}

Error unique_error(const Failure& failure, const std::vector<std::string>& columns) {
  // The server's message shows the value.
  const std::string key = key_of(failure);
  Error error =
      conflict(Code::already_exists, "duplicate value for the key " + key, "UNIQUE_VIOLATION");
  for (const std::string& column : columns)
    error = std::move(error).with_violation(column, "is taken");
  return error;
}

Error to_error(const Failure& failure, std::string_view sql) {
  std::string message = failure.message + " (MySQL " + std::to_string(failure.number) + ")";
  if (is_read_only(failure.number)) {
    return Error(Code::failed_precondition, "a write where only reads are possible: " + message)
        .with_reason("READ_ONLY");
  }
  switch (failure.number) {
    case ER_DUP_ENTRY:
    case ER_DUP_ENTRY_WITH_KEY_NAME:
      return unique_error(failure, {});
    case ER_NO_REFERENCED_ROW:
    case ER_NO_REFERENCED_ROW_2:
      return with_columns(conflict(Code::failed_precondition, message, "FOREIGN_KEY_VIOLATION"),
                          message);
    case ER_ROW_IS_REFERENCED:
    case ER_ROW_IS_REFERENCED_2:
    case mysql_foreign_key_child:
      return conflict(Code::failed_precondition, message, "FOREIGN_KEY_VIOLATION");
    case mariadb_check_violated:
    case mysql_check_violated:
      return conflict(Code::failed_precondition, message, "CHECK_VIOLATION");
    case ER_BAD_NULL_ERROR:
    case ER_NO_DEFAULT_FOR_FIELD:
      return with_column(conflict(Code::failed_precondition, message, "NOT_NULL_VIOLATION"),
                         message, "is required");
    case ER_DATA_TOO_LONG:
      return with_column(bad_value(message, "VALUE_TOO_LONG"), message, "is too long");
    case ER_WARN_DATA_OUT_OF_RANGE:
    case ER_DATA_OUT_OF_RANGE:
      return with_column(bad_value(message, "VALUE_OUT_OF_RANGE"), message, "is out of range");
    case ER_DIVISION_BY_ZERO:
      return bad_value(message, "VALUE_OUT_OF_RANGE");
    case ER_TRUNCATED_WRONG_VALUE:
    case ER_TRUNCATED_WRONG_VALUE_FOR_FIELD:
    case WARN_DATA_TRUNCATED:
      return bad_value(message, "VALUE_INVALID");
    case ER_NET_PACKET_TOO_LARGE:
    case CR_NET_PACKET_TOO_LARGE:
      return bad_value("a value is too large for the server's max_allowed_packet: " + message,
                       "VALUE_TOO_LARGE");
    case ER_LOCK_WAIT_TIMEOUT:
    case mysql_lock_nowait:
      return Error(Code::aborted, message).with_reason("LOCK_TIMEOUT");
    case ER_LOCK_DEADLOCK:
      return Error(Code::aborted, message).with_reason("DEADLOCK");
    case ER_CHECKREAD:
      return Error(Code::aborted, message).with_reason("SERIALIZATION_FAILURE");
    case ER_QUERY_INTERRUPTED:
    case mariadb_statement_timeout:
    case mysql_query_timeout:
      return Error(Code::deadline_exceeded, "the statement took too long: " + message);
    case ER_CON_COUNT_ERROR:
    case ER_TOO_MANY_USER_CONNECTIONS:
    case ER_USER_LIMIT_REACHED:
      return Error(Code::resource_exhausted, "the server takes no more connections: " + message)
          .with_reason("TOO_MANY_CONNECTIONS")
          .with_http_status(503);
    case ER_DISK_FULL:
    case ER_RECORD_FILE_FULL:
      return Error(Code::resource_exhausted, "the server's disk is full: " + message)
          .with_reason("DISK_FULL")
          .with_http_status(507);
    case ER_LOCK_TABLE_FULL:
    case ER_OUTOFMEMORY:
    case ER_OUT_OF_RESOURCES:
    case CR_OUT_OF_MEMORY:
      return Error(Code::resource_exhausted, message).with_reason("OUT_OF_MEMORY");
    case ER_NOT_KEYFILE:
    case ER_CRASHED_ON_USAGE:
    case ER_CRASHED_ON_REPAIR:
      return Error(Code::data_loss, "the database is damaged: " + message)
          .with_reason("DATABASE_CORRUPT");
    case ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION:
      return Error(Code::failed_precondition, "a write where only reads are possible: " + message)
          .with_reason("READ_ONLY");
    case ER_BAD_TABLE_ERROR:
    case ER_NO_SUCH_TABLE:
    case ER_BAD_FIELD_ERROR:
    case ER_CANT_DROP_FIELD_OR_KEY:
    case unknown_key:
    case ER_SP_DOES_NOT_EXIST:
    case ER_TRG_DOES_NOT_EXIST:
      if (!sql.empty()) message.append(" in: ").append(sql);
      return Error(Code::internal, std::move(message)).with_reason("UNKNOWN_OBJECT");
    case ER_ACCESS_DENIED_ERROR:
    case ER_DBACCESS_DENIED_ERROR:
    case ER_TABLEACCESS_DENIED_ERROR:
    case ER_COLUMNACCESS_DENIED_ERROR:
    case ER_SPECIFIC_ACCESS_DENIED_ERROR:
    case CR_SSL_CONNECTION_ERROR:
    case CR_AUTH_PLUGIN_CANNOT_LOAD:
    case ER_BAD_DB_ERROR:
      return Error(Code::unavailable, "the database refuses: " + message)
          .with_reason("DATABASE_REFUSED");
    default:
      break;
  }
  if (is_refusal_to_connect(failure.number)) {
    return Error(Code::unavailable, "can't connect to the database: " + message)
        .with_reason("DATABASE_UNAVAILABLE");
  }
  if (ends_connection(failure.number)) return lost_connection(message);
  if (!sql.empty()) message.append(" in: ").append(sql);
  return Error(Code::internal, std::move(message));
}

}  // namespace kit::mysql::detail
