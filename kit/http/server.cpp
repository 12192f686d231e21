// SPDX-License-Identifier: Apache-2.0
#include "kit/http/server.hpp"

#include <algorithm>
#include <utility>

#include "kit/http/detail/refusals.hpp"
#include "kit/http/detail/server_state.hpp"

namespace kit::http {
namespace detail {
namespace {

constexpr std::size_t input_bytes = 64 * 1024;
constexpr std::size_t most_free_exchanges = 64;
/// Connections over the limit that are told so; past this many they are just closed.
constexpr std::size_t most_refused_at_once = 64;

}  // namespace

DrainWait::~DrainWait() {
  detach();
}

void DrainWait::start() {
  if (server_.connection_count() == 0) return succeed();
  server_.drain_wait = this;
  timer_.set_action([](void* self) { static_cast<DrainWait*>(self)->succeed(); }, this);
  Loop::current().start(timer_, Loop::current().now() + limit_);
}

void DrainWait::detach() {
  timer_.stop();
  if (server_.drain_wait == this) server_.drain_wait = nullptr;
}

ServerState::ServerState(const Router& shared_router, ServerOptions given)
    : router(shared_router),
      options(std::move(given)),
      limits(options.limits),
      input(input_bytes),
      default_headers(options.default_headers),
      table_(options.connections ? options.connections
                                 : std::make_shared<ConnectionTable>(options.limits)) {}

ServerState::~ServerState() {
  // Handlers that still wait are dropped where they stand: there may be no loop any more to end
  // them in.
  while (!connections_.empty()) remove(connections_.pop_front());
  for (auto& orphan : orphans_) {
    Peer& peer = *orphan->peer;
    orphan.reset();
    table_->leave_request(peer);
  }
}

void ServerState::accept(std::unique_ptr<net::Stream> stream) {
  loop_ = &Loop::current();
  begin_event();
  Peer* const peer = draining ? nullptr : table_->try_enter(stream->peer());
  if (peer == nullptr) return turn_away(std::move(stream));
  ++count_;
  auto* connection = new Connection(*this, std::move(stream), peer);
  connections_.push_back(*connection);
  connection->start();
}

void ServerState::turn_away(std::unique_ptr<net::Stream> stream) {
  if (refused_count_ >= most_refused_at_once) return;
  ++refused_count_;
  auto* connection = new Connection(*this, std::move(stream), nullptr);
  connections_.push_back(*connection);
  connection->turn_away(refusal(503, "there are too many connections"));
}

void ServerState::remove(ServerConnection& connection) {
  Peer* peer = connection.peer();
  delete &connection;
  if (peer != nullptr) {
    --count_;
    table_->leave(*peer);
  } else {
    --refused_count_;
  }
  if (count_ == 0 && drain_wait != nullptr) drain_wait->server_is_empty();
}

std::unique_ptr<Exchange> ServerState::acquire() {
  std::unique_ptr<Exchange> exchange;
  if (free_.empty()) {
    exchange = std::make_unique<Exchange>(*this, limits);
  } else {
    exchange = std::move(free_.back());
    free_.pop_back();
  }
  exchange->counted.begin(table_->requests());
  return exchange;
}

void ServerState::release(std::unique_ptr<Exchange> exchange) {
  if (free_.size() >= most_free_exchanges) return;
  exchange->reset();
  free_.push_back(std::move(exchange));
}

void ServerState::adopt(std::unique_ptr<Exchange> exchange) {
  exchange->connection = nullptr;
  table_->keep_request(*exchange->peer);
  exchange->orphan_index = orphans_.size();
  orphans_.push_back(std::move(exchange));
}

void ServerState::orphan_finished(Exchange& exchange) {
  const std::size_t index = exchange.orphan_index;
  std::swap(orphans_[index], orphans_.back());
  orphans_[index]->orphan_index = index;
  auto finished = std::move(orphans_.back());
  orphans_.pop_back();
  Peer& peer = *finished->peer;
  release(std::move(finished));
  table_->leave_request(peer);
}

void ServerState::begin_drain() {
  draining = true;
  if (loop_ != nullptr) begin_event();
  connections_.for_each([](ServerConnection& connection) { connection.begin_drain(); });
}

void ServerState::close_all() {
  while (!connections_.empty()) {
    ServerConnection& connection = connections_.pop_front();
    connection.abandon();
    remove(connection);
  }
}

}  // namespace detail

Server::Server(const Router& router, Options options)
    : state_(std::make_unique<detail::ServerState>(router, std::move(options))) {}
Server::~Server() = default;

void Server::on_accept(std::unique_ptr<net::Stream> stream) {
  state_->accept(std::move(stream));
}

std::size_t Server::connections() const {
  return state_->connection_count();
}

void Server::close_after_answers() {
  state_->closes_after_answers = true;
}

Task<> Server::drain(Clock::duration limit) {
  state_->begin_drain();
  detail::DrainWait wait(*state_, limit);
  auto ended = co_await as_result(wait);
  state_->close_all();
  co_await std::move(ended);
}

}  // namespace kit::http
