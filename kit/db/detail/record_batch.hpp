// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "kit/csv/source.hpp"

namespace kit::db::detail {

/// Records of a file that are stored together, all with the same number of fields. They outlive the
/// source's next call: their texts stand one after the other in a text of its own.
class RecordBatch {
 public:
  void add(std::size_t line, std::span<const csv::Field> fields);
  void clear();

  bool is_empty() const { return lines_.empty(); }
  std::size_t size() const { return lines_.size(); }
  /// Of their texts and what it takes to find them.
  std::size_t bytes() const { return text_.size() + lengths_.size() * sizeof(lengths_.front()); }
  std::size_t line(std::size_t record) const { return lines_[record]; }
  /// Lifetime: until the next call that is not const.
  std::span<const csv::Fields> records();

 private:
  std::vector<std::size_t> lines_;
  std::vector<std::size_t> lengths_;  ///< Of each field; `no_value` where there is none.
  std::string text_;
  std::vector<csv::Field> fields_;
  std::vector<csv::Fields> records_;
};

}  // namespace kit::db::detail
