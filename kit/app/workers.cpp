// SPDX-License-Identifier: Apache-2.0
#include "kit/app/workers.hpp"

#include <algorithm>
#include <future>
#include <optional>
#include <utility>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"

namespace kit::app {
namespace {

/// How long a connection that is being made may take to arrive when its listener closes: round
/// trips in one network. Who dials meanwhile is not answered and tries again a second later, so it
/// is short.
constexpr auto handshake_grace = std::chrono::milliseconds(10);

}  // namespace

/// What serves on one loop; the last of it goes first.
struct Workers::Serving {
  Serving(const http::Router& router, const Options& options) : server(router, options.server) {
    if (options.tls) tls.emplace(options.tls, server);
  }
  net::AcceptHandler& handler() {
    if (tls) return *tls;
    return server;
  }
  Result<> listen(const net::ListenOptions& where) {
    auto made = net::listen_tcp(where, handler());
    if (!made) return std::move(made).error();
    listener = std::move(*made);
    return {};
  }
  Result<> listen(const net::ListeningSocket& socket) {
    auto made = socket.serve(handler());
    if (!made) return std::move(made).error();
    listener = std::move(*made);
    return {};
  }

  /// Closes the listener without losing whoever has dialled, and ends the server. Lifetime: until
  /// it has ended.
  Task<> drain(Clock::duration limit) {
    const Clock::duration grace = std::min<Clock::duration>(limit, handshake_grace);
    if (grace.count() > 0) {
      listener->refuse_new();
      Sleep arriving(grace);
      // When this task was cancelled the rest ends at once too.
      (void)co_await as_result(arriving);
      listener->accept_waiting();
    }
    listener.reset();
    Task<> draining = server.drain(limit - grace);
    co_await std::move(draining);
  }

  http::Server server;
  std::optional<net::TlsAcceptor> tls;
  std::unique_ptr<net::Listener> listener;
};

/// How many threads have yet to end their drain. Thread safety: the thread that waits.
struct Workers::Ends {
  class Wait;
  explicit Ends(std::size_t threads) : left(threads) {}
  void one();

  std::size_t left;
  Wait* waiting = nullptr;
};

class Workers::Ends::Wait final : public Operation<void> {
 public:
  explicit Wait(Ends& ends) : ends_(ends) {}
  ~Wait() { detach(); }
  void end() { succeed(); }

 private:
  void start() override {
    if (ends_.left == 0) return succeed();
    ends_.waiting = this;
  }
  void detach() override { ends_.waiting = nullptr; }
  Ends& ends_;
};

void Workers::Ends::one() {
  if (--left == 0 && waiting != nullptr) waiting->end();
}

/// A thread with its loop and what serves on it, which lives and dies on that thread. The loop
/// outlives the thread: the database may still post to it.
struct Workers::Worker {
  std::unique_ptr<Loop> loop;
  std::unique_ptr<Serving> serving;
  std::optional<Task<>> draining;
  Function<void()> on_end;
  std::thread thread;

  void drain(Clock::duration limit) {
    if (!serving) return;  // told twice, and ended in between
    draining.emplace(serving->drain(limit));
    const auto drained = [](void* worker) { static_cast<Worker*>(worker)->end(); };
    if (draining->start(drained, this)) end();
  }

  /// In a turn of its own: what is left of the handlers still finds its loop when it is dropped.
  void end() {
    loop->post([this] {
      draining.reset();
      serving.reset();
      if (on_end) on_end();
      loop->stop();
    });
  }
};

Workers::Workers() = default;

Workers::~Workers() {
  stop();
}

void Workers::stop() {
  if (own_) own_->listener.reset();
  socket_.reset();
  for (const auto& worker : others_) {
    if (!worker->thread.joinable()) continue;
    Worker* ending = worker.get();
    worker->loop->post([ending] { ending->drain(Clock::duration::zero()); });
    worker->thread.join();
  }
  own_.reset();
}

void Workers::close_after_answers() {
  own_->server.close_after_answers();
  for (const auto& worker : others_) {
    Worker* serving = worker.get();
    serving->loop->post([serving] { serving->serving->server.close_after_answers(); });
  }
}

Result<std::unique_ptr<Workers>> Workers::start(const http::Router& router, const Options& given) {
  Options options = given;
  if (!options.server.connections)
    options.server.connections = std::make_shared<http::ConnectionTable>(options.server.limits);
  std::unique_ptr<Workers> workers(new Workers());
  workers->own_ = std::make_unique<Serving>(router, options);
  workers->socket_ = options.socket;
  if (options.socket) {
    KIT_TRY(workers->own_->listen(*options.socket));
    workers->port_ = options.socket->port();
  } else {
    KIT_TRY(workers->listen_alone(options));
  }
  for (int thread = 1; thread < options.threads; ++thread) {
    KIT_TRY(workers->start_thread(router, options));
  }
  return workers;
}

Result<> Workers::listen_alone(const Options& options) {
  net::ListenOptions where;
  where.address = options.address;
  where.port = options.port;
  // Alone first: a port that is shared can be bound by two processes at once, and neither would
  // notice.
  KIT_TRY(own_->listen(where));
  port_ = own_->listener->port();
  if (options.threads <= 1) return {};
  own_->listener.reset();
  where.port = port_;
  where.reuse_port = true;
  return own_->listen(where);
}

Result<> Workers::start_thread(const http::Router& router, const Options& options) {
  auto loop = make_epoll_loop();
  if (!loop) return std::move(loop).error();
  auto worker = std::make_unique<Worker>();
  worker->loop = std::move(*loop);
  net::ListenOptions where;
  where.address = options.address;
  where.port = port_;
  where.reuse_port = true;
  std::promise<Result<>> listening;
  std::future<Result<>> answer = listening.get_future();
  Worker* self = worker.get();
  self->loop->post([self, &router, &options, &where, &listening] {
    self->serving = std::make_unique<Serving>(router, options);
    listening.set_value(options.socket ? self->serving->listen(*options.socket)
                                       : self->serving->listen(where));
  });
  self->thread = std::thread([self] { self->loop->run(); });
  others_.push_back(std::move(worker));
  return answer.get();
}

Task<> Workers::drain(Clock::duration limit) {
  socket_.reset();  // those of the listeners stay
  const auto ends = std::make_shared<Ends>(others_.size());
  for (const auto& worker : others_) {
    Worker* ending = worker.get();
    worker->on_end = [home = Loop::current().remote(), ends] {
      home.post([ends] { ends->one(); });
    };
    ending->loop->post([ending, limit] { ending->drain(limit); });
  }
  Task<> own = own_->drain(limit);
  Result<> drained = co_await as_result(std::move(own));
  // This loop turns meanwhile: their requests may need it.
  Ends::Wait others(*ends);
  (void)co_await as_result(others);
  for (const auto& worker : others_) worker->thread.join();
  // Handlers that did not end in time go now, while what they use is still there.
  own_.reset();
  if (!drained) co_await std::move(drained);
}

}  // namespace kit::app
