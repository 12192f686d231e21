// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>

namespace simulation {

/// Everything random comes from here, the same with every standard library.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : random_(seed) {}

  /// From `least` to `most`.
  std::size_t between(std::size_t least, std::size_t most) {
    return least + random_() % (most - least + 1);
  }
  /// True once in `times`.
  bool once_in(std::size_t times) { return random_() % times == 0; }
  std::chrono::milliseconds up_to(std::chrono::milliseconds most) {
    return std::chrono::milliseconds(between(0, static_cast<std::size_t>(most.count())));
  }
  std::uint64_t seed() { return random_(); }

 private:
  std::mt19937_64 random_;
};

}  // namespace simulation
