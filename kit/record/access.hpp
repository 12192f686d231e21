// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kit/async/task.hpp"
#include "kit/base/caller.hpp"
#include "kit/base/result.hpp"
#include "kit/db/list_query.hpp"
#include "kit/record/errors.hpp"

namespace kit {

/// What is done to an entity.
enum class Use : std::uint8_t { read, write };

/// Decides who may do what, instead of or besides the roles of the schema. The rules about rows
/// stay as they are. Thread safety: called on every server's thread.
class AccessPolicy {
 public:
  virtual ~AccessPolicy() = default;
  /// Whether `caller` may use the entity ("Customer") at all. `by_schema`: what its rules say.
  virtual bool allows(const Caller& caller, std::string_view entity, Use use, bool by_schema) const;
  /// Whether `caller` may see and write a field ("credit"), asked for each field with rules.
  virtual bool allows_field(const Caller& caller, std::string_view entity, std::string_view field,
                            bool by_schema) const;
};

}  // namespace kit

/// Who may do what: the access rules of the schema, asked of `current_caller`. Work that is done
/// for nobody (imports on the command line, jobs) may do everything.
namespace kit::record {

/// A field that some roles only see and write.
struct FieldRule {
  std::string_view field;
  std::size_t place;  ///< Among the entity's fields.
  std::span<const std::string_view> roles;
};

/// A role that has to do with its own rows only.
struct RowRule {
  std::string_view role;
  /// SQL without parameters: whose a row of the table is. `(SELECT r1."user" FROM ...)`
  std::string_view owner;
};

/// The rules of one entity: a constant of generated code.
struct AccessRules {
  EntityName name;
  std::string_view entity;                  ///< "Customer"
  std::span<const std::string_view> read;   ///< Empty: everybody.
  std::span<const std::string_view> write;  ///< These read too. Empty: whoever may read.
  std::span<const FieldRule> fields = {};
  std::span<const RowRule> rows = {};
};

/// Fails with `permission_denied` (403) and the reason CUSTOMER_READ_FORBIDDEN or
/// CUSTOMER_WRITE_FORBIDDEN when the caller may not.
Result<> demand(const AccessRules& rules, Use use);

/// Whether the caller sees and writes the field of a rule.
bool allows_field(const AccessRules& rules, const FieldRule& rule);
/// Whether the caller sees all fields: what costs nothing then.
bool allows_every_field(const AccessRules& rules);

/// The rows the caller has to do with; of all of them unless every role that lets the caller in is
/// one with a rule about rows.
db::RowLimit row_limit(const AccessRules& rules);
bool is_limited(const AccessRules& rules);

/// Fails with `permission_denied` and the reason CUSTOMER_ROW_FORBIDDEN when the row, as it is
/// stored now, is none of the caller's: a change must not give rows away or take them.
Task<> check_own(db::Session& session, const AccessRules& rules, const db::ListTable& table,
                 db::Value id);
/// The same before a change; fails with `not_found`, for what is not the caller's is not there.
Task<> check_found(db::Session& session, const AccessRules& rules, const db::ListTable& table,
                   db::Value id);

/// A list of the one row, or of those with the ids (at most `ListQuery::max_in_values`).
db::ListQuery query_of(const db::ListTable& table, std::vector<db::Value> ids, db::Deleted deleted);
/// An id as a value of a list's filters.
inline db::Value id_value(std::int64_t id) {
  return id;
}
inline db::Value id_value(const Uuid& id) {
  return id.to_string();
}
template <class Tag, class Rep>
db::Value id_value(const Id<Tag, Rep>& id) {
  return id_value(id.value());
}

}  // namespace kit::record
