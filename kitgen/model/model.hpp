// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The checked form of a schema: every name, type and decision a template needs. A `Service` only
/// exists when the schema had no error, so nothing here has to be checked again: names are
/// identifiers in every target language
/// (`^[A-Za-z][A-Za-z0-9_]{0,62}$`, no reserved word), numbers are in range, references are
/// resolved to indices. Free text (docs, defaults, patterns) is raw: it goes into a target language
/// only through quote.hpp, or as one of the ready literals below (`Literal`).
namespace kitgen::model {

inline constexpr std::size_t none = static_cast<std::size_t>(-1);

/// The scalar types after sugar is gone: money is a decimal and a string, a geo point two doubles,
/// a file or image reference a string (see `Field::role`).
enum class Scalar : std::uint8_t {
  string,
  text,
  email,
  url,
  int32,
  int64,
  boolean,
  float32,
  float64,
  decimal,
  date,
  time,
  timestamp,
  duration,
  uuid,
  json,
  bytes,
  enumeration,
  id,  ///< The id of an entity: `Field::id_entity`.
};

/// A value of a schema (default, bound) in each target language. `text` is the canonical wire form
/// without quotes.
struct Literal {
  std::string text;  ///< "0.00", "paid", "2021-01-01T00:00:00.000000Z"
  std::string cpp;   ///< kit::Decimal(0, 2), InvoiceStatus::paid, "abc", std::int64_t{5}
  std::string sql;   ///< A literal of the column's SQL type (SQLite): 0, 'paid'; "" when only code
                     ///< can make it.
  std::string json;  ///< "0.00" with its quotes, 5, true
  bool is_now = false;  ///< `default: now` of a timestamp or date: taken at the time of the insert.
  auto operator<=>(const Literal&) const = default;
};

/// How rows that were there before a column get its value: nothing else uses it.
struct Backfill {
  std::optional<Literal> value;
  std::string field;  ///< Or the column whose value it is; "" for none.
};

/// The column's type in each dialect. SQLite: decimals are the unscaled INTEGER (12.50 of
/// decimal(10,2) is 1250), timestamps, times and durations INTEGER microseconds (since 1970 /
/// midnight), dates INTEGER days since 1970, booleans INTEGER 0/1, uuids TEXT of 36 characters,
/// enums TEXT of the wire name, json TEXT, bytes BLOB.
struct SqlTypes {
  std::string sqlite;    ///< INTEGER, REAL, TEXT, BLOB
  std::string postgres;  ///< bigint, varchar(40), numeric(10,2), timestamptz ...
  std::string mysql;
};

/// Where a field comes from; `id`, `created_at`, `updated_at`, `version` and `deleted_at` are never
/// written by a person.
enum class Origin : std::uint8_t {
  id,
  declared,
  relation,
  created_at,
  updated_at,
  version,
  deleted_at,
  computed  ///< Of `Entity::computed` only: no column.
};

/// The part a field plays in a composed schema type. The first two columns of `money` and of `geo`
/// are fields of their own: `price` + `price_currency`, `place_latitude` + `place_longitude`.
enum class Role : std::uint8_t {
  plain,
  money_amount,
  money_currency,
  latitude,
  longitude,
  file,
  image
};

/// Names of filter operators as they stand in a query: "eq" is the bare `country=BR`, others are
/// `total.gte=5`.
using Operators = std::vector<std::string>;

/// One column of an entity, or one input of an action, or one member of an event.
struct Field {
  std::string name;    ///< snake_case; the C++ member, the SQL column, the JSON name: "first_name",
                       ///< "genre_id"
  std::string label;   ///< "First name"
  std::string pascal;  ///< "FirstName"
  std::string doc;     ///< Raw text, may have several lines.
  Origin origin = Origin::declared;
  Role role = Role::plain;
  Scalar type = Scalar::string;
  bool is_array = false;  ///< `type`, `min`, `max` and `pattern` are the element's; the column is
                          ///< JSON text.

