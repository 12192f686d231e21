// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/mysql/detail/pool.hpp"

#include <algorithm>
#include <utility>

namespace kit::mysql::detail {
namespace {

constexpr std::size_t connecting_threads = 4;

BlockingPoolOptions thread_options() {
  BlockingPoolOptions options;
  options.name = "mysql";
  options.threads = connecting_threads;
  return options;
}

/// Tells the server that nobody waits for a session any more.
class EndSession final : public kit::detail::PoolJob {
 public:
  EndSession(std::shared_ptr<Server> server, std::size_t host, unsigned long id)
      : server_(std::move(server)), host_(host), id_(id) {}
  void run() override {
    auto& counts = server_->counts();
    const bool done = server_->end_session(host_, id_).ok();
    (done ? counts.ended : counts.failed_ends).fetch_add(1, std::memory_order_relaxed);
  }
  void refuse(Error) override {
    server_->counts().failed_ends.fetch_add(1, std::memory_order_relaxed);
  }
  void tell() override {}

 private:
  std::shared_ptr<Server> server_;
  std::size_t host_;
  unsigned long id_;
};

}  // namespace

/// Waits until this thread may have one more connection. Having got the right it keeps it until
/// `release`d to a lease.
class PlaceWait final : public Operation<void>, public ListNode<PlaceTag> {
 public:
  explicit PlaceWait(std::shared_ptr<Pool> pool) : pool_(std::move(pool)) {}
  ~PlaceWait() {
    if (ListNode<PlaceTag>::linked()) leave();
    if (granted_) pool_->give_place_back();
  }
  void grant() {
    if (ListNode<PlaceTag>::linked()) leave();
    granted_ = true;
    succeed();
  }
  void release() { granted_ = false; }

 private:
  void start() override {
    const MysqlOptions& options = pool_->shared_->server->options();
    if (pool_->try_take_place()) return grant();
    if (pool_->waiting_count_ >= options.queue_per_thread) {
      return refuse("too many tasks wait for a connection to the database");
    }
    pool_->waiting_.push_back(*this);
    ++pool_->waiting_count_;
    pool_->shared_->server->counts().waiting.fetch_add(1, std::memory_order_relaxed);
    timer_.set_action([](void* self) { static_cast<PlaceWait*>(self)->expire(); }, this);
    Loop::current().start(timer_, Loop::current().now() + options.queue_limit);
  }
  void detach() override { leave(); }
  void expire() {
    leave();
    refuse("no connection to the database became free in time");
  }
  void refuse(std::string_view why) {
    pool_->shared_->server->counts().refused.fetch_add(1, std::memory_order_relaxed);
    fail(Error(Code::resource_exhausted, std::string(why))
             .with_reason("CONNECTIONS_EXHAUSTED")
             .with_http_status(503));
  }
  void leave() {
    if (!ListNode<PlaceTag>::linked()) return;
    ListNode<PlaceTag>::unlink();
    timer_.stop();
    --pool_->waiting_count_;
    pool_->shared_->server->counts().waiting.fetch_sub(1, std::memory_order_relaxed);
  }

  std::shared_ptr<Pool> pool_;
  Timer timer_;
  bool granted_ = false;
};

Shared::Shared(Dsn dsn, const MysqlOptions& options)
    : server(std::make_shared<Server>(std::move(dsn), options)),
      catalogue(std::make_shared<CurrentCatalogue>()),
      in_use(std::make_unique<ListedCounter>("mysql_connections_in_use", server->dsn().shown())),
      threads(std::make_unique<BlockingPool>(thread_options())) {}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  pool_ = std::move(other.pool_);
  connection_ = std::move(other.connection_);
  is_retired_ = other.is_retired_;
  return *this;
}

void Lease::give_back() {
  if (pool_ == nullptr) return;
  const std::shared_ptr<Pool> pool = std::exchange(pool_, nullptr);
  if (connection_ != nullptr) pool->give_back(std::move(connection_), is_retired_);
  pool->give_place_back();
  is_retired_ = false;
}

