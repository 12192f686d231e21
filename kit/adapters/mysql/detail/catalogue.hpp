// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/adapters/mysql/detail/statement_text.hpp"

namespace kit::mysql::detail {

/// What of a database's tables the server does not say by itself: which parameters are times, and
/// which columns a key has. Names are in lower case.
struct Catalogue {
  std::set<std::string, std::less<>> tables;
  std::map<std::pair<std::string, std::string>, Temporal> times;  ///< By table and column.
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> keys;  ///< Unique ones.

  /// Adds a row of `queries`.
  void add(std::size_t query, std::string_view table, std::string_view name,
           std::string_view value);
  Temporal kind_of(const StatementText& text, const Place& place) const;
  bool knows(const StatementText& text) const;

  static constexpr std::size_t query_count = 3;
  /// Each yields three columns.
  static std::string_view query(std::size_t index);
};

/// The catalogue that all connections share, until a table changes. Thread safety: any thread.
class CurrentCatalogue {
 public:
  /// Null: has to be read.
  std::shared_ptr<const Catalogue> get() const;
  /// Counts the changes; from before the reading of what is `put`.
  std::uint64_t changes() const;
  /// Without effect when tables have changed since `changes`.
  void put(std::shared_ptr<const Catalogue> catalogue, std::uint64_t changes);
  void drop();

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Catalogue> catalogue_;
  std::uint64_t changes_ = 0;
};

}  // namespace kit::mysql::detail
