// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>
#include <vector>

#include "kitgen/model/detail/context.hpp"
#include "kitgen/model/quote.hpp"

namespace kitgen::model {
namespace {

std::string_view name_of(Origin origin) {
  static constexpr std::string_view names[] = {"id",         "declared", "relation",   "created_at",
                                               "updated_at", "version",  "deleted_at", "computed"};
  return names[static_cast<std::size_t>(origin)];
}

std::string_view name_of(Role role) {
  static constexpr std::string_view names[] = {
      "plain", "money_amount", "money_currency", "latitude", "longitude", "file", "image"};
  return names[static_cast<std::size_t>(role)];
}

std::string_view name_of(RelationKind kind) {
  static constexpr std::string_view names[] = {"belongs_to", "has_one", "has_many", "many_to_many"};
  return names[static_cast<std::size_t>(kind)];
}

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return "[" + text + "]";
}

/// Lines with indentation; values of free text are quoted, so that every dump is one readable text.
class Dumper {
 public:
  explicit Dumper(const Service& service) : service_(service) {}

  std::string run() {
    line("service " + service_.name + " pascal=" + service_.pascal +
         " package=" + service_.package + " url=" + service_.url_prefix);
    text("doc", service_.doc);
    for (const Enum& each : service_.enums) dump_enum(each);
    for (const Entity& each : service_.entities) dump_entity(each);
    for (const Subscriber& each : service_.subscribers) dump_subscriber(each);
    for (const Job& each : service_.jobs) dump_job(each);
    for (const Table& each : service_.tables) dump_table(each);
    std::vector<std::string> order;
    for (const std::size_t i : service_.import_order) order.push_back(service_.entities[i].name);
    line("import_order " + join(order));
    return std::move(out_);
  }

 private:
  void line(const std::string& content) { out_ += std::string(depth_ * 2, ' ') + content + "\n"; }
  void text(std::string_view key, const std::string& value) {
    if (!value.empty()) line(std::string(key) + " " + json_string(value));
  }
  void list(std::string_view key, const std::vector<std::string>& values) {
    if (!values.empty()) line(std::string(key) + " " + join(values));
  }
  std::string entity_name(std::size_t index) const {
    return index == none ? "-" : service_.entities[index].name;
  }

  void dump_enum(const Enum& each) {
    line("enum " + each.name + " snake=" + each.snake);
    ++depth_;
    text("doc", each.doc);
    for (const EnumValue& value : each.values)
      line(value.name + " cpp=" + value.cpp + " label=" + json_string(value.label));
    --depth_;
  }

  static std::string literal(std::string_view key, const Literal& value) {
    return " " + std::string(key) + "={" + json_string(value.text) + " cpp:" + value.cpp +
           " sql:" + value.sql + " json:" + value.json + (value.is_now ? " now" : "") + "}";
  }

  static std::string flags_of(const Field& field) {
    std::string flags;
    const auto add = [&](bool is_set, const char* name) {
      if (is_set) flags += std::string(" ") + name;
    };
    add(field.optional, "optional");
    add(field.unique, "unique");
    add(field.immutable, "immutable");
    add(field.read_only, "read_only");
    add(field.secret, "secret");
    add(!field.in_response, "hidden");
    add(field.in_create, "create");
    add(field.required_in_create, "required");
    add(field.in_update, "update");
    add(field.in_import, "import");
    add(field.sortable, "sort");
    add(field.searchable, "search");
    add(field.cpp_is_cheap, "cheap");
    return flags;
  }

