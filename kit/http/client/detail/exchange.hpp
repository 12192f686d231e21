// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/http/client/url.hpp"
#include "kit/http/message.hpp"

namespace kit::http::detail {

/// What is sent behind the head.
struct Payload {
  std::string owned;
  std::string_view bytes;  // whole; points into `owned` or to what the caller keeps
  std::unique_ptr<BodyReader> owned_stream;
  BodyReader* stream = nullptr;
  bool begun = false;  // something of `stream` was read: it cannot be sent again
};

/// A request on its way, the same for each attempt.
struct Outgoing {
  Method method = Method::get;
  std::string method_name;
  Url url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::shared_ptr<Payload> payload;
  bool borrowed = false;  // the payload's bytes are gone when the call has ended
};

/// How far an attempt came: what decides whether another is safe.
struct Progress {
  bool reused = false;    // on a connection that served others before
  bool sent = false;      // at least one byte may have reached the server
  bool answered = false;  // at least one byte came back
};

/// One request and its answer on a connection. Lifetime: ends before its connection does.
class ClientExchange {
 public:
  virtual ~ClientExchange() = default;
  ClientExchange() = default;
  ClientExchange(const ClientExchange&) = delete;
  ClientExchange& operator=(const ClientExchange&) = delete;

  /// Sends the request and yields the answer without its body. A body that is large or streamed is
  /// still being sent then.
  virtual Task<Response> head() = 0;
  /// Whether the answer has a body.
  virtual bool has_body() const = 0;
  /// Its size, when it is known.
  virtual std::optional<std::uint64_t> body_size() const = 0;
  /// The next bytes of the body; empty at the end. The view lives until the next call.
  virtual Task<std::string_view> read() = 0;
  /// Waits until the request was sent. Fails with why it was not.
  virtual Task<> sent() = 0;
  /// Gives up what is not sent yet; the connection cannot serve another request then.
  virtual void stop_sending() = 0;
  /// Whether the connection can serve another request, now that this exchange is over.
  virtual bool reusable() const = 0;
};

/// A connection that serves requests, as many at a time as it has capacity for.
class ClientConnection {
 public:
  virtual ~ClientConnection() = default;
  ClientConnection() = default;
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  /// Requests that it can serve at the same time; may change with what its peer says.
  virtual std::size_t capacity() const = 0;
  /// It goes on when one of its exchanges ends out of order.
  virtual bool multiplexes() const { return false; }
  /// False when the peer has closed it, or sent something that nobody asked for.
  virtual bool usable() = 0;
  /// Lifetime: `outgoing` and `progress` until the head is there; the payload until the end.
  virtual std::unique_ptr<ClientExchange> begin(const Outgoing& outgoing, Progress& progress) = 0;
};

}  // namespace kit::http::detail
