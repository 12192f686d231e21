// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kit/app/application.hpp"
#include "kit/http/router.hpp"

namespace kit::app {

/// Makes the routes that `service` adds to `router` run for the caller that
/// `Application::identify` finds. `has_tokens`: requests say who they come from without it. Fails
/// with `invalid_argument` when the service has access rules, nobody says who callers are and the
/// environment is not dev. Lifetime: `application` outlives the router.
Result<> add_service(http::Router& router, const Application& application, Service& service,
                     std::string_view environment, bool has_tokens);

}  // namespace kit::app
