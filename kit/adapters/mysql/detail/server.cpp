// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/mysql/detail/server.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include "kit/base/text.hpp"

namespace kit::mysql::detail {
namespace {

constexpr std::string_view modes =
    "ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,ONLY_FULL_GROUP_BY,"
    "NO_ENGINE_SUBSTITUTION";
/// No password in the clear, none of the protocols of old.
constexpr const char* allowed_authentication =
    "mysql_native_password,client_ed25519,caching_sha2_password,sha256_password";
/// A row of a result; what a server sends beyond it ends the connection.
constexpr unsigned long largest_answer = 256UL * 1024 * 1024;

/// Of what the adapter itself asks for: a server that does not know it, or has read something else,
/// is of no use.
Error unusable(std::string message) {
  return Error(Code::unavailable, std::move(message)).with_reason("DATABASE_REFUSED");
}

Error failure_of(MYSQL* handle, std::string_view host) {
  Error error = to_error({mysql_errno(handle), std::string(host) + ": " + mysql_error(handle)}, {});
  if (error.code() == Code::internal) return unusable(std::string(error.message()));
  return error;
}

Result<> run(MYSQL* handle, const std::string& sql, std::string_view host) {
  if (mysql_real_query(handle, sql.data(), sql.size()) != 0) return failure_of(handle, host);
  return {};
}

struct FreeResult {
  void operator()(MYSQL_RES* result) const { mysql_free_result(result); }
};

/// The texts of the only row of an answer, which has so many columns; "" for null.
Result<std::vector<std::string>> only_row(MYSQL* handle, const std::string& sql,
                                          std::size_t columns, std::string_view host) {
  KIT_TRY(run(handle, sql, host));
  const std::unique_ptr<MYSQL_RES, FreeResult> result(mysql_store_result(handle));
  if (result == nullptr) return failure_of(handle, host);
  std::vector<std::string> texts(columns);
  const MYSQL_ROW row = mysql_fetch_row(result.get());
  if (row == nullptr || mysql_num_fields(result.get()) != columns) {
    return unusable(std::string(host) + ": another answer than was asked for from: " + sql);
  }
  for (std::size_t i = 0; i < texts.size(); ++i) texts[i] = row[i] == nullptr ? "" : row[i];
  return texts;
}

}  // namespace

void Server::look_elsewhere(std::uint64_t generation) {
  generation_.compare_exchange_strong(generation, generation + 1, std::memory_order_acq_rel);
}

Result<OpenSession> Server::connect() const {
  const std::size_t hosts = std::max<std::size_t>(dsn_.hosts.size(), 1);
  std::optional<Error> first_error;
  std::optional<OpenSession> read_only;
  for (std::size_t i = 0; i < hosts; ++i) {
    auto session = connect_to(i);
    if (!session) {
      if (!first_error) first_error.emplace(std::move(session).error());
      continue;
    }
    if (hosts == 1) return session;
    auto mode = only_row(session->handle.get(), "SELECT @@GLOBAL.read_only", 1, dsn_.shown());
    if (!mode) {
      if (!first_error) first_error.emplace(std::move(mode).error());
      continue;
    }
    if (mode->front() == "0" || to_lower(mode->front()) == "off") return session;
    if (!read_only) read_only.emplace(std::move(*session));
  }
  if (read_only) return std::move(*read_only);
  counts_.failed_connects.fetch_add(1, std::memory_order_relaxed);
  return std::move(*first_error);
}

void Server::set_options(MYSQL* handle) const {
  const auto seconds = static_cast<unsigned int>(
      std::max<std::int64_t>(1, (options_.connect_timeout.count() + 999) / 1000));
  // For connecting and the statements before a connection is handed out, which block a thread:
  // afterwards the loop keeps the time, and the library's waits for it are not told of theirs.
  mysql_options(handle, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
  mysql_options(handle, MYSQL_OPT_READ_TIMEOUT, &seconds);
  mysql_options(handle, MYSQL_OPT_WRITE_TIMEOUT, &seconds);
  const unsigned int no = 0;
  mysql_options(handle, MYSQL_OPT_LOCAL_INFILE, &no);  // a server could ask for files
  mysql_options(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  mysql_options(handle, MYSQL_OPT_NONBLOCK, nullptr);
  mysql_options(handle, MYSQL_OPT_MAX_ALLOWED_PACKET, &largest_answer);
  mysql_options(handle, MARIADB_OPT_RESTRICTED_AUTH, allowed_authentication);
  const my_bool truncation = 1;
  mysql_options(handle, MYSQL_REPORT_DATA_TRUNCATION, &truncation);
  const my_bool wants_tls = dsn_.tls != Tls::off;
  mysql_options(handle, MYSQL_OPT_SSL_ENFORCE, &wants_tls);
  const my_bool verifies = dsn_.tls == Tls::verified;
  mysql_options(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verifies);
  if (dsn_.tls == Tls::off) return;
  mysql_options(handle, MARIADB_OPT_TLS_VERSION, "TLSv1.2,TLSv1.3");
  const auto set_file = [handle](mysql_option option, const std::string& file) {
    if (!file.empty()) mysql_options(handle, option, file.c_str());
  };
  set_file(MYSQL_OPT_SSL_CA, dsn_.ca);
  set_file(MYSQL_OPT_SSL_CERT, dsn_.certificate);
  set_file(MYSQL_OPT_SSL_KEY, dsn_.key);
}

Result<Handle> Server::log_in(std::size_t host) const {
  static const int library = mysql_library_init(0, nullptr, nullptr);
  Handle handle(library == 0 ? mysql_init(nullptr) : nullptr);
  if (handle == nullptr) {
    return Error(Code::resource_exhausted, "no memory for a connection to the database")
        .with_reason("OUT_OF_MEMORY");
  }
  set_options(handle.get());
  const bool is_local = dsn_.hosts.empty();
  // "localhost" would be the socket of a place that the library thinks of.
  const std::string name = is_local                               ? "localhost"
                           : dsn_.hosts[host].host == "localhost" ? "127.0.0.1"
                                                                  : dsn_.hosts[host].host;
  const MYSQL* connected = mysql_real_connect(
      handle.get(), name.c_str(), dsn_.user.c_str(), dsn_.password.reveal().c_str(),
      dsn_.database.c_str(), is_local ? 0 : dsn_.hosts[host].port,
      is_local ? dsn_.socket.c_str() : nullptr, CLIENT_FOUND_ROWS);
  // In the mode `require` the library takes a server without TLS all the same.
  if (connected != nullptr && dsn_.tls != Tls::off &&
      mysql_get_ssl_cipher(handle.get()) == nullptr) {
    return Error(Code::unavailable, "the database's server offers no TLS")
        .with_reason("DATABASE_REFUSED");
  }
  if (connected != nullptr) return handle;
  const Failure failure{mysql_errno(handle.get()), mysql_error(handle.get())};
  Error error = to_error(failure, {});
  if (error.code() != Code::internal && error.reason() != "DATABASE_UNAVAILABLE") return error;
  return Error(Code::unavailable, "can't connect to " + dsn_.shown() + ": " + failure.message +
                                      " (MySQL " + std::to_string(failure.number) + ")")
      .with_reason("DATABASE_UNAVAILABLE");
}

Result<OpenSession> Server::connect_to(std::size_t host) const {
  auto handle = log_in(host);
  if (!handle) return std::move(handle).error();
  OpenSession session;
  session.generation = generation();
  session.host = host;
  session.handle = std::move(*handle);
  session.id = mysql_thread_id(session.handle.get());
  const std::string_view version = mysql_get_server_info(session.handle.get());
  session.is_mariadb = version.find("MariaDB") != version.npos;
  KIT_TRY(set_up(session));
  KIT_TRY(verify(session));
  return session;
}

Result<> Server::set_up(OpenSession& session) const {
  // A second more than the loop waits: it is for what the loop could not end.
  const std::int64_t limit = options_.statement_limit.count() + 1'000;
  std::string sql =
      "SET NAMES utf8mb4 COLLATE utf8mb4_bin, SESSION sql_mode = '" + std::string(modes) +
      "', SESSION time_zone = '+00:00', SESSION "
      "innodb_lock_wait_timeout = " +
      std::to_string(std::max<std::int64_t>(options_.lock_wait.count(), 1)) +
      ", SESSION autocommit = 1, SESSION foreign_key_checks = 1, SESSION " +
      (session.is_mariadb ? "max_recursive_iterations = 1000000, SESSION max_statement_time = " +
                                std::to_string((limit + 999) / 1000)
                          : "cte_max_recursion_depth = 1000000, SESSION max_execution_time = " +
                                std::to_string(limit));
  KIT_TRY(run(session.handle.get(), sql, dsn_.shown()));
  return run(session.handle.get(), "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
             dsn_.shown());
}

/// A proxy or an init_connect may have it otherwise; what follows depends on it.
Result<> Server::verify(OpenSession& session) const {
  const std::string isolation =
      session.is_mariadb ? "@@SESSION.tx_isolation" : "@@SESSION.transaction_isolation";
  auto row = only_row(session.handle.get(),
                      "SELECT @@SESSION.sql_mode, @@SESSION.time_zone, @@SESSION."
                      "character_set_client, @@SESSION.autocommit, " +
                          isolation + ", @@GLOBAL.max_allowed_packet, CONNECTION_ID()",
                      7, dsn_.shown());
  if (!row) return std::move(row).error();
  const auto set = split((*row)[0], ',');
  for (const std::string_view mode : split(modes, ',')) {
    if (std::ranges::find(set, mode) == set.end()) {
      return Error(Code::unavailable,
                   "the database's server keeps the sql_mode " + std::string(mode) + " off")
          .with_reason("DATABASE_REFUSED");
    }
  }
  const std::array<std::pair<std::string_view, std::string_view>, 4> wanted{
      {{(*row)[1], "+00:00"},
       {(*row)[2], "utf8mb4"},
       {(*row)[3], "1"},
       {(*row)[4], "READ-COMMITTED"}}};
  for (const auto& [found, expected] : wanted) {
    if (found == expected) continue;
    return Error(Code::unavailable, "the database's server gives a session '" + std::string(found) +
                                        "' where '" + std::string(expected) + "' was set")
        .with_reason("DATABASE_REFUSED");
  }
  session.most_bytes = static_cast<std::size_t>(parse_int((*row)[5]).value_or(1'048'576));
  session.id =
      static_cast<unsigned long>(parse_int((*row)[6]).value_or(static_cast<long long>(session.id)));
  return {};
}

Result<> Server::end_session(std::size_t host, unsigned long id) const {
  auto handle = log_in(host);
  if (!handle) return std::move(handle).error();
  const std::string sql = "KILL CONNECTION " + std::to_string(id);
  if (mysql_real_query(handle->get(), sql.data(), sql.size()) == 0) return {};
  constexpr unsigned int no_such_thread = 1094;
  // It was over by itself.
  if (mysql_errno(handle->get()) == no_such_thread) return {};
  return failure_of(handle->get(), dsn_.shown());
}

}  // namespace kit::mysql::detail
