// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kit/adapters/postgres/detail/answer_meter.hpp"
#include "kit/adapters/postgres/detail/errors.hpp"
#include "kit/adapters/postgres/detail/server.hpp"
#include "kit/adapters/postgres/detail/values.hpp"
#include "kit/async/loop.hpp"
#include "kit/async/operation.hpp"

namespace kit::postgres::detail {

/// A statement of the program, known to the connections of a loop.
struct Statement {
  std::string text;                 ///< With `$1`.
  std::string name;                 ///< Under which connections prepare it.
  std::vector<Oid> types;           ///< Of its parameters.
  std::size_t given = 0;            ///< How many the caller has to give.
  std::vector<std::size_t> places;  ///< Which of those its parameters are.
};

class ReplyWait;
class FlushWait;

/// One statement on its way through a connection, with a sync of its own.
struct Request {
  enum class Kind : std::uint8_t {
    statement,
    description,  ///< Asks for the types of the parameters.
    control,      ///< BEGIN and the like: the connection is of no use when it was not awaited.
  };
  Kind kind = Kind::statement;
  bool streams = false;  ///< Rows are taken as they come.
  bool sent = false;     ///< The server may have seen it.
  bool done = false;
  bool dropped = false;      ///< Nobody wants what it still yields.
  bool cancelled = false;    ///< The server is to end it.
  bool copying = false;      ///< The server takes rows.
  bool near_cancel = false;  ///< A cancel meant for another statement may have hit it.
  int leading = 0;           ///< Commands before its own, whose results nobody wants.
  int commands = 0;          ///< That are answered.
  std::shared_ptr<const Statement> prepares;
  std::deque<ResultPtr> results;  ///< Not taken yet.
  std::vector<Oid> types;         ///< Of a description.
  std::optional<ServerError> failure;
  std::optional<Error> lost;  ///< Why the connection went before the answer came.
  ReplyWait* wait = nullptr;
  Function<void(Request&)> then = nullptr;  ///< Called once it is done, on the loop's thread.
};

struct RunOptions {
  bool streams = false;     ///< Rows are taken as they come.
  bool only_reads = false;  ///< The session itself takes writes, this statement may not.
};

/// One connection in pipeline mode. Thread safety: its loop's thread.
class Connection final : public std::enable_shared_from_this<Connection>, private ReadinessHandler {
 public:
  Connection(std::shared_ptr<Server> server, Loop& loop, ConnectionPtr connection);
  ~Connection();
  void start();

  std::shared_ptr<Request> describe(const std::string& text);
  std::shared_ptr<Request> run(const std::shared_ptr<const Statement>& statement,
                               const Arguments& arguments, RunOptions options);
  /// A statement without parameters that is not worth preparing.
  std::shared_ptr<Request> run_plain(std::string_view sql, Request::Kind kind,
                                     RunOptions options = {});
  /// Begins a COPY ... FROM STDIN; nothing else may be under way. When it is `copying` rows may be
  /// put. False: it has failed, and the request says why once it is done.
  std::shared_ptr<Request> begin_copy(const std::string& sql);
  bool put_copy(Request& request, std::string_view bytes);
  /// `problem` null: that was all; else nothing of it is to be kept.
  void end_copy(Request& request, const char* problem);
  bool unflushed() const { return unflushed_; }

  /// Rows were taken: reads on when that had stopped because too many waited.
  void go_on();
  /// The answer is not wanted any more: what runs is ended on the server.
  void abandon(Request& request);

  bool broken() const { return connection_ == nullptr; }
  bool cancelling() const { return cancel_running_; }
  std::size_t load() const { return requests_.size(); }
  /// Of no use for later statements: it leads to the wrong server, or is old.
  void retire() { retired_ = true; }
  bool retired() const { return retired_; }
  Clock::time_point opened() const { return opened_; }
  /// Ends it; everything under way is lost.
  void fail(const Error& why);
  /// When no cancel is under way any more; at once when none is.
  void after_cancel(Function<void()> action);
  void cancel_done();

