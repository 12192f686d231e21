// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "kitgen/render/cpp/api.hpp"
#include "kitgen/render/cpp/layout.hpp"

namespace kitgen::render {
namespace {

using model::Entity;
using model::Field;
using model::Scalar;
using Strings = std::vector<std::string>;

/// "int64" of kit::rest::int64_value and kit::rest::int64_elements
std::string value_kind(const Field& field, const model::Service& service) {
  switch (field.type) {
    case Scalar::boolean:
      return "bool";
    case Scalar::int32:
    case Scalar::int64:
      return "int64";
    case Scalar::float32:
    case Scalar::float64:
      return "double";
    case Scalar::decimal:
      return "decimal";
    case Scalar::date:
      return "date";
    case Scalar::time:
      return "time";
    case Scalar::timestamp:
      return "timestamp";
    case Scalar::duration:
      return "duration";
    case Scalar::uuid:
      return "uuid";
    case Scalar::enumeration:
      return "enum";
    case Scalar::id:
      return service.entities[field.id_entity].id_kind == model::IdKind::uuid ? "uuid" : "int64";
    default:
      return "text";
  }
}

std::string value_type(const Field& field, const model::Service& service) {
  std::string text = "&kit::rest::" + value_kind(field, service);
  text += field.is_array ? "_elements" : "_value";
  if (field.is_enum()) text += "<biz::" + service.enums[field.enum_index].name + ">";
  return text;
}

std::string list_row(const Entity& entity, const Field& field, const model::Service& service) {
  Strings parts{"&biz::" + entity.snake + "_columns::" + field.name, value_type(field, service)};
  if (field.type == Scalar::decimal) parts.push_back(std::to_string(field.scale));
  std::string line = "    {";
  for (const std::string& part : parts)
    line.append(&part == &parts.front() ? "" : ", ").append(part);
  return protect(line + "},", 4);
}

}  // namespace

void add_lists(const Project& project, const Entity& entity, View& view) {
  Strings rows;
  for (const Field& field : entity.fields) {
    if (!field.secret && (field.filterable || field.sortable))
      rows.push_back(list_row(entity, field, project.service));
  }
  view.set("list_rows", render::rows(rows));
  Strings search;
  for (const std::string& name : entity.list.search) {
    search.push_back("    &biz::" + entity.snake + "_columns::" + name + ",");
  }
  view.set("search_rows", render::rows(search));
  view.set("has_search", flag(!entity.list.search.empty()));
  view.set("page_size", std::to_string(entity.list.page_size));
  view.set("max_page_size", std::to_string(entity.list.max_page_size));
}

}  // namespace kitgen::render
