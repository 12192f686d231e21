// SPDX-License-Identifier: Apache-2.0
#include "kit/http/websocket.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/http/message_test_support.hpp"
#include "kit/testing/memory_network.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

const std::vector<Header> good_handshake{{"Host", "example.com"},
                                         {"Upgrade", "WebSocket"},
                                         {"Connection", "keep-alive, Upgrade"},
                                         {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
                                         {"Sec-WebSocket-Version", "13"}};

Task<> nothing(WebSocket&) {
  co_return;
}

std::vector<Header> with(std::string_view name, std::string_view value) {
  std::vector<Header> fields = good_handshake;
  std::erase_if(fields, [&](const Header& header) { return header.name == name; });
  if (!value.empty()) fields.push_back({name, value});
  return fields;
}

/// The status of the answer, or of the error.
int status_of(std::vector<Header> fields, const WebSocketOptions& options = {},
              Method method = Method::get) {
  const TestRequest request(method, std::move(fields));
  const Result<Response> response = accept_websocket(request, options, nothing);
  if (!response.ok()) return response.error().code() == Code::permission_denied ? 403 : 400;
  return response->upgrade ? 101 : response->status;
}

TEST(WebSocketHandshake, TheExampleOfTheStandard) {
  const TestRequest request(Method::get, good_handshake);
  const Result<Response> response = accept_websocket(request, {}, nothing);
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(field(*response, "Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(field(*response, "Sec-WebSocket-Protocol"), "");
  EXPECT_EQ(field(*response, "Sec-WebSocket-Extensions"), "");
  ASSERT_NE(response->upgrade, nullptr);
  EXPECT_EQ(response->upgrade->protocol(), "websocket");
}

TEST(WebSocketHandshake, ChecksEveryField) {
  EXPECT_EQ(status_of(good_handshake), 101);
  EXPECT_EQ(status_of(with("Upgrade", "")), 426);
  EXPECT_EQ(status_of(with("Upgrade", "h2c")), 426);
  EXPECT_EQ(status_of(with("Connection", "")), 400);
  EXPECT_EQ(status_of(with("Connection", "close")), 400);
  for (const char* version : {"", "8", "12", "14", "13, 8"})
    EXPECT_EQ(status_of(with("Sec-WebSocket-Version", version)), 426) << version;
  for (const char* key : {"", "abc", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQA=",
                          "dGhlIHNhbXBsZSBub25jZR==", "dGhlIHNhbXBsZSBub25j"}) {
    EXPECT_EQ(status_of(with("Sec-WebSocket-Key", key)), 400) << key;
  }
  std::vector<Header> twice = good_handshake;
  twice.push_back({"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="});
  EXPECT_EQ(status_of(twice), 400);
  EXPECT_EQ(status_of(good_handshake, {}, Method::post), 400);
}

TEST(WebSocketHandshake, SaysWhichVersionThereIs) {
  const TestRequest request(Method::get, with("Sec-WebSocket-Version", "8"));
  const Result<Response> response = accept_websocket(request, {}, nothing);
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(field(*response, "Sec-WebSocket-Version"), "13");
  EXPECT_EQ(response->upgrade, nullptr);
}

TEST(WebSocketHandshake, HoldsBackPagesOfOthers) {
  EXPECT_EQ(status_of(with("Origin", "https://example.com")), 101);
  EXPECT_EQ(status_of(with("Origin", "https://EXAMPLE.com")), 101);
  for (const char* other : {"https://evil.example", "https://example.com.evil.example", "null",
                            "https://example.com:8443", "example.com", "https://"}) {
    EXPECT_EQ(status_of(with("Origin", other)), 403) << other;
  }
  WebSocketOptions listed;
  listed.origins = {"https://app.example"};
  EXPECT_EQ(status_of(with("Origin", "https://app.example"), listed), 101);
  WebSocketOptions any;
  any.allow_any_origin = true;
  EXPECT_EQ(status_of(with("Origin", "null"), any), 101);
}

TEST(WebSocketHandshake, HoldsBackPagesInClearFromAnEncryptedServer) {
  const net::TlsPeer tls;
  const auto is_accepted = [&](std::string_view origin, const WebSocketOptions& options = {}) {
    TestRequest request(Method::get, with("Origin", origin));
    request.tls = &tls;
    return accept_websocket(request, options, nothing).ok();
  };
  EXPECT_TRUE(is_accepted("https://example.com"));
  EXPECT_FALSE(is_accepted("http://example.com"));
  WebSocketOptions options;
  options.origins = {"http://example.com"};
  EXPECT_TRUE(is_accepted("http://example.com", options));
}

TEST(WebSocketHandshake, AgreesOnTheServersFavouriteSubprotocol) {
  const auto agreed = [](const char* offered) {
    WebSocketOptions options;
    options.subprotocols = {"v2", "v1"};
    const TestRequest request(Method::get, with("Sec-WebSocket-Protocol", offered));
    const Result<Response> response = accept_websocket(request, options, nothing);
    return field(*response, "Sec-WebSocket-Protocol");
  };
  EXPECT_EQ(agreed("v1, v2"), "v2");
  EXPECT_EQ(agreed("v1"), "v1");
  EXPECT_EQ(agreed("V1, v3"), "");
}

/// A server's end, served by a handler, and a client's without a server between them.
class WebSocketTest : public ::testing::Test {
 protected:
  void connect(WebSocketHandler handler, const testing::MemoryNetworkOptions& network = {}) {
    auto pair = testing::make_memory_pair(loop_, network);
    server_.emplace(std::move(pair.first));
    client_.emplace(std::move(pair.second));
    const TestRequest request(Method::get, good_handshake);
    WebSocketOptions options;
    options.limits = limits_;
    Result<Response> response = accept_websocket(request, options, std::move(handler));
    ASSERT_TRUE(response.ok());
    upgrade_ = std::move(response->upgrade);
  }
  /// Serves the connection while `client` talks; the result of serving is in `served_`. The
  /// server's end is closed when it has ended, as the server does.
  Result<> serve_with(Task<> client) { return run(loop_, both(std::move(client))); }

  Task<> serve() {
    served_ = co_await as_result(upgrade_->run(*server_));
    ended_at_ = loop_.now();
    server_.reset();
  }
  Task<> serve_under(Context& context) {
    Context::Scope scope(context);
    served_ = co_await as_result(upgrade_->run(*server_));
    scope.leave();
    server_.reset();
  }
  Task<> both(Task<> client) {
    TaskGroup group("sides");
    group.spawn(serve());
    group.spawn(std::move(client));
    co_await group.join();
  }
  /// Sends bytes as they are and returns all that comes back.
  Task<> talk(std::string bytes, std::string* answer) {
    co_await client_->write(bytes);
    std::array<char, 4096> buffer;
    while (const std::size_t count = co_await client_->read(buffer))
      answer->append(buffer.data(), count);
  }
  std::string answer_to(std::string bytes) {
    std::string answer;
    EXPECT_TRUE(serve_with(talk(std::move(bytes), &answer)).ok());
    return answer;
  }
  static std::string masked(FrameOpcode opcode, std::string_view payload, bool is_final = true) {
    std::string out;
    FrameOptions options;
    options.is_final = is_final;
    options.mask = {9, 8, 7, 6};
    append_frame(out, opcode, payload, options);
    return out;
  }
  static std::string plain(FrameOpcode opcode, std::string_view payload) {
    std::string out;
    append_frame(out, opcode, payload);
    return out;
  }
  static std::string closing(std::uint16_t code, std::string_view reason = {}) {
    return plain(FrameOpcode::close, close_payload(code, reason));
  }

  static Task<> echo(WebSocket& socket) {
    while (true) {
      std::optional<WebSocketMessage> message = co_await socket.receive();
      if (!message) co_return;
      if (message->is_text) {
        co_await socket.send_text(std::move(message->data));
      } else {
        co_await socket.send_binary(std::move(message->data));
      }
    }
  }

  /// Receives beside a task that takes every turn it gets.
  static Task<> counts_turns(WebSocket& socket, int& turns, bool& is_over) {
    TaskGroup group("others");
    const auto other = [](int* count, const bool* end) -> Task<> {
      while (!*end) {
        co_await sleep_for(0s);
        ++*count;
      }
    };
    co_await sleep_for(1s);  // until all of it is there
    group.spawn(other(&turns, &is_over));
    const std::optional<WebSocketMessage> message = co_await socket.receive();
    EXPECT_FALSE(message);
    is_over = true;
    co_await group.join();
  }

  testing::VirtualLoop loop_;
  WebSocketLimits limits_;
  std::optional<net::AsyncStream> server_;
  std::optional<net::AsyncStream> client_;
  std::unique_ptr<Upgrade> upgrade_;
  Result<> served_;
  Clock::time_point ended_at_{};
};

TEST_F(WebSocketTest, EchoesAndCloses) {
  for (const bool one_byte : {false, true}) {
    testing::MemoryNetworkOptions network;
    network.one_byte = one_byte;
    connect(echo, network);
    EXPECT_EQ(answer_to(masked(FrameOpcode::text, "hel", false) + masked(FrameOpcode::ping, "?") +
                        masked(FrameOpcode::continuation, "lo") +
                        masked(FrameOpcode::binary, "\xff") + masked(FrameOpcode::pong, "") +
                        masked(FrameOpcode::close, close_payload(3000, "done"))),
              plain(FrameOpcode::pong, "?") + plain(FrameOpcode::text, "hello") +
                  plain(FrameOpcode::binary, "\xff") + closing(3000));
    EXPECT_TRUE(served_.ok());
  }
}

TEST_F(WebSocketTest, AnswersACloseWithoutACode) {
  connect(echo);
  EXPECT_EQ(answer_to(masked(FrameOpcode::close, "")), plain(FrameOpcode::close, ""));
}

TEST_F(WebSocketTest, TellsThePeerWhatItBroke) {
  connect(echo);
  EXPECT_EQ(answer_to("\x81\x01x"), closing(1002, "a frame of a client is not masked"));
  ASSERT_FALSE(served_.ok());
  EXPECT_EQ(served_.error().reason(), "WEBSOCKET_PROTOCOL");
  connect(echo);
  EXPECT_EQ(answer_to(masked(FrameOpcode::text, "\xff")), closing(1007, "a text is not UTF-8"));
  limits_.max_message_bytes = 4;
  connect(echo);
  EXPECT_EQ(answer_to(masked(FrameOpcode::text, "12345")),
            closing(1009, "the message is too large"));
}

TEST_F(WebSocketTest, AHandlerThatEndsClosesAndWaitsForTheGoodbye) {
  connect(nothing);
  EXPECT_EQ(answer_to(masked(FrameOpcode::text, "late") +
                      masked(FrameOpcode::close, close_payload(1000, ""))),
            closing(1000));
  EXPECT_TRUE(served_.ok());
}

TEST_F(WebSocketTest, AFailingHandlerCloses1011) {
  connect([](WebSocket&) -> Task<> { co_await Error(Code::internal, "broken"); });
  EXPECT_EQ(answer_to(masked(FrameOpcode::close, close_payload(1000, ""))), closing(1011));
  ASSERT_FALSE(served_.ok());
  EXPECT_EQ(served_.error().message(), "broken");
}

TEST_F(WebSocketTest, APeerThatSaysNoGoodbyeIsLeft) {
  connect(nothing);
  const auto begin = loop_.now();
  EXPECT_EQ(answer_to(""), closing(1000));
  EXPECT_EQ(ended_at_ - begin, limits_.close_timeout);
}

TEST_F(WebSocketTest, AConnectionThatEndsWithoutAGoodbyeIsAnError) {
  connect(echo);
  EXPECT_TRUE(serve_with([](net::AsyncStream* client) -> Task<> {
                client->shutdown_write();
                co_return;
              }(&*client_))
                  .ok());
  ASSERT_FALSE(served_.ok());
  EXPECT_EQ(served_.error().reason(), "CONNECTION_LOST");
}

TEST_F(WebSocketTest, ADeadPeerIsNoticed) {
  connect(echo);
  const auto begin = loop_.now();
  EXPECT_EQ(answer_to(""), plain(FrameOpcode::ping, ""));
  ASSERT_FALSE(served_.ok());
  EXPECT_EQ(served_.error().reason(), "PEER_SILENT");
  EXPECT_EQ(ended_at_ - begin, limits_.ping_interval + limits_.pong_timeout);
}

Task<> receive_until_closed(net::AsyncStream* stream, WebSocketLimits limits) {
  limits.ping_interval = {};
  WebSocket socket(*stream, WebSocketRole::client, limits);
  const std::optional<WebSocketMessage> message = co_await socket.receive();
  EXPECT_FALSE(message);
  EXPECT_EQ(socket.peer_close_code(), 1001);
}

TEST_F(WebSocketTest, ALivingPeerIsKeptAndCancellationSaysGoingAway) {
  connect(echo);
  Context context;
  const auto begin = loop_.now();
  Timer timer(
      [](void* cancelled) {
        static_cast<Context*>(cancelled)->cancel(Error(Code::cancelled, "shutting down"));
      },
      &context);
  loop_.start(timer, begin + 1h);
  const auto sides = [&]() -> Task<> {
    TaskGroup group("sides");
    group.spawn(serve_under(context));
    group.spawn(receive_until_closed(&*client_, limits_));
    co_await group.join();
  };
  EXPECT_TRUE(run(loop_, sides()).ok());
  EXPECT_EQ(loop_.now() - begin, 1h) << "the pongs kept it";
  ASSERT_FALSE(served_.ok());
  EXPECT_EQ(served_.error().code(), Code::cancelled);
}

Task<> chat(net::AsyncStream* stream, std::string large) {
  WebSocket socket(*stream, WebSocketRole::client, {});
  co_await socket.send_text(large);
  std::optional<WebSocketMessage> message = co_await socket.receive();
  EXPECT_TRUE(message && message->data == large);
  co_await socket.close(CloseCode::normal, "thanks");
  EXPECT_EQ(socket.peer_close_code(), 1000);
  const Result<> late = co_await as_result(socket.send_text("late"));
  EXPECT_EQ(late.error().reason(), "WEBSOCKET_CLOSED");
}

TEST_F(WebSocketTest, AClientTalksToAServer) {
  testing::MemoryNetworkOptions network;
  network.capacity = 1000;
  connect(echo, network);
  EXPECT_TRUE(serve_with(chat(&*client_, std::string(200'000, 'x'))).ok());
  EXPECT_TRUE(served_.ok());
}

Task<> send_many(WebSocket* socket, char letter) {
  for (int i = 0; i < 20; ++i) co_await socket->send_text(std::string(500, letter));
}

Task<> sends_from_two_tasks(WebSocket& socket) {
  TaskGroup group("senders");
  group.spawn(send_many(&socket, 'a'));
  group.spawn(send_many(&socket, 'b'));
  co_await group.join();
}

Task<> count_whole(net::AsyncStream* stream, int* count) {
  WebSocket socket(*stream, WebSocketRole::client, {});
  while (true) {
    const std::optional<WebSocketMessage> message = co_await socket.receive();
    if (!message) co_return;
    EXPECT_EQ(message->data, std::string(500, message->data[0]));
    ++*count;
  }
}

TEST_F(WebSocketTest, FramesOfTwoTasksDoNotMix) {
  testing::MemoryNetworkOptions network;
  network.capacity = 64;
  connect(sends_from_two_tasks, network);
  int count = 0;
  EXPECT_TRUE(serve_with(count_whole(&*client_, &count)).ok());
  EXPECT_EQ(count, 40);
}

Task<> reads_while_another_closes(WebSocket& socket) {
  TaskGroup group("reader");
  const auto reader = [](WebSocket* from) -> Task<> {
    const std::optional<WebSocketMessage> message = co_await from->receive();
    EXPECT_FALSE(message);
  };
  group.spawn(reader(&socket));
  co_await sleep_for(1s);
  co_await socket.close();
  co_await group.join();
}

TEST_F(WebSocketTest, ACloseEndsAnotherTasksReceiveInTime) {
  connect(reads_while_another_closes);
  const auto begin = loop_.now();
  EXPECT_EQ(answer_to(""), closing(1000));
  EXPECT_EQ(ended_at_ - begin, 1s + limits_.close_timeout);
  EXPECT_TRUE(served_.ok());
}

Task<> receives_while_another_awaits_the_goodbye(WebSocket& socket) {
  TaskGroup group("closer");
  group.spawn(socket.close());
  co_await sleep_for(1s);
  const std::optional<WebSocketMessage> message = co_await socket.receive();
  EXPECT_FALSE(message);
  co_await group.join();
}

TEST_F(WebSocketTest, NothingIsReceivedWhileAnotherTaskAwaitsTheGoodbye) {
  connect(receives_while_another_awaits_the_goodbye);
  const auto begin = loop_.now();
  EXPECT_EQ(answer_to(""), closing(1000));
  EXPECT_EQ(ended_at_ - begin, limits_.close_timeout);
  EXPECT_TRUE(served_.ok());
}

TEST_F(WebSocketTest, AFloodLeavesOthersTheirTurn) {
  std::string flood;
  while (flood.size() < std::size_t{2} * 1024 * 1024) flood += masked(FrameOpcode::pong, "");
  flood += masked(FrameOpcode::close, "");
  testing::MemoryNetworkOptions network;
  network.capacity = flood.size();
  int turns = 0;
  bool is_over = false;
  connect([&](WebSocket& socket) { return counts_turns(socket, turns, is_over); }, network);
  answer_to(flood);
  EXPECT_TRUE(is_over);
  EXPECT_GE(turns, 8);
}

Task<> closes_while_a_pong_waits(WebSocket& socket) {
  TaskGroup group("sides");
  const auto reader = [](WebSocket* from) -> Task<> {
    const std::optional<WebSocketMessage> message = co_await from->receive();
    EXPECT_FALSE(message);
  };
  group.spawn(reader(&socket));
  group.spawn(socket.send_text(std::string(5000, 'x')));
  co_await sleep_for(1s);
  co_await socket.close();
  co_await group.join();
}

Task<> reads_late(net::AsyncStream* stream, std::string ping, std::string close, std::string bye) {
  co_await stream->write(ping);
  co_await sleep_for(2s);
  std::string all;
  std::array<char, 1024> buffer;
  while (!all.ends_with(close)) {
    const std::size_t count = co_await stream->read(buffer);
    EXPECT_GT(count, 0U);
    if (count == 0) co_return;
    all.append(buffer.data(), count);
  }
  co_await stream->write(bye);
}

TEST_F(WebSocketTest, APongThatACloseOvertakesIsNotMissed) {
  testing::MemoryNetworkOptions network;
  network.capacity = 64;
  connect(closes_while_a_pong_waits, network);
  const auto client =
      serve_with(reads_late(&*client_, masked(FrameOpcode::ping, "?"), closing(1000),
                            masked(FrameOpcode::close, close_payload(1000, ""))));
  EXPECT_TRUE(client.ok());
  EXPECT_TRUE(served_.ok()) << served_.error().describe();
}

Task<> stuck_sender(WebSocket& socket) {
  co_await socket.send_text(std::string(5000, 'x'));
}

TEST_F(WebSocketTest, APeerThatTakesNothingIsLeft) {
  testing::MemoryNetworkOptions network;
  network.capacity = 64;
  connect(stuck_sender, network);
  const auto begin = loop_.now();
  EXPECT_TRUE(run(loop_, serve()).ok());
  EXPECT_EQ(loop_.now() - begin, limits_.write_timeout);
  ASSERT_FALSE(served_.ok());
  EXPECT_EQ(served_.error().code(), Code::deadline_exceeded);
}

Task<> answer_handshake(net::AsyncStream* stream, std::string answer, std::string* request) {
  std::array<char, 4096> buffer;
  const std::size_t count = co_await stream->read(buffer);
  request->assign(buffer.data(), count);
  co_await stream->write(answer);
  stream->shutdown_write();
}

Task<> try_to_connect(net::AsyncStream* stream, std::string* reason) {
  WebSocketConnectOptions options;
  options.host = "example.com";
  options.subprotocols = {"v1"};
  const auto socket = co_await as_result(connect_websocket(*stream, std::move(options)));
  *reason = socket.ok() ? "connected" : socket.error().reason();
}

TEST_F(WebSocketTest, AClientChecksTheAnswer) {
  for (const std::string& answer :
       {""s, "HTTP/1.1 200 OK\r\n\r\n"s, "HTTP/1.1 101 Switching Protocols\r\n\r\n"s,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"s,
        std::string(20'000, 'x')}) {
    connect(nothing);
    std::string request;
    std::string reason;
    const auto sides = [&]() -> Task<> {
      TaskGroup group("sides");
      group.spawn(answer_handshake(&*server_, answer, &request));
      group.spawn(try_to_connect(&*client_, &reason));
      co_await group.join();
    };
    EXPECT_TRUE(run(loop_, sides()).ok());
    EXPECT_EQ(reason, "WEBSOCKET_REFUSED") << answer.substr(0, 40);
    EXPECT_TRUE(request.starts_with("GET / HTTP/1.1\r\nHost: example.com\r\n")) << request;
  }
}

}  // namespace
}  // namespace kit::http
