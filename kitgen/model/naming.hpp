// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kitgen::model {

inline constexpr std::size_t max_name_length = 63;

/// ^[A-Za-z][A-Za-z0-9_]{0,62}$: what every target language takes as a name.
bool is_identifier(std::string_view name);
/// An identifier of lower-case words joined by single underscores: first_name.
bool is_snake_case(std::string_view name);
/// An identifier of words that start upper-case, without underscores: MediaType.
bool is_pascal_case(std::string_view name);

/// MediaType -> media_type, HTTPServer -> http_server, Iso3166 -> iso3166. snake_case stays.
std::string to_snake(std::string_view name);
/// media_type -> MediaType. PascalCase stays.
std::string to_pascal(std::string_view name);
/// media_type -> mediaType
std::string to_camel(std::string_view snake);
/// media_type -> MEDIA_TYPE
std::string to_upper(std::string_view snake);
/// media_type -> "Media type"
std::string to_label(std::string_view snake);
/// The same inside a sentence: "media type"
std::string to_words(std::string_view snake);
/// "an invoice line", "a unit": by how English words of such letters are mostly spoken.
std::string with_article(std::string_view words);

/// English plural of the last word of a snake_case name: category -> categories, media_type ->
/// media_types, address -> addresses, person -> people, staff -> staff.
std::string pluralise(std::string_view snake);
/// The other way round, as far as the rules of `pluralise` go: categories -> category.
std::string singularise(std::string_view snake);

/// Why a name may not be used, as "a reserved word of C++ and SQL", or nothing. Matches in any case
/// where the language does.
std::optional<std::string> reserved_in(std::string_view name);
/// Whether it is a C++ keyword or a name C++ keeps for itself or the generated code's environment
/// uses.
bool is_cpp_word(std::string_view name);
/// Why a service, which is a namespace, a program and a target of CMake, cannot have this name
/// beyond what `reserved_in` says: "a target that every CMake build has", or nothing.
std::optional<std::string> reserved_for_services(std::string_view name);
/// Names of types that generated TypeScript or C++ needs for itself: Promise, Date, Error ...
bool is_taken_type_name(std::string_view pascal);

}  // namespace kitgen::model
