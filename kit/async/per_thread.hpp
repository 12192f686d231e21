// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>

#include "kit/base/function.hpp"

namespace kit {

namespace detail {

/// What `PerThread` keeps without knowing its type.
class ThreadObjects {
 public:
  ThreadObjects();
  /// Calls `close` on each object that still is, and lets go of it.
  ~ThreadObjects();
  ThreadObjects(const ThreadObjects&) = delete;
  ThreadObjects& operator=(const ThreadObjects&) = delete;

  /// Null: this thread has none yet.
  std::shared_ptr<void> here() const;
  void put(std::shared_ptr<void> object, void (*close)(void*));

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace detail

/// An object for each thread that asks for one, for what belongs to a thread (connections on its
/// loop). It ends with its thread or with this, whichever is first; in the second case `T::close()`
/// is called before, on the thread that ends this, while nobody else uses it. Thread safety: any
/// thread.
template <class T>
class PerThread {
 public:
  explicit PerThread(Function<std::shared_ptr<T>()> make) : make_(std::move(make)) {}

  std::shared_ptr<T> here() {
    std::shared_ptr<void> found = objects_.here();
    if (found != nullptr) return std::static_pointer_cast<T>(found);
    std::shared_ptr<T> made = make_();
    objects_.put(made, [](void* object) { static_cast<T*>(object)->close(); });
    return made;
  }

 private:
  Function<std::shared_ptr<T>()> make_;
  detail::ThreadObjects objects_;
};

}  // namespace kit
