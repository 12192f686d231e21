// SPDX-License-Identifier: Apache-2.0
#include "kit/app/callers.hpp"

#include <memory>
#include <string>
#include <utility>

#include "kit/async/context.hpp"
#include "kit/log/log.hpp"

namespace kit::app {
namespace {

log::Module access_log{"access"};

/// Runs a handler for whom the request comes from.
Task<http::Response> call_for_caller(const Application& application, const http::Handler& handler,
                                     http::Request& request) {
  Caller caller = co_await application.identify(request);
  caller.policy = application.access_policy;
  Context context;
  context.set_caller(&caller);
  Context::Scope scope(context);
  Task<http::Response> answering = handler(request);
  Result<http::Response> answer = co_await as_result(std::move(answering));
  scope.leave();
  co_return co_await std::move(answer);
}

Result<> check_identity(const Application& application, const Service& service,
                        std::string_view environment, bool has_tokens) {
  if (application.identify || has_tokens || !service.has_access_rules()) return {};
  if (environment != "dev") {
    return Error(Code::invalid_argument,
                 "the schema has access rules, but nobody says who a request comes from: set "
                 "auth.secret or auth.keys, or Application::identify in main.cpp; without they are "
                 "served in the environment "
                 "dev only, not in " +
                     std::string(environment))
        .with_reason("IDENTITY_MISSING");
  }
  log::warn(
      access_log,
      "the access rules of the schema are not enforced: there is no auth.secret, no auth.keys "
      "and no Application::identify in main.cpp, so everybody may do everything");
  return {};
}

}  // namespace

Result<> add_service(http::Router& router, const Application& application, Service& service,
                     std::string_view environment, bool has_tokens) {
  KIT_TRY(check_identity(application, service, environment, has_tokens));
  if (!application.identify) return service.add_routes(router);
  router.set_around([&application](http::Handler inner) -> http::Handler {
    auto handler = std::make_shared<const http::Handler>(std::move(inner));
    return [&application, handler](http::Request& request) {
      return call_for_caller(application, *handler, request);
    };
  });
  Result<> added = service.add_routes(router);
  router.set_around(nullptr);
  return added;
}

}  // namespace kit::app
