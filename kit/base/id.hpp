// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <string_view>  // for std::hash

namespace kit {

/// The identity of one kind of thing; ids of different kinds don't mix: `using UserId =
/// kit::Id<struct UserTag>;`. Zero is "not stored yet": sequences start at 1.
template <class Tag, class Rep = std::int64_t>
class Id {
 public:
  using rep = Rep;
  constexpr Id() = default;
  constexpr explicit Id(Rep value) : value_(value) {}
  constexpr const Rep& value() const { return value_; }
  friend constexpr auto operator<=>(const Id&, const Id&) = default;

 private:
  Rep value_{};
};

}  // namespace kit

template <class Tag, class Rep>
struct std::hash<kit::Id<Tag, Rep>> {
  std::size_t operator()(const kit::Id<Tag, Rep>& id) const noexcept {
    return std::hash<Rep>{}(id.value());
  }
};
