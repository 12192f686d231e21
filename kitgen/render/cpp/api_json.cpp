// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "kitgen/model/quote.hpp"
#include "kitgen/render/cpp/api.hpp"
#include "kitgen/render/cpp/layout.hpp"

namespace kitgen::render {
namespace {

using model::Entity;
using model::Field;
using model::Scalar;
using Strings = std::vector<std::string>;

std::string rule(const Field& field) {
  if (field.immutable)
    return field.required_in_create ? "Rule::required_immutable" : "Rule::immutable";
  return field.required_in_create ? "Rule::required" : "Rule::optional";
}

std::string field_row(std::string_view type, const Field& field, bool is_accepted) {
  const std::string name = "\"" + field.name + "\"";
  if (!is_accepted) return call(4, "kit::rest::read_only", Strings{name}, ",");
  Strings arguments{name, rule(field)};
  if (field.type == Scalar::json) arguments.push_back("{.text = kit::rest::Format::Text::json}");
  if (field.type == Scalar::bytes) arguments.push_back("{.text = kit::rest::Format::Text::base64}");
  if (field.type == Scalar::decimal) {
    arguments.push_back("{.precision = " + std::to_string(field.precision) +
                        ", .scale = " + std::to_string(field.scale) + "}");
  }
  return call(4, "kit::rest::field<&biz::" + std::string(type) + "::" + field.name + ">", arguments,
              ",");
}

}  // namespace

std::string write_lines(const Field& field, const std::string& value) {
  const std::string name = "\"" + field.name + "\"";
  if (field.type == Scalar::json) {
    const std::string start = "  out.member(" + name + ");\n";
    return field.optional ? start + "  " + value + " ? out.raw(*" + value + ") : out.null();"
                          : start + "  out.raw(" + value + ");";
  }
  if (field.type == Scalar::bytes) {
    if (!field.optional)
      return call(2, "out.member", Strings{name, "kit::base64_encode(" + value + ")"}, ";");
    return "  out.member(" + name + ");\n  " + value + " ? out.string(kit::base64_encode(*" +
           value + ")) : out.null();";
  }
  if (field.type == Scalar::enumeration) {
    if (!field.optional)
      return call(2, "out.member", Strings{name, "to_string(" + value + ")"}, ";");
    return "  out.member(" + name + ");\n  " + value + " ? out.string(to_string(*" + value +
           ")) : out.null();";
  }
  return call(2, "out.member", Strings{name, value}, ";");
}

namespace {

std::string write_signature(const Entity& entity, bool with_default) {
  Strings parameters{"kit::json::Writer& out",
                     "const biz::" + entity.name + "& " + variable(entity)};
  if (has_expansion(entity)) {
    parameters.push_back("const " + entity.name + "Expansion& expansion" +
                         (with_default ? " = {}" : ""));
  }
  const std::string_view tail = with_default ? ";" : " {";
  return cut_tail(signature(0, "void", "write", parameters, tail), tail);
}

View input_views(const Entity& entity) {
  View inputs{View::type::list};
  for (const model::Action& action : entity.actions) {
    if (action.input_type.empty()) continue;
    Strings rows;
    for (const Field& field : action.input) {
      // An input has no other way to be set than the request.
      Field given = field;
      given.immutable = false;
      given.required_in_create = !field.optional && !field.default_value;
      rows.push_back(field_row(action.input_type, given, true));
    }
    View input{View::type::object};
    input.set("action", action.name);
    input.set("rows", render::rows(rows));
    const std::string name = "constinit const std::span<const kit::rest::Field> " + entity.snake +
                             "_" + action.name + "_fields =";
    const std::string line = name + " " + action.name + "_fields;";
    input.set("definition",
              line.size() <= line_width ? line : name + "\n    " + action.name + "_fields;");
    inputs.push_back(input);
  }
  return inputs;
}

}  // namespace

bool has_expansion(const Entity& entity) {
  return !relations(entity, model::RelationKind::belongs_to).empty();
}

View expand_views(const Project& project, const Entity& entity) {
  View list{View::type::list};
  std::size_t index = 0;
  for (const model::Relation* relation : relations(entity, model::RelationKind::belongs_to)) {
    const Entity& target = project.target(*relation);
    View view{View::type::object};
    view.set("relation", relation->name);
    view.set("field", relation->field);
    view.set("index", std::to_string(index++));
    view.set("target", target.name);
    view.set("target_plural", target.plural);
    const Strings arguments{"items", "&biz::" + entity.name + "::" + relation->field};
    view.set("ids", assign(4, "std::vector<biz::" + target.id_type + "> ids",
                           "kit::record::referred_ids", arguments));
    view.set("find", assign(4, "const biz::" + target.name + "* found", "kit::record::find_by_id",
                            Strings{"*expansion." + relation->name,
                                    variable(entity) + "." + relation->field}));
    list.push_back(view);
  }
  return list;
}

void add_json(const Project& project, const Entity& entity, std::vector<File>& files) {
  View view = project.view(entity);
  Strings rows;
  Strings writes;
  Strings standard{"span"};
  Strings own{"kit/json/writer.hpp", "kit/rest/input.hpp",
              project.path("biz", entity.snake + ".gen.hpp")};
  Strings source;
  for (const Field& field : entity.fields) {
    const bool is_accepted = (field.in_create || field.in_update) && !field.read_only &&
                             field.origin != model::Origin::id;
    rows.push_back(field_row(entity.name, field, is_accepted));
    if (field.in_response)
      writes.push_back(write_lines(field, variable(entity) + "." + field.name));
    if (field.in_response && field.type == Scalar::bytes) source.push_back("kit/base/base64.hpp");
  }
  if (has_expansion(entity)) {
    standard.insert(standard.end(), {"optional", "vector"});
    source.push_back("kit/record/page.hpp");
  }
  for (const model::Relation* relation : relations(entity, model::RelationKind::belongs_to)) {
    const Entity& target = project.target(*relation);
    own.push_back(project.path("biz", target.snake + ".gen.hpp"));
    if (&target != &entity) source.push_back(project.path("api", target.snake + "_json.gen.hpp"));
  }
  view.set("rows", render::rows(rows));
  view.set("writes", text_list(writes));
  view.set("inputs", input_views(entity));
  view.set("has_expansion", flag(has_expansion(entity)));
  view.set("expands", expand_views(project, entity));
  view.set("header", project.path("api", entity.snake + "_json.gen.hpp"));
  view.set("write", write_signature(entity, true));
  view.set("includes", include_lines(standard, own));
  files.push_back(project.generated("api", entity.snake + "_json.gen.hpp", "json.hpp", view));
  view.set("write", write_signature(entity, false));
  const std::string lines = include_lines({}, source);
  view.set("includes", lines.empty() ? "" : lines + "\n");
  files.push_back(project.generated("api", entity.snake + "_json.gen.cpp", "json.cpp", view));
}

}  // namespace kitgen::render
