// SPDX-License-Identifier: Apache-2.0
#include "kitgen/evolve/mysql.hpp"

#include <algorithm>
#include <map>

#include "kitgen/evolve/changes.hpp"
#include "kitgen/evolve/mysql_text.hpp"
#include "kitgen/evolve/sqlite_text.hpp"

namespace kitgen::evolve {
namespace {

using mysql::Alteration;
using mysql::dialect;
using sqlite::ident;

/// In the place of a table that is created: a row refers to none of it.
constexpr const char* now_empty = "(SELECT NULL AS id FROM dual WHERE false) AS none";

/// Names as they are before the first statement of a plan.
class FormerNames {
 public:
  explicit FormerNames(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      if (const auto* table = std::get_if<RenameTable>(&step.action))
        tables_[table->to] = table->from;
      if (const auto* column = std::get_if<RenameColumn>(&step.action))
        columns_[{column->table, column->to}] = column->from;
      if (const auto* table = std::get_if<CreateTable>(&step.action))
        created_.push_back(table->table.name);
    }
  }

  /// The change as a question to the rows of before.
  TableChange asked(TableChange change) const {
    const std::string now = change.before.name;
    for (ColumnChange& column : change.columns) {
      if (column.before) column.before->name = column_of(now, column.before->name);
      if (column.fill.field) column.fill.field->name = column_of(now, column.fill.field->name);
    }
    for (ForeignKey& key : change.before.foreign_keys) key.target = table_of(key.target);
    for (ForeignKey& key : change.after.foreign_keys) {
      // A table that is not there yet has no row to refer to.
      const bool is_created = std::ranges::find(created_, key.target) != created_.end();
      key.target = is_created ? now_empty : table_of(key.target);
    }
    change.before.name = table_of(now);
    return change;
  }

 private:
  std::string table_of(const std::string& name) const {
    const auto found = tables_.find(name);
    return found == tables_.end() ? name : found->second;
  }
  std::string column_of(const std::string& table, const std::string& name) const {
    const auto found = columns_.find({table, name});
    return found == columns_.end() ? name : found->second;
  }

  std::map<std::string, std::string> tables_;
  std::map<std::pair<std::string, std::string>, std::string> columns_;
  std::vector<std::string> created_;
};

class Writer {
 public:
  explicit Writer(const std::vector<Step>& steps) : steps_(steps) {}

  std::string sql() {
    std::string text = checks();
    bool drops = false;
    for (at_ = 0; at_ < steps_.size(); ++at_) {
      const std::string more =
          std::visit([this](const auto& action) { return of(action); }, steps_[at_].action);
      const bool is_drop = more.starts_with("DROP TABLE");
      if (is_drop && !drops) text += "\n";
      drops = is_drop;
      text += more;
    }
    return text;
  }

 private:
  /// In front of everything: what has changed stays.
  std::string checks() const {
    const FormerNames names(steps_);
    std::string text;
    for (const Step& step : steps_) {
      const auto* change = std::get_if<ChangeTable>(&step.action);
      if (change == nullptr) continue;
      const TableChange asked = names.asked(change->change);
      text += server::checks_of(dialect(), asked);
      for (const Index& index : change->change.after.indexes) {
        if (index.unique && server::may_be_broken(change->change, index))
          text += server::unique_check_ahead(dialect(), asked, index);
      }
    }
    return text.empty() ? "" : "\n" + text;
  }

  std::string of(const RenameTable& step) const {
    std::string text = "\nRENAME TABLE " + ident(step.from) + " TO " + ident(step.to) + ";\n";
    Alteration alteration;
    for (const Column& column : step.before.columns) {
      if (mysql::check_of(step.to, column).empty()) continue;
      alteration.add("DROP CONSTRAINT " + ident(mysql::check_name(step.from, column.name)));
      alteration.add("ADD " + mysql::check_of(step.to, column));
    }
    return text + alteration.sql(step.to);
  }

