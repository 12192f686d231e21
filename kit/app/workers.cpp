// SPDX-License-Identifier: Apache-2.0
#include "kit/app/workers.hpp"

#include <future>
#include <optional>
#include <utility>

#include "kit/async/epoll_loop.hpp"

namespace kit::app {

/// A thread with its loop, server and listener; the latter two live and die on that thread. The
/// loop outlives the thread: the database may still post to it.
struct Workers::Worker {
  std::unique_ptr<Loop> loop;
  std::unique_ptr<http::Server> server;
  std::unique_ptr<net::Listener> listener;
  std::optional<Task<>> draining;
  std::thread thread;

  void listen(const http::Router& router, const http::ServerOptions& options,
              const net::ListenOptions& where, std::promise<Result<>>& listening) {
    server = std::make_unique<http::Server>(router, options);
    auto made = net::listen_tcp(where, *server);
    if (!made) {
      listening.set_value(std::move(made).error());
      return;
    }
    listener = std::move(*made);
    listening.set_value({});
  }

  void drain(Clock::duration limit) {
    listener.reset();
    draining.emplace(server->drain(limit));
    const auto drained = [](void* worker) { static_cast<Worker*>(worker)->end(); };
    if (draining->start(drained, this)) end();
  }

  /// In a turn of its own: what is left of the handlers still finds its loop when it is dropped.
  void end() {
    loop->post([this] {
      draining.reset();
      server.reset();
      loop->stop();
    });
  }
};

Workers::Workers() = default;

Workers::~Workers() {
  stop();
}

void Workers::stop() {
  listener_.reset();
  for (const auto& worker : others_) {
    if (!worker->thread.joinable()) continue;
    Worker* ending = worker.get();
    worker->loop->post([ending] { ending->drain(Clock::duration::zero()); });
    worker->thread.join();
  }
  server_.reset();
}

void Workers::close_after_answers() {
  server_->close_after_answers();
  for (const auto& worker : others_) {
    Worker* serving = worker.get();
    serving->loop->post([serving] { serving->server->close_after_answers(); });
  }
}

Result<std::unique_ptr<Workers>> Workers::start(const http::Router& router, const Options& given) {
  Options options = given;
  options.server.connections = std::make_shared<http::ConnectionTable>(options.server.limits);
  std::unique_ptr<Workers> workers(new Workers());
  workers->server_ = std::make_unique<http::Server>(router, options.server);
  net::ListenOptions where;
  where.address = options.address;
  where.port = options.port;
  // Alone first: a port that is shared can be bound by two processes at once, and neither would
  // notice.
  auto alone = net::listen_tcp(where, *workers->server_);
  if (!alone) return std::move(alone).error();
  workers->port_ = (*alone)->port();
  if (options.threads <= 1) {
    workers->listener_ = std::move(*alone);
    return workers;
  }
  alone->reset();
  where.port = workers->port_;
  where.reuse_port = true;
  auto shared = net::listen_tcp(where, *workers->server_);
  if (!shared) return std::move(shared).error();
  workers->listener_ = std::move(*shared);
  for (int thread = 1; thread < options.threads; ++thread) {
    KIT_TRY(workers->start_thread(router, options));
  }
  return workers;
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
    self->listen(router, options.server, where, listening);
  });
  self->thread = std::thread([self] { self->loop->run(); });
  others_.push_back(std::move(worker));
  return answer.get();
}

Task<> Workers::drain(Clock::duration limit) {
  listener_.reset();
  for (const auto& worker : others_) {
    Worker* ending = worker.get();
    ending->loop->post([ending, limit] { ending->drain(limit); });
  }
  Task<> own = server_->drain(limit);
  Result<> drained = co_await as_result(std::move(own));
  for (const auto& worker : others_) worker->thread.join();
  // Handlers that did not end in time go now, while what they use is still there.
  server_.reset();
  if (!drained) co_await std::move(drained);
}

}  // namespace kit::app
