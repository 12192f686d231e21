// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "kit/base/function.hpp"
#include "kit/base/result.hpp"
#include "kit/cache/local_cache.hpp"
#include "kit/cache/shared_level.hpp"

namespace kit::cache {

/// A cache of this process on one that instances share: a value that one of them loaded costs the
/// others a call of the shared cache. Where the shared cache is away it is a `LocalCache`. How long
/// an old value may be given after `invalidate` has returned: on the instance that called it never;
/// on others until they have heard of it, or its local time to live is over. Thread safety and
/// lifetime as `LocalStore`; `shared` outlives it.
template <class Key, class Value>
class TwoLevelCache {
 public:
  using Shared = std::shared_ptr<const Value>;
  using Load = FunctionRef<Task<std::optional<Value>>()>;
  /// The texts of values: not empty. A text that `decode` refuses (another version wrote it) is
  /// loaded anew. Thread safety: any thread.
  struct Codec {
    std::string (*encode)(const Value& value);
    Result<Value> (*decode)(std::string_view text);
  };

  TwoLevelCache(cache::Shared& shared, Codec codec, const LocalOptions& local,
                SharedLevelOptions options)
      : store_(local), level_(shared, store_, std::move(options)), codec_(codec) {}

  /// Null: there is none. Fails as `load` does. Lifetime: `load` until the task has ended.
  Task<Shared> get(Key key, Load load) {
    std::string text = key_text(key);
    std::string fresh;  // what this task loaded, for others
    bool is_loaded = false;
    auto loading = [&] { return fetch(text, load, &fresh, &is_loaded); };
    LocalStore::Value value = co_await store_.get(text, loading);
    if (is_loaded) {
      Task<> putting = level_.put(std::move(text), value, std::move(fresh));
      co_await std::move(putting);
    }
    co_return std::static_pointer_cast<const Value>(std::move(value));
  }
  Task<> invalidate(Key key) { return level_.invalidate(key_text(key)); }
  /// See `SharedLevel::follow`.
  Task<> follow() { return level_.follow(); }
  LocalFigures figures() const { return store_.figures(); }

 private:
  Task<LocalStore::Loaded> fetch(std::string key, Load load, std::string* fresh, bool* is_loaded) {
    std::optional<std::string> text = co_await level_.get(std::move(key));
    if (text && text->empty()) co_return LocalStore::Loaded();
    if (text) {
      Result<Value> value = codec_.decode(*text);
      if (value) {
        co_return LocalStore::Loaded(std::make_shared<const Value>(*std::move(value)),
                                     text->size());
      }
    }
    Task<std::optional<Value>> loading = load();
    std::optional<Value> value = co_await std::move(loading);
    *is_loaded = true;
    if (!value) co_return LocalStore::Loaded();
    *fresh = codec_.encode(*value);
    co_return LocalStore::Loaded(std::make_shared<const Value>(std::move(*value)), fresh->size());
  }

  LocalStore store_;
  SharedLevel level_;
  Codec codec_;
};

}  // namespace kit::cache
