// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/access.hpp"

#include <algorithm>

namespace kit::rest {

FieldMask visible_fields(const record::AccessRules& rules, std::size_t fields) {
  if (record::allows_every_field(rules)) return {};
  FieldMask visible = FieldMask::none(fields);
  for (std::size_t i = 0; i < fields; ++i) {
    const auto rule = std::ranges::find(rules.fields, i, &record::FieldRule::place);
    if (rule == rules.fields.end() || record::allows_field(rules, *rule)) visible.add(i);
  }
  return visible;
}

}  // namespace kit::rest
