// SPDX-License-Identifier: Apache-2.0
#include "kit/app/pages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"
#include "kit/json/value.hpp"

namespace kit::app {
namespace {

using testing::HasSubstr;
using testing::Not;

class FakeService final : public Service {
 public:
  Result<> add_routes(http::Router&) override { return {}; }
  std::span<const EntityInfo> entities() const override { return entities_; }
  Task<std::int64_t> count(std::size_t index) override {
    if (broken) co_return Error(Code::unavailable, "no table");
    co_return index == 0 ? 3 : 7;
  }
  std::span<const std::unique_ptr<db::ImportTarget>> imports() const override { return {}; }
  bool broken = false;

 private:
  std::array<EntityInfo, 2> entities_{{{"Artist", "Artists", "Who plays.", "/api/v1/artists"},
                                       {"Track", "Tracks", "", "/api/v1/tracks"}}};
};

class PagesTest : public testing::Test {
 protected:
  PagesTest() {
    application_.name = "store";
    application_.title = "Rock & <Roll>";
    application_.version = "v1";
    application_.files = files_;
    pages_ = std::make_unique<Pages>(application_, service_, status_, "dev");
    EXPECT_TRUE(pages_->add_routes(router_));
    EXPECT_TRUE(add_probes(router_, status_));
  }

  http::Response get(std::string_view path, std::vector<http::Header> headers = {}) {
    std::vector<std::string_view> parameters;
    std::string scratch;
    const http::Router::Match match = router_.match(http::Method::get, path, parameters, scratch);
    if (match.route == nullptr) {
      http::Response missing;
      missing.status = 404;
      return missing;
    }
    http::Request request;
    request.path = path;
    request.headers = headers;
    auto loop = make_epoll_loop();
    auto answer = kit::run(**loop, match.route->handler(request));
    EXPECT_TRUE(answer);
    return std::move(*answer);
  }

  static std::string header(const http::Response& response, std::string_view name) {
    const auto found =
        std::ranges::find(response.headers, name, &std::pair<std::string, std::string>::first);
    return found == response.headers.end() ? std::string() : found->second;
  }

