// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/base/context.hpp"
#include "kit/base/function.hpp"

namespace kit::http {

enum class Method : std::uint8_t { get, head, post, put, patch, delete_, options, other };

std::string_view name(Method method);

struct Header {
  std::string_view name;
  std::string_view value;
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
  std::string_view peer;            ///< Address of the other side of the connection.
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
