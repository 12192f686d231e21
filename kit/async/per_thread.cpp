// SPDX-License-Identifier: Apache-2.0
#include "kit/async/per_thread.hpp"

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <vector>

namespace kit::detail {

struct ThreadObjects::State {
  struct Object {
    std::shared_ptr<void> value;
    void (*close)(void*);
  };
  std::mutex mutex;
  std::vector<Object> objects;  // of all threads

  void remove(const void* value) {
    std::lock_guard lock(mutex);
    std::erase_if(objects, [value](const Object& each) { return each.value.get() == value; });
  }
};

namespace {

/// What the current thread knows of the owners it has asked.
struct Registry {
  struct Entry {
    std::weak_ptr<ThreadObjects::State> owner;
    std::shared_ptr<void> value;
  };
  std::vector<Entry> entries;

  ~Registry() {
    for (Entry& entry : entries) {
      if (auto owner = entry.owner.lock()) owner->remove(entry.value.get());
    }
  }
};

thread_local Registry registry;

}  // namespace

ThreadObjects::ThreadObjects() : state_(std::make_shared<State>()) {}

ThreadObjects::~ThreadObjects() {
  // The threads still know theirs, and may never look again.
  std::lock_guard lock(state_->mutex);
  for (const State::Object& object : state_->objects) object.close(object.value.get());
}

std::shared_ptr<void> ThreadObjects::here() const {
  for (const Registry::Entry& entry : registry.entries) {
    // The address of an owner that is gone is not used again while it is known here.
    if (!entry.owner.owner_before(state_) && !state_.owner_before(entry.owner)) return entry.value;
  }
  return nullptr;
}

void ThreadObjects::put(std::shared_ptr<void> object, void (*close)(void*)) {
  std::erase_if(registry.entries, [](const auto& entry) { return entry.owner.expired(); });
  registry.entries.push_back({state_, object});
  std::lock_guard lock(state_->mutex);
  state_->objects.push_back({std::move(object), close});
}

}  // namespace kit::detail
