// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kit/db/list_query.hpp"
#include "kit/rest/codec.hpp"

namespace kit::rest {

/// How the text of a query parameter becomes the stored form of a column's value.
struct ValueType {
  enum class Operators : std::uint8_t {
    flag,      ///< eq
    choice,    ///< eq ne in
    text,      ///< eq ne in contains like
    ordered,   ///< eq ne gt gte lt lte in
    elements,  ///< has
  };
  /// `scale` is of decimals only.
  std::optional<db::Value> (*parse)(std::string_view text, int scale);
  /// "a whole number"
  std::string (*expected)();
  Operators operators;
};

extern const ValueType text_value;
extern const ValueType bool_value;
extern const ValueType int64_value;
extern const ValueType double_value;
extern const ValueType decimal_value;
extern const ValueType date_value;
extern const ValueType time_value;
extern const ValueType timestamp_value;
extern const ValueType duration_value;
extern const ValueType uuid_value;

/// Values of an enum: their names.
template <class E>
inline constexpr ValueType enum_value = {
    [](std::string_view text, int) -> std::optional<db::Value> {
      E value{};
      if (!parse(text, value)) return std::nullopt;
      return db::Value(std::string(text));
    },
    [] { return "one of " + enum_names<E>(); },
    ValueType::Operators::choice,
};

// For arrays: what an element is compared with, in the form that elements have in the stored JSON.
extern const ValueType text_elements;
extern const ValueType bool_elements;
extern const ValueType int64_elements;
extern const ValueType double_elements;
extern const ValueType decimal_elements;
extern const ValueType date_elements;
extern const ValueType time_elements;
extern const ValueType timestamp_elements;
extern const ValueType duration_elements;
extern const ValueType uuid_elements;

template <class E>
inline constexpr ValueType enum_elements = {enum_value<E>.parse, enum_value<E>.expected,
                                            ValueType::Operators::elements};

}  // namespace kit::rest
