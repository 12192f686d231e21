// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/mysql/detail/catalogue.hpp"

#include <algorithm>
#include <array>

#include "kit/base/text.hpp"

namespace kit::mysql::detail {
namespace {

Temporal temporal(std::string_view type) {
  if (type == "datetime" || type == "timestamp") return Temporal::timestamp;
  if (type == "date") return Temporal::date;
  return type == "time" ? Temporal::time : Temporal::none;
}

}  // namespace

std::string_view Catalogue::query(std::size_t index) {
  static constexpr std::array<std::string_view, query_count> texts = {
      "SELECT table_name, '', '' FROM information_schema.tables WHERE table_schema = DATABASE()",
      "SELECT table_name, column_name, data_type FROM information_schema.columns\n"
      "WHERE table_schema = DATABASE()\n"
      "  AND data_type IN ('datetime', 'timestamp', 'date', 'time')",
      "SELECT table_name, index_name, column_name FROM information_schema.statistics\n"
      "WHERE table_schema = DATABASE() AND non_unique = 0 AND column_name IS NOT NULL\n"
      // Those that make a unique index one of some rows only.
      "  AND LEFT(column_name, 7) <> 'kit_in_'\n"
      "ORDER BY table_name, index_name, seq_in_index"};
  return texts[index];
}

void Catalogue::add(std::size_t query, std::string_view table, std::string_view name,
                    std::string_view value) {
  if (query == 0) {
    tables.insert(to_lower(table));
  } else if (query == 1) {
    times[{to_lower(table), to_lower(name)}] = temporal(to_lower(value));
  } else {
    keys[{to_lower(table), to_lower(name)}].emplace_back(value);
  }
}

Temporal Catalogue::kind_of(const StatementText& text, const Place& place) const {
  if (place.cast != Temporal::none || place.column.empty()) return place.cast;
  const auto in = [&](const std::string& table) {
    const auto found = times.find({table, place.column});
    return found == times.end() ? Temporal::none : found->second;
  };
  Temporal kind = Temporal::none;
  bool is_named = false;
  for (const StatementText::Table& table : text.tables) {
    if (place.table.empty() || (place.table != table.alias && place.table != table.name)) continue;
    is_named = true;
    if (kind == Temporal::none) kind = in(table.name);
  }
  if (is_named) return kind;
  // Of no table of its own: any that has such a column (the column of a subquery comes from one).
  for (const StatementText::Table& table : text.tables) {
    if (kind == Temporal::none) kind = in(table.name);
  }
  return kind;
}

bool Catalogue::knows(const StatementText& text) const {
  return std::ranges::all_of(text.tables,
                             [this](const auto& table) { return tables.contains(table.name); });
}

std::shared_ptr<const Catalogue> CurrentCatalogue::get() const {
  std::lock_guard lock(mutex_);
  return catalogue_;
}

std::uint64_t CurrentCatalogue::changes() const {
  std::lock_guard lock(mutex_);
  return changes_;
}

void CurrentCatalogue::put(std::shared_ptr<const Catalogue> catalogue, std::uint64_t changes) {
  std::lock_guard lock(mutex_);
  if (changes == changes_) catalogue_ = std::move(catalogue);
}

void CurrentCatalogue::drop() {
  std::lock_guard lock(mutex_);
  catalogue_.reset();
  ++changes_;
}

}  // namespace kit::mysql::detail
