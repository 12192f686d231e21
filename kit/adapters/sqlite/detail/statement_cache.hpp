// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "kit/base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace kit::sqlite::detail {

/// Prepared statements of one connection, each SQL text prepared once; those used least recently
/// leave when it is full. Thread safety: the connection's.
class StatementCache {
 public:
  StatementCache(sqlite3* database, std::size_t capacity);
  ~StatementCache();
  StatementCache(const StatementCache&) = delete;
  StatementCache& operator=(const StatementCache&) = delete;

  /// Valid until the next call. Fails with `internal` for SQL that is wrong, empty or more than one
  /// statement. Cost: for a text at the same address as before, a comparison of the text.
  Result<sqlite3_stmt*> prepare(std::string_view sql);
  std::size_t size() const { return entries_.size(); }
  std::size_t prepared() const { return prepared_; }
  void clear();

 private:
  struct Entry {
    std::string sql;
    sqlite3_stmt* statement;
  };
  using Place = std::list<Entry>::iterator;

  Place* hint(std::string_view sql);
  void evict();

  sqlite3* database_;
  std::size_t capacity_;
  std::size_t prepared_ = 0;
  std::list<Entry> entries_;  // used last comes first
  std::unordered_map<std::string_view, Place> by_text_;
  // Where a text at some address was found last: a guess, checked against the text.
  std::array<Place, 64> hints_;
};

}  // namespace kit::sqlite::detail
