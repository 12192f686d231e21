// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/request.hpp"

#include <chrono>

#include "kit/base/text.hpp"
#include "kit/rest/detail/row_media.hpp"
#include "kit/rest/idempotency.hpp"
#include "kit/rest/list_request.hpp"

namespace kit::rest {
namespace {

/// For a file to arrive, and then for its rows to be stored; and for one to be made.
constexpr auto transfer_timeout = std::chrono::seconds{60};

/// The generated route of files out. They take as long as files in: a workbook is whole before the
/// answer begins.
bool is_export(const Route& route) {
  return route.method == http::Method::get && route.path.ends_with("/export");
}

Error no_such_id() {
  return Error(Code::not_found, "there is nothing with this id").with_reason("NOT_FOUND");
}

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
                    Backend& backend) {
  for (const Route& route : routes) {
    http::RouteOptions options;
    if (route.body == Body::patch) options.consumes.emplace_back("application/merge-patch+json");
    if (route.body == Body::csv) {
      options.consumes.emplace_back(detail::csv_media_type);
      options.consumes.emplace_back(detail::xlsx_media_type);
      options.streams_body = true;
      options.max_body_bytes = backend.limits.import_bytes;
      options.timeout = transfer_timeout;
      options.body_timeout = transfer_timeout;
    } else if (route.body != Body::none) {
      options.consumes.emplace_back("application/json");
    }
    if (is_export(route)) options.timeout = transfer_timeout;
    const Route::Call call = route.call;
    http::Handler handler;
    if (route.is_repeatable()) {
      handler = [&backend, object, call](http::Request& request) {
        return call_once(backend, call, object, request);
      };
    } else {
      handler = [object, call](http::Request& request) { return call(object, request); };
    }
    KIT_TRY(router.add(route.method, route.path, std::move(handler), std::move(options)));
  }
  return {};
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
