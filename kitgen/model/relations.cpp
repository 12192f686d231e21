// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>
#include <utility>

#include "kit/base/text.hpp"
#include "kitgen/model/detail/context.hpp"
#include "kitgen/model/naming.hpp"

namespace kitgen::model {
namespace {

using schema::in_quotes;

std::string what_is(const schema::Relation& syntax) {
  return "relation " + in_quotes(syntax.name.text);
}

/// The part every kind has in common; the target is none when the entity is unknown.
Relation base_relation(Context& context, std::size_t entity, const schema::Relation& syntax,
                       RelationKind kind) {
  Relation relation;
  relation.kind = kind;
  relation.name = syntax.name.text;
  relation.label = to_label(relation.name);
  relation.pascal = to_pascal(relation.name);
  if (syntax.doc) relation.doc = syntax.doc->text;
  check_snake_name(context, syntax.name, "relation", false);
  if (!syntax.is_broken) relation.target = context.find_entity(syntax.entity, what_is(syntax));
  relation.to_self = relation.target == entity;
  relation.line = syntax.name.at.line;
  relation.position = syntax.name.at.column;
  relation.place_file = context.syntax.files[static_cast<std::size_t>(syntax.name.at.file)];
  context.notes[entity].members.declare(relation.name, syntax.name, what_is(syntax),
                                        context.diagnostics);
  return relation;
}

void keep(Context& context, std::size_t entity, Relation relation, const schema::Relation& syntax) {
  EntityNotes& notes = context.notes[entity];
  notes.relation_by_name.try_emplace(relation.name, notes.relation_syntax.size());
  notes.relation_syntax.push_back(&syntax);
  context.service.entities[entity].relations.push_back(std::move(relation));
}

OnDelete read_on_delete(Context& context, const schema::Relation& syntax) {
  if (!syntax.on_delete) return OnDelete::restrict_delete;
  const Word& word = *syntax.on_delete;
  if (word.text == "restrict") return OnDelete::restrict_delete;
  if (word.text == "cascade") return OnDelete::cascade;
  if (word.text == "set_null") {
    if (!syntax.optional) {
      context.diagnostics.error(word,
                                "on_delete: set_null needs an optional relation; " +
                                    in_quotes(syntax.name.text) + " is required",
                                "add optional: true, or use restrict or cascade");
    }
    return OnDelete::set_null;
  }
  static constexpr std::array<std::string_view, 3> known{"restrict", "cascade", "set_null"};
  std::string help =
      context.diagnostics.did_you_mean(word.text, std::span<const std::string_view>(known));
  context.diagnostics.error(word, "unknown on_delete " + in_quotes(word.text),
                            help.empty() ? "known: " + schema::one_of(known) : std::move(help));
  return OnDelete::restrict_delete;
}

/// The id that rows from before refer to: of the target's kind, or another column's.
std::optional<Backfill> relation_backfill(Context& context, const Field& relation,
                                          const schema::Backfill& syntax) {
  if (syntax.is_field) return former_field(context, syntax.value);
  Field id = relation;
  id.type = context.service.entities[relation.id_entity].id_kind == IdKind::uuid ? Scalar::uuid
                                                                                 : Scalar::int64;
  std::string why;
  const auto value = parse_literal(context.service, id, syntax.value, why);
  if (value) return Backfill{value->literal, ""};
  context.diagnostics.error(syntax.value, "backfill " + in_quotes(syntax.value.text) + " " + why);
  return std::nullopt;
}

void add_belongs_to(Context& context, std::size_t entity, const schema::Relation& syntax) {
  Relation relation = base_relation(context, entity, syntax, RelationKind::belongs_to);
  relation.optional = syntax.optional.value;
  relation.on_delete = read_on_delete(context, syntax);
  relation.field = relation.name + "_id";
  relation.field_index = context.service.entities[entity].fields.size();

  // An unknown target was told; the entity itself stands in so that the column exists.
  const std::size_t target = relation.target == none ? entity : relation.target;
  Field field = make_id_field(context.service, target, relation.field);
  field.origin = Origin::relation;
  field.relation = context.service.entities[entity].relations.size();
  field.optional = relation.optional;
  field.unique = syntax.unique.value;
  field.immutable = syntax.immutable.value;
  field.doc = relation.doc;
  if (syntax.renamed_from) {
    if (!is_snake_case(syntax.renamed_from->text)) {
      context.diagnostics.error(
          *syntax.renamed_from,
          "'renamed_from' must be the relation's former name in snake_case, not " +
              in_quotes(syntax.renamed_from->text));
    } else {
      field.renamed_from = syntax.renamed_from->text + "_id";
    }
  }
  if (syntax.backfill) field.backfill = relation_backfill(context, field, *syntax.backfill);
  set_type_names(context.service, field);
  decide(field);
  const std::string what = "column " + in_quotes(relation.field) + " of " + what_is(syntax);
  add_field(context, entity, std::move(field), syntax.name, what);
  keep(context, entity, std::move(relation), syntax);
}

/// Names of the belongs_to relations of the target that lead back here; enough of them to tell.
std::vector<std::string> ways_back(const Context& context, std::size_t entity, std::size_t target) {
  constexpr std::size_t enough = 8;
  std::vector<std::string> names;
  for (const Relation& other : context.service.entities[target].relations) {
    if (other.kind == RelationKind::belongs_to && other.target == entity)
      names.push_back(other.name);
    if (names.size() == enough) break;
  }
  return names;
}

/// The belongs_to of the target that leads back here.
void find_inverse(Context& context, std::size_t entity, const schema::Relation& syntax,
                  Relation& relation) {
  const Entity& here = context.service.entities[entity];
  const Entity& target = context.service.entities[relation.target];
  const std::vector<std::string> names = ways_back(context, entity, relation.target);
  const std::string wanted = syntax.by ? syntax.by->text : names.empty() ? "" : names.front();
  const Relation* way = context.find_relation(relation.target, wanted);
  if (way != nullptr && way->kind == RelationKind::belongs_to && way->target == entity) {
    relation.inverse_relation = context.notes[relation.target].relation_by_name.at(wanted);
    relation.inverse_field = way->field;
  }
  const std::string target_name = in_quotes(target.name);
  if (syntax.by && relation.inverse_relation == none) {
    context.diagnostics.error(*syntax.by,
                              "entity " + target_name + " has no belongs_to relation " +
                                  in_quotes(syntax.by->text) + " to " + in_quotes(here.name),
                              context.diagnostics.did_you_mean(syntax.by->text, names));
  } else if (names.empty()) {
    context.diagnostics.error(
        syntax.name,
        what_is(syntax) + " needs a belongs_to from " + target_name + " to " + in_quotes(here.name),
        "add belongs_to: {" + here.snake + ": " + here.name + "} to " + target.name);
  } else if (!syntax.by && names.size() > 1) {
    const std::vector<std::string_view> views(names.begin(), names.end());
    context.diagnostics.error(syntax.name,
                              what_is(syntax) + " is ambiguous: " + target_name +
                                  " has several relations to " + in_quotes(here.name),
                              "say by: " + schema::one_of(views));
  } else if (relation.kind == RelationKind::has_one) {
    const Field& field = target.fields[target.relations[relation.inverse_relation].field_index];
    if (!field.unique) {
      context.diagnostics.error(syntax.name,
                                what_is(syntax) + " is a has_one, so relation " +
                                    in_quotes(target.relations[relation.inverse_relation].name) +
                                    " of " + target_name + " must be unique",
                                "add unique: true there, or use has_many");
    }
  }
}

/// How many rows of a has_many may come with a new entity.
int read_nested(Context& context, const schema::Relation& syntax) {
  constexpr int usual = 100;
  constexpr int greatest = 1000;
  if (syntax.max && !syntax.nested.value) {
    context.diagnostics.error(*syntax.max, "'max' is for relations that are nested",
                              "add nested: true");
  }
  if (!syntax.nested.value) return 0;
  if (!syntax.max) return usual;
  const std::optional<long long> value = kit::parse_int(syntax.max->text);
  if (value && *value >= 1 && *value <= greatest) return static_cast<int>(*value);
  context.diagnostics.error(*syntax.max,
                            "'max' must be a whole number from 1 to " + std::to_string(greatest));
  return usual;
}

void add_has(Context& context, std::size_t entity, const schema::Relation& syntax) {
  const RelationKind kind =
      syntax.kind == schema::RelationKind::has_one ? RelationKind::has_one : RelationKind::has_many;
  Relation relation = base_relation(context, entity, syntax, kind);
  if (relation.target != none) find_inverse(context, entity, syntax, relation);
  relation.nested_max = read_nested(context, syntax);
  keep(context, entity, std::move(relation), syntax);
}

Field pivot_side(const Service& service, std::size_t entity, const std::string& column) {
  Field field = make_id_field(service, entity, column);
  field.origin = Origin::relation;
  decide(field);
  return field;
}

/// What only columns of an entity can be.
void refuse_link_keys(Context& context, const schema::Field& field) {
  const std::string tail = " is for fields of entities, not of relations";
  for (const auto& [flag, key] :
       {std::pair{&field.unique, "unique"}, std::pair{&field.immutable, "immutable"},
        std::pair{&field.read_only, "read_only"}, std::pair{&field.secret, "secret"}}) {
    if (flag->value) context.diagnostics.error(flag->word, in_quotes(key) + tail);
  }
  if (field.computed) context.diagnostics.error(*field.computed, "'computed'" + tail);
}

void add_pivot_fields(Context& context, const schema::Relation& syntax, const Entity& here,
                      Pivot& pivot) {
  NameScope columns;
  for (const Field& side : pivot.fields)
    columns.declare(side.name, syntax.name, "column " + in_quotes(side.name), context.diagnostics);
  for (const schema::Field& each : syntax.fields) {
    check_snake_name(context, each.name, "field", true);
    refuse_link_keys(context, each);
    for (Field& field : make_fields(context, each, here.name + to_pascal(syntax.name.text))) {
      columns.declare(field.name, each.name, "field " + in_quotes(field.name), context.diagnostics);
      field.line = each.name.at.line;
      field.position = each.name.at.column;
      field.place_file = context.syntax.files[static_cast<std::size_t>(each.name.at.file)];
      pivot.fields.push_back(std::move(field));
    }
  }
}

void add_many_to_many(Context& context, std::size_t entity, const schema::Relation& syntax) {
  Relation relation = base_relation(context, entity, syntax, RelationKind::many_to_many);
  if (relation.target != none) {
    const Entity& here = context.service.entities[entity];
    const Entity& target = context.service.entities[relation.target];
    Pivot pivot;
    pivot.table = here.snake + "_" + relation.name;
    pivot.left_name = here.snake;
    pivot.right_name = relation.to_self ? singularise(relation.name) : target.snake;
    if (pivot.right_name == pivot.left_name) pivot.right_name = "other_" + pivot.left_name;
    pivot.left_column = pivot.left_name + "_id";
    pivot.right_column = pivot.right_name + "_id";
    for (const std::string* name : {&pivot.table, &pivot.left_column, &pivot.right_column}) {
      if (name->size() > max_name_length) {
        context.diagnostics.error(syntax.name, "the name " + in_quotes(*name) +
                                                   " that the pivot table needs is longer than " +
                                                   std::to_string(max_name_length) + " characters");
      }
    }
    pivot.fields.push_back(pivot_side(context.service, entity, pivot.left_column));
    pivot.fields.push_back(pivot_side(context.service, relation.target, pivot.right_column));
    add_pivot_fields(context, syntax, here, pivot);
    if (syntax.renamed_from) relation.renamed_from = syntax.renamed_from->text;
    if (pivot.fields.size() > 2) {
      pivot.link_type = here.name + relation.pascal + "Link";
      context.types.declare(
          pivot.link_type, syntax.name,
          "generated type " + in_quotes(pivot.link_type) + " of " + what_is(syntax),
          context.diagnostics);
    }
    relation.pivot = std::move(pivot);
  }
  keep(context, entity, std::move(relation), syntax);
}

}  // namespace

void build_belongs_to(Context& context, std::size_t entity) {
  for (const schema::Relation& each : context.syntax.entities[entity].relations) {
    if (each.kind == schema::RelationKind::belongs_to) add_belongs_to(context, entity, each);
  }
}

void build_other_relations(Context& context, std::size_t entity) {
  for (const auto kind : {schema::RelationKind::has_one, schema::RelationKind::has_many,
                          schema::RelationKind::many_to_many}) {
    for (const schema::Relation& each : context.syntax.entities[entity].relations) {
      if (each.kind != kind) continue;
      if (kind == schema::RelationKind::many_to_many) {
        add_many_to_many(context, entity, each);
      } else {
        add_has(context, entity, each);
      }
    }
  }
}

}  // namespace kitgen::model
