// SPDX-License-Identifier: Apache-2.0
// HTTP/2 as hostile clients speak it: every limit at and past it.
#include "kit/http/http2_test_support.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;

constexpr std::uint8_t end_stream = NGHTTP2_FLAG_END_STREAM;
constexpr std::uint8_t end_headers = NGHTTP2_FLAG_END_HEADERS;

class Http2LimitsTest : public Http2Test {
 protected:
  /// Sends raw bytes behind a preface on a connection of their own, and remembers what came.
  void send(std::string_view bytes) {
    if (!client) {
      client = connect();
      client->send(hello());
    }
    client->send(bytes);
    run();
  }
  void fresh() { client.reset(); }
  int goaway() const { return goaway_code(client->received()); }
  /// Statuses, as literals or from the static table, are not decoded: answers are counted.
  int answers() const {
    int count = 0;
    for (const Frame& frame : frames_of(client->received())) {
      count += frame.type == NGHTTP2_HEADERS ? 1 : 0;
    }
    return count;
  }
  bool calmed() {
    const bool cut = goaway() == NGHTTP2_ENHANCE_YOUR_CALM;
    EXPECT_EQ(cut, client->closed());
    return cut;
  }
  static std::string post_head(std::uint32_t stream, std::string_view path = "/echo") {
    return http2_frame(NGHTTP2_HEADERS, end_headers, stream,
                       http2_block({{":method", "POST"},
                                    {":scheme", "http"},
                                    {":authority", "a"},
                                    {":path", std::string(path)},
                                    {"content-type", "text/plain"}}));
  }
  static std::string reset_frame(std::uint32_t stream) {
    return http2_frame(NGHTTP2_RST_STREAM, 0, stream, big_endian(NGHTTP2_CANCEL, 4));
  }
  std::uint32_t answer_50(std::uint32_t id) {
    std::string requests;
    for (int i = 0; i < 50; ++i, id += 2) requests += get_frame(id, "/");
    send(requests);
    return id;
  }
  static std::string ping() { return http2_frame(NGHTTP2_PING, 0, 0, "12345678"); }

  std::unique_ptr<testing::MemoryClient> client;
};

