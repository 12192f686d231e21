// SPDX-License-Identifier: Apache-2.0
#include "kit/credentials/key_fetch.hpp"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::credentials {
namespace {

/// What answers at which address.
struct Web {
  std::map<std::string, std::string, std::less<>> pages{};
  int status = 200;
  std::vector<std::string> asked{};

  Task<http::Response> answer(http::Request& request) {
    asked.emplace_back(request.target);
    http::Response response;
    response.status = status;
    const auto page = pages.find(request.target);
    if (page == pages.end()) response.status = 404;
    if (page != pages.end()) response.body = page->second;
    co_return response;
  }
  http::Handler handler() {
    return [this](http::Request& request) { return answer(request); };
  }
};

Result<std::string> fetch(security::FetchKeys& keys) {
  testing::VirtualLoop loop;
  return run(loop, keys());
}

TEST(KeyFetch, BringsWhatStandsThere) {
  Web web{.pages = {{"https://id.example/keys", "{}"}}};
  auto keys = fetch_keys_from(web.handler(), "https://id.example/keys").value();
  EXPECT_EQ(fetch(keys).value(), "{}");
  web.status = 302;
  EXPECT_EQ(fetch(keys).error().reason(), "KEY_FETCH_FAILED");
  web.status = 200;
  web.pages.clear();
  EXPECT_EQ(fetch(keys).error().reason(), "KEY_FETCH_FAILED");
}

TEST(KeyFetch, SizeIsBounded) {
  EXPECT_EQ(key_fetch_limits().body_bytes, security::max_key_set_bytes);
  EXPECT_EQ(key_fetch_limits().redirects, 0U);
  Web web{.pages = {{"https://id.example/keys", std::string(security::max_key_set_bytes, ' ')}}};
  auto keys = fetch_keys_from(web.handler(), "https://id.example/keys").value();
  EXPECT_TRUE(fetch(keys).ok());
  web.pages["https://id.example/keys"] += ' ';
  EXPECT_EQ(fetch(keys).error().reason(), "KEY_FETCH_FAILED");
}

TEST(KeyFetch, AddressesAreHttps) {
  for (const char* bad :
       {"", "http://id.example/keys", "ftp://id.example/", "file:///etc/passwd", "//id.example",
        "https://user@id.example/", "https://id.example/\r\nX: y"}) {
    Web web;
    EXPECT_EQ(fetch_keys_from(web.handler(), bad).error().reason(), "KEY_URL_INVALID") << bad;
    EXPECT_EQ(fetch_keys_of_issuer(web.handler(), bad).error().reason(), "KEY_URL_INVALID") << bad;
  }
  Web web;
  EXPECT_TRUE(fetch_keys_from(web.handler(), "http://127.0.0.1/keys", {.allow_http = true}).ok());
}

TEST(KeyFetch, AProviderSaysWhereItsKeysAre) {
  const std::string where = "https://id.example/.well-known/openid-configuration";
  Web web{
      .pages = {{where, R"({"issuer":"https://id.example","jwks_uri":"https://keys.example/"})"},
                {"https://keys.example/", "keys"}}};
  auto keys = fetch_keys_of_issuer(web.handler(), "https://id.example").value();
  EXPECT_EQ(fetch(keys).value(), "keys");
  EXPECT_EQ(web.asked, (std::vector<std::string>{where, "https://keys.example/"}));
  web.pages[where] = R"({"issuer":"https://evil.example","jwks_uri":"https://keys.example/"})";
  EXPECT_EQ(fetch(keys).error().reason(), "DISCOVERY_INVALID");
  web.pages[where] = R"({"issuer":"https://id.example","jwks_uri":"http://169.254.169.254/"})";
  web.asked.clear();
  EXPECT_EQ(fetch(keys).error().reason(), "DISCOVERY_INVALID");
  EXPECT_EQ(web.asked, std::vector<std::string>{where});
}

}  // namespace
}  // namespace kit::credentials