  void dump_field(const Field& field) {
    std::string type(scalar_name(field.type));
    if (field.type == Scalar::decimal)
      type += "(" + std::to_string(field.precision) + "," + std::to_string(field.scale) + ")";
    if (field.type == Scalar::enumeration) type += ":" + service_.enums[field.enum_index].name;
    if (field.type == Scalar::id) type += ":" + entity_name(field.id_entity);
    if (field.is_array) type = "[" + type + "]";
    std::string content =
        "field " + field.name + ": " + type + " origin=" + std::string(name_of(field.origin));
    if (field.role != Role::plain) content += " role=" + std::string(name_of(field.role));
    line(content + flags_of(field));
    ++depth_;
    line("names pascal=" + field.pascal + " label=" + json_string(field.label) +
         (field.renamed_from.empty() ? "" : " renamed_from=" + field.renamed_from));
    line("cpp " + field.cpp_member + " sqlite=" + field.sql.sqlite +
         " postgres=" + field.sql.postgres + " mysql=" + field.sql.mysql + " ts=" + field.ts_type +
         " openapi=" + field.openapi_type + "/" + field.openapi_format);
    std::string limits;
    if (field.min) limits += literal("min", *field.min);
    if (field.max) limits += literal("max", *field.max);
    if (field.min_length) limits += " min_length=" + std::to_string(*field.min_length);
    if (field.max_length) limits += " max_length=" + std::to_string(*field.max_length);
    if (field.item_min_length)
      limits += " item_min_length=" + std::to_string(*field.item_min_length);
    if (field.item_max_length)
      limits += " item_max_length=" + std::to_string(*field.item_max_length);
    if (field.unique_items) limits += " unique_items";
    if (field.default_value) limits += literal("default", *field.default_value);
    if (!limits.empty()) line("limits" + limits);
    text("pattern", field.pattern);
    text("doc", field.doc);
    if (field.filterable) list("filter", field.operators);
    --depth_;
  }

  void dump_import(const Import& import) {
    line("import " + json_string(import.file) +
         " key=" + (import.key_field.empty() ? "-" : import.key_field));
    ++depth_;
    for (const ImportColumn& column : import.columns)
      line(json_string(column.header) + " -> " + column.field + (column.is_key ? " key" : ""));
    --depth_;
  }

  void dump_relation(const Relation& relation) {
    std::string content = "relation " + relation.name + ": " + std::string(name_of(relation.kind)) +
                          " " + entity_name(relation.target);
    if (relation.to_self) content += " self";
    if (!relation.field.empty())
      content +=
          " field=" + relation.field + " on_delete=" + std::string(sql_name(relation.on_delete));
    if (relation.optional) content += " optional";
    if (!relation.inverse_field.empty()) content += " inverse=" + relation.inverse_field;
    if (relation.nested_max > 0) content += " nested=" + std::to_string(relation.nested_max);
    line(content);
    ++depth_;
    text("doc", relation.doc);
    if (relation.pivot) {
      const Pivot& pivot = *relation.pivot;
      line("pivot " + pivot.table + " left=" + pivot.left_name + "/" + pivot.left_column +
           " right=" + pivot.right_name + "/" + pivot.right_column);
      ++depth_;
      for (const Field& field : pivot.fields) dump_field(field);
      if (pivot.import) dump_import(*pivot.import);
      --depth_;
    }
    --depth_;
  }

  void dump_action(const Entity& entity, const Action& action) {
    line("action " + action.name + " pascal=" + action.pascal + " path=" + action.path +
         " id=" + action.operation_id + " output=" + entity_name(action.output) +
         " emits=" + (action.emits == none ? "-" : entity.events[action.emits].name) +
         (action.input_type.empty() ? "" : " input=" + action.input_type));
    ++depth_;
    text("doc", action.doc);
    for (const Field& field : action.input) dump_field(field);
    if (!action.result_type.empty()) line("result " + action.result_type);
    for (const Field& field : action.result) dump_field(field);
    --depth_;
  }

  void dump_event(const Event& event) {
    line("event " + event.name + " snake=" + event.snake + " wire=" + event.wire +
         (event.key == none ? "" : " key=" + event.fields[event.key].field.name));
    ++depth_;
    text("doc", event.doc);
    for (const EventField& field : event.fields) {
      dump_field(field.field);
      if (!field.source_entity.empty())
        line("  from " + field.source_entity + "." + field.source_field);
    }
    --depth_;
  }

  void dump_access(const Access& access) {
    line("access read=" + join(access.read) + " write=" + join(access.write));
    ++depth_;
    for (const FieldAccess& field : access.fields)
      line("field " + field.field + " " + join(field.roles));
    for (const RowAccess& row : access.rows) line("rows " + row.role + ": " + row.path + " == me");
    --depth_;
  }

  void dump_index(const Index& index) {
    line(std::string(index.unique ? "unique index " : "index ") + index.name + " " +
         join(index.columns) + (index.where_sql.empty() ? "" : " where " + index.where_sql));
  }

