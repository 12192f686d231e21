// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <unordered_set>
#include <utility>

#include "kit/base/text.hpp"
#include "kitgen/model/detail/context.hpp"
#include "kitgen/model/naming.hpp"

namespace kitgen::model {
namespace {

using schema::in_quotes;

constexpr int greatest_page_size = 200;
/// A cursor carries the last row's value of each sort key and has to fit into the request line.
constexpr std::uint32_t longest_sort_key = 255;

struct FoundField {
  std::size_t index = none;
  const Word* word = nullptr;
};

/// Fields by the words of a list; unknown and repeated ones are told. `where`: "list.filter".
std::vector<FoundField> find_fields(Context& context, std::size_t entity,
                                    const std::vector<Word>& words, const std::string& where) {
  std::vector<FoundField> found;
  std::unordered_set<std::string_view> seen;
  const Entity& here = context.service.entities[entity];
  for (const Word& word : words) {
    const std::size_t index = context.field_index(entity, word.text);
    if (index == none && context.is_computed(entity, word.text)) {
      context.diagnostics.error(word,
                                where + " cannot use the computed field " + in_quotes(word.text),
                                "it is not in the database; use the fields it is made of");
    } else if (index == none) {
      const Relation* relation = context.find_relation(entity, word.text);
      std::string help =
          relation != nullptr && !relation->field.empty()
              ? "write " + in_quotes(relation->field)
              : context.diagnostics.did_you_mean(word.text, context.field_names(entity));
      context.diagnostics.error(word,
                                where + " names the unknown field " + in_quotes(word.text) +
                                    " of " + in_quotes(here.name),
                                std::move(help));
    } else if (!seen.insert(word.text).second) {
      context.diagnostics.error(word, where + " names " + in_quotes(word.text) + " twice");
    } else {
      found.push_back({index, &word});
    }
  }
  return found;
}

void refuse_use(Context& context, const Word& word, const std::string& where, const Field& field) {
  if (field.secret) {
    context.diagnostics.error(word,
                              where + " cannot use the secret field " + in_quotes(field.name));
  } else {
    context.diagnostics.error(
        word, where + " cannot use field " + in_quotes(field.name) + " of the type " +
                  in_quotes(field.is_array ? "[" + std::string(scalar_name(field.type)) + "]"
                                           : scalar_name(field.type)));
  }
}

int read_size(Context& context, const std::optional<Word>& word, const char* key, int otherwise) {
  if (!word) return otherwise;
  const std::optional<long long> value = kit::parse_int(word->text);
  if (value && *value >= 1 && *value <= greatest_page_size) return static_cast<int>(*value);
  context.diagnostics.error(*word, in_quotes(key) + " must be a whole number from 1 to " +
                                       std::to_string(greatest_page_size));
  return otherwise;
}

void refuse_long_key(Context& context, const Word& word, const Field& field) {
  const std::string limit = std::to_string(longest_sort_key);
  context.diagnostics.error(
      word,
      "list.sort cannot use field " + in_quotes(field.name) + ", which may have " +
          std::to_string(*field.max_length) +
          " characters: a list's cursor would be longer than a request may be",
      "give it max: " + limit + " or less, or take it out of list.sort");
}

void build_sort(Context& context, std::size_t entity, const std::vector<Word>& words) {
  Entity& target = context.service.entities[entity];
  for (const auto& [index, word] : find_fields(context, entity, words, "list.sort")) {
    Field& field = target.fields[index];
    if (!can_sort(field)) {
      refuse_use(context, *word, "list.sort", field);
      continue;
    }
    if (field.is_text() && field.max_length && *field.max_length > longest_sort_key) {
      refuse_long_key(context, *word, field);
      continue;
    }
    field.sortable = true;
    if (field.name != "id") target.list.sort.push_back(field.name);
  }
}

void build_list(Context& context, std::size_t entity, const schema::List& syntax) {
  Entity& target = context.service.entities[entity];
  for (const auto& [index, word] : find_fields(context, entity, syntax.filter, "list.filter")) {
    Field& field = target.fields[index];
    if (!can_filter(field)) {
      refuse_use(context, *word, "list.filter", field);
      continue;
    }
    field.filterable = true;
    field.operators = operators_of(field);
    if (field.name != "id") target.list.filter.push_back(field.name);
  }
  build_sort(context, entity, syntax.sort);
  for (const auto& [index, word] : find_fields(context, entity, syntax.search, "list.search")) {
    Field& field = target.fields[index];
    if (!field.is_text() || field.secret) {
      refuse_use(context, *word, "list.search", field);
      continue;
    }
    field.searchable = true;
    target.list.search.push_back(field.name);
  }
  target.list.max_page_size =
      read_size(context, syntax.max_page_size, "max_page_size", greatest_page_size);
  const int usual = target.list.max_page_size < target.list.page_size ? target.list.max_page_size
                                                                      : target.list.page_size;
  target.list.page_size = read_size(context, syntax.page_size, "page_size", usual);
  if (syntax.page_size && target.list.page_size > target.list.max_page_size) {
    context.diagnostics.error(*syntax.page_size, "'page_size' is greater than 'max_page_size'");
  }
}

void tell_repeated(Context& context, const std::vector<Word>& words, const std::string& where) {
  std::unordered_set<std::string_view> seen;
  for (const Word& word : words) {
    if (!seen.insert(word.text).second)
      context.diagnostics.error(word, where + " names " + in_quotes(word.text) + " twice");
  }
}

void build_console(Context& context, std::size_t entity, const schema::Console& syntax) {
  Entity& target = context.service.entities[entity];
  const auto plain_text = [&](const std::optional<Word>& word, const char* key) -> std::string {
    if (!word) return {};
    if (word->text.size() <= max_name_length) return word->text;
    context.diagnostics.error(
        *word, in_quotes(key) + " is longer than " + std::to_string(max_name_length) + " bytes");
    return {};
  };
  target.console.icon = plain_text(syntax.icon, "icon");
  target.console.menu = plain_text(syntax.menu, "menu");
  for (const Word& column : syntax.columns) {
    if (context.is_computed(entity, column.text)) {
      target.console.columns.push_back(column.text);
      continue;
    }
    for (const auto& [index, word] : find_fields(context, entity, {column}, "console.columns")) {
      if (target.fields[index].secret) {
        refuse_use(context, column, "console.columns", target.fields[index]);
      } else {
        target.console.columns.push_back(column.text);
      }
    }
  }
  tell_repeated(context, syntax.columns, "console.columns");
  constexpr std::size_t usual_columns = 5;
  for (std::size_t i = 0; syntax.columns.empty() && i < target.fields.size() &&
                          target.console.columns.size() < usual_columns;
       ++i) {
    const Field& field = target.fields[i];
    const bool is_own = field.origin == Origin::declared || field.origin == Origin::relation;
    if (is_own && !field.secret && is_ordered(field)) target.console.columns.push_back(field.name);
  }
  if (target.console.columns.empty()) target.console.columns.emplace_back("id");
}

}  // namespace

void build_options(Context& context, std::size_t entity) {
  const schema::Entity& syntax = context.syntax.entities[entity];
  build_list(context, entity, syntax.list);
  build_console(context, entity, syntax.console);
}

}  // namespace kitgen::model
