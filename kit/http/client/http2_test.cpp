// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <deque>

#include "kit/http/client/client_test_support.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;

/// A frame of a server of our own.
std::string frame(int type, int flags, std::uint32_t stream, std::string_view payload) {
  std::string text;
  for (int shift : {16, 8, 0}) text.push_back(static_cast<char>(payload.size() >> shift));
  text.push_back(static_cast<char>(type));
  text.push_back(static_cast<char>(flags));
  for (int shift : {24, 16, 8, 0}) text.push_back(static_cast<char>(stream >> shift));
  return text.append(payload);
}

std::string number(std::uint32_t value) {
  std::string text;
  for (int shift : {24, 16, 8, 0}) text.push_back(static_cast<char>(value >> shift));
  return text;
}

/// Those of the server, and that it has seen ours.
const std::string settings = frame(4, 0, 0, {}) + frame(4, 1, 0, {});
std::string ok_head(std::uint32_t stream, bool ends = false) {
  return frame(1, ends ? 5 : 4, stream, "\x88");  // :status 200
}
std::string data(std::uint32_t stream, std::string_view bytes, bool ends = true) {
  return frame(0, ends ? 1 : 0, stream, bytes);
}
std::string reset(std::uint32_t stream, std::uint32_t code) {
  return frame(3, 0, stream, number(code));
}
std::string goaway(std::uint32_t last) {
  return frame(7, 0, 0, number(last) + number(0));
}

/// How many frames of a type there are in what was sent behind the preface.
std::size_t count(std::string_view sent, int type) {
  if (sent.starts_with("PRI ")) sent.remove_prefix(24);
  std::size_t found = 0;
  while (sent.size() >= 9) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(sent[at]); };
    const std::size_t size = byte(0) * 65536U + byte(1) * 256U + byte(2);
    if (byte(3) == type) ++found;
    sent.remove_prefix(std::min(sent.size(), 9 + size));
  }
  return found;
}
constexpr int reset_type = 3;
constexpr int window_type = 8;

