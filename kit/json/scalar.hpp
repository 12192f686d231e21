// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "kit/base/decimal.hpp"
#include "kit/base/id.hpp"
#include "kit/base/time.hpp"
#include "kit/base/uuid.hpp"
#include "kit/json/reader.hpp"

namespace kit::json {

/// What the C++ type of a field does not say about its JSON form.
struct Format {
  enum class Text : std::uint8_t { plain, json, base64 };
  Text text = Text::plain;
  int precision = 0;  ///< Of decimals.
  int scale = 0;
};

/// No array of a field is longer, whatever its schema says.
inline constexpr std::size_t max_elements = 1'000;

// Each reads the value at the reader's place. False, with what is wrong in `problem` ("must be a
// string"), when it is of another kind or out of range; the reader then stands before or behind it,
// so that the next member can be read, or has failed.
bool read_json(Reader& in, std::string& value, const Format& format, std::string& problem);
bool read_json(Reader& in, bool& value, const Format& format, std::string& problem);
bool read_json(Reader& in, std::int32_t& value, const Format& format, std::string& problem);
bool read_json(Reader& in, std::int64_t& value, const Format& format, std::string& problem);
bool read_json(Reader& in, float& value, const Format& format, std::string& problem);
bool read_json(Reader& in, double& value, const Format& format, std::string& problem);
bool read_json(Reader& in, Decimal& value, const Format& format, std::string& problem);
bool read_json(Reader& in, Timestamp& value, const Format& format, std::string& problem);
bool read_json(Reader& in, Date& value, const Format& format, std::string& problem);
bool read_json(Reader& in, TimeOfDay& value, const Format& format, std::string& problem);
bool read_json(Reader& in, std::chrono::microseconds& value, const Format& format,
               std::string& problem);
bool read_json(Reader& in, Uuid& value, const Format& format, std::string& problem);

/// The names of an enum as "draft, paid, refunded", for messages.
template <class E>
std::string enum_names() {
  std::string names;
  for (const std::string_view name : names_of(E{})) {
    if (!names.empty()) names += ", ";
    names += name;
  }
  return names;
}

template <class E>
  requires std::is_enum_v<E>
bool read_json(Reader& in, E& value, const Format&, std::string& problem) {
  const std::optional<std::string_view> text = in.try_string();
  if (text && parse(*text, value)) return true;
  problem = "must be one of " + enum_names<E>();
  return false;
}

template <class Tag, class Rep>
bool read_json(Reader& in, Id<Tag, Rep>& id, const Format& format, std::string& problem) {
  Rep value{};
  if (!read_json(in, value, format, problem)) return false;
  id = Id<Tag, Rep>(value);
  return true;
}

namespace detail {
bool begin_elements(Reader& in, std::string& problem);
bool refuse_element(Reader& in, std::size_t index, std::string& problem);
bool refuse_count(Reader& in, std::string& problem);
}  // namespace detail

/// "element 3 must be a string"; null is no element.
template <class T>
bool read_json(Reader& in, std::vector<T>& values, const Format& format, std::string& problem) {
  if (!detail::begin_elements(in, problem)) return false;
  values.clear();
  while (in.next_element()) {
    if (values.size() == max_elements) return detail::refuse_count(in, problem);
    T value{};
    if (!read_json(in, value, format, problem)) {
      return detail::refuse_element(in, values.size(), problem);
    }
    values.push_back(std::move(value));
  }
  return !in.failed();
}

template <class T>
bool read_json(Reader& in, std::optional<T>& value, const Format& format, std::string& problem) {
  if (in.try_null()) {
    value.reset();
    return true;
  }
  return read_json(in, value.emplace(), format, problem);
}

}  // namespace kit::json
