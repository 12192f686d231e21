// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "kit/base/decimal.hpp"
#include "kit/base/id.hpp"
#include "kit/base/time.hpp"
#include "kit/base/uuid.hpp"
#include "kit/json/reader.hpp"

namespace kit::rest {

/// What the C++ type of a field does not say about its JSON form.
struct Format {
  enum class Text : std::uint8_t { plain, json, base64 };
  Text text = Text::plain;
  int precision = 0;  ///< Of decimals.
  int scale = 0;
};

// Each reads the value at the reader's place. False, with what is wrong in `problem` ("must be a
// string"), when it is of another kind or out of range; the reader then still stands before it or
// has failed.
bool read_json(json::Reader& in, std::string& value, const Format& format, std::string& problem);
bool read_json(json::Reader& in, bool& value, const Format& format, std::string& problem);
bool read_json(json::Reader& in, std::int32_t& value, const Format& format, std::string& problem);
bool read_json(json::Reader& in, std::int64_t& value, const Format& format, std::string& problem);
bool read_json(json::Reader& in, float& value, const Format& format, std::string& problem);
bool read_json(json::Reader& in, double& value, const Format& format, std::string& problem);
bool read_json(json::Reader& in, Decimal& value, const Format& format, std::string& problem);
bool read_json(json::Reader& in, Timestamp& value, const Format& format, std::string& problem);
bool read_json(json::Reader& in, Date& value, const Format& format, std::string& problem);
bool read_json(json::Reader& in, TimeOfDay& value, const Format& format, std::string& problem);
bool read_json(json::Reader& in, std::chrono::microseconds& value, const Format& format,
               std::string& problem);
bool read_json(json::Reader& in, Uuid& value, const Format& format, std::string& problem);

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
bool read_json(json::Reader& in, E& value, const Format&, std::string& problem) {
  const std::optional<std::string_view> text = in.try_string();
  if (text && parse(*text, value)) return true;
  problem = "must be one of " + enum_names<E>();
  return false;
}

template <class Tag, class Rep>
bool read_json(json::Reader& in, Id<Tag, Rep>& id, const Format& format, std::string& problem) {
  Rep value{};
  if (!read_json(in, value, format, problem)) return false;
  id = Id<Tag, Rep>(value);
  return true;
}

template <class T>
bool read_json(json::Reader& in, std::optional<T>& value, const Format& format,
               std::string& problem) {
  if (in.try_null()) {
    value.reset();
    return true;
  }
  return read_json(in, value.emplace(), format, problem);
}

/// What can be done with a member whatever its type.
struct Codec {
  bool (*read)(json::Reader& in, void* member, const Format& format, std::string& problem);
  void (*copy)(const void* from, void* to);
  bool (*equal)(const void* a, const void* b);
  bool is_optional;
};

namespace detail {
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
}  // namespace detail

template <class T>
inline constexpr Codec codec = {
    [](json::Reader& in, void* member, const Format& format, std::string& problem) {
      return read_json(in, *static_cast<T*>(member), format, problem);
    },
    [](const void* from, void* to) { *static_cast<T*>(to) = *static_cast<const T*>(from); },
    [](const void* a, const void* b) {
      return *static_cast<const T*>(a) == *static_cast<const T*>(b);
    },
    detail::is_optional<T>,
};

}  // namespace kit::rest
