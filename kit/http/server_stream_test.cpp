// SPDX-License-Identifier: Apache-2.0
// Bodies in pieces, both ways, and protocols that take over.
#include <array>

#include "kit/http/server_test_support.hpp"
#include "kit/net/async_stream.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view post_chunked =
    "POST /count HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nTransfer-Encoding: "
    "chunked\r\n\r\n";

std::string post_sized(std::string_view path, std::size_t size, std::string_view more = "") {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: " +
         std::to_string(size) + "\r\n" + std::string(more) + "\r\n";
}

std::string get(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

/// A body of a fixed size that may not be what it says.
class Announced final : public BodyReader {
 public:
  Announced(std::uint64_t says, std::string has) : says_(says), has_(std::move(has)) {}
  Task<std::string_view> read() override {
    given_ = std::exchange(has_, {});
    co_return std::string_view(given_);
  }
  std::optional<std::uint64_t> size() const override { return says_; }

 private:
  std::uint64_t says_;
  std::string has_;
  std::string given_;
};

/// Sends back what comes, in capital letters, until the client ends.
class Shout final : public Upgrade {
 public:
  explicit Shout(std::string& ended_with) : ended_with_(ended_with) {}
  std::string_view protocol() const override { return "shout"; }
  Task<> run(net::AsyncStream& stream) override {
    std::array<char, 64> buffer{};
    while (true) {
      auto reading = stream.read(buffer);
      const Result<std::size_t> count = co_await as_result(reading);
      if (!count.ok()) {
        ended_with_ = std::string(name(count.error().code()));
        co_return;
      }
      if (*count == 0) {
        ended_with_ = "end";
        co_return;
      }
      std::string text(buffer.data(), *count);
      for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      co_await stream.write(text);
    }
  }

 private:
  std::string& ended_with_;
};

struct Flag {
  bool& flag;
  ~Flag() { flag = true; }
};

class StreamTest : public ServerTest {
 protected:
  StreamTest() {
    add_answers();
    add_uploads();
  }

  void add(Method method, std::string_view path, Handler handler, RouteOptions route = {}) {
    ASSERT_TRUE(router.add(method, path, std::move(handler), std::move(route)).ok());
  }
  void add_stream(std::string_view path, Function<Task<>(BodyWriter&)> (*producer)(StreamTest*)) {
    add(Method::get, path, [this, producer](Request&) -> Task<Response> {
      Response response;
      response.content_type = "text/plain";
      response.stream = stream_from(producer(this));
      co_return response;
    });
  }
  static Task<> three_words(BodyWriter& out) {
    co_await out.write("one ");
    co_await sleep_for(1s);
    co_await out.write("two ");
    co_await out.write("");
    co_await out.write("three");
  }
  static Task<> breaks(BodyWriter& out) {
    co_await out.write("half");
    co_await Error(Code::internal, "secret cause");
  }
  Task<> million(BodyWriter& out) {
    Flag flag{dropped};
    const std::string piece(1000, 'p');
    while (pieces < 1000) {
      co_await out.write(piece);
      ++pieces;
    }
  }
  Task<> silent(BodyWriter& out) {
    Flag flag{dropped};
    co_await out.write("first");
    co_await sleep_for(24h);
  }

  void add_answers() {
    add_stream("/words", [](StreamTest*) -> Function<Task<>(BodyWriter&)> { return three_words; });
    add_stream("/breaks", [](StreamTest*) -> Function<Task<>(BodyWriter&)> { return breaks; });
    add_stream("/million", [](StreamTest* test) -> Function<Task<>(BodyWriter&)> {
      return [test](BodyWriter& out) { return test->million(out); };
    });
    add_stream("/silent", [](StreamTest* test) -> Function<Task<>(BodyWriter&)> {
      return [test](BodyWriter& out) { return test->silent(out); };
    });
    add(Method::get, "/sized/{says:int64}", [this](Request& request) -> Task<Response> {
      Response response;
      response.stream = std::make_unique<Announced>(
          std::stoull(std::string(request.path_parameters[0])), sized_body);
      co_return response;
    });
    add(Method::get, "/shout", [this](Request&) -> Task<Response> {
      Response response;
      response.upgrade = std::make_unique<Shout>(upgrade_ended_with);
      co_return response;
    });
  }

  void add_uploads() {
    RouteOptions streams;
    streams.consumes = {"text/plain"};
    streams.max_body_bytes = 2'000'000;
    streams.streams_body = true;
    add(
        Method::post, "/count",
        [this](Request& request) -> Task<Response> {
          ++started;
          std::size_t total = 0;
          while (true) {
            auto reading = request.stream->read();
            const Result<std::string_view> piece = co_await as_result(std::move(reading));
            if (!piece.ok()) {
              cancelled_with = std::string(name(piece.error().code()));
              co_return piece.error().clone();
            }
            if (piece->empty()) break;
            total += piece->size();
            received += piece->size();
            if (pause > 0s) co_await sleep_for(pause);
          }
          Response response;
          response.body = "read " + std::to_string(total) + " of " +
                          (request.stream->size() ? std::to_string(*request.stream->size()) : "?");
          co_return response;
        },
        streams);
    add(
        Method::post, "/echo-stream",
        [](Request& request) -> Task<Response> {
          Response response;
          response.stream = stream_from([&request](BodyWriter& out) { return copy(request, out); });
          co_return response;
        },
        streams);
    add(
        Method::post, "/refuses",
        [](Request&) -> Task<Response> {
          Response response;
          response.status = 403;
          co_return response;
        },
        streams);
    add(
        Method::post, "/never-reads",
        [this](Request&) -> Task<Response> {
          Flag flag{dropped};
          co_await sleep_for(1h);
          co_return Response{};
        },
        streams);
  }
  static Task<> copy(Request& request, BodyWriter& out) {
    while (true) {
      const std::string_view piece = co_await request.stream->read();
      if (piece.empty()) co_return;
      co_await out.write(piece);
    }
  }

  int pieces = 0;
  bool dropped = false;
  std::size_t received = 0;
  Clock::duration pause{0};
  std::string sized_body = "0123456789";
  std::string upgrade_ended_with;
};

TEST_F(StreamTest, SendsPiecesAsTheyCome) {
  auto client = connect();
  client->send(get("/words"));
  run();
  const std::string first = client->take();
  EXPECT_TRUE(has(first, "Transfer-Encoding: chunked\r\n")) << first;
  EXPECT_FALSE(has(first, "Content-Length"));
  EXPECT_TRUE(first.ends_with("\r\n\r\n4\r\none ")) << first;
  loop.advance(1s);
  EXPECT_EQ(client->take(), "\r\n4\r\ntwo \r\n5\r\nthree\r\n0\r\n\r\n");
  client->send(get("/"));
  run();
  EXPECT_TRUE(client->take().ends_with("hello"));
  ASSERT_EQ(recorder.lines.size(), 2U);
  EXPECT_EQ(recorder.lines[0], "GET /words 200");
}

TEST_F(StreamTest, EveryByteAlone) {
  const std::string all = exchange(get("/words"), 1s, {.one_byte = true});
  EXPECT_TRUE(all.ends_with("4\r\none \r\n4\r\ntwo \r\n5\r\nthree\r\n0\r\n\r\n")) << all;
}

TEST_F(StreamTest, EndsWithTheConnectionForHttp10) {
  const std::string all = exchange("GET /words HTTP/1.0\r\n\r\n", 2s);
  EXPECT_FALSE(has(all, "Transfer-Encoding")) << all;
  EXPECT_TRUE(has(all, "Connection: close\r\n"));
  EXPECT_TRUE(all.ends_with("\r\n\r\none two three"));
  EXPECT_TRUE(last_closed);
}

TEST_F(StreamTest, HeadHasNoBody) {
  const std::string all = exchange("HEAD /words HTTP/1.1\r\nHost: a\r\n\r\n" + get("/"), 2s);
  EXPECT_TRUE(has(all, "Transfer-Encoding: chunked\r\n")) << all;
  EXPECT_FALSE(has(all, "one "));
  EXPECT_TRUE(all.ends_with("hello"));
}

TEST_F(StreamTest, ASizedStreamHasItsLength) {
  const std::string all = exchange(get("/sized/10") + get("/"));
  EXPECT_TRUE(has(all, "Content-Length: 10\r\n")) << all;
  EXPECT_TRUE(has(all, "\r\n\r\n0123456789HTTP/1.1 200 OK")) << all;
}

TEST_F(StreamTest, ABodyUnlikeItsAnnouncedSizeEndsTheConnection) {
  const std::string less = exchange(get("/sized/11") + get("/"));
  EXPECT_TRUE(less.ends_with("0123456789")) << less;
  EXPECT_TRUE(last_closed);
  const std::string more = exchange(get("/sized/9") + get("/"));
  EXPECT_TRUE(more.ends_with("\r\n\r\n")) << more;
  EXPECT_TRUE(last_closed);
  ASSERT_EQ(recorder.errors.size(), 2U);
}

TEST_F(StreamTest, AnErrorBreaksTheAnswerOff) {
  const std::string all = exchange(get("/breaks") + get("/"));
  EXPECT_TRUE(all.ends_with("4\r\nhalf")) << all;
  EXPECT_FALSE(has(all, "secret"));
  EXPECT_TRUE(last_closed);
  ASSERT_EQ(recorder.errors.size(), 1U);
  EXPECT_TRUE(has(recorder.errors[0], "secret cause"));
}

TEST_F(StreamTest, AnAnswerThatBreaksOffLeavesThoseBeforeIt) {
  testing::MemoryNetworkOptions network;
  network.capacity = 1000;
  auto client = connect(network);
  client->pause_reading(true);
  client->send(get("/sized/10") + get("/words") + get("/breaks"));
  loop.advance(2s);
  client->send(get("/breaks"));
  loop.advance(1s);
  client->pause_reading(false);
  run();
  const std::string all = client->take();
  EXPECT_TRUE(has(all, "0123456789HTTP/1.1")) << all;
  EXPECT_TRUE(has(all, "three\r\n0\r\n\r\nHTTP/1.1")) << all;
  EXPECT_TRUE(all.ends_with("4\r\nhalf")) << all;
  EXPECT_TRUE(client->closed());
  // The same in one read, with more than fits in flight before what breaks.
  const std::string both = exchange(get("/static") + get("/breaks"), 0s, network);
  EXPECT_TRUE(has(both, big));
  EXPECT_TRUE(both.ends_with("4\r\nhalf"));
}

TEST_F(StreamTest, ABodyOfNothingCanBeRead) {
  const std::string sized = exchange(post_sized("/count", 0));
  EXPECT_TRUE(has(sized, "read 0 of 0")) << sized;
  const std::string none = exchange("POST /count HTTP/1.1\r\nHost: a\r\n\r\n" + get("/"));
  EXPECT_TRUE(has(none, "read 0 of 0")) << none;
  EXPECT_TRUE(none.ends_with("hello"));
  const std::string chunked = exchange(std::string(post_chunked) + "0\r\n\r\n");
  EXPECT_TRUE(has(chunked, "read 0 of ?")) << chunked;
}

TEST_F(StreamTest, AnHttp10ClientSeesThatAnAnswerBrokeOff) {
  auto whole = connect();
  whole->send("GET /words HTTP/1.0\r\n\r\n");
  loop.advance(2s);
  EXPECT_TRUE(whole->closed());
  EXPECT_FALSE(whole->broken());
  auto client = connect();
  client->send("GET /breaks HTTP/1.0\r\n\r\n");
  run();
  EXPECT_TRUE(client->take().ends_with("half"));
  EXPECT_TRUE(client->broken());
}

TEST_F(StreamTest, ASlowReaderSlowsTheProducer) {
  auto client = connect();
  client->pause_reading(true);
  client->send(get("/million"));
  run();
  EXPECT_GT(pieces, 50);
  EXPECT_LT(pieces, 200);  // 64 KiB in flight, and what waits to be sent
  client->pause_reading(false);
  run();
  EXPECT_EQ(pieces, 1000);
  EXPECT_TRUE(client->take().ends_with("0\r\n\r\n"));
}

TEST_F(StreamTest, AReaderThatStopsIsCutOff) {
  options.connections = std::make_shared<ConnectionTable>(options.limits);
  auto client = connect();
  client->pause_reading(true);
  client->send(get("/million"));
  loop.advance(29s);
  EXPECT_EQ(server->connections(), 1U);
  loop.advance(2s);
  EXPECT_EQ(server->connections(), 0U);
  EXPECT_TRUE(dropped);
  EXPECT_EQ(options.connections->limit_counts().value(Limit::write_timeout), 1U);
}

TEST_F(StreamTest, AReaderThatDripsIsCutOff) {
  options.connections = std::make_shared<ConnectionTable>(options.limits);
  testing::MemoryNetworkOptions network;
  network.capacity = 100;
  auto client = connect(network);
  client->pause_reading(true);
  client->send(get("/big"));
  const auto start = loop.now();
  // 100 bytes every 10 s are always progress, and never 240 bytes a second.
  while (server->connections() > 0 && loop.now() - start < 1h) {
    client->pause_reading(false);  // takes what has arrived
    client->pause_reading(true);
    loop.advance(10s);
  }
  EXPECT_GT(loop.now() - start, 1min);
  EXPECT_LT(loop.now() - start, 2min);
  EXPECT_EQ(options.connections->limit_counts().value(Limit::answer_bytes_per_second), 1U);
}

TEST_F(StreamTest, AClientThatGoesAwayEndsASilentProducer) {
  auto client = connect();
  client->send(get("/silent"));
  loop.advance(1h);
  EXPECT_EQ(server->connections(), 1U);  // nothing to take is no fault
  client.reset();
  run();
  EXPECT_EQ(server->connections(), 0U);
  EXPECT_TRUE(dropped);
}

TEST_F(StreamTest, ABodyThatIsNotThereIsEmpty) {
  EXPECT_TRUE(exchange(post_sized("/count", 0)).ends_with("\r\n\r\nread 0 of 0"));
  EXPECT_TRUE(exchange("POST /count HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n\r\n")
                  .ends_with("\r\n\r\nread 0 of 0"));
}

TEST_F(StreamTest, ReadsABodyWhileItArrives) {
  auto client = connect();
  client->send(post_sized("/count", 10));
  run();
  EXPECT_EQ(started, 1);
  client->send("01234");
  run();
  EXPECT_EQ(received, 5U);
  client->send("56789" + get("/"));
  run();
  const std::string all = client->take();
  EXPECT_TRUE(has(all, "read 10 of 10")) << all;
  EXPECT_TRUE(all.ends_with("hello"));
}

TEST_F(StreamTest, ReadsChunksInAnyPieces) {
  for (bool one_byte : {false, true}) {
    const std::string all =
        exchange(std::string(post_chunked) + "3\r\nabc\r\n5;x=y\r\ndefgh\r\n0\r\n\r\n" + get("/"),
                 0s, {.one_byte = one_byte});
    EXPECT_TRUE(has(all, "read 8 of ?")) << all;
    EXPECT_TRUE(all.ends_with("hello"));
  }
}

TEST_F(StreamTest, ASlowHandlerSlowsTheSender) {
  pause = 1s;
  auto client = connect();
  client->send(post_sized("/count", 1'000'000) + std::string(1'000'000, 'u'));
  run();
  EXPECT_GT(client->unsent(), 700'000U);
  loop.advance(60s);
  EXPECT_TRUE(has(client->take(), "read 1000000 of 1000000"));
}

TEST_F(StreamTest, EchoesWhileTheBodyArrives) {
  const std::string body(300'000, 'e');
  const std::string all = exchange(post_sized("/echo-stream", body.size()) + body + get("/"));
  EXPECT_EQ(count_of(all, "e") > 300'000, true);
  EXPECT_TRUE(all.ends_with("hello"));
  auto client = connect();
  client->send(post_sized("/echo-stream", 6) + "abc");
  run();
  EXPECT_TRUE(client->take().ends_with("3\r\nabc"));
  client->send("def");
  run();
  EXPECT_EQ(client->take(), "\r\n3\r\ndef\r\n0\r\n\r\n");
}

TEST_F(StreamTest, LimitsAStreamedBody) {
  const std::string sized = exchange(post_sized("/count", 2'000'001));
  EXPECT_TRUE(sized.starts_with("HTTP/1.1 413 ")) << sized;
  EXPECT_EQ(started, 0);
  const std::string chunked = exchange(std::string(post_chunked) + "1e8480\r\n" +
                                       std::string(2'000'000, 'c') + "\r\n1\r\nx");
  EXPECT_TRUE(chunked.starts_with("HTTP/1.1 413 ")) << chunked;
  EXPECT_EQ(received, 2'000'000U);
  const std::string bad = exchange(std::string(post_chunked) + "2\r\nabc");
  EXPECT_TRUE(bad.starts_with("HTTP/1.1 400 ")) << bad;
}

TEST_F(StreamTest, ChecksTheTypeBeforeTheHandler) {
  const std::string all = exchange(
      "POST /count HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nTransfer-Encoding: "
      "chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n");
  EXPECT_EQ(started, 0);
  EXPECT_TRUE(all.starts_with("HTTP/1.1 415 ")) << all;
}

TEST_F(StreamTest, AsksForTheBodyWhenTheHandlerDoes) {
  auto client = connect();
  client->send(post_sized("/count", 3, "Expect: 100-continue\r\n"));
  run();
  EXPECT_EQ(client->take(), "HTTP/1.1 100 Continue\r\n\r\n");
  client->send("abc");
  run();
  EXPECT_TRUE(has(client->take(), "read 3 of 3"));
  client->send(post_sized("/refuses", 3, "Expect: 100-continue\r\n"));
  run();
  EXPECT_TRUE(client->take().starts_with("HTTP/1.1 403 "));
  loop.advance(3s);
  EXPECT_TRUE(client->closed());
}

TEST_F(StreamTest, EndsABodyThatDoesNotCome) {
  auto client = connect();
  client->send(post_sized("/count", 1000) + "start");
  loop.advance(4s);
  EXPECT_TRUE(client->take().empty());
  loop.advance(2s);  // 5 bytes in 5 s are less than 240 a second
  EXPECT_TRUE(client->take().starts_with("HTTP/1.1 408 "));
  EXPECT_EQ(cancelled_with, "DEADLINE_EXCEEDED");
  loop.advance(3s);
  EXPECT_TRUE(client->closed());
}

TEST_F(StreamTest, TheTimeOfABusyHandlerIsNotTheClients) {
  pause = 2s;  // twenty times: longer than the client would have
  auto client = connect();
  const std::string body(1'200'000, 's');
  client->send(post_sized("/count", body.size()) + body);
  loop.advance(120s);
  EXPECT_TRUE(has(client->take(), "read 1200000 of 1200000"));
}

TEST_F(StreamTest, AHandlerThatDoesNotReadIsOverdue) {
  auto client = connect();
  client->send(post_sized("/never-reads", 100) + "x");
  loop.advance(4s);
  EXPECT_TRUE(client->take().empty());
  loop.advance(1s);
  EXPECT_TRUE(client->take().starts_with("HTTP/1.1 504 "));
  EXPECT_TRUE(dropped);
}

TEST_F(StreamTest, AClientThatVanishesEndsTheHandlersRead) {
  auto client = connect();
  client->send(post_sized("/count", 100) + "x");
  run();
  client.reset();
  run();
  EXPECT_EQ(cancelled_with, "CANCELLED");
  EXPECT_EQ(server->connections(), 0U);
  ASSERT_EQ(recorder.lines.size(), 1U);
  EXPECT_EQ(recorder.lines[0], "POST /count 499");
}

TEST_F(StreamTest, HandsTheConnectionOver) {
  auto client = connect();
  client->send(get("/shout") + "early ");
  run();
  const std::string head = client->take();
  EXPECT_TRUE(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n")) << head;
  EXPECT_TRUE(has(head, "Connection: Upgrade\r\nUpgrade: shout\r\n"));
  EXPECT_FALSE(has(head, "Content-Length"));
  EXPECT_TRUE(head.ends_with("\r\n\r\nEARLY ")) << head;
  client->send("late");
  loop.advance(1h);
  EXPECT_EQ(client->take(), "LATE");
  EXPECT_EQ(server->connections(), 1U);
  client->half_close();
  run();
  EXPECT_EQ(upgrade_ended_with, "end");
  EXPECT_EQ(server->connections(), 0U);
  EXPECT_TRUE(client->closed());
}

TEST_F(StreamTest, DrainingAwaitsTheNextRequestAfterAStreamThatPromisedIt) {
  auto client = connect();
  client->send(get("/words"));
  run();
  auto draining = server->drain(10s);
  loop.post([&] { draining.start([](void*) {}, nullptr); });
  loop.advance(1s);
  EXPECT_FALSE(has(client->take(), "Connection: close\r\n"));
  client->send(get("/"));
  run();
  EXPECT_TRUE(has(client->received(), "Connection: close\r\n"));
  EXPECT_TRUE(client->closed());
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(StreamTest, DrainingEndsWhatTookOver) {
  auto client = connect();
  client->send(get("/shout"));
  run();
  auto draining = server->drain(10s);
  loop.post([&] { draining.start([](void*) {}, nullptr); });
  loop.advance(1s);
  EXPECT_EQ(upgrade_ended_with, "CANCELLED");
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(StreamTest, DestroyingTheServerEndsWhatTookOver) {
  auto client = connect();
  client->send(get("/shout"));
  run();
  server.reset();
  run();
  EXPECT_TRUE(client->closed());
}

TEST_F(StreamTest, Http10CannotChangeTheProtocol) {
  EXPECT_TRUE(exchange("GET /shout HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 400 "));
}

}  // namespace
}  // namespace kit::http
