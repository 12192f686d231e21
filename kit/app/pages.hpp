// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "kit/app/application.hpp"
#include "kit/app/status.hpp"
#include "kit/http/router.hpp"

namespace kit::app {

/// The pages inside the binary: the start page at /, its figures at /start.json, the API reference
/// at /docs, the application's files (/openapi.yaml), and /assets/<version>/ with what they are
/// made of. Everything comes from the binary; the pages load nothing from elsewhere and their
/// policies say so. Lifetime: outlives the router; the references given to it outlive this.
class Pages {
 public:
  Pages(const Application& application, Service& service, const Status& status,
        std::string_view environment);
  ~Pages();
  Result<> add_routes(http::Router& router);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// `text` with & < > " ' as entities, for HTML text and attributes.
std::string html_escape(std::string_view text);

}  // namespace kit::app
