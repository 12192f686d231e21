// SPDX-License-Identifier: Apache-2.0
// What stands on the server's messages, through the server: files, forms, events, WebSockets,
// packed and shared answers.
#include <stdlib.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>

#include "kit/async/blocking.hpp"
#include "kit/http/compression.hpp"
#include "kit/http/cors.hpp"
#include "kit/http/server_test_support.hpp"
#include "kit/http/sse.hpp"
#include "kit/http/static_files.hpp"
#include "kit/http/upload.hpp"
#include "kit/http/websocket.hpp"
#include "kit/log/capture.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

std::string get(std::string_view path, std::string_view fields = {}) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

Task<> echo(WebSocket& socket) {
  while (true) {
    std::optional<WebSocketMessage> message = co_await socket.receive();
    if (!message) co_return;
    co_await socket.send_text(std::move(message->data));
  }
}

Task<> tick(EventWriter& out) {
  co_await out.send_data("one");
  co_await sleep_for(20s);
  co_await out.send_data("two");
}

class FeaturesTest : public ServerTest {
 protected:
  FeaturesTest() {
    std::string pattern = ::testing::TempDir() + "kit-features-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    std::ofstream(directory_ + "/large.txt") << large_;
    StaticFilesOptions files;
    files.directory = directory_;
    files.pool = &pool_;
    EXPECT_TRUE(add_static_files(router, "/files", std::move(files)).ok());
    add(Method::get, "/ticks", compressed([](Request&) { return answered(event_stream(tick)); }));
    add(Method::get, "/chat",
        [](Request& request) -> Task<Response> { co_return accept_websocket(request, {}, echo); });
    RouteOptions streams;
    streams.consumes = {"multipart/form-data"};
    streams.max_body_bytes = 4'000'000;
    streams.streams_body = true;
    add(
        Method::post, "/uploads",
        [this](Request& request) -> Task<Response> {
          UploadOptions upload_options;
          upload_options.directory = directory_;
          upload_options.max_file_bytes = 1'000'000;
          upload_options.pool = &pool_;
          const Upload upload = co_await receive_upload(request, std::move(upload_options));
          Response response;
          for (const UploadedFile& file : upload.files)
            response.body += file.filename() + " " + std::to_string(file.size()) + ";";
          co_return response;
        },
        streams);
    CorsOptions cors;
    cors.origins = {"https://app.example"};
    EXPECT_TRUE(add_with_cors(
                    router, Method::get, "/shared", [](Request&) { return answered(Response{}); },
                    std::move(cors))
                    .ok());
  }
  ~FeaturesTest() override {
    server.reset();
    fs::remove_all(directory_);
  }

  void add(Method method, std::string_view path, Handler handler, RouteOptions route = {}) {
    ASSERT_TRUE(router.add(method, path, std::move(handler), std::move(route)).ok());
  }
  static BlockingPoolOptions in_place() {
    BlockingPoolOptions pool;
    pool.threads = 0;
    return pool;
  }
  static std::string upload(std::string_view content) {
    const std::string body =
        "--b\r\nContent-Disposition: form-data; name=f; filename=\"x.bin\"\r\n\r\n" +
        std::string(content) + "\r\n--b--\r\n";
    return "POST /uploads HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; "
           "boundary=b\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  static std::string body_of(const std::string& answer) {
    return answer.substr(answer.find("\r\n\r\n") + 4);
  }

