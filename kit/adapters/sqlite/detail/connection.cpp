// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/sqlite/detail/connection.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "kit/adapters/sqlite/detail/errors.hpp"
#include "kit/async/context.hpp"
#include "kit/base/text.hpp"

namespace kit::sqlite::detail {
namespace {

/// How many steps of SQLite's machine run between two looks at the clock: some tens of
/// microseconds.
constexpr int progress_steps = 2'000;

/// Most columns are asked twice, whether they are null and for what they hold: the value is looked
/// up once. That is safe without SQLite's mutex because a connection has one user at a time.
class SqliteRow final : public db::Row {
 public:
  explicit SqliteRow(sqlite3_stmt* statement) : statement_(statement) {}
  /// The statement stands on its next row.
  void advance() { column_ = -1; }

  bool is_null(int column) const override {
    return sqlite3_value_type(value(column)) == SQLITE_NULL;
  }
  std::int64_t int64(int column) const override { return sqlite3_value_int64(value(column)); }
  std::int64_t scaled(int column, int) const override { return int64(column); }
  double real(int column) const override { return sqlite3_value_double(value(column)); }
  std::string_view text(int column) const override {
    sqlite3_value* what = value(column);
    // The text first: the conversion of a number to text changes the number of bytes.
    const void* data = sqlite3_value_type(what) == SQLITE_BLOB
                           ? sqlite3_value_blob(what)
                           : static_cast<const void*>(sqlite3_value_text(what));
    if (data == nullptr) return {};
    return {static_cast<const char*>(data), static_cast<std::size_t>(sqlite3_value_bytes(what))};
  }

 private:
  sqlite3_value* value(int column) const {
    if (column != column_) {
      value_ = sqlite3_column_value(statement_, column);
      column_ = column;
    }
    return value_;
  }

  sqlite3_stmt* statement_;
  mutable int column_ = -1;
  mutable sqlite3_value* value_ = nullptr;
};

/// SQLite's count of its memory takes a mutex of the whole process on every allocation, and nothing
/// here asks for it. Without effect when the program has used SQLite before.
void set_up_process() {
  static const int done = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(done);
}

int bind(sqlite3_stmt* statement, int index, const db::Parameter& parameter) {
  // The caller's bytes outlive the statement's run, which ends before `run` returns.
  constexpr sqlite3_destructor_type borrowed = nullptr;
  struct Visitor {
    sqlite3_stmt* statement;
    int index;
    int operator()(std::nullptr_t) const { return sqlite3_bind_null(statement, index); }
    int operator()(std::int64_t value) const { return sqlite3_bind_int64(statement, index, value); }
    int operator()(db::Scaled value) const {
      return sqlite3_bind_int64(statement, index, value.units);
    }
    int operator()(double value) const { return sqlite3_bind_double(statement, index, value); }
    int operator()(std::string_view text) const {
      // A null pointer would bind NULL instead of "".
      const char* data = text.data() != nullptr ? text.data() : "";
      return sqlite3_bind_text64(statement, index, data, text.size(), borrowed, SQLITE_UTF8);
    }
    int operator()(db::Blob blob) const {
      if (blob.bytes.empty()) return sqlite3_bind_zeroblob(statement, index, 0);
      return sqlite3_bind_blob64(statement, index, blob.bytes.data(), blob.bytes.size(), borrowed);
    }
  };
  return std::visit(Visitor{statement, index}, parameter);
}

/// Leaves a cached statement as it was, whatever happened.
class StatementUse {
 public:
  explicit StatementUse(sqlite3_stmt* statement) : statement_(statement) {}
  ~StatementUse() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  StatementUse(const StatementUse&) = delete;
  StatementUse& operator=(const StatementUse&) = delete;

