// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>
#include <utility>

#include "kitgen/model/detail/context.hpp"
#include "kitgen/model/naming.hpp"

namespace kitgen::model {
namespace {

using schema::in_quotes;

/// What every entity's service, repository or path has already.
constexpr std::array<std::string_view, 26> taken_actions{
    "create",      "find",        "fetch",   "list",   "update",   "patch",      "replace",
    "remove",      "erase",       "restore", "purge",  "count",    "save",       "insert",
    "search",      "history",     "bulk",    "upsert", "validate", "import_csv", "export_csv",
    "import_xlsx", "export_xlsx", "move",    "import", "export"};

/// `Customer.email`: a field with the type and limits of another one.
struct Reference {
  std::size_t entity = none;
  std::size_t field = none;
};

bool is_reference(const Word& type) {
  return type.text.find('.') != std::string::npos;
}

std::optional<Reference> find_reference(Context& context, const Word& type,
                                        const std::string& what) {
  const std::size_t dot = type.text.find('.');
  Word entity_word = type;
  entity_word.text = type.text.substr(0, dot);
  entity_word.length = static_cast<int>(dot);
  const std::size_t entity = context.find_entity(entity_word, what);
  if (entity == none) return std::nullopt;
  const std::string field_name = type.text.substr(dot + 1);
  const std::size_t field = context.field_index(entity, field_name);
  if (field == none) {
    const std::string& name = context.service.entities[entity].name;
    std::string near = context.diagnostics.did_you_mean(field_name, context.field_names(entity));
    context.diagnostics.error(
        type, what + " names the unknown field " + in_quotes(field_name) + " of " + in_quotes(name),
        std::move(near));
    return std::nullopt;
  }
  return Reference{entity, field};
}

/// What stays of a field that another one is typed like: its type and limits, none of its role in
/// the table.
Field copy_of(const Context& context, const Reference& reference, const schema::Field& syntax) {
  Field field = context.service.entities[reference.entity].fields[reference.field];
  field.name = syntax.name.text;
  field.pascal = to_pascal(field.name);
  field.label = to_label(field.name);
  if (syntax.doc) field.doc = syntax.doc->text;
  field.optional = field.optional || syntax.optional.value;
  field.origin = Origin::declared;
  field.relation = none;
  field.default_value.reset();
  field.renamed_from.clear();
  field.backfill.reset();
  field.unique = field.immutable = field.read_only = false;
  field.filterable = field.sortable = field.searchable = field.in_import = false;
  field.operators.clear();
  set_type_names(context.service, field);
  decide(field);
  return field;
}

/// Keys that make no sense on something that is no column.
void refuse_column_keys(Context& context, const schema::Field& syntax, const std::string& what) {
  for (const auto& [flag, key] :
       {std::pair{&syntax.unique, "unique"}, std::pair{&syntax.immutable, "immutable"},
        std::pair{&syntax.read_only, "read_only"}}) {
    if (flag->value)
      context.diagnostics.error(flag->word, in_quotes(key) + " is for columns, not for " + what);
  }
  if (syntax.renamed_from)
    context.diagnostics.error(*syntax.renamed_from,
                              "'renamed_from' is for columns, not for " + what);
  if (syntax.backfill)
    context.diagnostics.error(syntax.backfill->value, "'backfill' is for columns, not for " + what);
}

void refuse_constraints(Context& context, const schema::Field& syntax, const std::string& what) {
  const std::array<std::pair<const std::optional<Word>*, const char*>, 8> keys{
      {{&syntax.min, "min"},
       {&syntax.max, "max"},
       {&syntax.min_length, "min_length"},
       {&syntax.max_length, "max_length"},
       {&syntax.pattern, "pattern"},
       {&syntax.format, "format"},
       {&syntax.default_value, "default"},
       {&syntax.currency, "currency"}}};
  for (const auto& [word, key] : keys) {
    if (*word)
      context.diagnostics.error(**word, in_quotes(key) + " cannot be changed for " + what +
                                            ", which is typed like " + in_quotes(syntax.type.text));
  }
}

/// [Customer.id]
Field array_of(Context& context, Field element, const schema::Field& syntax) {
  if (element.is_array || element.type == Scalar::json || element.type == Scalar::bytes) {
    context.diagnostics.error(syntax.type,
                              "an array of " + in_quotes(syntax.type.text) + " is not possible",
                              "arrays hold scalars");
    return element;
  }
  constexpr std::uint32_t usual_elements = 100;
  element.is_array = true;
  element.optional = syntax.optional.value;
  element.item_min_length = element.min_length;
  element.item_max_length = element.max_length;
  element.min_length.reset();
  element.max_length = usual_elements;
  set_type_names(context.service, element);
  decide(element);
  return element;
}

struct TypedField {
  Field field;
  Reference source;
};

/// Fields of an action's input or an event.
std::vector<TypedField> read_members(Context& context, const std::vector<schema::Field>& all,
                                     const std::string& owner, const std::string& where) {
  std::vector<TypedField> members;
  NameScope names;
  for (const schema::Field& syntax : all) {
    const std::string what = "field " + in_quotes(syntax.name.text) + " of " + where;
    check_snake_name(context, syntax.name, "field", false);  // no columns: SQL does not see them
    refuse_column_keys(context, syntax, what);
    std::vector<TypedField> made;
    if (!syntax.is_broken && is_reference(syntax.type)) {
      refuse_constraints(context, syntax, what);
      if (const auto reference = find_reference(context, syntax.type, what)) {
        Field copy = copy_of(context, *reference, syntax);
        if (syntax.is_array) copy = array_of(context, std::move(copy), syntax);
        made.push_back({std::move(copy), *reference});
      }
    } else {
      for (Field& field : make_fields(context, syntax, owner))
        made.push_back({std::move(field), {}});
    }
    for (TypedField& member : made) {
      names.declare(member.field.name, syntax.name, "field " + in_quotes(member.field.name),
                    context.diagnostics);
      members.push_back(std::move(member));
    }
  }
  return members;
}

void build_event(Context& context, std::size_t entity, const schema::Event& syntax) {
  Entity& here = context.service.entities[entity];
  Event event;
  event.name = syntax.name.text;
  event.snake = to_snake(event.name);
  event.wire = context.service.name + "." + here.snake + "." + event.snake;
  check_pascal_name(context, syntax.name, "event");
  context.types.declare(event.name, syntax.name, "event " + in_quotes(event.name),
                        context.diagnostics);
  for (TypedField& member :
       read_members(context, syntax.fields, event.name, "event " + in_quotes(event.name))) {
    EventField field{std::move(member.field), "", ""};
    if (member.source.entity != none) {
      const Entity& source = context.service.entities[member.source.entity];
      field.source_entity = source.name;
      field.source_field = source.fields[member.source.field].name;
    }
    if (field.field.secret) {
      context.diagnostics.error(syntax.name, "event " + in_quotes(event.name) +
                                                 " would publish the secret field " +
                                                 in_quotes(field.field.name));
    }
    const bool is_own_id = field.source_entity == here.name && field.source_field == "id";
    if (is_own_id && event.key == none && !field.field.is_array && !field.field.optional)
      event.key = event.fields.size();
    event.fields.push_back(std::move(field));
  }
  // Fields that came to nothing were told about already.
  if (syntax.fields.empty() && !syntax.is_broken)
    context.diagnostics.error(syntax.name, "event " + in_quotes(event.name) + " has no fields");
  here.events.push_back(std::move(event));
}

/// What an action answers with: an entity, fields, or one value.
void build_output(Context& context, const schema::Action& syntax, const std::string& what,
                  Action& action, const std::string& owner) {
  std::vector<schema::Field> fields = syntax.output_fields;
  if (syntax.output) {
    const Word& word = *syntax.output;
    const bool is_plain = is_reference(word) || context.enum_by_name.contains(word.text) ||
                          (word.text[0] >= 'a' && word.text[0] <= 'z');
    if (!is_plain && !syntax.is_output_array) {
      action.output = context.find_entity(word, "the output of " + what);
      return;
    }
    schema::Field value;
    value.name = word;
    value.name.text = "value";
    value.type = word;
    value.is_array = syntax.is_output_array;
    fields.push_back(std::move(value));
  }
  if (fields.empty()) return;
  action.result_type = owner + "Result";
  context.types.declare(action.result_type, syntax.name,
                        "generated type " + in_quotes(action.result_type) + " of " + what,
                        context.diagnostics);
  for (TypedField& member : read_members(context, fields, owner, "the output of " + what)) {
    if (member.field.secret) {
      context.diagnostics.error(syntax.name, what + " would answer with the secret field " +
                                                 in_quotes(member.field.name));
    }
    action.result.push_back(std::move(member.field));
  }
}

void read_target(Context& context, const schema::Action& syntax, const Entity& here,
                 Action& action) {
  static constexpr std::array<std::string_view, 2> known{"entity", "collection"};
  if (syntax.on && syntax.on->text == "collection") {
    action.on_collection = true;
    action.path = here.path + "/" + action.name;
  } else if (syntax.on && syntax.on->text != "entity") {
    std::string help =
        context.diagnostics.did_you_mean(syntax.on->text, std::span<const std::string_view>(known));
    context.diagnostics.error(
        *syntax.on,
        "an action is on an entity or on the collection, not on " + in_quotes(syntax.on->text),
        help.empty() ? "known: " + schema::one_of(known) : std::move(help));
  }
}

std::size_t find_event(Context& context, const Entity& entity, const Word& word,
                       const std::string& what) {
  for (std::size_t i = 0; i < entity.events.size(); ++i) {
    if (entity.events[i].name == word.text) return i;
  }
  std::vector<std::string> names;
  for (const Event& event : entity.events) {
    if (!context.diagnostics.full()) names.push_back(event.name);
  }
  std::string help = context.diagnostics.did_you_mean(word.text, names);
  if (help.empty()) help = "describe it under events: of " + entity.name;
  context.diagnostics.error(word, what + " emits the unknown event " + in_quotes(word.text),
                            std::move(help));
  return none;
}

void build_action(Context& context, std::size_t entity, const schema::Action& syntax,
                  NameScope& names) {
  Entity& here = context.service.entities[entity];
  Action action;
  action.name = syntax.name.text;
  action.pascal = to_pascal(action.name);
  action.label = to_label(action.name);
  if (syntax.doc) action.doc = syntax.doc->text;
  action.path = here.path_id + "/" + action.name;
  read_target(context, syntax, here, action);
  action.operation_id = here.snake + "_" + action.name;
  const std::string what = "action " + in_quotes(action.name);
  check_snake_name(context, syntax.name, "action", false);
  names.declare(action.name, syntax.name, what, context.diagnostics);
  for (const std::string_view taken : taken_actions) {
    if (action.name == taken)
      context.diagnostics.error(
          syntax.name, "action name " + in_quotes(taken) + " is one every entity has already");
  }
  if (!syntax.input.empty()) {
    action.input_type = here.name + action.pascal + "Input";
    context.types.declare(action.input_type, syntax.name,
                          "generated type " + in_quotes(action.input_type) + " of " + what,
                          context.diagnostics);
  }
  std::vector<TypedField> input =
      read_members(context, syntax.input, here.name + action.pascal, what);
  for (TypedField& member : input) action.input.push_back(std::move(member.field));
  build_output(context, syntax, what, action, here.name + action.pascal);
  if (syntax.emits)
    action.emits = find_event(context, context.service.entities[entity], *syntax.emits, what);
  context.service.entities[entity].actions.push_back(std::move(action));
}

}  // namespace

void build_actions(Context& context, std::size_t entity) {
  const schema::Entity& syntax = context.syntax.entities[entity];
  for (const schema::Event& each : syntax.events) build_event(context, entity, each);
  NameScope names;
  for (const schema::Action& each : syntax.actions) build_action(context, entity, each, names);
}

}  // namespace kitgen::model
