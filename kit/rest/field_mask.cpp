// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/field_mask.hpp"

#include "kit/base/assert.hpp"

namespace kit::rest {

FieldMask FieldMask::operator&(const FieldMask& other) const {
  if (is_all()) return other;
  if (other.is_all()) return *this;
  KIT_ASSERT(words_.size() == other.words_.size(), "masks of two answers");
  FieldMask both = *this;
  for (std::size_t i = 0; i < words_.size(); ++i) both.words_[i] &= other.words_[i];
  return both;
}

}  // namespace kit::rest
