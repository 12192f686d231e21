// SPDX-License-Identifier: Apache-2.0
#include "kit/db/detail/kept_objects.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <utility>

#include "kit/async/operation.hpp"
#include "kit/base/text.hpp"
#include "kit/db/migration_effects.hpp"

namespace kit::db::detail {
namespace {

using Kind = StatementEffect::Kind;

constexpr std::string_view objects_of_table =
    "SELECT type, name, lower(tbl_name), sql FROM sqlite_schema\n"
    "WHERE type IN ('trigger', 'index') AND sql IS NOT NULL AND lower(tbl_name) = ?1\n"
    "ORDER BY rowid";
constexpr std::string_view views_and_triggers =
    "SELECT type, name, lower(tbl_name), sql FROM sqlite_schema\n"
    "WHERE type IN ('trigger', 'view') ORDER BY type DESC, rowid";
constexpr std::string_view all_names =
    "SELECT type, lower(name), lower(tbl_name), '' FROM sqlite_schema";

/// A change of a table that is nobody's: SQLite reads all views and triggers for it.
constexpr std::array<std::string_view, 3> look_at_all = {
    "CREATE TABLE kit_new_probe (a INTEGER) STRICT",
    "ALTER TABLE kit_new_probe RENAME COLUMN a TO b", "DROP TABLE kit_new_probe"};

Task<std::vector<SchemaObject>> read_objects(Session& session, std::string_view sql,
                                             std::span<const Parameter> parameters) {
  std::vector<SchemaObject> objects;
  auto read = [&objects](const Row& row) -> Result<> {
    SchemaObject& object = objects.emplace_back();
    object.type = row.text(0);
    object.name = row.text(1);
    object.table = row.text(2);
    object.sql = row.text(3);
    return {};
  };
  RowSink sink(read);
  co_await session.query(sql, parameters, sink);
  co_return std::move(objects);
}

bool mentions(const SchemaObject& object, const std::set<std::string>& names) {
  const auto tokens = sql_tokens(object.sql);
  // What can't be read is treated as if it did: it comes back as it was.
  if (!tokens) return true;
  return std::ranges::any_of(*tokens, [&](const SqlToken& token) {
    return token.is_name() && names.contains(sql_name(token));
  });
}

std::string quoted(const std::string& name) {
  std::string text = "\"";
  for (const char c : name) text += c == '"' ? "\"\"" : std::string(1, c);
  return text + "\"";
}

std::string title(const SchemaObject& object) {
  const std::string name = object.type + " " + object.name;
  return object.type == "view" ? name : name + " of " + object.table;
}

Error lost(std::string message, Error cause) {
  return Error(Code::failed_precondition, std::move(message))
      .with_reason("MIGRATION_OBJECT_LOST")
      .with_cause(std::move(cause));
}

Error not_made(const SchemaObject& object, Error cause) {
  return lost("the " + title(object) +
                  " was there before the table was written anew, and can't be made again: " +
                  cause.message() + ". Drop it, or make it anew, in the migration itself",
              std::move(cause));
}

}  // namespace

/// Views, and triggers elsewhere, that name a table which is gone for the moment; with what names
/// those views.
Task<> KeptObjects::put_away(Session& session, const std::string& table, const std::string& draft) {
  std::vector<SchemaObject> all = co_await read_objects(session, views_and_triggers, {});
  std::set<std::string> names = {table};
  std::vector<bool> is_picked(all.size());
  for (bool again = true; again;) {
    again = false;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (is_picked[i] || all[i].table == draft || !mentions(all[i], names)) continue;
      is_picked[i] = again = true;
      if (all[i].type == "view") names.insert(all[i].table);
    }
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (is_picked[i]) put_by_.push_back(std::move(all[i]));
  }
  // Views stand first, their triggers behind them.
  for (std::size_t i = put_by_.size(); i > 0; --i) {
    const SchemaObject& object = put_by_[i - 1];
    const std::string sql =
        (object.type == "view" ? "DROP VIEW " : "DROP TRIGGER ") + quoted(object.name);
    co_await session.execute(sql, {});
  }
}

Task<> KeptObjects::before(Session& session, const ScriptStatement& statement) {
  if (!is_wanted_) co_return;
  const StatementEffect effect = effect_of(statement);
  if (effect.kind == Kind::drop_table) {
    dropped_.insert(effect.table);
    const std::array<Parameter, 1> parameters = {Parameter(std::string_view(effect.table))};
    std::vector<SchemaObject> own = co_await read_objects(session, objects_of_table, parameters);
    std::ranges::move(own, std::back_inserter(gone_));
  } else if (effect.kind == Kind::drop_index || effect.kind == Kind::drop_other) {
    std::erase_if(gone_,
                  [&](const SchemaObject& object) { return to_lower(object.name) == effect.name; });
  } else if (effect.kind == Kind::rename_table) {
    for (SchemaObject& object : gone_) {
      if (object.table == effect.table) object.table = effect.name;
    }
    if (dropped_.contains(effect.name)) co_await put_away(session, effect.name, effect.table);
  }
}

Task<> KeptObjects::after(Session& session) {
  for (const SchemaObject& object : put_by_) {
    auto made = co_await as_result(session.execute(object.sql, {}));
    if (!made) co_await not_made(object, std::move(made).error());
  }
  put_by_.clear();
}

Task<> KeptObjects::restore(Session& session) {
  if (dropped_.empty()) co_return;
  std::set<std::string> known;
  std::vector<SchemaObject> all = co_await read_objects(session, all_names, {});
  bool has_code = false;
  for (const SchemaObject& object : all) {
    known.insert(object.name);
    has_code = has_code || object.type == "view" || object.type == "trigger";
  }
  for (const SchemaObject& object : gone_) {
    if (!known.contains(object.table) || known.contains(to_lower(object.name))) continue;
    has_code = has_code || object.type == "trigger";
    auto made = co_await as_result(session.execute(object.sql, {}));
    if (!made) co_await not_made(object, std::move(made).error());
  }
  if (!has_code) co_return;
  for (const std::string_view sql : look_at_all) {
    auto done = co_await as_result(session.execute(sql, {}));
    if (done.ok()) continue;
    Error cause = std::move(done).error();
    std::string message = "what was made by hand no longer fits the tables: " + cause.message() +
                          ". Drop it, or make it anew, in the migration itself";
    co_await lost(std::move(message), std::move(cause));
  }
}

}  // namespace kit::db::detail
