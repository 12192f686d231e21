// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "kit/async/task.hpp"
#include "kit/base/secret.hpp"
#include "kit/http/client/response_parser.hpp"
#include "kit/net/connector.hpp"
#include "kit/resilience/breaker.hpp"
#include "kit/resilience/retry.hpp"

namespace kit::net {
class TlsStore;
}

namespace kit::resilience {
class Breakers;
}

namespace kit::http {

class ClientStatistics;

/// How many connections are kept, and for how long.
struct PoolLimits {
  std::size_t idle = 200;       ///< In all; the one idle for longest is closed for another.
  std::size_t per_host = 200;   ///< Connections to one host (scheme, name, port); others wait.
  std::size_t waiters = 1'000;  ///< Requests that wait for a connection; past it POOL_EXHAUSTED.
  std::chrono::milliseconds idle_timeout{30'000};
  std::chrono::milliseconds age{600'000};  ///< Older ones are closed after their answer.
};

/// Tries after the first one, for requests that are safe to send again. The budget is an origin's.
using RetryOptions = resilience::RetryOptions;

/// Where requests go through. Never taken from the environment.
struct ProxyOptions {
  std::string url;  ///< "http://proxy.example:3128"; empty: none.
  /// The value of Proxy-Authorization; empty: none. Only the proxy sees it.
  Secret<std::string> authorization;
  /// Which servers of https requests, which go through a tunnel (CONNECT), are trusted. Without it
  /// they fail with `failed_precondition` (PROXY_TLS_MISSING).
  std::shared_ptr<net::TlsStore> tls;
};

/// When HTTP/2 is spoken.
enum class Http2Use : std::uint8_t {
  never,
  negotiated,       ///< With https, when the server chooses it (ALPN).
  prior_knowledge,  ///< Also with http, without asking: the servers are known to speak it.
};

struct ClientOptions {
  Http2Use http2 = Http2Use::negotiated;
  PoolLimits pool;
  RetryOptions retry;
  /// Of each origin: opens when connections to it fail or time out, or it answers 500, 502, 503 or
  /// 504; requests then fail with `unavailable` (BREAKER_OPEN).
  resilience::BreakerOptions breaker;
  /// Where the breakers and retry budgets of origins are (kind "http"), shared by the clients of a
  /// process; their options count then, not `breaker` and `retry`. Null: some of its own.
  std::shared_ptr<resilience::Breakers> breakers;
  ProxyOptions proxy;
  ResponseLimits response;
  std::size_t body_bytes = 64 * 1024 * 1024;         ///< Of a whole body; RESPONSE_TOO_LARGE.
  std::chrono::milliseconds connect_timeout{2'000};  ///< CONNECT_TIMEOUT.
  std::chrono::milliseconds tls_timeout{5'000};      ///< Added to it when there is a handshake.
  /// From the end of the request to the head of its answer; RESPONSE_TIMEOUT.
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds read_timeout{30'000};   ///< Without progress in a body.
  std::chrono::milliseconds write_timeout{30'000};  ///< Without progress in sending.
  /// From the call to its result: the whole body, or the head of a streamed one. Retries and
  /// redirects included. 0: only the caller's deadline counts.
  std::chrono::milliseconds timeout{30'000};
  /// Adds X-Request-Id, traceparent, tracestate and baggage of the work that sends, unless the
  /// request has its own. Not for clients of strangers: baggage may say who one's users are.
  bool propagate_ids = true;
  /// Where to count; shared by the clients of a process. Null: numbers of its own.
  std::shared_ptr<ClientStatistics> statistics;
};

/// What differs from call to call.
struct SendOptions {
  /// The answer's body comes as `Response::stream` instead of `Response::body`.
  bool stream = false;
  std::size_t body_bytes = 0;  ///< Limit of this body; 0: the client's, and none when streamed.
  std::chrono::milliseconds timeout{0};  ///< 0: the client's.
  std::size_t redirects = 0;     ///< How many are followed; past it the redirect is the answer.
  bool allow_downgrade = false;  ///< Follow redirects from https to http.
  /// Sending twice does no more than once (it carries an Idempotency-Key): retried like GET.
  bool idempotent = false;
};

}  // namespace kit::http
