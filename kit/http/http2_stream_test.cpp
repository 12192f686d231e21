// SPDX-License-Identifier: Apache-2.0
// Bodies of HTTP/2 both ways, flow control, cancellation, deadlines, drain.
#include <algorithm>
#include <optional>

#include "kit/http/http2_test_support.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;

class Counted {
 public:
  explicit Counted(int& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  int& count_;
};

class Http2StreamTest : public Http2Test {
 protected:
  Http2StreamTest() {
    add_uploads();
    add_answers();
  }
  void add_uploads() {
    RouteOptions upload;
    upload.consumes = {"text/plain"};
    upload.streams_body = true;
    upload.max_body_bytes = 8 * 1024 * 1024;
    add(
        Method::post, "/count",
        [this](Request& request) -> Task<Response> {
          Response response;
          while (true) {
            const std::string_view piece = co_await request.stream->read();
            if (piece.empty()) break;
            counted += piece.size();
            most_piece = std::max(most_piece, piece.size());
            if (pause > 0s) co_await sleep_for(pause);
          }
          response.body = std::to_string(counted);
          co_return response;
        },
        upload);
    add(
        Method::post, "/echo-stream",
        [](Request& request) -> Task<Response> {
          Response response;
          BodyReader* const body = request.stream;
          response.stream = stream_from([body](BodyWriter& out) -> Task<> {
            while (true) {
              const std::string_view piece = co_await body->read();
              if (piece.empty()) co_return;
              co_await out.write(piece);
            }
          });
          co_return response;
        },
        upload);
    add(
        Method::post, "/early",
        [](Request&) -> Task<Response> {
          Response response;
          response.status = 403;
          response.body = "no";
          co_return response;
        },
        upload);
  }
  void add_answers() {
    add(Method::get, "/words", [this](Request&) -> Task<Response> {
      Response response;
      response.stream = stream_from([this](BodyWriter& out) -> Task<> {
        const Counted counted_producer(producers);
        co_await out.write("one ");
        co_await sleep_for(1s);
        co_await out.write("two");
      });
      co_return response;
    });
    add(Method::get, "/ticks", [](Request&) -> Task<Response> {
      Response response;
      response.stream = stream_from([](BodyWriter& out) -> Task<> {
        for (int i = 0; i < 10; ++i) {
          co_await out.write("t");
          co_await sleep_for(50s);
        }
      });
      co_return response;
    });
    add(Method::get, "/breaks", [](Request&) -> Task<Response> {
      Response response;
      response.stream = stream_from([](BodyWriter& out) -> Task<> {
        co_await out.write("half");
        co_await Error(Code::internal, "secret cause");
      });
      co_return response;
    });
    add(Method::get, "/pieces", [this](Request&) -> Task<Response> {
      Response response;
      response.stream = stream_from([this](BodyWriter& out) -> Task<> {
        const std::string piece(1000, 'p');
        for (pieces = 0; pieces < 1000; ++pieces) co_await out.write(piece);
      });
      co_return response;
    });
  }
  void add(Method method, std::string_view path, Handler handler, RouteOptions route = {}) {
    ASSERT_TRUE(router.add(method, path, std::move(handler), std::move(route)).ok());
  }

  void begin_drain() {
    loop.post([this] {
      drain.emplace(server->drain(10s));
      drained = drain->start([](void* flag) { *static_cast<bool*>(flag) = true; }, &drained);
    });
  }

