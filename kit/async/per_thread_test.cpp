// SPDX-License-Identifier: Apache-2.0
#include "kit/async/per_thread.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <utility>

namespace kit {
namespace {

/// What a test's owner leaves on a thread goes later than the test: the counts live as long.
struct Counts {
  std::atomic<int> living = 0;
  std::atomic<int> closed = 0;
};

struct Counted {
  explicit Counted(std::shared_ptr<Counts> of) : counts(std::move(of)) { ++counts->living; }
  ~Counted() { --counts->living; }
  void close() { ++counts->closed; }
  std::shared_ptr<Counts> counts;
};

TEST(PerThread, OneForEachThreadThatEndsWithIt) {
  const auto counts = std::make_shared<Counts>();
  PerThread<Counted> objects([&] { return std::make_shared<Counted>(counts); });
  Counted* const mine = objects.here().get();
  EXPECT_EQ(objects.here().get(), mine);
  Counted* other = nullptr;
  std::thread([&] { other = objects.here().get(); }).join();
  EXPECT_NE(other, mine);
  EXPECT_EQ(counts->living, 1);
  EXPECT_EQ(counts->closed, 0);
}

TEST(PerThread, TheEndOfTheOwnerClosesAll) {
  const auto counts = std::make_shared<Counts>();
  for (int i = 1; i <= 3; ++i) {
    PerThread<Counted> objects([&] { return std::make_shared<Counted>(counts); });
    objects.here();
    // What an owner before it left behind on this thread has gone.
    EXPECT_EQ(counts->living, 1);
    EXPECT_EQ(counts->closed, i - 1);
  }
  EXPECT_EQ(counts->closed, 3);
  PerThread<Counted> next([] { return std::make_shared<Counted>(std::make_shared<Counts>()); });
  next.here();
  EXPECT_EQ(counts->living, 0);
}

}  // namespace
}  // namespace kit
