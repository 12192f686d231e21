// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "kitgen/model/detail/context.hpp"
#include "kitgen/model/naming.hpp"

namespace kitgen::model {
namespace {

using schema::in_quotes;
using Family = TypeSpec::Family;

constexpr std::array<std::string_view, 5> automatic_names{"id", "created_at", "updated_at",
                                                          "version", "deleted_at"};
constexpr std::uint32_t max_reference_length = 1'024;

Field named_field(std::string name) {
  Field field;
  field.pascal = to_pascal(name);
  field.label = to_label(name);
  field.name = std::move(name);
  return field;
}

/// `type: enum, values: [...]` becomes an enum of its own, named after entity and field.
std::size_t add_inline_enum(Context& context, const schema::Field& syntax,
                            const std::string& owner) {
  Enum made;
  made.name = owner + to_pascal(syntax.name.text);
  made.snake = to_snake(made.name);
  if (!syntax.has_values) {
    context.diagnostics.error(syntax.type, "an enum needs its values",
                              "write {type: enum, values: [a, b]}, or name an enum");
  } else if (syntax.values.empty()) {
    context.diagnostics.error(syntax.name, "enum " + in_quotes(made.name) + " has no values");
  }
  made.values = make_enum_values(context, syntax.values, syntax.renamed_values);
  context.types.declare(made.name, syntax.name, "enum " + in_quotes(made.name),
                        context.diagnostics);
  context.service.enums.push_back(std::move(made));
  return context.service.enums.size() - 1;
}

/// What a field of the schema says besides its type.
Field base_field(const schema::Field& syntax, std::string name) {
  Field field = named_field(std::move(name));
  field.optional = syntax.optional.value;
  if (syntax.doc) field.doc = syntax.doc->text;
  return field;
}

void refuse(Context& context, const std::optional<Word>& word, std::string_view key,
            std::string_view type) {
  if (word)
    context.diagnostics.error(*word, in_quotes(key) + " is not for the type " + in_quotes(type));
}

std::vector<Field> make_money(Context& context, const schema::Field& syntax, const TypeSpec& spec) {
  Field amount = base_field(syntax, syntax.name.text);
  amount.type = Scalar::decimal;
  amount.role = Role::money_amount;
  amount.precision = spec.precision;
  amount.scale = spec.scale;
  read_constraints(context, syntax, amount);

  Field currency = base_field(syntax, syntax.name.text + "_currency");
  currency.role = Role::money_currency;
  currency.doc = "ISO 4217 code of the currency of " + syntax.name.text + ".";
  currency.min_length = 3;
  currency.max_length = 3;
  currency.pattern = "[A-Z]{3}";
  if (!amount.renamed_from.empty()) currency.renamed_from = amount.renamed_from + "_currency";
  currency.immutable = amount.immutable;
  currency.read_only = amount.read_only;
  currency.secret = amount.secret;
  if (syntax.currency) {
    const std::string& code = syntax.currency->text;
    if (code.size() != 3 ||
        !std::ranges::all_of(code, [](char c) { return c >= 'A' && c <= 'Z'; })) {
      context.diagnostics.error(
          *syntax.currency,
          "the currency " + in_quotes(code) + " is not a code of three capital letters",
          "write EUR, for example");
    } else {
      std::string why;
      if (auto value = parse_literal(context.service, currency, *syntax.currency, why))
        currency.default_value = value->literal;
    }
  } else if (currency.read_only && !currency.optional) {
    context.diagnostics.error(syntax.read_only.word, "a read_only money field needs a currency");
  }
  return {std::move(amount), std::move(currency)};
}

std::vector<Field> make_geo(Context& context, const schema::Field& syntax) {
  refuse(context, syntax.min, "min", "geo");
  refuse(context, syntax.max, "max", "geo");
  refuse(context, syntax.default_value, "default", "geo");
  if (syntax.backfill) refuse(context, syntax.backfill->value, "backfill", "geo");
  if (syntax.unique)
    context.diagnostics.error(syntax.unique.word, "'unique' is not for the type 'geo'");
  schema::Field rest = syntax;
  rest.min.reset();
  rest.max.reset();
  rest.default_value.reset();
  rest.backfill.reset();
  rest.unique = {};
  std::vector<Field> fields;
  for (const auto& [suffix, role, limit] : {std::tuple{"_latitude", Role::latitude, "90"},
                                            std::tuple{"_longitude", Role::longitude, "180"}}) {
    Field field = base_field(syntax, syntax.name.text + suffix);
    field.type = Scalar::float64;
    field.role = role;
    // What is wrong with the other keys is told once.
    if (fields.empty()) {
      read_constraints(context, rest, field);
      if (!field.renamed_from.empty()) field.renamed_from += suffix;
    } else {
      if (syntax.renamed_from) field.renamed_from = syntax.renamed_from->text + suffix;
      field.immutable = fields[0].immutable;
      field.read_only = fields[0].read_only;
      field.secret = fields[0].secret;
    }
    std::string why;
    const Word high{limit, {}, 1, false};
    const Word low{std::string("-") + limit, {}, 1, false};
    if (auto value = parse_literal(context.service, field, low, why)) field.min = value->literal;
    if (auto value = parse_literal(context.service, field, high, why)) field.max = value->literal;
    fields.push_back(std::move(field));
  }
  return fields;
}

Field make_reference(Context& context, const schema::Field& syntax, Role role) {
  Field field = base_field(syntax, syntax.name.text);
  field.role = role;
  read_constraints(context, syntax, field);
  if (!syntax.max && !syntax.max_length) field.max_length = max_reference_length;
  return field;
}

void check_family_keys(Context& context, const schema::Field& syntax, const TypeSpec& spec) {
  if (syntax.has_values && spec.family != Family::inline_enum) {
    context.diagnostics.error(syntax.name, "'values' is only for type: enum");
  }
  if (syntax.currency && spec.family != Family::money) {
    context.diagnostics.error(*syntax.currency, "'currency' is only for the type 'money'");
  }
  const bool is_composed = spec.family == Family::money || spec.family == Family::geo ||
                           spec.family == Family::file || spec.family == Family::image ||
                           spec.family == Family::inline_enum;
  if (syntax.is_array && is_composed) {
    context.diagnostics.error(syntax.type,
                              "an array of " + in_quotes(syntax.type.text) + " is not possible",
                              "arrays hold scalars");
  }
  const bool is_document = spec.family == Family::scalar &&
                           (spec.scalar == Scalar::json || spec.scalar == Scalar::bytes);
  if (syntax.is_array && is_document) {
    context.diagnostics.error(
        syntax.type, "an array of " + in_quotes(syntax.type.text) + " is not possible",
        spec.scalar == Scalar::json ? "write type: json; its value may be a list"
                                    : "use an entity of its own");
  }
  if (!syntax.is_array) refuse_array_keys(context, syntax);
}

}  // namespace

Field make_id_field(const Service& service, std::size_t entity, std::string name) {
  Field field = named_field(std::move(name));
  field.type = Scalar::id;
  field.id_entity = entity;
  set_type_names(service, field);
  return field;
}

void decide(Field& field) {
  const bool is_automatic = field.origin != Origin::declared && field.origin != Origin::relation;
  field.read_only = field.read_only || is_automatic;
  field.in_response = !field.secret;
  field.in_create = !field.read_only;
  field.in_update = !field.read_only && !field.immutable;
  field.required_in_create = field.in_create && !field.optional && !field.default_value;
}

std::vector<Field> make_fields(Context& context, const schema::Field& syntax,
                               const std::string& owner) {
  if (syntax.is_broken) return {};
  const std::optional<TypeSpec> spec = parse_type(context, syntax.type);
  if (!spec) return {};
  check_family_keys(context, syntax, *spec);
  std::vector<Field> fields;
  switch (spec->family) {
    case Family::money:
      fields = make_money(context, syntax, *spec);
      break;
    case Family::geo:
      fields = make_geo(context, syntax);
      break;
    case Family::file:
      fields.push_back(make_reference(context, syntax, Role::file));
      break;
    case Family::image:
      fields.push_back(make_reference(context, syntax, Role::image));
      break;
    case Family::scalar:
    case Family::inline_enum: {
      Field field = base_field(syntax, syntax.name.text);
      field.type = spec->scalar;
      field.is_array = syntax.is_array;
      field.precision = spec->precision;
      field.scale = spec->scale;
      field.enum_index = spec->family == Family::inline_enum
                             ? add_inline_enum(context, syntax, owner)
                             : spec->enum_index;
      read_constraints(context, syntax, field);
      if (field.is_array) read_items(context, syntax, field);
      fields.push_back(std::move(field));
      break;
    }
  }
  for (Field& field : fields) {
    set_type_names(context.service, field);
    decide(field);
  }
  return fields;
}

void add_field(Context& context, std::size_t entity, Field field, const Word& word,
               const std::string& what) {
  EntityNotes& notes = context.notes[entity];
  if (field.name.size() > max_name_length && word.text.size() <= max_name_length) {
    context.diagnostics.error(word, "the column name " + in_quotes(field.name) +
                                        " is longer than " + std::to_string(max_name_length) +
                                        " characters");
  }
  notes.members.declare(field.name, word, what, context.diagnostics);
  notes.add_field_name(field.name, word);
  field.line = word.at.line;
  field.position = word.at.column;
  field.place_file = context.syntax.files[static_cast<std::size_t>(word.at.file)];
  context.service.entities[entity].fields.push_back(std::move(field));
}

void build_fields(Context& context, std::size_t entity) {
  Field id = make_id_field(context.service, entity, "id");
  id.origin = Origin::id;
  decide(id);
  id.filterable = true;
  id.sortable = true;
  id.operators = operators_of(id);
  context.notes[entity].add_field_name("id", context.syntax.entities[entity].name);
  context.service.entities[entity].fields.push_back(std::move(id));

  for (const schema::Field& syntax : context.syntax.entities[entity].fields) {
    const bool is_automatic =
        std::ranges::find(automatic_names, syntax.name.text) != automatic_names.end();
    if (is_automatic) {
      context.diagnostics.error(
          syntax.name,
          "field " + in_quotes(syntax.name.text) + " has the name of an automatic column",
          syntax.name.text == "id"
              ? "every entity has an id; id: uuid beside fields: changes its kind"
              : "it is kept for you; see keep:");
      continue;
    }
    if (syntax.computed) continue;  // see computed.cpp
    check_snake_name(context, syntax.name, "field", true);
    const std::string owner = context.service.entities[entity].name;
    std::vector<Field> fields = make_fields(context, syntax, owner);
    // A field whose type is unknown still exists: what refers to it is not wrong.
    if (fields.empty()) {
      Field placeholder = base_field(syntax, syntax.name.text);
      set_type_names(context.service, placeholder);
      fields.push_back(std::move(placeholder));
    }
    for (Field& field : fields) {
      const std::string what =
          field.name == syntax.name.text
              ? "field " + in_quotes(field.name)
              : "column " + in_quotes(field.name) + " of field " + in_quotes(syntax.name.text);
      add_field(context, entity, std::move(field), syntax.name, what);
    }
  }
}

void add_automatic_fields(Context& context, std::size_t entity) {
  Entity& target = context.service.entities[entity];
  const auto add = [&](const char* name, Origin origin, Scalar type, bool optional) {
    Field field = named_field(name);
    field.origin = origin;
    field.type = type;
    field.optional = optional;
    set_type_names(context.service, field);
    decide(field);
    context.notes[entity].add_field_name(name, context.syntax.entities[entity].name);
    target.fields.push_back(std::move(field));
  };
  add("created_at", Origin::created_at, Scalar::timestamp, false);
  add("updated_at", Origin::updated_at, Scalar::timestamp, false);
  if (target.version) add("version", Origin::version, Scalar::int64, false);
  if (target.soft_delete) add("deleted_at", Origin::deleted_at, Scalar::timestamp, true);
}

}  // namespace kitgen::model
