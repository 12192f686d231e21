// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/http/error_response.hpp"
#include "kit/http/message.hpp"
#include "kit/http/router.hpp"

namespace kit::http {

/// Which pages of other origins may read answers (Fetch standard, CORS). Without a policy none may:
/// nothing is sent, and browsers keep answers from them.
struct CorsOptions {
  /// "https://app.example.com", compared exactly; or "*" alone, for what everybody may read, which
  /// goes with no credentials.
  std::vector<std::string> origins;
  std::vector<Method> methods{Method::get, Method::head, Method::post};
  std::vector<std::string> request_headers;     ///< That a page may set besides the safe ones.
  std::vector<std::string> exposed_headers;     ///< That a page may read besides the safe ones.
  bool allows_credentials = false;              ///< Cookies and client certificates.
  std::chrono::seconds max_age{600};            ///< How long a browser keeps a preflight's answer.
  ErrorRenderer render_error = error_response;  ///< As in the server's options.
};

/// Checks a policy once. Fails with `invalid_argument` for what cannot be meant: "*" with
/// credentials or beside others, an origin with a path or without a scheme, "null".
Result<> check_cors(const CorsOptions& options);

/// Adds what an answer to `request` says of its policy, and Vary: Origin.
void apply_cors(const Request& request, Response& response, const CorsOptions& options);

/// The answer to a preflight (OPTIONS with Origin and Access-Control-Request-Method): 204, with the
/// policy when it allows what is asked for.
Response answer_preflight(const Request& request, const CorsOptions& options);

/// `inner` under a policy: its answers carry it, preflights are answered here. For an OPTIONS route
/// and for the routes it speaks for. Fails like `check_cors`. What a client did wrong (4xx) is
/// rendered here for origins that may read it, with the policy; other errors travel on without one.
Result<Handler> with_cors(Handler inner, CorsOptions options);

/// Adds a route under a policy, together with the OPTIONS route of its path (once).
Result<> add_with_cors(Router& router, Method method, std::string_view path_template,
                       Handler handler, CorsOptions options, RouteOptions route = {});

}  // namespace kit::http
