// SPDX-License-Identifier: Apache-2.0
// Ending on the server what nobody waits for any more.
#include <array>
#include <system_error>
#include <thread>
#include <utility>

#include "kit/adapters/postgres/detail/connection.hpp"

namespace kit::postgres::detail {
namespace {

using namespace std::chrono_literals;

/// A cancel that was sent may reach the server's process a little later.
constexpr auto cancel_delay = 1s;
/// One that reaches the server before the statement does is lost.
constexpr auto cancel_interval = 50ms;
/// Cancels on their way to one database; past it the connections are given up after the limit.
constexpr int most_cancels = 32;

struct FreeCancel {
  void operator()(PGcancel* cancel) const { PQfreeCancel(cancel); }
};
using CancelPtr = std::unique_ptr<PGcancel, FreeCancel>;

/// Asks a server to end what a connection runs, over a connection of its own. A server that takes
/// connections and then says nothing, such as a machine that is stopped, keeps libpq in there for
/// as long as it likes: so on a thread that nobody waits for. False: it could not be begun.
bool send_cancel(CancelPtr cancel, std::shared_ptr<std::atomic<int>> count, LoopRemote loop,
                 std::weak_ptr<Connection> connection) {
  if (cancel == nullptr) return false;
  if (count->fetch_add(1) >= most_cancels) {
    count->fetch_sub(1);
    return false;
  }
  auto work = [cancel = std::move(cancel), count, loop = std::move(loop),
               connection = std::move(connection)] {
    // When it fails the connection is given up after the limit.
    std::array<char, 256> problem;
    PQcancel(cancel.get(), problem.data(), static_cast<int>(problem.size()));
    count->fetch_sub(1);
    loop.post([connection] {
      if (auto there = connection.lock()) there->cancel_done();
    });
  };
  try {
    std::thread(std::move(work)).detach();
    return true;
  } catch (const std::system_error&) {
    count->fetch_sub(1);
    return false;
  }
}

}  // namespace

void Connection::abandon(Request& request) {
  request.dropped = true;
  request.results.clear();
  if (request.done || broken()) return;
  go_on();
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
  // When that is not possible the limit ends it.
  cancel_running_ = send_cancel(CancelPtr(PQgetCancel(connection_.get())), server_->cancelling,
                                loop_.remote(), weak_from_this());
}

void Connection::cancel_done() {
  cancel_running_ = false;
  near_cancel_until_ = loop_.now() + cancel_delay;
  if (!broken() && !requests_.empty() && requests_.front()->cancelled) {
    loop_.start(cancel_again_, loop_.now() + cancel_interval);
  }
  if (!after_cancel_) return;
  cancel_limit_.stop();
  std::exchange(after_cancel_, nullptr)();
}

void Connection::after_cancel(Function<void()> action) {
  if (!cancel_running_ || broken()) return action();
  after_cancel_ = std::move(action);
  loop_.start(cancel_limit_, loop_.now() + server_->options.cancel_limit);
}

}  // namespace kit::postgres::detail