  std::string cpp_type;    ///< Without optional: std::string, kit::Decimal, GenreId, InvoiceStatus,
                           ///< std::vector<std::string>
  std::string cpp_member;  ///< With optional: std::optional<std::string>
  bool cpp_is_cheap = false;  ///< Passed by value rather than by const reference.
  SqlTypes sql;
  std::string
      ts_type;  ///< string, number, boolean, unknown, InvoiceStatus, string[]; without "| null"
  std::string openapi_type;    ///< string, integer, number, boolean; "" for json (anything)
  std::string openapi_format;  ///< int64, date-time, email, decimal ...; "" for none

  int precision = 0;  ///< decimal(precision, scale)
  int scale = 0;
  std::size_t enum_index = none;  ///< Service::enums, when type is enumeration
  std::size_t id_entity =
      none;  ///< Service::entities, when type is id (the entity itself for Origin::id)
  std::size_t relation = none;  ///< Entity::relations, when origin is relation

  bool optional = false;  ///< NULL in the database, null or absent on the wire.
  std::optional<Literal> default_value;
  std::optional<Literal> min;  ///< Inclusive. Never for text.
  std::optional<Literal> max;
  std::optional<std::uint32_t>
      min_length;  ///< Code points of text, bytes of bytes, elements of an array.
  std::optional<std::uint32_t> max_length;
  std::optional<std::uint32_t> item_min_length;  ///< As the two above, of each element.
  std::optional<std::uint32_t> item_max_length;
  bool unique_items = false;
  std::string pattern;  ///< RE2, matched against the whole value; "" for none
  bool unique = false;
  bool immutable = false;    ///< Given on create, never changed.
  bool read_only = false;    ///< Never taken from a request: only code (actions, import) sets it.
  bool secret = false;       ///< Never returned, never logged, never filtered by.
  std::string renamed_from;  ///< "" for none
  std::optional<Backfill> backfill;
  int line = 0;            ///< Of the word in the schema that made it; 0 for none.
  int position = 0;        ///< Its column there.
  std::string place_file;  ///< The included file of that line; "": the schema.

  // Decisions that follow from the above, so that no template repeats them.
  bool in_response = true;
  bool in_create = true;            ///< Accepted by POST.
  bool in_update = true;            ///< Accepted by PUT and PATCH.
  bool required_in_create = false;  ///< POST without it is a violation.
  bool in_import = false;           ///< Some import column feeds it.
  bool filterable = false;
  bool sortable = false;
  bool searchable = false;
  Operators operators;  ///< Of `filterable` fields.

  bool is_text() const {
    return !is_array && (type == Scalar::string || type == Scalar::text || type == Scalar::email ||
                         type == Scalar::url);
  }
  bool is_integer() const { return !is_array && (type == Scalar::int32 || type == Scalar::int64); }
  bool is_enum() const { return type == Scalar::enumeration; }
  bool is_foreign_key() const { return origin == Origin::relation; }
  bool has_length_limits() const { return min_length.has_value() || max_length.has_value(); }
};

enum class RelationKind : std::uint8_t { belongs_to, has_one, has_many, many_to_many };
enum class OnDelete : std::uint8_t { restrict_delete, cascade, set_null };
std::string_view sql_name(OnDelete action);  ///< "RESTRICT", "CASCADE", "SET NULL"

/// One column of a CSV file and where its values go.
struct ImportColumn {
  std::string header;  ///< The CSV header: "SupportRepId"
  std::string
      field;  ///< Field name in the entity ("id", "support_rep_id") or column of the pivot table
  std::size_t field_index = none;  ///< Entity::fields, or Pivot::fields
  bool is_key = false;
};

struct Import {
  std::string file;       ///< "Customer.csv"
  std::string key_field;  ///< "id", or a unique field: a row with a known key updates, otherwise
                          ///< inserts. "" for pivots: the pair is the key.
  std::vector<ImportColumn> columns;  ///< The key first, then in the schema's order.
};

/// The table between two sides of a many_to_many.
struct Pivot {
  std::string table;          ///< "playlist_tracks": <entity>_<relation>
  std::string left_column;    ///< "playlist_id": the declaring side
  std::string right_column;   ///< "track_id"
  std::string left_name;      ///< "playlist"
  std::string right_name;     ///< "track"
  std::vector<Field> fields;  ///< [left, right, pivot fields...]
  std::string link_type;      ///< "PlaylistTracksLink": the struct of the pivot fields; "": none
  std::optional<Import> import;

