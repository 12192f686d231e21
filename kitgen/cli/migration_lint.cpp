// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/migration_lint.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kitgen/cli/migration_tables.hpp"
#include "kitgen/evolve/catalogue.hpp"

namespace kitgen::cli {
namespace {

using kit::db::Migration;
using kit::db::ScriptStatement;
using kit::db::SqlToken;
using kit::db::StatementEffect;
using Kind = StatementEffect::Kind;

constexpr std::string_view to_mark =
    "write what is lost on top of the file, -- destructive: ..., so that up asks before it";

bool has_word(const ScriptStatement& statement, std::string_view word) {
  return std::ranges::any_of(statement.tokens,
                             [word](const SqlToken& token) { return token.is(word); });
}

bool names(const ScriptStatement& statement, std::string_view name) {
  return std::ranges::any_of(statement.tokens, [name](const SqlToken& token) {
    return token.is_name() && kit::db::sql_name(token) == name;
  });
}

/// A rebuilt table, and what its old one had.
struct Rebuilt {
  std::string table;
  LintTable before;
  const ScriptStatement* drop = nullptr;
};

/// Goes through the scripts in the order in which they run.
class Linter {
 public:
  kit::Result<std::vector<LintFinding>> lint(std::span<const Migration> migrations) {
    for (const Migration& migration : migrations) {
      KIT_TRY(script(migration.up, migration.up_file, false));
      KIT_TRY(check_down(migration));
    }
    return std::move(findings_);
  }

 private:
  kit::Result<> check_down(const Migration& migration) {
    auto down = kit::db::split_script(migration.down);
    if (!down) return std::move(down).error();
    if (!down->empty()) {
      const auto after_up = tables_;
      KIT_TRY(script(migration.down, migration.down_file, true));
      tables_ = after_up;
      return {};
    }
    auto up = kit::db::split_script(migration.up);
    if (!up) return std::move(up).error();
    file_ = migration.up_file;
    find(up->front(), "no-down", "there is no way back: " + down_name(migration) + " is missing",
         "write it", nullptr, &*up);
    return {};
  }

  static std::string down_name(const Migration& migration) {
    if (!migration.down_file.empty()) return "the SQL of " + migration.down_file;
    std::string name = migration.up_file;
    return name.replace(name.size() - 7, 7, ".down.sql");
  }

  kit::Result<> script(std::string_view text, const std::string& file, bool is_down) {
    auto statements = kit::db::split_script(text);
    if (!statements) {
      return kit::Error(kit::Code::invalid_argument, file + ": " + statements.error().message());
    }
    file_ = file;
    is_down_ = is_down;
    is_marked_ = !kit::db::annotations(text, "destructive").empty();
    rebuilt_.clear();
    touched_.clear();
    const auto effects = kit::db::effects_of(*statements);
    for (std::size_t i = 0; i < effects.size(); ++i) {
      check_text((*statements)[i]);
      check_effect((*statements)[i], effects[i]);
      follow((*statements)[i], effects[i]);
    }
    for (const Rebuilt& each : rebuilt_) check_rebuilt(each, *statements);
    if (!is_down) check_references();
    return {};
  }

  /// With `place` instead of the statement's start, and `all` for a rule of the whole file.
  void find(const ScriptStatement& statement, std::string rule, std::string why, std::string remedy,
            const SqlToken* place = nullptr, const std::vector<ScriptStatement>* all = nullptr) {
    const bool allowed = statement.allows(rule) ||
                         (all != nullptr && std::ranges::any_of(*all, [&](const auto& each) {
                            return each.allows(rule);
                          }));
    if (allowed) return;
    const SqlToken& at = place != nullptr ? *place : statement.tokens.front();
    findings_.push_back(
        {file_, at.line, at.column, std::move(rule), std::move(why), std::move(remedy)});
  }

