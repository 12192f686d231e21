// SPDX-License-Identifier: Apache-2.0
#include "kit/async/per_thread.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace kit {
namespace {

struct Counted {
  Counted(std::atomic<int>& alive, std::atomic<int>& closes) : living(alive), closed(closes) {
    ++living;
  }
  ~Counted() { --living; }
  void close() { ++closed; }
  std::atomic<int>& living;
  std::atomic<int>& closed;
};

TEST(PerThread, OneForEachThreadThatEndsWithIt) {
  std::atomic<int> living = 0;
  std::atomic<int> closed = 0;
  PerThread<Counted> objects([&] { return std::make_shared<Counted>(living, closed); });
  Counted* const mine = objects.here().get();
  EXPECT_EQ(objects.here().get(), mine);
  Counted* other = nullptr;
  std::thread([&] { other = objects.here().get(); }).join();
  EXPECT_NE(other, mine);
  EXPECT_EQ(living, 1);
  EXPECT_EQ(closed, 0);
}

TEST(PerThread, TheEndOfTheOwnerClosesAll) {
  std::atomic<int> living = 0;
  std::atomic<int> closed = 0;
  for (int i = 1; i <= 3; ++i) {
    PerThread<Counted> objects([&] { return std::make_shared<Counted>(living, closed); });
    objects.here();
    // What an owner before it left behind on this thread has gone.
    EXPECT_EQ(living, 1);
    EXPECT_EQ(closed, i - 1);
  }
  EXPECT_EQ(closed, 3);
  std::atomic<int> more_living = 0;
  PerThread<Counted> next([&] { return std::make_shared<Counted>(more_living, closed); });
  next.here();
  EXPECT_EQ(living, 0);
}

}  // namespace
}  // namespace kit
