// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/cpp/names.hpp"

#include <algorithm>

#include "kit/base/text.hpp"
#include "kitgen/model/naming.hpp"
#include "kitgen/model/quote.hpp"
#include "kitgen/render/cpp/layout.hpp"

namespace kitgen::render {

using model::Entity;
using model::Field;
using model::Scalar;
using Strings = std::vector<std::string>;

std::string Project::path(std::string_view layer, std::string_view file) const {
  std::string text = options.output;
  if (!layer.empty()) text.append("/").append(layer);
  return text.append("/").append(file);
}

View Project::view() const {
  View view{View::type::object};
  // Without a line: a field more would change every file of every entity behind it.
  view.set("source", model::cpp_comment(service.schema_file));
  view.set("service", service.name);
  view.set("out", options.output);
  return view;
}

View Project::view(const Entity& entity) const {
  View view = this->view();
  view.set("source", model::cpp_comment(service.file_of(entity)));
  view.set("name", entity.name);
  view.set("snake", entity.snake);
  view.set("plural", entity.plural);
  view.set("upper", entity.upper);
  view.set("words", model::to_words(entity.snake));
  view.set("plural_words", model::to_words(entity.plural));
  view.set("var", variable(entity));
  view.set("id_type", entity.id_type);
  view.set("sql_table", entity.table);
  view.set("soft_delete", flag(entity.soft_delete));
  view.set("version", flag(entity.version));
  view.set("audit", flag(entity.audit));
  view.set("access", flag(entity.access.has_value()));
  view.set("field_access", flag(entity.access && !entity.access->fields.empty()));
  view.set("row_access", flag(entity.access && !entity.access->rows.empty()));
  view.set("doc", doc_view(entity.doc, 0));
  return view;
}

namespace {

constexpr std::size_t longest_laid_out_name = 24;

constexpr std::string_view off_mark = "// clang-format off";
constexpr std::string_view on_mark = "// clang-format on";

/// What a template puts behind a part that is kept from clang-format belongs to that part's last
/// line, not to its mark. `keeps_marks`: false where the whole file is kept from it.
std::string settle_marks(const std::string& text, bool keeps_marks) {
  std::string settled;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
    const std::string_view bare = line.substr(indent);
    const bool is_mark = bare == off_mark || bare.starts_with(on_mark);
    if (bare.starts_with(on_mark) && bare != on_mark && settled.ends_with('\n')) {
      settled.pop_back();
      settled.append(bare.substr(on_mark.size())).append("\n");
    }
    if (is_mark && !keeps_marks) continue;
    // An empty line of a description.
    const bool is_empty = bare == "/// " || bare == "// ";
    settled.append(is_mark ? line.substr(0, indent + (bare == off_mark ? off_mark : on_mark).size())
                   : is_empty ? line.substr(0, line.size() - 1)
                              : line);
    settled += '\n';
  }
  return settled;
}

/// Names too long for the layout to follow clang-format: the file is kept from it.
std::string keep_from_formatter(const std::string& text, const View& view) {
  const View* name = view.get("name");
  bool is_wide = name != nullptr && name->string_value().size() > longest_laid_out_name;
  bool is_marked = false;
  for (const std::string_view line : kit::split(text, '\n')) {
    if (line.ends_with(off_mark)) is_marked = true;
    if (line.find(on_mark) != line.npos) is_marked = false;
    is_wide = is_wide || (!is_marked && line.size() > line_width && !line.starts_with("// "));
  }
  std::string settled = settle_marks(text, !is_wide);
  if (is_wide) settled.insert(settled.find('\n') + 1, "// clang-format off\n");
  return settled;
}

}  // namespace

File Project::generated(std::string_view layer, std::string_view file,
                        std::string_view template_name, const View& view) const {
  return {path(layer, file), keep_from_formatter(templates.render(template_name, view), view),
          Ownership::generated, false};
}

