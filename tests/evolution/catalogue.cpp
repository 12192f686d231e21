// SPDX-License-Identifier: Apache-2.0
// The database's catalogue in one form for all the ways in which the same can be written.
#include <algorithm>

#include "kit/db/sql_tokens.hpp"
#include "tests/evolution/file.hpp"

namespace evolution {
namespace {

using kit::db::SqlToken;
using kit::db::SqlTokenKind;
using Words = std::vector<std::string>;

Words words_of(const std::string& sql) {
  Words words;
  auto tokens = kit::db::sql_tokens(sql);
  if (!tokens) return {"unreadable: " + sql};
  for (const SqlToken& token : *tokens) {
    if (token.kind == SqlTokenKind::comment) continue;
    words.push_back(token.is_name() ? kit::db::sql_name(token) : std::string(token.text));
  }
  return words;
}

std::string joined(const Words& words, std::size_t from = 0) {
  std::string text;
  for (std::size_t i = from; i < words.size(); ++i) text += (text.empty() ? "" : " ") + words[i];
  return text;
}

/// A foreign key behind its column and one behind all columns say the same.
void add_definition(const std::string& table, const Words& words, std::vector<std::string>& lines) {
  const auto foreign = std::ranges::find(words, "foreign");
  if (words.front() == "constraint" && foreign != words.end()) {
    // constraint NAME foreign key ( COLUMN ) references ...
    Words key = {"constraint", words[1]};
    key.insert(key.end(), words.begin() + 7, words.end());
    lines.push_back(table + "." + words[5] + ": " + joined(key));
    return;
  }
  const auto constraint = std::ranges::find(words, "constraint");
  const auto split = static_cast<std::size_t>(constraint - words.begin());
  Words column(words.begin(), constraint);
  lines.push_back(table + ": " + joined(column));
  if (split < words.size()) lines.push_back(table + "." + words[0] + ": " + joined(words, split));
}

void add_table(const std::string& name, const std::string& sql, std::vector<std::string>& lines) {
  const Words words = words_of(sql);
  Words part;
  Words tail;
  std::size_t depth = 0;
  for (const std::string& word : words) {
    if (word == ")" && depth > 0) --depth;
    const bool ends = (word == "," && depth == 1) || (word == ")" && depth == 0);
    if (ends) {
      add_definition(name, part, lines);
      part.clear();
    } else if (depth > 0) {
      part.push_back(word);
    } else if (word != "(") {
      tail.push_back(word);
    }
    if (word == "(") ++depth;
  }
  lines.push_back(name + ": " + joined(tail, 3));
}

std::string text(const Value& value) {
  const auto* known = std::get_if<std::string>(&value);
  return known != nullptr ? *known : to_text(value);
}

void add_pragmas(File& file, const std::string& table, std::vector<std::string>& lines) {
  for (const auto& row : file.select({"name", "type", "\"notnull\"", "dflt_value", "pk", "hidden"},
                                     "FROM pragma_table_xinfo('" + table + "')")) {
    std::string line = table + " column";
    for (const Value& value : row) line += " " + text(value);
    lines.push_back(std::move(line));
  }
  for (const auto& row :
       file.select({"\"from\"", "\"table\"", "\"to\"", "on_update", "on_delete", "match"},
                   "FROM pragma_foreign_key_list('" + table + "')")) {
    std::string line = table + " key";
    for (const Value& value : row) line += " " + text(value);
    lines.push_back(std::move(line));
  }
  for (const auto& index : file.select({"name", "\"unique\"", "origin", "partial"},
                                       "FROM pragma_index_list('" + table + "')")) {
    // SQLite's own names count the indexes.
    const std::string name = text(index[0]);
    std::string line = table + " index " + (name.starts_with("sqlite_") ? "own" : name);
    for (std::size_t i = 1; i < index.size(); ++i) line += " " + text(index[i]);
    for (const auto& column : file.select({"name", "\"desc\"", "coll"},
                                          "FROM pragma_index_xinfo('" + name + "') WHERE key = 1"))
      line += " " + text(column[0]) + " " + text(column[1]) + " " + text(column[2]);
    lines.push_back(std::move(line));
  }
}

}  // namespace

std::vector<std::string> read_catalogue(File& file) {
  std::vector<std::string> lines;
  for (const auto& row : file.select({"type", "name", "tbl_name", "sql"}, "FROM sqlite_schema")) {
    const std::string name = text(row[1]);
    if (name.starts_with("sqlite_") || name.starts_with("kit_migration")) continue;
    if (text(row[0]) == "table") {
      add_table(name, text(row[3]), lines);
      add_pragmas(file, name, lines);
    } else {
      lines.push_back(text(row[2]) + " has " + joined(words_of(text(row[3]))));
    }
  }
  std::ranges::sort(lines);
  return lines;
}

std::string difference(const std::vector<std::string>& expected,
                       const std::vector<std::string>& found) {
  std::string text;
  for (const std::string& line : expected) {
    if (!std::ranges::binary_search(found, line)) text += "  missing: " + line + "\n";
  }
  for (const std::string& line : found) {
    if (!std::ranges::binary_search(expected, line)) text += "  too much: " + line + "\n";
  }
  if (text.empty() && expected != found) text = "  a line stands there more than once\n";
  return text;
}

}  // namespace evolution
