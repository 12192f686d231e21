// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/mysql/detail/connection.hpp"

#include <poll.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "kit/adapters/mysql/detail/parameters.hpp"
#include "kit/base/text.hpp"

namespace kit::mysql::detail {
namespace {

/// Rows that are read and dropped to keep a connection whose reader has had enough.
constexpr int most_skipped_rows = 65'536;
/// Rows that are taken before others on the loop get their turn: they may all be here already.
constexpr std::int64_t rows_per_turn = 512;

struct FreeResult {
  void operator()(MYSQL_RES* result) const { mysql_free_result(result); }
};

/// Rows of the text protocol, all of which are here.
using TextResult = std::unique_ptr<MYSQL_RES, FreeResult>;

}  // namespace

Connection::Connection(OpenSession session, std::shared_ptr<Server> server,
                       std::shared_ptr<CurrentCatalogue> catalogue)
    : server_(std::move(server)), catalogue_(std::move(catalogue)), session_(std::move(session)) {
  server_->counts().opened.fetch_add(1, std::memory_order_relaxed);
}

Connection::~Connection() {
  watch_.detach();
  // A farewell that nobody takes would wait for the socket.
  if (is_broken_ || is_busy_) {
    interrupt();
    server_->counts().lost.fetch_add(1, std::memory_order_relaxed);
  }
  session_.handle.reset();
  server_->counts().closed.fetch_add(1, std::memory_order_relaxed);
}

void Connection::interrupt() {
  is_broken_ = is_interrupted_ = true;
  mariadb_cancel(session_.handle.get());
}

int Connection::socket() const {
  return static_cast<int>(mysql_get_socket(session_.handle.get()));
}

Result<> Connection::attach() {
  auto attached = watch_.attach(socket());
  if (!attached) is_broken_ = true;
  return attached;
}

bool Connection::is_quiet() const {
  if (socket() < 0) return false;  // the library has closed it
  if (awaits_rollback_) return true;
  pollfd looked_at{.fd = socket(), .events = POLLIN, .revents = 0};
  return ::poll(&looked_at, 1, 0) == 0;
}

bool Connection::is_in_transaction() const {
  unsigned int status = 0;
  mariadb_get_infov(session_.handle.get(), MARIADB_CONNECTION_SERVER_STATUS, &status);
  return (status & SERVER_STATUS_IN_TRANS) != 0;
}

Failure Connection::handle_failure() const {
  return {mysql_errno(session_.handle.get()), mysql_error(session_.handle.get())};
}
Failure Connection::statement_failure(const Entry& entry) const {
  const unsigned int number = mysql_stmt_errno(entry.statement.get());
  // What the server says in place of a row the library keeps at the connection only.
  if (number == 0) return handle_failure();
  return {number, mysql_stmt_error(entry.statement.get())};
}

void Connection::note_failure(unsigned int number) {
  if (ends_connection(number) || socket() < 0) is_broken_ = true;
  if (ends_transaction(number)) lost_transaction_ = true;
  if (is_stale_schema(number)) catalogue_->drop();
  if (is_read_only(number) && server_->dsn().hosts.size() > 1)
    server_->look_elsewhere(session_.generation);
}

Task<> Connection::raise(Failure failure, const StatementText* text, Clock::time_point until) {
  note_failure(failure.number);
  const std::string key = text != nullptr ? key_of(failure) : std::string();
  Error error = to_error(failure, text != nullptr ? std::string_view(text->sql) : "");
  // Nobody knows what it means, nor what it left of the session. That there is no such table has a
  // reason, and leaves it as it was.
  if (error.code() == Code::internal && error.reason().empty()) is_broken_ = true;
  if (error.code() == Code::already_exists && !key.empty() && !is_broken_) {
    // Known or not: the violation itself is what counts.
    Task<std::vector<std::string>> asking = key_columns(*text, key, until);
    auto columns = co_await as_result(std::move(asking));
    if (columns.ok()) error = unique_error(failure, *columns);
  }
  co_await std::move(error);
}

Task<std::vector<std::string>> Connection::key_columns(const StatementText& text, std::string key,
                                                       Clock::time_point until) {
  const std::pair<std::string, std::string> name(text.target, to_lower(key));
  std::shared_ptr<const Catalogue> catalogue = catalogue_->get();
  if (catalogue == nullptr || !catalogue->keys.contains(name)) {
    catalogue_->drop();
    catalogue = co_await read_catalogue(until);
  }
  const auto found = catalogue->keys.find(name);
  std::vector<std::string> columns;
  if (found != catalogue->keys.end()) columns = found->second;
  co_return columns;
}

Result<Connection::Entry*> Connection::entry(std::string_view sql) {
  const auto found = by_text_.find(sql);
  if (found != by_text_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    return &entries_.front();
  }
  auto text = read_statement(sql);
  if (!text) return std::move(text).error();
  if (entries_.size() >= std::max<std::size_t>(server_->options().cached_statements, 4)) {
    by_text_.erase(entries_.back().sql);
    entries_.pop_back();
  }
  entries_.emplace_front();
  Entry& made = entries_.front();
  made.sql = sql;
  made.text = std::move(*text);
  by_text_.emplace(made.sql, entries_.begin());
  return &made;
}

void Connection::send_rollback() {
  deferred_.clear();
  constexpr std::string_view text = "ROLLBACK";
  if (is_broken_ || is_busy_) return;
  // A few bytes on a socket that nothing else is on its way on: this does not wait.
  if (mysql_send_query(session_.handle.get(), text.data(), text.size()) != 0) {
    is_broken_ = true;
    return;
  }
  awaits_rollback_ = true;
}

Task<> Connection::settle(Clock::time_point until) {
  if (awaits_rollback_) {
    my_bool failed = 0;
    MYSQL* const handle = session_.handle.get();
    auto begin = [&] { return mysql_read_query_result_start(&failed, handle); };
    auto go_on = [&](int events) { return mysql_read_query_result_cont(&failed, handle, events); };
    LibraryCall call(watch_, *this, until, begin, go_on);
    is_busy_ = true;
    co_await call;
    is_busy_ = awaits_rollback_ = false;
    if (failed != 0) {
      is_broken_ = true;
      co_await lost_connection(mysql_error(handle));
    }
  }
  while (!deferred_.empty()) {
    const std::string sql = std::move(deferred_.front());
    deferred_.erase(deferred_.begin());
    Task<> sending = send_text(sql, nullptr, until);
    auto sent = co_await as_result(std::move(sending));
    if (sent.ok()) continue;
    // What was to be undone is not: nothing of this transaction may stay.
    lost_transaction_ = true;
    co_await std::move(sent).error();
  }
}

Task<> Connection::run(Request request) {
  // The timer of a deadline that has passed may not have run yet.
  if (Context::current_deadline() <= Loop::current().now()) {
    co_await Error(Code::deadline_exceeded, "the deadline has passed");
  }
  if (is_broken_) co_await lost_connection("it was closed");
  if (is_busy_) {
    co_await Error(Code::internal,
                   "a statement while the rows of another one are read on the same transaction")
        .with_reason("CONNECTION_BUSY");
  }
  co_await settle(request.until);
  auto found = entry(request.sql);
  if (!found) co_await std::move(found).error();
  Entry& statement = **found;
  if (request.only_reads && !statement.text.is_read) {
    co_await Error(Code::failed_precondition, "a write where only reads are possible")
        .with_reason("READ_ONLY");
  }
  if (request.in_transaction && statement.text.changes_schema) {
    co_await Error(Code::failed_precondition,
                   "this database commits with every change of a table: use begin_schema for " +
                       statement.text.sql)
        .with_reason("SCHEMA_CHANGE_IN_TRANSACTION");
  }
  can_repeat_ = statement.text.is_read;
  if (request.parameters.empty() && request.sink == nullptr) {
    co_await run_text(statement, request);
  } else {
    co_await run_prepared(statement, request);
  }
  if (statement.text.changes_schema) catalogue_->drop();
}

Task<> Connection::control(std::string sql, Clock::time_point until) {
  if (is_broken_) co_await lost_connection("it was closed");
  co_await settle(until);
  co_await send_text(sql, nullptr, until);
}

/// Sends a text and reads the head of its answer.
Task<> Connection::send_text(std::string_view sql, const StatementText* text,
                             Clock::time_point until) {
  if (sql.size() + 64 > session_.most_bytes) {
    co_await Error(Code::invalid_argument,
                   "a statement that is longer than the server's max_allowed_packet of " +
                       std::to_string(session_.most_bytes))
        .with_reason("VALUE_TOO_LARGE");
  }
  int failed = 0;
  MYSQL* const handle = session_.handle.get();
  auto begin = [&] { return mysql_real_query_start(&failed, handle, sql.data(), sql.size()); };
  auto go_on = [&](int events) { return mysql_real_query_cont(&failed, handle, events); };
  LibraryCall call(watch_, *this, until, begin, go_on);
  is_busy_ = true;
  co_await call;
  is_busy_ = failed == 0 && mysql_field_count(handle) > 0;
  if (failed != 0) co_await raise(handle_failure(), text, until);
}

Task<MYSQL_RES*> Connection::store_text_result(Clock::time_point until) {
  MYSQL_RES* result = nullptr;
  MYSQL* const handle = session_.handle.get();
  auto begin = [&] { return mysql_store_result_start(&result, handle); };
  auto go_on = [&](int events) { return mysql_store_result_cont(&result, handle, events); };
  LibraryCall call(watch_, *this, until, begin, go_on);
  co_await call;
  is_busy_ = false;
  if (result == nullptr) {
    Task<> raising = raise(handle_failure(), nullptr, until);
    auto raised = co_await as_result(std::move(raising));
    co_return std::move(raised).error();
  }
  co_return result;
}

Task<> Connection::run_text(const Entry& entry, const Request& request) {
  co_await send_text(entry.text.sql, &entry.text, request.until);
  MYSQL* const handle = session_.handle.get();
  db::Session::Changed changed;
  if (is_busy_) {
    MYSQL_RES* const stored = co_await store_text_result(request.until);
    const TextResult result(stored);
    changed.rows = static_cast<std::int64_t>(mysql_num_rows(stored));
    const MYSQL_ROW row = mysql_fetch_row(stored);
    if (row != nullptr && row[0] != nullptr) changed.last_id = parse_int(row[0]).value_or(0);
  } else {
    changed.rows = static_cast<std::int64_t>(mysql_affected_rows(handle));
    changed.last_id = static_cast<std::int64_t>(mysql_insert_id(handle));
  }
  if (request.changed != nullptr) *request.changed = changed;
}

Task<std::shared_ptr<const Catalogue>> Connection::read_catalogue(Clock::time_point until) {
  const std::uint64_t changes = catalogue_->changes();
  auto catalogue = std::make_shared<Catalogue>();
  for (std::size_t query = 0; query < Catalogue::query_count; ++query) {
    co_await send_text(Catalogue::query(query), nullptr, until);
    MYSQL_RES* const stored = co_await store_text_result(until);
    const TextResult result(stored);
    while (const MYSQL_ROW row = mysql_fetch_row(stored)) {
      if (row[0] != nullptr && row[1] != nullptr && row[2] != nullptr)
        catalogue->add(query, row[0], row[1], row[2]);
    }
  }
  catalogue_->put(catalogue, changes);
  co_return std::shared_ptr<const Catalogue>(std::move(catalogue));
}

Task<> Connection::prepare(Entry& entry, Clock::time_point until) {
  entry.row.reset();
  entry.statement.reset(mysql_stmt_init(session_.handle.get()));
  MYSQL_STMT* const statement = entry.statement.get();
  if (statement == nullptr) {
    co_await Error(Code::resource_exhausted, "no memory for a statement")
        .with_reason("OUT_OF_MEMORY");
  }
  if (entry.text.sql.size() + 64 > session_.most_bytes) {
    entry.statement.reset();
    co_await Error(Code::invalid_argument,
                   "a statement that is longer than the server's max_allowed_packet")
        .with_reason("VALUE_TOO_LARGE");
  }
  int failed = 0;
  const std::string& sql = entry.text.sql;
  auto begin = [&] { return mysql_stmt_prepare_start(&failed, statement, sql.data(), sql.size()); };
  auto go_on = [&](int events) { return mysql_stmt_prepare_cont(&failed, statement, events); };
  LibraryCall call(watch_, *this, until, begin, go_on);
  is_busy_ = true;
  co_await call;
  is_busy_ = false;
  if (failed == 0) {
    server_->counts().prepared.fetch_add(1, std::memory_order_relaxed);
    co_return;
  }
  Failure failure = statement_failure(entry);
  entry.statement.reset();
  co_await raise(std::move(failure), &entry.text, until);
}

/// What the columns are that the parameters meet.
Task<> Connection::find_kinds(Entry& entry, const Request& request) {
  bool needs_catalogue = false;
  for (const Place& place : entry.text.places) {
    const bool is_number =
        place.parameter < request.parameters.size() &&
        std::holds_alternative<std::int64_t>(request.parameters[place.parameter]);
    needs_catalogue = needs_catalogue || (is_number && !place.column.empty());
  }
  std::shared_ptr<const Catalogue> catalogue = catalogue_->get();
  if (needs_catalogue &&
      (catalogue == nullptr || (catalogue != entry.kinds_from && !catalogue->knows(entry.text)))) {
    // Made by another program, or out of sight (a temporary one): read it anew once.
    catalogue = co_await read_catalogue(request.until);
  }
  if (!entry.kinds.empty() && (!needs_catalogue || catalogue == entry.kinds_from)) co_return;
  const Catalogue nothing;
  entry.kinds.clear();
  for (const Place& place : entry.text.places) {
    entry.kinds.push_back((catalogue != nullptr ? *catalogue : nothing).kind_of(entry.text, place));
  }
  entry.kinds_from = catalogue;
}

Task<> Connection::run_prepared(Entry& entry, const Request& request) {
  if (entry.statement == nullptr) co_await prepare(entry, request.until);
  co_await find_kinds(entry, request);
  co_await execute(entry, request);
  MYSQL_STMT* const statement = entry.statement.get();
  if (mysql_stmt_field_count(statement) > 0) {
    co_await fetch_all(entry, request);
    co_return;
  }
  is_busy_ = false;
  if (request.changed != nullptr) {
    request.changed->rows = static_cast<std::int64_t>(mysql_stmt_affected_rows(statement));
    request.changed->last_id = static_cast<std::int64_t>(mysql_stmt_insert_id(statement));
  }
}

Task<> Connection::execute(Entry& entry, const Request& request) {
  auto bound =
      BoundParameters::bind(entry.text, entry.kinds, request.parameters, session_.most_bytes);
  if (!bound) co_await std::move(bound).error();
  MYSQL_STMT* const statement = entry.statement.get();
  int failed = 0;
  if (!entry.text.places.empty() && mysql_stmt_bind_param(statement, bound->binds()) != 0) {
    co_await raise(statement_failure(entry), &entry.text, request.until);
  }
  auto begin = [&] { return mysql_stmt_execute_start(&failed, statement); };
  auto go_on = [&](int events) { return mysql_stmt_execute_cont(&failed, statement, events); };
  LibraryCall call(watch_, *this, request.until, begin, go_on);
  is_busy_ = true;
  co_await call;
  if (failed == 0) co_return;
  is_busy_ = false;
  Failure failure = statement_failure(entry);
  co_await raise(std::move(failure), &entry.text, request.until);
}

/// The buffers of the result's columns; they stay for the statement's next runs.
Result<> Connection::bind_row(Entry& entry) {
  MYSQL_STMT* const statement = entry.statement.get();
  const unsigned int columns = mysql_stmt_field_count(statement);
  const std::uint64_t changes = catalogue_->changes();
  if (entry.row != nullptr && entry.row->columns() == columns && entry.row_of == changes) return {};
  const TextResult fields(mysql_stmt_result_metadata(statement));
  if (fields == nullptr) return Error(Code::internal, "a result without columns");
  entry.row = std::make_unique<ResultRow>(
      statement, std::span<const MYSQL_FIELD>(mysql_fetch_fields(fields.get()), columns));
  entry.row_of = changes;
  if (mysql_stmt_bind_result(statement, entry.row->binds()) == 0) return {};
  return to_error(statement_failure(entry), entry.text.sql);
}

Task<int> Connection::fetch(Entry& entry, Clock::time_point until) {
  int state = 0;
  MYSQL_STMT* const statement = entry.statement.get();
  auto begin = [&] { return mysql_stmt_fetch_start(&state, statement); };
  auto go_on = [&](int events) { return mysql_stmt_fetch_cont(&state, statement, events); };
  LibraryCall call(watch_, *this, until, begin, go_on);
  co_await call;
  co_return state;
}

Task<> Connection::fetch_all(Entry& entry, const Request& request) {
  auto bound = bind_row(entry);
  if (!bound) co_await std::move(bound).error();
  std::int64_t rows = 0;
  std::int64_t first_id = 0;
  for (;; ++rows) {
    const int state = co_await fetch(entry, request.until);
    if (state == MYSQL_NO_DATA) break;
    if (state == 1) {
      is_busy_ = false;
      co_await raise(statement_failure(entry), &entry.text, request.until);
    }
    entry.row->renew();
    if (rows == 0 && request.sink == nullptr) first_id = entry.row->int64(0);
    if (request.sink == nullptr) continue;
    can_repeat_ = false;
    Result<> taken = (*request.sink)(*entry.row);
    if (taken.ok() && rows % rows_per_turn == rows_per_turn - 1) {
      // Whoever is cancelled here leaves a connection that is in the middle of its rows.
      co_await sleep_for(Clock::duration::zero());
    }
    if (taken.ok()) continue;
    co_await skip_rest(entry, request.until);
    co_await std::move(taken).error();
  }
  is_busy_ = false;
  if (request.changed == nullptr) co_return;
  request.changed->rows = rows;
  request.changed->last_id = first_id;
}

/// The reader has had enough.
Task<> Connection::skip_rest(Entry& entry, Clock::time_point until) {
  for (int rows = 0; rows < most_skipped_rows; ++rows) {
    const int state = co_await fetch(entry, until);
    if (state == 0 || state == MYSQL_DATA_TRUNCATED) continue;
    is_busy_ = false;
    if (state != MYSQL_NO_DATA) note_failure(statement_failure(entry).number);
    co_return;
  }
  interrupt();
  lost_transaction_ = true;
}

}  // namespace kit::mysql::detail
