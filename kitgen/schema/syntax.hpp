// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "kitgen/schema/diagnostics.hpp"

/// What a schema says, with places, before anything is known about its meaning: names are not yet
/// looked up, types and numbers are still words.
namespace kitgen::schema {

/// `unique: true`
struct Flag {
  bool value = false;
  Word word;
  explicit operator bool() const { return value; }
};

/// How rows from before a change get a value of a new column.
struct Backfill {
  Word value;             ///< A literal, or the name of a field.
  bool is_field = false;  ///< backfill: {field: phone}
};

/// `{name: paid, renamed_from: settled}` in a list of enum values.
struct RenamedValue {
  Word name;
  Word former;
};

/// `items: {max: 30}`: what each element of an array has to be.
struct Items {
  Word at;
  std::optional<Word> min, max, min_length, max_length, pattern, format;
  Flag unique;  ///< No element twice.
};

/// `default: [a, b]`
struct DefaultList {
  Word at;
  std::vector<Word> values;
};

struct Field {
  Word name;
  Word type;               ///< "string", "decimal(10,2)", "InvoiceStatus", "Customer.email"
  bool is_array = false;   ///< type: [string]
  bool is_broken = false;  ///< Its type could not be read; told already.
  std::optional<Word> min, max, min_length, max_length, pattern, format, default_value;
  std::optional<Word> currency, renamed_from, doc;
  std::optional<Backfill> backfill;
  std::vector<Word> values;  ///< Of type: enum
  std::vector<RenamedValue> renamed_values;
  bool has_values = false;
  std::optional<Items> items;
  std::optional<Word> computed;
  std::optional<DefaultList> default_list;
  Flag unique, optional, immutable, read_only, secret;
};

struct CsvImport {
  Word at;
  std::optional<Word> file;
  std::optional<Word> key;
  std::vector<std::pair<Word, Word>> columns;  ///< CSV header -> field or relation
};

enum class RelationKind { belongs_to, has_one, has_many, many_to_many };

struct Relation {
  RelationKind kind = RelationKind::belongs_to;
  Word name;
  Word entity;
  bool is_broken = false;
  Flag optional, unique, immutable;
  std::optional<Word> on_delete, by, renamed_from, doc;
  std::optional<Backfill> backfill;
  Flag nested;                ///< Of has_many.
  std::optional<Word> max;    ///< Of has_many that is nested.
  std::vector<Field> fields;  ///< Of the pivot
  std::optional<CsvImport> import;
};

struct Index {
  Word at;
  std::vector<Word> fields;
  std::optional<Word> where, name;
  Flag unique;
};

struct Keep {
  Flag soft_delete, version, audit;
};

struct List {
  std::vector<Word> filter, sort, search;
  std::optional<Word> page_size, max_page_size;
};

struct Action {
  Word name;
  std::vector<Field> input;
  /// `output: Customer`, or a plain type: `decimal(10,2)`, `[string]`.
  std::optional<Word> output;
  bool is_output_array = false;
  std::vector<Field> output_fields;  ///< `output: {total: decimal(10,2), lines: int32}`
  std::optional<Word> on, emits, doc;
};

struct Event {
  Word name;
  std::vector<Field> fields;
  bool is_broken = false;  ///< Its fields could not be read; told already.
};

/// `subscribers: {send_welcome: {on: CustomerEmailChanged}}`, or the event alone.
struct Subscriber {
  Word name;
  std::optional<Word> on, doc;
};

struct Access {
  Word at;
  std::vector<Word> read, write;
  std::vector<std::pair<Word, std::vector<Word>>> fields;
  std::vector<std::pair<Word, Word>> rows;
};

/// `cache: {ttl: 60s, negative: 5s, max: 10000}`
struct Cache {
  Word at;
  std::optional<Word> ttl, negative, max;
};

struct Console {
  std::optional<Word> icon, menu;
  std::vector<Word> columns;
};

/// `use: [address, {address: billing}]`
struct Use {
  Word mixin;
  std::optional<Word> prefix;
};

/// Parts of entities that several of them have.
struct Mixin {
  Word name;
  std::optional<Word> doc;
  std::vector<Use> uses;
  std::vector<Field> fields;
  std::vector<Relation> relations;  ///< belongs_to only
  std::vector<Index> indexes;
  Keep keep;
  List list;  ///< Without page sizes.
};

struct Entity {
  Word name;
  std::optional<Word> doc, plural, id, renamed_from;
  std::vector<Use> uses;
  std::vector<Field> fields;
  std::vector<Relation> relations;
  std::vector<Index> indexes;
  Keep keep;
  List list;
  std::optional<CsvImport> import;
  std::vector<Action> actions;
  std::vector<Event> events;
  std::optional<Access> access;
  std::optional<Cache> cache;
  Console console;
};

struct Enum {
  Word name;
  std::optional<Word> doc;
  std::vector<Word> values;
  std::vector<RenamedValue> renamed_values;
};

/// `jobs: {nightly_totals: {cron: "0 3 * * *"}}`
struct Job {
  Word name;
  std::optional<Word> cron, missed, timeout, doc;
  std::optional<Flag> atomic;
};

struct Schema {
  std::optional<Word> service, doc;
  std::vector<Word> includes;  ///< Of the schema's own file; what they bring is below.
  std::vector<Enum> enums;
  std::vector<Mixin> mixins;
  std::vector<Entity> entities;
  std::vector<Subscriber> subscribers;
  std::vector<Job> jobs;  ///< Of the schema's own file.
  /// By `Position::file`: "" for the schema itself, the others from its folder on:
  /// "sales/invoice.yaml".
  std::vector<std::string> files;
};

}  // namespace kitgen::schema
