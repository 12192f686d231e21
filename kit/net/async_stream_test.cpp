// SPDX-License-Identifier: Apache-2.0
#include "kit/net/async_stream.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/testing/memory_network.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::net {
namespace {

using namespace std::chrono_literals;

Task<std::string> read_all(AsyncStream& stream) {
  std::string all;
  std::array<char, 16> buffer{};
  while (const std::size_t count = co_await stream.read(buffer)) all.append(buffer.data(), count);
  co_return all;
}

Task<> write_then_end(AsyncStream& stream, std::string bytes) {
  co_await stream.write(bytes);
  stream.shutdown_write();
}

Task<std::string> carry(AsyncStream& from, AsyncStream& to, std::string bytes) {
  TaskGroup group("writer");
  group.spawn(write_then_end(from, std::move(bytes)));
  std::string all = co_await read_all(to);
  co_await group.join();
  co_return all;
}

TEST(AsyncStream, CarriesMoreThanFitsInFlight) {
  testing::VirtualLoop loop;
  for (bool one_byte : {false, true}) {
    auto pair = testing::make_memory_pair(loop, {.capacity = 64, .one_byte = one_byte});
    AsyncStream left(std::move(pair.first));
    AsyncStream right(std::move(pair.second));
    const std::string bytes(1000, 'x');
    const Result<std::string> all = run(loop, carry(left, right, bytes));
    ASSERT_TRUE(all.ok());
    EXPECT_EQ(*all, bytes);
  }
}

TEST(AsyncStream, GivesItsStreamToAnother) {
  testing::VirtualLoop loop;
  auto pair = testing::make_memory_pair(loop);
  AsyncStream left(std::move(pair.first));
  auto before = std::make_unique<AsyncStream>(std::move(pair.second));
  auto speak = [&](std::string bytes) -> Task<std::string> {
    co_await left.write(bytes);
    std::array<char, 16> buffer{};
    const std::size_t count = co_await before->read(buffer);
    co_return std::string(buffer.data(), count);
  };
  EXPECT_EQ(*run(loop, speak("first")), "first");
  std::unique_ptr<Stream> stream = before->release();
  before.reset();
  // What comes while nobody owns it is kept, and told to the next.
  ASSERT_TRUE(run(loop, write_then_end(left, "kept")).ok());
  AsyncStream after(std::move(stream));
  EXPECT_EQ(*run(loop, read_all(after)), "kept");
}

TEST(AsyncStreamDeathTest, LosesNoByteThatWasReadAhead) {
  testing::VirtualLoop loop;
  auto pair = testing::make_memory_pair(loop);
  AsyncStream stream(std::move(pair.first), "ahead");
  EXPECT_DEATH(stream.release(), "a stream left bytes behind");
}

TEST(AsyncStream, GivesFirstWhatWasReadAlready) {
  testing::VirtualLoop loop;
  auto pair = testing::make_memory_pair(loop);
  AsyncStream left(std::move(pair.first));
  AsyncStream right(std::move(pair.second), "before ");
  const Result<std::string> all = run(loop, carry(left, right, "after"));
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(*all, "before after");
}

TEST(AsyncStream, ADeadlineEndsAReadAndTheStreamGoesOn) {
  testing::VirtualLoop loop;
  auto pair = testing::make_memory_pair(loop);
  AsyncStream left(std::move(pair.first));
  AsyncStream right(std::move(pair.second));
  const Result<std::string> late = run(loop, with_deadline(1s, read_all(right)));
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code(), Code::deadline_exceeded);
  EXPECT_FALSE(right.stale());
  const Result<std::string> all = run(loop, carry(left, right, "still there"));
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(*all, "still there");
}

TEST(AsyncStream, ABrokenConnectionIsAnError) {
  testing::VirtualLoop loop;
  auto pair = testing::make_memory_pair(loop, {.capacity = 4});
  AsyncStream left(std::move(pair.first));
  {
    auto gone = std::move(pair.second);
  }
  EXPECT_TRUE(left.stale());
  const Result<> written = run(loop, write_then_end(left, "12345678"));
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().reason(), "CONNECTION_LOST");
}

}  // namespace
}  // namespace kit::net
