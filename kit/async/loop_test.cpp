// SPDX-License-Identifier: Apache-2.0
#include "kit/async/loop.hpp"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <random>
#include <thread>
#include <vector>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace {
bool watches_run_out = false;
}

/// In the place of the C library's, for this program: the kernel's limit is the whole machine's.
extern "C" int epoll_ctl(int epoll, int operation, int descriptor, epoll_event* event) noexcept {
  if (watches_run_out && operation == EPOLL_CTL_ADD) {
    errno = ENOSPC;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_epoll_ctl, epoll, operation, descriptor, event));
}

namespace kit {
namespace {

using namespace std::chrono_literals;

struct Probe {
  std::vector<int>* order;
  int id;
  Timer timer;
};

TEST(Loop, TimersFireInOrderWhateverTheOrderOfArming) {
  testing::VirtualLoop loop;
  std::mt19937 random(7);
  std::vector<int> order;
  std::vector<std::unique_ptr<Probe>> probes;
  for (int i = 0; i < 1000; ++i) {
    auto& probe = probes.emplace_back(std::make_unique<Probe>());
    probe->order = &order;
    probe->id = static_cast<int>(random() % 100'000);
    probe->timer.set_action(
        [](void* argument) {
          auto* due = static_cast<Probe*>(argument);
          due->order->push_back(due->id);
        },
        probe.get());
    loop.start(probe->timer, loop.now() + std::chrono::microseconds(probe->id));
  }
  for (std::size_t i = 0; i < 1000; i += 3) probes[i]->timer.stop();
  loop.run();
  EXPECT_EQ(order.size(), 666U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(Loop, ATimerArmedAgainFiresOnceAtItsLastTime) {
  testing::VirtualLoop loop;
  std::mt19937 random(11);
  std::vector<int> order;
  std::vector<std::unique_ptr<Probe>> probes;
  for (int i = 0; i < 100; ++i) {
    auto& probe = probes.emplace_back(std::make_unique<Probe>());
    probe->order = &order;
    probe->timer.set_action(
        [](void* argument) {
          auto* due = static_cast<Probe*>(argument);
          due->order->push_back(due->id);
        },
        probe.get());
  }
  for (int i = 0; i < 2000; ++i) {
    Probe& probe = *probes[random() % probes.size()];
    probe.id = static_cast<int>(random() % 100'000);
    loop.start(probe.timer, loop.now() + std::chrono::microseconds(probe.id));
  }
  EXPECT_EQ(loop.timer_count(), 100U);
  loop.run();
  EXPECT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(EpollLoop, RunsPostedActionsFromOtherThreads) {
  auto loop = make_epoll_loop();
  ASSERT_TRUE(loop.ok());
  int count = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        (*loop)->post([&] {
          if (++count == 4000) (*loop)->stop();
        });
      }
    });
  }
  (*loop)->run();
  EXPECT_EQ(count, 4000);
}

Task<int> sleeps_a_little() {
  co_await sleep_for(2ms);
  co_return 5;
}

TEST(EpollLoop, RunsATask) {
  auto loop = make_epoll_loop();
  EXPECT_EQ(*run(**loop, sleeps_a_little()), 5);
}

struct PipeReader final : ReadinessHandler {
  int descriptor;
  Loop* loop;
  std::string seen;
  void on_readiness(Readiness readiness) override {
    if (!readiness.readable) return;
    char buffer[16];
    auto count = ::read(descriptor, buffer, sizeof buffer);
    if (count > 0) seen.append(buffer, static_cast<std::size_t>(count));
    if (seen.size() == 2) loop->stop();
  }
};

TEST(EpollLoop, ReportsReadiness) {
  auto loop = make_epoll_loop();
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  PipeReader reader;
  reader.descriptor = ends[0];
  reader.loop = loop->get();
  (*loop)->add(ends[0], reader);
  (*loop)->post([&] { EXPECT_EQ(::write(ends[1], "ok", 2), 2); });
  (*loop)->run();
  EXPECT_EQ(reader.seen, "ok");
  (*loop)->remove(ends[0]);
  ::close(ends[0]);
  ::close(ends[1]);
}

struct EndReader final : ReadinessHandler {
  int descriptor;
  Loop* loop;
  ssize_t last_read = -1;
  void on_readiness(Readiness readiness) override {
    EXPECT_TRUE(readiness.hung_up);
    char buffer[16];
    last_read = ::read(descriptor, buffer, sizeof buffer);
    loop->stop();
  }
};

TEST(EpollLoop, ASocketThatCannotBeWatchedEnds) {
  auto loop = make_epoll_loop();
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  EndReader reader;
  reader.descriptor = ends[0];
  reader.loop = loop->get();
  watches_run_out = true;
  (*loop)->add(ends[0], reader);
  watches_run_out = false;
  (*loop)->run();
  EXPECT_EQ(reader.last_read, 0);
  (*loop)->remove(ends[0]);
  // Gone before it was told: nobody is.
  reader.last_read = -1;
  watches_run_out = true;
  (*loop)->add(ends[1], reader);
  watches_run_out = false;
  (*loop)->remove(ends[1]);
  (*loop)->post([&] { (*loop)->stop(); });
  (*loop)->run();
  EXPECT_EQ(reader.last_read, -1);
  ::close(ends[0]);
  ::close(ends[1]);
}

struct Ending final : LoopEnd {
  explicit Ending(Loop& where) : loop(where) {}
  void on_loop_end() override {
    ++told;
    // Everything but running still works.
    loop.remove(descriptor);
  }
  Loop& loop;
  int descriptor = -1;
  int told = 0;
};

TEST(EpollLoop, WhatBelongsToALoopIsToldOfItsEnd) {
  auto loop = make_epoll_loop();
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  EndReader reader;
  Ending ending(**loop);
  ending.descriptor = ends[0];
  (*loop)->add(ends[0], reader);
  (*loop)->attach(ending);
  {
    Ending gone(**loop);  // before the loop
    (*loop)->attach(gone);
  }
  loop->reset();
  EXPECT_EQ(ending.told, 1);
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace kit
