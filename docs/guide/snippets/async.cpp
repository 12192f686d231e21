// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "kit/async/blocking.hpp"
#include "kit/async/channel.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/first_of.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/semaphore.hpp"
#include "kit/async/task.hpp"
#include "kit/async/task_group.hpp"
#include "kit/async/task_list.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit {
namespace {

using namespace std::chrono_literals;

// snippet: task
Task<std::string> greeting(std::string name) {
  co_await sleep_for(10ms);
  if (name.empty()) co_return Error(Code::invalid_argument, "nobody to greet");
  co_return "Hello, " + name;
}

Task<std::string> greet_twice() {
  std::string first = co_await greeting("Ada");  // an error here ends this task with that error
  Result<std::string> second = co_await as_result(greeting(""));  // looks at it instead
  co_return second ? first + ", " + *second : first;
}
// end snippet: task

// snippet: virtual-loop
TEST(AsyncGuide, Task) {
  testing::VirtualLoop loop;  // time jumps to the next timer: an hour takes no time
  Result<std::string> text = run(loop, greet_twice());
  EXPECT_EQ(*text, "Hello, Ada");
}
// end snippet: virtual-loop

// snippet: deadline
Task<int> slow_answer() {
  co_await sleep_for(1h);
  co_return 42;
}

Task<int> answer_or_zero() {
  Result<int> answer = co_await as_result(with_deadline(2s, slow_answer()));
  if (answer) co_return *answer;
  if (answer.error().code() == Code::deadline_exceeded) co_return 0;
  co_return std::move(answer).error();
}
// end snippet: deadline

TEST(AsyncGuide, Deadline) {
  testing::VirtualLoop loop;
  const auto before = loop.now();
  EXPECT_EQ(*run(loop, answer_or_zero()), 0);
  EXPECT_EQ(loop.now() - before, 2s);
}

// snippet: group
Task<> add_price(std::string shop, int* sum) {
  co_await sleep_for(1s);  // asks the shop
  if (shop == "closed") co_await Error(Code::unavailable, "the shop is closed");
  *sum += static_cast<int>(shop.size());
}

Task<int> sum_of_prices(std::vector<std::string> shops) {
  int sum = 0;
  TaskGroup group("prices");
  for (std::string& shop : shops) group.spawn(add_price(std::move(shop), &sum));
  co_await group.join();  // the first error cancels the others, and is what this fails with
  co_return sum;
}
// end snippet: group

TEST(AsyncGuide, Group) {
  testing::VirtualLoop loop;
  const auto before = loop.now();
  EXPECT_EQ(*run(loop, sum_of_prices({"north", "east"})), 9);
  EXPECT_EQ(loop.now() - before, 1s);
  EXPECT_EQ(run(loop, sum_of_prices({"north", "closed"})).error().code(), Code::unavailable);
}

// snippet: first-of
Task<std::string> fetch(std::string replica, Clock::duration latency) {
  co_await sleep_for(latency);
  co_return "from " + replica;
}

Task<std::string> fetch_from_the_fastest() {
  First<std::string> first = co_await first_of(fetch("a", 30ms), fetch("b", 20ms));
  EXPECT_EQ(first.index, 1U);  // "a" was cancelled and has ended
  co_return std::move(first.result);
}
// end snippet: first-of

TEST(AsyncGuide, FirstOf) {
  testing::VirtualLoop loop;
  EXPECT_EQ(*run(loop, fetch_from_the_fastest()), "from b");
}

// snippet: channel
Task<> read_rows(Channel<int>* rows) {
  for (int row = 1; row <= 100; ++row) co_await rows->send(row);  // waits while it is full
  rows->close();
}

Task<> write_rows(Channel<int>* rows, int* sum) {
  while (std::optional<int> row = co_await rows->receive()) {
    co_await sleep_for(1ms);  // writes it
    *sum += *row;
  }
}

Task<int> copy_rows() {
  int sum = 0;
  Channel<int> rows(8);
  TaskGroup group("copy");
  group.spawn("reader", read_rows(&rows));
  group.spawn("writer", write_rows(&rows, &sum));
  co_await group.join();
  co_return sum;
}
// end snippet: channel

TEST(AsyncGuide, Channel) {
  testing::VirtualLoop loop;
  EXPECT_EQ(*run(loop, copy_rows()), 5050);
}

struct Load {
  int now = 0;
  int most = 0;
};

// snippet: semaphore
Task<> resize_image(Semaphore* slots, Load* load) {
  auto slot = co_await slots->acquire();
  load->most = std::max(load->most, ++load->now);
  co_await sleep_for(1s);
  --load->now;
}  // the slot goes to who waits longest

Task<> resize_all(Load* load) {
  Semaphore slots(4);
  TaskGroup group("resize");
  for (int image = 0; image < 20; ++image) group.spawn(resize_image(&slots, load));
  co_await group.join();
}
// end snippet: semaphore

TEST(AsyncGuide, Semaphore) {
  testing::VirtualLoop loop;
  Load load;
  EXPECT_TRUE(run(loop, resize_all(&load)).ok());
  EXPECT_EQ(load.most, 4);
}

// snippet: mutex
Task<> refresh(Mutex* mutex, std::string* token, int* requests) {
  auto lock = co_await mutex->lock();  // the others wait here until this one is through
  if (!token->empty()) co_return;
  co_await sleep_for(1s);  // asks for a new one
  ++*requests;
  *token = "fresh";
}
// end snippet: mutex

Task<> refresh_together(int* requests) {
  Mutex mutex;
  std::string token;
  TaskGroup group("refresh");
  for (int i = 0; i < 10; ++i) group.spawn(refresh(&mutex, &token, requests));
  co_await group.join();
}

TEST(AsyncGuide, Mutex) {
  testing::VirtualLoop loop;
  int requests = 0;
  EXPECT_TRUE(run(loop, refresh_together(&requests)).ok());
  EXPECT_EQ(requests, 1);
}

// snippet: blocking
Task<std::string> read_file(std::string path) {
  // A named local: g++ 12 miscompiles a capturing lambda inside a co_await expression.
  auto read = [path = std::move(path)]() -> Result<std::string> {
    std::ifstream file(path);
    if (!file) return Error(Code::not_found, "can't open " + path);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  co_return co_await blocking(BlockingPool::shared(), std::move(read));
}
// end snippet: blocking

TEST(AsyncGuide, Blocking) {
  auto loop = make_epoll_loop();
  ASSERT_TRUE(loop.ok());
  EXPECT_EQ(run(**loop, read_file("/nonexistent")).error().code(), Code::not_found);
  EXPECT_TRUE(run(**loop, read_file(KIT_SOURCE_DIR "/README.md")).ok());
}

// snippet: cleanup
Task<> send_goodbye(std::string* log) {
  co_await sleep_for(1s);
  log->append("goodbye");
}

Task<> stay(std::string* log) {
  Result<> waited = co_await as_result(sleep_for(1h));
  if (waited) co_return;
  // Cancelled: whatever this task waits for from here on ends at once. What has to be finished all
  // the same runs outside, under a limit of its own.
  Context outside{Context::Detached{}};
  Context::Scope scope(outside);
  co_await with_deadline(5s, send_goodbye(log));
}
// end snippet: cleanup

Task<> leave_early(std::string* log) {
  TaskGroup group("visit");
  group.spawn(stay(log));
  co_await sleep_for(1s);
  group.cancel();
  co_await group.join();
}

TEST(AsyncGuide, Cleanup) {
  testing::VirtualLoop loop;
  std::string log;
  const auto before = loop.now();
  EXPECT_TRUE(run(loop, leave_early(&log)).ok());
  EXPECT_EQ(log, "goodbye");
  EXPECT_EQ(loop.now() - before, 2s);
}

// snippet: listed
Task<> send_mail_for_ever() {
  while (true) co_await sleep_for(30s);
}

Task<std::vector<std::string>> names_of_tasks() {
  TaskGroup background("background");
  background.spawn("mail", send_mail_for_ever());
  std::vector<std::string> names;
  for (const ListedTask& task : list_tasks()) names.push_back(task.name + ", " + task.waits_for);
  co_return names;
}  // a group that is dropped ends its tasks
// end snippet: listed

TEST(AsyncGuide, Listed) {
  testing::VirtualLoop loop;
  const auto names = run(loop, names_of_tasks());
  EXPECT_EQ(std::ranges::count(*names, "background: mail, kit::Sleep"), 1);
}

}  // namespace
}  // namespace kit
