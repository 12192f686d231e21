// SPDX-License-Identifier: Apache-2.0
#include "kit/record/insert_rows.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "kit/base/assert.hpp"
#include "kit/record/insert.hpp"

namespace kit::record {
namespace {

using Columns = std::span<const std::string_view>;

bool is_null(const db::Parameter& value) {
  return std::holds_alternative<std::nullptr_t>(value);
}

/// A number or a text, as ids are.
std::string id_text(const db::Parameter& id) {
  if (const auto* number = std::get_if<std::int64_t>(&id)) return row_key(*number);
  const auto* text = std::get_if<std::string_view>(&id);
  return text == nullptr ? std::string() : std::string(*text);
}

/// Each row that others refer to is looked up once.
Task<> refuse_deleted_of(db::Session& session, const RowTable& table, std::size_t rows,
                         RowParameters parameters) {
  std::set<std::pair<std::size_t, std::string>> seen;
  for (std::size_t row = 0; row < rows; ++row) {
    const std::span<const db::Parameter> values = co_await parameters(row);
    for (const Reference& reference : table.references) {
      const db::Parameter& key = values[reference.parameter];
      if (reference.live.empty() || is_null(key)) continue;
      if (!seen.emplace(reference.parameter, id_text(key)).second) continue;
      co_await refuse_deleted(session, values, std::span(&reference, 1));
    }
  }
}

/// The rows from `first` to before `last`, whose ids are all given or all null.
Task<std::int64_t> insert_run(db::Transaction& unit, const RowTable& table, Columns columns,
                              std::size_t first, std::size_t last, bool has_ids,
                              RowParameters parameters) {
  // A null for the column would be a null there on PostgreSQL.
  const std::size_t skipped = has_ids ? 0 : 1;
  std::int64_t largest = 0;
  std::size_t row = first;
  auto hand_out = [&](std::vector<db::Parameter>& out) -> Result<bool> {
    if (row == last) return false;
    Result<std::span<const db::Parameter>> values = parameters(row++);
    if (!values) return std::move(values).error();
    if (const auto* id = std::get_if<std::int64_t>(&values->front()))
      largest = std::max(largest, *id);
    out.assign(values->begin() + static_cast<std::ptrdiff_t>(skipped), values->end());
    return true;
  };
  Task<std::int64_t> storing = unit.insert_rows(table.name, columns.subspan(skipped), hand_out);
  co_await std::move(storing);
  co_return largest;
}

Task<> add_history_of(db::Transaction& unit, const RowTable& table, Columns columns,
                      std::size_t rows, RowParameters parameters) {
  const auto found = std::ranges::find(columns, "created_at");
  KIT_ASSERT(found != columns.end(), "a table whose rows don't know when they were made");
  const auto created_at = static_cast<std::size_t>(found - columns.begin());
  std::size_t row = 0;
  auto next = [&](NewRow& entry) -> Result<bool> {
    if (row == rows) return false;
    Result<std::span<const db::Parameter>> values = parameters(row++);
    if (!values) return std::move(values).error();
    entry.row = id_text(values->front());
    entry.at = Timestamp{std::chrono::microseconds(std::get<std::int64_t>((*values)[created_at]))};
    entry.changes = changes_between(*table.audited, {}, *values);
    return true;
  };
  const auto version = table.has_versions ? std::optional<std::int64_t>(1) : std::nullopt;
  Task<> adding = add_history_of_new(unit, *table.audited, version, next);
  co_await std::move(adding);
}

}  // namespace

Task<> insert_rows(db::Transaction& unit, const RowTable& table, std::size_t rows,
                   RowParameters parameters) {
  if (std::ranges::any_of(table.references, [](const auto& each) { return !each.live.empty(); })) {
    Task<> looking = refuse_deleted_of(unit, table, rows, parameters);
    co_await std::move(looking);
  }
  const std::vector<std::string_view> columns = columns_of(table.insert);
  std::int64_t largest = 0;
  for (std::size_t first = 0, last = 0; first < rows; first = last) {
    bool has_ids = false;
    for (last = first; last < rows; ++last) {
      const std::span<const db::Parameter> values = co_await parameters(last);
      const bool has_id = !is_null(values.front());
      if (last == first) has_ids = has_id;
      if (has_id != has_ids) break;
    }
    KIT_ASSERT(has_ids || table.audited == nullptr, "a history of rows without ids");
    Task<std::int64_t> storing = insert_run(unit, table, columns, first, last, has_ids, parameters);
    const std::int64_t id = co_await std::move(storing);
    largest = std::max(largest, id);
  }
  co_await move_ahead(unit, table.name, largest);
  if (table.audited == nullptr) co_return;
  Task<> adding = add_history_of(unit, table, columns, rows, parameters);
  co_await std::move(adding);
}

}  // namespace kit::record
