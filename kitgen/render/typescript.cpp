// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/typescript.hpp"

#include <algorithm>
#include <string_view>

#include "kitgen/model/quote.hpp"
#include "kitgen/render/openapi_schemas.hpp"
#include "kitgen/render/openapi_writing.hpp"

namespace kitgen::render {
namespace {

using model::Entity;
using model::Field;
using model::Relation;
using model::RelationKind;
using model::Service;

/// What every client is made of, whatever its entities. `Kit` keeps the names apart from theirs.
constexpr std::string_view runtime = R"ts(
/** Why a request failed, in the form of google.rpc.Status. */
export interface KitStatus {
  code: number;
  message: string;
  status: string;
  details: KitDetail[];
}

export interface KitDetail {
  "@type": string;
  reason?: string;
  domain?: string;
  requestId?: string;
  fieldViolations?: KitViolation[];
}

export interface KitViolation {
  field: string;
  description: string;
}

/** An answer other than 2xx. */
export class KitError extends Error {
  readonly status: number;
  readonly body: KitStatus;

  constructor(status: number, body: KitStatus) {
    super(body.message);
    this.name = "KitError";
    this.status = status;
    this.body = body;
  }

  /** What is wrong with which field. */
  get violations(): KitViolation[] {
    return this.body.details.flatMap((detail) => detail.fieldViolations ?? []);
  }

  /** Stable upper-case word such as CUSTOMER_EMAIL_TAKEN; "" when there is none. */
  get reason(): string {
    return this.body.details.find((detail) => detail.reason !== undefined)?.reason ?? "";
  }
}

export interface KitPage<T> {
  items: T[];
  /** For the next page; null on the last one. */
  next_cursor: string | null;
  /** Rows in all; present with total: true. */
  total?: number;
}

/** A relation, or what follows behind a point from one. */
export type KitPath<R extends string> = R | `${R}.${string}`;

/** What an import has done, or would do. */
export interface KitImport {
  dry_run: boolean;
  inserted: number;
  updated: number;
  unchanged: number;
}

/** What a bulk request does, all or nothing, in this order. */
export interface KitBulk<C, P, I> {
  delete?: readonly { id: I; version?: number }[];
  update?: readonly { id: I; version?: number; patch: P }[];
  create?: readonly C[];
}

/** What became of each item, in the order of the request. */
export interface KitBulkResult<T, I> {
  delete: { id: I }[];
  update: T[];
  create: T[];
}

export interface KitOptions {
  /** Scheme, host and port of the service; "" for the page's own. */
  baseUrl?: string;
  /** Sent with every request. */
  headers?: Record<string, string>;
  /** Instead of the global fetch. */
  fetch?: typeof fetch;
}

export interface KitCall {
  /**
   * The ETag a change is based on: KitError with status 412 when there is a newer one. Actions and
   * links check none and refuse it.
   */
  ifMatch?: string;
  /** For POST and PATCH: sent again with the same key, the request is not done twice. */
  idempotencyKey?: string;
  signal?: AbortSignal;
  /** Sees the answer, its ETag among the headers. */
  onResponse?: (response: Response) => void;
}

type KitQueryValue = string | number | boolean | readonly (string | number | boolean)[];

function kitQuery(query: object | undefined): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {}) as [string, KitQueryValue | undefined][]) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === "" ? "" : "?" + text;
}

class KitTransport {
  private readonly options: KitOptions;

  constructor(options: KitOptions) {
    this.options = options;
  }

