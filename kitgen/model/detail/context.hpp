// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "kit/base/decimal.hpp"
#include "kitgen/model/load.hpp"
#include "kitgen/model/model.hpp"
#include "kitgen/schema/syntax.hpp"

/// The steps from syntax to model. Each adds to the service of the context and tells what is wrong;
/// after an error it goes on with what is there, so that one run finds all errors. Inner header of
/// kitgen/model.
namespace kitgen::model {

using schema::Word;

/// Names of one scope: which are taken, case folded, and by what.
class NameScope {
 public:
  /// Tells a clash; `what` is "field 'email'". Returns whether the name was free.
  bool declare(std::string_view name, const Word& word, const std::string& what,
               schema::Diagnostics& diagnostics);
  /// The same without a word where a clash was told already.
  void add(std::string_view name, const Word& word, std::string what);

 private:
  struct Taken {
    std::string name;
    std::string what;
    schema::Position at;
  };
  std::unordered_map<std::string, Taken> taken_;
};

/// What the model does not keep of an entity but later steps need for messages.
struct EntityNotes {
  std::vector<Word> field_words;  ///< As Entity::fields: the word that made the field.
  std::vector<const schema::Relation*> relation_syntax;  ///< As Entity::relations.
  NameScope members;  ///< Fields and relations: both are keys of the entity's JSON.
  std::unordered_map<std::string, std::size_t> field_by_name;
  std::unordered_map<std::string, std::size_t> relation_by_name;

  void add_field_name(const std::string& name, const Word& word) {
    field_by_name.try_emplace(name, field_words.size());
    field_words.push_back(word);
  }
};

struct Context {
  const schema::Schema& syntax;
  schema::Diagnostics& diagnostics;
  Service service;
  std::vector<EntityNotes> notes;  ///< As Service::entities; the same order as in the syntax.
  std::unordered_map<std::string, std::size_t> entity_by_name;
  std::unordered_map<std::string, std::size_t> enum_by_name;
  std::size_t pattern_bytes = 0;  ///< Of all patterns so far: each costs a compilation.
  NameScope types;                ///< Every type the generated C++ declares.

  std::vector<std::string> entity_names() const;
  std::vector<std::string> field_names(std::size_t entity) const;
  /// An entity by the name a word gives, or none with an error. `used_as`: "relation 'artist'".
  std::size_t find_entity(const Word& word, std::string_view used_as);
  /// Index in Entity::fields, or none.
  std::size_t field_index(std::size_t entity, const std::string& name) const;
  bool is_computed(std::size_t entity, const std::string& name) const;
  /// Or null.
  const Relation* find_relation(std::size_t entity, const std::string& name) const;
};

// names.cpp
void build_header(Context& context);
void build_enums(Context& context);
std::vector<EnumValue> make_enum_values(Context& context, const std::vector<Word>& words,
                                        const std::vector<schema::RenamedValue>& renamed);
void name_entities(Context& context);
/// Tells what is wrong with a snake_case name of kind `what` ("field"); every language's reserved
/// words when `strict`.
void check_snake_name(Context& context, const Word& word, std::string_view what, bool strict);
void check_pascal_name(Context& context, const Word& word, std::string_view what);

// mixins.cpp
/// Puts the parts of mixins into the entities that use them. What clashes is told with both places
/// and left out.
void expand_mixins(schema::Schema& schema, schema::Diagnostics& diagnostics);
/// Tells types that no field can have in mixins that no entity uses.
void check_unused_mixins(Context& context);

// types.cpp
/// A type word's meaning.
struct TypeSpec {
  enum class Family { scalar, money, geo, file, image, inline_enum };
  Family family = Family::scalar;
  Scalar scalar = Scalar::string;
  int precision = 0;
  int scale = 0;
  std::size_t enum_index = none;
};
std::optional<TypeSpec> parse_type(Context& context, const Word& type);
/// Every type of the language by its name.
std::vector<std::string_view> type_names();
/// Fills everything of a field that follows from its type, array-ness, optional, enum, entity: type
/// strings of all languages.
void set_type_names(const Service& service, Field& field);
std::string_view scalar_name(Scalar scalar);
/// Whether values of the type have an order worth sorting and comparing by.
bool is_ordered(const Field& field);
bool can_filter(const Field& field);
bool can_sort(const Field& field);
Operators operators_of(const Field& field);

// literal.cpp
using Comparable = std::variant<std::monostate, std::int64_t, double, kit::Decimal>;
struct ParsedLiteral {
  Literal literal;
  Comparable value;
};
/// The word as a value of the field's type; otherwise `why` says what is wrong ("is not a whole
/// number").
std::optional<ParsedLiteral> parse_literal(const Service& service, const Field& field,
                                           const Word& word, std::string& why);
/// a < b for values of the same type.
bool less(const Comparable& a, const Comparable& b);

// constraints.cpp
/// Reads min, max, lengths, pattern, format, default and the flags of a field whose type is set.
void read_constraints(Context& context, const schema::Field& syntax, Field& field);

/// `backfill: {field: phone}`; whether that field exists is known where the change is.
Backfill former_field(Context& context, const Word& word);
// items.cpp
/// Reads what only arrays have: the constraints of their elements and a default that is a list.
void read_items(Context& context, const schema::Field& syntax, Field& field);
/// Tells such keys on a field that is no array.
void refuse_array_keys(Context& context, const schema::Field& syntax);

// fields.cpp
void build_fields(Context& context, std::size_t entity);
/// The model's fields for a field of the schema: one, or two for money and geo. Empty after an
/// error.
std::vector<Field> make_fields(Context& context, const schema::Field& syntax,
                               const std::string& owner);
void add_field(Context& context, std::size_t entity, Field field, const Word& word,
               const std::string& what);
void add_automatic_fields(Context& context, std::size_t entity);
// computed.cpp
/// After every field of the entity is there.
void build_computed(Context& context, std::size_t entity);
// fields.cpp
/// Decisions that follow from the flags of a field.
void decide(Field& field);
Field make_id_field(const Service& service, std::size_t entity, std::string name);

// relations.cpp
void build_belongs_to(Context& context, std::size_t entity);
void build_other_relations(Context& context, std::size_t entity);

// options.cpp
void build_options(Context& context, std::size_t entity);  ///< list, console
// running.cpp
void build_cache(Context& context, std::size_t entity);
void build_jobs(Context& context);
// access.cpp
void build_access(Context& context, std::size_t entity);  ///< Behind the relations of all entities.
// indexes.cpp
void build_indexes(Context& context, std::size_t entity);
std::string limited_name(std::string name);
// import.cpp
void build_import(Context& context, std::size_t entity);
// actions.cpp
void build_actions(Context& context, std::size_t entity);
// subscribers.cpp
void build_subscribers(Context& context);  ///< Behind the actions of all entities.
// tables.cpp
void build_tables(Context& context);
void collect_includes(Service& service);

}  // namespace kitgen::model
