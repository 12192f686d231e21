// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/mysql/mysql.hpp"

#include <csignal>
#include <utility>

#include "kit/adapters/mysql/detail/transactions.hpp"
#include "kit/async/per_thread.hpp"

namespace kit::mysql {
namespace {

using detail::Lease;
using detail::OwningTransaction;
using detail::Pool;
using detail::Request;
using detail::Shared;
using detail::Work;

/// The pools of all threads to one place.
class Place {
 public:
  Place(detail::Dsn dsn, const MysqlOptions& options)
      : shared_(std::make_shared<Shared>(std::move(dsn), options)),
        pools_([shared = shared_] { return std::make_shared<Pool>(shared); }) {}
  ~Place() {
    shared_->threads.reset();
    shared_->in_use.reset();
  }

  std::shared_ptr<Pool> here() { return pools_.here(); }
  const MysqlOptions& options() const { return shared_->server->options(); }
  detail::Server::Counts& counts() const { return shared_->server->counts(); }

  /// A single statement, on a connection for as long as it runs. `rows_seen`: whether somebody has
  /// seen a row of one that failed.
  Task<> run(Request request, bool* rows_seen = nullptr);

 private:
  std::shared_ptr<Shared> shared_;
  PerThread<Pool> pools_;
};

Task<> Place::run(Request request, bool* rows_seen) {
  const std::shared_ptr<Pool> pool = here();
  for (;;) {
    Lease lease = co_await pool->acquire();
    request.until = Loop::current().now() + options().statement_limit;
    Task<> running = lease->run(request);
    auto done = co_await as_result(std::move(running));
    if (done.ok()) co_return;
    // The server had closed it meanwhile, and a read leaves nothing behind.
    const bool was_stale = lease->is_broken() && lease->was_used() && lease->can_repeat() &&
                           done.error().code() == Code::unavailable;
    if (rows_seen != nullptr) *rows_seen = !lease->can_repeat();
    if (!was_stale) co_await std::move(done).error();
  }
}

/// Reads only; on the primary while no replica answers.
class Replica final : public db::Session {
 public:
  Replica(Place& place, Place& primary) : place_(place), primary_(primary) {}

  Task<> query(std::string_view sql, std::span<const db::Parameter> parameters,
               db::RowSink sink) override {
    Request request;
    request.sql = sql;
    request.parameters = parameters;
    request.sink = &sink;
    request.only_reads = true;
    bool rows_seen = false;
    Task<> reading = place_.run(request, &rows_seen);
    auto done = co_await as_result(std::move(reading));
    if (done.ok()) co_return;
    const bool is_gone = done.error().code() == Code::unavailable && !rows_seen;
    if (!is_gone || &place_ == &primary_) co_await std::move(done).error();
    co_await primary_.run(request);
  }
  Task<Changed> execute(std::string_view, std::span<const db::Parameter>) override {
    co_return Error(Code::failed_precondition, "a write where only reads are possible")
        .with_reason("READ_ONLY");
  }
  db::Dialect dialect() const override { return db::Dialect::mysql; }

 private:
  Place& place_;
  Place& primary_;
};

class OpenDatabase final : public MysqlDatabase {
 public:
  OpenDatabase(detail::Dsn dsn, std::unique_ptr<Place> replicas, const MysqlOptions& options)
      : place_(std::move(dsn), options),
        replicas_(std::move(replicas)),
        replica_(replicas_ != nullptr ? *replicas_ : place_, place_) {}

  Task<> query(std::string_view sql, std::span<const db::Parameter> parameters,
               db::RowSink sink) override {
    Request request;
    request.sql = sql;
    request.parameters = parameters;
    request.sink = &sink;
    co_await place_.run(request);
  }
  Task<Changed> execute(std::string_view sql, std::span<const db::Parameter> parameters) override {
    Changed changed;
    Request request;
    request.sql = sql;
    request.parameters = parameters;
    request.changed = &changed;
    co_await place_.run(request);
    co_return changed;
  }
  Task<std::unique_ptr<db::Transaction>> begin() override {
    return OwningTransaction::begin(place_.here(), Work::ordinary, db::Isolation::standard);
  }
  Task<std::unique_ptr<db::Transaction>> begin_isolated(db::Isolation isolation) override {
    return OwningTransaction::begin(place_.here(), Work::ordinary, isolation);
  }
  Task<std::unique_ptr<db::Transaction>> begin_bulk() override {
    return OwningTransaction::begin(place_.here(), Work::bulk, db::Isolation::standard);
  }
  Task<std::unique_ptr<db::Transaction>> begin_schema() override {
    return OwningTransaction::begin(place_.here(), Work::schema, db::Isolation::standard);
  }
  Task<std::unique_ptr<db::Transaction>> begin_read() override {
    return OwningTransaction::begin(place_.here(), Work::read, db::Isolation::repeatable_read);
  }
  db::Session& replica() override { return replica_; }
  db::Dialect dialect() const override { return db::Dialect::mysql; }
  bool has_transactional_schema() const override { return false; }
  void close_idle() override { place_.here()->close_idle(); }

  MysqlStats stats() const override {
    const auto& counts = place_.counts();
    MysqlStats stats;
    stats.opened = counts.opened;
    stats.closed = counts.closed;
    stats.failed_connects = counts.failed_connects;
    stats.lost = counts.lost;
    stats.in_use = counts.in_use;
    stats.waiting = counts.waiting;
    stats.refused = counts.refused;
    stats.ended = counts.ended;
    stats.failed_ends = counts.failed_ends;
    stats.expired = counts.expired;
    stats.prepared = counts.prepared;
    return stats;
  }

 private:
  Place place_;
  std::unique_ptr<Place> replicas_;
  Replica replica_;
};

Error bad_option(std::string_view what) {
  return Error(Code::invalid_argument, std::string(what)).with_reason("OPTIONS_INVALID");
}

Result<> check(const MysqlOptions& options) {
  using std::chrono::milliseconds;
  if (options.connections_per_thread < 1) return bad_option("connections_per_thread is below 1");
  if (options.connect_timeout < milliseconds(1)) return bad_option("connect_timeout is below 1 ms");
  if (options.statement_limit < milliseconds(1)) return bad_option("statement_limit is below 1 ms");
  if (options.transaction_limit < milliseconds(1))
    return bad_option("transaction_limit is below 1 ms");
  if (options.lock_wait < std::chrono::seconds(1)) return bad_option("lock_wait is below 1 s");
  return {};
}

/// The TLS library writes to a socket that its peer has closed, which must not end the program.
void ignore_broken_pipes() {
  struct sigaction action{};
  if (::sigaction(SIGPIPE, nullptr, &action) == 0 && action.sa_handler == SIG_DFL)
    std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace

Result<std::unique_ptr<MysqlDatabase>> open(const MysqlOptions& options) {
  KIT_TRY(check(options));
  auto dsn = detail::parse_dsn(options.dsn.reveal());
  if (!dsn) return std::move(dsn).error();
  if (dsn->tls != detail::Tls::off) ignore_broken_pipes();
  std::unique_ptr<Place> replicas;
  if (!options.replica_dsn.reveal().empty()) {
    auto replica = detail::parse_dsn(options.replica_dsn.reveal());
    if (!replica) return std::move(replica).error();
    if (replica->tls != detail::Tls::off) ignore_broken_pipes();
    replicas = std::make_unique<Place>(std::move(*replica), options);
  }
  return std::unique_ptr<MysqlDatabase>(
      std::make_unique<OpenDatabase>(std::move(*dsn), std::move(replicas), options));
}

}  // namespace kit::mysql