  Clock::time_point idle_since{};  ///< The pool's.

 private:
  friend class FlushWait;
  struct Prepared {
    std::shared_ptr<const Statement> statement;
    std::list<const Statement*>::iterator place;
  };
  void on_readiness(Readiness readiness) override;
  void read();
  bool reads_all();
  void take_results();
  void drop_unasked();
  void note_notice(const PGresult& notice);
  bool is_full() const;
  bool answers_too_much();
  bool send_only_reads(Request& request);
  void take(Request& head, ResultPtr result);
  void finish_head();
  void finish_copy();
  void flush();
  void ask_single_rows();
  bool prepare(const std::shared_ptr<const Statement>& statement, Request& request);
  void forget(const Statement& statement);
  std::shared_ptr<Request> submit(std::shared_ptr<Request> request, bool sent);
  void ask_cancel();
  void ask_cancel_of_head();
  void end_request(Request& request);
  std::string problem() const { return PQerrorMessage(connection_.get()); }

  const std::shared_ptr<Server> server_;
  Loop& loop_;
  ConnectionPtr connection_;
  int socket_ = -1;
  const Clock::time_point opened_;
  std::deque<std::shared_ptr<Request>> requests_;  // in the order of their answers
  std::unordered_map<const Statement*, Prepared> prepared_;
  std::list<const Statement*> used_;  // the latest first
  bool unflushed_ = false;
  std::optional<Error> farewell_;  // what the server said when it ended the session by itself
  std::optional<Error> ended_;     // why it is broken
  bool hung_up_ = false;
  bool is_plain_ = false;  // out of the pipeline's mode, for a COPY
  FlushWait* flush_wait_ = nullptr;
  bool paused_ = false;  // until rows are taken
  bool retired_ = false;
  bool cancel_running_ = false;
  Clock::time_point near_cancel_until_ = Clock::time_point::min();
  Function<void()> after_cancel_ = nullptr;
  Timer cancel_limit_;
  Timer cancel_again_;
  Timer go_on_;
  AnswerMeter meter_;
};

/// Waits for rows of a request or its end. Cancellation: the request is abandoned.
class ReplyWait final : public Operation<void> {
 public:
  ReplyWait(std::shared_ptr<Connection> connection, std::shared_ptr<Request> request)
      : connection_(std::move(connection)), request_(std::move(request)) {}
  ~ReplyWait() {
    if (request_->wait == this) detach();
  }
  void wake() {
    request_->wait = nullptr;
    succeed();
  }

 private:
  void start() override;
  void detach() override;

  std::shared_ptr<Connection> connection_;
  std::shared_ptr<Request> request_;
};

/// Lets go of a request whatever happens to the task that waits for it.
class RequestUse {
 public:
  RequestUse(std::shared_ptr<Connection> connection, std::shared_ptr<Request> request)
      : connection_(std::move(connection)), request_(std::move(request)) {}
  ~RequestUse() {
    if (!request_->done && !request_->dropped) connection_->abandon(*request_);
  }
  RequestUse(const RequestUse&) = delete;
  RequestUse& operator=(const RequestUse&) = delete;

 private:
  std::shared_ptr<Connection> connection_;
  std::shared_ptr<Request> request_;
};

/// Waits until everything is on its way, or the connection is broken. Cancellation: the request is
/// abandoned.
class FlushWait final : public Operation<void> {
 public:
  FlushWait(std::shared_ptr<Connection> connection, std::shared_ptr<Request> request)
      : connection_(std::move(connection)), request_(std::move(request)) {}
  ~FlushWait() {
    if (connection_->flush_wait_ == this) detach();
  }
  void wake() {
    connection_->flush_wait_ = nullptr;
    succeed();
  }

 private:
  void start() override;
  void detach() override;

  std::shared_ptr<Connection> connection_;
  std::shared_ptr<Request> request_;
};

}  // namespace kit::postgres::detail
