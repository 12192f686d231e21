// SPDX-License-Identifier: Apache-2.0
// What outlives what: handlers their connection, answers their handler, and a server the errors of
// what it calls.
#include <stdexcept>

#include "kit/http/server_test_support.hpp"
#include "kit/log/capture.hpp"
#include "kit/net/stream.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;

std::string get(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

constexpr std::string_view post_chunked =
    " HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Encrypted, as far as the server can see; what it knows of its peer goes with it.
class EncryptedStream final : public net::Stream {
 public:
  EncryptedStream(std::unique_ptr<net::Stream> inner, net::TlsPeer& peer)
      : inner_(std::move(inner)), peer_(peer) {}
  ~EncryptedStream() override { peer_ = {}; }
  net::IoResult read(std::span<char> into) override { return inner_->read(into); }
  net::IoResult write(std::span<const std::string_view> parts) override {
    return inner_->write(parts);
  }
  void watch(ReadinessHandler& handler) override { inner_->watch(handler); }
  void shutdown_write() override { inner_->shutdown_write(); }
  void abort() override { inner_->abort(); }
  std::string_view peer() const override { return inner_->peer(); }
  const net::TlsPeer* tls() const override { return &peer_; }

 private:
  std::unique_ptr<net::Stream> inner_;
  net::TlsPeer& peer_;
};

/// Puts what it serves behind TLS.
class Encryption final : public net::AcceptHandler {
 public:
  Encryption(Server& server, net::TlsPeer& peer) : server_(server), peer_(peer) {}
  void on_accept(std::unique_ptr<net::Stream> stream) override {
    server_.on_accept(std::make_unique<EncryptedStream>(std::move(stream), peer_));
  }

 private:
  Server& server_;
  net::TlsPeer& peer_;
};

/// Ends at once; remembers under which deadline it was read.
class Hurried final : public BodyReader {
 public:
  explicit Hurried(Clock::time_point& deadline) : deadline_(deadline) {}
  Task<std::string_view> read() override {
    deadline_ = Context::current_deadline();
    co_return std::string_view();
  }

 private:
  Clock::time_point& deadline_;
};

class Patient final : public Upgrade {
 public:
  std::string_view protocol() const override { return "patient"; }
  Task<> run(net::AsyncStream&) override { co_await sleep_for(24h); }
};

class Breaking final : public RequestGuard {
 public:
  std::optional<Error> admit(const Request&, const Router::Route&, Admission&) const override {
    throw std::runtime_error("secret of the guard");
  }
};

class LifetimeTest : public ServerTest {
 protected:
  LifetimeTest() {
    RouteOptions streams;
    streams.consumes = {"text/plain"};
    streams.streams_body = true;
    const auto add = [&](Method method, std::string_view path, Handler handler,
                         RouteOptions route = {}) {
      ASSERT_TRUE(router.add(method, path, std::move(handler), std::move(route)).ok());
    };
    add(Method::get, "/who", [this](Request& request) -> Task<Response> {
      const net::TlsPeer* const tls = request.tls;
      auto wait = sleep_for(1h);
      const Result<> waited = co_await as_result(wait);
      EXPECT_FALSE(waited.ok());
      subject = tls->subject;
      co_return Response{};
    });
    add(Method::get, "/hurried", [this](Request&) -> Task<Response> {
      Response response;
      response.stream = std::make_unique<Hurried>(stream_deadline);
      co_return response;
    });
    add(Method::get, "/patient-protocol", [](Request&) -> Task<Response> {
      Response response;
      response.upgrade = std::make_unique<Patient>();
      co_return response;
    });
    add(
        Method::post, "/finishes",
        [this](Request& request) -> Task<Response> {
          Context outside{Context::Detached{}};
          Context::Scope scope(outside);
          const Result<std::string_view> piece = co_await as_result(request.stream->read());
          scope.leave();
          ++finished;
          if (!piece.ok()) cancelled_with = std::string(name(piece.error().code()));
          co_return Response{};
        },
        streams);
    add(
        Method::post, "/copies",
        [](Request& request) -> Task<Response> {
          Response response;
          response.stream = stream_from([&request](BodyWriter& out) { return copy(request, out); });
          co_return response;
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

  std::string subject;
  Clock::time_point stream_deadline{};
};

TEST_F(LifetimeTest, AHandlerKnowsItsPeerWithoutItsConnection) {
  serve();
  net::TlsPeer peer;
  peer.subject = "CN=worker,O=Example with a long name";
  Encryption encryption(*server, peer);
  testing::MemoryClient client(loop, encryption);
  client.send(get("/who"));
  run();
  client.reset();
  run();
  EXPECT_EQ(server->connections(), 0U);
  EXPECT_EQ(peer.subject, "") << "the stream is gone";
  EXPECT_EQ(subject, "CN=worker,O=Example with a long name");
}

TEST_F(LifetimeTest, TheDeadlineOfAHandlerIsNotThatOfItsAnswer) {
  exchange(get("/hurried"));
  EXPECT_EQ(stream_deadline, Clock::time_point::max());
}

TEST_F(LifetimeTest, ABodyEndsForAHandlerThatCannotBeCancelled) {
  auto client = connect();
  client->send("POST /finishes" + std::string(post_chunked));
  run();
  client->reset();
  run();
  EXPECT_EQ(finished, 1);
  EXPECT_EQ(cancelled_with, "CANCELLED");
}

TEST_F(LifetimeTest, ABodyThatIsOverdueEndsForAHandlerThatCannotBeCancelled) {
  exchange("POST /finishes" + std::string(post_chunked), 1min);
  EXPECT_EQ(finished, 1);
  EXPECT_EQ(cancelled_with, "DEADLINE_EXCEEDED");
}

TEST_F(LifetimeTest, AClientThatDoesNotTakeItsUpgradeIsCutOff) {
  log::Capture capture;
  options.connections = std::make_shared<ConnectionTable>(options.limits);
  auto client = connect({.capacity = 10});
  client->pause_reading(true);
  client->send(get("/patient-protocol"));
  loop.advance(options.limits.write_timeout - 1s);
  EXPECT_EQ(server->connections(), 1U);
  loop.advance(2s);
  EXPECT_EQ(server->connections(), 0U);
  EXPECT_EQ(options.connections->limit_counts().value(Limit::write_timeout), 1U);
  EXPECT_EQ(capture.lines().size(), 0U) << capture.lines()[0];
}

TEST_F(LifetimeTest, RequestsAreCountedWhileTheyAreUnderWay) {
  options.connections = std::make_shared<ConnectionTable>(options.limits);
  const LiveCounter& requests = options.connections->requests();
  auto answered = connect();
  auto gone = connect();
  EXPECT_EQ(requests.live(), 0);
  answered->send(get("/slow"));
  gone->send(get("/slow"));
  run();
  EXPECT_EQ(requests.live(), 2);
  gone.reset();
  loop.advance(1s);
  EXPECT_TRUE(has(answered->take(), "200 OK"));
  EXPECT_EQ(requests.live(), 0);
  EXPECT_EQ(requests.total(), 2U);
  answered->send(get("/slow"));
  run();
  EXPECT_EQ(requests.live(), 1);
  server.reset();
  EXPECT_EQ(requests.live(), 0);
}

TEST_F(LifetimeTest, TheBytesOfABodyAreTold) {
  exchange(
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
      "Content-Length: 7\r\n\r\n[1,2,3]");
  EXPECT_EQ(recorder.last_request_bytes, 7U);
  exchange(get("/"));
  EXPECT_EQ(recorder.last_request_bytes, 0U);
}

/// Closing a socket with something unread resets it, and what was sent last may be lost.
TEST_F(LifetimeTest, TheLastAnswerIsNotLostToARequestBehindIt) {
  options.limits.requests_per_connection = 1;
  auto client = connect();
  client->send(get("/slow"));
  run();
  client->send(get("/"));  // not read: the first is still served
  loop.advance(1s);
  EXPECT_TRUE(has(client->take(), "Connection: close\r\n"));
  EXPECT_TRUE(client->closed());
  EXPECT_EQ(server->connections(), 1U) << "it still listens";
  client->half_close();
  run();
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(LifetimeTest, AGuardThatThrowsRefuses) {
  const Breaking guard;
  options.guard = &guard;
  const std::string answer = exchange(get("/") + get("/"));
  EXPECT_EQ(count_of(answer, "HTTP/1.1 500 "), 2U) << answer;
  EXPECT_FALSE(has(answer, "secret"));
  ASSERT_EQ(recorder.errors.size(), 2U);
  EXPECT_TRUE(has(recorder.errors[0], "secret of the guard"));
}

TEST_F(LifetimeTest, AMalformedBodyIsNoErrorOfTheAnswerMadeFromIt) {
  log::Capture capture;
  const std::string answer =
      exchange("POST /copies" + std::string(post_chunked) + "2\r\nok\r\nxyz\r\n");
  EXPECT_TRUE(has(answer, "\r\n\r\n2\r\nok")) << answer;
  EXPECT_FALSE(has(answer, "\r\n0\r\n\r\n")) << "it is not whole";
  EXPECT_TRUE(last_closed);
  EXPECT_EQ(capture.lines().size(), 0U) << capture.lines()[0];
  EXPECT_EQ(recorder.errors.size(), 1U);
}

}  // namespace
}  // namespace kit::http
