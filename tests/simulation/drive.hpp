// SPDX-License-Identifier: Apache-2.0
// What every random day has in common, whoever lives it.
#pragma once

#include <string>
#include <utility>

#include "kit/async/task.hpp"
#include "kit/http/server.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace simulation {

/// Its errors are expected, and ten thousand days of them are no log.
class SilentObserver final : public kit::http::RequestObserver {
 public:
  void on_finished(const Finished&) override {}
};

/// Lives `day` until nothing can happen any more. What was wrong with it; empty: nothing.
inline std::string drive(kit::testing::VirtualLoop& loop, kit::Task<> day) {
  bool finished = false;
  loop.post([&] {
    finished = day.start([](void* ended) { *static_cast<bool*>(ended) = true; }, &finished);
  });
  loop.run();
  if (!finished) return "a task is stuck: nothing can happen any more";
  const kit::Result<> result = day.take();
  return result.ok() ? std::string() : result.error().describe();
}

}  // namespace simulation