  async call<T>(method: string, path: string, body: unknown, call?: KitCall): Promise<T> {
    const json = body === undefined ? undefined : JSON.stringify(body);
    const text = await this.send(method, path, json, "application/json", call);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  async send(method: string, path: string, body: string | Blob | undefined, type: string, call: KitCall = {}): Promise<string> {
    const headers: Record<string, string> = { accept: "application/json, text/csv", ...this.options.headers };
    if (body !== undefined) headers["content-type"] = type;
    if (call.ifMatch !== undefined) headers["if-match"] = call.ifMatch;
    if (call.idempotencyKey !== undefined) headers["idempotency-key"] = call.idempotencyKey;
    const init: RequestInit = { method, headers };
    if (body !== undefined) init.body = body;
    if (call.signal !== undefined) init.signal = call.signal;
    const response = await (this.options.fetch ?? fetch)((this.options.baseUrl ?? "") + path, init);
    call.onResponse?.(response);
    const text = await response.text();
    if (!response.ok) throw new KitError(response.status, kitStatus(response, text));
    return text;
  }

  async *pages<T>(path: string, query: { cursor?: string; page?: number }, call?: KitCall): AsyncGenerator<T> {
    let next: object | undefined = query;
    while (next !== undefined) {
      const page: KitPage<T> = await this.call("GET", path + kitQuery(next), undefined, call);
      yield* page.items;
      // A page number only says where to begin.
      const rest = { ...query, page: undefined, cursor: page.next_cursor };
      next = page.next_cursor === null ? undefined : rest;
    }
  }
}

function kitStatus(response: Response, text: string): KitStatus {
  try {
    return JSON.parse(text) as KitStatus;
  } catch {
    const message = response.statusText || "HTTP " + String(response.status);
    return { code: 2, message, status: "UNKNOWN", details: [] };
  }
}
)ts";

/// For services with an audited entity.
constexpr std::string_view history_types = R"ts(
/** One change of one row. */
export interface KitHistoryEntry {
  id: number;
  /** The row's version after it; null for entities without versions. */
  version: number | null;
  at: string;
  /** Nobody: null. */
  who: string | null;
  request_id: string | null;
  operation: "create" | "update" | "delete" | "restore" | "purge" | "link" | "unlink";
  /** What was and what is, by field; "changed" for what is secret. */
  changes: Record<string, [unknown, unknown] | "changed">;
}

export interface KitHistoryQuery {
  operation?: KitHistoryEntry["operation"];
  who?: string;
  "at.gte"?: string;
  "at.lt"?: string;
  limit?: number;
  cursor?: string;
  page?: number;
  total?: boolean;
}
)ts";

std::string doc_block(const std::string& doc, std::string_view indent) {
  const auto lines = model::comment_lines(doc, 92);
  std::string text;
  if (lines.empty()) return text;
  if (lines.size() == 1) return std::string(indent) + "/** " + lines[0] + " */\n";
  text = std::string(indent) + "/**\n";
  for (const std::string& line : lines) {
    text += std::string(indent) + (line.empty() ? " *" : " * ") + line + "\n";
  }
  return text + std::string(indent) + " */\n";
}

std::string type_of(const Field& field) {
  return field.optional ? field.ts_type + " | null" : field.ts_type;
}

std::string interface_of(const std::string& name, const std::string& doc,
                         const std::vector<Field>& fields, Shape shape,
                         const std::string& extra = "") {
  std::string text = "\n" + doc_block(doc, "") + "export interface " + name + " {\n";
  for (const Field& field : fields) {
    if (!is_in(field, shape)) continue;
    text += doc_block(field.doc, "  ");
    text += "  " + field.name + (is_required(field, shape) ? ": " : "?: ") + type_of(field) + ";\n";
  }
  return text + extra + "}\n";
}

/// What a relation shows: `Track & { link: PlaylistTracksLink }`
std::string item_of(const Service& service, const Relation& relation) {
  const std::string& name = service.entities[relation.target].name;
  const bool shows_links = relation.pivot && relation.pivot->has_link();
  return shows_links ? name + " & { link: " + relation.pivot->link_type + " }" : name;
}

std::string expanded_members(const Service& service, const Entity& entity) {
  std::string text;
  for (const Relation& relation : entity.relations) {
    text += doc_block("Present with expand: [\"" + relation.name + "\"].", "  ");
    const std::string item = item_of(service, relation);
    if (relation.is_to_one()) {
      text += "  " + relation.name + "?: " + item +
              (may_be_null(service, relation) ? " | null" : "") + ";\n";
      continue;
    }
    const bool is_plain = item.find(' ') == std::string::npos;
    text += "  " + relation.name + "?: " + (is_plain ? item : "(" + item + ")") + "[];\n";
    text += doc_block("The path of the rest, where there are more than 100.", "  ");
    text += "  \"" + relation.name + ".next\"?: string;\n";
  }
  return text;
}

std::string filter_type(const Field& field, const std::string& op) {
  if (op == "is_null") return "boolean";
  if (op == "like" || op == "contains") return "string";
  if (op == "has") return element_of(field).ts_type;
  return op == "in" ? "readonly (" + field.ts_type + ")[]" : field.ts_type;
}

