// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>
#include <utility>

#include "kitgen/schema/detail/node_reader.hpp"

namespace kitgen::schema {
namespace {

void read_columns(NodeReader& reader, const Entry& entry, CsvImport& import) {
  for (const Entry& column : reader.entries(entry.value, "columns")) {
    if (const std::optional<Word> target = reader.word(column)) {
      import.columns.emplace_back(column.key, *target);
    }
  }
}

CsvImport read_csv(NodeReader& reader, const Entry& entry) {
  CsvImport import;
  import.at = entry.key;
  const std::array<KeyRule, 3> rules{{
      {"file", [&](const Entry& e) { import.file = reader.word(e); }},
      {"key", [&](const Entry& e) { import.key = reader.word(e); }},
      {"columns", [&](const Entry& e) { read_columns(reader, e, import); }},
  }};
  reader.map(entry.value, "csv", rules);
  return import;
}

std::string_view kind_name(RelationKind kind) {
  switch (kind) {
    case RelationKind::belongs_to:
      return "belongs_to";
    case RelationKind::has_one:
      return "has_one";
    case RelationKind::has_many:
      return "has_many";
    case RelationKind::many_to_many:
      break;
  }
  return "many_to_many";
}

std::vector<KeyRule> relation_rules(NodeReader& reader, Relation& relation, bool& has_entity) {
  std::vector<KeyRule> rules;
  const auto add_word = [&](std::string_view key, std::optional<Word>& target) {
    rules.push_back({key, [&reader, &target](const Entry& e) { target = reader.word(e); }});
  };
  const auto add_flag = [&](std::string_view key, Flag& target) {
    rules.push_back({key, [&reader, &target](const Entry& e) { target = reader.flag(e); }});
  };
  rules.push_back({"entity", [&](const Entry& e) {
                     has_entity = true;
                     const std::optional<Word> target = reader.word(e);
                     relation.is_broken = !target;
                     if (target) relation.entity = *target;
                   }});
  add_word("doc", relation.doc);
  switch (relation.kind) {
    case RelationKind::belongs_to:
      add_flag("optional", relation.optional);
      add_flag("unique", relation.unique);
      add_flag("immutable", relation.immutable);
      add_word("on_delete", relation.on_delete);
      add_word("renamed_from", relation.renamed_from);
      rules.push_back(
          {"backfill", [&](const Entry& e) { relation.backfill = reader.backfill(e); }});
      break;
    case RelationKind::has_one:
      add_word("by", relation.by);
      break;
    case RelationKind::has_many:
      add_word("by", relation.by);
      add_flag("nested", relation.nested);
      add_word("max", relation.max);
      break;
    case RelationKind::many_to_many:
      add_word("renamed_from", relation.renamed_from);
      rules.push_back({"fields", [&](const Entry& e) {
                         relation.fields = read_fields(reader, e.value, "fields");
                       }});
      rules.push_back(
          {"import", [&](const Entry& e) { relation.import = read_import(reader, e); }});
      break;
  }
  return rules;
}

constexpr std::array<ForeignWord, 8> foreign_relation_words{{
    {"required", "relations are required unless they say optional: true"},
    {"nullable", "write optional: true"},
    {"target", "write entity"},
    {"model", "write entity"},
    {"type", "write entity"},
    {"ondelete", "write on_delete"},
    {"foreign_key", "the column is called like the relation, with _id; write by in has_many"},
    {"through", "write fields: {...} for columns of the table between the two"},
}};

Relation read_relation(NodeReader& reader, RelationKind kind, const Entry& entry) {
  Relation relation;
  relation.kind = kind;
  relation.name = entry.key;
  if (entry.value.is_scalar()) {
    relation.entity = entry.value.word;
    return relation;
  }
  if (entry.value.is_broken()) {
    relation.is_broken = true;
    return relation;
  }
  bool has_entity = false;
  const std::vector<KeyRule> rules = relation_rules(reader, relation, has_entity);
  reader.map(entry.value, "a " + std::string(kind_name(kind)) + " relation", rules,
             foreign_relation_words);
  if (!has_entity) {
    relation.is_broken = true;
    if (entry.value.is_map()) {
      reader.diagnostics().error(entry.key,
                                 "relation " + in_quotes(entry.key.text) + " has no entity",
                                 "write {entity: Name}");
    }
  }
  return relation;
}

Index read_index(NodeReader& reader, const Node& node) {
  Index index;
  index.at = node.word;
  if (node.is_scalar()) {
    index.fields = {node.word};
  } else if (node.is_sequence()) {
    index.fields = reader.words(node, "an index");
  } else {
    const std::array<KeyRule, 4> rules{{
        {"fields", [&](const Entry& e) { index.fields = reader.words(e); }},
        {"where", [&](const Entry& e) { index.where = reader.word(e); }},
        {"unique", [&](const Entry& e) { index.unique = reader.flag(e); }},
        {"name", [&](const Entry& e) { index.name = reader.word(e); }},
    }};
    reader.map(node, "an index", rules);
  }
  return index;
}

List read_list(NodeReader& reader, const Entry& entry) {
  List list;
  const std::array<KeyRule, 5> rules{{
      {"filter", [&](const Entry& e) { list.filter = reader.words(e); }},
      {"sort", [&](const Entry& e) { list.sort = reader.words(e); }},
      {"search", [&](const Entry& e) { list.search = reader.words(e); }},
      {"page_size", [&](const Entry& e) { list.page_size = reader.word(e); }},
      {"max_page_size", [&](const Entry& e) { list.max_page_size = reader.word(e); }},
  }};
  reader.map(entry.value, "list", rules);
  return list;
}

/// output: Customer, output: [string], output: {total: decimal(10,2)}
void read_output(NodeReader& reader, const Entry& entry, Action& action) {
  const Node& node = entry.value;
  if (node.is_map()) {
    action.output_fields = read_fields(reader, node, "output");
    if (node.entries.empty())
      reader.diagnostics().error(node.word, "the output has no fields",
                                 "take 'output' away when there is none");
  } else if (node.is_sequence() && node.items.size() == 1 && node.items[0].is_scalar()) {
    action.output = node.items[0].word;
    action.is_output_array = true;
  } else if (node.is_sequence()) {
    reader.diagnostics().error(node.word, "an output is an entity, a type, or a mapping of fields",
                               "write output: {total: int32}, for example");
  } else {
    action.output = reader.word(entry);
  }
}

std::vector<Action> read_actions(NodeReader& reader, const Entry& entry) {
  std::vector<Action> actions;
  for (const Entry& each : reader.entries(entry.value, "actions")) {
    if (each.key.text.empty()) continue;
    Action& action = actions.emplace_back();
    action.name = each.key;
    const std::array<KeyRule, 5> rules{{
        {"on", [&](const Entry& e) { action.on = reader.word(e); }},
        {"input", [&](const Entry& e) { action.input = read_fields(reader, e.value, "input"); }},
        {"output", [&](const Entry& e) { read_output(reader, e, action); }},
        {"emits", [&](const Entry& e) { action.emits = reader.word(e); }},
        {"doc", [&](const Entry& e) { action.doc = reader.word(e); }},
    }};
    reader.map(each.value, "an action", rules);
  }
  return actions;
}

std::vector<Event> read_events(NodeReader& reader, const Entry& entry) {
  std::vector<Event> events;
  for (const Entry& each : reader.entries(entry.value, "events")) {
    if (each.key.text.empty()) continue;
    Event& event = events.emplace_back();
    event.name = each.key;
    event.fields = read_fields(reader, each.value, "an event");
    const bool is_empty_map = each.value.is_map() && each.value.entries.empty();
    event.is_broken = event.fields.empty() && !is_empty_map;
  }
  return events;
}

Access read_access(NodeReader& reader, const Entry& entry) {
  Access access;
  access.at = entry.key;
  const std::array<KeyRule, 4> rules{{
      {"read", [&](const Entry& e) { access.read = reader.words(e); }},
      {"write", [&](const Entry& e) { access.write = reader.words(e); }},
      {"fields",
       [&](const Entry& e) {
         for (const Entry& each : reader.entries(e.value, "fields")) {
           access.fields.emplace_back(each.key, reader.words(each));
         }
       }},
      {"rows",
       [&](const Entry& e) {
         for (const Entry& each : reader.entries(e.value, "rows")) {
           if (const std::optional<Word> rule = reader.word(each))
             access.rows.emplace_back(each.key, *rule);
         }
       }},
  }};
  reader.map(entry.value, "access", rules);
  return access;
}

Console read_console(NodeReader& reader, const Entry& entry) {
  Console console;
  const std::array<KeyRule, 3> rules{{
      {"icon", [&](const Entry& e) { console.icon = reader.word(e); }},
      {"menu", [&](const Entry& e) { console.menu = reader.word(e); }},
      {"columns", [&](const Entry& e) { console.columns = reader.words(e); }},
  }};
  reader.map(entry.value, "console", rules);
  return console;
}

void append(std::vector<Relation>& all, std::vector<Relation> some) {
  for (Relation& relation : some) all.push_back(std::move(relation));
}

}  // namespace

std::vector<Relation> read_relations(NodeReader& reader, RelationKind kind, const Node& node) {
  std::vector<Relation> relations;
  for (const Entry& entry : reader.entries(node, kind_name(kind))) {
    if (!entry.key.text.empty()) relations.push_back(read_relation(reader, kind, entry));
  }
  return relations;
}

std::vector<Index> read_indexes(NodeReader& reader, const Entry& entry) {
  std::vector<Index> indexes;
  if (entry.value.is_broken()) return indexes;
  if (!entry.value.is_sequence()) {
    reader.diagnostics().error(
        entry.value.word, "'indexes' must be a list ([[a, b], [c]]), not " + describe(entry.value));
    return indexes;
  }
  for (const Node& node : entry.value.items) indexes.push_back(read_index(reader, node));
  return indexes;
}

Keep read_keep(NodeReader& reader, const Entry& entry) {
  Keep keep;
  const std::array<KeyRule, 3> rules{{
      {"soft_delete", [&](const Entry& e) { keep.soft_delete = reader.flag(e); }},
      {"version", [&](const Entry& e) { keep.version = reader.flag(e); }},
      {"audit", [&](const Entry& e) { keep.audit = reader.flag(e); }},
  }};
  reader.map(entry.value, "keep", rules);
  return keep;
}

std::optional<CsvImport> read_import(NodeReader& reader, const Entry& entry) {
  std::optional<CsvImport> import;
  const std::array<KeyRule, 1> rules{{
      {"csv", [&](const Entry& e) { import = read_csv(reader, e); }},
  }};
  reader.map(entry.value, "import", rules);
  return import;
}

namespace {

constexpr std::array<ForeignWord, 27> foreign_entity_words{{
    {"description", "write doc"},
    {"comment", "write doc"},
    {"table", "write plural: the table and the URL are called by it"},
    {"table_name", "write plural: the table and the URL are called by it"},
    {"columns", "write fields"},
    {"attributes", "write fields"},
    {"properties", "write fields"},
    {"relations", "write belongs_to, has_one, has_many or many_to_many"},
    {"relationships", "write belongs_to, has_one, has_many or many_to_many"},
    {"references", "write belongs_to"},
    {"unique", "write indexes: [{fields: [a, b], unique: true}]"},
    {"index", "write indexes: [[a, b]]"},
    {"primary_key", "every entity has an id; id: uuid changes its kind"},
    {"timestamps", "every entity has created_at and updated_at"},
    {"soft_delete", "write keep: {soft_delete: true}"},
    {"version", "write keep: {version: true}"},
    {"audit", "write keep: {audit: true}"},
    {"filter", "write list: {filter: [...]}"},
    {"sort", "write list: {sort: [...]}"},
    {"search", "write list: {search: [...]}"},
    {"permissions", "write access: {read: [role], write: [role]}"},
    {"roles", "write access: {read: [role], write: [role]}"},
    {"methods", "write actions"},
    {"commands", "write actions"},
    {"mixins", "write use: [name]; mixins: stands beside entities:"},
    {"extends", "write use: [mixin]"},
    {"name", "the name stands in front: Customer: {fields: ...}"},
}};

}  // namespace

Entity read_entity(NodeReader& reader, const Entry& entry) {
  Entity entity;
  entity.name = entry.key;
  if (entry.value.is_null()) {
    reader.diagnostics().error(entry.key, "entity " + in_quotes(entry.key.text) + " is empty",
                               "write fields: below it, indented further");
    return entity;
  }
  const auto relations = [&](RelationKind kind) {
    return [&reader, &entity, kind](const Entry& e) {
      append(entity.relations, read_relations(reader, kind, e.value));
    };
  };
  const std::array<KeyRule, 19> rules{{
      {"doc", [&](const Entry& e) { entity.doc = reader.word(e); }},
      {"plural", [&](const Entry& e) { entity.plural = reader.word(e); }},
      {"id", [&](const Entry& e) { entity.id = reader.word(e); }},
      {"renamed_from", [&](const Entry& e) { entity.renamed_from = reader.word(e); }},
      {"use", [&](const Entry& e) { entity.uses = read_uses(reader, e); }},
      {"fields", [&](const Entry& e) { entity.fields = read_fields(reader, e.value, "fields"); }},
      {"belongs_to", relations(RelationKind::belongs_to)},
      {"has_one", relations(RelationKind::has_one)},
      {"has_many", relations(RelationKind::has_many)},
      {"many_to_many", relations(RelationKind::many_to_many)},
      {"indexes", [&](const Entry& e) { entity.indexes = read_indexes(reader, e); }},
      {"keep", [&](const Entry& e) { entity.keep = read_keep(reader, e); }},
      {"list", [&](const Entry& e) { entity.list = read_list(reader, e); }},
      {"import", [&](const Entry& e) { entity.import = read_import(reader, e); }},
      {"actions", [&](const Entry& e) { entity.actions = read_actions(reader, e); }},
      {"events", [&](const Entry& e) { entity.events = read_events(reader, e); }},
      {"access", [&](const Entry& e) { entity.access = read_access(reader, e); }},
      {"cache", [&](const Entry& e) { entity.cache = read_cache(reader, e); }},
      {"console", [&](const Entry& e) { entity.console = read_console(reader, e); }},
  }};
  reader.map(entry.value, "an entity", rules, foreign_entity_words);
  return entity;
}

}  // namespace kitgen::schema
