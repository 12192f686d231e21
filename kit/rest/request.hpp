// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kit/base/id.hpp"
#include "kit/base/result.hpp"
#include "kit/base/uuid.hpp"
#include "kit/db/list_query.hpp"
#include "kit/http/message.hpp"
#include "kit/json/writer.hpp"

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

/// A handler that is a member function of an object that outlives the router. One type for all of
/// them, so that a file with many routes is quick to compile.
class BoundHandler {
 public:
  using Call = Task<http::Response> (*)(void* object, http::Request& request);
  BoundHandler(void* object, Call call) : object_(object), call_(call) {}
  Task<http::Response> operator()(http::Request& request) const { return call_(object_, request); }

 private:
  void* object_;
  Call call_;
};

/// `bind<&TrackRoutes::list>(*this)`. Lifetime: `object` outlives the router.
template <auto Method, class T>
BoundHandler bind(T& object) {
  return {&object, [](void* self, http::Request& request) {
            return (static_cast<T*>(self)->*Method)(request);
          }};
}

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
