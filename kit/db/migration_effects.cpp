// SPDX-License-Identifier: Apache-2.0
#include "kit/db/migration_effects.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

namespace kit::db {
namespace {

using Kind = StatementEffect::Kind;

/// Reads a statement's tokens from left to right.
class Reader {
 public:
  explicit Reader(const ScriptStatement& statement) : tokens_(statement.tokens) {}

  StatementEffect read() {
    if (take("create")) {
      create();
    } else if (take("drop")) {
      drop();
    } else if (take("alter")) {
      alter();
    } else if (take({"rename", "table"})) {
      effect_.kind = Kind::rename_table;
      effect_.table = name();
      take("to");
      effect_.name = name();
    } else if (take("truncate")) {
      take("table");
      take("only");
      effect_.kind = Kind::erase;
      effect_.table = name();
    } else if (take("pragma")) {
      effect_.kind = Kind::pragma;
      effect_.name = name();
    } else {
      change();
    }
    return std::move(effect_);
  }

 private:
  const SqlToken* token(std::size_t ahead = 0) const {
    return at_ + ahead < tokens_.size() ? &tokens_[at_ + ahead] : nullptr;
  }
  bool take(std::string_view word) {
    const bool is_it = token() != nullptr && token()->is(word);
    if (is_it) ++at_;
    return is_it;
  }
  bool take(std::initializer_list<std::string_view> words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (token(i) == nullptr || !token(i)->is(words.begin()[i])) return false;
    }
    at_ += words.size();
    return true;
  }
  /// A name, perhaps with the schema's before it.
  std::string name() {
    if (token() == nullptr || !token()->is_name()) return "";
    std::string read = sql_name(*token());
    ++at_;
    if (token() == nullptr || !token()->is('.')) return read;
    ++at_;
    return name();
  }

  void create() {
    effect_.is_temporary = take("temp") || take("temporary");
    effect_.is_unique = take("unique");
    take("virtual");
    if (take("table")) {
      effect_.kind = Kind::create_table;
      take({"if", "not", "exists"});
      effect_.table = name();
      if (take("as")) read_sources();
    } else if (take("index")) {
      effect_.kind = Kind::create_index;
      take("concurrently");
      take({"if", "not", "exists"});
      effect_.name = name();
      take("on");
      take("only");
      effect_.table = name();
    } else if (take("trigger") || take("view")) {
      effect_.kind = tokens_[at_ - 1].is("view") ? Kind::create_view : Kind::create_trigger;
      take({"if", "not", "exists"});
      effect_.name = name();
      while (token() != nullptr && !take("on")) ++at_;
      if (effect_.kind == Kind::create_trigger) effect_.table = name();
    }
  }

  void drop() {
    const bool table = take("table");
    const bool index = !table && take("index");
    if (!table && !index && !take("view") && !take("trigger")) return;
    take("concurrently");
    take({"if", "exists"});
    effect_.kind = table ? Kind::drop_table : index ? Kind::drop_index : Kind::drop_other;
    (table ? effect_.table : effect_.name) = name();
  }

  void alter() {
    if (!take("table")) return;
    take({"if", "exists"});
    take("only");
    effect_.table = name();
    find_action();
    if (take({"rename", "to"})) {
      effect_.kind = Kind::rename_table;
      effect_.name = name();
    } else if (take("rename")) {
      take("column");
      effect_.kind = Kind::rename_column;
      effect_.name = name();
      take("to");
      effect_.new_name = name();
    } else if (is_about_rule()) {
      effect_.kind = Kind::other;
    } else if (take("add") || take("drop")) {
      effect_.kind = tokens_[at_ - 1].is("add") ? Kind::add_column : Kind::drop_column;
      take("column");
      take({"if", "exists"});
      take({"if", "not", "exists"});
      effect_.name = name();
    }
  }

  /// ADD or DROP of a constraint, key or index, as servers know it.
  bool is_about_rule() const {
    if (token() == nullptr || !(token()->is("add") || token()->is("drop"))) return false;
    static constexpr std::array<std::string_view, 9> rules = {"constraint", "check",   "foreign",
                                                              "primary",    "unique",  "index",
                                                              "key",        "exclude", "fulltext"};
    return token(1) != nullptr &&
           std::ranges::any_of(rules, [this](std::string_view rule) { return token(1)->is(rule); });
  }

