// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <string>
#include <unordered_set>
#include <utility>

#include "kitgen/model/detail/context.hpp"
#include "kitgen/model/naming.hpp"
#include "kitgen/model/quote.hpp"

namespace kitgen::model {
namespace {

using schema::in_quotes;

/// The words and quoted texts of a condition: company, is, not, null, =, 'x'.
std::vector<std::string> tokens_of(std::string_view text) {
  std::vector<std::string> tokens;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == ' ') {
      ++i;
    } else if (text[i] == '=') {
      tokens.emplace_back("=");
      ++i;
    } else if (text[i] == '\'') {
      const std::size_t end = std::min(text.find('\'', i + 1), text.size() - 1);
      tokens.emplace_back(text.substr(i, end - i + 1));
      i = end + 1;
    } else {
      const std::size_t end = std::min(text.find_first_of(" ='", i), text.size());
      tokens.emplace_back(text.substr(i, end - i));
      i = end;
    }
  }
  return tokens;
}

/// Reads `where: "company is not null and status = 'paid'"`. Only this small language: text of a
/// schema never becomes SQL as it is.
class ConditionReader {
 public:
  ConditionReader(Context& context, std::size_t entity, const Word& word)
      : context_(context), entity_(entity), word_(word), tokens_(tokens_of(word.text)) {}

  std::optional<std::string> read() {
    std::string sql;
    do {
      const std::optional<std::string> part = comparison();
      if (!part) return std::nullopt;
      sql += (sql.empty() ? "" : " AND ") + *part;
    } while (take("and"));
    if (at_ < tokens_.size()) return fail();
    return sql;
  }

 private:
  bool take(std::string_view token) {
    if (at_ >= tokens_.size() || tokens_[at_] != token) return false;
    ++at_;
    return true;
  }

  std::optional<std::string> fail() {
    context_.diagnostics.error(
        word_, "the condition " + in_quotes(word_.text) + " of an index cannot be read",
        "write field is null, field is not null, field = value, joined by and");
    return std::nullopt;
  }

  std::optional<std::string> comparison() {
    if (at_ >= tokens_.size()) return fail();
    const std::string name = tokens_[at_++];
    const std::size_t index = context_.field_index(entity_, name);
    if (index == none) {
      context_.diagnostics.error(
          word_, "the condition of an index names the unknown field " + in_quotes(name),
          context_.diagnostics.did_you_mean(name, context_.field_names(entity_)));
      return std::nullopt;
    }
    if (take("is")) {
      const bool negated = take("not");
      if (!take("null")) return fail();
      return sql_ident(name) + (negated ? " IS NOT NULL" : " IS NULL");
    }
    if (!take("=") || at_ >= tokens_.size()) return fail();
    return equality(context_.service.entities[entity_].fields[index], tokens_[at_++]);
  }

  std::optional<std::string> equality(const Field& field, std::string token) {
    const bool is_quoted = token.size() >= 2 && token.front() == '\'' && token.back() == '\'';
    Word value = word_;
    value.text = is_quoted ? token.substr(1, token.size() - 2) : std::move(token);
    std::string why;
    const auto literal = parse_literal(context_.service, field, value, why);
    if (!literal || literal->literal.sql.empty()) {
      context_.diagnostics.error(word_, "in the condition of an index, " + in_quotes(value.text) +
                                            " " + (why.empty() ? "cannot be used" : why));
      return std::nullopt;
    }
    return sql_ident(field.name) + " = " + literal->literal.sql;
  }

  Context& context_;
  std::size_t entity_;
  const Word& word_;
  std::vector<std::string> tokens_;
  std::size_t at_ = 0;
};

std::string default_name(const Index& index, const std::string& table) {
  std::string name = index.unique ? "ux_" : "ix_";
  name += table;
  for (const std::string& column : index.columns) name += "_" + column;
  return limited_name(std::move(name));
}

bool read_columns(Context& context, std::size_t entity, const schema::Index& syntax, Index& index) {
  const Entity& here = context.service.entities[entity];
  if (syntax.fields.empty()) {
    context.diagnostics.error(syntax.at, "an index needs at least one field");
    return false;
  }
  const std::size_t before = context.diagnostics.error_count();
  for (const Word& word : syntax.fields) {
    const Relation* relation = context.find_relation(entity, word.text);
    const bool is_relation = relation != nullptr && relation->kind == RelationKind::belongs_to;
    const std::string name = is_relation ? relation->field : word.text;
    const std::size_t field = context.field_index(entity, name);
    if (field == none && context.is_computed(entity, name)) {
      context.diagnostics.error(word, "an index cannot use the computed field " + in_quotes(name),
                                "it is not in the database; use the fields it is made of");
    } else if (field == none) {
      context.diagnostics.error(
          word,
          "an index names the unknown field " + in_quotes(word.text) + " of " +
              in_quotes(here.name),
          context.diagnostics.did_you_mean(word.text, context.field_names(entity)));
    } else if (!is_ordered(here.fields[field])) {
      context.diagnostics.error(word, "an index cannot use field " + in_quotes(name) +
                                          " of the type " +
                                          in_quotes(scalar_name(here.fields[field].type)));
    } else if (std::ranges::find(index.columns, name) != index.columns.end()) {
      context.diagnostics.error(word, "an index names " + in_quotes(name) + " twice");
    } else {
      index.columns.push_back(name);
    }
  }
  return context.diagnostics.error_count() == before;
}

}  // namespace

std::string limited_name(std::string name) {
  if (name.size() <= max_name_length) return name;
  std::uint32_t hash = 2'166'136'261U;  // FNV-1a: the cut part still tells names apart
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619U;
  std::string suffix = "_";
  for (int shift = 28; shift >= 0; shift -= 4)
    suffix += "0123456789abcdef"[(hash >> static_cast<unsigned>(shift)) & 0xFU];
  return name.substr(0, max_name_length - suffix.size()) + suffix;
}

void build_indexes(Context& context, std::size_t entity) {
  Entity& target = context.service.entities[entity];
  std::unordered_set<std::string> names;
  const auto add = [&](Index index, const Word& word) {
    if (index.name.empty()) index.name = default_name(index, target.table);
    if (!names.insert(index.name).second) {
      context.diagnostics.error(word, "an index " + in_quotes(index.name) + " is given twice");
      return;
    }
    target.indexes.push_back(std::move(index));
  };
  for (const Field& field : target.fields) {
    if (field.unique && field.origin != Origin::id)
      add({"", {field.name}, true, ""}, context.syntax.entities[entity].name);
  }
  for (const schema::Index& syntax : context.syntax.entities[entity].indexes) {
    Index index;
    index.unique = syntax.unique.value;
    if (!read_columns(context, entity, syntax, index)) continue;
    if (syntax.where) {
      const std::optional<std::string> condition =
          ConditionReader(context, entity, *syntax.where).read();
      if (!condition) continue;
      index.where_sql = *condition;
    }
    if (syntax.name) {
      check_snake_name(context, *syntax.name, "index", true);
      index.name = syntax.name->text;
    }
    add(std::move(index), syntax.at);
  }
  // Every foreign key has an index: deletes of the target and has_many lists look it up.
  std::unordered_set<std::string> covered;
  for (const Index& index : target.indexes) {
    if (index.where_sql.empty()) covered.insert(index.columns.front());
  }
  for (const Field& field : target.fields) {
    if (!field.is_foreign_key()) continue;
    if (!covered.contains(field.name))
      add({"", {field.name}, false, ""}, context.syntax.entities[entity].name);
  }
}

}  // namespace kitgen::model
