// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/postgres/detail/loop_pool.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kit/async/context.hpp"
#include "kit/base/text.hpp"

namespace kit::postgres::detail {
namespace {

using namespace std::chrono_literals;

/// Statements under way on every shared connection that make another one worth it.
constexpr std::size_t busy_load = 16;
/// Between two tries to connect, doubled while they fail.
constexpr auto first_pause = 50ms;
constexpr auto longest_pause = 1'000ms;
constexpr Clock::duration sweep_interval = 5s;
constexpr int most_tries = 4;

Error busy_error(Server& server, std::string what) {
  server.refused.fetch_add(1, std::memory_order_relaxed);
  return Error(Code::unavailable, std::move(what)).with_reason("DATABASE_BUSY");
}

/// Counts who waits, also when a wait is dropped.
class Waiter {
 public:
  Waiter(std::size_t& count, std::atomic<std::int64_t>& all) : count_(count), all_(count_one(all)) {
    ++count_;
  }
  ~Waiter() { --count_; }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

 private:
  std::size_t& count_;
  const Counted all_;
};

}  // namespace

std::shared_ptr<LoopPool> LoopPool::make(std::shared_ptr<Server> server, Loop& loop) {
  auto pool = std::make_shared<LoopPool>(std::move(server), loop);
  loop.attach(*pool);
  return pool;
}

LoopPool::LoopPool(std::shared_ptr<Server> server, Loop& loop)
    : server_(std::move(server)),
      loop_(loop),
      remote_(loop.remote()),
      shared_places_(server_->options.shared_connections * server_->options.pipeline_depth),
      transaction_places_(server_->options.transaction_connections) {
  sweep_.set_action([](void* self) { static_cast<LoopPool*>(self)->sweep(); }, this);
}

void LoopPool::on_loop_end() {
  const auto self = shared_from_this();
  close();
  server_->remove(loop_);
}

void LoopPool::close() {
  if (std::exchange(ended_, true)) return;
  sweep_.stop();
  LoopEnd::unlink();
  const Error why = connection_error("the database was closed");
  for (const auto& connection : std::exchange(shared_, {})) connection->fail(why);
  for (const auto& connection : std::exchange(idle_, {})) connection->fail(why);
  for (const auto& weak : std::exchange(leased_, {})) {
    if (auto connection = weak.lock()) connection->fail(why);
  }
}

Task<Semaphore::Permit> LoopPool::wait_for(Semaphore* places) {
  if (auto free = places->try_acquire()) co_return std::move(*free);
  if (waiting_ >= server_->options.queue) {
    co_return busy_error(*server_, "too many tasks wait for a connection to the database");
  }
  const Waiter waiter(waiting_, server_->waiting);
  Context context(loop_.now() + server_->options.wait_limit);
  const bool own_limit = Context::current_deadline() > context.deadline();
  Context::Scope scope(context);
  Semaphore::Acquire acquire = places->acquire();
  Result<Semaphore::Permit> permit = co_await as_result(acquire);
  scope.leave();
  if (!permit && own_limit && permit.error().code() == Code::deadline_exceeded) {
    co_return busy_error(*server_, "no connection to the database became free in time");
  }
  co_return std::move(permit);
}

bool LoopPool::is_stale(const Connection& connection) const {
  return connection.broken() || connection.retired() ||
         loop_.now() - connection.opened() > server_->options.connection_limit;
}

std::shared_ptr<Connection> LoopPool::pick_shared() {
  // One that is of no more use finishes what it has, kept by those who wait for it.
  std::erase_if(shared_, [this](const auto& connection) { return is_stale(*connection); });
  std::shared_ptr<Connection> best;
  for (const auto& connection : shared_) {
    if (best == nullptr || connection->load() < best->load()) best = connection;
  }
  if (best == nullptr) return nullptr;
  best->idle_since = loop_.now();
  const bool wants_more = best->load() >= busy_load &&
                          shared_.size() < server_->options.shared_connections &&
                          !connecting_.locked() && loop_.now() >= refused_until_;
  return wants_more ? nullptr : best;
}

Task<std::shared_ptr<Connection>> LoopPool::shared() {
  if (auto connection = pick_shared()) co_return connection;
  Mutex::Lock lock = co_await connecting_.lock();
  if (auto connection = pick_shared()) co_return connection;
  if (shared_.size() < server_->options.shared_connections) {
    Result<std::shared_ptr<Connection>> made = co_await as_result(connect());
    if (made) {
      shared_.push_back(*made);
      co_return std::move(*made);
    }
    if (shared_.empty()) co_return std::move(made).error();
  }
  std::shared_ptr<Connection> least = *std::ranges::min_element(
      shared_, {}, [](const auto& connection) { return connection->load(); });
  co_return least;
}

Task<std::shared_ptr<Connection>> LoopPool::owned() {
  while (!idle_.empty()) {
    std::shared_ptr<Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    if (!is_stale(*connection)) co_return connection;
    connection->fail(connection_error("it was replaced"));
  }
  co_return co_await connect();
}

Task<std::shared_ptr<Connection>> LoopPool::connect() {
  // Who comes while the server refuses need not ask it again.
  if (refusal_ && loop_.now() < refused_until_) co_return refusal_->clone();
  auto work = [settings = server_->settings] { return settings->connect(); };
  auto connecting = blocking(server_->blocking, std::move(work));
  Result<ConnectionPtr> made = co_await as_result(connecting);
  Result<> outcome;
  if (!made) outcome = made.error().clone();
  const Context* context = Context::current();
  // That a task was given up says nothing of the server.
  if (!made && context != nullptr && context->cancelled()) co_return std::move(made).error();
  server_->note_connect(outcome);
  if (!made) {
    pause_ = std::clamp<Clock::duration>(pause_ * 2, first_pause, longest_pause);
    // Not all at once: other loops and other instances wait for the same server.
    std::uniform_real_distribution<double> part(0.5, 1.0);
    refused_until_ =
        loop_.now() + std::chrono::duration_cast<Clock::duration>(pause_ * part(random_));
    refusal_ = made.error().clone();
    co_return std::move(made).error();
  }
  refusal_.reset();
  pause_ = {};
  refused_until_ = {};
  if (ended_) co_return connection_error("the database was closed");
  auto connection = std::make_shared<Connection>(server_, loop_, std::move(*made));
  connection->start();
  connection->idle_since = loop_.now();
  arm_sweep();
  co_return connection;
}

void LoopPool::arm_sweep() {
  if (!sweep_.armed())
    loop_.start(sweep_, loop_.now() +
                            std::min<Clock::duration>(sweep_interval, server_->options.idle_limit));
}

/// Closes connections that nobody used for long, and old ones.
void LoopPool::sweep() {
  auto is_over = [this](const std::shared_ptr<Connection>& connection) {
    if (connection->load() > 0) return false;
    return is_stale(*connection) ||
           loop_.now() - connection->idle_since > server_->options.idle_limit;
  };
  for (auto* connections : {&shared_, &idle_}) {
    std::erase_if(*connections, [&](const auto& connection) {
      if (!is_over(connection)) return false;
      connection->fail(connection_error("it was idle"));
      return true;
    });
  }
  std::erase_if(leased_, [](const auto& connection) { return connection.expired(); });
  if (!shared_.empty() || !idle_.empty()) arm_sweep();
}

Task<Lease> LoopPool::begin(std::shared_ptr<Server> server, std::vector<std::string> texts) {
  const std::shared_ptr<LoopPool> pool = server->here();
  Semaphore::Permit permit = co_await pool->wait_for(&pool->transaction_places_);
  for (int tries = 1;; ++tries) {
    Task<std::shared_ptr<Connection>> taking = pool->owned();
    std::shared_ptr<Connection> connection = co_await std::move(taking);
    std::vector<std::shared_ptr<Request>> requests;
    for (const std::string& text : texts) {
      requests.push_back(connection->run_plain(text, Request::Kind::control));
    }
    ReplyWait wait(connection, requests.back());
    co_await wait;
    const auto failed = std::ranges::find_if(
        requests, [](const auto& request) { return request->failure || request->lost; });
    if (failed == requests.end()) {
      pool->leased_.push_back(connection);
      co_return Lease(pool, std::move(connection), std::move(permit), count_one(server->in_use));
    }
    const Request& request = **failed;
    Error why = request.failure ? to_error(*request.failure, texts.front()) : request.lost->clone();
    connection->fail(why);
    // Nothing has begun: another connection may do it.
    if (tries == most_tries || why.code() != Code::unavailable) co_return why;
  }
}

void LoopPool::give_back(Lease lease, bool clean) {
  std::shared_ptr<Connection> connection = lease.connection;
  if (connection->broken()) return;
  if (ended_ || Loop::current_or_null() == nullptr) {
    return connection->fail(connection_error("the database was closed"));
  }
  Function<void()> done = [lease = std::move(lease)]() mutable {
    // Until now it is among the leased ones, so that it ends with the loop.
    Connection& back = *lease.connection;
    if (back.broken() || lease.pool->ended_) return;
    std::erase_if(lease.pool->leased_,
                  [&](const auto& weak) { return weak.expired() || weak.lock().get() == &back; });
    back.idle_since = lease.pool->loop_.now();
    lease.pool->idle_.push_back(std::move(lease.connection));
  };
  if (clean) return connection->after_cancel(std::move(done));
  const auto request = connection->run_plain("ROLLBACK", Request::Kind::control);
  if (request->done) return;
  request->then = [connection, done = std::move(done)](Request& ended) mutable {
    if (ended.lost) return;
    if (ended.failure) return connection->fail(to_error(*ended.failure, "ROLLBACK"));
    connection->after_cancel(std::move(done));
  };
}

}  // namespace kit::postgres::detail
