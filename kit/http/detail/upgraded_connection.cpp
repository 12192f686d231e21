// SPDX-License-Identifier: Apache-2.0
#include "kit/http/detail/upgraded_connection.hpp"

#include <utility>

#include "kit/http/detail/exchange.hpp"
#include "kit/http/detail/server_state.hpp"
#include "kit/http/error_response.hpp"
#include "kit/log/log.hpp"

namespace kit::http::detail {
namespace {

log::Module http_log{"http"};

/// What a peer can bring about at will.
bool is_of_peer(const Error& error) {
  return http_status(error) < 500 || error.reason() == "CONNECTION_LOST" ||
         error.reason() == "PEER_SILENT";
}

}  // namespace

UpgradedConnection::UpgradedConnection(ServerState& server, Peer* peer, Start start)
    : ServerConnection(peer),
      server_(server),
      exchange_(std::move(start.exchange)),
      stream_(std::move(start.stream), std::move(start.arrived)),
      unsent_(std::move(start.unsent)),
      upgrade_(std::move(start.upgrade)) {
  context_.set_log_context(&exchange_->log);
}

UpgradedConnection::~UpgradedConnection() = default;

void UpgradedConnection::start() {
  Context::Entry entry(&context_);
  task_.emplace(serve());
  const auto ended = [](void* self) {
    auto* connection = static_cast<UpgradedConnection*>(self);
    connection->server_.loop().schedule(*connection);
  };
  if (task_->start(ended, this, exchange_->request.route)) ended(this);
}

Task<> UpgradedConnection::send_unsent() {
  co_await stream_.write(unsent_);
  std::string().swap(unsent_);
}

Task<> UpgradedConnection::serve() {
  // It is a piece of an answer at most: no minimum rate is needed besides.
  if (!unsent_.empty()) {
    const Clock::duration limit = server_.limits.write_timeout;
    Result<> sent = co_await as_result(with_deadline(limit, send_unsent()));
    if (!sent.ok() && sent.error().code() == Code::deadline_exceeded) {
      server_.hit(Limit::write_timeout);
      co_await Error(Code::unavailable, "the peer does not take the answer")
          .with_reason("CONNECTION_LOST");
    }
    co_await std::move(sent);
  }
  co_await upgrade_->run(stream_);
}

void UpgradedConnection::begin_drain() {
  context_.cancel(Error(Code::cancelled, "the server is shutting down"));
}

void UpgradedConnection::on_ready() {
  const Result<> ended = task_->take();
  if (!ended.ok() && ended.error().code() != Code::cancelled) {
    Context::Entry entry(&context_);
    // A stranger must not fill the log.
    const log::Level level = is_of_peer(ended.error()) ? log::Level::debug : log::Level::info;
    log::log(http_log, level, "connection ended early",
             {{"protocol", upgrade_->protocol()}, {"error", ended.error()}});
  }
  server_.remove(*this);
}

}  // namespace kit::http::detail