Task<Lease> Pool::acquire() {
  PlaceWait place(shared_from_this());
  co_await place;
  Lease lease(shared_from_this());
  place.release();
  std::unique_ptr<Connection> connection = take_idle();
  if (connection == nullptr) {
    auto connect = [server = shared_->server] { return server->connect(); };
    auto connecting = blocking(*shared_->threads, std::move(connect));
    OpenSession session = co_await connecting;
    connection =
        std::make_unique<Connection>(std::move(session), shared_->server, shared_->catalogue);
  }
  connection->forget_transaction();
  co_await connection->attach();
  lease.connection_ = std::move(connection);
  shared_->in_use->add();
  shared_->server->counts().in_use.fetch_add(1, std::memory_order_relaxed);
  co_return std::move(lease);
}

bool Pool::is_usable(const Connection& connection, Clock::time_point now) const {
  const MysqlOptions& options = shared_->server->options();
  return connection.is_clean() && now - connection.used_at() < options.idle_limit &&
         now - connection.opened_at() < options.connection_lifetime &&
         connection.session().generation == shared_->server->generation();
}

std::unique_ptr<Connection> Pool::take_idle() {
  const Clock::time_point now = Clock::now();
  while (!idle_.empty()) {
    std::unique_ptr<Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    if (is_usable(*connection, now) && connection->is_quiet()) return connection;
  }
  return nullptr;
}

void Pool::give_back(std::unique_ptr<Connection> connection, bool is_retired) {
  if (shared_->in_use != nullptr) shared_->in_use->remove();
  shared_->server->counts().in_use.fetch_sub(1, std::memory_order_relaxed);
  connection->detach();
  if (connection->is_interrupted()) end_session(*connection);
  const Clock::time_point now = Clock::now();
  connection->note_use(now);
  if (is_closed_ || is_retired || !is_usable(*connection, now)) return;
  idle_.push_back(std::move(connection));
  if (sweep_timer_.armed() || Loop::current_or_null() == nullptr) return;
  sweep_timer_.set_action([](void* self) { static_cast<Pool*>(self)->sweep(); }, this);
  Loop::current().start(sweep_timer_,
                        Loop::current().now() + shared_->server->options().idle_limit);
}

/// Closes what was not used for long; the others are looked at again.
void Pool::sweep() {
  std::lock_guard lock(closing_);
  const Clock::time_point now = Clock::now();
  std::erase_if(idle_, [&](const auto& connection) { return !is_usable(*connection, now); });
  if (idle_.empty()) return;
  const auto oldest =
      (*std::ranges::min_element(idle_, {}, [](const auto& c) { return c->used_at(); }))->used_at();
  const MysqlOptions& options = shared_->server->options();
  Loop::current().start(sweep_timer_,
                        std::max(oldest + options.idle_limit, now + std::chrono::milliseconds(10)));
}

void Pool::end_session(const Connection& connection) {
  auto job = std::make_shared<EndSession>(shared_->server, connection.session().host,
                                          connection.session().id);
  if (shared_->threads != nullptr && shared_->threads->submit(job).ok()) return;
  shared_->server->counts().failed_ends.fetch_add(1, std::memory_order_relaxed);
}

bool Pool::try_take_place() {
  if (taken_ >= shared_->server->options().connections_per_thread || !waiting_.empty())
    return false;
  ++taken_;
  return true;
}

void Pool::give_place_back() {
  // Without a loop everything is being dropped, and nobody goes on.
  if (waiting_.empty() || Loop::current_or_null() == nullptr) {
    --taken_;
  } else {
    waiting_.front().grant();
  }
}

void Pool::close() {
  std::lock_guard lock(closing_);
  is_closed_ = true;
  idle_.clear();
}

}  // namespace kit::mysql::detail
