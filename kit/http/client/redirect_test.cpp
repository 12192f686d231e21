// SPDX-License-Identifier: Apache-2.0
#include "kit/http/client/client_test_support.hpp"

namespace kit::http {
namespace {

std::string moved(int status, std::string_view location) {
  return "HTTP/1.1 " + std::to_string(status) + " Moved\r\nLocation: " + std::string(location) +
         "\r\nContent-Length: 4\r\n\r\nmore";
}

class RedirectTest : public ClientTest {
 protected:
  Running<Response> send(Method method, std::string body, SendOptions send,
                         std::string url = "http://a/x/y") {
    ClientRequest request;
    request.method = method;
    request.url = std::move(url);
    request.headers = {{"Authorization", "secret"},
                       {"Cookie", "secret"},
                       {"X-Api-Key", "secret"},
                       {"X-Mine", "1"}};
    if (!body.empty()) request.headers.emplace_back("Content-Type", "text/plain");
    request.body = std::move(body);
    return begin(client().send(std::move(request), send));
  }
  /// The request that follows an answer `status` to `method`, without its last fields.
  std::string after(int status, Method method, std::string_view location = "/z") {
    const std::size_t before = connector.peers.size();
    client().close_idle();
    auto call = send(method, method == Method::post ? "body" : "", {.redirects = 1});
    peer(before).take();
    answer(moved(status, location), before);
    const std::string next = peer(connector.peers.size() - 1).take();
    answer(ok_hello, connector.peers.size() - 1);
    EXPECT_EQ(call.value().status, 200);
    return next;
  }
};

TEST_F(RedirectTest, AreNotFollowedUnlessAsked) {
  auto call = send(Method::get, "", {});
  answer(moved(302, "/z"));
  EXPECT_EQ(call.value().status, 302);
  EXPECT_EQ(call.value().body, "more");
}

TEST_F(RedirectTest, KeepOrChangeTheMethod) {
  EXPECT_TRUE(after(301, Method::get).starts_with("GET /z HTTP/1.1\r\nHost: a\r\n"));
  EXPECT_TRUE(after(302, Method::head).starts_with("HEAD /z "));
  EXPECT_TRUE(after(303, Method::head).starts_with("HEAD /z "));
  EXPECT_TRUE(after(302, Method::put).starts_with("PUT /z "));
  for (int status : {301, 302, 303}) {
    const std::string next = after(status, Method::post);
    EXPECT_TRUE(next.starts_with("GET /z ")) << next;
    EXPECT_FALSE(contains(next, "Content-")) << next;
    EXPECT_TRUE(next.ends_with("\r\n\r\n")) << next;
  }
  for (int status : {307, 308}) {
    const std::string next = after(status, Method::post, "../q?r");
    EXPECT_TRUE(next.starts_with("POST /q?r ")) << next;
    EXPECT_TRUE(contains(next, "Content-Type: text/plain")) << next;
    EXPECT_TRUE(next.ends_with("Content-Length: 4\r\n\r\nbody")) << next;
  }
}

TEST_F(RedirectTest, KeepTheConnection) {
  auto call = send(Method::get, "", {.redirects = 5});
  answer(moved(302, "/1"));
  answer(moved(302, "/2"));
  answer(ok_hello);
  EXPECT_EQ(call.value().body, "hello");
  EXPECT_EQ(numbers().opened, 1U);
  EXPECT_EQ(numbers().reused, 2U);
  auto streamed = send(Method::get, "", {.stream = true, .redirects = 5});
  answer(moved(302, "/1"));
  answer(ok_hello);
  EXPECT_NE(streamed.value().stream, nullptr);
  EXPECT_EQ(numbers().opened, 1U);
}

TEST_F(RedirectTest, GiveTheConnectionUpForALargeBody) {
  for (std::size_t size : {64 * 1024U, 64 * 1024U + 1}) {
    const std::size_t first = connector.peers.size();
    client().close_idle();
    auto call = send(Method::get, "", {.stream = true, .redirects = 1});
    answer("HTTP/1.1 302 Found\r\nLocation: /1\r\nContent-Length: " + std::to_string(size) +
               "\r\n\r\n",
           first);
    // In pieces, so that what is past the limit is not read along.
    for (int quarter = 0; quarter < 4; ++quarter) answer(std::string(16 * 1024, 'x'), first);
    EXPECT_EQ(connector.peers.size(), size > 64 * 1024 ? first + 2 : first + 1);
    answer(ok_hello, connector.peers.size() - 1);
    EXPECT_EQ(call.value().status, 200);
  }
}

TEST_F(RedirectTest, AreLimited) {
  auto call = send(Method::get, "", {.redirects = 2});
  answer(moved(302, "/1"));
  answer(moved(302, "/2"));
  EXPECT_FALSE(call.done());
  answer(moved(302, "/3"));
  EXPECT_EQ(call.value().status, 302);
  EXPECT_EQ(header(call.value(), "location"), "/3");
}

TEST_F(RedirectTest, TellNoSecretsToAnotherOrigin) {
  EXPECT_TRUE(contains(after(302, Method::get, "http://a:80/"), "secret"));
  for (const char* other : {"http://b/", "http://a:81/", "https://a/"}) {
    const std::string next = after(302, Method::get, other);
    EXPECT_FALSE(contains(next, "secret")) << next;
    EXPECT_TRUE(contains(next, "X-Mine: 1")) << next;
  }
}

TEST_F(RedirectTest, NeverLeaveEncryptionUnlessAllowed) {
  auto refused = send(Method::get, "", {.redirects = 5}, "https://a/");
  answer(moved(302, "http://a/"));
  EXPECT_EQ(refused.value().status, 302);
  auto allowed = send(Method::get, "", {.redirects = 5, .allow_downgrade = true}, "https://a/");
  answer(moved(302, "http://a/"));
  answer(ok_hello, 1);
  EXPECT_EQ(allowed.value().status, 200);
}

TEST_F(RedirectTest, NeedALocation) {
  auto none = send(Method::get, "", {.redirects = 5});
  answer("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(none.value().status, 302);
  for (const char* location : {"javascript:x", "http://user@b/", "//", "/a b"}) {
    auto malformed = send(Method::get, "", {.redirects = 5});
    answer(moved(302, location));
    EXPECT_EQ(malformed.error(), "UNAVAILABLE MALFORMED_RESPONSE") << location;
  }
}

TEST_F(RedirectTest, CannotRepeatABodyThatWasStreamed) {
  ClientRequest request;
  request.method = Method::post;
  request.url = "http://a/";
  request.stream = stream_of("body");
  auto call = begin(client().send(std::move(request), {.redirects = 5}));
  answer(moved(307, "/z"));
  EXPECT_EQ(call.value().status, 307);
}

}  // namespace
}  // namespace kit::http
