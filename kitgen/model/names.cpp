// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string>
#include <unordered_map>
#include <utility>

#include "kit/base/text.hpp"
#include "kitgen/model/detail/context.hpp"
#include "kitgen/model/naming.hpp"

namespace kitgen::model {
namespace {

using schema::in_quotes;

std::string text_of(const std::optional<Word>& word) {
  return word ? word->text : std::string();
}

bool check_identifier(Context& context, const Word& word, std::string_view what) {
  if (is_identifier(word.text)) return true;
  const bool is_long = word.text.size() > max_name_length;
  context.diagnostics.error(
      word, std::string(what) + " name " + in_quotes(word.text) +
                (is_long ? " is longer than " + std::to_string(max_name_length) + " characters"
                         : " is not a name: a letter, then letters, digits and underscores"));
  return false;
}

void build_enum(Context& context, const schema::Enum& syntax) {
  Enum& target = context.service.enums.emplace_back();
  target.name = syntax.name.text;
  target.snake = to_snake(target.name);
  target.doc = text_of(syntax.doc);
  context.enum_by_name.try_emplace(target.name, context.service.enums.size() - 1);
  check_pascal_name(context, syntax.name, "enum");
  context.types.declare(target.name, syntax.name, "enum " + in_quotes(target.name),
                        context.diagnostics);
  if (syntax.values.empty()) {
    context.diagnostics.error(syntax.name, "enum " + in_quotes(target.name) + " has no values");
  }
  target.values = make_enum_values(context, syntax.values, syntax.renamed_values);
}

void check_type_names(Context& context, const Entity& entity, const Word& word) {
  // The types generated beside the struct, in C++, OpenAPI and TypeScript.
  static constexpr std::array<std::string_view, 11> suffixes{
      "Id",        "IdTag",  "Repository", "Service", "Routes", "Import",
      "Expansion", "Create", "Update",     "Patch",   "List"};
  const std::string what = "entity " + in_quotes(entity.name);
  if (!context.types.declare(entity.name, word, what, context.diagnostics)) return;
  for (const std::string_view suffix : suffixes) {
    const std::string name = entity.name + std::string(suffix);
    context.types.declare(name, word, "generated type " + in_quotes(name) + " of " + what,
                          context.diagnostics);
  }
}

IdKind id_kind(Context& context, const std::optional<Word>& word) {
  if (!word || word->text == "sequence") return IdKind::sequence;
  if (word->text == "uuid") return IdKind::uuid;
  static constexpr std::array<std::string_view, 2> kinds{"sequence", "uuid"};
  std::string help =
      context.diagnostics.did_you_mean(word->text, std::span<const std::string_view>(kinds));
  context.diagnostics.error(*word, "unknown kind of id " + in_quotes(word->text),
                            help.empty() ? "known: " + schema::one_of(kinds) : std::move(help));
  return IdKind::sequence;
}

void name_entity(Context& context, const schema::Entity& syntax, NameScope& tables) {
  Entity entity;
  const Service& service = context.service;
  entity.name = syntax.name.text;
  entity.line = syntax.name.at.line;
  entity.position = syntax.name.at.column;
  if (syntax.renamed_from) {
    if (!is_pascal_case(syntax.renamed_from->text) || syntax.renamed_from->text == entity.name) {
      context.diagnostics.error(
          *syntax.renamed_from,
          "'renamed_from' must be the entity's former name in PascalCase, not " +
              in_quotes(syntax.renamed_from->text));
    }
    entity.renamed_from = syntax.renamed_from->text;
  }
  entity.file = context.syntax.files[static_cast<std::size_t>(syntax.name.at.file)];
  entity.doc = text_of(syntax.doc);
  entity.snake = to_snake(entity.name);
  entity.plural = syntax.plural ? syntax.plural->text : pluralise(entity.snake);
  entity.plural_pascal = to_pascal(entity.plural);
  entity.camel = to_camel(entity.snake);
  entity.plural_camel = to_camel(entity.plural);
  entity.upper = to_upper(entity.snake);
  entity.label = to_label(entity.snake);
  entity.plural_label = to_label(entity.plural);
  entity.id_kind = id_kind(context, syntax.id);
  entity.id_type = entity.name + "Id";
  entity.id_tag = entity.name + "IdTag";
  entity.table = entity.plural;
  entity.path = service.url_prefix + "/" + entity.plural;
  entity.path_id = entity.path + "/{id}";
  entity.soft_delete = syntax.keep.soft_delete.value;
  entity.version = syntax.keep.version.value;
  entity.audit = syntax.keep.audit.value;

  check_pascal_name(context, syntax.name, "entity");
  if (is_cpp_word(entity.snake)) {
    context.diagnostics.error(syntax.name, "the generated code of entity " +
                                               in_quotes(entity.name) + " would use the name " +
                                               in_quotes(entity.snake) +
                                               ", a reserved word of C++");
  }
  check_type_names(context, entity, syntax.name);
  const Word& table_word = syntax.plural ? *syntax.plural : syntax.name;
  if (syntax.plural) {
    check_snake_name(context, table_word, "table", true);
  } else if (const auto language = reserved_in(entity.plural)) {
    context.diagnostics.error(table_word,
                              "the table name " + in_quotes(entity.plural) + " is " + *language,
                              "give another one with plural: ...");
  }
  tables.declare(entity.plural, table_word, "table " + in_quotes(entity.plural),
                 context.diagnostics);
  context.entity_by_name.try_emplace(entity.name, service.entities.size());
  context.service.entities.push_back(std::move(entity));
}

}  // namespace

void NameScope::add(std::string_view name, const Word& word, std::string what) {
  taken_.try_emplace(kit::to_lower(name), Taken{std::string(name), std::move(what), word.at});
}

bool NameScope::declare(std::string_view name, const Word& word, const std::string& what,
                        schema::Diagnostics& diagnostics) {
  const auto [taken, is_new] =
      taken_.try_emplace(kit::to_lower(name), Taken{std::string(name), what, word.at});
  if (is_new) return true;
  const Taken& other = taken->second;
  const std::string line = diagnostics.place(other.at, word.at);
  const std::string place = " (" + line + ")";
  std::string message = what == other.what ? what + " is given twice, first in " + line
                        : name == other.name
                            ? what + " has the same name as " + other.what + place
                            : what + " differs from " + other.what + place + " only in case";
  diagnostics.error(word, std::move(message));
  return false;
}

void check_snake_name(Context& context, const Word& word, std::string_view what, bool strict) {
  if (!check_identifier(context, word, what)) return;
  if (!is_snake_case(word.text)) {
    const std::string better = to_snake(word.text);
    context.diagnostics.error(
        word, std::string(what) + " name " + in_quotes(word.text) + " must be in snake_case",
        is_snake_case(better) ? "write " + in_quotes(better) : "");
    return;
  }
  const std::optional<std::string> language = reserved_in(word.text);
  if (language && (strict || is_cpp_word(word.text))) {
    context.diagnostics.error(
        word, std::string(what) + " name " + in_quotes(word.text) + " is " + *language);
  }
}

void check_pascal_name(Context& context, const Word& word, std::string_view what) {
  if (!check_identifier(context, word, what)) return;
  if (!is_pascal_case(word.text)) {
    const std::string better = to_pascal(word.text);
    context.diagnostics.error(
        word, std::string(what) + " name " + in_quotes(word.text) + " must be in PascalCase",
        is_pascal_case(better) ? "write " + in_quotes(better) : "");
  } else if (is_taken_type_name(word.text)) {
    context.diagnostics.error(word, std::string(what) + " name " + in_quotes(word.text) +
                                        " is a type that generated code needs for itself");
  }
}

std::vector<EnumValue> make_enum_values(Context& context, const std::vector<Word>& words,
                                        const std::vector<schema::RenamedValue>& renamed) {
  std::vector<EnumValue> values;
  NameScope names;
  for (const Word& word : words) {
    if (check_identifier(context, word, "enum value") && !is_snake_case(word.text)) {
      context.diagnostics.error(word,
                                "enum value " + in_quotes(word.text) + " must be in snake_case",
                                "write " + in_quotes(to_snake(word.text)));
    }
    names.declare(word.text, word, "value " + in_quotes(word.text), context.diagnostics);
    values.push_back(
        {word.text, is_cpp_word(word.text) ? word.text + "_" : word.text, to_label(word.text), ""});
  }
  for (const auto& [name, former] : renamed) {
    if (!is_snake_case(former.text) || former.text == name.text) {
      context.diagnostics.error(former,
                                "'renamed_from' must be the value's former name in snake_case");
    }
    const auto value = std::ranges::find(values, name.text, &EnumValue::name);
    if (value != values.end()) value->renamed_from = former.text;
  }
  return values;
}

void build_header(Context& context) {
  Service& service = context.service;
  service.doc = text_of(context.syntax.doc);
  service.url_prefix = "/api/v1";
  if (!context.syntax.service) {
    context.diagnostics.error(schema::Position{1, 1}, 1, "the schema does not name its service",
                              "write service: store, for example");
  } else {
    const Word& name = *context.syntax.service;
    if (!name.empty()) check_snake_name(context, name, "service", true);
    const std::optional<std::string> taken = reserved_for_services(name.text);
    if (taken && !reserved_in(name.text)) {
      context.diagnostics.error(name, "service name " + in_quotes(name.text) + " is " + *taken);
    }
    service.name = name.text;
  }
  service.pascal = to_pascal(service.name);
  service.label = to_label(service.name);
  service.upper = to_upper(service.name);
  service.package = service.name + ".v1";
}

void build_enums(Context& context) {
  for (const schema::Enum& each : context.syntax.enums) build_enum(context, each);
}

void name_entities(Context& context) {
  NameScope tables;
  context.service.entities.reserve(context.syntax.entities.size());
  for (const schema::Entity& each : context.syntax.entities) name_entity(context, each, tables);
  context.notes.resize(context.service.entities.size());
  // After another error the entities may be there under a misspelt key.
  if (context.syntax.entities.empty() && context.diagnostics.error_count() == 0) {
    context.diagnostics.error(schema::Position{1, 1}, 1, "the schema has no entities",
                              "describe at least one under entities:");
  }
}

std::vector<std::string> Context::entity_names() const {
  std::vector<std::string> names;
  if (diagnostics.full()) return names;  // only wanted for suggestions
  for (const Entity& entity : service.entities) names.push_back(entity.name);
  return names;
}

std::vector<std::string> Context::field_names(std::size_t entity) const {
  std::vector<std::string> names;
  if (diagnostics.full()) return names;
  for (const Field& field : service.entities[entity].fields) names.push_back(field.name);
  return names;
}

std::size_t Context::find_entity(const Word& word, std::string_view used_as) {
  const auto found = entity_by_name.find(word.text);
  if (found != entity_by_name.end()) return found->second;
  const std::vector<std::string> names = entity_names();
  std::string help = diagnostics.did_you_mean(word.text, names);
  constexpr std::size_t few = 8;
  if (help.empty() && !names.empty() && names.size() <= few) {
    const std::vector<std::string_view> views(names.begin(), names.end());
    help = "entities here: " + schema::one_of(views);
  }
  diagnostics.error(word,
                    std::string(used_as) + " names the unknown entity " + in_quotes(word.text),
                    std::move(help));
  return none;
}

std::size_t Context::field_index(std::size_t entity, const std::string& name) const {
  const auto found = notes[entity].field_by_name.find(name);
  return found == notes[entity].field_by_name.end() ? none : found->second;
}

bool Context::is_computed(std::size_t entity, const std::string& name) const {
  for (const schema::Field& field : syntax.entities[entity].fields) {
    if (field.computed && field.name.text == name) return true;
  }
  return false;
}

const Relation* Context::find_relation(std::size_t entity, const std::string& name) const {
  const auto found = notes[entity].relation_by_name.find(name);
  if (found == notes[entity].relation_by_name.end()) return nullptr;
  return &service.entities[entity].relations[found->second];
}

}  // namespace kitgen::model
