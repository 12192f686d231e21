// SPDX-License-Identifier: Apache-2.0
#include "kit/record/write.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <variant>

#include "kit/record/locking.hpp"

namespace kit::record {
namespace {

constexpr int conflict = 409;

bool is_foreign_key_violation(const Error& error) {
  return error.reason() == "FOREIGN_KEY_VIOLATION";
}

Error taken(const EntityName& entity, Error error) {
  std::string reason(entity.upper);
  std::string message = "there is another ";
  message.append(entity.label).append(" with this ");
  std::vector<FieldViolation> violations;
  for (const FieldViolation& column : error.violations()) {
    // "customers.email" or "email"
    const std::string field = column.field.substr(column.field.find('.') + 1);
    // A column that is there to make the key hold for some rows only.
    if (field.starts_with("kit_")) continue;
    reason += '_';
    for (const char c : field)
      reason += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    message.append(violations.empty() ? "" : ", ").append(field);
    violations.push_back({field, "is taken"});
  }
  return Error(Code::already_exists, std::move(message))
      .with_reason(reason + "_TAKEN")
      .with_violations(std::move(violations))
      .with_http_status(conflict)
      .with_cause(std::move(error));
}

Error dangling(const Reference& reference) {
  std::string message = "the ";
  message.append(reference.label).append(" does not exist");
  return Error(Code::failed_precondition, message)
      .with_reason(std::string(reference.reason))
      .with_violation(std::string(reference.field), "refers to nothing that exists")
      .with_http_status(conflict);
}

Task<bool> exists(db::Session& session, std::string_view sql, std::span<const db::Parameter> key,
                  Purpose purpose = Purpose::reading) {
  bool found = false;
  auto sink = [&](const db::Row&) -> Result<> {
    found = true;
    return {};
  };
  co_await select(session, sql, key, sink, purpose);
  co_return found;
}

/// The reference that a database has named by its column; null for one that it has not.
const Reference* named(const Error& error, std::span<const Reference> references) {
  for (const FieldViolation& column : error.violations()) {
    const auto found = std::ranges::find(references, column.field, &Reference::field);
    if (found != references.end()) return &*found;
  }
  return nullptr;
}

/// Always fails, with what a client can act on. Where the database does not say itself which
/// reference was broken the refused statement has changed nothing and its transaction goes on, so
/// that it can be asked what was missing.
Task<db::Session::Changed> explain(db::Session& session, Error error,
                                   std::span<const db::Parameter> parameters,
                                   const EntityName& entity,
                                   std::span<const Reference> references) {
  if (error.code() == Code::already_exists) co_return taken(entity, std::move(error));
  if (!is_foreign_key_violation(error)) co_return error;
  if (const Reference* broken = named(error, references))
    co_return dangling(*broken).with_cause(std::move(error));
  if (session.dialect() == db::Dialect::postgresql) co_return error;
  for (const Reference& reference : references) {
    const std::span<const db::Parameter> key = parameters.subspan(reference.parameter, 1);
    if (std::holds_alternative<std::nullptr_t>(key.front())) continue;
    const bool found = co_await exists(session, reference.exists, key);
    if (!found) co_return dangling(reference).with_cause(std::move(error));
  }
  co_return error;
}

/// Where foreign keys can't wait for the commit an import may switch them off for rows that refer
/// to later ones. Those that would not wait are looked up instead.
Task<> refuse_missing(db::Session& session, std::span<const db::Parameter> parameters,
                      std::span<const Reference> references) {
  for (const Reference& reference : references) {
    const std::span<const db::Parameter> key = parameters.subspan(reference.parameter, 1);
    if (reference.deferred || std::holds_alternative<std::nullptr_t>(key.front())) continue;
    const bool found = co_await exists(session, reference.exists, key, Purpose::referring);
    if (!found) co_await dangling(reference);
  }
}

/// Ids are numbers or texts.
bool is_same_id(const db::Parameter& a, const db::Parameter& b) {
  if (const auto* number = std::get_if<std::int64_t>(&a)) {
    const auto* other = std::get_if<std::int64_t>(&b);
    return other != nullptr && *number == *other;
  }
  const auto* text = std::get_if<std::string_view>(&a);
  const auto* other = std::get_if<std::string_view>(&b);
  return text != nullptr && other != nullptr && *text == *other;
}

bool has_live(std::span<const Reference> references) {
  return std::ranges::any_of(references,
                             [](const Reference& reference) { return !reference.live.empty(); });
}

}  // namespace

Task<> refuse_deleted(db::Session& session, std::span<const db::Parameter> parameters,
                      std::span<const Reference> references) {
  for (const Reference& reference : references) {
    if (reference.live.empty()) continue;
    const std::array<db::Parameter, 2> keys = {parameters[reference.parameter], parameters.front()};
    if (std::holds_alternative<std::nullptr_t>(keys.front())) continue;
    const bool live = co_await exists(session, reference.live, keys, Purpose::referring);
    if (live) continue;
    // One that is not there at all may still come.
    bool refused = true;
    if (reference.deferred) {
      refused = co_await exists(session, reference.exists, std::span(keys).first(1));
    }
    if (refused) co_await dangling(reference);
  }
}

Task<db::Session::Changed> write(db::Session& session, std::string_view sql,
                                 std::span<const db::Parameter> parameters,
                                 const EntityName& entity, std::span<const Reference> references,
                                 Lookup lookup) {
  if (has_live(references)) co_await refuse_deleted(session, parameters, references);
  if (lookup == Lookup::at_commit && session.dialect() == db::Dialect::mysql)
    co_await refuse_missing(session, parameters, references);
  Result<db::Session::Changed> changed = co_await as_result(session.execute(sql, parameters));
  if (!changed) {
    co_return co_await explain(session, std::move(changed).error(), parameters, entity, references);
  }
  if (changed->rows > 0 && lookup == Lookup::at_once) {
    co_await check_references(session, parameters, references);
  }
  co_return *changed;
}

Task<> check_references(db::Session& session, std::span<const db::Parameter> parameters,
                        std::span<const Reference> references) {
  for (const Reference& reference : references) {
    const std::span<const db::Parameter> key = parameters.subspan(reference.parameter, 1);
    if (!reference.deferred || std::holds_alternative<std::nullptr_t>(key.front())) continue;
    const bool found = co_await exists(session, reference.exists, key);
    if (!found) co_await dangling(reference);
  }
}

Task<> check_live(db::Session& session, std::span<const db::Parameter> parameters,
                  std::span<const Reference> references) {
  for (const Reference& reference : references) {
    if (reference.live.empty()) continue;
    const db::Parameter& key = parameters[reference.parameter];
    // What refers to itself comes back with itself.
    if (std::holds_alternative<std::nullptr_t>(key)) continue;
    if (reference.to_self && is_same_id(key, parameters.front())) continue;
    // Without a row whose reference is let pass as it is.
    const std::array<db::Parameter, 2> keys = {key, nullptr};
    const bool live = co_await exists(session, reference.live, keys, Purpose::referring);
    if (!live) co_await dangling(reference);
  }
}

Task<db::Session::Changed> erase(db::Session& session, std::string_view sql,
                                 std::span<const db::Parameter> parameters,
                                 const EntityName& entity) {
  Result<db::Session::Changed> changed = co_await as_result(session.execute(sql, parameters));
  if (changed) co_return *changed;
  Error refused = std::move(changed).error();
  if (!is_foreign_key_violation(refused)) co_return refused;
  std::string message = "the ";
  message.append(entity.label).append(" is still in use");
  Error in_use = Error(Code::failed_precondition, std::move(message))
                     .with_reason(std::string(entity.upper) + "_IN_USE")
                     .with_http_status(conflict)
                     .with_cause(std::move(refused));
  co_return in_use;
}

}  // namespace kit::record
