// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/db/import.hpp"
#include "kit/record/csv_fields.hpp"
#include "kit/record/detail/batch_keys.hpp"
#include "kit/record/errors.hpp"
#include "kit/record/parameters.hpp"
#include "kit/record/write.hpp"

namespace kit::record {

namespace detail {

/// What a repository keeps.
template <class Repository, class Entity>
Entity added_by(Task<> (Repository::*add)(Entity& entity));

}  // namespace detail

/// What the import of an entity consists of: a constant of generated code.
template <class Entity>
struct ImportedEntity {
  std::span<const CsvColumn> columns;
  EntityName name;
  std::string_view key;    ///< The field that tells rows apart: "id".
  int key_column;          ///< Its place among the columns of `known`.
  std::string_view known;  ///< SELECT ... WHERE id IN (?1)
  Result<> (*read_row)(const db::Row& row, Entity& entity);
  void (*read_key)(CsvReader& in, Entity& entity);
  void (*bind_key)(ParameterWriter& parameters, const Entity& entity);
  /// Reads what stands behind the key; null: nothing does.
  void (*read_rest)(CsvReader& in, Entity& entity) = nullptr;
  void (*validate)(const Entity& entity, std::vector<FieldViolation>& violations);
  /// Adds new ones together; null where their history waits for the id that the database gives.
  Task<> (*add_all)(db::Transaction& unit, std::span<Entity> entities) = nullptr;
};

/// The import of an entity: rows with a known key are changed, all others added, by many at a time
/// where that comes to the same as one by one. Generated code says the rest of `db::ImportTarget`.
template <class Repository>
class EntityImport : public db::ImportTarget {
 public:
  using Entity = decltype(detail::added_by(&Repository::add));

  /// Lifetime: `parts` is a constant.
  explicit EntityImport(const ImportedEntity<Entity>& parts) : parts_(parts) {}

  std::size_t key_columns() const override { return 1; }

  Task<db::Stored> store(db::Session& session, std::span<const csv::Field> fields) override {
    const std::optional<Entity> known = co_await find_known(session, fields);
    Entity entity = known.value_or(Entity{});
    const bool is_changed = co_await read(fields, known, entity);
    if (!is_changed) co_return db::Stored::unchanged;
    Repository rows = open(session);
    Task<> writing = known ? rows.save(entity) : rows.add(entity);
    Result<> stored = co_await as_result(std::move(writing));
    if (!stored) co_return in_columns(std::move(stored).error(), parts_.columns);
    co_return known ? db::Stored::updated : db::Stored::inserted;
  }

  bool has_batches() const override { return parts_.add_all != nullptr && !row_limit().is_limited; }

  Task<bool> store_batch(db::Transaction& unit, std::span<const csv::Fields> records,
                         std::vector<Result<db::Stored>>& results) override {
    std::vector<std::optional<Entity>> known(records.size());
    Task<bool> finding = find_all_known(unit, records, known);
    const bool is_found = co_await std::move(finding);
    if (!is_found) co_return false;
    std::vector<Entity> added;
    for (std::size_t i = 0; i < records.size(); ++i) {
      Entity entity = known[i].value_or(Entity{});
      const Result<bool> is_changed = read(records[i], known[i], entity);
      if (!is_changed) {
        results.emplace_back(is_changed.error().clone());
      } else if (!*is_changed) {
        results.emplace_back(db::Stored::unchanged);
      } else if (!known[i]) {
        added.push_back(std::move(entity));
        results.emplace_back(db::Stored::inserted);
      } else {
        // In the order of the file: what is unique may go from one row to another.
        co_await add_all(unit, added);
        Repository rows = open(unit);
        co_await rows.save(entity);
        results.emplace_back(db::Stored::updated);
      }
    }
    co_await add_all(unit, added);
    co_return true;
  }

  bool has_late_references() const override { return checks_late; }

  Task<> verify(db::Session& session, std::span<const csv::Field> fields) override {
    if constexpr (checks_late) {
      const std::optional<Entity> stored = co_await find_known(session, fields);
      if (!stored) co_return;
      Repository rows = open(session);
      Result<> held = co_await as_result(rows.check_references(*stored));
      if (!held) co_await in_columns(std::move(held).error(), parts_.columns);
    }
    co_return;
  }

 private:
  /// A row may refer to a later one: whether it does is seen at the end of the file.
  static constexpr bool checks_late =
      requires(Repository& rows, const Entity& entity) { rows.check_references(entity); };

  static Repository open(db::Session& session) {
    if constexpr (checks_late) {
      return Repository(session, Lookup::at_commit);
    } else {
      return Repository(session);
    }
  }

  /// Whether there is anything to store.
  Result<bool> read(std::span<const csv::Field> fields, const std::optional<Entity>& known,
                    Entity& entity) const {
    CsvReader in(parts_.columns, fields);
    parts_.read_key(in, entity);
    if constexpr (requires { entity.deleted_at; }) {
      if (known && known->deleted_at) in.add(key_of_deleted(parts_.name, parts_.key, known->id));
    }
    if (parts_.read_rest != nullptr) parts_.read_rest(in, entity);
    std::vector<FieldViolation> violations;
    parts_.validate(entity, violations);
    in.add(std::move(violations));
    KIT_TRY(in.status());
    return !known || !(entity == *known);
  }

  Task<std::optional<Entity>> find_known(db::Session& session, std::span<const csv::Field> fields) {
    std::optional<Entity> known;
    CsvReader in(parts_.columns, fields);
    Entity given{};
    parts_.read_key(in, given);
    if (!in.ok()) co_return known;
    Parameters<1> key;
    parts_.bind_key(key, given);
    co_await key.status();
    auto sink = [&](const db::Row& row) -> Result<> {
      return known ? Result<>() : parts_.read_row(row, known.emplace());
    };
    co_await select(session, parts_.known, key.span(), sink, Purpose::changing);
    co_return known;
  }

  /// Those of all records. False: that is to be found out one by one.
  Task<bool> find_all_known(db::Session& session, std::span<const csv::Fields> records,
                            std::vector<std::optional<Entity>>& known) {
    detail::BatchKeys keys(1);
    std::deque<Entity> given;
    std::deque<Parameters<1>> bound;
    for (std::size_t i = 0; i < records.size(); ++i) {
      CsvReader in(parts_.columns, records[i]);
      parts_.read_key(in, given.emplace_back());
      if (!in.ok()) continue;
      parts_.bind_key(bound.emplace_back(), given.back());
      if (!bound.back().status().ok() || !keys.add(i, bound.back().span())) co_return false;
    }
    if (keys.is_empty()) co_return true;
    const std::span<const db::Parameter> values = keys.padded();
    auto found = [&](std::size_t record, const db::Row& row) {
      return parts_.read_row(row, known[record].emplace());
    };
    Task<bool> finding = keys.find(session, detail::with_keys(parts_.known, values.size()), values,
                                   parts_.key_column, Purpose::changing, found);
    co_return co_await std::move(finding);
  }

  Task<> add_all(db::Transaction& unit, std::vector<Entity>& entities) {
    if (entities.empty()) co_return;
    Task<> adding = parts_.add_all(unit, entities);
    co_await std::move(adding);
    entities.clear();
  }

  const ImportedEntity<Entity>& parts_;
};

}  // namespace kit::record