  bool has_link() const { return !link_type.empty(); }
  std::vector<const Field*> link_fields() const;
};

struct Relation {
  RelationKind kind = RelationKind::belongs_to;
  std::string name;    ///< "support_rep", "tracks"; the name in `expand=` and the JSON name of the
                       ///< expanded value
  std::string label;   ///< "Support rep"
  std::string pascal;  ///< "SupportRep"
  std::string doc;
  std::size_t target = none;  ///< Service::entities
  bool to_self = false;

  // belongs_to
  std::string field;               ///< "support_rep_id"
  std::size_t field_index = none;  ///< Entity::fields
  bool optional = false;
  OnDelete on_delete = OnDelete::restrict_delete;

  // has_one, has_many: the belongs_to on the other side that carries the key
  std::size_t inverse_relation = none;  ///< target entity's relations
  std::string inverse_field;            ///< "artist_id" in the target's table

  // has_many
  int nested_max = 0;  ///< How many rows POST takes with the entity; 0: none.

  // many_to_many
  std::optional<Pivot> pivot;
  std::string renamed_from;  ///< Of a many_to_many; a belongs_to has it in its field. "" for none
  int line = 0;              ///< In the schema.
  int position = 0;
  std::string place_file;  ///< The included file of that line; "": the schema.

  bool is_to_one() const {
    return kind == RelationKind::belongs_to || kind == RelationKind::has_one;
  }
};

struct Index {
  std::string name;  ///< "ix_tracks_album_id", "ux_customers_email"
  std::vector<std::string> columns;
  bool unique = false;
  std::string
      where_sql;  ///< A checked condition with quoted names: "company" IS NOT NULL; "" for none
};

struct ForeignKey {
  std::string name;  ///< "fk_tracks_album_id"
  std::string column;
  std::string target_table;
  std::string target_column;  ///< "id"
  OnDelete on_delete = OnDelete::restrict_delete;
  bool target_is_later =
      false;  ///< The target is created after this table (a cycle): add it afterwards where needed.
};

struct Column {
  std::string name;
  Scalar type = Scalar::string;
  bool is_array = false;
  int precision = 0;
  int scale = 0;
  std::optional<std::uint32_t> max_length;
  SqlTypes sql;
  bool nullable = false;
  bool is_primary_key = false;  ///< Of a pivot: both columns.
  bool is_sequence = false;     ///< INTEGER PRIMARY KEY AUTOINCREMENT, bigserial, AUTO_INCREMENT
  std::string default_sql;      ///< "" for none
  std::string renamed_from;     ///< "" for none
};

/// A table without a dialect. Unique constraints are unique indexes.
struct Table {
  std::string name;
  std::size_t entity = none;    ///< The entity it stores, or the one that declares the pivot.
  std::size_t relation = none;  ///< Entity::relations for a pivot table, else none.
  std::vector<Column> columns;
  std::vector<ForeignKey> foreign_keys;
  std::vector<Index> indexes;
  bool is_pivot() const { return relation != none; }
  /// A row may refer to itself or to one that comes later in the same transaction: such keys are
  /// checked when the transaction ends.
  bool defers(const ForeignKey& key) const {
    return key.target_is_later || key.target_table == name;
  }
};

struct EventField {
  Field field;
  std::string source_entity;  ///< "Customer" when declared as Customer.email, else ""
  std::string source_field;   ///< "email"
};

struct Event {
  std::string name;   ///< "CustomerEmailChanged": the C++ struct
  std::string snake;  ///< "customer_email_changed"
  std::string wire;   ///< "store.customer.customer_email_changed": the type on an outbox or topic
  std::string doc;
  std::vector<EventField> fields;
  /// Of `fields`: the id of the entity it is about, which keeps its events in order; none: it says
  /// no such id.
  std::size_t key = none;
};

struct Action {
  std::string name;    ///< "change_email": the C++ function, the last part of the path
  std::string pascal;  ///< "ChangeEmail"
  std::string label;   ///< "Change email"
  std::string doc;
  std::string path;          ///< "/api/v1/customers/{id}/change_email"; always POST
  std::string operation_id;  ///< "customer_change_email"
  std::string input_type;    ///< "CustomerChangeEmailInput"; "" when it takes nothing
  std::vector<Field> input;
  bool on_collection = false;  ///< Without an id: "/api/v1/customers/merge"
  std::size_t output = none;   ///< Service::entities: the entity it answers with
  /// "CustomerMergeResult": the struct it answers with; "" when it is an entity, or nothing (204).
  std::string result_type;
  std::vector<Field> result;  ///< A plain type is one field, `value`.
  std::size_t emits = none;   ///< Entity::events; none: no event
};

/// A function that gets each event of a kind, in a transaction of its own.
struct Subscriber {
  std::string name;  ///< "send_welcome": the C++ function and the destination in the outbox
  std::string doc;
  std::size_t entity = none;  ///< Service::entities: whose event it is
  std::size_t event = none;   ///< Entity::events
};

/// A field that is worked out from others of the same row whenever the row is shown.
struct ComputedField {
  Field field;
  std::string expression;  ///< As the schema has it: raw text.
  std::string cpp;         ///< With kit::compute as `compute` and the row as `computed_variable`.
  bool may_fail = false;   ///< A number may not fit: then the row is refused.
};
/// What `ComputedField::cpp` calls the row.
inline constexpr const char* computed_variable = "row";

struct FieldAccess {
  std::string field;
  std::vector<std::string> roles;
};
struct RowAccess {
  std::string role;
  std::string path;  ///< "support_rep.user": compared with the caller
};
struct Access {
  std::vector<std::string> read;
  std::vector<std::string> write;
  std::vector<FieldAccess> fields;
  std::vector<RowAccess> rows;
};

/// Rows that were read by their id, kept in memory.
struct Cache {
  std::int64_t ttl_ms = 0;
  std::int64_t negative_ms = 0;  ///< 0: absence is not kept.
  std::int64_t max = 10'000;     ///< Rows
};

/// Something that is done by a schedule.
struct Job {
  std::string name;    ///< "nightly_totals": the C++ function
  std::string cron;    ///< "0 3 * * *"
  std::string missed;  ///< "once", "skip", "all": a value of kit::jobs::Missed
  bool atomic = true;  ///< A run is one transaction.
  std::int64_t timeout_ms = 600'000;
  std::string doc;
};

struct Console {
  std::string icon;
  std::string menu;
  std::vector<std::string>
      columns;  ///< Field names; never empty: the first fields of the entity when not given.
};

struct ListOptions {
  std::vector<std::string> filter;  ///< Field names; "id" is always there.
  std::vector<std::string> sort;    ///< Field names; "id" is always there.
  std::vector<std::string> search;  ///< Text fields; empty: no `q=`.
  int page_size = 50;
  int max_page_size = 200;
};

enum class IdKind : std::uint8_t { sequence, uuid };

struct Entity {
  std::string name;           ///< "MediaType": the C++ struct
  std::string snake;          ///< "media_type": file names, variables
  std::string plural;         ///< "media_types": table, URL, JSON of collections
  std::string plural_pascal;  ///< "MediaTypes"
  std::string camel;          ///< "mediaType"
  std::string plural_camel;   ///< "mediaTypes"
  std::string upper;          ///< "MEDIA_TYPE": reasons of errors
  std::string label;          ///< "Media type"
  std::string plural_label;   ///< "Media types"
  std::string doc;
  int line = 0;              ///< Of the name in the schema, for the first line of generated files.
  int position = 0;          ///< Its column there.
  std::string renamed_from;  ///< Its former name, "Client"; "" for none
  std::string
      file;  ///< The included file that has it, from the schema's folder on; "": the schema.