  /// What can't or should not be in a migration at all.
  void check_text(const ScriptStatement& statement) {
    const SqlToken& first = statement.tokens.front();
    constexpr std::array<std::string_view, 6> control = {"begin",    "commit",    "end",
                                                         "rollback", "savepoint", "release"};
    if (std::ranges::any_of(control, [&](std::string_view word) { return first.is(word); })) {
      find(statement, "transaction", "a migration is one transaction, and this ends or splits it",
           "leave it out");
    }
    if (first.is("attach") || first.is("detach") || first.is("vacuum")) {
      find(statement, "attach", std::string(first.text) + " can't run inside a transaction",
           "leave it out; it belongs into a script of its own");
    }
    if (first.is("pragma")) {
      find(statement, "pragma",
           "a PRAGMA is a setting of the connection: most do nothing inside a transaction, and the "
           "others outlive it",
           "leave it out: foreign keys are off during a migration and checked at its end anyway");
    }
  }

  void check_effect(const ScriptStatement& statement, const StatementEffect& effect) {
    if (!is_down_ && !is_marked_ && !effect.lost.empty()) {
      find(statement, effect.rule, effect.lost + " would be lost", std::string(to_mark));
    }
    if (effect.is_temporary) {
      find(statement, "temporary",
           "what is temporary belongs to one connection, and outlives the step",
           "use an ordinary table and drop it in the same step");
    }
    if (is_library_table(effect)) {
      find(statement, "kit-table", "tables that begin with kit_ belong to the library",
           "leave them alone; pick another name for one of yours");
    }
    if (effect.kind == Kind::create_table && !effect.is_temporary &&
        !has_word(statement, "virtual") && !read_table(statement).is_strict &&
        effect.sources.empty()) {
      find(statement, "not-strict",
           "without STRICT a column takes values of any type, whatever it is declared as",
           "end it with ) STRICT");
    }
    if (effect.kind == Kind::add_column && has_not_null(statement) &&
        !has_word(statement, "default")) {
      find(
          statement, "required-without-default",
          "SQLite refuses a NOT NULL column without a DEFAULT, since the rows of before need a "
          "value",
          "add it as NULL, fill it, and rebuild the table with NOT NULL; kitgen generate does that "
          "for a required field");
    }
  }

  /// Tables that begin with kit_, besides those that a rebuild uses and the making of those that
  /// kitgen generates itself.
  static bool is_library_table(const StatementEffect& effect) {
    const bool makes = effect.kind == Kind::create_table || effect.kind == Kind::create_index ||
                       effect.kind == Kind::drop_table;
    const bool is_generated =
        std::ranges::any_of(evolve::system_tables(), [&](const evolve::SystemTable& each) {
          return evolve::name_of_form(each.name) == effect.table;
        });
    if (is_generated && makes) return false;
    return std::ranges::any_of(std::array{effect.table, effect.name}, [](const std::string& name) {
      return name.starts_with("kit_") && !name.starts_with("kit_new_");
    });
  }

  static bool has_not_null(const ScriptStatement& statement) {
    for (std::size_t i = 0; i + 1 < statement.tokens.size(); ++i) {
      if (statement.tokens[i].is("not") && statement.tokens[i + 1].is("null")) return true;
    }
    return false;
  }

  /// Keeps `tables_` up to date.
  void follow(const ScriptStatement& statement, const StatementEffect& effect) {
    switch (effect.kind) {
      case Kind::create_table:
        tables_[effect.table] = read_table(statement);
        touch(effect.table, statement);
        break;
      case Kind::drop_table:
        if (const auto dropped = tables_.extract(effect.table); dropped)
          rebuilt_.push_back({effect.table, dropped.mapped(), &statement});
        break;
      case Kind::rename_table:
        if (auto renamed = tables_.extract(effect.table)) {
          renamed.key() = effect.name;
          tables_.insert_or_assign(effect.name, renamed.mapped());
        }
        if (touched_.contains(effect.table)) touch(effect.name, statement);
        break;
      case Kind::add_column:
        tables_[effect.table].columns.insert(effect.name);
        for (const Reference& each : added_references(statement, effect.name)) {
          tables_[effect.table].references.push_back(each);
          touch(effect.table, statement);
        }
        break;
      case Kind::create_index:
        create_index(statement, effect);
        break;
      case Kind::create_trigger:
        tables_[effect.table].triggers.insert(effect.name);
        break;
      case Kind::rename_column:
        rename_column(tables_[effect.table], effect);
        break;
      case Kind::drop_column:
        tables_[effect.table].columns.erase(effect.name);
        break;
      case Kind::drop_index:
        for (auto& [name, table] : tables_) table.indexes.erase(effect.name);
        break;
      case Kind::drop_other:
        for (auto& [name, table] : tables_) table.triggers.erase(effect.name);
        break;
      default:
        break;
    }
  }

