// SPDX-License-Identifier: Apache-2.0
// The smallest service that has the whole life of one (kit/app): what is restarted under load. It
// answers with its process id, at once or after 100 ms.
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "kit/app/application.hpp"
#include "kit/async/operation.hpp"

namespace {

using namespace kit;

http::Response who() {
  http::Response response;
  response.content_type = "text/plain";
  response.body = std::to_string(getpid());
  return response;
}

Task<http::Response> at_once(http::Request&) {
  co_return who();
}

Task<http::Response> later(http::Request&) {
  co_await sleep_for(std::chrono::milliseconds(100));
  co_return who();
}

class Rolling final : public app::Service {
 public:
  Result<> add_routes(http::Router& router) override {
    http::RouteOptions takes_text;
    takes_text.consumes = {"text/plain"};
    KIT_TRY(router.add(http::Method::get, "/who", at_once));
    KIT_TRY(router.add(http::Method::get, "/later", later));
    KIT_TRY(router.add(http::Method::post, "/who", at_once, takes_text));
    // nginx asks nobody else when this one breaks: it may have been done.
    return router.add(http::Method::post, "/later", later, takes_text);
  }
  std::span<const app::EntityInfo> entities() const override { return {}; }
  Task<std::int64_t> count(std::size_t) override { co_return 0; }
  std::span<const std::unique_ptr<db::ImportTarget>> imports() const override { return {}; }
};

}  // namespace

int main(int argc, char** argv) {
  app::Application application{
      .name = "rolling",
      .version = "v1",
      .title = "Rolling",
      .migrations = {},
      .files = {},
      .make_service = [](db::Database&) -> std::unique_ptr<app::Service> {
        return std::make_unique<Rolling>();
      },
  };
  return app::run(argc, argv, std::move(application));
}