TEST_F(Http2LimitsTest, FramesThatMakeNoSenseEndTheConnection) {
  const std::string no_settings = std::string(http2_preface) + get_frame(1, "/");
  auto first = connect();
  first->send(no_settings);
  run();
  EXPECT_EQ(goaway_code(first->received()), NGHTTP2_PROTOCOL_ERROR);
  EXPECT_TRUE(first->closed());
  const std::pair<std::string, int> cases[] = {
      {http2_frame(NGHTTP2_DATA, 0, 1, "x"), NGHTTP2_PROTOCOL_ERROR},
      {http2_frame(NGHTTP2_HEADERS, end_headers, 2, http2_block({})), NGHTTP2_PROTOCOL_ERROR},
      {http2_frame(NGHTTP2_PING, 0, 0, "short"), NGHTTP2_FRAME_SIZE_ERROR},
      {http2_frame(NGHTTP2_DATA, 0, 1, std::string(16'385, 'x')), NGHTTP2_FRAME_SIZE_ERROR},
      {http2_frame(NGHTTP2_WINDOW_UPDATE, 0, 0, big_endian(0, 4)), NGHTTP2_PROTOCOL_ERROR},
      {http2_frame(NGHTTP2_WINDOW_UPDATE, 0, 0, big_endian(0x7FFFFFFF, 4)),
       NGHTTP2_FLOW_CONTROL_ERROR},
      {http2_frame(NGHTTP2_HEADERS, end_headers | end_stream, 1, "\xFF\xFF\xFF\xFF\xFF\xFF"),
       NGHTTP2_COMPRESSION_ERROR},
      {http2_frame(NGHTTP2_PUSH_PROMISE, end_headers, 1, big_endian(2, 4)), NGHTTP2_PROTOCOL_ERROR},
      {http2_frame(NGHTTP2_HEADERS, 0, 1, http2_block({{":method", "GET"}})) + ping(),
       NGHTTP2_PROTOCOL_ERROR},
      {http2_frame(NGHTTP2_CONTINUATION, end_headers, 1, ""), NGHTTP2_PROTOCOL_ERROR},
      {get_frame(5, "/") + get_frame(3, "/"), NGHTTP2_PROTOCOL_ERROR},
  };
  for (const auto& [bytes, code] : cases) {
    fresh();
    send(bytes);
    EXPECT_EQ(goaway(), code) << static_cast<int>(bytes[3]);
    EXPECT_TRUE(client->closed());
  }
}

TEST_F(Http2LimitsTest, UnknownFramesAreIgnored) {
  send(http2_frame(0xEE, 0xFF, 0, "extension") + get_frame(1, "/"));
  EXPECT_EQ(answers(), 1);
}

TEST_F(Http2LimitsTest, StreamsAtOnce) {
  options.limits.http2_streams = 3;
  std::string bytes;
  for (std::uint32_t id = 1; id <= 7; id += 2) bytes += get_frame(id, "/stuck");
  send(bytes);
  EXPECT_EQ(started, 3);
  EXPECT_EQ(resets_in(client->received()), 1);
  EXPECT_EQ(frames_of(client->received()).back().payload, big_endian(NGHTTP2_REFUSED_STREAM, 4));
}

TEST_F(Http2LimitsTest, ClientResets) {
  std::string flood;
  std::uint32_t id = 1;
  // Answered streams, so that only the rate counts.
  for (int round = 0; round < 4; ++round) id = answer_50(id);
  EXPECT_EQ(answers(), 200);
  flood.clear();
  for (int i = 0; i < 200; ++i, id += 2) flood += get_frame(id, "/stuck") + reset_frame(id);
  send(flood);
  EXPECT_FALSE(calmed());
  EXPECT_EQ(finished, 200);
  send(get_frame(id, "/stuck") + reset_frame(id));
  EXPECT_TRUE(calmed());
}

TEST_F(Http2LimitsTest, ResetsAreForgotten) {
  std::string flood;
  std::uint32_t id = 1;
  for (int round = 0; round < 5; ++round) id = answer_50(id);
  for (int half = 0; half < 2; ++half) {
    flood.clear();
    for (int i = 0; i < 200; ++i, id += 2) flood += get_frame(id, "/stuck") + reset_frame(id);
    send(flood);
    EXPECT_FALSE(calmed());
    loop.advance(10s);
  }
}

TEST_F(Http2LimitsTest, MoreResetsThanAnswers) {
  std::string flood = get_frame(1, "/");
  std::uint32_t id = 3;
  for (int i = 0; i < 99; ++i, id += 2) flood += get_frame(id, "/stuck") + reset_frame(id);
  send(flood);
  EXPECT_FALSE(calmed());
  send(get_frame(id, "/stuck") + reset_frame(id));
  EXPECT_TRUE(calmed());
  EXPECT_EQ(finished, 99);
}

TEST_F(Http2LimitsTest, ResetsThatTheClientProvokes) {
  std::uint32_t id = 1;
  for (int round = 0; round < 4; ++round) id = answer_50(id);
  auto provoked = [&](int count) {
    std::string bytes;
    for (int i = 0; i < count; ++i, id += 2) {
      bytes += get_frame(id, "/stuck") +
               http2_frame(NGHTTP2_WINDOW_UPDATE, 0, id, big_endian(0x7FFFFFFF, 4));
    }
    return bytes;
  };
  for (int round = 0; round < 4; ++round) send(provoked(50));
  EXPECT_FALSE(calmed());
  EXPECT_EQ(resets_in(client->received()), 200);
  EXPECT_EQ(finished, 200);
  send(provoked(1));
  EXPECT_TRUE(calmed());
  EXPECT_EQ(finished, 201);
}

TEST_F(Http2LimitsTest, PingsAndSettings) {
  std::string flood;
  for (int i = 0; i < 29; ++i) flood += ping();  // SETTINGS of the start is the thirtieth
  send(flood);
  EXPECT_FALSE(calmed());
  loop.advance(10s);
  flood += ping();
  send(flood);
  EXPECT_FALSE(calmed());
  send(http2_frame(NGHTTP2_SETTINGS, 0, 0, ""));
  EXPECT_TRUE(calmed());
}

TEST_F(Http2LimitsTest, AnswersEarnPings) {
  std::uint32_t id = 1;
  for (int i = 0; i < 10; ++i, id += 2) {
    std::string some;
    for (int k = 0; k < 20; ++k) some += ping();
    send(some + get_frame(id, "/"));
  }
  EXPECT_FALSE(calmed());
  EXPECT_EQ(answers(), 10);
}

TEST_F(Http2LimitsTest, OtherControlFrames) {
  options.limits.http2_control_frames = 50;
  const std::string update = http2_frame(NGHTTP2_WINDOW_UPDATE, 0, 0, big_endian(1, 4));
  const std::string priority = http2_frame(NGHTTP2_PRIORITY, 0, 1, big_endian(0, 4) + "x");
  std::string flood;
  for (int i = 0; i < 25; ++i) flood += update + priority;
  send(flood);
  EXPECT_FALSE(calmed());
  send(priority);
  EXPECT_TRUE(calmed());
  fresh();
  send(get_frame(1, "/"));  // two frames of an answer earn twenty
  flood.clear();
  for (int i = 0; i < 70; ++i) flood += update;
  send(flood);
  EXPECT_FALSE(calmed());
  send(update);
  EXPECT_TRUE(calmed());
}

TEST_F(Http2LimitsTest, EmptyData) {
  std::string ten = post_head(1);
  for (int i = 0; i < 10; ++i) ten += http2_frame(NGHTTP2_DATA, 0, 1, "");
  send(ten + http2_frame(NGHTTP2_DATA, end_stream, 1, "x"));
  EXPECT_FALSE(calmed());
  EXPECT_EQ(answers(), 1);
  fresh();
  send(ten + http2_frame(NGHTTP2_DATA, 0, 1, ""));
  EXPECT_TRUE(calmed());
}

TEST_F(Http2LimitsTest, Continuations) {
  const std::string block =
      http2_block({{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}});
  auto request = [&](std::size_t continuations) {
    std::string bytes = http2_frame(NGHTTP2_HEADERS, end_stream, 1, block);
    for (std::size_t i = 0; i < continuations; ++i) {
      const bool last = i + 1 == continuations;
      bytes += http2_frame(NGHTTP2_CONTINUATION, last ? end_headers : 0, 1,
                           http2_block({{"x" + std::to_string(i), "y"}}));
    }
    return bytes;
  };
  send(request(8));
  EXPECT_FALSE(calmed());
  EXPECT_EQ(answers(), 1);
  fresh();
  send(request(9));
  EXPECT_TRUE(calmed());
  fresh();
  // Without an end, and without anything in it.
  std::string flood = http2_frame(NGHTTP2_HEADERS, end_stream, 1, block);
  for (int i = 0; i < 10'000; ++i) flood += http2_frame(NGHTTP2_CONTINUATION, 0, 1, "");
  send(flood);
  EXPECT_TRUE(calmed());
}

TEST_F(Http2LimitsTest, QueuedFrames) {
  options.limits.http2_queued_frames = 20;
  // Each of these is answered with RST_STREAM.
  auto malformed = [](int count) {
    std::string bytes;
    for (int i = 0; i < count; ++i) {
      bytes +=
          http2_frame(NGHTTP2_HEADERS, end_headers | end_stream,
                      static_cast<std::uint32_t>(2 * i + 1), http2_block({{":method", "GET"}}));
    }
    return bytes + get_frame(static_cast<std::uint32_t>(2 * count + 1), "/");
  };
  send("");
  send(malformed(19));
  EXPECT_FALSE(calmed());
  EXPECT_EQ(answers(), 1);
  EXPECT_EQ(resets_in(client->received()), 19);
  fresh();
  send("");
  send(malformed(21));
  EXPECT_TRUE(calmed());
}

TEST_F(Http2LimitsTest, NothingIsReadFromAClientThatDoesNotRead) {
  testing::MemoryNetworkOptions narrow;
  narrow.capacity = 4096;
  options.limits.http2_pings = 1'000'000;
  auto deaf = connect(narrow);
  deaf->pause_reading(true);
  deaf->send(hello());
  std::string flood;
  for (int i = 0; i < 20'000; ++i) flood += ping();
  deaf->send(flood);
  run();
  EXPECT_GT(deaf->unsent(), flood.size() / 2);
  loop.advance(30s);
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(Http2LimitsTest, HeaderFields) {
  options.limits.header_bytes = 2048;
  options.limits.header_count = 10;
  options.limits.header_field_bytes = 1500;
  options.limits.request_line_bytes = 500;
  auto honest = connect2();
  auto status = [&](const Fields& more, const std::string& path = "/echo/1") {
    const auto stream = honest.get(path, more);
    honest.run();
    return honest.answer(stream).status;
  };
  auto many = [](std::size_t count) {
    Fields fields;
    for (std::size_t i = 0; i < count; ++i) fields.emplace_back("x" + std::to_string(i), "y");
    return fields;
  };
  EXPECT_EQ(status(many(9)), 200);  // and the Host
  EXPECT_EQ(status(many(10)), 431);
  EXPECT_EQ(status(many(30)), 431);
  EXPECT_EQ(status({{"x", std::string(1499, 'v')}}), 200);
  EXPECT_EQ(status({{"x", std::string(1500, 'v')}}), 431);
  EXPECT_EQ(status({}, "/echo/" + std::string(494, 'p')), 200);
  EXPECT_EQ(status({}, "/echo/" + std::string(495, 'p')), 414);
  // The four pseudo-headers are 7+3, 7+4, 10+1 and 5+7 bytes and 32 for each.
  const std::size_t left = 2048 - (10 + 11 + 11 + 12 + 4 * 32) - 2 * (1 + 32);
  const std::size_t half = left / 2;
  EXPECT_EQ(status({{"x", std::string(half, 'v')}, {"y", std::string(left - half, 'v')}}), 200);
  EXPECT_EQ(status({{"x", std::string(half, 'v')}, {"y", std::string(left - half + 1, 'v')}}), 431);
  EXPECT_EQ(status({}), 200);
  EXPECT_FALSE(honest.closed());
  // Four times the limit is no mistake.
  send(http2_frame(NGHTTP2_HEADERS, end_headers | end_stream, 1,
                   http2_block({{":method", "GET"},
                                {":scheme", "http"},
                                {":authority", "a"},
                                {":path", "/"},
                                {"x", std::string(8192, 'v')}})));
  EXPECT_TRUE(calmed());
}

TEST_F(Http2LimitsTest, ABombIsNotUnpacked) {
  // One long field is put into the table, then named again and again, a byte each (RFC 7541 section
  // 6.1): 16 KiB would be 64 MiB.
  const std::string value(4000, 'v');
  std::string block =
      http2_block({{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}});
  block += std::string("\x40\x01x\x7F", 4) + std::string("\xA1\x1E", 2) + value;  // 127 + 33 + 3840
  send(http2_frame(NGHTTP2_HEADERS, end_headers | end_stream, 1, block + std::string(20, '\xBE')));
  EXPECT_FALSE(calmed());
  EXPECT_EQ(answers(), 1);  // 431
  fresh();
  send(http2_frame(NGHTTP2_HEADERS, end_headers | end_stream, 1,
                   block + std::string(10'000, '\xBE')));
  EXPECT_TRUE(calmed());
}

TEST_F(Http2LimitsTest, HeaderBlocksHaveADeadline) {
  send(http2_frame(NGHTTP2_HEADERS, end_stream, 1, http2_block({{":method", "GET"}})));
  loop.advance(9999ms);
  EXPECT_FALSE(calmed());
  loop.advance(1ms);
  EXPECT_TRUE(calmed());
  fresh();
  // A frame that is on its way counts; one that has arrived does not.
  const std::string frame = get_frame(1, "/");
  send(frame.substr(0, frame.size() - 1));
  loop.advance(9s);
  send(frame.substr(frame.size() - 1));
  EXPECT_EQ(answers(), 1);
  loop.advance(9s);
  send(get_frame(3, "/"));
  EXPECT_EQ(answers(), 2);
}

TEST_F(Http2LimitsTest, IdleConnectionsClose) {
  send(get_frame(1, "/"));
  loop.advance(59'999ms);
  EXPECT_FALSE(client->closed());
  loop.advance(1ms);
  EXPECT_TRUE(client->closed());
  EXPECT_EQ(goaway(), NGHTTP2_NO_ERROR);
  loop.advance(2s);
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(Http2LimitsTest, RequestsPerConnection) {
  options.limits.requests_per_connection = 3;
  send(get_frame(1, "/") + get_frame(3, "/"));
  EXPECT_EQ(goaway(), -1);
  send(get_frame(5, "/"));
  EXPECT_EQ(answers(), 3);
  EXPECT_EQ(goaway(), NGHTTP2_NO_ERROR);
  EXPECT_FALSE(client->closed());
  send(get_frame(7, "/"));  // the client has not acknowledged the notice
  EXPECT_EQ(answers(), 4);
  loop.advance(1s);
  EXPECT_TRUE(client->closed());
}

TEST_F(Http2LimitsTest, AClosedWindow) {
  Http2Client::Options closed;
  closed.opens_windows = false;
  auto slow = connect2(closed);
  const auto stream = slow.get("/big");
  slow.run();
  EXPECT_EQ(slow.answer(stream).body.size(), 65'535U);
  slow.run(29s);
  slow.take(stream, 65'535);
  slow.run();
  EXPECT_EQ(slow.answer(stream).body.size(), 2 * 65'535U);
  slow.run(29'999ms);
  EXPECT_FALSE(slow.answer(stream).closed);
  slow.run(1ms);
  EXPECT_TRUE(slow.answer(stream).closed);
  EXPECT_EQ(slow.answer(stream).error_code, static_cast<std::uint32_t>(NGHTTP2_CANCEL));
  // Others are not at fault.
  EXPECT_FALSE(slow.closed());
}

TEST_F(Http2LimitsTest, AWindowThatHardlyOpens) {
  const std::string none = big_endian(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 2) + big_endian(0, 4);
  send(http2_frame(NGHTTP2_SETTINGS, 0, 0, none) + get_frame(1, "/big"));
  int seconds = 0;
  for (; seconds < 200 && resets_in(client->received()) == 0; seconds += 10) {
    send(http2_frame(NGHTTP2_WINDOW_UPDATE, 0, 1, big_endian(1, 4)));
    loop.advance(10s);
  }
  EXPECT_EQ(seconds, 70);  // just past twice the time without progress
}

}  // namespace
}  // namespace kit::http