File Project::started(std::string_view layer, std::string_view file, std::string_view template_name,
                      const View& view) const {
  return {path(layer, file), keep_from_formatter(templates.render(template_name, view), view),
          Ownership::started, false};
}

std::string variable(const Entity& entity) {
  // Names that the templates use themselves.
  static constexpr std::string_view taken[] = {
      "asked",   "at",         "audited",    "before",  "biz",      "body",  "caller",
      "change",  "changed",    "changes",    "check",   "columns",  "gone",  "history",
      "linked",  "now",        "operation",  "removed", "restored", "saved", "shown",
      "was",     "data",       "database",   "end",     "entity",   "event", "expand",
      "fields",  "found",      "id",         "ids",     "in",       "input", "items",
      "json",    "key",        "known",      "out",     "outbox",   "page",  "parameters",
      "query",   "record",     "references", "request", "response", "row",   "scope",
      "service", "session",    "sink",       "store",   "table",    "unset", "value",
      "version", "violations", "work"};
  return std::ranges::find(taken, entity.snake) == std::end(taken) ? entity.snake
                                                                   : "the_" + entity.snake;
}

std::string first_upper(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z')
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

View text_list(const std::vector<std::string>& lines) {
  View list{View::type::list};
  for (const std::string& line : lines) list.push_back(View{line});
  return list;
}

View flag(bool value) {
  return View{value ? View::type::bool_true : View::type::bool_false};
}

View doc_view(std::string_view doc, std::size_t indent) {
  return text_list(model::comment_lines(doc, line_width - indent - 4));
}

namespace {

/// What a member without a default starts as, where its type does not say.
std::string zero(const Field& field) {
  if (field.optional || field.is_array) return "";
  switch (field.type) {
    case Scalar::int32:
    case Scalar::int64:
    case Scalar::float32:
    case Scalar::float64:
      return field.origin == model::Origin::version ? "1" : "0";
    case Scalar::boolean:
      return "false";
    case Scalar::enumeration:
    case Scalar::duration:
      return "{}";
    default:
      return "";
  }
}

}  // namespace

std::string declaration(const Field& field, std::string_view qualifier) {
  std::string text = "  ";
  text.append(qualifier).append(field.cpp_member).append(" ").append(field.name);
  const std::string start = field.default_value ? field.default_value->cpp : zero(field);
  if (start == "{}") return text + "{};";
  if (start.empty()) return text + ";";
  std::string line = text + " = " + start + ";";
  if (line.size() > line_width) line = text + " =\n      " + start + ";";
  return protect(line, 2);
}

std::vector<const Field*> stored_fields(const Entity& entity) {
  std::vector<const Field*> fields;
  for (const Field& field : entity.fields) {
    if (field.origin != model::Origin::deleted_at) fields.push_back(&field);
  }
  return fields;
}

std::vector<std::string> column_names(const Entity& entity) {
  std::vector<std::string> names;
  for (const Field& field : entity.fields) names.push_back(field.name);
  return names;
}

std::vector<const model::Relation*> relations(const Entity& entity, model::RelationKind kind) {
  std::vector<const model::Relation*> found;
  for (const model::Relation& relation : entity.relations) {
    if (relation.kind == kind) found.push_back(&relation);
  }
  return found;
}

std::vector<Referrer> nulled_referrers(const Project& project, const Entity& entity) {
  std::vector<Referrer> referrers;
  for (const Entity& other : project.service.entities) {
    for (const model::Relation* relation : relations(other, model::RelationKind::belongs_to)) {
      if (&project.target(*relation) == &entity && relation->on_delete == model::OnDelete::set_null)
        referrers.push_back({other, *relation});
    }
  }
  return referrers;
}

void add_type_includes(const Project& project, const Field& field,
                       std::vector<std::string>& standard, std::vector<std::string>& own) {
  if (field.optional) standard.push_back("optional");
  if (field.is_array) standard.push_back("vector");
  switch (field.type) {
    case Scalar::int32:
    case Scalar::int64:
      standard.push_back("cstdint");
      break;
    case Scalar::duration:
      standard.push_back("chrono");
      break;
    case Scalar::decimal:
      own.push_back("kit/base/decimal.hpp");
      break;
    case Scalar::date:
    case Scalar::time:
    case Scalar::timestamp:
      own.push_back("kit/base/time.hpp");
      break;
    case Scalar::uuid:
      own.push_back("kit/base/uuid.hpp");
      break;
    case Scalar::enumeration:
      own.push_back(
          project.path("biz", project.service.enums[field.enum_index].snake + ".gen.hpp"));
      break;
    case Scalar::id:
      own.push_back(project.path("biz", "ids.gen.hpp"));
      break;
    case Scalar::boolean:
    case Scalar::float32:
    case Scalar::float64:
      break;
    default:
      standard.push_back("string");
      break;
  }
  // Instants and days in the past or on the wire are made of std::chrono types.
  const auto uses_chrono = [&](const std::optional<model::Literal>& literal) {
    return literal && literal->cpp.find("std::chrono") != std::string::npos;
  };
  if (uses_chrono(field.default_value)) standard.push_back("chrono");
  if (field.default_value && field.default_value->cpp.find("numeric_limits") != std::string::npos) {
    standard.push_back("limits");
  }
}

bool has_events(const model::Service& service) {
  return std::ranges::any_of(service.entities,
                             [](const Entity& entity) { return !entity.events.empty(); });
}

std::string links_type(const model::Relation& relation, const Entity& target,
                       std::string_view scope) {
  const std::string prefix(scope);
  return "kit::Task<std::vector<std::pair<" + prefix + target.id_type + ", " + prefix +
         relation.pivot->link_type + ">>>";
}

bool shows_links(const Entity& entity) {
  return std::ranges::any_of(entity.relations, [](const model::Relation& relation) {
    return relation.pivot && relation.pivot->has_link();
  });
}

bool is_linked(const Project& project, const Entity& entity) {
  for (const Entity& other : project.service.entities) {
    for (const model::Relation* relation : relations(other, model::RelationKind::many_to_many)) {
      if (relation->pivot->has_link() && &project.target(*relation) == &entity) return true;
    }
  }
  return false;
}

bool has_rules(const Entity& entity) {
  return std::ranges::any_of(entity.actions,
                             [](const model::Action& action) { return !action.on_collection; });
}

bool is_deferred(const Project& project, const Entity& entity, std::string_view column) {
  const model::Table& table = *project.service.find_table(entity.table);
  return std::ranges::any_of(table.foreign_keys, [&](const model::ForeignKey& key) {
    return key.column == column && table.defers(key);
  });
}

bool has_deferred(const Project& project, const Entity& entity) {
  return std::ranges::any_of(
      entity.fields, [&](const Field& field) { return is_deferred(project, entity, field.name); });
}

bool adds_batches(const Entity& entity) {
  if (!entity.import) return false;
  // What happened to a row is told with its id.
  return !entity.audit || entity.id_kind == model::IdKind::uuid || entity.import->key_field == "id";
}

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
  if (field.is_enum() && !field.is_array && field.origin != model::Origin::computed) {
    if (!field.optional)
      return call(2, "out.member", Strings{name, "to_string(" + value + ")"}, ";");
    return "  out.member(" + name + ");\n  " + value + " ? out.string(to_string(*" + value +
           ")) : out.null();";
  }
  return call(2, "out.member", Strings{name, value}, ";");
}

std::string qualified(const Field& field) {
  const bool is_ours = field.type == Scalar::enumeration || field.type == Scalar::id;
  if (!is_ours) return field.cpp_type;
  constexpr std::string_view open = "std::vector<";
  return field.is_array ? std::string(open) + "biz::" + field.cpp_type.substr(open.size())
                        : "biz::" + field.cpp_type;
}

}  // namespace kitgen::render
