// SPDX-License-Identifier: Apache-2.0
#include "kit/record/page.hpp"

namespace kit::record::detail {
namespace {

template <class T>
void sort_unique_of(std::vector<T>& ids) {
  std::ranges::sort(ids);
  ids.erase(std::ranges::unique(ids).begin(), ids.end());
}

}  // namespace

void sort_unique(std::vector<std::int64_t>& ids) {
  sort_unique_of(ids);
}

void sort_unique(std::vector<Uuid>& ids) {
  sort_unique_of(ids);
}

}  // namespace kit::record::detail