  /// Of several actions of one ALTER TABLE one that drops a column counts, else the first.
  void find_action() {
    const std::size_t first = at_;
    std::size_t depth = 0;
    for (bool is_start = true; at_ < tokens_.size(); ++at_) {
      if (is_start && token()->is("drop") && !is_about_rule()) return;
      is_start = depth == 0 && token()->is(',');
      if (token()->is('(')) ++depth;
      if (token()->is(')') && depth > 0) --depth;
    }
    at_ = first;
  }

  /// INSERT, UPDATE, DELETE, SELECT, perhaps after WITH.
  void change() {
    const bool with = take("with");
    std::size_t depth = 0;
    while (with && token() != nullptr && !(depth == 0 && begins_change(*token()))) {
      depth += token()->is('(') ? 1U : 0U;
      if (token()->is(')') && depth > 0) --depth;
      ++at_;
    }
    if (take("insert") || take("replace")) {
      effect_.kind = Kind::insert;
      while (token() != nullptr && !take("into")) ++at_;
      effect_.table = name();
      read_sources();
    } else if (take("update")) {
      effect_.kind = Kind::update;
      if (take("or")) ++at_;
      effect_.table = name();
      find_where();
    } else if (take({"delete", "from"})) {
      effect_.kind = Kind::erase;
      effect_.table = name();
      find_where();
    } else if (take("select")) {
      effect_.kind = Kind::query;
      --at_;
      read_sources();
      if (!effect_.sources.empty()) effect_.table = effect_.sources.front();
    }
  }

  static bool begins_change(const SqlToken& token) {
    return token.is("insert") || token.is("replace") || token.is("update") || token.is("delete") ||
           token.is("select");
  }

  /// Tables after FROM, and whether the query leaves rows out.
  void read_sources() {
    while (token() != nullptr && !token()->is("select")) ++at_;
    const std::size_t start = at_;
    while (token() != nullptr) {
      if (take("from")) {
        if (auto source = name(); !source.empty()) effect_.sources.push_back(std::move(source));
      } else {
        ++at_;
      }
    }
    at_ = start;
    find_where();
  }

  void find_where() {
    std::size_t depth = 0;
    for (; at_ < tokens_.size(); ++at_) {
      const SqlToken& here = tokens_[at_];
      if (here.is('(')) ++depth;
      if (here.is(')') && depth > 0) --depth;
      if (depth > 0) continue;
      for (const std::string_view word : {"where", "limit", "group", "distinct", "join"}) {
        effect_.has_where = effect_.has_where || here.is(word);
      }
    }
  }

  const std::vector<SqlToken>& tokens_;
  std::size_t at_ = 0;
  StatementEffect effect_;
};

/// The columns that an UPDATE sets.
std::set<std::string> set_columns(const ScriptStatement& statement) {
  std::set<std::string> columns;
  std::size_t depth = 0;
  bool in_set = false;
  bool left_side = false;
  for (const SqlToken& token : statement.tokens) {
    if (token.is('(')) ++depth;
    if (token.is(')') && depth > 0) --depth;
    if (depth == 0 && token.is("set")) {
      in_set = left_side = true;
    } else if (depth == 0 && (token.is("from") || token.is("where") || token.is("returning"))) {
      in_set = false;
    } else if (depth == 0 && token.is(',')) {
      left_side = true;
    } else if (depth == 0 && token.is('=')) {
      left_side = false;
    } else if (in_set && left_side && token.is_name()) {
      columns.insert(sql_name(token));
    }
  }
  return columns;
}

/// Follows a script and sees what goes for good.
class Follower {
 public:
  explicit Follower(const TableColumns& columns) : columns_(columns) {}

