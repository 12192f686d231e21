// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/http/message_test_support.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;

TEST(ProducedBody, AWriteThatIsCancelledUnseenIsNoEnd) {
  testing::VirtualLoop loop;
  const auto body = stream_from([](BodyWriter& out) -> Task<> {
    co_await sleep_for(1s);  // the reader waits
    {
      TaskGroup group("writes");
      group.spawn(out.write("lost"));
      group.cancel();
      const Result<> joined = co_await as_result(group.join());
      EXPECT_FALSE(joined.ok());
    }
    co_await sleep_for(1s);
    co_await out.write("kept");
  });
  EXPECT_EQ(*run(loop, read_all(*body)), "kept");
}

TEST(ProducedBody, AnErrorBehindACancelledWriteIsSeen) {
  testing::VirtualLoop loop;
  const auto body = stream_from([](BodyWriter& out) -> Task<> {
    co_await sleep_for(1s);  // the reader waits
    {
      TaskGroup group("writes");
      group.spawn(out.write("lost"));
    }
    co_await sleep_for(1s);
    co_await Error(Code::data_loss, "broken");
  });
  const Result<std::string> all = run(loop, read_all(*body));
  ASSERT_FALSE(all.ok());
  EXPECT_EQ(all.error().code(), Code::data_loss);
}

TEST(ProducedBody, APieceOutlivesTheWriteItCameFrom) {
  testing::VirtualLoop loop;
  const auto body = stream_from([](BodyWriter& out) -> Task<> {
    std::string text(20'000, 'x');
    const Result<> written = co_await as_result(with_deadline(1s, out.write(text)));
    EXPECT_FALSE(written.ok());
    text.assign(text.size(), 'y');
    co_await out.write("next");
  });
  const Result<std::string_view> piece = run(loop, body->read());
  loop.advance(2s);
  EXPECT_EQ(*piece, std::string(20'000, 'x'));
  EXPECT_EQ(*run(loop, read_all(*body)), "next");
}

}  // namespace
}  // namespace kit::http
