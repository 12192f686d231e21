// SPDX-License-Identifier: Apache-2.0
#include "kit/record/access.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "kit/record/list.hpp"

namespace kit {

bool AccessPolicy::allows(const Caller&, std::string_view, Use, bool by_schema) const {
  return by_schema;
}

bool AccessPolicy::allows_field(const Caller&, std::string_view, std::string_view,
                                bool by_schema) const {
  return by_schema;
}

}  // namespace kit

namespace kit::record {
namespace {

bool by_schema(const AccessRules& rules, const Caller& caller, Use use) {
  if (use == Use::write && !rules.write.empty()) return caller.has_any(rules.write);
  if (rules.read.empty()) return true;
  return caller.has_any(rules.read) || caller.has_any(rules.write);
}

Error forbidden(const AccessRules& rules, std::string_view what, std::string message) {
  return Error(Code::permission_denied, std::move(message))
      .with_reason(std::string(rules.name.upper).append("_").append(what).append("_FORBIDDEN"));
}

/// A caller without a rule about rows among the roles that let it in has to do with all of them.
bool has_rule(const AccessRules& rules, std::string_view role) {
  return std::ranges::find(rules.rows, role, &RowRule::role) != rules.rows.end();
}

bool enters_without_rule(const AccessRules& rules, const Caller& caller) {
  const auto enters = [&](std::string_view role) {
    return caller.has(role) && !has_rule(rules, role);
  };
  return std::ranges::any_of(rules.read, enters) || std::ranges::any_of(rules.write, enters);
}

Task<bool> is_own(db::Session& session, const AccessRules& rules, const db::ListTable& table,
                  db::Value id) {
  std::vector<db::Value> ids;
  ids.push_back(std::move(id));
  const db::ListQuery query = query_of(table, std::move(ids), db::Deleted::include);
  const db::RowLimit limit = row_limit(rules);
  const std::int64_t found = co_await count(session, table, query, limit);
  co_return found > 0;
}

}  // namespace

Result<> demand(const AccessRules& rules, Use use) {
  if (current_caller == nullptr) return {};
  const Caller& caller = *current_caller;
  bool allowed = by_schema(rules, caller, use);
  if (caller.policy != nullptr) allowed = caller.policy->allows(caller, rules.entity, use, allowed);
  if (allowed) return {};
  const bool reads = use == Use::read;
  std::string message = "you may not ";
  message.append(reads ? "read " : "change ").append(rules.entity);
  return forbidden(rules, reads ? "READ" : "WRITE", std::move(message));
}

bool allows_field(const AccessRules& rules, const FieldRule& rule) {
  if (current_caller == nullptr) return true;
  const Caller& caller = *current_caller;
  const bool allowed = caller.has_any(rule.roles);
  if (caller.policy == nullptr) return allowed;
  return caller.policy->allows_field(caller, rules.entity, rule.field, allowed);
}

bool allows_every_field(const AccessRules& rules) {
  return std::ranges::all_of(rules.fields,
                             [&](const FieldRule& rule) { return allows_field(rules, rule); });
}

db::RowLimit row_limit(const AccessRules& rules) {
  db::RowLimit limit;
  if (current_caller == nullptr || rules.rows.empty()) return limit;
  if (enters_without_rule(rules, *current_caller)) return limit;
  limit.owner = current_caller->subject;
  // None of the roles: a policy let the caller in, but nobody said whose rows are meant.
  limit.is_limited = true;
  for (const RowRule& rule : rules.rows) {
    if (current_caller->has(rule.role)) limit.owners.push_back(rule.owner);
  }
  return limit;
}

bool is_limited(const AccessRules& rules) {
  return current_caller != nullptr && !rules.rows.empty() &&
         !enters_without_rule(rules, *current_caller);
}

Task<> check_own(db::Session& session, const AccessRules& rules, const db::ListTable& table,
                 db::Value id) {
  if (!is_limited(rules)) co_return;
  const bool own = co_await is_own(session, rules, table, std::move(id));
  if (own) co_return;
  std::string message = "you may not make the ";
  message.append(rules.name.label).append(" somebody else's");
  co_await forbidden(rules, "ROW", std::move(message));
}

Task<> check_found(db::Session& session, const AccessRules& rules, const db::ListTable& table,
                   db::Value id) {
  if (!is_limited(rules)) co_return;
  const auto* number = std::get_if<std::int64_t>(&id);
  const std::string shown = number != nullptr ? std::to_string(*number) : std::get<std::string>(id);
  const bool own = co_await is_own(session, rules, table, std::move(id));
  if (!own) co_await not_found(rules.name, shown);
}

db::ListQuery query_of(const db::ListTable& table, std::vector<db::Value> ids,
                       db::Deleted deleted) {
  db::ListQuery query;
  query.limit = static_cast<std::int64_t>(ids.size());
  query.filters.push_back({table.id, db::Operator::in, std::move(ids)});
  query.deleted = deleted;
  return query;
}

}  // namespace kit::record
