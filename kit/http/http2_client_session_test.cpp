// SPDX-License-Identifier: Apache-2.0
// The client's half of HTTP/2 against the server's, and against frames of our own.
#include "kit/http/detail/http2_client_session.hpp"

#include <memory>

#include "kit/http/http2_test_support.hpp"

namespace kit::http {
namespace {

using detail::Http2ClientSession;

struct Call final : Http2ClientSession::Stream {
  void on_head(int given, Http2ClientSession::Fields all) override {
    status = given;
    fields = std::move(all);
  }
  void on_body(std::string_view bytes) override { body += bytes; }
  void on_end() override { ended = true; }
  void on_failure(Error why, bool unprocessed) override {
    failure = why.describe();
    retryable = unprocessed;
  }
  Http2ClientSession::Piece next_body(std::size_t most) override {
    piece = upload.substr(0, most);
    upload.erase(0, piece.size());
    return {piece, upload_ends && upload.empty()};
  }

  int status = 0;
  Http2ClientSession::Fields fields;
  std::string body;
  bool ended = false;
  std::string failure;
  bool retryable = false;
  std::string upload;
  std::string piece;
  bool upload_ends = true;
};

class Http2ClientSessionTest : public Http2Test {
 protected:
  void exchange_all() {
    if (!wire) wire = connect();
    for (bool moved = true; moved;) {
      std::string out;
      ASSERT_TRUE(session.produce(out, 1 << 20).ok());
      wire->send(out);
      run();
      const std::string in = wire->take();
      moved = !out.empty() || !in.empty();
      ASSERT_TRUE(session.receive(in).ok());
    }
  }
  void submit(std::string_view method, std::string_view path, Call& call, bool has_body = false) {
    Http2ClientSession::Request request;
    request.method = method;
    request.scheme = "http";
    request.authority = "a";
    request.path = path;
    request.fields = &fields;
    request.has_body = has_body;
    const auto submitted = session.submit(request, call);
    ASSERT_TRUE(submitted.ok());
  }
  /// What a server of our own says first, after it was told what there is.
  void receive(std::string_view frames) {
    std::string out;
    ASSERT_TRUE(session.produce(out, 1 << 20).ok());
    ASSERT_TRUE(session.receive(frames).ok());
  }

