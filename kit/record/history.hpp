// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "kit/async/task.hpp"
#include "kit/base/function.hpp"
#include "kit/base/id.hpp"
#include "kit/base/time.hpp"
#include "kit/base/uuid.hpp"
#include "kit/db/list_query.hpp"
#include "kit/json/writer.hpp"
#include "kit/record/page.hpp"

/// What happened to the rows of audited entities: written into the table kit_history by the
/// transaction that makes the change, so that neither is without the other.
namespace kit::record {

/// How the stored value of a column is written into a change.
enum class HistoryType : std::uint8_t {
  none,    ///< Not part of changes: the entry says it itself (id, version, updated_at).
  secret,  ///< That it changed, and nothing of its values.
  integer,
  boolean,
  real,
  text,
  decimal,
  date,
  time,
  timestamp,
  duration,
  json,
  bytes,
};

struct HistoryColumn {
  std::string_view name;
  HistoryType type = HistoryType::text;
  int scale = 0;  ///< Of decimals.
};

/// An audited entity: a constant of generated code.
struct Audited {
  std::string_view name;                   ///< "Customer"
  std::span<const HistoryColumn> columns;  ///< In the order of the parameters of its writes.
};

enum class Operation : std::uint8_t { create, update, remove, restore, purge, link, unlink };
/// "create", "update", "delete", "restore", "purge", "link", "unlink"
std::string_view to_string(Operation operation);

/// The id of a row as the history keeps it.
inline std::string row_key(std::int64_t id) {
  return std::to_string(id);
}
inline std::string row_key(const Uuid& id) {
  return id.to_string();
}
template <class Tag, class Rep>
std::string row_key(const Id<Tag, Rep>& id) {
  return row_key(id.value());
}

/// `{"city":["Oslo","Paris"],"pin":"changed"}`: the columns that differ. Without `before`, those
/// of a new row that are not null.
std::string changes_between(const Audited& entity, std::span<const db::Parameter> before,
                            std::span<const db::Parameter> after);
/// `{"deleted_at":[null,"2024-01-31T00:00:00.000000Z"]}`
std::string deletion_change(const std::optional<Timestamp>& before,
                            const std::optional<Timestamp>& after);
/// `{"tracks":[null,5]}`, or the other way around for one that is taken out.
template <class Tag, class Rep>
std::string link_change(json::Name relation, const Id<Tag, Rep>& other, bool linked) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  out.member(relation);
  out.begin_array();
  linked ? out.null() : out.value(other);
  linked ? out.value(other) : out.null();
  out.end_array();
  out.end_object();
  return text;
}

/// What is written about a change. `who` and `request_id` are those of the running task.
struct Change {
  Operation operation = Operation::update;
  std::string_view row;                 ///< `row_key`
  std::optional<std::int64_t> version;  ///< After the change; none: the entity has no versions.
  Timestamp at;
  std::string_view changes = "{}";
};
/// Writes an entry. Lifetime: everything borrowed lives until the task has ended.
Task<> add_history(db::Session& session, const Audited& entity, const Change& change);
/// What is written about a new row.
struct NewRow {
  std::string row;  ///< `row_key`
  Timestamp at;
  std::string changes;
};
/// Hands out one after the other; false: there is none any more.
using NewRows = FunctionRef<Result<bool>(NewRow& row)>;
/// Writes an entry for each, by many at a time. Only a roll-back is possible when it fails.
/// Lifetime: as with `add_history`.
Task<> add_history_of_new(db::Transaction& unit, const Audited& entity,
                          std::optional<std::int64_t> version, NewRows rows);
/// Runs an INSERT INTO kit_history ... SELECT for rows that a statement or foreign key changes
/// besides its own: ?1 is `row`, ?2 the time, ?3 who, ?4 the request.
Task<> add_history_of_others(db::Session& session, std::string_view sql, const db::Parameter& row,
                             Timestamp at);
/// Forgets what a purged row was: nothing of its values may stay, only that it was purged.
Task<> forget_history(db::Session& session, const Audited& entity, std::string_view row);

/// An entry, as it is read.
struct HistoryEntry {
  std::int64_t id = 0;
  std::optional<std::int64_t> version;
  Timestamp at;
  std::optional<std::string> who;
  std::optional<std::string> request_id;
  std::string operation;
  std::string changes;  ///< JSON
};

/// What history is listed by.
namespace history_columns {
extern const db::Column id;
extern const db::Column entity;
extern const db::Column row;
extern const db::Column at;
extern const db::Column who;
extern const db::Column operation;
}  // namespace history_columns
extern const db::ListTable history_table;

Task<Page<HistoryEntry>> list_history(db::Session& session, const db::ListQuery& query);

}  // namespace kit::record
