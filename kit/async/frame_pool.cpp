// SPDX-License-Identifier: Apache-2.0
#include "kit/async/frame_pool.hpp"

#include <array>
#include <new>

namespace kit::detail {
namespace {

constexpr std::size_t step = 64;
constexpr std::size_t classes = 64;  // up to 4 KiB
constexpr std::size_t kept_per_class =
    64;  // a thread keeps at most ~8 MiB, in practice a few dozen KiB

struct FreeFrame {
  FreeFrame* next;
};

struct Pool {
  std::array<FreeFrame*, classes> free{};
  std::array<std::size_t, classes> kept{};
  ~Pool();
};

thread_local Pool pool;
// A frame freed while the thread's other thread-locals die must not land in a dead pool.
thread_local bool pool_alive = true;

Pool::~Pool() {
  pool_alive = false;
  for (FreeFrame*& head : free) {
    while (head != nullptr) {
      FreeFrame* next = head->next;
      ::operator delete(head);
      head = next;
    }
  }
}

#if defined(__SANITIZE_ADDRESS__)
constexpr bool pooled = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool pooled = false;  // the sanitizers must see each frame die
#else
constexpr bool pooled = true;
#endif
#else
constexpr bool pooled = true;
#endif

}  // namespace

void* allocate_frame(std::size_t size) {
  std::size_t index = (size - 1) / step;
  if (!pooled || index >= classes) return ::operator new(size);
  if (FreeFrame* head = pool.free[index]) {
    pool.free[index] = head->next;
    --pool.kept[index];
    return head;
  }
  return ::operator new((index + 1) * step);
}

void free_frame(void* frame, std::size_t size) noexcept {
  std::size_t index = (size - 1) / step;
  if (!pooled || index >= classes || !pool_alive || pool.kept[index] >= kept_per_class) {
    ::operator delete(frame);
    return;
  }
  auto* head = static_cast<FreeFrame*>(frame);
  head->next = pool.free[index];
  pool.free[index] = head;
  ++pool.kept[index];
}

}  // namespace kit::detail
