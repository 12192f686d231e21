// SPDX-License-Identifier: Apache-2.0
#include "kit/http/cors.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "kit/base/join.hpp"
#include "kit/base/text.hpp"
#include "kit/http/detail/chars.hpp"
#include "kit/http/detail/fields.hpp"

namespace kit::http {
namespace {

bool is_for_everybody(const CorsOptions& options) {
  return options.origins.size() == 1 && options.origins.front() == "*";
}

/// What Access-Control-Allow-Origin says; nothing: this origin may not.
std::optional<std::string_view> allowed_origin(const Request& request, const CorsOptions& options) {
  const std::optional<std::string_view> origin = request.header("Origin");
  if (!origin) return std::nullopt;
  if (is_for_everybody(options)) return "*";
  const auto listed = std::ranges::find(options.origins, *origin);
  if (listed == options.origins.end()) return std::nullopt;
  return std::string_view(*listed);
}

std::string method_list(const CorsOptions& options) {
  std::string methods;
  for (const Method each : options.methods)
    methods.append(methods.empty() ? "" : ", ").append(name(each));
  return methods;
}

bool is_origin(std::string_view text) {
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos || scheme == 0) return false;
  const std::string_view host = text.substr(scheme + 3);
  return !host.empty() && host.find_first_of("/?#@*, ") == std::string_view::npos &&
         std::ranges::none_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

void allow(Response& response, std::string_view origin, const CorsOptions& options) {
  response.headers.emplace_back("Access-Control-Allow-Origin", origin);
  if (options.allows_credentials)
    response.headers.emplace_back("Access-Control-Allow-Credentials", "true");
}

bool is_preflight(const Request& request) {
  return request.method == Method::options && request.header("Origin") &&
         request.header("Access-Control-Request-Method");
}

bool allows_method(std::string_view wanted, const CorsOptions& options) {
  return std::ranges::any_of(options.methods, [&](Method each) { return name(each) == wanted; });
}

bool allows_headers(std::string_view wanted, const CorsOptions& options) {
  return std::ranges::all_of(split(wanted, ','), [&](std::string_view part) {
    part = trim(part);
    return part.empty() || std::ranges::any_of(options.request_headers, [&](const auto& each) {
             return iequals(each, part);
           });
  });
}

struct Wrapped {
  Handler inner;
  CorsOptions options;
};

Task<Response> serve(std::shared_ptr<const Wrapped> wrapped, Request& request) {
  if (is_preflight(request)) co_return answer_preflight(request, wrapped->options);
  Result<Response> result = co_await as_result(wrapped->inner(request));
  if (!result.ok()) {
    // A page may read why it was refused, so that is answered here; what is not its fault goes on
    // to where it is logged.
    if (http_status(result.error()) >= 500 || !allowed_origin(request, wrapped->options))
      co_return std::move(result).error();
    result = wrapped->options.render_error(result.error(), request.request_id);
  }
  apply_cors(request, *result, wrapped->options);
  co_return result;
}

/// What an OPTIONS route answers to what is no preflight.
Handler say_methods(const CorsOptions& options) {
  std::string allow = method_list(options) + ", OPTIONS";
  return [allow = std::move(allow)](Request&) {
    Response response;
    response.status = 204;
    response.headers.emplace_back("Allow", allow);
    return answered(std::move(response));
  };
}

}  // namespace

Result<> check_cors(const CorsOptions& options) {
  const auto bad = [](std::string_view why) {
    return Error(Code::invalid_argument, "CORS policy: " + std::string(why));
  };
  if (is_for_everybody(options)) {
    if (options.allows_credentials) return bad("\"*\" does not go with credentials");
    return {};
  }
  for (const std::string& origin : options.origins) {
    if (!is_origin(origin))
      return bad("'" + origin + "' is no origin like https://app.example.com");
  }
  for (const auto* names : {&options.request_headers, &options.exposed_headers}) {
    for (const std::string& each : *names) {
      if (!detail::all_of_class(each, detail::char_token) || each == "*")
        return bad("'" + each + "' is no name of a header field");
    }
  }
  if (std::ranges::find(options.methods, Method::other) != options.methods.end())
    return bad("the methods must be known ones");
  return {};
}

void apply_cors(const Request& request, Response& response, const CorsOptions& options) {
  // Also for answers to other origins, and to none: a cache must not give those to a page that may.
  if (!is_for_everybody(options)) detail::add_to_list(response, "Vary", "Origin");
  const std::optional<std::string_view> origin = allowed_origin(request, options);
  if (!origin) return;
  allow(response, *origin, options);
  if (!options.exposed_headers.empty())
    response.headers.emplace_back("Access-Control-Expose-Headers",
                                  join(options.exposed_headers, ", "));
}

Response answer_preflight(const Request& request, const CorsOptions& options) {
  Response response;
  response.status = 204;
  response.headers.emplace_back(
      "Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
  const std::optional<std::string_view> origin = allowed_origin(request, options);
  const std::string_view method = request.header("Access-Control-Request-Method").value_or("");
  const std::string_view headers = request.header("Access-Control-Request-Headers").value_or("");
  if (!origin || !allows_method(method, options) || !allows_headers(headers, options))
    return response;
  allow(response, *origin, options);
  response.headers.emplace_back("Access-Control-Allow-Methods", method_list(options));
  if (!options.request_headers.empty())
    response.headers.emplace_back("Access-Control-Allow-Headers",
                                  join(options.request_headers, ", "));
  response.headers.emplace_back("Access-Control-Max-Age", std::to_string(options.max_age.count()));
  return response;
}

Result<Handler> with_cors(Handler inner, CorsOptions options) {
  KIT_TRY(check_cors(options));
  auto wrapped = std::make_shared<const Wrapped>(Wrapped{std::move(inner), std::move(options)});
  Handler handler = [wrapped = std::move(wrapped)](Request& request) {
    return serve(wrapped, request);
  };
  return handler;
}

Result<> add_with_cors(Router& router, Method method, std::string_view path_template,
                       Handler handler, CorsOptions options, RouteOptions route) {
  Result<Handler> preflight = with_cors(say_methods(options), options);
  if (!preflight.ok()) return std::move(preflight).error();
  Result<Handler> served = with_cors(std::move(handler), std::move(options));
  if (!served.ok()) return std::move(served).error();
  KIT_TRY(router.add(method, path_template, std::move(*served), std::move(route)));
  // A browser sends it without credentials.
  RouteOptions for_everybody;
  for_everybody.is_public = true;
  // The second method of a path finds its OPTIONS there.
  Result<> added =
      router.add(Method::options, path_template, std::move(*preflight), std::move(for_everybody));
  if (!added.ok() && added.error().code() != Code::already_exists) return added;
  return {};
}

}  // namespace kit::http
