// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kit/adapters/postgres/detail/connection.hpp"
#include "kit/adapters/postgres/detail/server.hpp"
#include "kit/adapters/postgres/detail/statement_text.hpp"
#include "kit/async/semaphore.hpp"
#include "kit/db/database.hpp"

namespace kit::postgres::detail {

/// A connection of a transaction's own; it goes back to the pool with the lease.
struct Lease {
  Lease(std::shared_ptr<LoopPool> owner, std::shared_ptr<Connection> taken, Semaphore::Permit place,
        Counted counted)
      : pool(std::move(owner)),
        connection(std::move(taken)),
        permit(std::move(place)),
        use(std::move(counted)) {}
  std::shared_ptr<LoopPool> pool;
  std::shared_ptr<Connection> connection;
  Semaphore::Permit permit;
  Counted use;
};

/// The connections of one loop. Thread safety: its thread.
class LoopPool final : public std::enable_shared_from_this<LoopPool>, private LoopEnd {
 public:
  using Changed = db::Session::Changed;

  static std::shared_ptr<LoopPool> make(std::shared_ptr<Server> server, Loop& loop);
  LoopPool(std::shared_ptr<Server> server, Loop& loop);

  /// A single statement and what is wanted of it. Lifetime: what it borrows until it has ended.
  struct Single {
    std::string_view sql;
    std::span<const db::Parameter> parameters;
    std::optional<db::RowSink> sink;  ///< None: rows are passed over.
    bool only_reads = false;          ///< What writes fails with READ_ONLY.
    bool* rows_seen = nullptr;        ///< Set when somebody has seen a row.
  };
  /// Runs it over the pool of the loop of this thread.
  static Task<Changed> run(std::shared_ptr<Server> server, Single single);
  /// A connection on which all of `texts` have succeeded, the first of which begins a transaction.
  static Task<Lease> begin(std::shared_ptr<Server> server, std::vector<std::string> texts);
  /// The last statement of a lease has been sent; `clean`: nothing is open on the connection.
  void give_back(Lease lease, bool clean);

  /// Sends a statement over a connection of a lease and yields what became of it.
  Task<Changed> run_on(std::shared_ptr<Connection> connection, std::string_view sql,
                       std::span<const db::Parameter> parameters, const db::RowSink* sink,
                       bool streams);

  /// The statement with the types of its parameters, asked for when it is new.
  Task<std::shared_ptr<const Statement>> types_of(std::shared_ptr<Connection> connection,
                                                  std::string_view sql, std::size_t parameters);
  /// What is remembered of the statement may be wrong: it is asked for again.
  void drop(std::string_view sql, const Statement& statement);
  /// Stores rows whose values are the parameters of `row`, over a connection of a lease.
  Task<std::int64_t> copy_in(std::shared_ptr<Connection> connection, std::string copy,
                             std::shared_ptr<const Statement> row, db::RowSource next);

  Server& server() { return *server_; }
  const LoopRemote& remote() const { return remote_; }
  /// Its loop or its database is gone. Thread safety: any thread that can't see it end meanwhile.
  bool ended() const { return ended_; }
  void close();

 private:
  /// What `run_on` tells besides its result: what may be done about a failure.
  struct Attempt {
    std::shared_ptr<Request> request;
    std::shared_ptr<const Statement> statement;
    bool rows_seen = false;
    bool only_reads = false;
    bool doubted = false;  ///< What is remembered of the statement may be why it failed.
  };
  friend class Transaction;

  void on_loop_end() override;
  Task<Changed> try_on(std::shared_ptr<Connection> connection, std::string_view sql,
                       std::span<const db::Parameter> parameters, const db::RowSink* sink,
                       RunOptions options, Attempt* attempt);
  Task<Changed> try_single(std::shared_ptr<Connection> connection, const Single& single,
                           Attempt* attempt);
  Task<std::shared_ptr<const Statement>> describe(std::shared_ptr<Connection> connection,
                                                  std::string_view sql, std::size_t given,
                                                  Attempt* attempt);
  std::shared_ptr<const Statement> find(std::string_view sql) const;
  std::shared_ptr<const Statement> remember(std::string_view sql, StatementText text,
                                            std::vector<Oid> types);
  void learn(Connection& connection, std::string_view sql, const Attempt& attempt);
  bool may_retry(const Attempt& attempt) const;
  std::shared_ptr<Connection> pick_shared();
  Task<std::shared_ptr<Connection>> shared();
  Task<std::shared_ptr<Connection>> owned();
  Task<std::shared_ptr<Connection>> connect();
  Task<Semaphore::Permit> wait_for(Semaphore* places);
  void sweep();
  void arm_sweep();
  bool is_stale(const Connection& connection) const;

  const std::shared_ptr<Server> server_;
  Loop& loop_;
  const LoopRemote remote_;
  bool ended_ = false;
  std::vector<std::shared_ptr<Connection>> shared_;
  std::vector<std::shared_ptr<Connection>> idle_;  // of transactions; the latest last
  std::vector<std::weak_ptr<Connection>> leased_;
  Semaphore shared_places_;
  Semaphore transaction_places_;
  std::size_t waiting_ = 0;
  std::minstd_rand random_{std::random_device{}()};
  Mutex connecting_;              // of shared connections, one at a time
  std::optional<Error> refusal_;  // of the last connect
  Clock::time_point refused_until_{};
  Clock::duration pause_{};
  Arguments arguments_;
  std::uint64_t next_name_ = 0;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  std::unordered_map<std::string, std::shared_ptr<const Statement>, Hash, std::equal_to<>>
      statements_;
  Timer sweep_;
};

/// Fails with why the task that runs now was cancelled, or when its deadline has passed: nothing is
/// begun for it any more.
Result<> refuse_ended_task();

/// Whether a statement's rows are the point, or changes of rows: those are prepared.
bool is_worth_preparing(std::string_view sql);

}  // namespace kit::postgres::detail
