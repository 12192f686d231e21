// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/request.hpp"

#include <chrono>

#include "kit/base/text.hpp"
#include "kit/http/content_type.hpp"
#include "kit/rest/idempotency.hpp"
#include "kit/rest/list_request.hpp"

namespace kit::rest {
namespace {

/// For a file to arrive, and then for its rows to be stored.
constexpr auto import_timeout = std::chrono::seconds{60};

Error no_such_id() {
  return Error(Code::not_found, "there is nothing with this id").with_reason("NOT_FOUND");
}

/// What is asked of a request before its handler reads anything of it.
struct Admission {
  const record::AccessRules* access = nullptr;
  Use use = Use::read;
  bool has_body = false;

  Result<> check(const http::Request& request) const {
    if (access != nullptr) KIT_TRY(record::demand(*access, use));
    if (!has_body || http::is_utf8_text(request.header("Content-Type").value_or(""))) return {};
    return Error(Code::invalid_argument,
                 "the body must be UTF-8: name that charset in Content-Type, or none")
        .with_reason("CHARSET_NOT_SUPPORTED")
        .with_http_status(415);
  }
};

}  // namespace

Result<> detail::read_path(const http::Request& request, std::size_t index, std::int64_t& id) {
  KIT_ASSERT(index < request.path_parameters.size(), "the route has fewer parameters");
  const std::optional<long long> number = parse_int(request.path_parameters[index]);
  if (!number || *number < 1) return no_such_id();
  id = *number;
  return {};
}

Result<> detail::read_path(const http::Request& request, std::size_t index, Uuid& id) {
  KIT_ASSERT(index < request.path_parameters.size(), "the route has fewer parameters");
  const std::optional<Uuid> uuid = Uuid::parse(request.path_parameters[index]);
  if (!uuid) return no_such_id();
  id = *uuid;
  return {};
}

Result<> no_parameters(const http::Request& request) {
  if (request.query.empty()) return {};
  Result<ViewRequest> none = read_view(request.query, {});
  if (!none) return std::move(none).error();
  return {};
}

Result<> add_routes(http::Router& router, void* object, std::span<const Route> routes,
                    Backend& backend, const record::AccessRules* access) {
  for (const Route& route : routes) {
    http::RouteOptions options;
    if (route.body == Body::patch) options.consumes.emplace_back("application/merge-patch+json");
    if (route.body == Body::csv) {
      options.consumes.emplace_back("text/csv");
      options.streams_body = true;
      options.max_body_bytes = backend.limits.import_bytes;
      options.timeout = import_timeout;
      options.body_timeout = import_timeout;
    } else if (route.body != Body::none) {
      options.consumes.emplace_back("application/json");
    }
    const Use use = route.method == http::Method::get ? Use::read : Use::write;
    const Admission admission{access, use, route.body != Body::none};
    http::Handler handler = [&backend, object, route, admission](http::Request& request) {
      Result<> admitted = admission.check(request);
      if (!admitted) return refused(std::move(admitted).error());
      return route.is_repeatable() ? call_once(backend, route.call, object, request)
                                   : route.call(object, request);
    };
    KIT_TRY(router.add(route.method, route.path, std::move(handler), std::move(options)));
  }
  return {};
}

Task<http::Response> refused(Error error) {
  co_return std::move(error);
}

db::Filter scope(const db::Column& column, std::int64_t id) {
  return {&column, db::Operator::eq, {db::Value(id)}};
}

db::Filter scope(const db::Column& column, const Uuid& id) {
  return {&column, db::Operator::eq, {db::Value(id.to_string())}};
}

http::Response json_response(int status, std::size_t expected_bytes) {
  http::Response response;
  response.status = status;
  response.content_type = "application/json";
  response.body.reserve(expected_bytes);
  return response;
}

void set_location(http::Response& response, std::string_view path, std::int64_t id) {
  response.headers.emplace_back("Location", std::string(path) + "/" + std::to_string(id));
}

void set_location(http::Response& response, std::string_view path, const Uuid& id) {
  response.headers.emplace_back("Location", std::string(path) + "/" + id.to_string());
}

void begin_list(json::Writer& out) {
  out.begin_object();
  out.member("items");
  out.begin_array();
}

void end_list(json::Writer& out, const std::optional<std::string>& next_cursor,
              const std::optional<std::int64_t>& total) {
  out.end_array();
  out.member("next_cursor", next_cursor);
  if (total) out.member("total", *total);
  out.end_object();
}

}  // namespace kit::rest
