// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/postgres/postgres.hpp"

#include <array>
#include <utility>
#include <vector>

#include "kit/adapters/postgres/detail/listener.hpp"
#include "kit/adapters/postgres/detail/transaction.hpp"

namespace kit::postgres {
namespace {

using namespace std::chrono_literals;
using detail::ConnectSettings;
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

/// Reads on the servers of the other role, and on the primary while none of them is there.
class Replica final : public db::Session {
 public:
  Replica(std::shared_ptr<Server> replicas, std::shared_ptr<Server> primary)
      : replicas_(std::move(replicas)), primary_(std::move(primary)) {}
  Task<> query(std::string_view sql, std::span<const db::Parameter> parameters,
               db::RowSink sink) override;
  Task<Changed> execute(std::string_view, std::span<const db::Parameter>) override {
    co_return Error(Code::failed_precondition, "a write where only reads are possible")
        .with_reason("READ_ONLY");
  }
  db::Dialect dialect() const override { return db::Dialect::postgresql; }

 private:
  std::shared_ptr<Server> replicas_;
  std::shared_ptr<Server> primary_;
};

Task<> Replica::query(std::string_view sql, std::span<const db::Parameter> parameters,
                      db::RowSink sink) {
  bool rows_seen = false;
  LoopPool::Single single{.sql = sql, .parameters = parameters, .sink = sink};
  single.only_reads = true;
  single.rows_seen = &rows_seen;
  Task<Changed> reading = LoopPool::run(replicas_, single);
  Result<Changed> done = co_await as_result(std::move(reading));
  if (done) co_return;
  const bool is_gone = done.error().reason() == "DATABASE_UNAVAILABLE" && !rows_seen;
  if (!is_gone || replicas_->options.replica_dsn.empty()) co_await std::move(done).error();
  Task<Changed> again = LoopPool::run(primary_, single);
  co_await std::move(again);
}

class OpenDatabase final : public PostgresDatabase {
 public:
  OpenDatabase(std::shared_ptr<Server> primary, std::shared_ptr<Server> replica,
               std::shared_ptr<Server> listeners)
      : primary_(std::move(primary)),
        replicas_(std::move(replica)),
        listeners_(std::move(listeners)),
        replica_(replicas_, primary_) {}
  ~OpenDatabase() override {
    primary_->close();
    replicas_->close();
  }

  Task<> query(std::string_view sql, std::span<const db::Parameter> parameters,
               db::RowSink sink) override {
    LoopPool::Single single{.sql = sql, .parameters = parameters, .sink = sink};
    return discard(LoopPool::run(primary_, single));
  }
  Task<Changed> execute(std::string_view sql, std::span<const db::Parameter> parameters) override {
    LoopPool::Single single{.sql = sql, .parameters = parameters, .sink = std::nullopt};
    return LoopPool::run(primary_, single);
  }
  Task<std::unique_ptr<db::Transaction>> begin() override {
    return begin_isolated(db::Isolation::standard);
  }
  Task<std::unique_ptr<db::Transaction>> begin_isolated(db::Isolation isolation) override {
    return begin_with(begin_text(isolation), options().statement_limit);
  }
  Task<std::unique_ptr<db::Transaction>> begin_bulk() override {
    return begin_with(begin_text(db::Isolation::standard), 0ms);
  }
  Task<std::unique_ptr<db::Transaction>> begin_autocommit() override;
  Task<std::unique_ptr<db::Transaction>> begin_read() override {
    return begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", options().statement_limit);
  }
  db::Session& replica() override { return replica_; }
  db::Dialect dialect() const override { return db::Dialect::postgresql; }
  Result<> health() const override { return primary_->health(); }
  PostgresStats stats() const override;
  Result<std::unique_ptr<Listener>> listen(std::string_view channel,
                                           Function<void(std::string_view)> received,
                                           Function<void()> missed) override;

 private:
  const PostgresOptions& options() const { return primary_->options; }
  Task<std::unique_ptr<db::Transaction>> begin_with(std::string_view begin,
                                                    std::chrono::milliseconds statement_limit) {
    std::vector<std::string> texts{std::string(begin)};
    // A session of kit's own has its limits already.
    if (!options().prepared || statement_limit == 0ms) {
      texts.push_back("SET LOCAL statement_timeout = " + std::to_string(statement_limit.count()));
    }
    if (!options().prepared) {
      texts.push_back("SET LOCAL idle_in_transaction_session_timeout = " +
                      std::to_string(options().idle_transaction_limit.count()));
    }
    detail::Lease lease = co_await LoopPool::begin(primary_, std::move(texts));
    std::unique_ptr<db::Transaction> transaction =
        std::make_unique<detail::Transaction>(std::move(lease), begin.ends_with("READ ONLY"));
    co_return transaction;
  }

