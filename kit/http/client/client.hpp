// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/http/client/client_options.hpp"
#include "kit/http/message.hpp"

namespace kit::http {

class Router;
namespace detail {
class ClientCore;
}

/// A request that owns what it says:
///
///     co_await client.send({.method = Method::post, .url = "http://stock/api/v1/moves",
///                           .headers = {{"Content-Type", "application/json"}}, .body = json});
struct ClientRequest {
  Method method = Method::get;
  std::string url;  ///< Absolute, http or https (see `Url::parse`).
  /// Host, Content-Length, Transfer-Encoding, Connection and their kind are the client's own.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  /// Sent instead of `body`: with Content-Length when its size is known, else in chunks. Read while
  /// the answer comes, also when that is streamed.
  std::unique_ptr<BodyReader> stream;
};

/// Sends requests over kept connections; one per loop. An answer is a `Response` whatever its
/// status; its Content-Type is among its headers (`header` finds it).
///
/// Calls fail with `invalid_argument` for a malformed URL or header, `unavailable` when there was
/// no whole answer (reasons CONNECTION_LOST, CONNECTION_REFUSED, CONNECT_TIMEOUT,
/// MALFORMED_RESPONSE ...) or the breaker of the origin is open (BREAKER_OPEN), `deadline_exceeded`
/// (RESPONSE_TIMEOUT or SEND_TIMEOUT when a limit of the client was the first),
/// `resource_exhausted` (POOL_EXHAUSTED, RESPONSE_TOO_LARGE).
///
/// A request is sent again only when that is safe: nothing of it was sent, or its method is
/// idempotent (or `SendOptions::idempotent`), and never once reading its streamed body has begun.
/// Cancellation: a cancelled request closes its connection. The deadline is inherited and told to
/// the server (Request-Timeout-Ms). Thread safety: one loop's thread. Lifetime: `connector`
/// outlives the client; streamed answers may outlive it.
class Client {
 public:
  explicit Client(net::Connector& connector, ClientOptions options = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Without options besides: g++ 12 miscompiles a co_await whose expression makes them.
  Task<Response> get(std::string url);
  Task<Response> get(std::string url, SendOptions options);
  Task<Response> send(ClientRequest request);
  Task<Response> send(ClientRequest request, SendOptions options);
  /// The target is an absolute URL. Fields that belong to one connection (Host, Content-Length,
  /// Connection ...) are left out, as a proxy has to. Lifetime: what `request` points to lives
  /// until the task has ended; its body has been sent by then.
  Task<Response> send(Request& request);
  Task<Response> send(Request& request, SendOptions options);

  /// The same as a handler, for code that does not care who answers: a test gives it a lambda or
  /// `serve_locally`. With an `origin` ("http://stock:8080") the targets are paths of it. A handler
  /// that outlives the client still sends, but keeps no connections.
  Handler handler() const;
  Handler handler(SendOptions options) const;
  /// Fails with `invalid_argument` when `origin` is no URL or has a path or query.
  Result<Handler> handler(std::string_view origin) const;
  Result<Handler> handler(std::string_view origin, SendOptions options) const;

  const std::shared_ptr<ClientStatistics>& statistics() const;
  /// Closes the connections that wait for a request.
  void close_idle();

 private:
  std::shared_ptr<detail::ClientCore> core_;
};

/// Serves requests by `router` without any connection: a test double for the handler of a client.
/// It knows no server: media types, limits of bodies and deadlines of routes do not hold.
/// Errors of handlers become the answers that a server would give. Lifetime: `router` outlives it.
Handler serve_locally(const Router& router);
Handler serve_locally(const Router& router, SendOptions options);

/// The value of a field of an answer, by name in any case; nothing when absent.
std::optional<std::string_view> header(const Response& response, std::string_view name);

/// All of `body`. Fails with `resource_exhausted` (reason RESPONSE_TOO_LARGE) past `most` bytes,
/// and like `BodyReader::read`.
Task<std::string> read_all(BodyReader& body, std::size_t most);

}  // namespace kit::http
