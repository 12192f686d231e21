// SPDX-License-Identifier: Apache-2.0
#include "kitgen/schema/language.hpp"

namespace kitgen::schema {
namespace {

constexpr Key schema_keys[] = {
    {"kit", Shape::number, "Version of the schema language: 1.", {}, {}, true},
    {"service",
     Shape::name,
     "Name of the service in snake_case: the C++ namespace, the program, the package store.v1.",
     {},
     {},
     true},
    {"doc", Shape::text, "What the service is for."},
    {"include", Shape::words,
     "Other files of the schema, from this one's folder on: [common.yaml, sales/*.yaml]."},
    {"jobs", Shape::many, "What the service does by itself, when the clock says so.", "job"},
    {"mixins", Shape::many, "Parts that several entities have: use: [address] takes one.", "mixin"},
    {"enums", Shape::many, "Types with named values: InvoiceStatus: [draft, paid].", "enum"},
    {"entities", Shape::many,
     "What the service keeps. Each becomes a table, routes, a client and a page.", "entity"},
    {"subscribers", Shape::many,
     "What happens in the service when an event has happened: send_welcome: CustomerSignedUp.",
     "subscriber"},
};

constexpr Key enum_keys[] = {
    {"doc", Shape::text, "What the values say."},
    {"values", Shape::anything,
     "The values in snake_case, in their order: [draft, {name: paid, renamed_from: settled}]."},
};

constexpr Key entity_keys[] = {
    {"doc", Shape::text, "What one of them is, in a sentence."},
    {"plural", Shape::name, "Table and URL; by default the English plural of the name."},
    {"id",
     Shape::choice,
     "sequence counts up (the default); uuid is version 7, made by the service.",
     {},
     "sequence uuid"},
    {"renamed_from", Shape::entity,
     "The name the entity had before: its table is renamed, its rows kept."},
    {"use", Shape::anything,
     "Mixins it takes over, with a prefix if you like: [address, {address: billing}]."},
    {"fields", Shape::many, "What it holds: name: {type: string, max: 40}, or name: text.",
     "field"},
    {"belongs_to", Shape::many, "The one it belongs to: artist: Artist makes the column artist_id.",
     "belongs_to"},
    {"has_one", Shape::many, "The other side of a unique belongs_to.", "has_one"},
    {"has_many", Shape::many, "The other side of a belongs_to: albums: Album.", "has_many"},
    {"many_to_many", Shape::many, "Joined by a table of its own: tracks: Track.", "many_to_many"},
    {"indexes", Shape::list,
     "Indexes beyond those of unique fields and relations: [[country, city]].", "index"},
    {"keep", Shape::one, "What is kept of each row beyond its fields.", "keep"},
    {"list", Shape::one, "What lists can be filtered, sorted and searched by.", "list"},
    {"import", Shape::one, "How CSV files are read and written.", "import"},
    {"actions", Shape::many, "Use cases of your own: POST /customers/{id}/change_email.", "action"},
    {"events", Shape::groups,
     "What happened, for others: a name and its fields, as in {email: Customer.email}.", "field"},
    {"access", Shape::one, "Which roles may read and write.", "access"},
    {"cache", Shape::one, "Rows that were read by their id are kept in memory for a time.",
     "cache"},
    {"console", Shape::one, "How the admin console shows it.", "console"},
};

constexpr Key field_keys[] = {
    {"type",
     Shape::type,
     "The type: string, text, int32, decimal(10,2), an enum ...; [type] is an array.",
     {},
     {},
     true},
    {"min", Shape::text, "Smallest value; of texts the smallest length in characters."},
    {"max", Shape::text, "Greatest value; of texts the greatest length in characters."},
    {"min_length", Shape::number,
     "Smallest length: min in other words, for texts, bytes and arrays."},
    {"max_length", Shape::number,
     "Greatest length: max in other words, for texts, bytes and arrays."},
    {"pattern", Shape::text, "A regular expression (RE2) that matches the whole text."},
    {"format",
     Shape::choice,
     "A known form of a string.",
     {},
     "email url slug hostname country_code currency_code"},
    {"default", Shape::anything, "The value when none is given; now for timestamps and dates."},
    {"items", Shape::one, "What each element of an array has to be.", "items"},
    {"computed", Shape::text,
     "An expression over the row's other fields: price * quantity. Read-only and not stored."},
    {"currency", Shape::text, "The usual currency of type: money, as a code like EUR."},
    {"values", Shape::anything, "The values of type: enum, in snake_case."},
    {"unique", Shape::flag, "No two rows have the same value."},
    {"optional", Shape::flag, "It may be null. Fields are required otherwise."},
    {"immutable", Shape::flag, "Given on create, never changed."},
    {"read_only", Shape::flag, "Never taken from a request: only code sets it."},
    {"secret", Shape::flag, "Never returned, never logged, never filtered by."},
    {"renamed_from", Shape::name,
     "The name the field had before: the column is renamed, its data kept."},
    {"backfill", Shape::anything,
     "What rows from before get in a new required field: a value, or {field: other_field}."},
    {"doc", Shape::text, "What it means; becomes comments and the API's reference."},
};

constexpr Key items_keys[] = {
    {"min", Shape::text, "Smallest value; of texts the smallest length in characters."},
    {"max", Shape::text, "Greatest value; of texts the greatest length in characters."},
    {"min_length", Shape::number, "Smallest length of a text."},
    {"max_length", Shape::number, "Greatest length of a text."},
    {"pattern", Shape::text, "A regular expression (RE2) that matches the whole text."},
    {"format",
     Shape::choice,
     "A known form of a string.",
     {},
     "email url slug hostname country_code currency_code"},
    {"unique", Shape::flag, "No element comes twice."},
};

constexpr Key belongs_to_keys[] = {
    {"entity", Shape::entity, "The entity it points to.", {}, {}, true},
    {"doc", Shape::text, "What the relation means."},
    {"optional", Shape::flag, "It may point to nothing."},
    {"unique", Shape::flag, "Each is pointed to once: a has_one on the other side."},
    {"immutable", Shape::flag, "Given on create, never changed."},
    {"on_delete",
     Shape::choice,
     "When the other is deleted: restrict (the default) refuses, cascade deletes too, set_null "
     "lets go.",
     {},
     "restrict cascade set_null"},
    {"renamed_from", Shape::name, "The name the relation had before."},
    {"backfill", Shape::anything,
     "What rows from before point to: an id, or {field: other_field}."},
};

constexpr Key has_one_keys[] = {
    {"entity", Shape::entity, "The entity that has the belongs_to.", {}, {}, true},
    {"doc", Shape::text, "What the relation means."},
    {"by", Shape::name, "Which belongs_to there, when there are several."},
};

constexpr Key has_many_keys[] = {
    {"entity", Shape::entity, "The entity that has the belongs_to.", {}, {}, true},
    {"doc", Shape::text, "What the relation means."},
    {"by", Shape::name, "Which belongs_to there, when there are several."},
    {"nested", Shape::flag, "POST takes them with the entity, in one transaction."},
    {"max", Shape::number, "How many of them one POST takes; 100 unless given."},
};

constexpr Key many_to_many_keys[] = {
    {"entity", Shape::entity, "The entity on the other side.", {}, {}, true},
    {"doc", Shape::text, "What the relation means."},
    {"renamed_from", Shape::name, "The name the relation had before."},
    {"fields", Shape::many, "What the joining table holds besides the pair.", "field"},
    {"import", Shape::one, "How its CSV file is read.", "import"},
};

constexpr Key index_keys[] = {
    {"fields", Shape::words, "Fields or relations, the most selective first."},
    {"where", Shape::text, "Only rows like this: company is not null and status = 'paid'."},
    {"unique", Shape::flag, "No two rows have the same values."},
    {"name", Shape::name, "Its name in the database."},
};

constexpr Key keep_keys[] = {
    {"soft_delete", Shape::flag, "Deleted rows stay, marked, and can be restored."},
    {"version", Shape::flag, "Each change counts: stale writers get 412."},
    {"audit", Shape::flag, "Who changed which field when."},
};

constexpr Key list_keys[] = {
    {"filter", Shape::words, "Fields a list can be filtered by: ?country=BR&total.gte=5."},
    {"sort", Shape::words, "Fields a list can be sorted by: ?sort=-created_at."},
    {"search", Shape::words, "Text fields that ?search= looks into."},
    {"page_size", Shape::number, "Rows of a page when not asked otherwise."},
    {"max_page_size", Shape::number, "Rows of a page at most."},
};

constexpr Key import_keys[] = {
    {"csv", Shape::one, "The file and its columns.", "csv"},
};

constexpr Key csv_keys[] = {
    {"file", Shape::text, "The file's name; by default that of the entity: Customer.csv."},
    {"key", Shape::text, "The column that says which row it is."},
    {"columns", Shape::names, "Column of the file: field or relation."},
};

constexpr Key action_keys[] = {
    {"input", Shape::many, "What it takes: {email: Customer.email}.", "field"},
    {"on",
     Shape::choice,
     "entity (the default) takes an id; collection has the path of the whole.",
     {},
     "entity collection"},
    {"output", Shape::anything,
     "What it answers with: an entity, a type, or fields {total: int32}; nothing: 204."},
    {"emits", Shape::entity, "The event it causes."},
    {"doc", Shape::text, "What it does, and when it refuses."},
};

constexpr Key subscriber_keys[] = {
    {"on", Shape::entity, "The event it is for.", {}, {}, true},
    {"doc", Shape::text, "What it does."},
};

constexpr Key access_keys[] = {
    {"read", Shape::words, "Roles that may read."},
    {"write", Shape::words, "Roles that may write."},
    {"fields", Shape::lists, "Fields only these roles see: {credit: [finance]}."},
    {"rows", Shape::names, "Rows a role sees: {support: support_rep.user == me}."},
};

constexpr Key cache_keys[] = {
    {"ttl", Shape::text, "How long a row is kept at most: 60s. Longest: 24h.", {}, {}, true},
    {"negative", Shape::text,
     "How long it is known that there is no row: 5s. Not kept unless given."},
    {"max", Shape::number, "How many rows are kept; 10000 unless given."},
};

constexpr Key job_keys[] = {
    {"cron",
     Shape::text,
     "When, in UTC, as crontab writes it: 0 3 * * * is at three every night; or @hourly.",
     {},
     {},
     true},
    {"doc", Shape::text, "What it does."},
    {"missed",
     Shape::choice,
     "When no instance was there: once (the default) runs for the latest time, skip does not, all "
     "runs for each.",
     {},
     "once skip all"},
    {"timeout", Shape::text, "How long a run may take: 10m unless given."},
    {"atomic", Shape::flag,
     "A run is one transaction, done once whatever is killed (the default). false: it commits when "
     "it likes."},
};

constexpr Key console_keys[] = {
    {"icon", Shape::text, "Name of an icon."},
    {"menu", Shape::text, "The menu it stands in."},
    {"columns", Shape::words, "Fields its table shows."},
};

constexpr Key mixin_keys[] = {
    {"doc", Shape::text, "What the part is."},
    {"use", Shape::anything, "Mixins it takes over itself."},
    {"fields", Shape::many, "What it holds.", "field"},
    {"belongs_to", Shape::many, "The one it belongs to.", "belongs_to"},
    {"indexes", Shape::list, "Indexes over its fields.", "index"},
    {"keep", Shape::one, "What is kept of each row beyond its fields.", "keep"},
    {"list", Shape::one, "What lists can be filtered, sorted and searched by.", "mixin_list"},
};

constexpr Key mixin_list_keys[] = {
    {"filter", Shape::words, "Fields a list can be filtered by."},
    {"sort", Shape::words, "Fields a list can be sorted by."},
    {"search", Shape::words, "Text fields that ?search= looks into."},
};

constexpr Mapping mappings[] = {
    {"schema", "the schema", "A service and what it keeps.", schema_keys},
    {"mixin", "a mixin", "A part that several entities have.", mixin_keys},
    {"mixin_list", "list", "What lists can do.", mixin_list_keys},
    {"enum", "an enum", "A type with named values.", enum_keys, Shape::anything, "Its values."},
    {"entity", "an entity", "Something the service keeps.", entity_keys},
    {"field", "a field", "One value of an entity.", field_keys, Shape::type, "Its type alone."},
    {"items", "items", "What each element has to be.", items_keys},
    {"belongs_to", "a belongs_to relation", "Points to one other.", belongs_to_keys, Shape::entity,
     "The entity alone."},
    {"has_one", "a has_one relation", "The one that belongs to this.", has_one_keys, Shape::entity,
     "The entity alone."},
    {"has_many", "a has_many relation", "Those that belong to this.", has_many_keys, Shape::entity,
     "The entity alone."},
    {"many_to_many", "a many_to_many relation", "Joined to many, by a table.", many_to_many_keys,
     Shape::entity, "The entity alone."},
    {"index", "an index", "An index of the table.", index_keys, Shape::words, "Its fields."},
    {"keep", "keep", "What is kept of each row.", keep_keys},
    {"list", "list", "What lists can do.", list_keys},
    {"import", "import", "How rows come from files.", import_keys},
    {"csv", "csv", "A CSV file.", csv_keys},
    {"action", "an action", "A use case of your own.", action_keys},
    {"subscriber", "a subscriber", "A function of yours that gets each event once.",
     subscriber_keys, Shape::entity, "The event alone."},
    {"access", "access", "Who may do what.", access_keys},
    {"cache", "cache", "What is kept in memory.", cache_keys},
    {"console", "console", "How the console shows it.", console_keys},
    {"job", "a job", "Something that is done by a schedule.", job_keys},
};

}  // namespace

std::span<const Mapping> language() {
  return mappings;
}

}  // namespace kitgen::schema