std::string query_of(const Entity& entity) {
  std::string text = "\nexport interface " + entity.name + "Query {\n";
  for (const Field& field : entity.fields) {
    if (!field.filterable) continue;
    for (const std::string& op : field.operators) {
      const std::string parameter = filter_parameter(field, op);
      const std::string name = parameter == field.name ? parameter : "\"" + parameter + "\"";
      text += "  " + name + "?: " + filter_type(field, op) + ";\n";
    }
  }
  if (!entity.list.search.empty()) text += "  search?: string;\n";
  std::string keys;
  for (const Field& field : entity.fields) {
    if (!field.sortable) continue;
    keys += (keys.empty() ? "\"" : " | \"") + field.name + "\" | \"-" + field.name + "\"";
  }
  text += "  sort?: readonly (" + keys + ")[];\n";
  std::string relations;
  for (const Relation& relation : entity.relations) {
    relations += (relations.empty() ? "\"" : " | \"") + relation.name + "\"";
  }
  if (!relations.empty()) {
    text += doc_block("Relations, and theirs behind a point: \"album.artist\".", "  ");
    text += "  expand?: readonly KitPath<" + relations + ">[];\n";
  }
  std::string fields;
  for (const Field& field : entity.fields) {
    if (field.in_response) fields += (fields.empty() ? "\"" : " | \"") + field.name + "\"";
  }
  text += doc_block("With it the other fields are left out, but for the id.", "  ");
  const std::string expanded = relations.empty() ? "" : " | `${" + relations + "}.${string}`";
  text += "  fields?: readonly (" + fields + expanded + ")[];\n";
  if (entity.soft_delete) text += "  deleted?: \"include\" | \"only\";\n";
  return text + "  limit?: number;\n  cursor?: string;\n  page?: number;\n  total?: boolean;\n}\n";
}

std::string types_of(const Service& service, const Entity& entity) {
  std::string text = interface_of(entity.name, entity.doc, shown_fields(entity), Shape::response,
                                  expanded_members(service, entity));
  std::string lists;
  for (const Relation* relation : entity.nested_lists()) {
    const Entity& target = service.entities[relation->target];
    const std::string item = nested_item(entity, *relation);
    lists += doc_block(relation->label + " that are created with it.", "  ") + "  " +
             relation->name + "?: readonly " + item + "[];\n";
    text += interface_of(item, "", nested_fields(target, *relation), Shape::create);
  }
  text += interface_of(entity.name + "Create", "What creating takes.", entity.fields, Shape::create,
                       lists);
  text += interface_of(entity.name + "Update", "The whole of a " + entity.label + ".",
                       entity.fields, Shape::update);
  text += interface_of(entity.name + "Patch", "Changes: what is left out stays, null empties.",
                       entity.fields, Shape::patch);
  for (const auto& action : entity.actions) {
    if (!action.input_type.empty())
      text += interface_of(action.input_type, "", action.input, Shape::create);
    if (!action.result_type.empty())
      text += interface_of(action.result_type, "", action.result, Shape::response);
  }
  for (const Relation& relation : entity.relations) {
    if (!relation.pivot || !relation.pivot->has_link()) continue;
    std::vector<Field> fields;
    for (const Field* field : relation.pivot->link_fields()) fields.push_back(*field);
    text += interface_of(relation.pivot->link_type, "", fields, Shape::create);
  }
  return text + query_of(entity);
}

/// Writes the methods of one entity; every call goes through the transport.
class ClientWriter {
 public:
  ClientWriter(const Service& service, const Entity& entity) : service_(service), entity_(entity) {}

  std::string write() {
    text_ = "\n" + doc_block(entity_.doc, "") + "export class " + entity_.plural_pascal +
            "Client {\n  private readonly transport: KitTransport;\n\n"
            "  constructor(transport: KitTransport) {\n    this.transport = transport;\n  }\n";
    write_crud();
    for (const auto& action : entity_.actions) write_action(action);
    for (const Relation& relation : entity_.relations) write_relation(relation);
    return text_ + "}\n";
  }

