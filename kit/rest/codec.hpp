// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "kit/json/scalar.hpp"

namespace kit::rest {

using json::enum_names;
using json::Format;
using json::read_json;

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
