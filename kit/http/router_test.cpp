// SPDX-License-Identifier: Apache-2.0
#include "kit/http/router.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kit/http/query.hpp"

namespace kit::http {
namespace {

Task<Response> nothing(Request&) {
  co_return Response{};
}

Router make_router() {
  Router router;
  auto add = [&](Method method, std::string_view path_template) {
    auto added = router.add(method, path_template, nothing);
    EXPECT_TRUE(added.ok()) << path_template;
  };
  add(Method::get, "/");
  add(Method::get, "/tracks");
  add(Method::post, "/tracks");
  add(Method::get, "/tracks/top");
  add(Method::get, "/tracks/{id:int64}");
  add(Method::delete_, "/tracks/{id:int64}");
  add(Method::post, "/invoices/{id}:refund");
  add(Method::get, "/invoices/{id}");
  add(Method::get, "/invoices/{id}/lines/{line:int64}");
  add(Method::get, "/things/{key:uuid}");
  add(Method::get, "/things/{name}");
  add(Method::get, "/docs/{rest:path}");
  add(Method::get, "/docs/index");
  add(Method::get, "/slash/");
  return router;
}

/// "template(parameters)", or the Allow header, or "404".
std::string match(const Router& router, Method method, std::string_view path) {
  std::vector<std::string_view> parameters;
  std::string scratch;
  auto found = router.match(method, path, parameters, scratch);
  if (found.route == nullptr) return found.allow.empty() ? "404" : "allow " + found.allow;
  std::string text = found.route->path_template;
  for (std::string_view parameter : parameters) text += " [" + std::string(parameter) + "]";
  return text;
}

TEST(Router, FindsRoutes) {
  const Router router = make_router();
  auto get = [&](std::string_view path) { return match(router, Method::get, path); };
  EXPECT_EQ(get("/"), "/");
  EXPECT_EQ(get("/tracks"), "/tracks");
  EXPECT_EQ(get("/tracks/top"), "/tracks/top");
  EXPECT_EQ(get("/tracks/17"), "/tracks/{id:int64} [17]");
  EXPECT_EQ(get("/tracks/-17"), "/tracks/{id:int64} [-17]");
  EXPECT_EQ(get("/tracks/17x"), "404");
  EXPECT_EQ(get("/tracks/9223372036854775807"), "/tracks/{id:int64} [9223372036854775807]");
  EXPECT_EQ(get("/tracks/9223372036854775808"), "404");
  EXPECT_EQ(get("/tracks/"), "404");
  EXPECT_EQ(get("//tracks"), "404");
  EXPECT_EQ(get("/tracks/17/"), "404");
  EXPECT_EQ(get("/slash/"), "/slash/");
  EXPECT_EQ(get("/slash"), "404");
  EXPECT_EQ(get("/invoices/a/lines/3"), "/invoices/{id}/lines/{line:int64} [a] [3]");
  EXPECT_EQ(get("/things/0190e0a4-3d5c-7d3a-8000-0123456789ab"),
            "/things/{key:uuid} [0190e0a4-3d5c-7d3a-8000-0123456789ab]");
  EXPECT_EQ(get("/things/thing"), "/things/{name} [thing]");
  EXPECT_EQ(get("/docs/"), "/docs/{rest:path} []");
  EXPECT_EQ(get("/docs/a/b"), "/docs/{rest:path} [a/b]");
  EXPECT_EQ(get("/docs/index"), "/docs/index");
  EXPECT_EQ(get("/docs/index/x"), "/docs/{rest:path} [index/x]");
  EXPECT_EQ(get("*"), "404");
  EXPECT_EQ(get(""), "404");
}

TEST(Router, FindsCustomMethods) {
  const Router router = make_router();
  EXPECT_EQ(match(router, Method::post, "/invoices/5:refund"), "/invoices/{id}:refund [5]");
  EXPECT_EQ(match(router, Method::post, "/invoices/5%3Arefund"), "/invoices/{id}:refund [5]");
  EXPECT_EQ(match(router, Method::post, "/invoices/:refund"), "allow GET, HEAD, OPTIONS");
}

TEST(Router, DecodesEachSegment) {
  const Router router = make_router();
  EXPECT_EQ(match(router, Method::get, "/%74racks/%31%37"), "/tracks/{id:int64} [17]");
  EXPECT_EQ(match(router, Method::get, "/things/a%2Fb%20c"), "/things/{name} [a/b c]");
  EXPECT_EQ(match(router, Method::get, "/invoices/%41/lines/%33"),
            "/invoices/{id}/lines/{line:int64} [A] [3]");
  EXPECT_EQ(match(router, Method::get, "/docs/a%20b/c%2Fd"), "/docs/{rest:path} [a b/c/d]");
  EXPECT_EQ(match(router, Method::get, "/tracks%2Ftop"), "404");
}

// The rules of README.md, "Paths".
TEST(Router, PathsAreTakenAsTheyAre) {
  const Router router = make_router();
  auto get = [&](std::string_view path) { return match(router, Method::get, path); };
  // An encoded slash is text, never a separator.
  EXPECT_EQ(get("/invoices/a%2Flines%2F3"), "/invoices/{id} [a/lines/3]");
  EXPECT_EQ(get("/invoices%2fa"), "404");
  EXPECT_EQ(get("/docs%2Findex"), "404");
  // Dot segments are segments like others, encoded or not: nothing is climbed.
  EXPECT_EQ(get("/tracks/../tracks"), "404");
  EXPECT_EQ(get("/invoices/.."), "/invoices/{id} [..]");
  EXPECT_EQ(get("/invoices/%2e%2E"), "/invoices/{id} [..]");
  EXPECT_EQ(get("/./tracks"), "404");
  EXPECT_EQ(get("/docs/../tracks"), "/docs/{rest:path} [../tracks]");
  // Two slashes enclose an empty segment, which no parameter takes.
  EXPECT_EQ(get("//"), "404");
  EXPECT_EQ(get("/tracks//top"), "404");
  EXPECT_EQ(get("/invoices//lines/3"), "404");
  EXPECT_EQ(get("/docs//a"), "/docs/{rest:path} [/a]");
  // A slash at the end makes another path.
  EXPECT_EQ(get("/invoices/a/"), "404");
  EXPECT_EQ(get("/docs"), "404");
  // Case counts, in the path and in what is encoded in it, but not in the hex digits.
  EXPECT_EQ(get("/Tracks"), "404");
  EXPECT_EQ(get("/%54racks"), "404");
  EXPECT_EQ(get("/docs/%c3%A4"), "/docs/{rest:path} [\xc3\xa4]");
  // '+' is a plus, and what is decoded once is not decoded again.
  EXPECT_EQ(get("/invoices/a+b"), "/invoices/{id} [a+b]");
  EXPECT_EQ(get("/invoices/%2541"), "/invoices/{id} [%41]");
}

TEST(Router, TellsWhichMethodsAreAllowed) {
  const Router router = make_router();
  EXPECT_EQ(match(router, Method::head, "/tracks"), "/tracks");
  EXPECT_EQ(match(router, Method::put, "/tracks"), "allow GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(match(router, Method::options, "/tracks/1"), "allow GET, HEAD, DELETE, OPTIONS");
  EXPECT_EQ(match(router, Method::other, "/"), "allow GET, HEAD, OPTIONS");
  EXPECT_EQ(match(router, Method::get, "/invoices/5:refund"), "/invoices/{id} [5:refund]");
}

TEST(Router, RefusesMalformedTemplates) {
  for (const char* bad :
       {"", "x", "/a//b", "/{", "/{}", "/{1a}", "/{a:float}", "/a{b}", "/{a}/{a}", "/{a}{b}",
        "/{a:path}/b", "/{a:path}x", "/a b", "/a%20", "/a?b", "/{a b}", "/{a-b}"}) {
    Router router;
    auto added = router.add(Method::get, bad, nothing);
    ASSERT_FALSE(added.ok()) << bad;
    EXPECT_EQ(added.error().code(), Code::invalid_argument) << bad;
  }
}

TEST(Router, RefusesASecondRouteOfOneShape) {
  Router router = make_router();
  auto added = router.add(Method::get, "/tracks/{other:int64}", nothing);
  ASSERT_FALSE(added.ok());
  EXPECT_EQ(added.error().code(), Code::already_exists);
  EXPECT_TRUE(router.add(Method::get, "/tracks/{other}", nothing).ok());
  EXPECT_FALSE(router.add(Method::other, "/x", nothing).ok());
}

TEST(Router, ListsItsRoutes) {
  const Router router = make_router();
  auto routes = router.routes();
  EXPECT_EQ(routes.size(), 14U);
  EXPECT_EQ(routes.front().second, "/");
  EXPECT_EQ(routes.back().second, "/tracks/{id:int64}");
  EXPECT_EQ(routes.back().first, Method::delete_);
}

std::string query(std::string_view text, std::size_t most = 256) {
  auto parameters = parse_query(text, most);
  if (!parameters.ok()) return std::string(name(parameters.error().code()));
  std::string out;
  for (const auto& [key, value] : *parameters) out += key + "=" + value + ";";
  return out;
}

TEST(RouterAround, IsOfHandlersThatAreAddedMeanwhile) {
  Router router;
  int calls = 0;
  ASSERT_TRUE(router.add(Method::get, "/before", nothing).ok());
  router.set_around([&calls](Handler inner) -> Handler {
    return [&calls, inner = std::make_shared<const Handler>(std::move(inner))](Request& request) {
      ++calls;
      return (*inner)(request);
    };
  });
  ASSERT_TRUE(router.add(Method::get, "/within", nothing).ok());
  router.set_around(nullptr);
  ASSERT_TRUE(router.add(Method::get, "/after", nothing).ok());
  for (const char* path : {"/before", "/within", "/after"}) {
    std::vector<std::string_view> parameters;
    std::string scratch;
    Request request;
    Task<Response> answer =
        router.match(Method::get, path, parameters, scratch).route->handler(request);
    EXPECT_EQ(calls, std::string_view(path) == "/before" ? 0 : 1) << path;
  }
}

TEST(Query, DecodesParameters) {
  EXPECT_EQ(query(""), "");
  EXPECT_EQ(query("a=1&b=x+y%20z&&c&=d&e=f=g"), "a=1;b=x y z;c=;=d;e=f=g;");
  EXPECT_EQ(query("%61%C3%A4=%2B"), "a\xc3\xa4=+;");
  for (const char* bad : {"a=%", "a=%1", "a=%zz", "%00", "a=%ff"})
    EXPECT_EQ(query(bad), "INVALID_ARGUMENT") << bad;
}

TEST(Query, HoldsItsLimit) {
  EXPECT_EQ(query("a&b&c", 3), "a=;b=;c=;");
  EXPECT_EQ(query("a&b&c&d", 3), "INVALID_ARGUMENT");
}

TEST(Query, EncodesWhatItDecodes) {
  const std::string text = "a b/\xc3\xa4+&=%~-._";
  EXPECT_EQ(percent_encode(text), "a%20b%2F%C3%A4%2B%26%3D%25~-._");
  EXPECT_EQ(*percent_decode(percent_encode(text), false), text);
}

}  // namespace
}  // namespace kit::http
