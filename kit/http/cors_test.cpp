// SPDX-License-Identifier: Apache-2.0
#include "kit/http/cors.hpp"

#include <gtest/gtest.h>

#include <string>

#include "kit/async/run.hpp"
#include "kit/http/message_test_support.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::http {
namespace {

CorsOptions policy() {
  CorsOptions options;
  options.origins = {"https://app.example", "http://localhost:5173"};
  options.methods = {Method::get, Method::put};
  options.request_headers = {"Content-Type", "X-CSRF-Token"};
  options.exposed_headers = {"ETag", "Link"};
  options.allows_credentials = true;
  return options;
}

CorsOptions for_everybody() {
  CorsOptions options;
  options.origins = {"*"};
  return options;
}

Response answer(std::string_view origin, const CorsOptions& options) {
  std::vector<Header> fields;
  if (!origin.empty()) fields.push_back({"Origin", origin});
  const TestRequest request(Method::get, std::move(fields));
  Response response;
  apply_cors(request, response, options);
  return response;
}

TEST(Cors, AllowsWhoIsListed) {
  const Response allowed = answer("https://app.example", policy());
  EXPECT_EQ(field(allowed, "Access-Control-Allow-Origin"), "https://app.example");
  EXPECT_EQ(field(allowed, "Access-Control-Allow-Credentials"), "true");
  EXPECT_EQ(field(allowed, "Access-Control-Expose-Headers"), "ETag, Link");
  EXPECT_EQ(field(allowed, "Vary"), "Origin");
}

TEST(Cors, AllowsNobodyElse) {
  for (const char* other :
       {"", "null", "https://app.example.evil.example", "http://app.example", "https://APP.example",
        "https://app.example:443", "https://app.example/", "http://localhost", "*"}) {
    const Response refused = answer(other, policy());
    EXPECT_EQ(field(refused, "Access-Control-Allow-Origin"), "") << other;
    EXPECT_EQ(field(refused, "Access-Control-Allow-Credentials"), "") << other;
    EXPECT_EQ(field(refused, "Vary"), "Origin") << other;
  }
  EXPECT_EQ(field(answer("https://app.example", CorsOptions{}), "Access-Control-Allow-Origin"), "");
}

TEST(Cors, AStarIsNeverReflected) {
  const Response allowed = answer("https://any.example", for_everybody());
  EXPECT_EQ(field(allowed, "Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(field(allowed, "Access-Control-Allow-Credentials"), "");
  EXPECT_EQ(field(allowed, "Vary"), "");
}

Response preflight(std::string_view origin, std::string_view method, std::string_view headers,
                   const CorsOptions& options = policy()) {
  const TestRequest request(Method::options, {{"Origin", origin},
                                              {"Access-Control-Request-Method", method},
                                              {"Access-Control-Request-Headers", headers}});
  return answer_preflight(request, options);
}

TEST(Cors, AnswersPreflights) {
  const Response allowed = preflight("https://app.example", "PUT", "content-type,x-csrf-token");
  EXPECT_EQ(allowed.status, 204);
  EXPECT_EQ(field(allowed, "Access-Control-Allow-Origin"), "https://app.example");
  EXPECT_EQ(field(allowed, "Access-Control-Allow-Methods"), "GET, PUT");
  EXPECT_EQ(field(allowed, "Access-Control-Allow-Headers"), "Content-Type, X-CSRF-Token");
  EXPECT_EQ(field(allowed, "Access-Control-Max-Age"), "600");
  EXPECT_EQ(field(allowed, "Vary"),
            "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
  for (const Response& refused :
       {preflight("https://evil.example", "PUT", ""),
        preflight("https://app.example", "DELETE", ""), preflight("https://app.example", "put", ""),
        preflight("https://app.example", "PUT", "Authorization"),
        preflight("https://app.example", "PUT", "Content-Type, X-Other")}) {
    EXPECT_EQ(refused.status, 204);
    EXPECT_EQ(field(refused, "Access-Control-Allow-Origin"), "");
    EXPECT_EQ(field(refused, "Access-Control-Allow-Methods"), "");
  }
}

TEST(Cors, RefusesPoliciesThatCannotBeMeant) {
  EXPECT_TRUE(check_cors(policy()).ok());
  EXPECT_TRUE(check_cors(for_everybody()).ok());
  EXPECT_TRUE(check_cors({}).ok());
  CorsOptions options = for_everybody();
  options.allows_credentials = true;
  EXPECT_FALSE(check_cors(options).ok());
  for (const char* bad : {"null", "", "app.example", "https://", "https://app.example/",
                          "https://*.example", "https://a@app.example", "https://App.example"}) {
    options = policy();
    options.origins = {bad};
    EXPECT_FALSE(check_cors(options).ok()) << bad;
  }
  options = policy();
  options.origins = {"*", "https://app.example"};
  EXPECT_FALSE(check_cors(options).ok());
  options = policy();
  options.request_headers = {"*"};
  EXPECT_FALSE(check_cors(options).ok());
  options = policy();
  options.exposed_headers = {"A\r\nB"};
  EXPECT_FALSE(check_cors(options).ok());
  options = policy();
  options.methods = {Method::other};
  EXPECT_FALSE(check_cors(options).ok());
}

Task<Response> hello(Request&) {
  Response response;
  response.body = "hello";
  co_return response;
}

TEST(Cors, AddsARouteWithItsPreflight) {
  testing::VirtualLoop loop;
  Router router;
  ASSERT_TRUE(add_with_cors(router, Method::get, "/a", hello, policy()).ok());
  ASSERT_TRUE(add_with_cors(router, Method::put, "/a", hello, policy()).ok());
  EXPECT_EQ(add_with_cors(router, Method::get, "/a", hello, policy()).error().code(),
            Code::already_exists);
  const auto ask = [&](Method method, std::vector<Header> fields) {
    std::vector<std::string_view> parameters;
    std::string scratch;
    const auto match = router.match(method, "/a", parameters, scratch);
    EXPECT_NE(match.route, nullptr);
    TestRequest request(method, std::move(fields));
    return run(loop, match.route->handler(request));
  };
  const Result<Response> got = ask(Method::get, {{"Origin", "https://app.example"}});
  EXPECT_EQ(got->body, "hello");
  EXPECT_EQ(field(*got, "Access-Control-Allow-Origin"), "https://app.example");
  const Result<Response> asked = ask(Method::options, {{"Origin", "https://app.example"},
                                                       {"Access-Control-Request-Method", "PUT"}});
  EXPECT_EQ(asked->status, 204);
  EXPECT_EQ(field(*asked, "Access-Control-Allow-Methods"), "GET, PUT");
  const Result<Response> plain = ask(Method::options, {});
  EXPECT_EQ(plain->status, 204);
  EXPECT_EQ(field(*plain, "Access-Control-Allow-Methods"), "");
  EXPECT_EQ(field(*plain, "Allow"), "GET, PUT, OPTIONS");
}

TEST(Cors, APageMayReadWhatItDidWrong) {
  testing::VirtualLoop loop;
  const auto ask = [&](Code code, const char* origin) {
    const Result<Handler> handler =
        with_cors([code](Request&) -> Task<Response> { co_return Error(code, "no"); }, policy());
    TestRequest request(Method::get, {{"Origin", origin}});
    return run(loop, (*handler)(request));
  };
  const Result<Response> wrong = ask(Code::invalid_argument, "https://app.example");
  ASSERT_TRUE(wrong.ok());
  EXPECT_EQ(wrong->status, 400);
  EXPECT_EQ(field(*wrong, "Access-Control-Allow-Origin"), "https://app.example");
  EXPECT_FALSE(ask(Code::invalid_argument, "https://evil.example").ok());
  EXPECT_FALSE(ask(Code::internal, "https://app.example").ok()) << "the server logs it";
}

}  // namespace
}  // namespace kit::http