  void create_index(const ScriptStatement& statement, const StatementEffect& effect) {
    LintTable& table = tables_[effect.table];
    std::vector<std::string> columns = index_columns(statement);
    if (!columns.empty() && !has_word(statement, "where")) table.led.insert(columns.front());
    table.indexes.insert_or_assign(effect.name, std::move(columns));
  }

  static void rename_column(LintTable& table, const StatementEffect& effect) {
    const auto rename = [&](std::set<std::string>& names) {
      if (names.erase(effect.name) > 0) names.insert(effect.new_name);
    };
    rename(table.columns);
    rename(table.led);
    for (auto& [name, columns] : table.indexes)
      std::ranges::replace(columns, effect.name, effect.new_name);
    for (Reference& each : table.references) {
      if (each.column == effect.name) each.column = effect.new_name;
    }
  }

  void touch(const std::string& table, const ScriptStatement& statement) {
    touched_.insert_or_assign(table, &statement);
  }

  /// A table that was dropped and is there again: its triggers and indexes come back by
  /// themselves, its counter does not.
  void check_rebuilt(const Rebuilt& rebuilt, const std::vector<ScriptStatement>& statements) {
    const auto now = tables_.find(rebuilt.table);
    if (now == tables_.end()) return;
    const auto mentions = [&](const std::string& name) {
      return std::ranges::any_of(statements, [&](const ScriptStatement& statement) {
        return &statement != rebuilt.drop && names(statement, name);
      });
    };
    const bool numbers = rebuilt.before.is_sequence && now->second.is_sequence;
    if (numbers && !mentions("sqlite_sequence")) {
      find(*rebuilt.drop, "rebuild-sequence",
           "the highest id ever given goes with the old " + rebuilt.table +
               ", so that ids of deleted rows would be given again",
           "carry it over: UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE "
           "name = '" +
               rebuilt.table + "') WHERE name = the new table, before the DROP");
    }
  }

  /// Every reference needs an index, or deleting a parent reads the whole table.
  void check_references() {
    for (const auto& [name, statement] : touched_) {
      const auto table = tables_.find(name);
      if (table == tables_.end()) continue;
      for (const Reference& each : table->second.references) {
        if (table->second.led.contains(each.column)) continue;
        find(*statement, "reference-index",
             name + "." + each.column +
                 " refers to another table and no index begins with it: deleting a row there reads "
                 "all of " +
                 name,
             "CREATE INDEX ix_" + name + "_" + each.column + " ON " + name + " (" + each.column +
                 ")",
             is_in(each.place, *statement) ? &each.place : nullptr);
      }
    }
  }

  static bool is_in(const SqlToken& token, const ScriptStatement& statement) {
    const char* start = statement.sql.data();
    return token.text.data() >= start && token.text.data() < start + statement.sql.size();
  }

  std::map<std::string, LintTable> tables_;
  std::vector<LintFinding> findings_;
  // Of the script at work.
  std::string file_;
  bool is_down_ = false;
  bool is_marked_ = false;
  std::vector<Rebuilt> rebuilt_;
  std::map<std::string, const ScriptStatement*> touched_;
};

}  // namespace

kit::Result<std::vector<LintFinding>> lint_migrations(std::span<const Migration> migrations) {
  return Linter().lint(migrations);
}

std::string to_string(const LintFinding& finding) {
  return finding.file + ":" + std::to_string(finding.line) + ":" + std::to_string(finding.column) +
         ": " + finding.rule + ": " + finding.why + ".\n    " + finding.remedy + " (-- kit:allow " +
         finding.rule + " before the statement accepts it).\n";
}

}  // namespace kitgen::cli
