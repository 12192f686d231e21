// SPDX-License-Identifier: Apache-2.0
#include "kit/http/sse.hpp"

#include <gtest/gtest.h>

#include <string>

#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/http/message_test_support.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

std::string text(const Event& event) {
  std::string out;
  append_event(out, event);
  return out;
}
Event data(std::string content) {
  Event event;
  event.data = std::move(content);
  return event;
}

TEST(Events, HaveTheirFields) {
  Event event;
  event.id = "17";
  event.event = "added";
  event.data = "{\"a\":1}";
  event.retry = 2500ms;
  EXPECT_EQ(text(event), "id: 17\nevent: added\nretry: 2500\ndata: {\"a\":1}\n\n");
  EXPECT_EQ(text(data("")), "data: \n\n");
}

TEST(Events, SplitLinesOfData) {
  EXPECT_EQ(text(data("a\nb")), "data: a\ndata: b\n\n");
  EXPECT_EQ(text(data("a\r\nb\rc")), "data: a\ndata: b\ndata: c\n\n");
  EXPECT_EQ(text(data("\n\n")), "data: \ndata: \ndata: \n\n");
  EXPECT_EQ(text(data("a\n\r")), "data: a\ndata: \ndata: \n\n");
  EXPECT_EQ(text(data(" a")), "data:  a\n\n");
}

TEST(Events, CannotSmuggleFieldsIn) {
  Event event;
  event.id = "1\ndata: evil";
  event.event = "a\r\n\r\ndata: evil";
  event.data = "x";
  event.retry = -5ms;
  EXPECT_EQ(text(event), "id: 1\nevent: a\nretry: 0\ndata: x\n\n");
  event = data("x");
  event.id = "1\0002"s;
  EXPECT_EQ(text(event), "id: 1\ndata: x\n\n");
  EXPECT_EQ(text(data("x\rid: evil\r\revent: evil")),
            "data: x\ndata: id: evil\ndata: \ndata: event: evil\n\n");
}

/// The next piece, and when it came after `begin`.
std::string next(testing::VirtualLoop& loop, Response& response) {
  const Result<std::string_view> piece = run(loop, response.stream->read());
  return piece.ok() ? std::string(*piece) : std::string(name(piece.error().code()));
}

Task<> two_events(EventWriter& out) {
  co_await out.send_data("one");
  co_await sleep_for(40s);
  co_await out.send_data("two");
}

TEST(EventStream, SendsEventsAndCommentsBetweenThem) {
  testing::VirtualLoop loop;
  Response response = event_stream(two_events);
  EXPECT_EQ(response.content_type, "text/event-stream");
  EXPECT_EQ(field(response, "Cache-Control"), "no-store");
  EXPECT_EQ(field(response, "X-Accel-Buffering"), "no");
  const auto begin = loop.now();
  EXPECT_EQ(next(loop, response), "data: one\n\n");
  EXPECT_EQ(loop.now() - begin, 0s);
  EXPECT_EQ(next(loop, response), ":\n\n");
  EXPECT_EQ(loop.now() - begin, 15s);
  EXPECT_EQ(next(loop, response), ":\n\n");
  EXPECT_EQ(loop.now() - begin, 30s);
  EXPECT_EQ(next(loop, response), "data: two\n\n");
  EXPECT_EQ(loop.now() - begin, 40s);
  EXPECT_EQ(next(loop, response), "");
  EXPECT_EQ(loop.now() - begin, 40s) << "the end waits for no comment";
}

TEST(EventStream, NeedNotComment) {
  testing::VirtualLoop loop;
  EventStreamOptions options;
  options.keep_alive = 0ms;
  Response response = event_stream(two_events, options);
  EXPECT_EQ(next(loop, response), "data: one\n\n");
  EXPECT_EQ(next(loop, response), "data: two\n\n");
  EXPECT_EQ(next(loop, response), "");
}

TEST(EventStream, FailsWithItsProducer) {
  testing::VirtualLoop loop;
  Response response = event_stream([](EventWriter& out) -> Task<> {
    co_await out.send_data("one");
    co_await Error(Code::unavailable, "gone");
  });
  EXPECT_EQ(next(loop, response), "data: one\n\n");
  EXPECT_EQ(next(loop, response), "UNAVAILABLE");
}

TEST(EventStream, IsDroppedWithItsClient) {
  testing::VirtualLoop loop;
  bool is_dropped = false;
  struct Mark {
    bool& flag;
    ~Mark() { flag = true; }
  };
  Response response = event_stream([&is_dropped](EventWriter& out) -> Task<> {
    const Mark mark{is_dropped};
    while (true) {
      co_await out.send_data("again");
      co_await sleep_for(1s);
    }
  });
  EXPECT_EQ(next(loop, response), "data: again\n\n");
  EXPECT_FALSE(is_dropped);
  response.stream.reset();
  EXPECT_TRUE(is_dropped);
  loop.advance(1h);
  EXPECT_EQ(loop.timer_count(), 0U);
}

TEST(EventStream, TellsWhereAClientLeftOff) {
  const auto left_off = [](std::string_view value) {
    const TestRequest request(Method::get, {{"Last-Event-ID", value}});
    return std::string(last_event_id(request).value_or("new"));
  };
  EXPECT_EQ(left_off("17"), "17");
  EXPECT_EQ(left_off("\xc3\xa4"), "\xc3\xa4");
  EXPECT_EQ(left_off(std::string(1024, 'x')), std::string(1024, 'x'));
  EXPECT_EQ(left_off(std::string(1025, 'x')), "new");
  for (const char* bad : {"", "\xff", "a\tb", "\x7f"}) EXPECT_EQ(left_off(bad), "new");
  EXPECT_FALSE(last_event_id(TestRequest(Method::get, {})));
}

}  // namespace
}  // namespace kit::http
