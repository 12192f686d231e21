// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "kit/async/loop.hpp"
#include "kit/cache/local_store.hpp"

namespace kit::cache {

/// The text that a key is kept under.
inline std::string key_text(std::string_view key) {
  return std::string(key);
}
template <std::integral T>
std::string key_text(T key) {
  return std::to_string(key);
}
template <class T>
  requires requires(const T& key) {
    { key.to_string() } -> std::same_as<std::string>;
  }
std::string key_text(const T& key) {
  return key.to_string();
}

template <class T>
  requires requires(const T& key) { key.value(); }
std::string key_text(const T& key) {
  return key_text(key.value());
}

/// `LocalStore` with types: `Key` is what `key_text` takes. Everything said there holds here.
template <class Key, class Value>
class LocalCache {
 public:
  /// Null: known to be absent.
  using Shared = std::shared_ptr<const Value>;
  /// What one load brings, and how much room it takes; without a value: there is none.
  struct Loaded {
    // Not an aggregate: g++ 12 destroys aggregate temporaries of a co_await expression twice.
    Loaded() = default;
    Loaded(Value loaded, std::size_t size)
        : value(std::make_shared<const Value>(std::move(loaded))), bytes(size) {}
    Shared value;
    std::size_t bytes = 0;
  };
  using Load = FunctionRef<Task<Loaded>()>;

  explicit LocalCache(const LocalOptions& options = {}) : store_(options) {}

  /// What is kept and fresh.
  std::optional<Shared> find(const Key& key) {
    std::optional<LocalStore::Value> found = store_.find(key_text(key), Loop::current().now());
    if (!found) return std::nullopt;
    return std::static_pointer_cast<const Value>(*std::move(found));
  }
  Task<Shared> get(Key key, Load load) {
    auto untyped = [&]() -> Task<LocalStore::Loaded> {
      Task<Loaded> loading = load();
      Loaded loaded = co_await std::move(loading);
      co_return LocalStore::Loaded(std::move(loaded.value), loaded.bytes);
    };
    LocalStore::Value value = co_await store_.get(key_text(key), untyped);
    co_return std::static_pointer_cast<const Value>(std::move(value));
  }
  void invalidate(const Key& key) { store_.invalidate(key_text(key)); }
  void clear() { store_.clear(); }
  LocalStore& store() { return store_; }
  LocalFigures figures() const { return store_.figures(); }

 private:
  LocalStore store_;
};

}  // namespace kit::cache
