// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kitgen/evolve/changes.hpp"
#include "kitgen/evolve/server_dialect.hpp"
#include "kitgen/evolve/sqlite_text.hpp"
#include "kitgen/model/quote.hpp"

namespace kitgen::evolve::server {
namespace {

using sqlite::ident;

std::string marked(std::string_view mark, const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines)
    text += "-- " + std::string(mark) + model::cpp_comment(line) + "\n";
  return text;
}

/// The row of the target at the place of the row that wants it.
std::string numbered_row(const std::string& target) {
  return "(SELECT target.id FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM " +
         ident(target) + ") AS target WHERE target.place = wanted.place)";
}

}  // namespace

const Index* twin_of(const Index& before, const TableChange& change,
                     kit::FunctionRef<bool(const Index&)> is_same) {
  const auto& after = change.after.indexes;
  const auto named = std::ranges::find(after, before.name, &Index::name);
  if (named != after.end() && is_same(*named)) return &*named;
  const auto is_free = [&](const Index& index) {
    return std::ranges::find(change.before.indexes, index.name, &Index::name) ==
           change.before.indexes.end();
  };
  // The first of several that were alike takes the name.
  for (const Index& other : change.before.indexes) {
    if (&other == &before) break;
    if (other.columns == before.columns && other.unique == before.unique) return nullptr;
  }
  const auto twin = std::ranges::find_if(
      after, [&](const Index& index) { return is_free(index) && is_same(index); });
  return twin == after.end() ? nullptr : &*twin;
}

std::string some_row(const std::string& target) {
  return "(SELECT id FROM " + ident(target) + " ORDER BY id LIMIT 1)";
}

std::string place_of(const std::vector<std::string>& partners, bool spares_deleted) {
  std::string groups = sqlite::idents(partners);
  if (spares_deleted) groups += groups.empty() ? "deleted_at IS NULL" : ", deleted_at IS NULL";
  if (!groups.empty()) groups = "PARTITION BY " + groups + " ";
  const std::string place = "row_number() OVER (" + groups + "ORDER BY id)";
  return spares_deleted ? "CASE WHEN deleted_at IS NULL THEN " + place + " ELSE 1 END" : place;
}

std::string fill_table(const Dialect& dialect, const FillTable& step) {
  const Table& table = step.table;
  std::string names;
  std::string values;
  for (const Column& column : table.columns) {
    if (column.is_sequence || !column.default_sql.empty()) continue;
    if (column.nullable && column.key == 0) continue;
    names += (names.empty() ? "" : ", ") + ident(column.name);
    Fill fill = made_up(table, column);
    fill.distinct = step.one_each && (fill.distinct || column.key > 0);
    std::string value = fill_of(dialect, fill, column, "wanted.place");
    if (fill.source == Fill::Source::row) {
      const std::string& target = table.key_of(column.name)->target;
      value = fill.distinct ? numbered_row(target) : some_row(target);
    }
    values += (values.empty() ? "" : ", ") + value;
  }
  const std::string name = ident(table.name);
  const std::string owner = ident(step.wanted_by);
  const std::string start = "\n-- Rows of " + step.wanted_by + " must refer to one.\nINSERT INTO " +
                            name + " (" + names + ")\n  SELECT " + values + "\n  FROM ";
  // A table can't be filled from itself in MySQL but for one that was read whole.
  const std::string is_empty = "NOT EXISTS (SELECT 1 FROM (SELECT count(*) AS rows_there FROM " +
                               name + ") AS there WHERE rows_there > 0);\n";
  if (step.one_each) {
    // Of what is made up as many as are missing, numbered behind those that others wanted.
    const std::string numbered =
        "(SELECT row_number() OVER (ORDER BY id) AS place FROM " + owner + ") AS wanted\n  WHERE ";
    if (!step.is_new) return start + numbered + is_empty;
    return start + numbered + "wanted.place > (SELECT rows_there FROM (SELECT count(*) AS " +
           "rows_there FROM " + name + ") AS there);\n";
  }
  return start + "(SELECT 1 AS place) AS wanted\n  WHERE EXISTS (SELECT 1 FROM " + owner +
         ") AND " + is_empty;
}

KeysOfCreated keys_of_created(const std::vector<Step>& steps, std::size_t at) {
  const Table& table = std::get<CreateTable>(steps[at].action).table;
  const auto comes_later = [&](const std::string& name, std::size_t from) {
    return std::ranges::any_of(steps.begin() + static_cast<std::ptrdiff_t>(from), steps.end(),
                               [&](const Step& step) {
                                 const auto* create = std::get_if<CreateTable>(&step.action);
                                 return create != nullptr && create->table.name == name;
                               });
  };
  KeysOfCreated keys;
  for (const ForeignKey& key : table.foreign_keys) {
    if (!comes_later(key.target, at + 1)) keys.now.push_back(key);
  }
  for (std::size_t i = 0; i < at; ++i) {
    const auto* create = std::get_if<CreateTable>(&steps[i].action);
    if (create == nullptr) continue;
    for (const ForeignKey& key : create->table.foreign_keys) {
      if (key.target == table.name) keys.later.emplace_back(create->table.name, key);
    }
  }
  return keys;
}

std::string first_lines(std::string_view origin) {
  return "-- Generated by kitgen from " + model::cpp_comment(origin) +
         ". History: once it ran somewhere, it stays as it is.\n";
}

std::string told(const Plan& plan, bool is_up) {
  if (plan.is_first) return "";
  const std::string irreversible = marked("irreversible data: ", plan.irreversible);
  if (!is_up) return irreversible;
  return marked("", plan.summary) + marked("destructive: ", plan.destructive) + irreversible;
}

}  // namespace kitgen::evolve::server
