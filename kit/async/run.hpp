// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "kit/async/loop.hpp"
#include "kit/async/task.hpp"

namespace kit {

/// Runs `loop` on this thread until `task` has finished, for `main` and tests. Asserts that it can
/// finish.
template <class T>
Result<T> run(Loop& loop, Task<T> task) {
  bool finished = false;
  struct Stop {
    Loop& loop;
    bool& finished;
  } stop{loop, finished};
  Function<void()> begin = [&] {
    if (!task.start(
            [](void* argument) {
              auto* end = static_cast<Stop*>(argument);
              end->finished = true;
              end->loop.stop();
            },
            &stop, "run")) {
      task.list_as("run");
      return;
    }
    finished = true;
    loop.stop();
  };
  loop.post(std::move(begin));
  loop.run();
  KIT_ASSERT(finished,
             "the loop ended before its task: stopped, or waiting for what can never happen");
  return task.take();
}

}  // namespace kit
