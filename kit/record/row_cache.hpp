// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "kit/async/task.hpp"
#include "kit/cache/local_store.hpp"
#include "kit/db/joint_work.hpp"
#include "kit/record/errors.hpp"
#include "kit/record/history.hpp"
#include "kit/record/parameters.hpp"

namespace kit::record {

/// How much room texts and bytes take behind the values of a row.
std::size_t row_bytes(std::span<const db::Parameter> values);

/// What a repository reads rows by their id through: for single reads the cache of its table, in a
/// unit of work nothing. Under a `db::JointWork` nothing either: what others do not see yet must
/// not be kept, and what is kept may not be what the work has changed.
template <class Row>
class RowCache {
 public:
  RowCache() = default;
  /// Lifetime: `store` outlives this.
  explicit RowCache(cache::LocalStore& store) : store_(&store) {}

  using Load = FunctionRef<Task<std::optional<Row>>()>;
  /// Fills the parameters of the row's stored values, which are `columns` many.
  using Bind = void (*)(ParameterWriter&, const Row&);

  /// Fails with `not_found`, and as `load` does. Lifetime: `load` until the task has ended.
  template <std::size_t columns, class Id>
  Task<Row> find(EntityName name, Id id, Load load, Bind bind) const {
    if (store_ == nullptr || db::JointWork::current() != nullptr) {
      Task<std::optional<Row>> loading = load();
      std::optional<Row> row = co_await std::move(loading);
      if (!row) co_return not_found(name, id);
      co_return std::move(*row);
    }
    auto measured = [&] { return measure<columns>(load(), bind); };
    const cache::LocalStore::Value kept = co_await store_->get(row_key(id), measured);
    if (kept == nullptr) co_return not_found(name, id);
    co_return *static_cast<const Row*>(kept.get());
  }

 private:
  template <std::size_t columns>
  static Task<cache::LocalStore::Loaded> measure(Task<std::optional<Row>> loading, Bind bind) {
    std::optional<Row> row = co_await std::move(loading);
    if (!row) co_return cache::LocalStore::Loaded();
    Parameters<columns> values;
    bind(values, *row);
    const std::size_t bytes = sizeof(Row) + row_bytes(values.span());
    co_return cache::LocalStore::Loaded(std::make_shared<const Row>(std::move(*row)), bytes);
  }

  cache::LocalStore* store_ = nullptr;
};

}  // namespace kit::record
