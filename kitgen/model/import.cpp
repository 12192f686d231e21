// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>

#include "kitgen/model/detail/context.hpp"

namespace kitgen::model {
namespace {

using schema::in_quotes;

constexpr std::size_t max_header_bytes = 255;

/// A bare file name: imports never reach outside the folder they are given.
bool is_csv_file_name(std::string_view name) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  return name.size() > 4 && name.size() <= 128 && name.ends_with(".csv") && name[0] != '.' &&
         std::ranges::all_of(name, is_allowed);
}

std::string file_of(Context& context, const schema::CsvImport& syntax, std::string otherwise) {
  if (!syntax.file) return otherwise;
  if (!is_csv_file_name(syntax.file->text)) {
    context.diagnostics.error(*syntax.file,
                              "the import file " + in_quotes(syntax.file->text) +
                                  " must be a plain name that ends with .csv",
                              "the folder is given to kitgen import");
  }
  return syntax.file->text;
}

void check_header(Context& context, const Word& header) {
  if (header.text.size() > max_header_bytes)
    context.diagnostics.error(header, "a CSV header has at most 255 bytes");
}

/// Fields and belongs_to relations a column may go to.
std::vector<std::string> target_names(const Context& context, const Entity& entity) {
  std::vector<std::string> names;
  if (context.diagnostics.full()) return names;  // only wanted for suggestions
  for (const Field& field : entity.fields) {
    if (field.origin == Origin::declared) names.push_back(field.name);
  }
  for (const Relation& relation : entity.relations) {
    if (relation.kind == RelationKind::belongs_to) names.push_back(relation.name);
  }
  return names;
}

std::size_t target_field(Context& context, std::size_t entity, const Word& target) {
  const Entity& here = context.service.entities[entity];
  const Relation* relation = context.find_relation(entity, target.text);
  if (relation != nullptr && relation->kind == RelationKind::belongs_to)
    return relation->field_index;
  const std::size_t index = context.field_index(entity, target.text);
  const bool is_settable = index != none && (here.fields[index].origin == Origin::declared ||
                                             here.fields[index].is_foreign_key());
  if (is_settable) return index;
  if (index != none) {
    context.diagnostics.error(target,
                              "an import cannot set the automatic column " + in_quotes(target.text),
                              target.text == "id" ? "the column named by key: gives the id" : "");
  } else if (context.is_computed(entity, target.text)) {
    context.diagnostics.error(
        target, "an import column cannot set the computed field " + in_quotes(target.text),
        "give the fields it is made of");
  } else if (relation != nullptr) {
    context.diagnostics.error(target,
                              "an import column cannot set relation " + in_quotes(target.text) +
                                  ", which has no column here",
                              relation->kind == RelationKind::many_to_many
                                  ? "give the relation an import of its own"
                                  : "");
  } else {
    context.diagnostics.error(
        target,
        "an import names the unknown field or relation " + in_quotes(target.text) + " of " +
            in_quotes(here.name),
        context.diagnostics.did_you_mean(target.text, target_names(context, here)));
  }
  return none;
}

void check_required_are_set(Context& context, const Entity& entity,
                            const schema::CsvImport& syntax) {
  for (const Field& field : entity.fields) {
    const bool is_own = field.origin == Origin::declared || field.origin == Origin::relation;
    if (is_own && !field.in_import && !field.optional && !field.default_value) {
      context.diagnostics.error(syntax.at,
                                "the import of " + in_quotes(entity.name) +
                                    " never sets the required field " + in_quotes(field.name),
                                "add a column for it, a default, or optional: true");
    }
  }
}

void add_key(Context& context, std::size_t entity, const schema::CsvImport& syntax,
             Import& import) {
  const Entity& here = context.service.entities[entity];
  const std::string& header = syntax.key->text;
  check_header(context, *syntax.key);
  const auto found = std::ranges::find(import.columns, header, &ImportColumn::header);
  if (found == import.columns.end()) {
    import.key_field = "id";
    import.columns.insert(import.columns.begin(), {header, "id", 0, true});
    return;
  }
  import.key_field = found->field;
  found->is_key = true;
  if (!here.fields[found->field_index].unique) {
    context.diagnostics.error(
        *syntax.key,
        "the import key " + in_quotes(header) + " goes to field " + in_quotes(found->field) +
            ", which is not unique",
        "add unique: true to it, or leave the key out of columns: then it is the id");
  }
  std::rotate(import.columns.begin(), found, found + 1);
}

void build_entity_import(Context& context, std::size_t entity, const schema::CsvImport& syntax) {
  Entity& here = context.service.entities[entity];
  Import import;
  import.file = file_of(context, syntax, here.name + ".csv");
  std::unordered_set<std::size_t> seen;
  for (const auto& [header, target] : syntax.columns) {
    check_header(context, header);
    const std::size_t index = target_field(context, entity, target);
    if (index == none) continue;
    if (!seen.insert(index).second) {
      context.diagnostics.error(target,
                                "two import columns set " + in_quotes(here.fields[index].name));
      continue;
    }
    here.fields[index].in_import = true;
    import.columns.push_back({header.text, here.fields[index].name, index, false});
  }
  if (!syntax.key) {
    context.diagnostics.error(syntax.at,
                              "an import needs a key: the CSV column that tells rows apart",
                              "write key: " + here.name + "Id, for example");
  } else {
    add_key(context, entity, syntax, import);
  }
  if (syntax.columns.empty()) {
    context.diagnostics.error(syntax.at,
                              "an import needs columns: the CSV headers and where their values go");
  } else if (seen.size() == syntax.columns.size()) {
    // After an unknown target the missing field is probably the one that was meant.
    check_required_are_set(context, here, syntax);
  }
  here.import = std::move(import);
}

void build_pivot_import(Context& context, const schema::Relation& relation, Pivot& pivot) {
  const schema::CsvImport& syntax = *relation.import;
  Import import;
  import.file = file_of(context, syntax, "");
  if (!syntax.file)
    context.diagnostics.error(syntax.at, "the import of a many_to_many relation needs a file",
                              "write file: " + in_quotes(pivot.table + ".csv"));
  if (syntax.key)
    context.diagnostics.error(
        *syntax.key, "the import of a many_to_many relation has no key: the pair is the key");
  std::vector<std::string> names{pivot.left_name, pivot.right_name};
  for (std::size_t i = 2; i < pivot.fields.size(); ++i) names.push_back(pivot.fields[i].name);
  std::vector<bool> is_set(names.size(), false);
  for (const auto& [header, target] : syntax.columns) {
    check_header(context, header);
    const auto found = std::ranges::find(names, target.text);
    const auto index = static_cast<std::size_t>(found - names.begin());
    if (found == names.end()) {
      const std::vector<std::string_view> views(names.begin(), names.end());
      std::string help = context.diagnostics.did_you_mean(target.text, names);
      context.diagnostics.error(target,
                                "the import of relation " + in_quotes(relation.name.text) +
                                    " cannot set " + in_quotes(target.text),
                                help.empty() ? "known: " + schema::one_of(views) : std::move(help));
    } else if (is_set[index]) {
      context.diagnostics.error(target, "two import columns set " + in_quotes(target.text));
    } else {
      is_set[index] = true;
      pivot.fields[index].in_import = true;
      import.columns.push_back({header.text, pivot.fields[index].name, index, index < 2});
    }
  }
  for (std::size_t i = 0; i < 2; ++i) {
    if (!is_set[i])
      context.diagnostics.error(syntax.at, "the import of relation " +
                                               in_quotes(relation.name.text) + " never sets " +
                                               in_quotes(names[i]));
  }
  for (std::size_t i = 2; i < pivot.fields.size(); ++i) {
    const Field& field = pivot.fields[i];
    if (!is_set[i] && !field.optional && !field.default_value)
      context.diagnostics.error(syntax.at,
                                "the import of relation " + in_quotes(relation.name.text) +
                                    " never sets the required field " + in_quotes(field.name),
                                "add a column for it, a default, or optional: true");
  }
  pivot.import = std::move(import);
}

}  // namespace

void build_import(Context& context, std::size_t entity) {
  const schema::Entity& syntax = context.syntax.entities[entity];
  if (syntax.import) build_entity_import(context, entity, *syntax.import);
  Entity& here = context.service.entities[entity];
  for (std::size_t i = 0; i < here.relations.size(); ++i) {
    const schema::Relation& relation = *context.notes[entity].relation_syntax[i];
    if (relation.import && here.relations[i].pivot)
      build_pivot_import(context, relation, *here.relations[i].pivot);
  }
}

}  // namespace kitgen::model