  std::string of(const RenameColumn& step) {
    Column after = step.before;
    after.name = step.to;
    const std::string check = mysql::check_of(step.table, after);
    Alteration alteration;
    if (!check.empty())
      alteration.add("DROP CONSTRAINT " + ident(mysql::check_name(step.table, step.from)));
    alteration.add("RENAME COLUMN " + ident(step.from) + " TO " + ident(step.to));
    if (!check.empty()) alteration.add("ADD " + check);
    // Where a generated column stands in an index, a column with a key can not be renamed. The
    // change of the table, which gives the key its new name, makes it again.
    Alteration keys;
    if (!step.foreign_key.empty()) {
      keys.add("DROP FOREIGN KEY " + ident(step.foreign_key));
      dropped_keys_.push_back(step.foreign_key);
    }
    return "\n" + keys.sql(step.table) + alteration.sql(step.table);
  }

  std::string of(const CreateTable& step) const {
    const server::KeysOfCreated keys = server::keys_of_created(steps_, at_);
    std::string text = "\n" + sqlite::comment(step.table.hints.doc);
    for (const Index& index : step.table.indexes) text += note_of(index);
    text += mysql::create_table(step.table, keys.now);
    for (const auto& [name, key] : keys.later)
      text += "ALTER TABLE " + ident(name) + " ADD " + server::foreign_key(key, false) + ";\n";
    return text;
  }

  static std::string note_of(const Index& index) {
    if (index.unique || index.where_sql.empty()) return "";
    return "-- " + index.name + " is over all rows: there is no index over some.\n";
  }

  std::string of(const FillTable& step) const { return server::fill_table(dialect(), step); }

  std::string of(const ChangeTable& step) const {
    const std::string text = mysql::change_table(step.change, dropped_keys_);
    return text.empty() ? "" : "\n" + text;
  }

  std::string of(const BeforeDrops&) const {
    return "\n-- Statements of your own that still need what is dropped below have their place "
           "here.\n";
  }

  std::string of(const DropColumns& step) const {
    Alteration keys;
    Alteration alteration;
    const TableChange& change = step.change;
    for (const ColumnChange& column : change.columns) {
      if (column.after) continue;
      const ForeignKey* key = change.before.key_of(column.before->name);
      // A table that changed besides has given up its key already.
      if (key != nullptr && !changes_anything(change))
        keys.add("DROP FOREIGN KEY " + ident(key->name));
      if (!mysql::check_of(change.after.name, *column.before).empty()) {
        alteration.add("DROP CONSTRAINT " +
                       ident(mysql::check_name(change.after.name, column.before->name)));
      }
      alteration.add("DROP COLUMN " + ident(column.before->name));
    }
    return "\n" + keys.sql(change.after.name) + alteration.sql(change.after.name);
  }

  std::string of(const DropTable& step) const {
    std::string text;
    for (std::size_t i = at_ + 1; i < steps_.size(); ++i) {
      const auto* other = std::get_if<DropTable>(&steps_[i].action);
      if (other == nullptr) continue;
      for (const ForeignKey& key : other->table.foreign_keys) {
        if (key.target == step.table.name)
          text += "ALTER TABLE " + ident(other->table.name) + " DROP FOREIGN KEY " +
                  ident(key.name) + ";\n";
      }
    }
    return text + "DROP TABLE " + ident(step.table.name) + ";\n";
  }

  std::string of(const CreateSystemTable& step) const {
    const SystemTable* table = find_system_table(step.form);
    return table == nullptr ? "" : "\n" + std::string(table->mysql);
  }

  std::string of(const ChangeSystemTable& step) const {
    const SystemChange* change = change_of_system(step.from, step.to);
    const SystemSql& sql = change->after == step.to ? change->up : change->down;
    return "\n" + std::string(sql.mysql);
  }

  std::string of(const DropSystemTable& step) const {
    return "DROP TABLE " + ident(name_of_form(step.form)) + ";\n";
  }

  const std::vector<Step>& steps_;
  std::size_t at_ = 0;
  std::vector<std::string> dropped_keys_;
};

std::string script(const std::vector<Step>& steps) {
  std::string text = Writer(steps).sql();
  if (text.find(';') != std::string::npos) return text;
  return text + "\n-- MySQL stores both alike.\nSELECT 1;\n";
}

}  // namespace

std::string mysql_up(const Plan& plan, std::string_view origin) {
  return server::first_lines(origin) + server::told(plan, true) + script(plan.up);
}

std::string mysql_down(const Plan& plan, std::string_view origin) {
  return server::first_lines(origin) + server::told(plan, false) + script(plan.down);
}

}  // namespace kitgen::evolve