 private:
  std::string id_type(const Entity& entity) const {
    return entity.id_kind == model::IdKind::uuid ? "string" : "number";
  }
  /// The path as a template literal: `/api/v1/customers/${id}`.
  static std::string literal(std::string path) {
    for (std::size_t at = path.find('{'); at != std::string::npos; at = path.find('{', at + 2)) {
      path.insert(at, "$");
    }
    return "`" + path + "`";
  }

  void method(const std::string& doc, const std::string& signature, const std::string& answer,
              const std::string& verb, const std::string& path, const std::string& body) {
    text_ += "\n" + doc_block(doc, "  ") + "  " + signature + ": Promise<" + answer + "> {\n" +
             "    return this.transport.call(\"" + verb + "\", " + path + ", " + body +
             ", call);\n  }\n";
  }

  void write_list(const std::string& name, const std::string& arguments, const Entity& target,
                  const std::string& path, const std::string& item) {
    method("One page.",
           name + "(" + arguments + "query?: " + target.name + "Query, call?: KitCall)",
           "KitPage<" + item + ">", "GET", path + " + kitQuery(query)", "undefined");
  }

  void write_crud() {
    const std::string& name = entity_.name;
    const std::string id = "id: " + id_type(entity_);
    const std::string one = literal(entity_.path_id);
    const std::string all = "\"" + entity_.path + "\"";
    write_list("list", "", entity_, all, entity_.name);
    text_ += "\n  /** Every row, page after page. */\n  all(query: " + name +
             "Query = {}, call?: KitCall): AsyncGenerator<" + name + "> {\n" +
             "    return this.transport.pages(" + all + ", query, call);\n  }\n";
    method("",
           "get(" + id + ", query?: Pick<" + name + "Query, " + expand_key() + ">, call?: KitCall)",
           name, "GET", one + " + kitQuery(query)", "undefined");
    method("", "create(body: " + name + "Create, call?: KitCall)", created(), "POST", all, "body");
    method("", "replace(" + id + ", body: " + name + "Update, call?: KitCall)", name, "PUT", one,
           "body");
    method("", "patch(" + id + ", body: " + name + "Patch, call?: KitCall)", name, "PATCH", one,
           "body");
    const std::string id_of = id_type(entity_);
    method(
        "All or nothing; violations name the item: create[3].email.",
        "bulk(body: KitBulk<" + name + "Create, " + name + "Patch, " + id_of + ">, call?: KitCall)",
        "KitBulkResult<" + name + ", " + id_of + ">", "POST", "\"" + entity_.path + "/bulk\"",
        "body");
    if (has_export(entity_)) write_transfers();
    method("", "delete(" + id + ", call?: KitCall)", "void", "DELETE", one, "undefined");
    if (entity_.soft_delete) {
      method("Undoes a deletion.", "restore(" + id + ", call?: KitCall)", name, "POST",
             literal(restore_path(entity_)), "undefined");
      method("Removes a deleted one for good.", "purge(" + id + ", call?: KitCall)", "void", "POST",
             literal(purge_path(entity_)), "undefined");
    }
    if (entity_.audit) {
      method("Who changed what when, the latest first.",
             "history(" + id + ", query?: KitHistoryQuery, call?: KitCall)",
             "KitPage<KitHistoryEntry>", "GET",
             literal(history_path(entity_)) + " + kitQuery(query)", "undefined");
    }
  }

  void write_transfers() {
    const std::string query = "Omit<" + entity_.name +
                              "Query, \"limit\" | \"cursor\" | \"page\" | " +
                              "\"total\" | \"expand\">";
    text_ += "\n  /** Every row as CSV. */\n  export_csv(query?: " + query +
             ", call?: KitCall): Promise<string> {\n    return this.transport.send(\"GET\", \"" +
             entity_.path + "/export\" + kitQuery(query), undefined, \"\", call);\n  }\n";
    if (!has_transfers(entity_)) return;
    text_ +=
        "\n  /** All or nothing; violations name line and column: lines[17].Email. */\n"
        "  async import_csv(file: string | Blob, query?: { dry_run?: boolean }, call?: KitCall): "
        "Promise<KitImport> {\n    const text = await this.transport.send(\"POST\", \"" +
        entity_.path +
        "/import\" + kitQuery(query), file, \"text/csv\", call);\n"
        "    return JSON.parse(text) as KitImport;\n  }\n";
  }

