// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>

#include "kitgen/model/detail/context.hpp"
#include "kitgen/model/quote.hpp"

namespace kitgen::model {
namespace {

using schema::in_quotes;

/// The element as a field of its own, with what `items:` says of it.
schema::Field element_syntax(const schema::Field& syntax) {
  schema::Field element;
  element.name = syntax.name;
  element.type = syntax.type;
  if (!syntax.items) return element;
  const schema::Items& items = *syntax.items;
  element.min = items.min;
  element.max = items.max;
  element.min_length = items.min_length;
  element.max_length = items.max_length;
  element.pattern = items.pattern;
  element.format = items.format;
  return element;
}

/// `default: [a, b]` in each language; nothing when an element is no value of the type.
std::optional<Literal> read_list(Context& context, const schema::DefaultList& list,
                                 const Field& element) {
  Literal literal;
  std::string json;
  std::string cpp;
  for (const Word& word : list.values) {
    std::string why;
    const auto value = parse_literal(context.service, element, word, why);
    if (value && !value->literal.is_now) {
      json += (json.empty() ? "" : ",") + value->literal.json;
      cpp += (cpp.empty() ? "" : ", ") + value->literal.cpp;
      continue;
    }
    context.diagnostics.error(word, "default " + in_quotes(word.text) + " " +
                                        (value ? "cannot be an element of a default" : why));
    return std::nullopt;
  }
  literal.json = "[" + json + "]";
  literal.text = literal.json;
  literal.cpp = "{" + cpp + "}";
  literal.sql = sql_literal(literal.json);
  return literal;
}

void read_default(Context& context, const schema::Field& syntax, const Field& element,
                  Field& field) {
  if (!syntax.default_list) return;
  const schema::DefaultList& list = *syntax.default_list;
  const std::size_t count = list.values.size();
  if (field.min_length && count < *field.min_length) {
    context.diagnostics.error(
        list.at, "the default has fewer elements than min, " + std::to_string(*field.min_length));
  } else if (field.max_length && count > *field.max_length) {
    context.diagnostics.error(
        list.at, "the default has more elements than max, " + std::to_string(*field.max_length));
  }
  field.default_value = read_list(context, list, element);
}

}  // namespace

void read_items(Context& context, const schema::Field& syntax, Field& field) {
  Field element;
  element.name = field.name;
  element.type = field.type;
  element.precision = field.precision;
  element.scale = field.scale;
  element.enum_index = field.enum_index;
  read_constraints(context, element_syntax(syntax), element);
  field.type = element.type;
  field.min = element.min;
  field.max = element.max;
  field.pattern = element.pattern;
  field.item_min_length = element.min_length;
  field.item_max_length = element.max_length;
  field.unique_items = syntax.items && syntax.items->unique.value;
  read_default(context, syntax, element, field);
  if (field.read_only && !field.optional && !field.default_value && !syntax.default_list) {
    context.diagnostics.error(
        syntax.read_only.word,
        "a read_only field can never be given on create, so it needs a default or optional: true",
        "write default: []");
  }
}

void refuse_array_keys(Context& context, const schema::Field& syntax) {
  if (syntax.items) {
    context.diagnostics.error(
        syntax.items->at, "'items' is only for arrays",
        "write its keys beside type:, or type: [" + syntax.type.text.substr(0, 40) + "]");
  }
  if (syntax.default_list) {
    context.diagnostics.error(
        syntax.default_list->at,
        "'default' must be a single value, not a list: the field is no array");
  }
}

}  // namespace kitgen::model