  const std::shared_ptr<Server> primary_;
  const std::shared_ptr<Server> replicas_;
  const std::shared_ptr<Server> listeners_;
  Replica replica_;
};

Result<> check_channel(std::string_view channel) {
  if (!channel.empty() && channel.size() <= most_channel_bytes &&
      channel.find('\0') == channel.npos) {
    return {};
  }
  return invalid("channel", "is not 1 to " + std::to_string(most_channel_bytes) + " bytes long");
}

Result<std::unique_ptr<Listener>> OpenDatabase::listen(std::string_view channel,
                                                       Function<void(std::string_view)> received,
                                                       Function<void()> missed) {
  KIT_TRY(check_channel(channel));
  if (!options().prepared && options().listen_dsn.empty()) {
    return Error(Code::failed_precondition,
                 "a pooler that hands sessions on (prepared = off) loses notifications: "
                 "listen_dsn has to lead past it")
        .with_reason("LISTEN_UNSUPPORTED");
  }
  return detail::make_listener(listeners_, channel, std::move(received), std::move(missed));
}

/// Behind pgbouncer what a session sets would reach other clients: the limits are its own then.
Task<std::unique_ptr<db::Transaction>> OpenDatabase::begin_autocommit() {
  std::vector<std::string> texts;
  if (primary_->options.prepared) {
    // A build waits for the transactions that are open, and holds nobody up meanwhile.
    texts = {"SET statement_timeout = 0", "SET lock_timeout = 0"};
  } else {
    texts = {"SELECT 1"};
  }
  detail::Lease lease = co_await LoopPool::begin(primary_, std::move(texts));
  auto session = std::make_unique<detail::AutocommitSession>(std::move(lease));
  co_return std::unique_ptr<db::Transaction>(std::move(session));
}

PostgresStats OpenDatabase::stats() const {
  PostgresStats sum;
  for (const auto& server : {primary_, replicas_, listeners_}) {
    sum.connects += server->connects.load(std::memory_order_relaxed);
    sum.failed_connects += server->failed_connects.load(std::memory_order_relaxed);
    sum.lost += server->lost.load(std::memory_order_relaxed);
    sum.cancels += server->cancels.load(std::memory_order_relaxed);
    sum.retries += server->retries.load(std::memory_order_relaxed);
    sum.prepares += server->prepares.load(std::memory_order_relaxed);
    sum.refused += server->refused.load(std::memory_order_relaxed);
    sum.connections += server->live.live();
    sum.in_use += server->in_use.load(std::memory_order_relaxed);
    sum.waiting += server->waiting.load(std::memory_order_relaxed);
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
  if (options.most_answer_bytes < 1'024 * 1'024) {
    return invalid("database.most_answer_bytes", "must be at least 1 MiB");
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
  auto settings = ConnectSettings::read(options, role);
  if (!settings) return std::move(settings).error();
  return std::make_shared<Server>(options, role, std::move(*settings));
}

}  // namespace

Result<std::unique_ptr<PostgresDatabase>> open(const PostgresOptions& options) {
  KIT_TRY(check(options));
  auto primary = make_server(options, Role::primary);
  if (!primary) return std::move(primary).error();
  auto replica = make_server(options, Role::replica);
  if (!replica) return std::move(replica).error();
  auto listeners = make_server(options, Role::listener);
  if (!listeners) return std::move(listeners).error();
  auto tried = (*primary)->settings->connect();
  if (!tried) return std::move(tried).error();
  return std::make_unique<OpenDatabase>(std::move(*primary), std::move(*replica),
                                        std::move(*listeners));
}

Task<> notify(db::Session& session, std::string_view channel, std::string_view payload) {
  co_await check_channel(channel);
  if (payload.size() > most_payload_bytes || payload.find('\0') != payload.npos) {
    co_await invalid("payload", "is longer than " + std::to_string(most_payload_bytes) +
                                    " bytes or has a zero character");
  }
  const std::array<db::Parameter, 2> parameters{channel, payload};
  co_await session.execute("SELECT pg_notify(?1, ?2)", parameters);
}

}  // namespace kit::postgres
