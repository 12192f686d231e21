// SPDX-License-Identifier: Apache-2.0
#include "kitgen/evolve/postgres.hpp"

#include <algorithm>

#include "kitgen/evolve/postgres_text.hpp"
#include "kitgen/evolve/sqlite_text.hpp"

namespace kitgen::evolve {
namespace {

using postgres::dialect;
using sqlite::ident;

/// A change of a table after a deferred check of its rows is refused: none is deferred here.
constexpr std::string_view check_at_once = "SET CONSTRAINTS ALL IMMEDIATE;\n";

/// PostgreSQL 15 can only try; `IS JSON` came with 16.
constexpr std::string_view json_reader =
    "\nCREATE OR REPLACE FUNCTION pg_temp.kit_is_json(value text) RETURNS boolean\n"
    "  LANGUAGE plpgsql IMMUTABLE STRICT AS 'BEGIN PERFORM value::jsonb; RETURN true;\n"
    "  EXCEPTION WHEN data_exception OR program_limit_exceeded THEN RETURN false; END';\n";
constexpr std::string_view no_json_reader = "\nDROP FUNCTION pg_temp.kit_is_json(text);\n";

class Writer {
 public:
  Writer(const std::vector<Step>& steps, bool is_apart) : steps_(steps), is_apart_(is_apart) {}

  std::string sql() {
    std::string text;
    bool drops = false;
    bool reads_json = false;
    for (at_ = 0; at_ < steps_.size(); ++at_) {
      const Step& step = steps_[at_];
      const auto* change = std::get_if<ChangeTable>(&step.action);
      reads_json = reads_json || (change != nullptr && postgres::reads_json(change->change));
      const std::string more =
          std::visit([this](const auto& action) { return of(action); }, step.action);
      const bool is_drop = more.starts_with("DROP TABLE");
      if (is_drop && !drops) text += "\n";
      drops = is_drop;
      text += more;
    }
    if (!reads_json) return text;
    return std::string(json_reader) + text + std::string(no_json_reader);
  }

 private:
  std::string of(const RenameTable& step) const {
    return "\nALTER TABLE " + ident(step.from) + " RENAME TO " + ident(step.to) +
           ";\nALTER TABLE " + ident(step.to) + " RENAME CONSTRAINT " +
           ident(server::key_name(step.from)) + " TO " + ident(server::key_name(step.to)) + ";\n";
  }

  std::string of(const RenameColumn& step) const {
    std::string text = "\nALTER TABLE " + ident(step.table) + " RENAME COLUMN " + ident(step.from) +
                       " TO " + ident(step.to) + ";\n";
    if (postgres::check_of(step.before).empty()) return text;
    return text + "ALTER TABLE " + ident(step.table) + " RENAME CONSTRAINT " +
           ident(server::check_name(step.from)) + " TO " + ident(server::check_name(step.to)) +
           ";\n";
  }

  std::string of(const CreateTable& step) const {
    const Table& table = step.table;
    const server::KeysOfCreated keys = server::keys_of_created(steps_, at_);
    std::string text = "\n" + sqlite::comment(table.hints.doc);
    text += postgres::create_table(table, keys.now);
    for (const Index& index : table.indexes) text += postgres::create_index(table, index, false);
    for (const auto& [name, key] : keys.later)
      text += "ALTER TABLE " + ident(name) + " ADD " + server::foreign_key(key, true) + ";\n";
    return text;
  }

  std::string of(const FillTable& step) const { return server::fill_table(dialect(), step); }

  std::string of(const ChangeTable& step) const {
    const std::string text = postgres::change_table(step.change, is_apart_);
    return text.empty() ? "" : "\n" + text;
  }

  std::string of(const BeforeDrops&) const {
    return "\n-- Statements of your own that still need what is dropped below have their place "
           "here.\n";
  }

  std::string of(const DropColumns& step) const {
    std::string text;
    for (const ColumnChange& column : step.change.columns) {
      if (column.after) continue;
      text +=
          (text.empty() ? "" : ",") + std::string("\n  DROP COLUMN ") + ident(column.before->name);
    }
    return "\nALTER TABLE " + ident(step.change.after.name) + text + ";\n";
  }

  std::string of(const DropTable& step) const {
    // Tables that refer to each other go together: the last one takes what is left.
    std::string text;
    for (std::size_t i = at_ + 1; i < steps_.size(); ++i) {
      const auto* other = std::get_if<DropTable>(&steps_[i].action);
      if (other == nullptr) continue;
      for (const ForeignKey& key : other->table.foreign_keys) {
        if (key.target == step.table.name) {
          text += "ALTER TABLE " + ident(other->table.name) + " DROP CONSTRAINT IF EXISTS " +
                  ident(key.name) + ";\n";
        }
      }
    }
    return text + "DROP TABLE " + ident(step.table.name) + ";\n";
  }

  std::string of(const CreateSystemTable& step) const {
    const SystemTable* table = find_system_table(step.form);
    return table == nullptr ? "" : "\n" + std::string(table->postgres);
  }

  std::string of(const ChangeSystemTable& step) const {
    const SystemChange* change = change_of_system(step.from, step.to);
    const SystemSql& sql = change->after == step.to ? change->up : change->down;
    return "\n" + std::string(sql.postgres);
  }

  std::string of(const DropSystemTable& step) const {
    return "DROP TABLE " + ident(name_of_form(step.form)) + ";\n";
  }

  const std::vector<Step>& steps_;
  bool is_apart_;
  std::size_t at_ = 0;
};

std::string script(const Plan& plan, const std::vector<Step>& steps) {
  std::string text = Writer(steps, plan.is_apart).sql();
  if (text.find(';') == std::string::npos)
    return text + "\n-- PostgreSQL stores both alike.\nSELECT 1;\n";
  if (plan.is_first || plan.is_apart) return text;
  // How long a lock is waited for is the runner's to say.
  return "\n" + std::string(check_at_once) + text;
}

std::string apart(const Plan& plan) {
  if (!plan.is_apart) return "";
  return "-- kit:no-transaction: indexes are built while others write. May run again from its "
         "start.\n";
}

}  // namespace

std::string postgres_up(const Plan& plan, std::string_view origin) {
  return server::first_lines(origin) + server::told(plan, true) + apart(plan) +
         script(plan, plan.up);
}

std::string postgres_down(const Plan& plan, std::string_view origin) {
  return server::first_lines(origin) + server::told(plan, false) + apart(plan) +
         script(plan, plan.down);
}

}  // namespace kitgen::evolve