  BlockingPool pool_{in_place()};
  std::string directory_;
  std::string large_ = std::string(150'000, 'l') + "end";
};

TEST_F(FeaturesTest, SendsFilesWholeAndInParts) {
  const std::string whole = exchange(get("/files/large.txt"));
  EXPECT_TRUE(whole.starts_with("HTTP/1.1 200 OK\r\n")) << whole.substr(0, 400);
  EXPECT_TRUE(has(whole, "Content-Length: 150003\r\n"));
  EXPECT_EQ(body_of(whole), large_);
  const std::string part = exchange(get("/files/large.txt", "Range: bytes=-3\r\n"));
  EXPECT_TRUE(part.starts_with("HTTP/1.1 206 Partial Content\r\n")) << part;
  EXPECT_TRUE(has(part, "Content-Range: bytes 150000-150002/150003\r\n"));
  EXPECT_EQ(body_of(part), "end");
  EXPECT_TRUE(
      exchange(get("/files/large.txt", "Range: bytes=200000-\r\n")).starts_with("HTTP/1.1 416 "));
  EXPECT_TRUE(exchange(get("/files/../etc/passwd")).starts_with("HTTP/1.1 404 "));
}

TEST_F(FeaturesTest, HeadOfAFileHasItsFieldsOnly) {
  const std::string head = exchange("HEAD /files/large.txt HTTP/1.1\r\nHost: a\r\n\r\n" + get("/"));
  EXPECT_TRUE(has(head, "Content-Length: 150003\r\n")) << head;
  EXPECT_TRUE(body_of(head).starts_with("HTTP/1.1 200 OK\r\n")) << "the next answer follows";
}

TEST_F(FeaturesTest, AKnownFileIsNotSentAgain) {
  const std::string first = exchange(get("/files/large.txt"));
  const std::size_t at = first.find("ETag: ");
  const std::string tag = first.substr(at + 6, first.find("\r\n", at) - at - 6);
  const std::string again = exchange(get("/files/large.txt", "If-None-Match: " + tag + "\r\n"));
  EXPECT_TRUE(again.starts_with("HTTP/1.1 304 Not Modified\r\n")) << again;
  EXPECT_EQ(body_of(again), "");
}

TEST_F(FeaturesTest, AFileThatChangesBreaksTheConnection) {
  auto client = connect({.capacity = 1000});
  client->pause_reading(true);
  client->send(get("/files/large.txt"));
  run();
  fs::resize_file(directory_ + "/large.txt", 100'000);
  client->pause_reading(false);
  loop.advance(1s);
  EXPECT_TRUE(client->closed());
  EXPECT_LT(body_of(client->received()).size(), large_.size());
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(FeaturesTest, EventsComeAsTheyHappen) {
  auto client = connect();
  client->send(get("/ticks"));
  run();
  const std::string first = client->take();
  EXPECT_TRUE(has(first, "Content-Type: text/event-stream\r\n")) << first;
  EXPECT_TRUE(has(first, "X-Accel-Buffering: no\r\n"));
  EXPECT_TRUE(has(first, "\r\n\r\nb\r\ndata: one\n\n")) << first;
  loop.advance(15s);
  EXPECT_TRUE(has(client->take(), ":\n\n"));
  loop.advance(5s);
  EXPECT_TRUE(has(client->take(), "data: two\n\n\r\n0\r\n\r\n"));
}

TEST_F(FeaturesTest, PackedEventsComeAsTheyHappenToo) {
  auto client = connect();
  client->send(get("/ticks", "Accept-Encoding: gzip\r\n"));
  run();
  const std::string first = client->take();
  EXPECT_TRUE(has(first, "Content-Encoding: gzip\r\n")) << first;
  EXPECT_FALSE(has(first, "Content-Length"));
  std::string chunk = body_of(first);
  chunk.erase(0, chunk.find("\r\n") + 2);
  std::array<char, 100> text{};
  z_stream stream{};
  ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(chunk.data());
  stream.avail_in = static_cast<uInt>(chunk.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  EXPECT_EQ(inflate(&stream, Z_SYNC_FLUSH), Z_OK);
  inflateEnd(&stream);
  EXPECT_STREQ(text.data(), "data: one\n\n");
}

TEST_F(FeaturesTest, AClientThatGoesEndsItsEvents) {
  auto client = connect();
  client->send(get("/ticks"));
  run();
  client->reset();
  loop.advance(1s);
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(FeaturesTest, ReceivesUploads) {
  const std::string received = exchange(upload(std::string(700'000, 'u')));
  EXPECT_TRUE(has(received, "x.bin 700000;")) << received;
  const std::string refused = exchange(upload(std::string(1'000'001, 'u')));
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 413 ")) << refused;
  EXPECT_TRUE(has(refused, "FILE_TOO_LARGE"));
  EXPECT_EQ(std::distance(fs::directory_iterator(directory_), fs::directory_iterator()), 1);
}

constexpr std::string_view handshake =
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

std::string masked(FrameOpcode opcode, std::string_view payload) {
  std::string out;
  FrameOptions frame_options;
  frame_options.mask = {1, 2, 3, 4};
  append_frame(out, opcode, payload, frame_options);
  return out;
}

TEST_F(FeaturesTest, ChatsByWebSocket) {
  auto client = connect();
  client->send(get("/chat", handshake) + masked(FrameOpcode::text, "early"));
  run();
  const std::string head = client->take();
  EXPECT_TRUE(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n")) << head;
  EXPECT_TRUE(has(head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
  EXPECT_EQ(body_of(head),
            "\x81\x05"
            "early");
  client->send(masked(FrameOpcode::close, close_payload(1000, "")));
  run();
  EXPECT_EQ(client->take(), "\x88\x02\x03\xe8");
  EXPECT_TRUE(client->closed());
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(FeaturesTest, WhatAPeerBreaksIsNotLogged) {
  log::Capture capture;
  std::string frame;
  append_frame(frame, FrameOpcode::text, "not masked");
  const std::string answer = exchange(get("/chat", handshake) + frame, 1min);
  EXPECT_TRUE(has(answer, "\x03\xea")) << "1002";
  EXPECT_TRUE(last_closed);
  EXPECT_EQ(capture.lines().size(), 0U) << capture.lines()[0];
}

TEST_F(FeaturesTest, RefusesHandshakesAsPlainAnswers) {
  const std::string plain = exchange(get("/chat"));
  EXPECT_TRUE(plain.starts_with("HTTP/1.1 426 Upgrade Required\r\n")) << plain;
  EXPECT_TRUE(has(plain, "Sec-WebSocket-Version: 13\r\n"));
  EXPECT_TRUE(has(plain, "Upgrade: websocket\r\n")) << plain;
  EXPECT_TRUE(has(plain, "Connection: Upgrade\r\n")) << plain;
  const std::string other =
      exchange(get("/chat", std::string(handshake) + "Origin: https://evil.example\r\n"));
  EXPECT_TRUE(other.starts_with("HTTP/1.1 403 ")) << other;
}

TEST_F(FeaturesTest, DrainingSaysGoingAway) {
  auto client = connect();
  client->send(get("/chat", handshake));
  run();
  client->take();
  auto draining = server->drain(10s);
  loop.post([&] { draining.start([](void*) {}, nullptr); });
  run();
  EXPECT_EQ(client->take(), "\x88\x02\x03\xe9");
  client->send(masked(FrameOpcode::close, close_payload(1001, "")));
  run();
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(FeaturesTest, SharesWithListedPages) {
  const std::string asked = exchange(
      "OPTIONS /shared HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example\r\n"
      "Access-Control-Request-Method: GET\r\n\r\n");
  EXPECT_TRUE(has(asked, "Access-Control-Allow-Origin: https://app.example\r\n")) << asked;
  EXPECT_FALSE(has(exchange(get("/shared", "Origin: https://evil.example\r\n")),
                   "Access-Control-Allow-Origin"));
}

}  // namespace
}  // namespace kit::http
