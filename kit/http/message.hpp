// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/base/context.hpp"
#include "kit/base/function.hpp"

namespace kit::net {
class AsyncStream;
struct TlsPeer;
}  // namespace kit::net

namespace kit::http {

enum class Method : std::uint8_t { get, head, post, put, patch, delete_, options, other };

std::string_view name(Method method);

struct Header {
  std::string_view name;
  std::string_view value;
};

/// A body that comes in pieces: of a request to its handler, of an answer to the server that sends
/// it, of an upstream's answer to its client. Backpressure: whoever reads decides when the next
/// piece is fetched. One `read` at a time.
class BodyReader {
 public:
  BodyReader() = default;
  virtual ~BodyReader() = default;
  BodyReader(const BodyReader&) = delete;
  BodyReader& operator=(const BodyReader&) = delete;

  /// The next bytes; empty at the end. The view lives until the next call. Fails with why the body
  /// does not go on: `cancelled` (the peer is gone), `deadline_exceeded`, `invalid_argument`
  /// (malformed, or over its limit).
  virtual Task<std::string_view> read() = 0;
  /// How many bytes there are in all, when that is known beforehand.
  virtual std::optional<std::uint64_t> size() const { return std::nullopt; }
};

/// Where a producer puts a body (see `stream_from`).
class BodyWriter {
 public:
  /// Hands `bytes` on; waits until they were taken, so that a slow peer slows the producer down.
  /// Fails with `cancelled` when the peer is gone; a write that is cancelled otherwise may or may
  /// not have been sent. One `write` at a time. Lifetime: `bytes` until it has ended.
  virtual Task<> write(std::string_view bytes) = 0;

 protected:
  ~BodyWriter() = default;
};

/// A body that a task writes: `response.stream = stream_from([](BodyWriter& out) -> Task<> {...})`.
/// The task starts with the first `read`, under no deadline, and is dropped with the reader. An
/// error of it ends the body where it stands: the peer sees that it is not whole.
std::unique_ptr<BodyReader> stream_from(Function<Task<>(BodyWriter&)> producer);
/// A body that is there already, cut into pieces: for tests and adapters.
std::unique_ptr<BodyReader> stream_of(std::string body);

/// Another protocol that takes a connection over after an answer 101 (HTTP/1.1 only).
class Upgrade {
 public:
  virtual ~Upgrade() = default;
  /// The value of the answer's Upgrade field: "websocket".
  virtual std::string_view protocol() const = 0;
  /// Serves the connection until it ends. What the client sent behind its request is read first.
  /// Cancelled when the server begins to drain; dropped when it has drained for too long.
  virtual Task<> run(net::AsyncStream& stream) = 0;
};

/// A request as the router hands it to a handler. The views point into the connection's buffer and
/// live until the handler's task has ended.
struct Request {
  Method method = Method::get;
  std::string_view method_name;     ///< As sent; what `other` stands for.
  std::string_view target;          ///< As sent: path and query.
  std::string_view path;            ///< Decoded once, without query.
  std::string_view query;           ///< Undecoded, without '?'.
  std::span<const Header> headers;  ///< In the order sent; names as sent (compare with `header`).
  std::string_view body;            ///< Whole; chunks joined.
  /// Instead of `body`, for routes with `streams_body`: the body as it arrives. Lives as long as
  /// the views.
  BodyReader* stream = nullptr;
  std::string_view peer;              ///< Address of the other side of the connection.
  const net::TlsPeer* tls = nullptr;  ///< Lives as the views. Null: the connection is in clear.
  std::string_view request_id;  ///< From X-Request-Id when it is a safe token, otherwise made here.
  std::string_view route;  ///< Template of the matched route: "/api/v1/tracks/{id}"; empty: none.
  std::span<const std::string_view> path_parameters;  ///< Decoded, in the order of the template.
  const LogContext* log_context = nullptr;

  /// The value of a header, by name in any case; nothing when absent.
  std::optional<std::string_view> header(std::string_view header_name) const;
};

/// What a handler answers. Date, Content-Length, Connection and X-Request-Id are added by the
/// server.
struct Response {
  int status = 200;
  std::string_view content_type;  ///< A literal; empty: no Content-Type.
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  /// Sent instead of `body` when it has bytes: content that outlives the server (embedded files).
  std::string_view static_body;
  /// Sent instead of both, as it comes.
  std::unique_ptr<BodyReader> stream = nullptr;
  /// Takes the connection over: the answer is 101 with `headers`.
  std::unique_ptr<Upgrade> upgrade = nullptr;
};

/// Serves requests. May wait; the connection's next pipelined request is served after this one.
using Handler = Function<Task<Response>(Request&) const>;

/// A task that has its answer already: what a handler that does not wait returns.
inline Task<Response> answered(Response response) {
  co_return response;
}

/// Turns an error into an answer. The default writes the google.rpc.Status JSON form (see
/// error_response.hpp).
using ErrorRenderer = Response (*)(const Error& error, std::string_view request_id);

}  // namespace kit::http
