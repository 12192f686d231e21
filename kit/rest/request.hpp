// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "kit/base/id.hpp"
#include "kit/base/result.hpp"
#include "kit/base/uuid.hpp"
#include "kit/db/list_query.hpp"
#include "kit/http/message.hpp"
#include "kit/http/router.hpp"
#include "kit/json/writer.hpp"
#include "kit/record/access.hpp"

namespace kit::rest {

namespace detail {
Result<> read_path(const http::Request& request, std::size_t index, std::int64_t& id);
Result<> read_path(const http::Request& request, std::size_t index, Uuid& id);
}  // namespace detail

/// The id in the path, counted from 0. Fails with `not_found` for what no id can be.
template <class IdType>
Result<IdType> path_id(const http::Request& request, std::size_t index = 0) {
  typename IdType::rep id{};
  KIT_TRY(detail::read_path(request, index, id));
  return IdType(id);
}

/// Fails with `invalid_argument` when there are query parameters: those of nobody are most likely
/// meant for something.
Result<> no_parameters(const http::Request& request);

/// What a route's body may be.
enum class Body : std::uint8_t {
  none,
  json,
  patch,  ///< JSON, also as a merge patch.
  csv,    ///< A file, as it comes.
};

/// A row of the table of an object's routes: constants, so that a file with many of them is quick
/// to compile.
struct Route {
  using Call = Task<http::Response> (*)(void* object, http::Request& request);
  http::Method method;
  std::string_view path;  ///< "/api/v1/tracks/{id:int64}"
  Call call;
  Body body = Body::none;

  /// Whether clients may send it with an Idempotency-Key: what may be done twice when it is sent
  /// twice.
  bool is_repeatable() const {
    return (method == http::Method::post || method == http::Method::patch) && body != Body::csv;
  }
};

namespace detail {
template <class Member>
struct ClassOf;
template <class T>
struct ClassOf<Task<http::Response> (T::*)(http::Request&)> {
  using type = T;
};
}  // namespace detail

/// A handler that is a member function: `call<&TrackRoutes::list>`.
template <auto Method>
inline constexpr Route::Call call = [](void* object, http::Request& request) {
  return (static_cast<typename detail::ClassOf<decltype(Method)>::type*>(object)->*Method)(request);
};

class Backend;

/// Adds all routes of `object`; it and `backend` outlive the router. Those that change something
/// by POST or PATCH take an Idempotency-Key (see `call_once`). Whether the caller may use the
/// entity is asked before anything of a request is read: GET is a use to read, all else one to
/// write; `access` null: everybody may. A body in another charset than UTF-8 is refused with 415.
/// Fails as `Router::add` does.
Result<> add_routes(http::Router& router, void* object, std::span<const Route> routes,
                    Backend& backend, const record::AccessRules* access = nullptr);

/// The answer to a request that fails before its handler begins.
Task<http::Response> refused(Error error);

/// Narrows a list to the rows that belong to `id`.
db::Filter scope(const db::Column& column, std::int64_t id);
db::Filter scope(const db::Column& column, const Uuid& id);

/// An answer with JSON in its body, which is still empty.
http::Response json_response(int status = 200, std::size_t expected_bytes = 512);

/// Says where a new entity is.
void set_location(http::Response& response, std::string_view path, std::int64_t id);
void set_location(http::Response& response, std::string_view path, const Uuid& id);

/// `{"items":[`, the items of a list, then this: `],"next_cursor":...,"total":...}`.
void begin_list(json::Writer& out);
void end_list(json::Writer& out, const std::optional<std::string>& next_cursor,
              const std::optional<std::int64_t>& total);

}  // namespace kit::rest