class ClientHttp2Test : public ClientTest {
 protected:
  ClientHttp2Test() {
    options.http2 = Http2Use::prior_knowledge;
    options.retry.seed = 1;
  }
  void add_routes() {
    add(Method::get, "/echo/{x}", [](Request& request) {
      Response response;
      response.content_type = "text/plain";
      response.body = std::string(request.path) + " " +
                      std::string(request.header("x-mine").value_or("")) + " " +
                      std::string(request.header("host").value_or(""));
      return answered(std::move(response));
    });
    add(Method::post, "/echo",
        [](Request& request) {
          Response response;
          response.body = std::string(request.body);
          return answered(std::move(response));
        },
        {.consumes = {"text/plain"}});
    add(Method::get, "/large", [](Request&) {
      Response response;
      response.body = std::string(900'000, 'x');
      return answered(std::move(response));
    });
    add(Method::get, "/wait", [](Request&) -> Task<Response> {
      Sleep pause(1s);
      co_await pause;
      co_return Response();
    });
    serve();
  }
};

TEST_F(ClientHttp2Test, SharesOneConnection) {
  add_routes();
  for (bool one_byte : {false, true}) {
    connector.network.one_byte = one_byte;
    std::deque<Running<Response>> calls;
    for (int i = 0; i < 100; ++i) calls.emplace_back(loop, client().get("http://a/wait"));
    EXPECT_EQ(numbers().busy, 1);
    loop.advance(1s);
    for (auto& call : calls) EXPECT_EQ(call.value().status, 200);
    ClientRequest request;
    request.url = "http://a:81/echo/1";
    request.headers = {{"X-Mine", "1"}};
    auto other = begin(client().send(std::move(request)));
    EXPECT_EQ(other.value().body, "/echo/1 1 a:81");
    EXPECT_EQ(header(other.value(), "Content-Type"), "text/plain");
    EXPECT_EQ(numbers().opened, one_byte ? 4U : 2U);
    client().close_idle();
    run();
  }
  EXPECT_EQ(numbers().waiters, 0);
}

TEST_F(ClientHttp2Test, SendsAndReadsMoreThanTheWindows) {
  add_routes();
  ClientRequest request;
  request.method = Method::post;
  request.url = "http://a/echo";
  request.headers = {{"Content-Type", "text/plain"}};
  request.stream = stream_of(std::string(700'000, 'y'));
  auto post = begin(client().send(std::move(request)));
  EXPECT_EQ(post.value().body, std::string(700'000, 'y'));
  auto call = get("http://a/large", {.stream = true});
  Response response = std::move(call.value());
  EXPECT_EQ(response.stream->size(), 900'000U);
  Running<std::string> body(loop, read_all(*response.stream, 1'000'000));
  EXPECT_EQ(body.value(), std::string(900'000, 'x'));
  EXPECT_EQ(numbers().opened, 1U);
}

TEST_F(ClientHttp2Test, WindowsOpenAsTheReaderTakes) {
  auto call = get("http://a/", {.stream = true});
  answer(settings + ok_head(1));
  for (int i = 0; i < 16; ++i) answer(data(1, std::string(16'000, 'x'), false));
  peer().take();
  Response response = std::move(call.value());
  run();
  EXPECT_EQ(count(peer().take(), window_type), 0U);
  Running<std::string_view> first(loop, response.stream->read());
  EXPECT_EQ(first.value().size(), 256'000U);
  Running<std::string_view> second(loop, response.stream->read());
  EXPECT_GE(count(peer().take(), window_type), 1U);
  EXPECT_FALSE(second.done());
}

TEST_F(ClientHttp2Test, CancellationResetsTheStreamAlone) {
  auto first = get("http://a/1");
  auto second = get("http://a/2");
  answer(settings);
  peer().take();
  first.cancel();
  EXPECT_EQ(first.error(), "CANCELLED ");
  EXPECT_EQ(count(peer().take(), reset_type), 1U);
  answer(ok_head(3) + data(3, "hello"));
  EXPECT_EQ(second.value().body, "hello");
  auto unread = get("http://a/3", {.stream = true});
  answer(ok_head(5) + data(5, "some", false));
  peer().take();
  loop.post([&] { unread.value().stream.reset(); });
  run();
  EXPECT_EQ(count(peer().take(), reset_type), 1U);
  auto late = begin(client().get("http://a/4"), 1s);
  loop.advance(1s);
  EXPECT_EQ(late.error(), "DEADLINE_EXCEEDED ");
  EXPECT_FALSE(peer().closed());
  EXPECT_EQ(numbers().opened, 1U);
  EXPECT_EQ(numbers().idle, 1);
}

TEST_F(ClientHttp2Test, SendsAgainWhatTheServerHasNotBegun) {
  auto first = post("one");
  auto second = post("two");
  answer(settings + goaway(1) + ok_head(1) + data(1, "hello"));
  EXPECT_EQ(first.value().body, "hello");
  loop.advance(1s);
  ASSERT_EQ(connector.peers.size(), 2U);
  answer(settings + reset(1, 7), 1);  // REFUSED_STREAM
  loop.advance(1s);
  const std::size_t last = connector.peers.size() - 1;
  answer(last == 1 ? ok_head(3) + data(3, "again") : settings + ok_head(1) + data(1, "again"),
         last);
  EXPECT_EQ(second.value().body, "again");
}

TEST_F(ClientHttp2Test, NeverSendsTwiceWhatMayHaveBeenDone) {
  auto call = post("once");
  answer(settings + reset(1, 2));  // INTERNAL_ERROR
  loop.advance(1s);
  EXPECT_EQ(call.error(), "UNAVAILABLE STREAM_RESET");
  auto lost = post("once");
  peer().half_close();
  loop.advance(1s);
  EXPECT_EQ(lost.error(), "UNAVAILABLE CONNECTION_LOST");
  EXPECT_EQ(connector.peers.size(), 1U);
}

TEST_F(ClientHttp2Test, HeedsHowMuchTheServerTakes) {
  options.pool.per_host = 1;
  auto first = get("http://a/1");
  answer(frame(4, 0, 0, std::string("\0\3", 2) + number(2)));  // MAX_CONCURRENT_STREAMS
  auto second = get("http://a/2");
  auto third = get("http://a/3");
  EXPECT_EQ(numbers().waiters, 1);
  answer(ok_head(1, true));
  EXPECT_EQ(first.value().status, 200);
  EXPECT_EQ(numbers().waiters, 0);
  answer(ok_head(3, true) + ok_head(5, true));
  EXPECT_EQ(second.value().status, 200);
  EXPECT_EQ(third.value().status, 200);
}

TEST_F(ClientHttp2Test, TakesAnAnswerThatComesBeforeTheEndOfTheRequest) {
  auto call = post(std::string(200'000, 'x'));
  answer(settings + ok_head(1) + data(1, "early"));
  EXPECT_EQ(call.value().body, "early");
  auto next = get("http://a/");
  answer(ok_head(3) + data(3, "hello"));
  EXPECT_EQ(next.value().body, "hello");
  EXPECT_EQ(connector.peers.size(), 1U);
}

TEST_F(ClientHttp2Test, LimitsEachStep) {
  options.retry.attempts = 0;
  auto silent = get("http://a/");
  loop.advance(10s);
  EXPECT_EQ(silent.error(), "DEADLINE_EXCEEDED RESPONSE_TIMEOUT");
  auto stalled = get("http://a/", {.stream = true});
  answer(settings + ok_head(3) + data(3, "x", false));
  Running<std::string> body(loop, read_all(*stalled.value().stream, 100));
  for (int i = 0; i < 29; ++i) {
    answer(data(3, "", false));  // no progress
    loop.advance(1s);
  }
  EXPECT_FALSE(body.done());
  loop.advance(1s);
  EXPECT_EQ(body.error(), "DEADLINE_EXCEEDED RESPONSE_TIMEOUT");
  options.timeout = 0ms;
  SendOptions patient;
  patient.timeout = 100s;
  auto taken = post(std::string(200'000, 'x'), patient);  // the server's window is 65 535
  loop.advance(30s);
  EXPECT_EQ(taken.error(), "DEADLINE_EXCEEDED SEND_TIMEOUT");
  EXPECT_EQ(connector.peers.size(), 1U);
}

TEST_F(ClientHttp2Test, LeavesHostileServers) {
  options.retry.attempts = 0;
  const auto refused = [&](std::string_view bytes) {
    auto call = get("http://a/");
    const std::size_t last = connector.peers.size() - 1;
    answer(bytes, last);
    return call.error();
  };
  EXPECT_EQ(refused("HTTP/1.1 400 Bad\r\n\r\n"), "UNAVAILABLE MALFORMED_RESPONSE");
  EXPECT_EQ(refused(settings + frame(5, 4, 1, number(2) + "\x88")),  // PUSH_PROMISE
            "UNAVAILABLE MALFORMED_RESPONSE");
  std::string pings;
  for (int i = 0; i < 70'000; ++i) pings += frame(6, 1, 0, "12345678");  // answers to none
  EXPECT_EQ(refused(settings + pings), "UNAVAILABLE MALFORMED_RESPONSE");
  std::string nothing;
  for (int i = 0; i < 120'000; ++i) nothing += data(1, "", false);
  EXPECT_EQ(refused(settings + ok_head(1) + nothing), "UNAVAILABLE MALFORMED_RESPONSE");
  std::string many;
  for (int i = 0; i < 201; ++i) many += "\x0f\x2e\x01x";  // a field of the static table
  EXPECT_EQ(refused(settings + frame(1, 5, 1, "\x88" + many)), "UNAVAILABLE MALFORMED_RESPONSE");
  run();
  for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(peer(i).closed()) << i;
}

TEST_F(ClientHttp2Test, LimitsHeaderBlocksWhoseEndNeverComes) {
  options.retry.attempts = 0;
  // A field of 100 bytes in each CONTINUATION: a head, then trailers.
  const std::string field = std::string("\x0f\x2e\x64") + std::string(100, 'x');
  const auto block = [&](std::uint32_t stream, std::size_t fields) {
    std::string text;
    for (std::size_t i = 0; i < fields; ++i) text += frame(9, 0, stream, field);
    return text;
  };
  auto head = get("http://a/");
  answer(settings + frame(1, 0, 1, "\x88") + block(1, 1'000));
  EXPECT_EQ(head.error(), "UNAVAILABLE MALFORMED_RESPONSE");
  run();
  peer().half_close();
  auto trailers = get("http://a/");
  answer(settings + ok_head(1) + data(1, "x", false) + frame(1, 1, 1, "") + block(1, 20'000), 1);
  EXPECT_EQ(trailers.error(), "UNAVAILABLE MALFORMED_RESPONSE");
  auto interim = get("http://a/");
  std::string many = settings;
  for (int i = 0; i < 5'000; ++i) many += frame(1, 4, 1, std::string("\x08\x03") + "103");
  answer(many, 2);
  EXPECT_EQ(interim.error(), "UNAVAILABLE MALFORMED_RESPONSE");
}

TEST_F(ClientHttp2Test, DropsTrailersAndInterimAnswers) {
  auto call = get("http://a/");
  const std::string early = frame(1, 4, 1, std::string("\x08\x03") + "103");
  const std::string trailer = frame(1, 5, 1, std::string("\x00\x01x\x01y", 5));
  answer(settings + early + ok_head(1) + data(1, "hello", false) + trailer);
  EXPECT_EQ(call.value().status, 200);
  EXPECT_EQ(call.value().body, "hello");
  EXPECT_FALSE(header(call.value(), "x"));
}

TEST_F(ClientHttp2Test, IsChosenByTheServer) {
  options.http2 = Http2Use::negotiated;
  connector.protocol = "h2";
  auto first = get("https://a/");
  ASSERT_EQ(connector.endpoints.size(), 1U);
  EXPECT_EQ(connector.endpoints[0].application_protocols,
            (std::vector<std::string>{"h2", "http/1.1"}));
  answer(settings + ok_head(1) + data(1, "hello"));
  EXPECT_EQ(first.value().body, "hello");
  auto second = get("https://a/");
  auto third = get("https://a/");
  EXPECT_EQ(connector.peers.size(), 1U);
  connector.protocol = "http/1.1";
  auto other = get("https://b/");
  answer(ok_hello, 1);
  EXPECT_EQ(other.value().body, "hello");
  auto plain = get("http://a/");
  answer(ok_hello, 2);
  EXPECT_EQ(plain.value().body, "hello");
}

TEST_F(ClientHttp2Test, TasksMayBeDroppedAfterTheLoopHasEnded) {
  std::optional<Running<Response>> first(std::in_place, loop, client().get("http://a/1"));
  auto second = get("http://a/2");
  answer(settings);
  peer().reset();
  first.reset();  // outside of any loop: the other is not told
  EXPECT_FALSE(second.done());
}

TEST_F(ClientHttp2Test, ClosesWhatIsIdleAndNoticesItsEnd) {
  auto first = get("http://a/");
  answer(settings + ok_head(1, true));
  loop.advance(29'999ms);
  EXPECT_FALSE(peer().closed());
  loop.advance(1ms);
  EXPECT_TRUE(peer().closed());
  auto second = get("http://a/");
  answer(settings + ok_head(1, true) + goaway(1), 1);
  EXPECT_EQ(second.value().status, 200);
  auto third = get("http://a/");
  answer(settings + ok_head(1, true), 2);
  EXPECT_EQ(third.value().status, 200);
}

}  // namespace
}  // namespace kit::http
