// SPDX-License-Identifier: Apache-2.0
// The way of a statement through the pool of a loop.
#include <algorithm>
#include <array>
#include <utility>

#include "kit/adapters/postgres/detail/loop_pool.hpp"
#include "kit/adapters/postgres/detail/statement_text.hpp"
#include "kit/async/context.hpp"
#include "kit/base/text.hpp"

namespace kit::postgres::detail {
namespace {

constexpr int most_tries = 4;

Error count_error(std::size_t wanted, std::size_t given, std::string_view sql) {
  return Error(Code::internal, "the statement takes " + std::to_string(wanted) +
                                   " parameters, given were " + std::to_string(given) + ": " +
                                   std::string(sql));
}

std::int64_t number(const char* text) {
  return parse_int(text).value_or(0);
}

/// Adds what one result of a statement says.
Result<> take_result(const PGresult& result, const db::RowSink* sink, db::Session::Changed& changed,
                     bool& rows_seen, bool& doubted) {
  const std::string_view command = PQcmdStatus(const_cast<PGresult*>(&result));
  if (command.starts_with("INSERT") || command.starts_with("UPDATE") ||
      command.starts_with("DELETE") || command.starts_with("MERGE")) {
    changed.rows += number(PQcmdTuples(const_cast<PGresult*>(&result)));
  }
  const int count = PQntuples(&result);
  if (count == 0) return {};
  if (Result<> known = check_columns(result); !known) {
    doubted = true;
    return known;
  }
  ResultRow row(result);
  if (command.starts_with("INSERT") && PQnfields(&result) > 0) changed.last_id = row.int64(0);
  if (sink == nullptr) return {};
  rows_seen = true;
  for (int i = 0; i < count; ++i) {
    row.set_row(i);
    KIT_TRY((*sink)(row));
  }
  return {};
}

}  // namespace

Result<> refuse_ended_task() {
  const Context* context = Context::current();
  if (context == nullptr) return {};
  if (context->cancelled()) return context->why().clone();
  if (context->deadline() > Loop::current().now()) return {};
  return Error(Code::deadline_exceeded, "the deadline was exceeded");
}

bool is_worth_preparing(std::string_view sql) {
  while (!sql.empty() && (sql.front() == ' ' || sql.front() == '\n' || sql.front() == '\t')) {
    sql.remove_prefix(1);
  }
  constexpr auto words =
      std::to_array<std::string_view>({"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "MERGE"});
  return std::ranges::any_of(words, [sql](std::string_view word) {
    return sql.size() > word.size() && iequals(sql.substr(0, word.size()), word);
  });
}

std::shared_ptr<const Statement> LoopPool::find(std::string_view sql) const {
  const auto found = statements_.find(sql);
  return found != statements_.end() ? found->second : nullptr;
}

std::shared_ptr<const Statement> LoopPool::remember(std::string_view sql, StatementText text,
                                                    std::vector<Oid> types) {
  // The texts are the program's own, so there are not many: past this something makes them up.
  if (statements_.size() >= 4 * server_->options.cached_statements) statements_.clear();
  auto statement = std::make_shared<const Statement>(
      Statement{std::move(text.sql), "kit" + std::to_string(++next_name_), std::move(types),
                static_cast<std::size_t>(text.parameters), std::move(text.places)});
  statements_[std::string(sql)] = statement;
  return statement;
}

/// Asks the server for the types of the parameters, once for each text.
Task<std::shared_ptr<const Statement>> LoopPool::describe(std::shared_ptr<Connection> connection,
                                                          std::string_view sql, std::size_t given,
                                                          Attempt* attempt) {
  if (!server_->options.prepared) co_await check_leaves_nothing(sql);
  StatementText text = co_await translate(sql);
  if (static_cast<std::size_t>(text.parameters) != given) {
    co_return count_error(static_cast<std::size_t>(text.parameters), given, sql);
  }
  std::vector<Oid> types;
  if (given > 0) {
    attempt->request = connection->describe(text.sql);
    const std::shared_ptr<Request> request = attempt->request;
    ReplyWait wait(connection, request);
    co_await wait;
    if (request->failure) co_return to_error(*request->failure, sql);
    if (request->lost) co_return request->lost->clone();
    types = std::move(request->types);
  }
  co_return remember(sql, std::move(text), std::move(types));
}

Task<LoopPool::Changed> LoopPool::try_on(std::shared_ptr<Connection> connection,
                                         std::string_view sql,
                                         std::span<const db::Parameter> parameters,
                                         const db::RowSink* sink, RunOptions options,
                                         Attempt* attempt) {
  if (parameters.empty() && !is_worth_preparing(sql)) {
    co_await check_keeps_transaction(sql);
    if (!server_->options.prepared) co_await check_leaves_nothing(sql);
    attempt->request = connection->run_plain(sql, Request::Kind::statement, options);
  } else {
    std::shared_ptr<const Statement> statement = find(sql);
    if (statement == nullptr) {
      statement = co_await describe(connection, sql, parameters.size(), attempt);
    } else if (statement->given != parameters.size()) {
      co_return count_error(statement->given, parameters.size(), sql);
    }
    std::vector<db::Parameter> named;
    if (statement->places.size() < parameters.size()) {
      for (const std::size_t place : statement->places) named.push_back(parameters[place]);
      parameters = named;
    }
    attempt->statement = statement;
    if (Result<> fit = arguments_.set(parameters, statement->types); !fit) {
      attempt->doubted = true;
      co_return std::move(fit).error();
    }
    attempt->request = connection->run(statement, arguments_, options);
  }
  const std::shared_ptr<Request> request = attempt->request;
  const RequestUse use(connection, request);
  Changed changed;
  while (true) {
    ReplyWait wait(connection, request);
    co_await wait;
    while (!request->results.empty()) {
      const ResultPtr result = std::move(request->results.front());
      request->results.pop_front();
      Result<> taken = take_result(*result, sink, changed, attempt->rows_seen, attempt->doubted);
      if (!taken) {
        // The rest is read and passed over: a cancel would end the whole transaction.
        request->dropped = true;
        request->results.clear();
        connection->go_on();
        co_return std::move(taken).error();
      }
    }
    if (request->done) break;
    connection->go_on();
  }
  if (request->failure) {
    attempt->doubted = doubts_statement(request->failure->state);
    co_return to_error(*request->failure, sql);
  }
  if (request->lost) co_return request->lost->clone();
  co_return changed;
}

Task<LoopPool::Changed> LoopPool::run_on(std::shared_ptr<Connection> connection,
                                         std::string_view sql,
                                         std::span<const db::Parameter> parameters,
                                         const db::RowSink* sink, bool streams) {
  Attempt attempt;
  RunOptions options;
  options.streams = streams;
  Task<Changed> trying = try_on(connection, sql, parameters, sink, options, &attempt);
  Result<Changed> result = co_await as_result(std::move(trying));
  // It can't be sent again in a transaction, but the next one need not fail.
  if (!result) learn(*connection, sql, attempt);
  co_return std::move(result);
}

void LoopPool::drop(std::string_view sql, const Statement& statement) {
  const auto known = statements_.find(sql);
  if (known != statements_.end() && known->second.get() == &statement) statements_.erase(known);
}

/// What a failure tells of the connection and of the statement. A statement in doubt is described
/// and prepared anew under another name: the old one goes when a session has too many.
void LoopPool::learn(Connection& connection, std::string_view sql, const Attempt& attempt) {
  if (attempt.request != nullptr && attempt.request->failure &&
      attempt.request->failure->state == "25006" && server_->role == Role::primary &&
      !attempt.only_reads) {
    connection.retire();  // a primary that is none any more
  }
  if (attempt.doubted && attempt.statement != nullptr) drop(sql, *attempt.statement);
}

/// Whether a single statement that failed had no effect for a reason that is gone with the next
/// try.
bool LoopPool::may_retry(const Attempt& attempt) const {
  const Request& request = *attempt.request;
  if (!request.done || attempt.rows_seen) return false;
  if (!request.failure) {
    // What a replica has done nobody misses.
    if (!request.lost.has_value() || !request.sent) return request.lost.has_value();
    return server_->role == Role::replica && request.lost->code() == Code::unavailable;
  }
  const std::string& state = request.failure->state;
  if (state == "57014") return request.near_cancel;
  if (state == "25006") return server_->role == Role::primary && !attempt.only_reads;
  return attempt.statement != nullptr && is_outdated(state);
}

/// Behind a pooler the session has no limit of its own.
Task<LoopPool::Changed> LoopPool::try_single(std::shared_ptr<Connection> connection,
                                             const Single& single, Attempt* attempt) {
  RunOptions options;
  options.only_reads =
      single.only_reads && (server_->role != Role::replica || !server_->options.prepared);
  attempt->only_reads = single.only_reads;
  Task<Changed> trying = try_on(connection, single.sql, single.parameters,
                                single.sink ? &*single.sink : nullptr, options, attempt);
  if (server_->options.prepared) return trying;
  return with_deadline(server_->options.statement_limit, std::move(trying));
}

Task<LoopPool::Changed> LoopPool::run(std::shared_ptr<Server> server, Single single) {
  co_await refuse_ended_task();
  const std::shared_ptr<LoopPool> pool = server->here();
  const Semaphore::Permit place = co_await pool->wait_for(&pool->shared_places_);
  for (int tries = 1;; ++tries) {
    std::shared_ptr<Connection> connection = pool->pick_shared();
    if (connection == nullptr) connection = co_await pool->shared();
    Attempt attempt;
    Task<Changed> trying = pool->try_single(connection, single, &attempt);
    Result<Changed> result = co_await as_result(std::move(trying));
    if (result) co_return std::move(result);
    if (attempt.rows_seen && single.rows_seen != nullptr) *single.rows_seen = true;
    pool->learn(*connection, single.sql, attempt);
    if (attempt.request == nullptr || tries == most_tries || !pool->may_retry(attempt)) {
      const bool is_demoted = attempt.request != nullptr && attempt.request->failure &&
                              attempt.request->failure->state == "25006" && !single.only_reads &&
                              pool->server_->role == Role::primary;
      if (!is_demoted) co_return std::move(result).error();
      co_return connection_error("no server takes writes: " + result.error().message());
    }
    pool->server_->retries.fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace kit::postgres::detail
