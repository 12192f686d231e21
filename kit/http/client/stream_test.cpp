// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include "kit/http/client/client_test_support.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;

/// Gives numbered pieces; counts how many were asked for.
class Pieces final : public BodyReader {
 public:
  Pieces(int count, std::size_t piece_size, int& read)
      : count_(count), piece_(piece_size, 'p'), read_(read) {}
  Task<std::string_view> read() override {
    if (read_ == count_) co_return std::string_view();
    ++read_;
    if (read_ == fails_at) co_return Error(Code::data_loss, "torn").with_reason("TORN");
    co_return std::string_view(piece_);
  }
  std::optional<std::uint64_t> size() const override { return stated; }

  int fails_at = 0;
  std::optional<std::uint64_t> stated;

 private:
  int count_;
  std::string piece_;
  int& read_;
};

class ClientStreamTest : public ClientTest {
 protected:
  Running<Response> upload(std::unique_ptr<BodyReader> body, SendOptions send = {}) {
    ClientRequest request;
    request.method = Method::post;
    request.url = "http://a/";
    request.stream = std::move(body);
    return begin(client().send(std::move(request), send));
  }
  Running<std::string> collect(Response& response) {
    return Running<std::string>(loop, read_all(*response.stream, 100'000'000));
  }
};

TEST_F(ClientStreamTest, AnswersComeInPieces) {
  auto call = get("http://a/", {.stream = true});
  answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  Response& response = call.value();
  ASSERT_NE(response.stream, nullptr);
  EXPECT_EQ(response.stream->size(), std::nullopt);
  Running<std::string_view> first(loop, response.stream->read());
  EXPECT_FALSE(first.done());
  answer("3\r\nabc\r\n");
  EXPECT_EQ(first.value(), "abc");
  Running<std::string_view> second(loop, response.stream->read());
  answer("2\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(second.value(), "de");
  Running<std::string_view> end(loop, response.stream->read());
  EXPECT_EQ(end.value(), "");
  Running<std::string_view> still(loop, response.stream->read());
  EXPECT_EQ(still.value(), "");
  EXPECT_EQ(numbers().idle, 1);
}

TEST_F(ClientStreamTest, AnswersKnowTheirSize) {
  auto call = get("http://a/", {.stream = true});
  answer(ok_hello);
  EXPECT_EQ(call.value().stream->size(), 5U);
  auto all = collect(call.value());
  EXPECT_EQ(all.value(), "hello");
  EXPECT_EQ(numbers().idle, 1);
  auto none = get("http://a/", {.stream = true});
  answer("HTTP/1.1 204 \r\n\r\n");
  EXPECT_EQ(none.value().stream, nullptr);
  EXPECT_EQ(numbers().idle, 1);
}

TEST_F(ClientStreamTest, KeepsAConnectionWhoseBodyWasReadButNotItsEnd) {
  auto call = get("http://a/", {.stream = true});
  answer(ok_hello);
  Running<std::string_view> all(loop, call.value().stream->read());
  EXPECT_EQ(all.value(), "hello");
  call.value().stream.reset();
  EXPECT_EQ(numbers().idle, 1);
}

TEST_F(ClientStreamTest, ClosesAConnectionWhoseBodyNobodyRead) {
  auto call = get("http://a/", {.stream = true});
  answer(ok_hello);
  call.value().stream.reset();
  run();
  EXPECT_TRUE(peer().closed());
  EXPECT_EQ(numbers().idle + numbers().busy, 0);
}

TEST_F(ClientStreamTest, SlowReadersSlowTheServerDown) {
  connector.network.capacity = 64 * 1024;
  auto call = get("http://a/", {.stream = true});
  answer("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + std::string(10'000'000, 'x'));
  EXPECT_GT(peer().unsent(), 9'800'000U);
  loop.advance(1h);
  EXPECT_GT(peer().unsent(), 9'800'000U);
  auto all = collect(call.value());
  EXPECT_EQ(all.value().size(), 10'000'000U);
}

TEST_F(ClientStreamTest, ReportsABrokenBody) {
  auto call = get("http://a/", {.stream = true});
  answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  peer().half_close();
  auto all = collect(call.value());
  EXPECT_EQ(all.error(), "UNAVAILABLE CONNECTION_LOST");
  auto again = collect(call.value());
  EXPECT_EQ(again.error(), "UNAVAILABLE CONNECTION_LOST");
  EXPECT_EQ(numbers().idle + numbers().busy, 0);
  auto malformed = get("http://a/", {.stream = true});
  answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 1);
  auto body = collect(malformed.value());
  EXPECT_EQ(body.error(), "UNAVAILABLE MALFORMED_RESPONSE");
}

TEST_F(ClientStreamTest, NeverTakesAPartForTheWhole) {
  options.breaker.enabled = false;
  options.retry.attempts = 0;
  constexpr std::string_view chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nT: "
      "1\r\n\r\n";
  for (bool one_byte : {false, true}) {
    connector.network.one_byte = one_byte;
    for (std::string_view text : {ok_hello, chunked}) {
      for (std::size_t at = 0; at <= text.size(); ++at) {
        client().close_idle();
        const std::size_t index = connector.peers.size();
        auto call = get("http://a/", {.stream = true});
        answer(text.substr(0, at), index);
        peer(index).half_close();
        run();
        std::string error = call.error();
        if (error == "no error") {
          auto all = collect(call.value());
          error = all.error();
        }
        EXPECT_EQ(error, at < text.size() ? "UNAVAILABLE CONNECTION_LOST" : "no error")
            << text.substr(0, at);
      }
    }
  }
}

TEST_F(ClientStreamTest, LimitsWhenAsked) {
  auto call = get("http://a/", {.stream = true, .body_bytes = 4});
  answer(ok_hello);
  auto all = collect(call.value());
  EXPECT_EQ(all.error(), "RESOURCE_EXHAUSTED RESPONSE_TOO_LARGE");
  auto exact = get("http://a/", {.stream = true, .body_bytes = 5});
  answer(ok_hello, 1);
  auto body = collect(exact.value());
  EXPECT_EQ(body.value(), "hello");
}

TEST_F(ClientStreamTest, CancellingAReadClosesTheConnection) {
  auto call = get("http://a/", {.stream = true});
  answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  auto all = collect(call.value());
  EXPECT_FALSE(all.done());
  all.cancel();
  EXPECT_EQ(all.error(), "CANCELLED ");
  run();
  EXPECT_TRUE(peer().closed());
}

TEST_F(ClientStreamTest, CancellingInTheMiddleOfAWholeBodyClosesTheConnection) {
  auto call = get("http://a/");
  answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  call.cancel();
  EXPECT_EQ(call.error(), "CANCELLED ");
  run();
  EXPECT_TRUE(peer().closed());
}

TEST_F(ClientStreamTest, ADroppedReadSpoilsTheAnswer) {
  // In one of these turns the bytes are with the task that is dropped: whoever reads on must not
  // miss them.
  bool read = false;
  for (int turns = 0; !read; ++turns) {
    ASSERT_LT(turns, 10);
    auto call = get("http://a/", {.stream = true});
    testing::MemoryClient& peer = *connector.peers.back();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
    run();
    Response response = std::move(call.value());
    std::optional<Running<std::string_view>> dropped(std::in_place, loop, response.stream->read());
    peer.send("hello");
    for (int turn = 0; turn < turns; ++turn) {
      loop.post([this] { loop.stop(); });
      loop.run();
    }
    read = dropped->done();
    loop.post([&] { dropped.reset(); });
    run();
    peer.send("world");
    Running<std::string_view> next(loop, response.stream->read());
    if (read) {
      EXPECT_EQ(next.value(), "world");
    } else {
      EXPECT_EQ(next.error(), "CANCELLED READ_DROPPED");
      run();
      EXPECT_TRUE(peer.closed());
    }
  }
}

TEST_F(ClientStreamTest, StreamsHaveNoTotalLimitButMustGoOn) {
  auto call = get("http://a/", {.stream = true});
  answer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
  auto all = collect(call.value());
  for (const char* piece : {"a", "b", "c"}) {
    loop.advance(29s);
    answer(piece);
  }
  EXPECT_FALSE(all.done());
  loop.advance(30s);
  EXPECT_EQ(all.error(), "DEADLINE_EXCEEDED RESPONSE_TIMEOUT");
}

TEST_F(ClientStreamTest, SendsInChunks) {
  auto call = upload(stream_from([](BodyWriter& out) -> Task<> {
    co_await out.write("abc");
    co_await sleep_for(1s);
    co_await out.write(std::string(17, 'x'));
  }));
  EXPECT_TRUE(peer().take().ends_with("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"));
  loop.advance(1s);
  EXPECT_EQ(peer().take(), "11\r\n" + std::string(17, 'x') + "\r\n0\r\n\r\n");
  answer(ok_hello);
  EXPECT_EQ(call.value().body, "hello");
  EXPECT_EQ(numbers().idle, 1);
}

TEST_F(ClientStreamTest, SendsALengthWhenItIsKnown) {
  int read = 0;
  auto body = std::make_unique<Pieces>(3, 2, read);
  body->stated = 6;
  auto call = upload(std::move(body));
  EXPECT_TRUE(peer().take().ends_with("Content-Length: 6\r\n\r\npppppp"));
  answer(ok_hello);
  EXPECT_EQ(call.value().body, "hello");
}

TEST_F(ClientStreamTest, RefusesABodyOfAnotherSizeThanStated) {
  for (std::uint64_t stated : {5U, 7U}) {
    int read = 0;
    auto body = std::make_unique<Pieces>(3, 2, read);
    body->stated = stated;
    auto call = upload(std::move(body));
    EXPECT_EQ(call.error(), "INTERNAL BODY_SIZE_WRONG") << stated;
  }
  EXPECT_EQ(numbers().idle + numbers().busy, 0);
}

TEST_F(ClientStreamTest, SlowServersSlowTheProducerDown) {
  int read = 0;
  connector.peers_read = false;
  auto call = upload(std::make_unique<Pieces>(1'000, 10'000, read));
  const int before = read;
  EXPECT_LT(before, 1'000);
  loop.advance(10s);
  EXPECT_EQ(read, before);
  peer().pause_reading(false);
  run();
  EXPECT_EQ(read, 1'000);
  answer(ok_hello);
  EXPECT_EQ(call.value().body, "hello");
}

TEST_F(ClientStreamTest, LimitsHowLongNothingIsTaken) {
  options.timeout = 0ms;
  connector.peers_read = false;
  int read = 0;
  auto call = upload(std::make_unique<Pieces>(1'000, 10'000, read));
  loop.advance(29'999ms);
  EXPECT_FALSE(call.done());
  loop.advance(1ms);
  EXPECT_EQ(call.error(), "DEADLINE_EXCEEDED SEND_TIMEOUT");
}

TEST_F(ClientStreamTest, GivesUpWhenTheProducerFails) {
  int read = 0;
  auto body = std::make_unique<Pieces>(10, 10, read);
  body->fails_at = 3;
  auto call = upload(std::move(body));
  EXPECT_EQ(call.error(), "DATA_LOSS TORN");
  run();
  EXPECT_TRUE(peer().closed());
  EXPECT_FALSE(contains(peer().received(), "0\r\n\r\n"));  // the server sees that it is not whole
}

TEST_F(ClientStreamTest, SeesAnAnswerThatComesBeforeTheEndOfTheRequest) {
  int read = 0;
  connector.peers_read = false;
  auto call = upload(std::make_unique<Pieces>(1'000, 10'000, read));
  answer("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(call.value().status, 413);
  EXPECT_EQ(call.value().body, "no");
  EXPECT_LT(read, 1'000);
  EXPECT_EQ(numbers().idle + numbers().busy, 0);
}

TEST_F(ClientStreamTest, BothBodiesFlowAtOnce) {
  auto call = upload(stream_from([](BodyWriter& out) -> Task<> {
                       for (int i = 0; i < 3; ++i) {
                         co_await out.write("ping");
                         co_await sleep_for(1s);
                       }
                     }),
                     {.stream = true});
  answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  Response& response = call.value();
  peer().take();
  for (int i = 0; i < 2; ++i) {
    Running<std::string_view> pong(loop, response.stream->read());
    EXPECT_FALSE(pong.done());
    loop.advance(1s);
    EXPECT_EQ(peer().take(), "4\r\nping\r\n");
    answer("4\r\npong\r\n");
    EXPECT_EQ(pong.value(), "pong");
  }
  loop.advance(1s);
  EXPECT_EQ(peer().take(), "0\r\n\r\n");
  answer("0\r\n\r\n");
  auto rest = collect(response);
  EXPECT_EQ(rest.value(), "");
  EXPECT_EQ(numbers().idle, 1);
}

TEST_F(ClientStreamTest, AProducerThatFailsEndsTheStreamedAnswerToo) {
  auto call = upload(stream_from([](BodyWriter& out) -> Task<> {
                       co_await out.write("ping");
                       co_await sleep_for(1s);
                       co_await Error(Code::data_loss, "torn").with_reason("TORN");
                     }),
                     {.stream = true});
  answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  auto all = collect(call.value());
  EXPECT_FALSE(all.done());
  loop.advance(1s);
  EXPECT_EQ(all.error(), "DATA_LOSS TORN");
}

TEST_F(ClientStreamTest, ABorrowedBodyIsSentBeforeTheCallEnds) {
  auto body = stream_from([](BodyWriter& out) -> Task<> {
    co_await out.write("ping");
    co_await sleep_for(1s);
  });
  Request request;
  request.method = Method::post;
  request.method_name = "POST";
  request.target = "http://a/";
  request.stream = body.get();
  auto call = begin(client().send(request, {.stream = true}));
  answer(ok_hello);
  EXPECT_FALSE(call.done());
  loop.advance(1s);
  ASSERT_TRUE(call.done());
  body.reset();
  auto all = collect(call.value());
  EXPECT_EQ(all.value(), "hello");
  EXPECT_EQ(numbers().idle, 1);

  auto refused_body = stream_from([](BodyWriter&) -> Task<> { co_await sleep_for(1h); });
  request.stream = refused_body.get();
  auto refused = begin(client().send(request, {.stream = true}));
  answer("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
  ASSERT_TRUE(refused.done());
  refused_body.reset();
  auto no = collect(refused.value());
  EXPECT_EQ(no.value(), "no");
}

TEST_F(ClientStreamTest, DroppingACallAnywhereLeavesNothingBehind) {
  connector.peers_read = false;
  for (int stage = 0; stage < 3; ++stage) {
    const std::size_t index = connector.peers.size();
    int read = 0;
    ClientRequest request;
    request.method = Method::post;
    request.url = "http://a/";
    request.stream = std::make_unique<Pieces>(1'000, 10'000, read);
    auto call = std::make_unique<Running<Response>>(
        loop, client().send(std::move(request), {.stream = true}));
    EXPECT_LT(read, 1'000);
    if (stage >= 1) answer("HTTP/1.1 200 OK\r\n", index);
    if (stage >= 2) answer("Content-Length: 10\r\n\r\nhalf", index);
    call.reset();
    run();
    EXPECT_EQ(numbers().busy + numbers().idle, 0) << stage;
    peer(index).pause_reading(false);
    EXPECT_TRUE(peer(index).closed()) << stage;
  }
}

}  // namespace
}  // namespace kit::http