  void dump_entity(const Entity& entity) {
    line("entity " + entity.name + (entity.file.empty() ? "" : " file=" + entity.file) +
         " line=" + std::to_string(entity.line));
    ++depth_;
    text("doc", entity.doc);
    line("names snake=" + entity.snake + " plural=" + entity.plural + " plural_pascal=" +
         entity.plural_pascal + " camel=" + entity.camel + " plural_camel=" + entity.plural_camel +
         " upper=" + entity.upper + " label=" + json_string(entity.label) +
         " plural_label=" + json_string(entity.plural_label));
    line("id " + entity.id_type + " tag=" + entity.id_tag +
         (entity.id_kind == IdKind::uuid ? " uuid" : " sequence") + " table=" + entity.table +
         " path=" + entity.path_id);
    line(std::string("keep") + (entity.soft_delete ? " soft_delete" : "") +
         (entity.version ? " version" : "") + (entity.audit ? " audit" : ""));
    for (const Field& field : entity.fields) dump_field(field);
    for (const ComputedField& each : entity.computed) {
      dump_field(each.field);
      line("  = " + json_string(each.expression) + " cpp=" + each.cpp +
           (each.may_fail ? " may_fail" : ""));
    }
    for (const Relation& relation : entity.relations) dump_relation(relation);
    for (const Index& index : entity.indexes) dump_index(index);
    line("list filter=" + join(entity.list.filter) + " sort=" + join(entity.list.sort) +
         " search=" + join(entity.list.search) + " page_size=" +
         std::to_string(entity.list.page_size) + "/" + std::to_string(entity.list.max_page_size));
    if (entity.import) dump_import(*entity.import);
    for (const Action& action : entity.actions) dump_action(entity, action);
    for (const Event& event : entity.events) dump_event(event);
    if (entity.access) dump_access(*entity.access);
    if (entity.cache) {
      line("cache ttl=" + std::to_string(entity.cache->ttl_ms) + " negative=" +
           std::to_string(entity.cache->negative_ms) + " max=" + std::to_string(entity.cache->max));
    }
    line("console icon=" + json_string(entity.console.icon) +
         " menu=" + json_string(entity.console.menu) + " columns=" + join(entity.console.columns));
    list("std_includes", entity.std_includes);
    list("kit_includes", entity.kit_includes);
    --depth_;
  }

  void dump_subscriber(const Subscriber& subscriber) {
    const Entity& entity = service_.entities[subscriber.entity];
    line("subscriber " + subscriber.name + " on=" + entity.events[subscriber.event].name);
    ++depth_;
    text("doc", subscriber.doc);
    --depth_;
  }

  void dump_job(const Job& job) {
    line("job " + job.name + " cron=" + json_string(job.cron) + " missed=" + job.missed +
         (job.atomic ? " atomic" : "") + " timeout=" + std::to_string(job.timeout_ms));
    ++depth_;
    text("doc", job.doc);
    --depth_;
  }

  void dump_table(const Table& table) {
    line("table " + table.name + " of " + entity_name(table.entity) +
         (table.is_pivot() ? " pivot" : ""));
    ++depth_;
    for (const Column& column : table.columns) {
      line("column " + column.name + " " + column.sql.sqlite +
           (column.nullable ? "" : " not_null") + (column.is_primary_key ? " primary_key" : "") +
           (column.is_sequence ? " sequence" : "") +
           (column.default_sql.empty() ? "" : " default " + column.default_sql) +
           (column.renamed_from.empty() ? "" : " renamed_from " + column.renamed_from));
    }
    for (const ForeignKey& key : table.foreign_keys) {
      line("foreign_key " + key.name + " " + key.column + " -> " + key.target_table + "." +
           key.target_column + " on_delete " + std::string(sql_name(key.on_delete)) +
           (key.target_is_later ? " later" : ""));
    }
    for (const Index& index : table.indexes) dump_index(index);
    --depth_;
  }

  const Service& service_;
  std::string out_;
  std::size_t depth_ = 0;
};

}  // namespace

std::string dump(const Service& service) {
  return Dumper(service).run();
}

}  // namespace kitgen::model
