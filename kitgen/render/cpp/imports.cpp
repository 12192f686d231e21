// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "kitgen/model/naming.hpp"
#include "kitgen/model/quote.hpp"
#include "kitgen/render/cpp/access.hpp"
#include "kitgen/render/cpp/layers.hpp"
#include "kitgen/render/cpp/layout.hpp"

namespace kitgen::render {
namespace {

using model::Entity;
using model::Field;
using model::Scalar;
using Strings = std::vector<std::string>;

View columns(const model::Import& import) {
  View list{View::type::list};
  for (const model::ImportColumn& column : import.columns) {
    View view{View::type::object};
    view.set("header", model::cpp_string(column.header));
    view.set("field", column.field);
    list.push_back(view);
  }
  return list;
}

std::string read_call(const Field& field, const std::string& value) {
  const std::string keep = !field.optional && field.default_value ? "_or_keep" : "";
  if (field.type == Scalar::decimal) {
    return "read_decimal" + keep + "(" + value + ", " + std::to_string(field.precision) + ", " +
           std::to_string(field.scale) + ")";
  }
  if (field.type == Scalar::bytes) return "read_bytes(" + value + ")";
  if (field.type == Scalar::json) return "read_json(" + value + ")";
  return "read" + keep + "(" + value + ")";
}

std::string write_call(const Field& field, const std::string& value) {
  return field.type == Scalar::bytes ? "add_bytes(" + value + ")" : "add(" + value + ")";
}

/// The first line of a function that reads or binds a part of an entity.
std::string part(const std::string& name, const std::string& from, const Entity& entity,
                 const std::string& constness) {
  const Strings parameters{from, constness + "biz::" + entity.name + "& " + variable(entity)};
  return cut_tail(signature(0, "void", name, parameters, " {"), " {");
}

std::string class_head(const Entity& entity) {
  const std::string name = "class " + entity.name + "Import final";
  const std::string base = ": public kit::record::EntityImport<Sql" + entity.name + "Repository> {";
  const bool fits = name.size() + 1 + base.size() <= line_width;
  return name + (fits ? " " : "\n    ") + base;
}

/// The first line of a member of an import, whose brace stands in the template.
std::string member(const std::string& name, const std::string& parameter) {
  const Strings parameters{"kit::db::Session& session", parameter};
  return cut_tail(signature(0, "kit::Task<>", name, parameters, " {"), " {");
}

void add_entity(const Project& project, const Entity& entity, std::vector<File>& files) {
  const model::Import& import = *entity.import;
  const Field& key = *entity.find_field(import.key_field);
  View view = project.view(entity);
  view.set("what", "The import of " + model::to_words(entity.plural) +
                       " from a CSV file, and their export.");
  view.set("import", entity.snake);
  view.set("file", model::cpp_string(import.file));
  view.set("columns", columns(import));
  view.set("key", key.name);
  view.set("key_column", std::to_string(&key - entity.fields.data()));
  // The unique index is of rows that are not removed.
  view.set("may_repeat", flag(entity.soft_delete && key.origin != model::Origin::id));
  const std::string value = variable(entity) + "." + key.name;
  view.set("key_add", row_call(key, "add", value));
  view.set("key_words", model::to_words(key.name));
  view.set("read_key_call", "in." + read_call(key, value) + ";");
  const std::string reader = "kit::record::CsvReader& in";
  view.set("read_key", part("read_key", reader, entity, ""));
  view.set("read_rest", part("read_rest", reader, entity, ""));
  view.set("bind_key",
           part("bind_key", "kit::record::ParameterWriter& parameters", entity, "const "));
  view.set("batches", flag(adds_batches(entity)));
  view.set("class_head", class_head(entity));
  view.set("each", member(entity.name + "Import::each", "kit::db::RecordSink sink"));
  const std::string page =
      signature(0, "kit::Task<std::optional<std::string>>", entity.name + "Import::page",
                Strings{"kit::db::Session& session", "const kit::db::ListQuery& query",
                        "kit::db::RecordSink sink"},
                " {");
  Strings listing{"session", "biz::" + entity.snake + "_table", "query", "write"};
  if (has_row_access(entity)) listing.push_back("limit");
  view.set("list_page",
           assign(2, "kit::record::ListEnd end", "co_await kit::record::list", listing));
  view.set("page", page.substr(0, page.size() - 2));
  View reads{View::type::list};
  View writes{View::type::list};
  for (const model::ImportColumn& column : import.columns) {
    const Field& field = entity.fields[column.field_index];
    const std::string each = variable(entity) + "." + field.name;
    if (!column.is_key) reads.push_back(View{"  in." + read_call(field, each) + ";"});
    writes.push_back(View{"  out." + write_call(field, each) + ";"});
  }
  view.set("has_rest", flag(import.columns.size() > 1));
  view.set("reads", reads);
  view.set("writes", writes);
  view.set("select", fill("", column_names(entity), 9));
  view.set("header", project.path("data", entity.snake + "_import.gen.hpp"));
  Strings standard{"optional", "span", "string", "string_view", "utility"};
  Strings own{"kit/record/csv_fields.hpp",
              "kit/record/entity_import.hpp",
              "kit/record/list.hpp",
              "kit/record/parameters.hpp",
              project.path("biz", entity.snake + "_list.gen.hpp"),
              project.path("data", entity.snake + "_repository.gen.hpp")};
  if (has_field_access(entity) || has_row_access(entity)) {
    own.push_back(access_header(project, entity));
    own.push_back("kit/record/access.hpp");
  }
  if (has_field_access(entity)) {
    standard.push_back("memory");
    own.push_back("kit/record/caller_export.hpp");
  }
  view.set("includes", include_lines(standard, own));
  files.push_back(project.generated("data", entity.snake + "_import.gen.hpp", "import.hpp", view));
  files.push_back(project.generated("data", entity.snake + "_import.gen.cpp", "import.cpp", view));
}

View reference(const Entity& declaring, const Field& field, std::string_view name,
               std::string_view table, int parameter) {
  View view{View::type::object};
  view.set("field", field.name);
  view.set("label", model::to_words(name));
  std::string upper = declaring.upper + "_" + std::string(name) + "_NOT_FOUND";
  std::ranges::transform(upper, upper.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? char(c - 32) : c; });
  view.set("reason", upper);
  view.set("table", std::string(table));
  view.set("parameter", std::to_string(parameter));
  return view;
}

/// The conditions that keep pairs of removed rows out of an export.
View live_sides(const Entity& left, const Entity& right, const model::Pivot& pivot) {
  View list{View::type::list};
  const auto add = [&list](const Entity& side, const std::string& column) {
    if (!side.soft_delete) return;
    View view{View::type::object};
    view.set("word", list.list_value().empty() ? "WHERE" : "  AND");
    view.set("column", column);
    view.set("live_table", side.table);
    list.push_back(view);
  };
  add(left, pivot.left_column);
  add(right, pivot.right_column);
  return list;
}

void add_pivot(const Project& project, const Entity& entity, const model::Relation& relation,
               std::vector<File>& files) {
  const model::Pivot& pivot = *relation.pivot;
  const Entity& target = project.target(relation);
  View view = project.view(entity);
  const std::string name = entity.name + relation.pascal;
  view.set("name", name);
  view.set("what",
           "The import of " + model::to_words(pivot.table) + " from a CSV file, and their export.");
  view.set("import", pivot.table);
  view.set("file", model::cpp_string(pivot.import->file));
  view.set("columns", columns(*pivot.import));
  view.set("table", pivot.table);
  view.set("left", pivot.left_column);
  view.set("right", pivot.right_column);
  view.set("left_type", entity.id_type);
  view.set("right_type", target.id_type);
  View live = live_sides(entity, target, pivot);
  view.set("has_live", flag(!live.list_value().empty()));
  view.set("live", live);
  view.set("words", model::to_words(pivot.table));
  View references{View::type::list};
  references.push_back(reference(entity, pivot.fields[0], pivot.left_name, entity.table, 0));
  references.push_back(reference(entity, pivot.fields[1], pivot.right_name, target.table, 1));
  view.set("references", references);
  Strings reads;
  Strings statements;
  Strings row_reads;
  Strings writes;
  for (const model::ImportColumn& column : pivot.import->columns) {
    const Field& field = pivot.fields[column.field_index];
    const std::string value =
        column.field_index < 2 ? "pair." + field.name : "pair.link." + field.name;
    reads.push_back(column.field);
    statements.push_back("  in." + read_call(field, value) + ";");
    row_reads.push_back("    in." + row_call(field, "read", value) + ";");
    writes.push_back("    out." + write_call(field, value) + ";");
  }
  view.set("reads", text_list(statements));
  view.set("row_reads", text_list(row_reads));
  view.set("writes", text_list(writes));
  view.set("has_link", flag(pivot.has_link()));
  view.set("link_type", pivot.link_type);
  add_link_sql(pivot, view);
  view.set("select", fill("", reads, 9));
  view.set("each", member(name + "Import::each", "kit::db::RecordSink sink"));
  view.set("header", project.path("data", pivot.table + "_import.gen.hpp"));
  Strings standard{"span", "string_view"};
  Strings own{"kit/db/sql.hpp",
              "kit/record/csv_fields.hpp",
              "kit/record/link_import.hpp",
              "kit/record/parameters.hpp",
              "kit/record/row_reader.hpp",
              "kit/record/write.hpp",
              project.path("biz", "ids.gen.hpp")};
  if (pivot.has_link()) {
    standard.insert(standard.end(), {"utility", "vector"});
    own.push_back("kit/base/error.hpp");
    own.push_back(project.path("biz", entity.snake + ".gen.hpp"));
  }
  view.set("includes", include_lines(standard, own));
  files.push_back(project.generated("data", pivot.table + "_import.gen.hpp", "import.hpp", view));
  files.push_back(
      project.generated("data", pivot.table + "_import.gen.cpp", "pivot_import.cpp", view));
}

}  // namespace

void add_imports(const Project& project, std::vector<File>& files) {
  for (const Entity& entity : project.service.entities) {
    if (entity.import) add_entity(project, entity, files);
    for (const model::Relation* relation : relations(entity, model::RelationKind::many_to_many)) {
      if (relation->pivot->import) add_pivot(project, entity, *relation, files);
    }
  }
}

}  // namespace kitgen::render