  IdKind id_kind = IdKind::sequence;
  std::string id_type;  ///< "MediaTypeId"
  std::string id_tag;   ///< "MediaTypeIdTag": using MediaTypeId = kit::Id<struct MediaTypeIdTag>;
  std::string table;    ///< = plural
  std::string path;     ///< "/api/v1/media_types"
  std::string path_id;  ///< "/api/v1/media_types/{id}"

  /// Every column in table order: id, declared fields and relation fields in the schema's order
  /// (fields, then belongs_to), created_at, updated_at, then version and deleted_at when kept.
  std::vector<Field> fields;
  std::vector<ComputedField> computed;  ///< In the schema's order; never among `fields`.
  std::vector<Relation>
      relations;  ///< belongs_to, has_one, has_many, many_to_many, each in the schema's order.
  std::vector<Index> indexes;  ///< Also in its `Table`.

  bool soft_delete = false;
  bool version = false;
  bool audit = false;
  ListOptions list;
  std::optional<Import> import;
  std::vector<Action> actions;
  std::vector<Event> events;
  std::optional<Access> access;
  std::optional<Cache> cache;
  Console console;

  // What its C++ header has to include: <cstdint>, <optional> ...; "kit/base/decimal.hpp" ...
  // Sorted, without quotes.
  std::vector<std::string> std_includes;
  std::vector<std::string> kit_includes;
  std::vector<std::size_t> enums;     ///< Service::enums its fields use, sorted.
  std::vector<std::size_t> id_types;  ///< Other entities whose id types its fields use, sorted.