  void follow(const ScriptStatement& statement, StatementEffect& effect) {
    switch (effect.kind) {
      case Kind::create_table:
        made_.insert(effect.table);
        if (!effect.is_temporary) copy(statement, effect);
        break;
      case Kind::insert:
        copy(statement, effect);
        break;
      case Kind::rename_table:
        rename_table(effect);
        break;
      case Kind::add_column:
        added_.insert({effect.table, effect.name});
        if (const auto table = columns_.find(effect.table); table != columns_.end())
          table->second.insert(effect.name);
        break;
      case Kind::rename_column:
        rename_column(effect);
        break;
      case Kind::drop_table:
        drop_table(effect);
        break;
      case Kind::drop_column:
        if (!is_new(effect.table, effect.name))
          lose(effect, "drop-column", "the column " + effect.name + " of " + effect.table);
        break;
      case Kind::update:
        update(statement, effect);
        break;
      case Kind::erase:
        if (!effect.has_where && !made_.contains(effect.table))
          lose(effect, "delete-all", "every row of " + effect.table);
        break;
      default:
        break;
    }
    if (!effect.rule.empty() && statement.allows(effect.rule)) effect.lost.clear();
  }

 private:
  bool is_new(const std::string& table, const std::string& column) const {
    return made_.contains(table) || added_.contains({table, column});
  }

  static void lose(StatementEffect& effect, std::string rule, std::string what) {
    effect.rule = std::move(rule);
    effect.lost = std::move(what);
  }

  void copy(const ScriptStatement& statement, const StatementEffect& effect) {
    if (effect.has_where) return;
    for (const std::string& source : effect.sources) {
      auto& names = copied_[source];
      for (const SqlToken& token : statement.tokens) {
        if (token.is_name()) names.insert(sql_name(token));
        if (token.is('*')) names.insert("*");
      }
    }
  }

  void rename_table(const StatementEffect& effect) {
    if (made_.erase(effect.table) > 0) made_.insert(effect.name);
    if (auto known = columns_.extract(effect.table)) {
      known.key() = effect.name;
      columns_.insert(std::move(known));
    }
    if (auto known = copied_.extract(effect.table)) {
      known.key() = effect.name;
      copied_.insert(std::move(known));
    }
  }

  void rename_column(const StatementEffect& effect) {
    if (added_.erase({effect.table, effect.name}) > 0)
      added_.insert({effect.table, effect.new_name});
    const auto table = columns_.find(effect.table);
    if (table == columns_.end() || table->second.erase(effect.name) == 0) return;
    table->second.insert(effect.new_name);
  }

  void drop_table(StatementEffect& effect) {
    const std::string& table = effect.table;
    const bool made_here = made_.erase(table) > 0;
    const auto known = columns_.extract(table);
    if (made_here) return;
    const auto copied = copied_.find(table);
    if (copied == copied_.end())
      return lose(effect, "drop-table", "the table " + table + " with its rows");
    if (!known || copied->second.contains("*")) return;
    for (const std::string& column : known.mapped()) {
      if (copied->second.contains(column)) continue;
      const std::string before = effect.lost.empty() ? "" : effect.lost + ", ";
      lose(effect, "drop-column", before + "the column " + column + " of " + table);
    }
  }

  void update(const ScriptStatement& statement, StatementEffect& effect) {
    if (effect.has_where || made_.contains(effect.table)) return;
    std::string lost;
    for (const std::string& column : set_columns(statement)) {
      if (is_new(effect.table, column)) continue;
      lost += (lost.empty() ? "" : ", ") + column;
    }
    if (!lost.empty())
      lose(effect, "update-all", "what stood in " + lost + " of every row of " + effect.table);
  }

  TableColumns columns_;
  std::set<std::string, std::less<>> made_;
  std::set<std::pair<std::string, std::string>> added_;
  TableColumns copied_;  // by source, the names that the copy mentions
};

}  // namespace

StatementEffect effect_of(const ScriptStatement& statement) {
  return Reader(statement).read();
}

std::vector<StatementEffect> effects_of(const std::vector<ScriptStatement>& statements,
                                        const TableColumns& columns) {
  std::vector<StatementEffect> effects;
  Follower follower(columns);
  for (const ScriptStatement& statement : statements) {
    effects.push_back(effect_of(statement));
    follower.follow(statement, effects.back());
  }
  return effects;
}

std::vector<std::string> losses(std::string_view script, const TableColumns& columns) {
  std::vector<std::string> lost = annotations(script, "destructive");
  auto statements = split_script(script);
  if (!lost.empty() || !statements) return lost;
  for (StatementEffect& effect : effects_of(*statements, columns)) {
    if (!effect.lost.empty()) lost.push_back(std::move(effect.lost));
  }
  return lost;
}

}  // namespace kit::db