  Http2ClientSession::Fields fields = {
      {"Content-Type", "text/plain"}, {"Connection", "close"}, {"Host", "b"}, {"X-Test", "yes"}};
  std::unique_ptr<testing::MemoryClient> wire;
  Http2ClientSession session{{}};
};

TEST_F(Http2ClientSessionTest, AsksAndIsAnswered) {
  Call get;
  Call missing;
  Call head;
  submit("GET", "/echo/1", get);
  submit("GET", "/nothing", missing);
  submit("HEAD", "/", head);
  exchange_all();
  EXPECT_EQ(get.status, 200);
  EXPECT_TRUE(has(get.body, "GET /echo/1")) << get.body;
  EXPECT_TRUE(has(get.body, "x=yes"));
  EXPECT_TRUE(get.ended);
  EXPECT_EQ(missing.status, 404);
  EXPECT_TRUE(head.ended);
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(session.streams(), 0U);
  EXPECT_EQ(session.most_streams(), 100U);
  EXPECT_TRUE(session.is_open());
}

TEST_F(Http2ClientSessionTest, SendsBodiesAsTheyCome) {
  Call call;
  call.upload = "one ";
  call.upload_ends = false;
  submit("POST", "/echo", call, true);
  exchange_all();
  EXPECT_EQ(call.status, 0);
  call.upload = std::string(200'000, 'u');
  call.upload_ends = true;
  session.resume(call);
  exchange_all();
  EXPECT_EQ(call.status, 200);
  EXPECT_TRUE(has(call.body, "body=one uuu"));
}

TEST_F(Http2ClientSessionTest, WindowsOpenAsTheAnswerIsRead) {
  big = std::string(1'000'000, 'b');
  Call call;
  submit("GET", "/big", call);
  exchange_all();
  EXPECT_EQ(call.body.size(), 256U * 1024);
  session.consume(call, 256 * 1024);
  exchange_all();
  EXPECT_EQ(call.body.size(), 512U * 1024);
  session.cancel(call);
  exchange_all();
  // What was not read keeps no window closed.
  for (int i = 0; i < 4; ++i) {
    Call next;
    submit("GET", "/big", next);
    exchange_all();
    EXPECT_EQ(next.body.size(), 256U * 1024);
    session.cancel(next);
    exchange_all();
    EXPECT_FALSE(next.ended);
  }
}

TEST_F(Http2ClientSessionTest, GoawaySaysWhatWasNotProcessed) {
  Call first;
  Call second;
  submit("GET", "/", first);
  submit("GET", "/", second);
  receive(http2_frame(NGHTTP2_SETTINGS, 0, 0, "") +
          http2_frame(NGHTTP2_GOAWAY, 0, 0, big_endian(1, 4) + big_endian(0, 4)));
  EXPECT_TRUE(second.retryable);
  EXPECT_NE(second.failure, "");
  EXPECT_EQ(first.failure, "");
  EXPECT_FALSE(session.is_open());
  Call late;
  Http2ClientSession::Request request;
  request.method = "GET";
  request.authority = "a";
  request.path = "/";
  EXPECT_FALSE(session.submit(request, late).ok());
  receive(http2_frame(NGHTTP2_HEADERS, 5, 1, http2_block({{":status", "204"}})));
  EXPECT_EQ(first.status, 204);
  EXPECT_TRUE(first.ended);
  EXPECT_TRUE(session.is_done());
}

TEST_F(Http2ClientSessionTest, RequestsThatWaitAreNotLost) {
  const std::string one_stream =
      big_endian(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2) + big_endian(1, 4);
  receive(http2_frame(NGHTTP2_SETTINGS, 0, 0, one_stream));
  EXPECT_EQ(session.most_streams(), 1U);
  Call first;
  Call waiting;
  Call dropped;
  submit("GET", "/", first);
  submit("GET", "/", waiting);
  submit("GET", "/", dropped);
  session.cancel(dropped);
  std::string out;
  ASSERT_TRUE(session.produce(out, 1 << 20).ok());
  EXPECT_EQ(frames_of(out).back().stream, 1U);
  receive(http2_frame(NGHTTP2_GOAWAY, 0, 0, big_endian(1, 4) + big_endian(0, 4)));
  receive(http2_frame(NGHTTP2_HEADERS, 5, 1, http2_block({{":status", "204"}})));
  ASSERT_TRUE(session.produce(out, 1 << 20).ok());
  EXPECT_TRUE(first.ended);
  EXPECT_TRUE(waiting.retryable);
  EXPECT_EQ(dropped.failure, "");
  EXPECT_EQ(session.streams(), 0U);
}

TEST_F(Http2ClientSessionTest, Resets) {
  Call refused;
  Call broken;
  Call early;
  submit("GET", "/", refused);
  submit("GET", "/", broken);
  early.upload_ends = false;
  submit("POST", "/", early, true);
  const std::string answer = http2_block({{":status", "200"}});
  receive(http2_frame(NGHTTP2_SETTINGS, 0, 0, "") +
          http2_frame(NGHTTP2_RST_STREAM, 0, 1, big_endian(NGHTTP2_REFUSED_STREAM, 4)) +
          http2_frame(NGHTTP2_HEADERS, 4, 3, answer) + http2_frame(NGHTTP2_DATA, 0, 3, "half") +
          http2_frame(NGHTTP2_RST_STREAM, 0, 3, big_endian(NGHTTP2_INTERNAL_ERROR, 4)) +
          http2_frame(NGHTTP2_HEADERS, 5, 5, answer) +
          http2_frame(NGHTTP2_RST_STREAM, 0, 5, big_endian(NGHTTP2_NO_ERROR, 4)));
  EXPECT_TRUE(refused.retryable);
  EXPECT_EQ(broken.body, "half");
  EXPECT_NE(broken.failure, "");
  EXPECT_FALSE(broken.retryable);
  EXPECT_TRUE(early.ended);
  EXPECT_EQ(session.streams(), 0U);
}

TEST_F(Http2ClientSessionTest, ALostConnectionFailsAll) {
  Call call;
  submit("GET", "/", call);
  session.lose(Error(Code::unavailable, "gone"));
  EXPECT_NE(call.failure, "");
  EXPECT_FALSE(call.retryable);
  EXPECT_EQ(session.streams(), 0U);
}

TEST_F(Http2ClientSessionTest, HeadersOfAnswersAreLimited) {
  auto answer = [](std::size_t value_bytes) {
    // Ten and 32 bytes for the status, 33 for the other field.
    return http2_block({{":status", "200"}, {"x", std::string(value_bytes, 'v')}});
  };
  Http2ClientSession::Limits limits;
  limits.header_bytes = 1000;
  for (const std::size_t bytes : {925U, 926U}) {
    Http2ClientSession small(limits);
    Call call;
    Http2ClientSession::Request request;
    request.method = "GET";
    request.authority = "a";
    request.path = "/";
    ASSERT_TRUE(small.submit(request, call).ok());
    std::string out;
    ASSERT_TRUE(small.produce(out, 1 << 20).ok());
    ASSERT_TRUE(small
                    .receive(http2_frame(NGHTTP2_SETTINGS, 0, 0, "") +
                             http2_frame(NGHTTP2_HEADERS, 5, 1, answer(bytes)))
                    .ok());
    ASSERT_TRUE(small.produce(out, 1 << 20).ok());
    EXPECT_EQ(call.ended, bytes == 925);
    EXPECT_EQ(call.failure.empty(), bytes == 925);
  }
}

TEST_F(Http2ClientSessionTest, WhatIsNotHttp2EndsIt) {
  Call call;
  submit("GET", "/", call);
  std::string out;
  ASSERT_TRUE(session.produce(out, 1 << 20).ok());
  EXPECT_TRUE(out.starts_with(http2_preface));
  const Result<> received = session.receive("HTTP/1.1 400 Bad Request\r\n\r\n");
  ASSERT_TRUE(session.produce(out, 1 << 20).ok());
  EXPECT_TRUE(!received.ok() || session.is_done());
}

}  // namespace
}  // namespace kit::http
