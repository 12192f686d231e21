// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>
#include <utility>

#include "kit/base/text.hpp"
#include "kitgen/model/detail/context.hpp"
#include "kitgen/model/detail/typed_expression.hpp"
#include "kitgen/model/naming.hpp"

namespace kitgen::model {
namespace {

using schema::in_quotes;

/// The part of a word that an expression's mistake is about.
Word part_of(const Word& word, std::size_t offset, std::size_t length) {
  Word part = word;
  // A text of several lines, or with escapes, is not in the source as it is here.
  const std::size_t plain = word.text.size() + (word.quoted ? 2 : 0);
  if (word.text.find('\n') != std::string::npos || static_cast<int>(plain) != word.length)
    return part;
  part.at.column +=
      static_cast<int>(kit::utf8_length(word.text.substr(0, offset))) + (word.quoted ? 1 : 0);
  part.length = static_cast<int>(std::max<std::size_t>(length, 1));
  return part;
}

/// Keys that make no sense on what is never given and never stored.
void refuse_keys(Context& context, const schema::Field& syntax) {
  const std::string tail = " means nothing for a computed field";
  const std::array<std::pair<const std::optional<Word>*, const char*>, 9> words{
      {{&syntax.min, "min"},
       {&syntax.max, "max"},
       {&syntax.min_length, "min_length"},
       {&syntax.max_length, "max_length"},
       {&syntax.pattern, "pattern"},
       {&syntax.format, "format"},
       {&syntax.default_value, "default"},
       {&syntax.currency, "currency"},
       {&syntax.renamed_from, "renamed_from"}}};
  for (const auto& [word, key] : words) {
    if (*word) context.diagnostics.error(**word, in_quotes(key) + tail);
  }
  for (const auto& [flag, key] :
       {std::pair{&syntax.unique, "unique"}, std::pair{&syntax.immutable, "immutable"},
        std::pair{&syntax.read_only, "read_only"}, std::pair{&syntax.secret, "secret"}}) {
    if (flag->value) context.diagnostics.error(flag->word, in_quotes(key) + tail);
  }
}

/// The type of a computed field; nothing when it cannot be one.
std::optional<Field> typed_field(Context& context, const schema::Field& syntax) {
  const std::optional<TypeSpec> spec = parse_type(context, syntax.type);
  if (!spec) return std::nullopt;
  const bool is_document = spec->scalar == Scalar::json || spec->scalar == Scalar::bytes;
  if (syntax.is_array || is_document || spec->family != TypeSpec::Family::scalar) {
    const std::string type = syntax.is_array ? "[" + syntax.type.text + "]" : syntax.type.text;
    context.diagnostics.error(syntax.type,
                              "a computed field cannot be of the type " + in_quotes(type),
                              "it holds one text, number, date, truth or enum value");
    return std::nullopt;
  }
  Field field;
  field.name = syntax.name.text;
  field.pascal = to_pascal(field.name);
  field.label = to_label(field.name);
  if (syntax.doc) field.doc = syntax.doc->text;
  field.origin = Origin::computed;
  field.type = spec->scalar;
  field.precision = spec->precision;
  field.scale = spec->scale;
  field.enum_index = spec->enum_index;
  field.optional = syntax.optional.value;
  set_type_names(context.service, field);
  decide(field);
  return field;
}

void build_one(Context& context, std::size_t entity, const schema::Field& syntax) {
  check_snake_name(context, syntax.name, "field", true);
  context.notes[entity].members.declare(
      syntax.name.text, syntax.name, "field " + in_quotes(syntax.name.text), context.diagnostics);
  refuse_keys(context, syntax);
  if (syntax.is_broken) return;
  std::optional<Field> field = typed_field(context, syntax);
  const Word& word = *syntax.computed;
  const ExpressionError fail = [&](std::size_t offset, std::size_t length, std::string message,
                                   std::string help) {
    context.diagnostics.error(part_of(word, offset, length), std::move(message), std::move(help));
  };
  const std::optional<Expression> expression = parse_expression(word.text, fail);
  if (!expression || !field) return;
  std::optional<Typed> value =
      check_expression(context, entity, *expression, computed_variable, fail);
  if (value) value = convert_to(context, std::move(*value), *field, fail);
  if (!value) return;
  if (value->is_nullable && !field->optional) {
    context.diagnostics.error(word, "the expression is null where one of its fields is",
                              "add optional: true, or use coalesce(field, 'otherwise')");
  }
  context.service.entities[entity].computed.push_back(
      {std::move(*field), word.text, std::move(value->cpp), value->may_fail});
}

}  // namespace

void build_computed(Context& context, std::size_t entity) {
  for (const schema::Field& syntax : context.syntax.entities[entity].fields) {
    if (syntax.computed) build_one(context, entity, syntax);
  }
}

}  // namespace kitgen::model