  static constexpr std::array<unsigned char, 3> document{'a', ':', '1'};
  std::array<web::EmbeddedFile, 1> files_{
      {{"openapi.gen.yaml", "application/yaml", "\"tag\"", document, {}}}};
  Application application_;
  FakeService service_;
  std::optional<Error> database_failure_;
  Status status_{[this]() -> Result<> {
    if (database_failure_) return database_failure_->clone();
    return {};
  }};
  std::unique_ptr<Pages> pages_;
  http::Router router_;
};

TEST_F(PagesTest, StartPageNamesTheServiceAndEscapes) {
  const http::Response page = get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_THAT(std::string(page.static_body), HasSubstr("Rock &amp; &lt;Roll&gt;"));
  EXPECT_THAT(std::string(page.static_body), Not(HasSubstr("{{")));
}

TEST_F(PagesTest, PoliciesAllowOnlyThisServer) {
  for (const char* path : {"/", "/docs", "/start.json", "/openapi.yaml"}) {
    const http::Response page = get(path);
    const std::string policy = header(page, "Content-Security-Policy");
    EXPECT_THAT(policy, HasSubstr("default-src 'none'")) << path;
    EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'")) << path;
    EXPECT_THAT(policy, Not(HasSubstr("http"))) << path;
    EXPECT_EQ(header(page, "X-Content-Type-Options"), "nosniff") << path;
    EXPECT_EQ(header(page, "Referrer-Policy"), "no-referrer") << path;
  }
  EXPECT_THAT(header(get("/"), "Content-Security-Policy"), Not(HasSubstr("unsafe")));
  EXPECT_THAT(header(get("/docs"), "Content-Security-Policy"), HasSubstr("script-src 'self';"));
}

TEST_F(PagesTest, EverythingAPageLoadsIsServedHereForEver) {
  for (const char* path : {"/", "/docs"}) {
    const std::string text(get(path).static_body);
    std::size_t found = 0;
    for (std::size_t at = 0; (at = text.find("\"/assets/", at)) != std::string::npos;
         ++at, ++found) {
      const std::string asset = text.substr(at + 1, text.find('"', at + 1) - at - 1);
      const http::Response answer = get(asset);
      EXPECT_EQ(answer.status, 200) << asset;
      EXPECT_THAT(header(answer, "Cache-Control"), HasSubstr("immutable")) << asset;
      EXPECT_FALSE(answer.static_body.empty()) << asset;
    }
    EXPECT_GE(found, 4U) << path;
    EXPECT_EQ(text.find("//"), text.find("//www.w3.org")) << "no address elsewhere in " << path;
  }
}

TEST_F(PagesTest, PacksAndRevalidates) {
  const std::string text(get("/").static_body);
  const std::size_t at = text.find("/assets/");
  const std::string sheet = text.substr(at, 20) + "/start.css";
  const std::vector<http::Header> gzip{{"Accept-Encoding", "br, gzip;q=0.5"}};
  const http::Response packed = get(sheet, gzip);
  EXPECT_EQ(header(packed, "Content-Encoding"), "gzip");
  EXPECT_TRUE(packed.static_body.starts_with("\x1f\x8b"));
  const http::Response plain = get(sheet, {{"accept-encoding", "gzip;q=0"}});
  EXPECT_EQ(header(plain, "Content-Encoding"), "");
  EXPECT_NE(header(plain, "ETag"), header(packed, "ETag"));
  const std::string tag = header(plain, "ETag");
  EXPECT_EQ(get(sheet, {{"If-None-Match", "\"other\", " + std::string(tag)}}).status, 304);
  EXPECT_EQ(get(sheet, {{"If-None-Match", "\"other\""}}).status, 200);
}

TEST_F(PagesTest, KnowsConditionsAndRanges) {
  const http::Response part = get("/openapi.yaml", {{"Range", "bytes=2-"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.static_body, "1");
  EXPECT_EQ(header(part, "Content-Range"), "bytes 2-2/3");
  EXPECT_EQ(get("/openapi.yaml", {{"Range", "bytes=3-"}}).status, 416);
  EXPECT_EQ(get("/openapi.yaml", {{"If-Match", "\"other\""}}).status, 412);
  EXPECT_EQ(get("/openapi.yaml", {{"If-None-Match", "W/\"tag\""}}).status, 304);
}

TEST_F(PagesTest, ServesTheDocument) {
  const http::Response answer = get("/openapi.yaml");
  EXPECT_EQ(answer.content_type, "application/yaml");
  EXPECT_EQ(answer.static_body, "a:1");
}

TEST_F(PagesTest, StartJsonHasCountsAndState) {
  status_.import_progress(
      {.file = "Track.csv", .number = 2, .files = 3, .rows = 10, .percent = 40});
  json::Value start = *json::Value::parse(get("/start.json").body);
  EXPECT_EQ(*start["state"].string(), "starting");
  EXPECT_EQ(*start["import"]["percent"].int64(), 40);
  EXPECT_EQ(*start["entities"][1]["rows"].int64(), 7);
  EXPECT_EQ(*start["featured"].string(), "Track");
  status_.import_finished("");
  start = *json::Value::parse(get("/start.json").body);
  EXPECT_EQ(*start["state"].string(), "ready");
  EXPECT_TRUE(start["import"].is_null());
}

TEST_F(PagesTest, CountsThatFailAreUnknown) {
  service_.broken = true;
  const json::Value start = *json::Value::parse(get("/start.json").body);
  EXPECT_TRUE(start["entities"][0]["rows"].is_null());
}

TEST_F(PagesTest, ProbesFollowTheLife) {
  EXPECT_EQ(get("/healthz").status, 200);
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_EQ(get("/startupz").status, 503);
  status_.import_finished("");
  EXPECT_EQ(get("/readyz").status, 200);
  EXPECT_EQ(get("/startupz").status, 200);
  database_failure_ = Error(Code::resource_exhausted, "full").with_reason("DISK_FULL");
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_THAT(get("/readyz").body, HasSubstr("DISK_FULL"));
  EXPECT_EQ(get("/startupz").status, 200);
  database_failure_.reset();
  EXPECT_EQ(get("/readyz").status, 200);
  status_.draining();
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_EQ(get("/healthz").status, 200);
}

TEST_F(PagesTest, AFailedImportIsNotReady) {
  status_.import_finished("Track: nothing was imported, 2 bad rows");
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_EQ(get("/startupz").status, 200);
  EXPECT_THAT(get("/readyz").body, HasSubstr("2 bad rows"));
}

}  // namespace
}  // namespace kit::app
