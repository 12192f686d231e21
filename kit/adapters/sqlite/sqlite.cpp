// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/sqlite/sqlite.hpp"

#include <utility>

#include "kit/adapters/sqlite/detail/errors.hpp"
#include "kit/adapters/sqlite/detail/transactions.hpp"
#include "kit/db/read_only_session.hpp"

namespace kit::sqlite {
namespace {

using namespace std::chrono_literals;
using detail::Outcome;
using detail::Work;

/// Between two tries of a read, or of opening its connection, while another process recovers the
/// log.
constexpr auto busy_pause = 5ms;

class OpenDatabase final : public SqliteDatabase {
 public:
  OpenDatabase(const SqliteOptions& options, std::unique_ptr<detail::Connection> connection)
      : options_(options),
        writer_(std::make_shared<detail::Writer>(std::move(connection), options_)),
        readers_(std::make_shared<detail::ReaderPool>(options_)) {
    writer_->start();
  }
  ~OpenDatabase() override {
    // The readers first, so that the writer can cut the log.
    readers_.reset();
    writer_->close();
  }

  Task<> query(std::string_view sql, std::span<const db::Parameter> parameters,
               db::RowSink sink) override;
  Task<Changed> execute(std::string_view sql, std::span<const db::Parameter> parameters) override;
  Task<std::unique_ptr<db::Transaction>> begin() override { return begin(Work::ordinary); }
  Task<std::unique_ptr<db::Transaction>> begin_bulk() override { return begin(Work::bulk); }
  Task<std::unique_ptr<db::Transaction>> begin_schema() override { return begin(Work::schema); }
  Task<std::unique_ptr<db::Transaction>> begin_read() override;
  /// Always serialisable: units of work take turns.
  Task<std::unique_ptr<db::Transaction>> begin_isolated(db::Isolation) override {
    return begin(Work::ordinary);
  }
  db::Session& replica() override { return replica_; }
  db::Dialect dialect() const override { return db::Dialect::sqlite; }
  Result<> health() const override { return writer_->health(); }
  SqliteStats stats() const override { return writer_->stats(); }

 private:
  Task<std::unique_ptr<db::Transaction>> begin(Work work);

  const SqliteOptions options_;
  const std::shared_ptr<detail::Writer> writer_;
  std::shared_ptr<detail::ReaderPool> readers_;
  db::ReadOnlySession replica_{*this};  // reads run on connections that can't write
};

/// Of an outcome: another process is in the way, and the statement can be tried again.
bool is_passing(const Outcome& outcome) {
  return !outcome.rows_seen && detail::is_busy(outcome.result.error());
}

Task<> OpenDatabase::query(std::string_view sql, std::span<const db::Parameter> parameters,
                           db::RowSink sink) {
  auto readers = readers_->here();
  std::optional<Clock::time_point> give_up;
  while (true) {
    co_await detail::refuse_cancelled();
    const detail::Limits limits = detail::statement_limits(options_.statement_limit);
    if (!give_up) give_up = limits.now + options_.busy_timeout;
    Outcome outcome = readers->run(sql, parameters, sink, limits, writer_->durable_groups());
    if (outcome.result.ok()) co_return;
    writer_->note(outcome.code, outcome.result.error());
    if (!is_passing(outcome) || Clock::now() >= *give_up) {
      co_await std::move(outcome.result).error();
    }
    co_await sleep_for(busy_pause);
  }
}

Task<db::Session::Changed> OpenDatabase::execute(std::string_view sql,
                                                 std::span<const db::Parameter> parameters) {
  auto transaction = co_await begin(Work::ordinary);
  Result<Changed> changed = co_await as_result(transaction->execute(sql, parameters));
  if (!changed) {
    // Here and not when the task is dropped: others wait for the writer.
    transaction.reset();
    co_return std::move(changed).error();
  }
  co_await transaction->commit();
  co_return *changed;
}

Task<std::unique_ptr<db::Transaction>> OpenDatabase::begin(Work work) {
  detail::TaskRoot task;
  const void* root = co_await task;
  auto transaction = std::make_unique<detail::WriteTransaction>(writer_, options_, work, root);
  detail::TurnWait turn(*writer_, transaction->unit());
  co_await turn;
  co_await transaction->begin();
  co_return std::unique_ptr<db::Transaction>(std::move(transaction));
}

Task<std::unique_ptr<db::Transaction>> OpenDatabase::begin_read() {
  auto readers = readers_->here();
  detail::SnapshotWait place(readers);
  co_await place;
  auto transaction = std::make_unique<detail::ReadTransaction>(readers, writer_, options_);
  place.release();
  auto give_up = Clock::now() + options_.busy_timeout;
  while (true) {
    Outcome outcome = transaction->begin();
    if (outcome.result.ok()) break;
    writer_->note(outcome.code, outcome.result.error());
    if (!is_passing(outcome) || Clock::now() >= give_up) {
      co_return std::move(outcome.result).error();
    }
    co_await sleep_for(busy_pause);
  }
  co_return std::unique_ptr<db::Transaction>(std::move(transaction));
}

Result<> check(const SqliteOptions& options) {
  if (options.path.empty() || options.path == ":memory:" || options.path.starts_with("file:")) {
    return invalid("database.path", "must be the path of a file");
  }
  if (options.path.find('\0') != std::string::npos) {
    return invalid("database.path", "must not contain a zero byte");
  }
  if (options.group_window < 0us || options.group_window > 100ms) {
    return invalid("database.group_window", "must be between 0 and 100 ms");
  }
  if (options.busy_timeout < 0ms || options.busy_timeout > 10min) {
    return invalid("database.busy_timeout", "must be between 0 and 10 min");
  }
  if (options.write_limit <= 0ms || options.snapshot_limit <= 0ms ||
      options.statement_limit <= 0ms) {
    return invalid("database", "limits must be greater than 0");
  }
  if (options.snapshots_per_thread == 0) {
    return invalid("database.snapshots_per_thread", "must be at least 1");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<SqliteDatabase>> open(const SqliteOptions& options) {
  KIT_TRY(check(options));
  auto connection = detail::Connection::open(options, detail::Connection::Kind::writer);
  if (!connection) return std::move(connection).error();
  return std::make_unique<OpenDatabase>(options, std::move(connection).value());
}

}  // namespace kit::sqlite
