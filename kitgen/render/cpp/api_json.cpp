// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "kitgen/model/quote.hpp"
#include "kitgen/render/cpp/access.hpp"
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
  const std::string open = field.in_response ? "" : "kit::rest::secret(";
  const std::string close = field.in_response ? "," : "),";
  if (!is_accepted) return call(4, open + "kit::rest::read_only", Strings{name}, close);
  Strings arguments{name, rule(field)};
  if (field.type == Scalar::json) arguments.push_back("{.text = kit::rest::Format::Text::json}");
  if (field.type == Scalar::bytes) arguments.push_back("{.text = kit::rest::Format::Text::base64}");
  if (field.type == Scalar::decimal) {
    arguments.push_back("{.precision = " + std::to_string(field.precision) +
                        ", .scale = " + std::to_string(field.scale) + "}");
  }
  const std::string field_call =
      "kit::rest::field<&biz::" + std::string(type) + "::" + field.name + ">";
  const std::string whole = call(4, open + field_call, arguments, close);
  const std::string inner = call(8, field_call, arguments, close);
  const bool breaks_outside = !field.in_response && whole.find('\n') != std::string::npos &&
                              inner.find('\n') == std::string::npos;
  return breaks_outside ? "    kit::rest::secret(\n" + inner : whole;
}

/// The statement behind `if (...)`, on a line of its own where it does not fit.
std::string guarded(std::size_t index, const std::string& head, const Strings& arguments) {
  const std::string condition = "  if (shown.has(" + std::to_string(index) + "))";
  const std::string line = condition + " " + call(0, head, arguments, ";");
  const bool fits = line.size() <= line_width && line.find('\n') == std::string::npos;
  return fits ? line : condition + "\n" + call(4, head, arguments, ";");
}

/// The statements that write one member.
std::string shown_lines(std::size_t index, const Field& field, const std::string& value) {
  const std::string name = "\"" + field.name + "\"";
  const auto in_two = [&](const std::string& statement) {
    return "  if (shown.has(" + std::to_string(index) + ")) {\n    out.member(" + name +
           ");\n    " + statement + "\n  }";
  };
  if (field.type == Scalar::json) {
    return in_two(field.optional ? value + " ? out.raw(*" + value + ") : out.null();"
                                 : "out.raw(" + value + ");");
  }
  if (field.type == Scalar::bytes) {
    if (!field.optional)
      return guarded(index, "out.member", {name, "kit::base64_encode(" + value + ")"});
    return in_two(value + " ? out.string(kit::base64_encode(*" + value + ")) : out.null();");
  }
  if (field.is_enum() && !field.is_array) {
    if (!field.optional) return guarded(index, "out.member", {name, "to_string(" + value + ")"});
    return in_two(value + " ? out.string(to_string(*" + value + ")) : out.null();");
  }
  return guarded(index, "out.member", {name, value});
}

std::string write_signature(const Entity& entity, bool with_default) {
  Strings parameters{"kit::json::Writer& out",
                     "const biz::" + entity.name + "& " + variable(entity)};
  parameters.push_back(std::string("const kit::rest::FieldMask& shown") +
                       (with_default ? " = {}" : ""));
  const std::string_view tail = with_default ? ";" : " {";
  return cut_tail(signature(0, "void", "write", parameters, tail), tail);
}

/// A table of what a request may say, beside the entity's own.
View input_view(const Entity& entity, const std::string& what, const std::string& type,
                const std::vector<const Field*>& fields) {
  Strings rows;
  for (const Field* field : fields) {
    // An input has no other way to be set than the request.
    Field given = *field;
    given.immutable = false;
    given.in_response = true;
    given.required_in_create = !field->optional && !field->default_value;
    rows.push_back(field_row(type, given, true));
  }
  View input{View::type::object};
  input.set("action", what);
  input.set("rows", render::rows(rows));
  const std::string name = "constinit const std::span<const kit::rest::Field> " + entity.snake +
                           "_" + what + "_fields =";
  const std::string line = name + " " + what + "_fields;";
  input.set("definition", line.size() <= line_width ? line : name + "\n    " + what + "_fields;");
  return input;
}

View input_views(const Entity& entity) {
  View inputs{View::type::list};
  for (const model::Action& action : entity.actions) {
    if (action.input_type.empty()) continue;
    std::vector<const Field*> fields;
    for (const Field& field : action.input) fields.push_back(&field);
    inputs.push_back(input_view(entity, action.name, action.input_type, fields));
  }
  for (const model::Relation* relation : relations(entity, model::RelationKind::many_to_many)) {
    if (!relation->pivot->has_link()) continue;
    inputs.push_back(input_view(entity, relation->name + "_link", relation->pivot->link_type,
                                relation->pivot->link_fields()));
  }
  return inputs;
}

