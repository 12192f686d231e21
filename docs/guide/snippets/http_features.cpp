// SPDX-License-Identifier: Apache-2.0
// What docs/guide/http.md shows of files, forms, compression, events, WebSockets and CORS.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "kit/async/blocking.hpp"
#include "kit/async/operation.hpp"
#include "kit/http/compression.hpp"
#include "kit/http/conditional.hpp"
#include "kit/http/cors.hpp"
#include "kit/http/server.hpp"
#include "kit/http/sse.hpp"
#include "kit/http/static_files.hpp"
#include "kit/http/upload.hpp"
#include "kit/http/websocket.hpp"
#include "kit/testing/memory_network.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;

class HttpFeaturesGuide : public ::testing::Test {
 protected:
  HttpFeaturesGuide() {
    std::string pattern = ::testing::TempDir() + "kit-guide-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    directory = pattern;
  }
  ~HttpFeaturesGuide() override {
    server.reset();
    std::filesystem::remove_all(directory);
  }

  std::string exchange(std::string_view request, Clock::duration time = 0s) {
    if (!server) server = std::make_unique<Server>(router, ServerOptions());
    testing::MemoryClient client(loop, *server);
    client.send(request);
    loop.advance(time);
    return client.take();
  }
  std::string get(std::string_view path, std::string_view fields = {}) {
    return exchange("GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) +
                    "\r\n");
  }
  static bool has(const std::string& text, std::string_view part) {
    return text.find(part) != text.npos;
  }

  testing::VirtualLoop loop;
  Router router;
  std::unique_ptr<Server> server;
  std::string directory;
  BlockingPool in_place{{.name = "in place", .threads = 0}};
};

// snippet: files
Result<> add_application(Router& router, std::string directory, BlockingPool* pool) {
  StaticFilesOptions files;
  files.directory = std::move(directory);
  files.fallback = "index.html";          // pages that the script makes: /app/orders/7
  files.immutable_folders = {"assets/"};  // their names change with their content
  files.pool = pool;                      // null in a program; in place in a test
  return add_static_files(router, "/app", std::move(files));
}
// end snippet: files

TEST_F(HttpFeaturesGuide, ServesFiles) {
  std::ofstream(directory + "/index.html") << "<!doctype html>";
  std::filesystem::create_directory(directory + "/assets");
  std::ofstream(directory + "/assets/app.js") << "let x";
  std::filesystem::create_directory(directory + "/help");
  std::ofstream(directory + "/help/index.html") << "Help";
  ASSERT_TRUE(add_application(router, directory, &in_place).ok());
  EXPECT_TRUE(get("/app/").ends_with("<!doctype html>"));
  EXPECT_TRUE(get("/app/orders/7", "Accept: text/html\r\n").ends_with("<!doctype html>"));
  EXPECT_TRUE(has(get("/app/orders/7.png"), " 404 "));
  EXPECT_TRUE(has(get("/app/help"), "\r\nLocation: help/\r\n"));
  EXPECT_TRUE(get("/app/help/").ends_with("\r\n\r\nHelp"));
  EXPECT_TRUE(has(get("/app/assets/"), " 404 "));
  EXPECT_TRUE(has(get("/app"), "\r\nLocation: app/\r\n"));
  const std::string script = get("/app/assets/app.js", "Range: bytes=0-2\r\n");
  EXPECT_TRUE(has(script, " 206 Partial Content\r\n")) << script;
  EXPECT_TRUE(has(script, "Cache-Control: public, max-age=31536000, immutable\r\n")) << script;
  EXPECT_TRUE(script.ends_with("\r\n\r\nlet")) << script;
}

// snippet: conditional
Task<Response> show_report(Request& request) {
  Response response;
  response.content_type = "text/plain";
  response.body = "the report of today";
  Validators validators;
  validators.etag = "\"2026-11-25\"";
  apply_conditions(request, validators, response);  // 200, 206, 304, 412 or 416, with its fields
  co_return response;
}
// end snippet: conditional

TEST_F(HttpFeaturesGuide, AnswersConditions) {
  ASSERT_TRUE(router.add(Method::get, "/report", show_report).ok());
  EXPECT_TRUE(has(get("/report"), "ETag: \"2026-11-25\"\r\n"));
  EXPECT_TRUE(has(get("/report", "If-None-Match: \"2026-11-25\"\r\n"), " 304 Not Modified\r\n"));
  EXPECT_TRUE(get("/report", "Range: bytes=-5\r\n").ends_with("\r\n\r\ntoday"));
}

// snippet: upload
Task<Response> receive_pictures(Request& request, UploadOptions options) {
  const Upload upload = co_await receive_upload(request, std::move(options));
  Response response;
  if (const std::string* title = upload.field("title")) response.body = *title;
  for (const UploadedFile& file : upload.files) {
    // file.descriptor() is open at its beginning; the file has no name and goes with `upload`.
    response.body += " " + file.filename() + ": " + std::to_string(file.size());
  }
  co_return response;
}

Result<> add_pictures(Router& router, std::string directory, BlockingPool* pool) {
  UploadOptions options;
  options.directory = std::move(directory);
  options.max_file_bytes = 5 * 1024 * 1024;
  options.pool = pool;
  RouteOptions form;
  form.consumes = {"multipart/form-data"};
  form.streams_body = true;  // to the disk as it comes
  form.max_body_bytes = options.max_bytes;
  return router.add(
      Method::post, "/pictures",
      [options](Request& request) { return receive_pictures(request, options); }, form);
}
// end snippet: upload

