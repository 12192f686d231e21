// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/http/connection_table.hpp"
#include "kit/http/error_response.hpp"
#include "kit/http/guard.hpp"
#include "kit/http/limits.hpp"
#include "kit/http/message.hpp"
#include "kit/http/router.hpp"
#include "kit/net/stream.hpp"

namespace kit::telemetry {
class Tracer;  // kit/telemetry/tracer.hpp
}

namespace kit::http {

/// Told about every finished request, on the connection's thread; must not wait.
class RequestObserver {
 public:
  struct Finished {
    const Request& request;
    int status;
    std::uint64_t response_bytes;
    Clock::duration duration;
    const Error* error;               ///< What the handler failed with, or null.
    std::uint64_t request_bytes = 0;  ///< Of the body, as far as it was read.
    bool refused = false;             ///< By the guard: nothing was done for it, nothing failed.
  };
  virtual void on_finished(const Finished& finished) = 0;

 protected:
  ~RequestObserver() = default;
};

struct ServerOptions {
  Limits limits;
  /// Where connections are counted; shared by the servers of a process. Null: a table of its own.
  std::shared_ptr<ConnectionTable> connections;
  /// Refuse (403) what a page of another site makes a browser send: a request with an unsafe method
  /// whose Sec-Fetch-Site or Origin says so. Clients that are no browsers send neither.
  bool refuse_cross_site = false;
  /// Fields that every answer has unless its handler sets one of the same name.
  std::vector<std::pair<std::string, std::string>> default_headers;
  /// Outlives the server. Null: every request is let through.
  const RequestGuard* guard = nullptr;
  /// Outlives the server. Server errors are its to log; without one they are logged here.
  RequestObserver* observer = nullptr;
  /// Outlives the server. Null: no spans, and every request's trace goes on.
  telemetry::Tracer* tracer = nullptr;
  ErrorRenderer render_error = error_response;
};

namespace detail {
class ServerState;
}

/// Serves HTTP/1.1 and HTTP/2 on one loop. Several servers (one per thread) share a router, a port
/// and a table of connections.
///
/// Which of the two a connection speaks is what the handshake (ALPN) or its first bytes say.
/// Requests of an HTTP/1.1 connection are served one after the other, pipelined ones too, and while
/// a handler waits nothing is read; those of an HTTP/2 connection side by side. A client that
/// closes or half-closes meanwhile, or resets the stream, cancels its handler (`cancelled`), the
/// deadline does so with `deadline_exceeded` and 504. A handler is left to end by itself after
/// that, without its connection. Thread safety: one loop's thread; the router is shared and
/// constant. Lifetime: shorter than the loop's.
class Server final : public net::AcceptHandler {
 public:
  using Options = ServerOptions;
  Server(const Router& router, Options options);
  ~Server();

  /// Serves `stream`; called by a listener or, in tests, with an in-memory stream.
  void on_accept(std::unique_ptr<net::Stream> stream) override;

  std::size_t connections() const;
  /// From now on every answer ends its connection, so that clients move elsewhere before `drain`;
  /// new connections are still taken.
  void close_after_answers();
  /// Ends every connection: a busy one after its answer (with Connection: close), an idle one when
  /// nothing comes within half a second, and a fresh one within a second, since a request may be on
  /// its way. Ends when none is left or `limit` has passed; what is left then is closed.
  Task<> drain(Clock::duration limit);

 private:
  std::unique_ptr<detail::ServerState> state_;
};

}  // namespace kit::http