  const Field* find_field(std::string_view field_name) const;
  const Relation* find_relation(std::string_view relation_name) const;
  /// The relations whose rows POST takes with the entity.
  std::vector<const Relation*> nested_lists() const;
};

struct EnumValue {
  std::string name;          ///< "draft": on the wire and in the database
  std::string cpp;           ///< "draft"; "new_" where the name is a C++ word
  std::string label;         ///< "Draft"
  std::string renamed_from;  ///< "" for none
};

struct Enum {
  std::string name;   ///< "InvoiceStatus"
  std::string snake;  ///< "invoice_status"
  std::string doc;
  std::vector<EnumValue> values;
};

/// The column types of a field, from its type, digits and length; `id_kind` is that of the entity
/// an id belongs to.
SqlTypes sql_types(const Field& field, IdKind id_kind);

/// What a generator run works from.
struct Service {
  std::string name;        ///< "store": C++ namespace, executable
  std::string pascal;      ///< "Store"
  std::string label;       ///< "Store"
  std::string upper;       ///< "STORE"
  std::string package;     ///< "store.v1": proto package
  std::string url_prefix;  ///< "/api/v1"
  std::string doc;
  std::string schema_file;       ///< As given on the command line: "api/store.yaml"
  std::vector<Enum> enums;       ///< In the schema's order.
  std::vector<Entity> entities;  ///< In the schema's order.
  std::vector<Job> jobs;         ///< In the schema's order.
  std::vector<Table>
      tables;  ///< In creation order: a foreign key's target comes first unless `target_is_later`.
  /// Entities in the order in which rows can be inserted: targets of required relations first.
  /// Pivots come after all.
  std::vector<std::size_t> import_order;
  std::vector<Subscriber> subscribers;  ///< In the schema's order.

  /// "api/sales/invoice.yaml": the file that describes the entity.
  std::string file_of(const Entity& entity) const;
  /// The names of those that an event goes to.
  std::vector<std::string> subscribers_of(const Event& event) const;
  const Entity* find_entity(std::string_view entity_name) const;
  const Table* find_table(std::string_view table_name) const;
};

}  // namespace kitgen::model