TEST_F(HttpFeaturesGuide, ReceivesUploads) {
  ASSERT_TRUE(add_pictures(router, directory, &in_place).ok());
  const std::string form =
      "--b\r\nContent-Disposition: form-data; name=title\r\n\r\nSea\r\n"
      "--b\r\nContent-Disposition: form-data; name=file; filename=\"../sea.png\"\r\n\r\n12345\r\n"
      "--b--\r\n";
  const std::string request =
      "POST /pictures HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
      "Content-Length: " +
      std::to_string(form.size()) + "\r\n\r\n" + form;
  const std::string received = exchange(request);
  EXPECT_TRUE(received.ends_with("\r\n\r\nSea sea.png: 5")) << received;
}

// snippet: compression
Task<Response> list_artists(Request&) {
  Response response;
  response.content_type = "application/json";
  response.body = std::string(4000, ' ') + "[]";
  co_return response;
}

Task<Response> show_form(Request&) {
  Response response;
  response.content_type = "text/html; charset=utf-8";
  response.body = "<input type=hidden name=csrf value=...>" + std::string(4000, ' ');
  keep_uncompressed(response);  // a secret beside what a stranger can put into the page
  co_return response;
}

Result<> add_pages(Router& router) {
  KIT_TRY(router.add(Method::get, "/artists", compressed(list_artists)));
  return router.add(Method::get, "/form", compressed(show_form));
}
// end snippet: compression

TEST_F(HttpFeaturesGuide, Compresses) {
  ASSERT_TRUE(add_pages(router).ok());
  EXPECT_TRUE(has(get("/artists", "Accept-Encoding: gzip\r\n"), "Content-Encoding: gzip\r\n"));
  EXPECT_FALSE(has(get("/form", "Accept-Encoding: gzip\r\n"), "Content-Encoding"));
}

// snippet: events
Task<> send_prices(EventWriter& out, int first) {
  for (int price = first; price < first + 3; ++price) {
    Event event;
    event.id = std::to_string(price);
    event.event = "price";
    event.data = std::to_string(price) + ".00";
    co_await out.send(std::move(event));  // fails once the client is gone
    co_await sleep_for(20s);
  }
}

Task<Response> stream_prices(Request& request) {
  // Where a client that comes back left off.
  const int first = last_event_id(request) ? 100 : 1;
  co_return event_stream([first](EventWriter& out) { return send_prices(out, first); });
}
// end snippet: events

TEST_F(HttpFeaturesGuide, SendsEvents) {
  ASSERT_TRUE(router.add(Method::get, "/prices", stream_prices).ok());
  const std::string events = exchange("GET /prices HTTP/1.1\r\nHost: a\r\n\r\n", 1min);
  EXPECT_TRUE(has(events, "Content-Type: text/event-stream\r\n")) << events;
  EXPECT_TRUE(has(events, "id: 1\nevent: price\ndata: 1.00\n\n")) << events;
  EXPECT_TRUE(has(events, "\r\n:\n\n\r\n")) << events;  // the comment that keeps it alive
  EXPECT_TRUE(has(get("/prices", "Last-Event-ID: 99\r\n"), "data: 100.00\n\n"));
}

// snippet: websocket
Task<> chat(WebSocket& socket) {
  while (true) {
    std::optional<WebSocketMessage> message = co_await socket.receive();
    if (!message) co_return;  // the peer has said goodbye
    co_await socket.send_text("you said " + message->data);
  }
}  // here the server says goodbye: 1000, or 1011 when this failed

Task<Response> open_chat(Request& request) {
  WebSocketOptions options;
  options.origins = {"https://app.example.com"};  // besides the server's own pages
  options.limits.max_message_bytes = 16 * 1024;
  co_return accept_websocket(request, options, chat);
}
// end snippet: websocket

TEST_F(HttpFeaturesGuide, Chats) {
  ASSERT_TRUE(router.add(Method::get, "/chat", open_chat).ok());
  const std::string handshake =
      "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  std::string frame;
  FrameOptions masked;
  masked.mask = {1, 2, 3, 4};
  append_frame(frame, FrameOpcode::text, "hello", masked);
  const std::string said = exchange(handshake + "\r\n" + frame);
  EXPECT_TRUE(has(said, " 101 Switching Protocols\r\n")) << said;
  EXPECT_TRUE(said.ends_with("you said hello")) << said;
  EXPECT_TRUE(has(exchange(handshake + "Origin: https://evil.example\r\n\r\n"), " 403 "));
  EXPECT_TRUE(has(get("/chat"), " 426 "));
}

// snippet: cors
Result<> add_public_prices(Router& router, Handler handler) {
  CorsOptions cors;
  cors.origins = {"https://app.example.com"};
  cors.request_headers = {"Authorization"};
  return add_with_cors(router, Method::get, "/api/v1/prices", std::move(handler), cors);
}
// end snippet: cors

TEST_F(HttpFeaturesGuide, SharesWithPages) {
  ASSERT_TRUE(add_public_prices(router, show_report).ok());
  const std::string asked = exchange(
      "OPTIONS /api/v1/prices HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example.com\r\n"
      "Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: "
      "authorization\r\n\r\n");
  EXPECT_TRUE(has(asked, " 204 No Content\r\n")) << asked;
  EXPECT_TRUE(has(asked, "Access-Control-Allow-Origin: https://app.example.com\r\n")) << asked;
  const std::string other = get("/api/v1/prices", "Origin: https://evil.example\r\n");
  EXPECT_TRUE(has(other, " 200 OK\r\n"));
  EXPECT_FALSE(has(other, "Access-Control-Allow-Origin"));
}

}  // namespace
}  // namespace kit::http
