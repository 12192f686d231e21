// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "kit/base/uuid.hpp"

namespace kit::record {

/// One page of a list.
template <class T>
struct Page {
  std::vector<T> items;
  std::optional<std::string> next_cursor;  ///< Nothing: this is the last page.
  std::optional<std::int64_t> total;       ///< When it was asked for.
};

namespace detail {
/// In order, each once. Not a template: sorting is what costs most to compile.
void sort_unique(std::vector<std::int64_t>& ids);
void sort_unique(std::vector<Uuid>& ids);

template <class T>
struct IdOf {
  using type = T;
};
template <class T>
struct IdOf<std::optional<T>> {
  using type = T;
};
}  // namespace detail

/// The different ids that `member` of `items` refers to, in order.
template <class T, class Member>
auto referred_ids(const std::vector<T>& items, Member T::* member) {
  using Id = typename detail::IdOf<Member>::type;
  std::vector<typename Id::rep> ids;
  ids.reserve(items.size());
  for (const T& item : items) {
    if constexpr (std::is_same_v<Member, Id>) {
      ids.push_back((item.*member).value());
    } else if (item.*member) {
      ids.push_back((item.*member)->value());
    }
  }
  detail::sort_unique(ids);
  return std::vector<Id>(ids.begin(), ids.end());
}

/// The one with that id among `items`, which are ordered by id; null when there is none.
template <class T, class Id>
const T* find_by_id(const std::vector<T>& items, const Id& id) {
  const auto found = std::ranges::lower_bound(items, id, {}, &T::id);
  return found != items.end() && found->id == id ? &*found : nullptr;
}
template <class T, class Id>
const T* find_by_id(const std::vector<T>& items, const std::optional<Id>& id) {
  return id ? find_by_id(items, *id) : nullptr;
}

}  // namespace kit::record
