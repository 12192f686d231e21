// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/postgres/detail/connection.hpp"

#include <sys/ioctl.h>

#include <array>
#include <utility>

namespace kit::postgres::detail {
namespace {

using namespace std::chrono_literals;

/// A cancel that was sent may reach the server's process a little later.
constexpr auto cancel_delay = 1s;
/// One that reaches the server before the statement does is lost.
constexpr auto cancel_interval = 50ms;

/// Asks the server to end what a connection runs, over a connection of its own.
class CancelJob final : public kit::detail::PoolJob {
 public:
  CancelJob(PGcancel* cancel, LoopRemote loop, std::weak_ptr<Connection> connection)
      : cancel_(cancel), loop_(std::move(loop)), connection_(std::move(connection)) {}
  ~CancelJob() override { PQfreeCancel(cancel_); }
  void run() override {
    // When it fails the connection is given up after the limit.
    std::array<char, 256> problem;
    PQcancel(cancel_, problem.data(), static_cast<int>(problem.size()));
  }
  void refuse(Error) override {}
  void tell() override {
    loop_.post([connection = connection_] {
      if (auto there = connection.lock()) there->cancel_done();
    });
  }

 private:
  PGcancel* cancel_;
  LoopRemote loop_;
  std::weak_ptr<Connection> connection_;
};

}  // namespace

Connection::Connection(std::shared_ptr<Server> server, Loop& loop, ConnectionPtr connection)
    : server_(std::move(server)),
      loop_(loop),
      connection_(std::move(connection)),
      socket_(PQsocket(connection_.get())),
      opened_(loop.now()) {
  server_->live.add();
  cancel_limit_.set_action(
      [](void* self) {
        static_cast<Connection*>(self)->fail(
            connection_error("the server did not end a statement it was asked to cancel"));
      },
      this);
  cancel_again_.set_action([](void* self) { static_cast<Connection*>(self)->ask_cancel_of_head(); },
                           this);
}

Connection::~Connection() {
  if (broken()) return;
  loop_.remove(socket_);
  server_->live.remove();
}

void Connection::start() {
  loop_.add(socket_, *this);
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
  server_->prepares.fetch_add(1, std::memory_order_relaxed);
  return PQsendPrepare(connection_.get(), statement->name.c_str(), statement->text.c_str(),
                       static_cast<int>(statement->types.size()), statement->types.data()) != 0;
}

void Connection::forget(const Statement& statement) {
  const auto found = prepared_.find(&statement);
  if (found == prepared_.end()) return;
  used_.erase(found->second.place);
  prepared_.erase(found);
}

std::shared_ptr<Request> Connection::run(const std::shared_ptr<const Statement>& statement,
                                         const Arguments& arguments, bool streams) {
  constexpr int binary = 1;
  auto request = std::make_shared<Request>();
  request->streams = streams;
  bool sent = !broken();
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

std::shared_ptr<Request> Connection::run_plain(std::string_view sql, Request::Kind kind) {
  constexpr int binary = 1;
  auto request = std::make_shared<Request>();
  request->kind = kind;
  const std::string text(sql);
  const bool sent = !broken() && PQsendQueryParams(connection_.get(), text.c_str(), 0, nullptr,
                                                   nullptr, nullptr, nullptr, binary) != 0;
  return submit(std::move(request), sent);
}

std::shared_ptr<Request> Connection::submit(std::shared_ptr<Request> request, bool sent) {
  if (sent) sent = PQpipelineSync(connection_.get()) != 0;
  if (!sent) {
    if (!broken()) fail(connection_error(problem()));
    request->lost = connection_error("it was closed before the statement was sent");
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
  const int before = head.prepares != nullptr ? 1 : 0;
  if (head.streams && head.commands == before) PQsetSingleRowMode(connection_.get());
}

void Connection::flush() {
  const int left = PQflush(connection_.get());
  unflushed_ = left > 0;
  if (left < 0) return fail(connection_error(problem()));
  // While something is left the last one's sync is, without which the server keeps nothing of it.
  auto at = requests_.rbegin();
  if (left > 0 && at != requests_.rend()) ++at;
  for (; at != requests_.rend() && !(*at)->sent; ++at) (*at)->sent = true;
}

void Connection::on_readiness(Readiness readiness) {
  const auto self = shared_from_this();
  if (readiness.writable && unflushed_) flush();
  if (!broken() && (readiness.readable || readiness.hung_up)) read(readiness.hung_up);
}

/// Reads all there is: the loop tells only of changes.
void Connection::read(bool hung_up) {
  // The end of a stream is told by libpq at the latest when nothing came twice.
  int empty_reads = 0;
  while (!broken()) {
    if (PQconsumeInput(connection_.get()) == 0) {
      // What the server said at last explains more than the closed socket.
      std::string why = problem();
      take_results();
      if (!broken()) fail(connection_error(why));
      return;
    }
    take_results();
    if (broken()) return;
    if (PQstatus(connection_.get()) == CONNECTION_BAD) return fail(connection_error(problem()));
    int pending = 0;
    if (::ioctl(socket_, FIONREAD, &pending) != 0) return fail(connection_error("no socket"));
    if (pending > 0) continue;
    if (!hung_up) break;
    if (++empty_reads > 2) return fail(connection_error("the server closed the connection"));
  }
}

void Connection::take_results() {
  while (!broken() && !requests_.empty() && PQisBusy(connection_.get()) == 0) {
    Request& head = *requests_.front();
    ResultPtr result(PQgetResult(connection_.get()));
    if (result == nullptr) {
      if (PQstatus(connection_.get()) == CONNECTION_BAD) {
        return fail(connection_error(problem()));
      }
      ++head.commands;
      ask_single_rows();
    } else if (PQresultStatus(result.get()) == PGRES_PIPELINE_SYNC) {
      finish_head();
    } else {
      take(head, std::move(result));
    }
  }
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
      if (head.dropped || head.commands < (head.prepares != nullptr ? 1 : 0)) return;
      head.results.push_back(std::move(result));
      if (head.streams && head.wait != nullptr) head.wait->wake();
      return;
    case PGRES_PIPELINE_ABORTED:
      return;
    case PGRES_FATAL_ERROR:
      if (head.failure) return;
      head.failure = server_error(result.get());
      head.failed_command = head.commands;
      return;
    default:
      // COPY has no place in a pipeline: libpq can't go on behind it.
      return fail(connection_error("the statement copies data, which is not possible here"));
  }
}

void Connection::finish_head() {
  const std::shared_ptr<Request> head = std::move(requests_.front());
  requests_.pop_front();
  // What fails when it runs stays prepared, whatever becomes of its transaction.
  const bool failed_to_prepare = head->failure && head->failed_command == 0;
  if (failed_to_prepare && head->prepares != nullptr) forget(*head->prepares);
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
  cancel_limit_.stop();
  cancel_again_.stop();
  loop_.remove(socket_);
  connection_.reset();
  prepared_.clear();
  used_.clear();
  server_->live.remove();
  server_->lost.fetch_add(1, std::memory_order_relaxed);
  for (const auto& request : std::exchange(requests_, {})) {
    request->lost = why.clone();
    end_request(*request);
  }
  if (after_cancel_) std::exchange(after_cancel_, nullptr)();
}

void Connection::abandon(Request& request) {
  request.dropped = true;
  request.results.clear();
  if (request.done || broken()) return;
  if (request.kind == Request::Kind::control) {
    return fail(connection_error("a transaction was left while it began or ended"));
  }
  request.cancelled = true;
  ask_cancel_of_head();
}

/// Only what the server works on can be cancelled.
void Connection::ask_cancel_of_head() {
  if (!broken() && !requests_.empty() && requests_.front()->cancelled) ask_cancel();
}

void Connection::ask_cancel() {
  if (!cancel_limit_.armed()) {
    loop_.start(cancel_limit_, loop_.now() + server_->options.cancel_limit);
  }
  near_cancel_until_ = loop_.now() + cancel_delay;
  for (const auto& request : requests_) request->near_cancel = true;
  if (cancel_running_) return;
  server_->cancels.fetch_add(1, std::memory_order_relaxed);
  PGcancel* cancel = PQgetCancel(connection_.get());
  if (cancel == nullptr) return;  // the limit ends it
  auto job = std::make_shared<CancelJob>(cancel, loop_.remote(), weak_from_this());
  cancel_running_ = server_->blocking.submit(std::move(job)).ok();
}

void Connection::cancel_done() {
  cancel_running_ = false;
  near_cancel_until_ = loop_.now() + cancel_delay;
  if (!broken() && !requests_.empty() && requests_.front()->cancelled) {
    loop_.start(cancel_again_, loop_.now() + cancel_interval);
  }
  if (after_cancel_) std::exchange(after_cancel_, nullptr)();
}

void Connection::after_cancel(Function<void()> action) {
  if (!cancel_running_ || broken()) return action();
  after_cancel_ = std::move(action);
}

void ReplyWait::start() {
  if (request_->done || !request_->results.empty()) return succeed();
  request_->wait = this;
}

void ReplyWait::detach() {
  request_->wait = nullptr;
  connection_->abandon(*request_);
}

}  // namespace kit::postgres::detail
