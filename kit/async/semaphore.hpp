// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "kit/async/intrusive_list.hpp"
#include "kit/async/operation.hpp"

namespace kit {

/// So many at a time: `auto permit = co_await semaphore.acquire();`. Who waits longest is served
/// first. Thread safety: one loop's thread. Lifetime: longer than its permits.
class Semaphore {
 public:
  class Acquire;

  /// The right to go on, given back when it is destroyed. May cross a `co_await`.
  class [[nodiscard]] Permit {
   public:
    Permit(Permit&& other) noexcept : semaphore_(std::exchange(other.semaphore_, nullptr)) {}
    Permit& operator=(Permit&& other) noexcept {
      if (this != &other) {
        release();
        semaphore_ = std::exchange(other.semaphore_, nullptr);
      }
      return *this;
    }
    ~Permit() { release(); }
    /// Gives it back before its end.
    void release() {
      if (semaphore_ != nullptr) std::exchange(semaphore_, nullptr)->give_back();
    }

   private:
    friend class Semaphore;
    friend class Acquire;
    explicit Permit(Semaphore& semaphore) : semaphore_(&semaphore) {}
    Semaphore* semaphore_;
  };

  explicit Semaphore(std::size_t permits) : permits_(permits), available_(permits) {}
  /// Asserts that every permit was given back.
  ~Semaphore();
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  /// For `co_await`: yields a `Permit`. Fails with why the task was cancelled while it waited.
  Acquire acquire();
  /// Nothing when none is free.
  std::optional<Permit> try_acquire();

  std::size_t available() const { return available_; }
  bool has_waiters() const { return !waiting_.empty(); }

 private:
  void give_back();

  std::size_t permits_;
  std::size_t available_;
  IntrusiveList<Acquire, struct AcquireTag> waiting_;
};

class Semaphore::Acquire final : public Operation<Permit>, public ListNode<AcquireTag> {
 public:
  explicit Acquire(Semaphore& semaphore) : semaphore_(semaphore) {}
  ~Acquire() = default;

 private:
  friend class Semaphore;
  void start() override;
  void detach() override { ListNode<AcquireTag>::unlink(); }
  Semaphore& semaphore_;
};

inline Semaphore::Acquire Semaphore::acquire() {
  return Acquire(*this);
}

/// One at a time, over awaits too: `auto lock = co_await mutex.lock();`. For a sequence of awaits
/// that others must not come between; what does not await needs no lock on one thread. First come,
/// first served; locking it twice in one task waits for ever. Thread safety and lifetime as
/// `Semaphore`.
class Mutex {
 public:
  using Lock = Semaphore::Permit;

  Semaphore::Acquire lock() { return semaphore_.acquire(); }
  std::optional<Lock> try_lock() { return semaphore_.try_acquire(); }
  bool locked() const { return semaphore_.available() == 0; }

 private:
  Semaphore semaphore_{1};
};

}  // namespace kit
