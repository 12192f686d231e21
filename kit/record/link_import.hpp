// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/db/import.hpp"
#include "kit/db/sql.hpp"
#include "kit/record/csv_fields.hpp"
#include "kit/record/detail/batch_keys.hpp"
#include "kit/record/errors.hpp"
#include "kit/record/insert.hpp"
#include "kit/record/parameters.hpp"

namespace kit::record {

/// What the import of the links of a many-to-many relation consists of: a constant of generated
/// code. A `Link` is what stands in one row of the table.
template <class Link>
struct ImportedLink {
  std::span<const CsvColumn> columns;
  EntityName name;
  std::span<const Reference> references;
  std::string_view table;
  /// INSERT that leaves the pair that is there or changes its link. The pair is the first columns.
  db::Sql store;
  /// Reads a record and what is wrong with it.
  void (*read)(CsvReader& in, Link& link);
  void (*bind)(ParameterWriter& parameters, const Link& link);
};

/// The import of a many-to-many relation: pairs that are there already stay, or their links are
/// changed; all others are added, by many at a time. Generated code says the rest of
/// `db::ImportTarget`.
template <class Link>
class LinkImport : public db::ImportTarget {
 public:
  /// Lifetime: `parts` is a constant.
  explicit LinkImport(const ImportedLink<Link>& parts)
      : parts_(parts), columns_(columns_of(parts.store.sqlite)) {}

  std::size_t key_columns() const override { return pair_columns; }

  Task<db::Stored> store(db::Session& session, std::span<const csv::Field> fields) override {
    Link row{};
    co_await read(fields, row);
    ParameterList parameters(columns_.size());
    parts_.bind(parameters, row);
    co_await parameters.status();
    co_return co_await store_one(session, parameters.span());
  }

  bool has_batches() const override { return true; }

  Task<bool> store_batch(db::Transaction& unit, std::span<const csv::Fields> records,
                         std::vector<Result<db::Stored>>& results) override {
    std::deque<Link> rows;
    std::deque<ParameterList> bound;
    detail::BatchKeys keys(pair_columns);
    for (std::size_t i = 0; i < records.size(); ++i) {
      Result<> good = read(records[i], rows.emplace_back());
      ParameterList& parameters = bound.emplace_back(columns_.size());
      parts_.bind(parameters, rows.back());
      if (good.ok()) good = parameters.status();
      results.push_back(good.ok() ? Result<db::Stored>(db::Stored::inserted)
                                  : Result<db::Stored>(std::move(good).error()));
      if (results.back().ok() && !keys.add(i, parameters.span().first(pair_columns)))
        co_return false;
    }
    if (keys.is_empty()) co_return true;
    std::vector<bool> known(records.size());
    Task<bool> finding = find_known(unit, keys, known);
    const bool is_found = co_await std::move(finding);
    if (!is_found) co_return false;
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (!known[i]) continue;
      results[i] = db::Stored::unchanged;
      if (columns_.size() == pair_columns) continue;
      const db::Stored stored = co_await store_one(unit, bound[i].span());
      results[i] = stored;
    }
    const auto is_new = [](const Result<db::Stored>& result) {
      return result.ok() && *result == db::Stored::inserted;
    };
    if (std::ranges::none_of(results, is_new)) co_return true;
    Task<> adding = add_others(unit, bound, known, results);
    co_await std::move(adding);
    co_return true;
  }

 private:
  static constexpr std::size_t pair_columns = 2;

  Result<> read(std::span<const csv::Field> fields, Link& row) const {
    CsvReader in(parts_.columns, fields);
    parts_.read(in, row);
    return in.status();
  }

  Task<db::Stored> store_one(db::Session& session, std::span<const db::Parameter> parameters) {
    const Result<db::Session::Changed> stored =
        co_await as_result(link(session, parts_.store, parameters, parts_.name, parts_.references));
    if (!stored) co_return in_columns(stored.error().clone(), parts_.columns);
    co_return stored->rows == 0 ? db::Stored::unchanged : db::Stored::inserted;
  }

  Task<bool> find_known(db::Transaction& unit, detail::BatchKeys& keys, std::vector<bool>& known) {
    auto found = [&](std::size_t record, const db::Row&) -> Result<> {
      known[record] = true;
      return {};
    };
    const std::string pairs = keys.json();
    Parameters<1> parameters;
    parameters.add(pairs);
    Task<bool> finding =
        keys.find(unit, detail::select_pairs(unit.dialect(), parts_.table, columns_, keys.first()),
                  parameters.span(), 0, Purpose::reading, found);
    co_return co_await std::move(finding);
  }

  Task<> add_others(db::Transaction& unit, const std::deque<ParameterList>& bound,
                    const std::vector<bool>& known,
                    const std::vector<Result<db::Stored>>& results) {
    std::size_t next = 0;
    auto hand_out = [&](std::vector<db::Parameter>& row) -> Result<bool> {
      while (next < bound.size() && (known[next] || !results[next].ok())) ++next;
      if (next == bound.size()) return false;
      const std::span<const db::Parameter> values = bound[next++].span();
      row.assign(values.begin(), values.end());
      return true;
    };
    Task<std::int64_t> adding = unit.insert_rows(parts_.table, columns_, hand_out);
    co_await std::move(adding);
  }

  const ImportedLink<Link>& parts_;
  const std::vector<std::string_view> columns_;  ///< Of the table.
};

}  // namespace kit::record