 private:
  sqlite3_stmt* statement_;
};

void set_limits(sqlite3* database) {
  constexpr std::array<std::pair<int, int>, 10> limits = {{
      {SQLITE_LIMIT_LENGTH, 64 * 1024 * 1024},
      {SQLITE_LIMIT_SQL_LENGTH, 1024 * 1024},
      {SQLITE_LIMIT_COLUMN, 500},
      {SQLITE_LIMIT_EXPR_DEPTH, 200},
      {SQLITE_LIMIT_COMPOUND_SELECT, 50},
      {SQLITE_LIMIT_FUNCTION_ARG, 32},
      {SQLITE_LIMIT_ATTACHED, 0},
      {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000},
      {SQLITE_LIMIT_VARIABLE_NUMBER, 4000},
      {SQLITE_LIMIT_TRIGGER_DEPTH, 32},
  }};
  for (auto [limit, value] : limits) sqlite3_limit(database, limit, value);
}

int set_flags(sqlite3* database) {
  constexpr std::array<std::pair<int, int>, 6> flags = {{
      {SQLITE_DBCONFIG_DEFENSIVE, 1},
      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
      {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
      {SQLITE_DBCONFIG_ENABLE_FKEY, 1},
      {SQLITE_DBCONFIG_DQS_DML, 0},
      {SQLITE_DBCONFIG_DQS_DDL, 0},
  }};
  for (auto [flag, value] : flags) {
    int code = sqlite3_db_config(database, flag, value, nullptr);
    if (code != SQLITE_OK) return code;
  }
  return SQLITE_OK;
}

/// SQLite itself would make the file readable to everyone; the log files take its mode.
Result<> make_file(const std::string& path) {
  int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) {
    return Error(Code::unavailable, "can't open " + path + ": " + std::strerror(errno))
        .with_reason("DATABASE_UNAVAILABLE");
  }
  ::close(file);
  return {};
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const SqliteOptions& options, Kind kind) {
  set_up_process();
  if (kind == Kind::writer) KIT_TRY(make_file(options.path));
  sqlite3* database = nullptr;
  int flags = kind == Kind::writer ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  int code = sqlite3_open_v2(options.path.c_str(), &database,
                             flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                             options.vfs.empty() ? nullptr : options.vfs.c_str());
  if (code != SQLITE_OK) {
    Error error = to_error(database, code);
    sqlite3_close(database);
    return error;
  }
  std::unique_ptr<Connection> connection(new Connection(database, options.cached_statements));
  KIT_TRY(connection->configure(options, kind));
  return connection;
}

Connection::Connection(sqlite3* database, std::size_t cached_statements)
    : database_(database), statements_(database, cached_statements) {}

Connection::~Connection() {
  statements_.clear();
  sqlite3_close(database_);
}

Result<> Connection::configure(const SqliteOptions& options, Kind kind) {
  set_limits(database_);
  if (int code = set_flags(database_); code != SQLITE_OK) return to_error(database_, code);
  // The writer opens before there is a loop, so SQLite may sleep until another process has
  // recovered the log. A reader opens on its loop's thread: who wants it tries again.
  if (kind == Kind::writer)
    sqlite3_busy_timeout(database_, static_cast<int>(options.busy_timeout.count()));
  static constexpr std::array<const char*, 3> levels = {"OFF", "NORMAL", "FULL"};
  std::string script = "PRAGMA cache_size=-" + std::to_string(options.page_cache_kib) +
                       "; PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON;";
  if (kind == Kind::writer) {
    script += "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; PRAGMA synchronous=";
    script += levels[static_cast<std::size_t>(options.synchronous)];
  } else {
    script += "PRAGMA query_only=ON; SELECT 1 FROM sqlite_schema LIMIT 1";
  }
  if (int code = setup(script); code != SQLITE_OK) return to_error(database_, code);
  sqlite3_busy_timeout(database_, 0);
  sqlite3_progress_handler(database_, progress_steps, &Connection::on_progress, this);
  if (kind == Kind::reader) return {};
  sqlite3_wal_hook(database_, &Connection::on_log, this);
  if (text("PRAGMA journal_mode") != "wal") {
    return Error(Code::unavailable, "the file system of " + options.path +
                                        " can't hold a write-ahead log (shared memory is missing)")
        .with_reason("DATABASE_UNAVAILABLE");
  }
  page_bytes_ = static_cast<std::uint64_t>(parse_int(text("PRAGMA page_size")).value_or(4096));
  return {};
}

int Connection::setup(const std::string& script) {
  return sqlite3_exec(database_, script.c_str(), nullptr, nullptr, nullptr);
}

Outcome Connection::run(std::string_view sql, std::span<const db::Parameter> parameters,
                        const db::RowSink* sink, Limits limits) {
  if (limits.read <= limits.now) return {to_error(nullptr, SQLITE_INTERRUPT), SQLITE_OK, false};
  auto prepared = statements_.prepare(sql);
  if (!prepared) {
    int code = sqlite3_extended_errcode(database_);
    return {std::move(prepared).error(), code, false};
  }
  sqlite3_stmt* statement = *prepared;
  if (sqlite3_bind_parameter_count(statement) != static_cast<int>(parameters.size())) {
    return {Error(Code::internal, "the statement takes " +
                                      std::to_string(sqlite3_bind_parameter_count(statement)) +
                                      " parameters, given were " +
                                      std::to_string(parameters.size()) + ": " + std::string(sql)),
            SQLITE_OK, false};
  }
  StatementUse use(statement);
  int index = 0;
  for (const auto& parameter : parameters) {
    if (int code = bind(statement, ++index, parameter); code != SQLITE_OK) {
      return {to_error(database_, code, sql), code, false};
    }
  }
  const bool changes = sqlite3_stmt_readonly(statement) == 0;
  limit_ = changes ? limits.write : limits.read;
  const auto before = changes ? sqlite3_total_changes64(database_) : 0;
  SqliteRow row(statement);
  bool rows_seen = false;
  int code = SQLITE_OK;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    if (sink == nullptr) continue;
    rows_seen = true;
    row.advance();
    if (auto taken = (*sink)(row); !taken) return {std::move(taken).error(), SQLITE_OK, true};
  }
  if (code != SQLITE_DONE) return {to_error(database_, code, sql), code, rows_seen};
  db::Session::Changed changed;
  // `changes` keeps its old value through statements that change nothing (CREATE TABLE).
  if (changes && sqlite3_total_changes64(database_) != before) {
    changed.rows = sqlite3_changes64(database_);
    changed.last_id = sqlite3_last_insert_rowid(database_);
  }
  return {changed, SQLITE_OK, rows_seen};
}

std::string Connection::text(std::string_view sql) {
  std::string value;
  auto read = [&value](const db::Row& row) -> Result<> {
    value = row.text(0);
    return {};
  };
  db::RowSink sink(read);
  Outcome outcome = run(sql, {}, &sink, Limits::none());
  return outcome.result.ok() ? value : std::string();
}

bool Connection::autocommit() const {
  return sqlite3_get_autocommit(database_) != 0;
}

bool Connection::has_deferred_violations() const {
  int violations = 0;
  int highest = 0;
  sqlite3_db_status(database_, SQLITE_DBSTATUS_DEFERRED_FKS, &violations, &highest, 0);
  return violations > 0;
}

Result<bool> Connection::checkpoint(bool truncate, int& code) {
  limit_ = Clock::time_point::max();
  int frames = -1;
  int written = -1;
  code = sqlite3_wal_checkpoint_v2(
      database_, nullptr, truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
      &frames, &written);
  if (code != SQLITE_OK && !is_busy(code)) return to_error(database_, code);
  return code == SQLITE_OK && frames == written;
}

int Connection::on_progress(void* self) {
  return Clock::now() >= static_cast<Connection*>(self)->limit_ ? 1 : 0;
}

int Connection::on_log(void* self, sqlite3*, const char*, int frames) {
  auto* connection = static_cast<Connection*>(self);
  constexpr std::uint64_t frame_header = 24;
  connection->log_bytes_ =
      static_cast<std::uint64_t>(frames) * (connection->page_bytes_ + frame_header);
  return SQLITE_OK;
}

Clock::time_point task_deadline(Clock::time_point now) {
  const auto deadline = Context::current_deadline();
  const Loop* loop = Loop::current_or_null();
  if (deadline == Clock::time_point::max() || loop == nullptr) return Clock::time_point::max();
  return now + (deadline - loop->now());
}

Limits statement_limits(std::chrono::milliseconds longest) {
  const auto now = Clock::now();
  const auto end = std::min(now + longest, task_deadline(now));
  return {now, end, end};
}

Result<> refuse_cancelled() {
  const Context* context = Context::current();
  if (context != nullptr && context->cancelled()) return context->why().clone();
  return {};
}

}  // namespace kit::sqlite::detail
