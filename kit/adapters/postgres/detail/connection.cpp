// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/postgres/detail/connection.hpp"

#include <sys/ioctl.h>

#include <utility>

namespace kit::postgres::detail {
namespace {

/// Rows that wait to be taken, past which no more are read.
constexpr std::size_t most_waiting_rows = 256;

}  // namespace

Connection::Connection(std::shared_ptr<Server> server, Loop& loop, ConnectionPtr connection)
    : server_(std::move(server)),
      loop_(loop),
      connection_(std::move(connection)),
      socket_(PQsocket(connection_.get())),
      opened_(loop.now()) {
  server_->live.add();
  PQsetNoticeReceiver(
      connection_.get(),
      [](void* self, const PGresult* notice) {
        static_cast<Connection*>(self)->note_notice(*notice);
      },
      this);
  cancel_limit_.set_action(
      [](void* self) {
        static_cast<Connection*>(self)->fail(
            connection_error("the server did not end a statement it was asked to cancel"));
      },
      this);
  cancel_again_.set_action([](void* self) { static_cast<Connection*>(self)->ask_cancel_of_head(); },
                           this);
  go_on_.set_action([](void* self) { static_cast<Connection*>(self)->read(); }, this);
}

Connection::~Connection() {
  if (broken()) return;
  loop_.remove(socket_);
  server_->live.remove();
}

void Connection::start() {
  loop_.add(socket_, *this);
  if (PQenterPipelineMode(connection_.get()) == 0) fail(connection_error(problem()));
}

std::shared_ptr<Request> Connection::describe(const std::string& text) {
  auto request = std::make_shared<Request>();
  request->kind = Request::Kind::description;
  const bool sent = !broken() &&
                    PQsendPrepare(connection_.get(), "", text.c_str(), 0, nullptr) != 0 &&
                    PQsendDescribePrepared(connection_.get(), "") != 0;
  return submit(std::move(request), sent);
}

bool Connection::prepare(const std::shared_ptr<const Statement>& statement, Request& request) {
  if (auto found = prepared_.find(statement.get()); found != prepared_.end()) {
    used_.splice(used_.begin(), used_, found->second.place);
    return true;
  }
  if (prepared_.size() >= server_->options.cached_statements) {
    const Statement* oldest = used_.back();
    run_plain("DEALLOCATE " + oldest->name, Request::Kind::control);
    forget(*oldest);
    if (broken()) return false;
  }
  used_.push_front(statement.get());
  prepared_.emplace(statement.get(), Prepared{statement, used_.begin()});
  request.prepares = statement;
  ++request.leading;
  server_->prepares.fetch_add(1, std::memory_order_relaxed);
  return PQsendPrepare(connection_.get(), statement->name.c_str(), statement->text.c_str(),
                       static_cast<int>(statement->types.size()), statement->types.data()) != 0;
}

/// The server does not know it any more.
void Connection::forget(const Statement& statement) {
  const auto found = prepared_.find(&statement);
  if (found == prepared_.end()) return;
  used_.erase(found->second.place);
  prepared_.erase(found);
}

/// As a part of the transaction that the statement is: nothing of it reaches another client of a
/// pooler, and the statement can't take it back.
bool Connection::send_only_reads(Request& request) {
  ++request.leading;
  return PQsendQueryParams(connection_.get(),
                           "SELECT set_config('transaction_read_only', 'on', true)", 0, nullptr,
                           nullptr, nullptr, nullptr, 0) != 0;
}

std::shared_ptr<Request> Connection::run(const std::shared_ptr<const Statement>& statement,
                                         const Arguments& arguments, RunOptions options) {
  constexpr int binary = 1;
  auto request = std::make_shared<Request>();
  request->streams = options.streams;
  bool sent = !broken() && (!options.only_reads || send_only_reads(*request));
  if (sent && server_->options.prepared) {
    sent = prepare(statement, *request) &&
           PQsendQueryPrepared(connection_.get(), statement->name.c_str(), arguments.count(),
                               arguments.values(), arguments.lengths(), arguments.formats(),
                               binary) != 0;
  } else if (sent) {
    sent = PQsendQueryParams(connection_.get(), statement->text.c_str(), arguments.count(),
                             statement->types.data(), arguments.values(), arguments.lengths(),
                             arguments.formats(), binary) != 0;
  }
  return submit(std::move(request), sent);
}

std::shared_ptr<Request> Connection::run_plain(std::string_view sql, Request::Kind kind,
                                               RunOptions options) {
  constexpr int binary = 1;
  auto request = std::make_shared<Request>();
  request->kind = kind;
  request->streams = options.streams;
  const std::string text(sql);
  bool sent = !broken() && (!options.only_reads || send_only_reads(*request));
  sent = sent && PQsendQueryParams(connection_.get(), text.c_str(), 0, nullptr, nullptr, nullptr,
                                   nullptr, binary) != 0;
  return submit(std::move(request), sent);
}

std::shared_ptr<Request> Connection::submit(std::shared_ptr<Request> request, bool sent) {
  if (sent) sent = PQpipelineSync(connection_.get()) != 0;
  if (!sent) {
    if (!broken()) fail(connection_error(problem()));
    request->lost = ended_ ? ended_->clone() : connection_error("it was closed");
    end_request(*request);
    return request;
  }
  request->near_cancel = cancel_running_ || loop_.now() < near_cancel_until_;
  requests_.push_back(request);
  flush();
  if (!broken() && requests_.size() == 1) ask_single_rows();
  return request;
}

/// Possible only while libpq is about to read the results of the request's own command.
void Connection::ask_single_rows() {
  const Request& head = *requests_.front();
  if (head.streams && head.commands == head.leading) PQsetSingleRowMode(connection_.get());
}

void Connection::flush() {
  const int left = PQflush(connection_.get());
  unflushed_ = left > 0;
  if (left < 0) return fail(connection_error(problem()));
  if (!unflushed_ && flush_wait_ != nullptr) flush_wait_->wake();
  // While something is left the last one's sync is, without which the server keeps nothing of it.
  auto at = requests_.rbegin();
  if (left > 0 && at != requests_.rend()) ++at;
  for (; at != requests_.rend() && !(*at)->sent; ++at) (*at)->sent = true;
}

void Connection::on_readiness(Readiness readiness) {
  const auto self = shared_from_this();
  if (readiness.writable && unflushed_) flush();
  hung_up_ = hung_up_ || readiness.hung_up;
  if (!broken() && (readiness.readable || readiness.hung_up)) read();
}

void Connection::go_on() {
  // In a turn of its own: who takes rows does not wait for the next ones here.
  if (paused_ && !go_on_.armed()) loop_.start(go_on_, loop_.now());
}

/// Whether the reader of the rows that come now has enough to do.
bool Connection::is_full() const {
  if (requests_.empty()) return false;
  const Request& head = *requests_.front();
  return head.streams && !head.dropped && head.results.size() >= most_waiting_rows;
}

void Connection::read() {
  const auto self = shared_from_this();
  paused_ = false;
  take_results();
  if (!broken() && !is_full() && reads_all()) return;
  paused_ = !broken();
}

/// Reads all there is: the loop tells only of changes. False: it stopped before.
bool Connection::reads_all() {
  // The end of a stream is told by libpq at the latest when nothing came twice.
  int empty_reads = 0;
  int pending = 1;
  while (!broken()) {
    meter_.note_read(socket_, pending);
    if (PQconsumeInput(connection_.get()) == 0) {
      // What the server said at last explains more than the closed socket.
      std::string why = problem();
      take_results();
      if (!broken()) fail(connection_error(why));
      break;
    }
    if (answers_too_much()) break;
    take_results();
    if (broken()) break;
    if (PQstatus(connection_.get()) == CONNECTION_BAD) {
      fail(connection_error(problem()));
      break;
    }
    if (is_full()) return false;
    if (::ioctl(socket_, FIONREAD, &pending) != 0) {
      fail(connection_error("no socket"));
      break;
    }
    if (pending > 0) continue;
    if (!hung_up_) return true;
    if (++empty_reads > 2) fail(connection_error("the server closed the connection"));
  }
  return true;
}

bool Connection::answers_too_much() {
  const std::size_t most = server_->options.most_answer_bytes;
  if (!meter_.is_over(socket_, most)) return false;
  if (!requests_.empty()) {
    requests_.front()->lost =
        Error(Code::resource_exhausted, "an answer of the database is larger than " +
                                            std::to_string(most) + " bytes: read less at once")
            .with_reason("ANSWER_TOO_LARGE");
  }
  fail(connection_error("the server sent too much"));
  return true;
}

void Connection::take_results() {
  if (!broken() && requests_.empty()) drop_unasked();
  while (!broken() && !requests_.empty() && !is_full() && !requests_.front()->copying &&
         PQisBusy(connection_.get()) == 0) {
    meter_.note_result();
    Request& head = *requests_.front();
    ResultPtr result(PQgetResult(connection_.get()));
    if (result == nullptr) {
      if (PQstatus(connection_.get()) == CONNECTION_BAD) {
        return fail(connection_error(problem()));
      }
      ++head.commands;
      if (is_plain_) {
        finish_copy();
      } else {
        ask_single_rows();
      }
    } else if (is_plain_ && PQresultStatus(result.get()) == PGRES_COPY_IN) {
      head.copying = true;
      if (head.wait != nullptr) head.wait->wake();
    } else if (PQresultStatus(result.get()) == PGRES_PIPELINE_SYNC) {
      finish_head();
    } else {
      take(head, std::move(result));
    }
  }
}

/// Notices are the server's talk to people, but for its reason to end a session that is idle.
void Connection::note_notice(const PGresult& notice) {
  const char* severity = PQresultErrorField(&notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (severity == nullptr ||
      (severity != std::string_view("FATAL") && severity != std::string_view("PANIC")))
    return;
  farewell_ = to_error(server_error(&notice), "");
}

/// What a server says by itself must not gather here: notices, parameters, notifications.
void Connection::drop_unasked() {
  PQisBusy(connection_.get());  // which reads the messages
  while (PGnotify* heard = PQnotifies(connection_.get())) PQfreemem(heard);
}

void Connection::take(Request& head, ResultPtr result) {
  switch (PQresultStatus(result.get())) {
    case PGRES_TUPLES_OK:
    case PGRES_SINGLE_TUPLE:
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
      if (head.kind == Request::Kind::description && head.commands == 1) {
        for (int i = 0; i < PQnparams(result.get()); ++i) {
          head.types.push_back(PQparamtype(result.get(), i));
        }
      }
      if (head.dropped || head.commands < head.leading) return;
      head.results.push_back(std::move(result));
      if (head.streams && head.wait != nullptr) head.wait->wake();
      return;
    case PGRES_PIPELINE_ABORTED:
      return;
    case PGRES_FATAL_ERROR:
      if (!head.failure) head.failure = server_error(result.get());
      // A statement that was prepared stays so, whatever becomes of its run.
      if (head.commands == 0 && head.prepares != nullptr) forget(*head.prepares);
      return;
    default:
      // COPY has no place in a pipeline: libpq can't go on behind it.
      return fail(connection_error("the statement copies data, which is not possible here"));
  }
}

void Connection::finish_head() {
  const std::shared_ptr<Request> head = std::move(requests_.front());
  requests_.pop_front();
  if (head->cancelled) {
    cancel_limit_.stop();
    cancel_again_.stop();
  }
  if (head->failure && ends_connection(head->failure->state)) retired_ = true;
  end_request(*head);
  ask_cancel_of_head();
}

void Connection::end_request(Request& request) {
  request.done = true;
  if (request.wait != nullptr) request.wait->wake();
  if (request.then) {
    auto then = std::move(request.then);
    then(request);
  }
}

void Connection::fail(const Error& why) {
  if (broken()) return;
  const auto self = shared_from_this();
  ended_ = farewell_ ? farewell_->clone() : why.clone();
  cancel_limit_.stop();
  cancel_again_.stop();
  go_on_.stop();
  loop_.remove(socket_);
  connection_.reset();
  prepared_.clear();
  used_.clear();
  server_->live.remove();
  server_->lost.fetch_add(1, std::memory_order_relaxed);
  for (const auto& request : std::exchange(requests_, {})) {
    if (!request->lost) request->lost = ended_->clone();
    end_request(*request);
  }
  if (flush_wait_ != nullptr) flush_wait_->wake();
  if (after_cancel_) std::exchange(after_cancel_, nullptr)();
}

void ReplyWait::start() {
  if (request_->done || request_->copying || !request_->results.empty()) return succeed();
  request_->wait = this;
}

void ReplyWait::detach() {
  request_->wait = nullptr;
  connection_->abandon(*request_);
}

}  // namespace kit::postgres::detail
