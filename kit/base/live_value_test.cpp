// SPDX-License-Identifier: Apache-2.0
#include "kit/base/live_value.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace kit {
namespace {

TEST(LiveValue, IsWhatWasPutLast) {
  LiveValue<std::string> value("one");
  const auto now = [&] { return value.read([](const std::string& text) { return text; }); };
  EXPECT_EQ(now(), "one");
  value.replace("two");
  EXPECT_EQ(now(), "two");
  EXPECT_EQ(*value.get(), "two");
  std::thread([&] { EXPECT_EQ(now(), "two"); }).join();
}

TEST(LiveValue, NobodySeesHalfOfOne) {
  LiveValue<std::vector<int>> value(std::vector<int>(64, 0));
  std::vector<std::thread> readers;
  std::atomic<bool> ends{false};
  std::atomic<int> wrong{0};
  for (int i = 0; i < 20; ++i) {  // more than have a place of their own
    readers.emplace_back([&] {
      int last = 0;
      while (!ends.load()) {
        value.read([&](const std::vector<int>& numbers) {
          for (const int number : numbers) wrong += number != numbers.front() ? 1 : 0;
          wrong += numbers.front() < last ? 1 : 0;
          last = numbers.front();
        });
      }
    });
  }
  for (int i = 1; i <= 500; ++i) value.replace(std::vector<int>(64, i));
  ends = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(value.read([](const std::vector<int>& numbers) { return numbers.front(); }), 500);
}

}  // namespace
}  // namespace kit
