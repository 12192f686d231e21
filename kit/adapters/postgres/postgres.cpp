// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/postgres/postgres.hpp"

#include <utility>

#include "kit/adapters/postgres/detail/transaction.hpp"

namespace kit::postgres {
namespace {

using namespace std::chrono_literals;
using detail::LoopPool;
using detail::Role;
using detail::Server;

std::string_view begin_text(db::Isolation isolation) {
  switch (isolation) {
    case db::Isolation::repeatable_read:
      return "BEGIN ISOLATION LEVEL REPEATABLE READ";
    case db::Isolation::serializable:
      return "BEGIN ISOLATION LEVEL SERIALIZABLE";
    case db::Isolation::standard:
    case db::Isolation::read_committed:
      break;
  }
  return "BEGIN ISOLATION LEVEL READ COMMITTED";
}

Task<> discard(Task<db::Session::Changed> task) {
  co_await std::move(task);
}

/// Reads on the servers of the other role.
class Replica final : public db::Session {
 public:
  explicit Replica(std::shared_ptr<Server> server) : server_(std::move(server)) {}
  Task<> query(std::string_view sql, std::span<const db::Parameter> parameters,
               db::RowSink sink) override {
    return discard(LoopPool::run(server_, sql, parameters, sink));
  }
  Task<Changed> execute(std::string_view, std::span<const db::Parameter>) override {
    co_return Error(Code::failed_precondition, "a write where only reads are possible")
        .with_reason("READ_ONLY");
  }
  db::Dialect dialect() const override { return db::Dialect::postgresql; }

 private:
  std::shared_ptr<Server> server_;
};

class OpenDatabase final : public PostgresDatabase {
 public:
  OpenDatabase(std::shared_ptr<Server> primary, std::shared_ptr<Server> replica)
      : primary_(std::move(primary)), replicas_(std::move(replica)), replica_(replicas_) {}
  ~OpenDatabase() override {
    primary_->close();
    replicas_->close();
  }

  Task<> query(std::string_view sql, std::span<const db::Parameter> parameters,
               db::RowSink sink) override {
    return discard(LoopPool::run(primary_, sql, parameters, sink));
  }
  Task<Changed> execute(std::string_view sql, std::span<const db::Parameter> parameters) override {
    return LoopPool::run(primary_, sql, parameters, std::nullopt);
  }
  Task<std::unique_ptr<db::Transaction>> begin() override {
    return begin_isolated(db::Isolation::standard);
  }
  Task<std::unique_ptr<db::Transaction>> begin_isolated(db::Isolation isolation) override {
    return begin_with(begin_text(isolation), {});
  }
  Task<std::unique_ptr<db::Transaction>> begin_bulk() override {
    return begin_with(begin_text(db::Isolation::standard), "SET LOCAL statement_timeout = 0");
  }
  Task<std::unique_ptr<db::Transaction>> begin_autocommit() override;
  Task<std::unique_ptr<db::Transaction>> begin_read() override {
    return begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", {});
  }
  db::Session& replica() override { return replica_; }
  db::Dialect dialect() const override { return db::Dialect::postgresql; }
  Result<> health() const override { return primary_->health(); }
  PostgresStats stats() const override;

 private:
  Task<std::unique_ptr<db::Transaction>> begin_with(std::string_view begin,
                                                    std::string_view set_up) {
    detail::Lease lease = co_await LoopPool::begin(primary_, begin);
    auto transaction =
        std::make_unique<detail::Transaction>(std::move(lease), begin.ends_with("READ ONLY"));
    if (!set_up.empty()) co_await transaction->execute(set_up, {});
    co_return std::unique_ptr<db::Transaction>(std::move(transaction));
  }

  const std::shared_ptr<Server> primary_;
  const std::shared_ptr<Server> replicas_;
  Replica replica_;
};

/// Behind pgbouncer what a session sets would reach other clients: the limits are its own then.
Task<std::unique_ptr<db::Transaction>> OpenDatabase::begin_autocommit() {
  const bool owns_session = primary_->options.prepared;
  const std::string_view begin = owns_session ? "SET statement_timeout = 0" : "SELECT 1";
  detail::Lease lease = co_await LoopPool::begin(primary_, begin);
  auto session = std::make_unique<detail::AutocommitSession>(std::move(lease));
  // A build waits for the transactions that are open, and holds nobody up meanwhile.
  if (owns_session) co_await session->execute("SET lock_timeout = 0", {});
  co_return std::unique_ptr<db::Transaction>(std::move(session));
}

PostgresStats OpenDatabase::stats() const {
  PostgresStats sum;
  for (const auto& server : {primary_, replicas_}) {
    sum.connects += server->connects.load(std::memory_order_relaxed);
    sum.failed_connects += server->failed_connects.load(std::memory_order_relaxed);
    sum.lost += server->lost.load(std::memory_order_relaxed);
    sum.cancels += server->cancels.load(std::memory_order_relaxed);
    sum.retries += server->retries.load(std::memory_order_relaxed);
    sum.prepares += server->prepares.load(std::memory_order_relaxed);
    sum.connections += server->live.live();
  }
  return sum;
}

Result<> check(const PostgresOptions& options) {
  if (options.shared_connections == 0 || options.shared_connections > 64) {
    return invalid("database.shared_connections", "must be between 1 and 64");
  }
  if (options.transaction_connections == 0 || options.transaction_connections > 1'000) {
    return invalid("database.transaction_connections", "must be between 1 and 1000");
  }
  if (options.pipeline_depth == 0 || options.pipeline_depth > 1'024) {
    return invalid("database.pipeline_depth", "must be between 1 and 1024");
  }
  if (options.cached_statements == 0) {
    return invalid("database.cached_statements", "must be at least 1");
  }
  for (const auto limit :
       {options.wait_limit, options.connect_timeout, options.statement_limit, options.cancel_limit,
        options.idle_transaction_limit, options.idle_limit, options.connection_limit}) {
    if (limit <= 0ms || limit > 24h) {
      return invalid("database", "limits must be between 1 ms and 24 h");
    }
  }
  return {};
}

Result<std::shared_ptr<Server>> make_server(const PostgresOptions& options, Role role) {
  auto settings = detail::read_settings(options, role);
  if (!settings) return std::move(settings).error();
  auto shared = std::make_shared<const detail::ConnectSettings>(std::move(settings).value());
  return std::make_shared<Server>(options, role, std::move(shared));
}

}  // namespace

Result<std::unique_ptr<PostgresDatabase>> open(const PostgresOptions& options) {
  KIT_TRY(check(options));
  auto primary = make_server(options, Role::primary);
  if (!primary) return std::move(primary).error();
  auto replica = make_server(options, Role::replica);
  if (!replica) return std::move(replica).error();
  auto tried = (*primary)->settings->connect();
  if (!tried) return std::move(tried).error();
  return std::make_unique<OpenDatabase>(std::move(primary).value(), std::move(replica).value());
}

}  // namespace kit::postgres
