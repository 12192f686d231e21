// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <utility>

#include "kit/http/client/client.hpp"
#include "kit/http/client/url.hpp"
#include "kit/http/error_response.hpp"
#include "kit/http/query.hpp"
#include "kit/http/router.hpp"

namespace kit::http {
namespace {

/// What the views of a request that has no connection point to.
struct Local {
  std::string path;
  std::string decoded_path;
  std::string query;
  std::string scratch;
  std::string body;
  std::unique_ptr<BodyReader> stream;
  std::vector<std::string_view> parameters;
};

Result<> set_target(Local& local, std::string_view target) {
  auto url = Url::parse(target.starts_with('/') ? "http://localhost" + std::string(target)
                                                : std::string(target));
  if (!url.ok()) return std::move(url).error();
  local.path = std::move(url->path);
  local.query = std::move(url->query);
  local.decoded_path = percent_decode(local.path, false).value_or(local.path);
  return {};
}

Response not_matched(const Router::Match& match, std::string_view request_id) {
  if (match.allow.empty()) {
    return error_response(Error(Code::not_found, "there is nothing at this path"), request_id);
  }
  Response response = error_response(
      Error(Code::unimplemented, "this method is not allowed here").with_http_status(405),
      request_id);
  response.headers.emplace_back("Allow", match.allow);
  return response;
}

/// Gives the handler the body in the form that its route asks for.
Task<> set_body(Local& local, Request& request, const Router::Route& route) {
  if (route.options.streams_body && request.stream == nullptr) {
    local.stream = stream_of(std::string(request.body));
    request.stream = local.stream.get();
    request.body = {};
  } else if (!route.options.streams_body && request.stream != nullptr) {
    local.body = co_await read_all(*request.stream, std::numeric_limits<std::size_t>::max());
    request.body = local.body;
    request.stream = nullptr;
  }
}

/// Gives the caller the body in the form that it asked for.
Task<Response> as_asked(Response response, Method method, SendOptions options) {
  if (!response.static_body.empty()) {
    response.body = std::exchange(response.static_body, {});
  }
  if (method == Method::head || response.status == 204 || response.status == 304) {
    response.body.clear();
    response.stream.reset();
  } else if (options.stream && !response.stream && !response.body.empty()) {
    response.stream = stream_of(std::exchange(response.body, {}));
  } else if (!options.stream && response.stream) {
    const std::size_t most =
        options.body_bytes != 0 ? options.body_bytes : ClientOptions().body_bytes;
    response.body = co_await read_all(*response.stream, most);
    response.stream.reset();
  }
  co_return std::move(response);
}

Task<Response> serve(const Router& router, Request& request, SendOptions options) {
  Local local;
  co_await set_target(local, request.target);
  Request served = request;
  if (served.method_name.empty()) served.method_name = name(served.method);
  served.path = local.decoded_path;
  served.query = local.query;
  const Router::Match match =
      router.match(request.method, local.path, local.parameters, local.scratch);
  if (match.route == nullptr) co_return not_matched(match, request.request_id);
  served.route = match.route->path_template;
  served.path_parameters = local.parameters;
  co_await set_body(local, served, *match.route);
  auto response = co_await as_result(match.route->handler(served));
  if (!response.ok()) co_return error_response(response.error(), request.request_id);
  auto answer = as_asked(std::move(*response), request.method, options);
  co_return co_await std::move(answer);
}

}  // namespace

Handler serve_locally(const Router& router) {
  return serve_locally(router, SendOptions());
}

Handler serve_locally(const Router& router, SendOptions options) {
  return [&router, options](Request& request) { return serve(router, request, options); };
}

}  // namespace kit::http
