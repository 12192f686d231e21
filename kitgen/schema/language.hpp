// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

/// The keys of the schema language in one table: for the JSON Schema that editors complete by. A
/// test holds it to what the reader takes.
namespace kitgen::schema {

/// What the value of a key looks like.
enum class Shape {
  anything,  ///< Of several forms: only its sentence is shown.
  text,      ///< Any single value.
  number,    ///< A whole number.
  flag,      ///< true or false.
  name,      ///< A name in snake_case.
  entity,    ///< The name of an entity or event, in PascalCase.
  choice,    ///< One of `Key::choices`.
  type,      ///< A type, or [type].
  words,     ///< A list of names; one alone stands for a list of one.
  names,     ///< A mapping: names to names or texts.
  lists,     ///< A mapping: names to lists of names.
  one,       ///< A mapping of the kind `Key::of`.
  many,      ///< A mapping: names to mappings of the kind `Key::of`.
  groups,    ///< A mapping: names to what `many` takes.
  list,      ///< A list of mappings of the kind `Key::of`.
};

struct Key {
  std::string_view name;
  Shape shape;
  std::string_view doc;           ///< One or two sentences.
  std::string_view of = {};       ///< `Mapping::name`
  std::string_view choices = {};  ///< Separated by blanks.
  bool required = false;
};

/// One kind of mapping in a schema.
struct Mapping {
  std::string_view name;  ///< "field"
  std::string_view what;  ///< As messages call it: "a field"
  std::string_view doc;
  std::span<const Key> keys;
  /// What may stand instead of the mapping: a value of this shape.
  Shape short_form = Shape::one;  ///< `one`: nothing else.
  std::string_view short_doc = {};
};

/// The schema first, then the others.
std::span<const Mapping> language();

}  // namespace kitgen::schema
