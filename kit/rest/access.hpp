// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "kit/base/caller.hpp"
#include "kit/record/access.hpp"
#include "kit/rest/field_mask.hpp"

namespace kit::rest {

using kit::Caller;

/// The fields of an entity that the caller sees and writes; `fields`: how many it has.
FieldMask visible_fields(const record::AccessRules& rules, std::size_t fields);

/// The same; without rules, all of them.
inline FieldMask writable_fields(const record::AccessRules* rules, std::size_t fields) {
  return rules != nullptr ? visible_fields(*rules, fields) : FieldMask();
}

}  // namespace kit::rest
