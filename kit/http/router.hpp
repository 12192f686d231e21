// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/base/time.hpp"
#include "kit/http/message.hpp"

namespace kit::http {

/// Which requests are refused first when there are too many.
enum class Priority : std::uint8_t { low, normal, critical };

struct RouteOptions {
  /// Content types the body may have, checked before the handler (415); empty: the route takes no
  /// body.
  std::vector<std::string> consumes;
  std::size_t max_body_bytes = 0;  ///< 0: the server's default.
  Clock::duration timeout{0};      ///< 0: the server's default (5 s).
  /// For the whole body of a large upload; the minimum rate holds as well. 0: the server's default
  /// (30 s).
  Clock::duration body_timeout{0};
  /// The handler is called once the head is there and reads the body itself (`Request::stream`);
  /// `max_body_bytes` and the time limits of bodies hold while it does.
  bool streams_body = false;
  /// Whoever asks: guards want to know nobody here (probes, pages, documents).
  bool is_public = false;
  Priority priority = Priority::normal;
};

/// Finds the handler of a request by method and path. Static segments beat parameters; no regular
/// expressions. Templates: "/api/v1/tracks/{id}"; a parameter may be typed: "{id:int64}" matches
/// digits (with '-') only, "{id:uuid}" a UUID;
/// "{rest:path}" at the end matches the rest with its slashes. A literal suffix after the parameter
/// is allowed for custom methods: "/api/v1/invoices/{id}:refund". A path that differs from a route
/// by a trailing slash is not found. Thread safety: build on one thread, then match on any.
class Router {
 public:
  Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;
  ~Router();

  /// Fails (asserts at start-up through `Result`) with `invalid_argument` for a malformed template
  /// and `already_exists` for one that is there already.
  Result<> add(Method method, std::string_view path_template, Handler handler,
               RouteOptions options = {});
  /// What handlers that are added from now on become before they are kept: `around(handler)` calls
  /// it in its own way. Null: they are kept as they are.
  using Around = Function<Handler(Handler) const>;
  void set_around(Around around) { around_ = std::move(around); }

  struct Route;
  /// Result of a match. `route` null and `allow` empty: 404; `route` null and `allow` set: 405 (or
  /// an OPTIONS answer).
  struct Match {
    const Route* route = nullptr;
    std::string allow;
  };
  /// `path` is the undecoded path of the target. Parameters (decoded) are appended to `parameters`,
  /// whose decoded bytes, when they differ from those in the path, live in `scratch`. HEAD falls
  /// back to GET.
  Match match(Method method, std::string_view path, std::vector<std::string_view>& parameters,
              std::string& scratch) const;

  /// Every template with its methods, sorted, for the start page and diagnostics.
  std::vector<std::pair<Method, std::string>> routes() const;
  /// All of them, by number: in the order in which they were added. Lifetime: the router's.
  const std::vector<const Route*>& all() const { return all_; }

 private:
  struct Node;
  struct Search;
  static const Route* find(const Node& node, std::string_view rest, Search& search);
  static const Route* find_parameter(const Node& node, std::string_view segment,
                                     std::string_view rest, bool last, Search& search);
  static const Route* end(const Node& node, Search& search);
  static void collect(const Node& node, std::vector<std::pair<Method, std::string>>& out);
  std::unique_ptr<Node> root_;
  Around around_;
  std::vector<const Route*> all_;
};

struct Router::Route {
  std::size_t number = 0;  ///< In `Router::all`.
  Method method = Method::get;
  std::string path_template;
  Handler handler;
  RouteOptions options;
};

}  // namespace kit::http
