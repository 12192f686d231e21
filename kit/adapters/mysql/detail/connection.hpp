// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kit/adapters/mysql/detail/call.hpp"
#include "kit/adapters/mysql/detail/catalogue.hpp"
#include "kit/adapters/mysql/detail/result_row.hpp"
#include "kit/adapters/mysql/detail/server.hpp"
#include "kit/async/task.hpp"

namespace kit::mysql::detail {

/// A statement to run.
struct Request {
  std::string_view sql;
  std::span<const db::Parameter> parameters;
  const db::RowSink* sink = nullptr;  ///< Null: rows are counted, not looked at.
  Clock::time_point until = Clock::time_point::max();
  db::Session::Changed* changed = nullptr;
  bool in_transaction = false;  ///< Refuses what would end it.
  bool only_reads = false;      ///< Refuses writes.
};

struct CloseStatement {
  void operator()(MYSQL_STMT* statement) const { mysql_stmt_close(statement); }
};

/// One session on the server, driven by the loop: one statement at a time. Thread safety: one
/// thread's, on one loop between `attach` and `detach`.
class Connection final : private Interruptible {
 public:
  Connection(OpenSession session, std::shared_ptr<Server> server,
             std::shared_ptr<CurrentCatalogue> catalogue);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Fails like `SocketWatch::attach`.
  Result<> attach();
  void detach() { watch_.detach(); }

  Task<> run(Request request);
  /// Whether nothing is left to be undone.
  bool is_settled() const { return !awaits_rollback_ && deferred_.empty(); }
  /// Brings what destructors left behind to its end.
  Task<> settle(Clock::time_point until);
  /// A text without parameters, which are constants of the adapter.
  Task<> control(std::string sql, Clock::time_point until);
  /// Runs `sql` before the next statement, whose error its failure is. For destructors.
  void defer(std::string_view sql) { deferred_.emplace_back(sql); }
  /// Rolls back what is open without a wait: the answer is read before the next use. For
  /// destructors.
  void send_rollback();

  /// Fit for another user.
  bool is_clean() const { return !is_broken_ && !is_busy_ && deferred_.empty(); }
  bool is_broken() const { return is_broken_; }
  /// Something may still run on the server.
  bool is_interrupted() const { return is_interrupted_ || is_busy_; }
  /// The server has rolled back what the last statement was a part of.
  bool lost_transaction() const { return lost_transaction_; }
  /// Whether the server says that a transaction is open.
  bool is_in_transaction() const;
  void forget_transaction() { lost_transaction_ = false; }
  /// Whether nothing came from the server while nobody asked; what comes then is its farewell.
  bool is_quiet() const;

  const OpenSession& session() const { return session_; }
  Server::Counts& counts() const { return server_->counts(); }
  Clock::time_point opened_at() const { return opened_at_; }
  Clock::time_point used_at() const { return used_at_; }
  void note_use(Clock::time_point now) { used_at_ = now; }
  bool was_used() const { return used_at_ != opened_at_; }
  /// The last statement is a read of which nobody has seen a row.
  bool can_repeat() const { return can_repeat_; }

  /// Makes every call fail from now on.
  void interrupt() override;

 private:
  struct Entry {
    std::string sql;
    StatementText text;
    std::vector<Temporal> kinds;  // of the places
    std::shared_ptr<const Catalogue> kinds_from;
    std::unique_ptr<MYSQL_STMT, CloseStatement> statement;
    std::unique_ptr<ResultRow> row;  // null: the statement has no result, or was not run yet
    std::uint64_t row_of = 0;        // how many changes of tables there were then
  };

  int socket() const;
  Result<Entry*> entry(std::string_view sql);
  Task<> run_text(const Entry& entry, const Request& request);
  Task<> run_prepared(Entry& entry, const Request& request);
  Task<> prepare(Entry& entry, Clock::time_point until);
  Task<> find_kinds(Entry& entry, const Request& request);
  Task<> execute(Entry& entry, const Request& request);
  Task<> fetch_all(Entry& entry, const Request& request);
  Result<> bind_row(Entry& entry);
  Task<int> fetch(Entry& entry, Clock::time_point until);
  Task<> skip_rest(Entry& entry, Clock::time_point until);
  Task<> send_text(std::string_view sql, const StatementText* text, Clock::time_point until);
  Task<MYSQL_RES*> store_text_result(Clock::time_point until);
  Task<std::shared_ptr<const Catalogue>> read_catalogue(Clock::time_point until);
  Task<> raise(Failure failure, const StatementText* text, Clock::time_point until);
  Task<std::vector<std::string>> key_columns(const StatementText& text, std::string key,
                                             Clock::time_point until);
  void note_failure(unsigned int number);
  Failure handle_failure() const;
  Failure statement_failure(const Entry& entry) const;

  const std::shared_ptr<Server> server_;
  const std::shared_ptr<CurrentCatalogue> catalogue_;
  // The statements know of the handle's end, so it goes first.
  std::list<Entry> entries_;  // used last first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_text_;
  OpenSession session_;
  SocketWatch watch_;
  std::vector<std::string> deferred_;
  bool awaits_rollback_ = false;
  bool is_busy_ = false;  // a statement has begun, and its answer was not read to its end
  bool is_broken_ = false;
  bool is_interrupted_ = false;
  bool lost_transaction_ = false;
  bool can_repeat_ = false;
  const Clock::time_point opened_at_ = Clock::now();
  Clock::time_point used_at_ = opened_at_;
};

}  // namespace kit::mysql::detail