/// The function that writes a struct which is no entity.
View result_view(const std::string& type, const std::string& variable,
                 const std::vector<const Field*>& fields) {
  View result{View::type::object};
  const Strings parameters{"kit::json::Writer& out", "const biz::" + type + "& " + variable};
  const std::string text = signature(0, "void", "write", parameters, " {");
  result.set("write", text.substr(0, text.size() - 2));
  Strings writes;
  for (const Field* field : fields)
    writes.push_back(write_lines(*field, variable + "." + field->name));
  result.set("writes", text_list(writes));
  return result;
}

/// What actions answer with, and what links say.
View result_views(const Entity& entity) {
  View results{View::type::list};
  for (const model::Action& action : entity.actions) {
    if (action.result_type.empty()) continue;
    std::vector<const Field*> fields;
    for (const Field& field : action.result) fields.push_back(&field);
    results.push_back(result_view(action.result_type, "result", fields));
  }
  for (const model::Relation* relation : relations(entity, model::RelationKind::many_to_many)) {
    if (!relation->pivot->has_link()) continue;
    results.push_back(
        result_view(relation->pivot->link_type, "link", relation->pivot->link_fields()));
  }
  return results;
}

}  // namespace

void add_json(const Project& project, const Entity& entity, std::vector<File>& files) {
  View view = project.view(entity);
  Strings rows;
  Strings writes;
  Strings standard{"span"};
  Strings own{"kit/json/writer.hpp", "kit/rest/field_mask.hpp", "kit/rest/input.hpp",
              project.path("biz", entity.snake + ".gen.hpp")};
  Strings source;
  if (entity.soft_delete) source.push_back("kit/rest/shown_rows.hpp");
  for (std::size_t i = 0; i < entity.fields.size(); ++i) {
    const Field& field = entity.fields[i];
    const bool is_accepted = (field.in_create || field.in_update) && !field.read_only &&
                             field.origin != model::Origin::id;
    rows.push_back(field_row(entity.name, field, is_accepted));
    if (field.in_response)
      writes.push_back(shown_lines(i, field, variable(entity) + "." + field.name));
    if (field.in_response && field.type == Scalar::bytes) source.push_back("kit/base/base64.hpp");
  }
  std::size_t index = entity.fields.size();
  for (const model::ComputedField& each : entity.computed) {
    rows.push_back(field_row(entity.name, each.field, false));
    const std::string value =
        "biz::compute_" + each.field.name + "(" + variable(entity) + ").value";
    writes.push_back(guarded(index++, "out.member", {"\"" + each.field.name + "\"", value}));
  }
  for (const model::Relation* relation : entity.nested_lists()) {
    rows.push_back("    kit::rest::nested(\"" + relation->name + "\"),");
  }
  if (has_field_access(entity)) {
    source.insert(source.end(), {"kit/rest/access.hpp", access_header(project, entity)});
  }
  view.set("rows", render::rows(rows));
  view.set("writes", text_list(writes));
  view.set("inputs", input_views(entity));
  view.set("results", result_views(entity));
  for (const model::Action& action : entity.actions) {
    for (const Field& field : action.result) {
      if (field.type == Scalar::bytes) source.push_back("kit/base/base64.hpp");
    }
  }
  view.set("header", project.path("api", entity.snake + "_json.gen.hpp"));
  view.set("write", write_signature(entity, true));
  view.set("includes", include_lines(standard, own));
  files.push_back(project.generated("api", entity.snake + "_json.gen.hpp", "json.hpp", view));
  view.set("write", write_signature(entity, false));
  std::string members = signature(
      0, "void", "write_members",
      Strings{"kit::json::Writer& out", "const biz::" + entity.name + "& " + variable(entity),
              "const Fields& shown"},
      " {");
  view.set("write_members", members.substr(0, members.size() - 2));
  const auto write_call = [&](std::size_t indent, const std::string& fields) {
    return call(indent, "write_members", Strings{"out", variable(entity), fields}, ";");
  };
  view.set("write_all", write_call(4, "kit::rest::AllFields{}"));
  view.set("write_shown", write_call(4, has_field_access(entity) ? "seen" : "shown"));
  const std::string lines = include_lines({}, source);
  view.set("includes", lines.empty() ? "" : lines + "\n");
  files.push_back(project.generated("api", entity.snake + "_json.gen.cpp", "json.cpp", view));
}

}  // namespace kitgen::render