  std::optional<Task<>> drain;
  bool drained = false;
  std::size_t counted = 0;
  std::size_t most_piece = 0;
  Clock::duration pause{};
  int pieces = 0;
  int producers = 0;
};

TEST_F(Http2StreamTest, CollectsBodies) {
  auto client = connect2();
  const auto at_limit = client.send("POST", "/small", "0123456789");
  const auto over = client.send("POST", "/small", "0123456789A");
  const auto large = client.send("POST", "/large", std::string(8 * 1024 * 1024, 'l'));
  client.run();
  EXPECT_EQ(client.answer(at_limit).status, 200);
  EXPECT_TRUE(has(client.answer(at_limit).body, "body=0123456789 "));
  EXPECT_EQ(client.answer(over).status, 413);
  EXPECT_EQ(client.answer(large).body, "8388608");
  // Announced, it is refused before it is there; the rest is not wanted.
  const auto announced = client.begin({{":method", "POST"},
                                       {":scheme", "http"},
                                       {":authority", "a"},
                                       {":path", "/small"},
                                       {"content-type", "text/plain"},
                                       {"content-length", "100000"}});
  client.run();
  EXPECT_EQ(client.answer(announced).status, 413);
  EXPECT_TRUE(client.answer(announced).closed);
  EXPECT_EQ(client.answer(announced).error_code, static_cast<std::uint32_t>(NGHTTP2_NO_ERROR));
  EXPECT_FALSE(client.closed());
}

TEST_F(Http2StreamTest, BodiesOfAConnectionAreBounded) {
  options.limits.http2_buffered_bytes = 100'000;
  auto client = connect2();
  const Fields post = {{":method", "POST"},
                       {":scheme", "http"},
                       {":authority", "a"},
                       {":path", "/large"},
                       {"content-type", "text/plain"}};
  const auto first = client.begin(post);
  client.send_body(first, std::string(60'000, 'a'), false);
  const auto second = client.begin(post);
  client.send_body(second, std::string(40'000, 'b'), false);
  client.run();
  EXPECT_EQ(client.answer(second).status, 0);
  client.send_body(second, "b", true);
  client.run();
  EXPECT_EQ(client.answer(second).status, 503);
  client.send_body(first, "a", true);
  client.run();
  EXPECT_EQ(client.answer(first).body, "60001");
}

TEST_F(Http2StreamTest, SaysContinue) {
  auto client = connect2();
  for (const char* path : {"/echo", "/count"}) {
    const auto stream = client.begin({{":method", "POST"},
                                      {":scheme", "http"},
                                      {":authority", "a"},
                                      {":path", path},
                                      {"content-type", "text/plain"},
                                      {"expect", "100-continue"}});
    client.run();
    EXPECT_EQ(client.answer(stream).interim, std::vector<int>{100});
    EXPECT_EQ(client.answer(stream).status, 0);
    client.send_body(stream, "abc", true);
    client.run();
    EXPECT_EQ(client.answer(stream).status, 200);
  }
}

TEST_F(Http2StreamTest, TrailersAreDropped) {
  auto client = connect();
  client->send(hello() +
               http2_frame(NGHTTP2_HEADERS, 4, 1,
                           http2_block({{":method", "POST"},
                                        {":scheme", "http"},
                                        {":authority", "a"},
                                        {":path", "/echo"},
                                        {"content-type", "text/plain"}})) +
               http2_frame(NGHTTP2_DATA, 0, 1, "abc") +
               http2_frame(NGHTTP2_HEADERS, 5, 1, http2_block({{"x-test", "trailer"}})));
  run();
  EXPECT_TRUE(has(client->received(), "body=abc "));
  EXPECT_FALSE(has(client->received(), "trailer"));
}

TEST_F(Http2StreamTest, AWindowOpensAsTheHandlerReads) {
  pause = 1s;
  auto client = connect2();
  const auto stream = client.send("POST", "/count", std::string(1'000'000, 'u'));
  client.run();
  EXPECT_LE(counted, 65'536U);
  client.run(2s);
  EXPECT_LE(counted, 4U * 65'536);
  EXPECT_EQ(client.answer(stream).status, 0);
  pause = 0s;
  client.run(1s);
  EXPECT_EQ(client.answer(stream).body, "1000000");
  EXPECT_LE(most_piece, 65'536U);
}

TEST_F(Http2StreamTest, WindowsOfUnreadBodiesAreGivenBack) {
  auto client = connect2();
  // More in all than the connection's window: what was refused must not keep it closed.
  for (int i = 0; i < 40; ++i) {
    const auto stream = client.send("POST", "/early", std::string(200'000, 'u'));
    client.run();
    EXPECT_EQ(client.answer(stream).status, 403);
    EXPECT_TRUE(client.answer(stream).closed);
  }
  const auto stream = client.send("POST", "/count", std::string(1'000'000, 'u'));
  client.run();
  EXPECT_EQ(client.answer(stream).body, "1000000");
}

TEST_F(Http2StreamTest, ABodyThatIsNotThereIsEmpty) {
  auto client = connect2();
  const auto stream = client.send("POST", "/count", {}, {{"content-type", "text/plain"}});
  client.run();
  EXPECT_EQ(client.answer(stream).body, "0");
}

TEST_F(Http2StreamTest, BodiesFlowBothWaysAtOnce) {
  auto client = connect2();
  const auto stream = client.begin({{":method", "POST"},
                                    {":scheme", "http"},
                                    {":authority", "a"},
                                    {":path", "/echo-stream"},
                                    {"content-type", "text/plain"}});
  client.send_body(stream, "ping", false);
  client.run();
  EXPECT_EQ(client.answer(stream).body, "ping");
  client.send_body(stream, " pong", true);
  client.run();
  EXPECT_EQ(client.answer(stream).body, "ping pong");
  EXPECT_TRUE(client.answer(stream).ended);
}

TEST_F(Http2StreamTest, StreamsAnswers) {
  auto client = connect2();
  const auto stream = client.get("/words");
  const auto head = client.send("HEAD", "/words");
  client.run();
  EXPECT_EQ(client.answer(stream).body, "one ");
  EXPECT_FALSE(client.answer(stream).ended);
  EXPECT_TRUE(client.answer(head).ended);
  client.run(1s);
  EXPECT_EQ(client.answer(stream).body, "one two");
  EXPECT_TRUE(client.answer(stream).ended);
  EXPECT_EQ(client.answer(stream).field("content-length"), "(none)");
  EXPECT_EQ(client.answer(stream).field("transfer-encoding"), "(none)");
  EXPECT_EQ(recorder.lines, (std::vector<std::string>{"HEAD /words 200", "GET /words 200"}));
}

TEST_F(Http2StreamTest, ASlowProducerIsNotASlowPeer) {
  Http2Client::Options narrow;
  narrow.stream_window = 3;
  narrow.opens_windows = false;
  auto client = connect2(narrow);
  const auto stream = client.get("/ticks");
  client.run(100s);
  EXPECT_EQ(client.answer(stream).body, "ttt");
  client.run(29s);  // it has 30 since the window closed, whatever was before
  EXPECT_FALSE(client.answer(stream).closed);
  client.take(stream, 3);
  for (int i = 0; i < 8; ++i) {
    client.run(50s);
    client.take(stream, 1);
  }
  EXPECT_EQ(client.answer(stream).body, "tttttttttt");
  EXPECT_TRUE(client.answer(stream).ended);
}

TEST_F(Http2StreamTest, AnAnswerThatBreaksOffIsReset) {
  auto client = connect2();
  const auto stream = client.get("/breaks");
  client.run();
  EXPECT_EQ(client.answer(stream).body, "half");
  EXPECT_FALSE(client.answer(stream).ended);
  EXPECT_EQ(client.answer(stream).error_code, static_cast<std::uint32_t>(NGHTTP2_INTERNAL_ERROR));
  EXPECT_FALSE(client.closed());
  EXPECT_EQ(recorder.errors.size(), 1U);
}

TEST_F(Http2StreamTest, ASlowReaderSlowsTheProducer) {
  Http2Client::Options slow;
  slow.opens_windows = false;
  auto client = connect2(slow);
  const auto stream = client.get("/pieces");
  client.run();
  EXPECT_EQ(client.answer(stream).body.size(), 65'535U);
  EXPECT_LE(pieces, 67);
  client.take(stream, 65'535);
  client.run();
  EXPECT_EQ(client.answer(stream).body.size(), 2 * 65'535U);
  EXPECT_LE(pieces, 133);
}

TEST_F(Http2StreamTest, AResetCancelsTheHandler) {
  auto client = connect2();
  const auto stuck = client.get("/stuck");
  const auto slow = client.get("/slow");
  client.run();
  EXPECT_EQ(started, 1);
  client.reset(stuck);
  client.run();
  EXPECT_EQ(finished, 1);
  EXPECT_EQ(cancelled_with, "CANCELLED");
  EXPECT_EQ(recorder.lines, (std::vector<std::string>{"GET /stuck 499"}));
  client.run(1s);
  EXPECT_EQ(client.answer(slow).status, 200);
}

TEST_F(Http2StreamTest, APieceThatWaitsGoesWithItsStream) {
  Http2Client::Options closed;
  closed.stream_window = 1'000'000;
  closed.opens_windows = false;
  auto client = connect2(closed);
  const auto stream = client.get("/words");
  client.run();
  EXPECT_EQ(producers, 1);
  client.get("/big");  // leaves nothing of the connection's window
  client.run(1s);
  EXPECT_EQ(client.answer(stream).body, "one ");
  client.reset(stream);
  client.run();
  EXPECT_EQ(recorder.lines, (std::vector<std::string>{"GET /big 200", "GET /words 499"}));
  EXPECT_EQ(producers, 0);
}

TEST_F(Http2StreamTest, AGoneClientCancelsItsHandlers) {
  auto client = connect2();
  client.get("/stuck");
  client.get("/stuck");
  client.get("/words");
  client.run();
  EXPECT_EQ(started, 2);
  client.connection().reset();
  run();
  EXPECT_EQ(finished, 2);
  EXPECT_EQ(server->connections(), 0U);
  EXPECT_EQ(recorder.lines.size(), 3U);
}

TEST_F(Http2StreamTest, DeadlinesAreEachStreams) {
  auto client = connect2();
  const auto stuck = client.get("/stuck");
  client.run(2s);
  const auto hurried = client.get("/stuck", {{"grpc-timeout", "500m"}});
  client.run(499ms);
  EXPECT_EQ(client.answer(hurried).status, 0);
  client.run(1ms);
  EXPECT_EQ(client.answer(hurried).status, 504);
  EXPECT_EQ(client.answer(stuck).status, 0);
  client.run(2499ms);
  EXPECT_EQ(client.answer(stuck).status, 0);
  client.run(1ms);
  EXPECT_EQ(client.answer(stuck).status, 504);
  EXPECT_EQ(cancelled_with, "DEADLINE_EXCEEDED");
  EXPECT_FALSE(client.closed());
}

TEST_F(Http2StreamTest, BodiesHaveADeadline) {
  auto client = connect2();
  const Fields post = {{":method", "POST"},
                       {":scheme", "http"},
                       {":authority", "a"},
                       {":path", "/echo"},
                       {"content-type", "text/plain"}};
  const auto silent = client.begin(post);
  Fields open = post;
  open[3].second = "/count";
  const auto awaited = client.begin(open);
  client.run(4999ms);
  EXPECT_EQ(client.answer(silent).status, 0);
  client.run(1ms);
  EXPECT_EQ(client.answer(silent).status, 408);
  EXPECT_EQ(client.answer(awaited).status, 408);
  EXPECT_FALSE(client.closed());
}

TEST_F(Http2StreamTest, DrainsInTwoSteps) {
  auto client = connect2();
  const auto slow = client.get("/slow");
  client.run();
  begin_drain();
  const auto crossing = client.get("/");  // on its way when the notice comes
  client.run();
  EXPECT_EQ(client.goaways, 2);
  EXPECT_EQ(client.goaway_last, crossing);
  EXPECT_EQ(client.goaway_code, 0U);
  EXPECT_EQ(client.answer(crossing).status, 200);
  EXPECT_FALSE(drained);
  client.run(1s);
  EXPECT_EQ(client.answer(slow).status, 200);
  EXPECT_TRUE(client.closed());
  client.run(2s);  // it was let read the end
  EXPECT_TRUE(drained);
}

TEST_F(Http2StreamTest, ServesNothingBehindTheLastStreamThatItNames) {
  int late = 0;
  add(Method::get, "/late", [&late](Request&) {
    ++late;
    return answered(Response());
  });
  auto client = connect();
  client->send(hello() + get_frame(1, "/slow"));
  run();
  begin_drain();
  run();
  // The request comes with what lets the server name the last stream, before that is said.
  const std::string seen = http2_frame(NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, std::string(8, '\0'));
  client->send(seen + get_frame(3, "/late"));
  run();
  EXPECT_EQ(late, 0);
  bool named = false;
  for (const Frame& frame : frames_of(client->received())) {
    named |= frame.type == NGHTTP2_GOAWAY && frame.payload.starts_with(big_endian(1, 4));
  }
  EXPECT_TRUE(named);
}

TEST_F(Http2StreamTest, DrainDoesNotWaitForSilentClients) {
  auto client = connect();
  client->send(hello());
  run();
  begin_drain();
  run();
  EXPECT_FALSE(client->closed());
  loop.advance(1s);
  EXPECT_TRUE(client->closed());
  EXPECT_EQ(goaway_code(client->received()), NGHTTP2_NO_ERROR);
  loop.advance(2s);
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(Http2StreamTest, TellsClientsToMoveBeforeADrain) {
  auto client = connect();
  client->send(hello());
  run();
  server->close_after_answers();
  client->send(get_frame(1, "/"));
  run();
  auto goaways = [](const std::string& bytes) {
    std::string last_streams;
    for (const Frame& frame : frames_of(bytes)) {
      if (frame.type == NGHTTP2_GOAWAY) last_streams += frame.payload.substr(0, 4);
    }
    return last_streams;
  };
  const std::string first = client->take();
  EXPECT_TRUE(has(first, "hello"));
  EXPECT_EQ(goaways(first), big_endian(0x7FFFFFFF, 4));
  EXPECT_FALSE(client->closed());
  client->send(http2_frame(NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, std::string(8, '\0')));
  run();
  EXPECT_EQ(goaways(client->take()), big_endian(1, 4));
  EXPECT_TRUE(client->closed());
}

TEST_F(Http2StreamTest, EndsWhileHandlersWait) {
  auto client = connect2();
  client.get("/stuck");
  client.run();
  server.reset();
  run();
  EXPECT_EQ(started, 1);
  EXPECT_EQ(finished, 0);
}

}  // namespace
}  // namespace kit::http
