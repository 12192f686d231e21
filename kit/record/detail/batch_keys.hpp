// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/base/function.hpp"
#include "kit/db/database.hpp"
#include "kit/record/locking.hpp"

namespace kit::record::detail {

/// `sql` with the list of so many parameters for its `(?1)`.
std::string with_keys(std::string_view sql, std::size_t keys);
/// The SELECT of the pairs of `columns` that are in `table` out of those in `?1`, a JSON array of
/// arrays. `like`: a pair, of numbers and texts, which are uuids.
std::string select_pairs(db::Dialect dialect, std::string_view table,
                         std::span<const std::string_view> columns,
                         std::span<const db::Parameter> like);

/// The keys of the records of a batch, and which record a stored row is that of. Lifetime: the
/// texts of the keys outlive this.
class BatchKeys {
 public:
  explicit BatchKeys(std::size_t columns) : columns_(columns) {}

  /// The key of a record; false: another one has it too. One with a null is that of no row.
  bool add(std::size_t record, std::span<const db::Parameter> key);

  bool is_empty() const { return records_.empty(); }
  /// All keys, one after the other; the last of them as often as it takes to have few different
  /// numbers of them.
  std::span<const db::Parameter> padded();
  /// All keys as a JSON array of arrays.
  std::string json() const;
  std::span<const db::Parameter> first() const { return std::span(values_).first(columns_); }

  using Found = FunctionRef<Result<>(std::size_t record, const db::Row& row)>;
  /// Hands out the rows that a SELECT finds, of several with one key the first; their keys stand in
  /// the columns from `first_column`. False: they are too large to be kept, or one is found by a
  /// key that is written in another way ("a" and "a " where the database takes them for equal).
  Task<bool> find(db::Session& session, std::string sql, std::span<const db::Parameter> parameters,
                  int first_column, Purpose purpose, Found found);

 private:
  std::optional<std::size_t> record_of(const db::Row& row, int first_column) const;

  std::size_t columns_;
  std::vector<db::Parameter> values_;  ///< All keys, one after the other.
  std::unordered_map<std::string, std::size_t> records_;
};

}  // namespace kit::record::detail