  /// `Invoice & { lines: InvoiceLine[] }`
  std::string created() const {
    std::string lists;
    for (const Relation* relation : entity_.nested_lists()) {
      lists += (lists.empty() ? "" : "; ") + relation->name + ": " +
               service_.entities[relation->target].name + "[]";
    }
    return lists.empty() ? entity_.name : entity_.name + " & { " + lists + " }";
  }

  std::string expand_key() const {
    return entity_.relations.empty() ? "\"fields\"" : "\"expand\" | \"fields\"";
  }

  void write_action(const model::Action& action) {
    const bool has_input = !action.input_type.empty();
    std::string parameters = action.on_collection ? "" : "id: " + id_type(entity_) + ", ";
    if (has_input) parameters += "body: " + action.input_type + ", ";
    const std::string answer = !action.result_type.empty() ? action.result_type
                               : action.output == model::none
                                   ? "void"
                                   : service_.entities[action.output].name;
    method(action.doc, action.name + "(" + parameters + "call?: KitCall)", answer, "POST",
           literal(action.path), has_input ? "body" : "undefined");
  }

  void write_relation(const Relation& relation) {
    if (relation.kind == RelationKind::belongs_to) return;
    const Entity& target = service_.entities[relation.target];
    const std::string path = entity_.path_id + "/" + relation.name;
    const std::string id = "id: " + id_type(entity_);
    if (relation.kind == RelationKind::has_one) {
      method(relation.doc,
             "get_" + relation.name + "(" + id + ", query?: Pick<" + target.name +
                 "Query, \"fields\">, call?: KitCall)",
             target.name, "GET", literal(path) + " + kitQuery(query)", "undefined");
      return;
    }
    write_list("list_" + relation.name, id + ", ", target, literal(path),
               item_of(service_, relation));
    if (relation.kind != RelationKind::many_to_many) return;
    const bool has_link = relation.pivot->has_link();
    const std::string both = id + ", target_id: " + id_type(target) + ", call?: KitCall";
    const std::string with_body = id + ", target_id: " + id_type(target) +
                                  ", body: " + relation.pivot->link_type + ", call?: KitCall";
    const std::string link = literal(path + "/{target_id}");
    method("", "link_" + relation.name + "(" + (has_link ? with_body : both) + ")", "void", "PUT",
           link, has_link ? "body" : "undefined");
    method("", "unlink_" + relation.name + "(" + both + ")", "void", "DELETE", link, "undefined");
  }

  const Service& service_;
  const Entity& entity_;
  std::string text_;
};

std::string enum_of(const model::Enum& type) {
  std::string values;
  for (const auto& value : type.values) {
    values += (values.empty() ? "" : " | ") + model::ts_string(value.name);
  }
  return "\n" + doc_block(type.doc, "") + "export type " + type.name + " = " + values + ";\n";
}

std::string client_of(const Service& service) {
  std::string text = "\n/** Everything " + service.label + " offers. */\nexport class " +
                     service.pascal + "Client {\n";
  for (const Entity& entity : service.entities) {
    text += "  readonly " + entity.plural + ": " + entity.plural_pascal + "Client;\n";
  }
  text +=
      "\n  constructor(options: KitOptions = {}) {\n    const transport = new "
      "KitTransport(options);\n";
  for (const Entity& entity : service.entities) {
    text += "    this." + entity.plural + " = new " + entity.plural_pascal + "Client(transport);\n";
  }
  return text + "  }\n}\n";
}

}  // namespace

kit::Result<std::vector<File>> render_typescript(const Service& service, const Options&) {
  std::string text =
      "// Generated by kitgen from " + model::cpp_comment(service.schema_file) + ". Do not edit.\n";
  text += runtime;
  const auto& entities = service.entities;
  if (std::ranges::any_of(entities, &Entity::audit)) text += history_types;
  for (const auto& type : service.enums) text += enum_of(type);
  for (const Entity& entity : service.entities) text += types_of(service, entity);
  for (const Entity& entity : service.entities) text += ClientWriter(service, entity).write();
  text += client_of(service);
  std::vector<File> files;
  files.push_back({"clients/typescript/" + service.name + ".gen.ts", std::move(text),
                   Ownership::generated, false});
  return files;
}

}  // namespace kitgen::render
