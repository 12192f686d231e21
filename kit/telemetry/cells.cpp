// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/cells.hpp"

#include <sys/mman.h>

#include <map>
#include <mutex>
#include <new>
#include <vector>

#include "kit/base/assert.hpp"

namespace kit::telemetry::detail {
namespace {

using Cell = std::atomic<std::uint64_t>;

/// Where cells come from; never destroyed, since static objects count until the end.
class Arena {
 public:
  static Arena& instance() {
    static Arena* const arena = new Arena;
    return *arena;
  }

  Cell* take(std::size_t count) {
    const std::lock_guard lock(mutex_);
    if (auto freed = freed_.find(count); freed != freed_.end() && !freed->second.empty()) {
      Cell* const cells = freed->second.back();
      freed->second.pop_back();
      return cells;
    }
    if (left_ < count) {
      // What is left of the last page is for those that need less.
      if (left_ > 0) freed_[left_].push_back(next_);
      next_ = map_block();
      left_ = Cells::most;
    }
    Cell* const cells = next_;
    next_ += count;
    left_ -= count;
    return cells;
  }

  void give_back(Cell* cells, std::size_t count) {
    const std::lock_guard lock(mutex_);
    for (std::size_t shard = 0; shard < kit::detail::shard_count; ++shard) {
      for (std::size_t i = 0; i < count; ++i) {
        Cell& cell = cells[shard * Cells::most + i];
        // A page that nobody wrote to stays without memory.
        if (cell.load(std::memory_order_relaxed) != 0) cell.store(0, std::memory_order_relaxed);
      }
    }
    freed_[count].push_back(cells);
  }

 private:
  /// A page for each shard. The system gives memory to those that are written to, all zero.
  static Cell* map_block() {
    constexpr std::size_t cells = kit::detail::shard_count * Cells::most;
    void* const block = ::mmap(nullptr, cells * sizeof(Cell), PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) throw std::bad_alloc();
    return new (block) Cell[cells];
  }

  std::mutex mutex_;
  Cell* next_ = nullptr;
  std::size_t left_ = 0;
  std::map<std::size_t, std::vector<Cell*>> freed_;  // by how many there are in a row
};

}  // namespace

Cells::Cells(std::size_t count) : first_(Arena::instance().take(count)), count_(count) {
  KIT_ASSERT(count <= most, "so many numbers at most are in a page");
}

Cells::~Cells() {
  Arena::instance().give_back(first_, count_);
}

std::uint64_t Cells::sum(std::size_t index) const {
  const std::size_t taken = kit::detail::shards_ever_taken.load(std::memory_order_acquire);
  std::uint64_t sum = own(kit::detail::shared_shard)[index].load(std::memory_order_relaxed);
  for (std::size_t shard = 0; shard < taken; ++shard) {
    sum += own(shard)[index].load(std::memory_order_relaxed);
  }
  return sum;
}

}  // namespace kit::telemetry::detail
