// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kit/adapters/sqlite/test_database.hpp"
#include "kit/db/migrations.hpp"
#include "kitgen/evolve/sqlite.hpp"
#include "kitgen/model/load.hpp"

namespace kitgen::cli {

inline model::Service service_of(const std::string& text) {
  model::Loaded loaded = model::load_text(text, "api/shop.yaml");
  EXPECT_TRUE(loaded.service) << schema::to_string(loaded.diagnostics) << text;
  return loaded.service ? std::move(*loaded.service) : model::Service{};
}

/// What a database says its tables and indexes are, a line each, without what makes no difference:
/// the order of columns and constraints, quotes around names, blanks.
class LiveCatalogue {
 public:
  static std::set<std::string> of(kit::sqlite::TestDatabase& database) {
    LiveCatalogue catalogue;
    auto read = [&](const kit::db::Row& row) -> kit::Result<> {
      catalogue.add(std::string(row.text(0)), plain(std::string(row.text(1))));
      return {};
    };
    kit::db::RowSink sink(read);
    auto done = database.run(
        database->query("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT "
                        "LIKE 'sqlite_%' AND name NOT LIKE 'kit_migration%'",
                        {}, sink));
    EXPECT_TRUE(done.ok());
    return std::move(catalogue.lines_);
  }

 private:
  static std::string plain(const std::string& sql) {
    std::string text;
    bool in_text = false;
    for (const char c : sql) {
      if (c == '\'') in_text = !in_text;
      if (!in_text && c == '"') continue;
      const bool blank = !in_text && (c == ' ' || c == '\n');
      if (blank && (text.empty() || text.back() == ' ' || text.back() == '(')) continue;
      if (!in_text && c == ')' && text.back() == ' ') text.pop_back();
      text += blank ? ' ' : c;
    }
    return text;
  }

  void add(const std::string& name, const std::string& sql) {
    const std::size_t open = sql.find('(');
    const std::size_t close = sql.rfind(')');
    if (!sql.starts_with("CREATE TABLE")) {
      lines_.insert(sql);
      return;
    }
    lines_.insert(name + sql.substr(close + 1));
    for (const std::string& part : parts(sql.substr(open + 1, close - open - 1))) {
      const std::size_t reference = part.find(" CONSTRAINT ");
      if (reference == std::string::npos) {
        lines_.insert(name + ": " + part);
        continue;
      }
      // A column that was added has its reference beside it.
      const std::size_t target = part.find(" REFERENCES ");
      lines_.insert(name + ": " + part.substr(0, reference));
      lines_.insert(name + ": " + part.substr(reference + 1, target - reference - 1) +
                    " FOREIGN KEY (" + part.substr(0, part.find(' ')) + ")" + part.substr(target));
    }
  }

  /// What commas outside of parentheses and texts separate.
  static std::vector<std::string> parts(const std::string& text) {
    std::vector<std::string> result(1);
    int depth = 0;
    bool in_text = false;
    for (const char c : text) {
      if (c == '\'') in_text = !in_text;
      if (!in_text) depth += c == '(' ? 1 : c == ')' ? -1 : 0;
      if (c == ',' && depth == 0 && !in_text) {
        result.emplace_back();
      } else if (c != ' ' || !result.back().empty()) {
        result.back() += c;
      }
    }
    for (std::string& part : result) {
      if (part.ends_with(' ')) part.pop_back();
    }
    return result;
  }

  std::set<std::string> lines_;
};

/// A database that follows a schema through its changes, with the real migrator.
class Storage {
 public:
  explicit Storage(const std::string& schema) : Storage(service_of(schema)) {}
  explicit Storage(const model::Service& service) {
    const evolve::Plan plan = evolve::plan_first(service);
    const auto done = up(plan.name, evolve::sqlite_up(plan, "a"), evolve::sqlite_down(plan, "a"));
    EXPECT_TRUE(done.ok()) << done.error().message();
  }

  /// Adds a migration and applies it; when it fails, it is as if it had never been.
  kit::Result<> up(const std::string& name, const std::string& up, const std::string& down) {
    const auto number = static_cast<std::uint32_t>(migrations_.size() + 1);
    migrations_.push_back({number, name, up, down, name + ".up.sql", name + ".down.sql"});
    kit::db::Migrator migrator(*database_, migrations_);
    kit::db::MigrationOptions options;
    options.allow_destructive = true;
    auto done = database_.run(migrator.up(options));
    if (done) return {};
    migrations_.pop_back();
    return std::move(done).error();
  }

  kit::Result<> down() {
    kit::db::Migrator migrator(*database_, migrations_);
    auto done = database_.run(migrator.down());
    if (!done) return std::move(done).error();
    migrations_.pop_back();
    return {};
  }

  /// Fails the test when SQLite does not take it.
  void run(std::string_view sql) {
    const auto done = database_.execute(sql);
    EXPECT_TRUE(done.ok()) << sql << "\n" << done.error().message();
  }
  std::string refusal(std::string_view sql) {
    const auto done = database_.execute(sql);
    return done.ok() ? "" : done.error().message();
  }
  /// The first column of all rows, joined by commas.
  std::string text(std::string_view sql) { return database_.text(sql); }
  std::set<std::string> catalogue() { return LiveCatalogue::of(database_); }

 private:
  kit::sqlite::TestDatabase database_;
  std::vector<kit::db::Migration> migrations_;
};

}  // namespace kitgen::cli
